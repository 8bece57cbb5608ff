"""Hidden by policy: what a kind marks `writeOnly` is shown to nobody, and decided all the same."""

import base64
import json
import uuid
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from temporalio.client import WorkflowHistory

from approvals import bulk, payload
from approvals.cautions import cautions
from approvals.filters import says
from approvals.hidden import hides_in, secrets, veiled, veils, without
from approvals.hidden_runs import RunVeil, _asked_of
from approvals.models import Approval, Kind, PolicyCheck, WorkflowRun
from approvals.pairing import pairs
from orchestrator import client as temporal
from orchestrator import contract
from orchestrator.contract import Request, Run
from orchestrator.timeline import Event, visible
from tests.desk import a_row, an_opened

pytestmark = pytest.mark.usefixtures("away")

WORDS = "Hidden by policy"
SCHEMA = {
    "type": "object",
    "properties": {
        "amount": {"type": "string", "format": "money"},
        "pin": {"type": "string", "writeOnly": True, "maxLength": 20},
        "card": {
            "type": "object",
            "properties": {"number": {"type": "string", "writeOnly": True}},
        },
        "keys": {
            "type": "array",
            "items": {"properties": {"name": {}, "token": {"writeOnly": True}}},
        },
    },
}
PAYLOAD = {
    "amount": "€120.00",
    "pin": "hush-2718",
    "card": {"holder": "Ada", "number": "hush-4111"},
    "keys": [{"name": "one", "token": "hush-first"}, {"name": "two", "token": "hush-second"}],
}
BEFORE = {
    "amount": "€110.00",
    "pin": "hush-1618",
    "card": {"holder": "Ada", "number": "hush-4111"},
    "keys": [{"name": "one", "token": "hush-zeroth"}],
}
SECRETS = 4


@pytest.fixture
def kind(people) -> Kind:
    return Kind.objects.create(
        slug="card", name="Card", schema=SCHEMA, title_template="Pay {amount}", queue=people.general
    )


@pytest.fixture
def row(people, kind) -> Approval:
    return a_row(
        people, kind="card", payload=PAYLOAD, previous=BEFORE, risk="high", requester="amira",
        requester_user=people.amira, requester_identity="amira",
    )  # fmt: skip


@pytest.fixture
def amira(people, client):
    client.force_login(people.amira, "approvals.accounts.Accounts")
    return client


class TestSchemas:
    def test_hide_values_however_deep(self):
        assert veiled(PAYLOAD, veils(SCHEMA)) == {
            "amount": "€120.00",
            "pin": WORDS,
            "card": {"holder": "Ada", "number": WORDS},
            "keys": [{"name": "one", "token": WORDS}, {"name": "two", "token": WORDS}],
        }
        assert without(PAYLOAD, veils(SCHEMA))["keys"] == [{"name": "one"}, {"name": "two"}]
        assert secrets(PAYLOAD, veils(SCHEMA)) == [
            "hush-2718", "hush-4111", "hush-first", "hush-second",
        ]  # fmt: skip

    @pytest.mark.parametrize(
        "schema",
        [
            {"patternProperties": {"^p": {"writeOnly": True}}},
            {"additionalProperties": {"writeOnly": True}},
            {"unevaluatedProperties": {"writeOnly": True}},
            {"allOf": [{"properties": {"pin": {"writeOnly": True}}}]},
            {"anyOf": [{}, {"oneOf": [{"properties": {"pin": {"writeOnly": True}}}]}]},
            {"if": {}, "then": {"properties": {"pin": {"writeOnly": True}}}},
            {"dependentSchemas": {"amount": {"properties": {"pin": {"writeOnly": True}}}}},
            {"properties": {"pin": {"anyOf": [{"type": "null"}, {"writeOnly": True}]}}},
            {"properties": {"pin": {"prefixItems": [{"writeOnly": True}]}}},
            {"properties": {"pin": {"items": {"contains": {"writeOnly": True}}}}},
        ],
    )
    def test_hide_wherever_they_may_speak_of_it(self, schema):
        value = {"pin": [["hush"]]} if "items" in str(schema) else {"pin": ["hush"]}
        assert "hush" not in str(veiled(value, veils(schema)))
        assert "hush" not in str(without(value, veils(schema)))
        assert hides_in(schema, "pin")

    def test_that_hide_nothing_leave_everything(self):
        schema = {"properties": {"pin": {"writeOnly": False}}}
        assert veiled(PAYLOAD, veils(schema)) is PAYLOAD

    def test_cannot_hide_all_of_it(self, kind):
        for schema in ({"writeOnly": True}, {"allOf": [{"writeOnly": True}]}):
            kind.schema = {"type": "object", **schema}
            with pytest.raises(ValidationError, match="not all of them"):
                kind.full_clean()

    def test_hide_all_of_it_where_one_slipped_in(self):
        schema = {"writeOnly": True}
        assert veiled(PAYLOAD, veils(schema)) == WORDS
        assert without(PAYLOAD, veils(schema)) == {}
        assert "hush" not in str(payload.read(PAYLOAD, BEFORE, schema=schema))

    def test_hold_no_reference_that_could_lead_to_it(self, kind):
        kind.schema = {"type": "object", "properties": {"pin": {"$dynamicRef": "#pin"}}}
        with pytest.raises(ValidationError, match="not supported"):
            kind.full_clean()


class TestSheet:
    def test_says_that_it_changed_and_not_from_what_to_what(self):
        sheet = payload.read(PAYLOAD, BEFORE, schema=SCHEMA)
        rows = {each.path: each for each in sheet.changed}
        assert rows["/pin"].was is None
        assert (rows["/pin"].now.text, rows["/pin"].note) == (WORDS, "(changed)")
        assert rows["/keys/1/token"].change == "added"
        assert "/card/number" not in rows
        assert "hush" not in str(sheet)
        assert sheet.veiled == SECRETS

    def test_says_of_a_file_that_is_hidden_in_part_nothing_that_is_untrue(self):
        content = {"type": "string", "contentEncoding": "base64", "writeOnly": True}
        schema = {"properties": {"scan": {"properties": {"name": {}, "content": content}}}}
        sheet = payload.read({"scan": {"name": "a.pdf", "content": "aHVzaA=="}}, schema=schema)
        (row,) = sheet.rest
        assert (row.now.shown.flags, sheet.veiled) == ((), 1)
        assert "a.pdf" in row.now.text
        assert "aHVzaA==" not in row.now.text

    def test_hides_what_lies_too_deep_for_rows_of_its_own(self):
        deep = {"properties": {"pin": {"writeOnly": True}}}
        for name in "dcba":
            deep = {"properties": {name: deep}}
        one, other = ({"a": {"b": {"c": {"d": {"pin": each}}}}} for each in ("hush-1", "hush-2"))
        (row,) = payload.read(one, other, schema=deep).changed
        assert (row.was, row.note) == (None, "(changed)")
        assert WORDS in row.now.text

    def test_is_complete_although_a_hidden_value_is_long(self, people, kind):
        long = {"pin": "hush" * 2000}
        sheet = payload.read(long, schema=SCHEMA)
        assert (sheet.complete, sheet.hidden) == (True, 0)

    def test_cautions_say_nothing_of_it(self, people, kind):
        row = a_row(people, kind="card", payload={"pin": "https://pаypal.com/"})
        assert cautions(row, people.mei)
        assert not cautions(row, people.mei, SCHEMA)

    def test_the_sum_of_several_leaves_it_out(self, people, kind):
        schema = {"type": "object", "properties": {"amount": {"writeOnly": True}}}
        Kind.objects.update(schema=schema)
        rows = [a_row(people, kind="card", payload={"amount": "€7.00"}) for _n in range(2)]
        assert bulk.Selection(people.mei, [str(each.pk) for each in rows]).total == ""

    def test_nobody_pairs_what_others_hide_either(self):
        found = list(pairs(BEFORE, PAYLOAD, None, [SCHEMA]))
        assert "hush" not in str(found)


class TestPages:
    """Everybody who looks: the reviewer, who asked, an administrator."""

    @pytest.fixture(params=["mei", "amira", "kim"])
    def reader(self, request, people, client):
        User.objects.create(username="kim", is_staff=True, is_superuser=True)
        user = User.objects.get(username=request.param)
        client.force_login(user, "approvals.accounts.Accounts")
        return client

    def test_show_words_in_its_place(self, reader, row):
        page = reader.get(f"/approvals/{row.pk}/").content.decode()
        assert "hush" not in page
        assert page.count(WORDS) > SECRETS  # the rows, and the JSON
        assert f"{SECRETS} values are hidden from everybody here" in page

    @pytest.mark.parametrize("query", ["?compare=none", "?all=1", "?compare=approved"])
    def test_whatever_it_is_compared_with(self, reader, people, row, query):
        now = timezone.now()
        a_row(people, kind="card", payload=BEFORE, state="approved",
              closed_at=row.opened_at - timedelta(hours=1), settled_at=now)  # fmt: skip
        assert "hush" not in reader.get(f"/approvals/{row.pk}/{query}").content.decode()

    def test_the_file_has_it_not_and_says_so(self, reader, row):
        file = reader.get(f"/approvals/{row.pk}/payload.json")
        assert json.loads(file.content) == veiled(PAYLOAD, veils(SCHEMA))
        assert "so its hash is another one" in reader.get(f"/approvals/{row.pk}/").content.decode()

    @pytest.mark.parametrize("page", ["/inbox/", "/history/", "/history/export.csv", "/requests/"])
    def test_no_list_has_it(self, reader, row, page):
        for state in ("waiting", "approved"):
            closed_at = timezone.now() if state == "approved" else None
            Approval.objects.update(state=state, closed_at=closed_at)
            answer = reader.get(page)
            text = b"".join(answer.streaming_content) if answer.streaming else answer.content
            assert b"hush" not in text


class TestRevision:
    """What it revises may be of a kind that it is not of itself."""

    @pytest.fixture
    def revision(self, people, row):
        Approval.objects.filter(pk=row.pk).update(state="rejected", closed_at=timezone.now())
        return a_row(people, payload={"amount": "€1.00"}, previous=PAYLOAD, revises=row)

    def test_hides_what_was_hidden_before(self, mei, people, revision):
        page = mei.get(f"/approvals/{revision.pk}/").content.decode()
        assert "€1.00" in page
        assert "hush" not in page
        assert "hush" not in mei.get("/inbox/bulk/", {"sel": revision.pk}).content.decode()

    def test_is_left_out_of_sums(self, people, row):
        schema = {"type": "object", "properties": {"amount": {"writeOnly": True}}}
        Kind.objects.update(schema=schema)
        rows = [a_row(people, payload={"amount": "€7.00"}, revises=each) for each in (row, None)]
        assert bulk.Selection(people.mei, [str(each.pk) for each in rows]).total == ""
        assert bulk.Selection(people.mei, [str(rows[1].pk)]).total

    def test_costs_no_queries_of_its_own_among_several(self, people, row):
        def cost(**values):
            names = [str(a_row(people, **values).pk) for _n in range(5)]
            with CaptureQueriesContext(connection) as asked:
                assert all(each.sheet for each in bulk.Selection(people.mei, names).items)
            return len(asked)

        cost()  # what a person may do is asked once
        assert cost(revises=row) == cost()

    @pytest.mark.parametrize("kind_of_its_own", ["", "plain", "wary"])
    def test_is_found_by_no_hidden_value(self, mei, people, revision, kind_of_its_own):
        for slug, hidden in (("plain", {}), ("wary", {"note": {"writeOnly": True}})):
            schema = {"type": "object", "properties": hidden}
            Kind.objects.create(slug=slug, name=slug, schema=schema, queue=people.general)
        secret, open_one = {"pin": "hush-3141"}, a_row(people, payload={"pin": "hush-3141"})
        Approval.objects.filter(pk=revision.pk).update(payload=secret, kind=kind_of_its_own)
        assert list(Approval.objects.filter(says("hush-3141"))) == [open_one]

    def test_of_the_same_kind_is_found_by_the_rest(self, people, revision):
        Approval.objects.filter(pk=revision.pk).update(kind="card", payload=PAYLOAD)
        assert revision in Approval.objects.filter(says("€120.00"))


class TestDecision:
    def test_is_not_made_on_a_fault_that_would_quote_it(self, mei, people, kind):
        Kind.objects.update(schema=SCHEMA | {"maxProperties": 1, "not": {"required": ["pin"]}})
        row = a_row(people, kind="card", payload=PAYLOAD)
        page = mei.get(f"/approvals/{row.pk}/").content.decode()
        assert "This is not what the schema says" in page
        assert "hush" not in page

    def test_binds_to_what_is_hidden(self, mei, people, row):
        Approval.objects.filter(pk=row.pk).update(risk="low")
        said = {"verdict": "approve", "sha": row.payload_sha256, "key": str(uuid.uuid4())}
        assert row.payload_sha256 == contract.sha256(PAYLOAD)
        mei.post(f"/approvals/{row.pk}/decision/", said)
        body = row.decisions.get().envelope["body"]
        assert body["payload_sha256"] == contract.sha256(PAYLOAD)

    def test_needs_no_look_at_a_long_hidden_value(self, mei, people, kind):
        row = a_row(people, kind="card", payload={"card": {"number": "hush" * 2000}})
        said = {"verdict": "approve", "sha": row.payload_sha256, "key": str(uuid.uuid4())}
        mei.post(f"/approvals/{row.pk}/decision/", said)
        assert row.decisions.count() == 1

    def test_is_asked_twice_without_it(self, mei, people, row):
        said = {"verdict": "approve", "sha": row.payload_sha256, "key": str(uuid.uuid4())}
        for headers in ({}, {"HX-Request": "true"}):
            answer = mei.post(f"/approvals/{row.pk}/decision/", said, headers=headers)
            assert "Approve payment?" in answer.content.decode()
            assert WORDS in answer.content.decode()
            assert "hush" not in answer.content.decode()

    def test_corrects_nothing_that_is_hidden(self, mei, people, kind):
        editable = ["amount", "pin", "card", "keys"]
        row = an_opened(kind="card", payload=PAYLOAD, editable=editable)
        page = mei.get(f"/approvals/{row.pk}/").content.decode()
        assert 'name="e-amount"' in page
        for name in editable[1:]:
            assert f'name="e-{name}"' not in page
        assert "hush" not in page
        with pytest.raises(Exception, match="Nobody may correct what is hidden: pin"):
            row.decide(people.mei, "correct", "Wrong.", edits={"pin": "x"})


class TestSearch:
    def test_finds_no_hidden_value(self, mei, people, row):
        other = a_row(people, payload={"pin": "hush-2718"}, title="Of no kind")
        Approval.objects.update(state="approved", closed_at=timezone.now())

        def found(text):
            page = mei.get("/history/", {"q": text}).content.decode()
            return [each for each in (row, other) if str(each.pk) in page]

        assert found("hush-2718") == [other]
        for secret in secrets(PAYLOAD, veils(SCHEMA))[1:]:
            assert found(secret) == []
        assert found("120.00") == [row]

    @pytest.mark.postgresql
    def test_neither_database_does(self, people, row):
        a_row(people, payload={"other": "hush-2718"}, title="Of no kind")
        assert Approval.objects.filter(says("hush-2718")).count() == 1
        assert Approval.objects.filter(says("hush-4111")).count() == 0
        assert Approval.objects.get(says("€120.00"), kind="card") == row

    @pytest.mark.parametrize(
        "schema",
        [
            {"properties": {'a"b': {"writeOnly": True}}},
            {"properties": {"é": {"writeOnly": True}}},
            {"patternProperties": {".": {"writeOnly": True}}},
        ],
    )
    def test_looks_into_nothing_where_it_could_miss_one(self, mei, people, row, schema):
        Kind.objects.update(schema={"type": "object", **schema})
        values = {'a"b': "hush-2718", "é": "hush-2718"}
        Approval.objects.update(state="approved", closed_at=timezone.now(), payload=values)
        assert str(row.pk) not in mei.get("/history/", {"q": "hush-2718"}).content.decode()


class TestTitle:
    def test_cannot_name_it(self, kind):
        for name in ("pin", "card"):
            kind.title_template = "Pay with {%s}" % name  # noqa: UP031 - braces
            with pytest.raises(ValidationError, match="nobody may read"):
                kind.full_clean()

    def test_leaves_it_out(self, kind):
        kind.title_template = "Pay {amount} with {pin}"
        assert kind.title(PAYLOAD) == "Pay €120.00 with …"


class TestStart:
    def test_another_like_this_begins_without_it(self, amira, people, row):
        for query in ("", "&mode=json", "&kind=", "&kind=card"):
            page = amira.get(f"/start/?like={row.pk}{query}").content.decode()
            assert "120.00" in page
            assert "hush" not in page
            assert WORDS not in page

    def test_a_revision_does_too(self, amira, people, row):
        Approval.objects.update(state="rejected", closed_at=timezone.now())
        Kind.objects.update(active=False)  # so that it is a free form
        page = amira.get(f"/start/?revises={row.pk}").content.decode()
        assert "120.00" in page
        assert "hush" not in page

    def test_says_what_becomes_of_it(self, amira, kind):
        page = amira.get("/start/?kind=card").content.decode()
        assert page.count("Nobody is shown it again.") == 1
        assert page.count("Nobody is shown all of it again.") == 2


def told(run: Run, **request) -> list:
    """The history of a workflow that asks, talks and fails, as Temporal keeps it."""
    asked = {"title": "Pay", "payload": PAYLOAD, "previous": BEFORE, **request}

    def payloads(*values):
        encoded = [base64.b64encode(json.dumps(each).encode()).decode() for each in values]
        return {
            "payloads": [
                {"metadata": {"encoding": "anNvbi9wbGFpbg=="}, "data": each} for each in encoded
            ]
        }

    def event(number, kind, name, **its):
        return {"eventId": str(number), "eventTime": "2026-09-16T12:00:00Z",
                "eventType": f"EVENT_TYPE_{kind}", f"{name}EventAttributes": its}  # fmt: skip

    events = [
        event(1, "WORKFLOW_EXECUTION_STARTED", "workflowExecutionStarted",
              workflowType={"name": run.workflow_type}, input=payloads(asked)),
        event(2, "ACTIVITY_TASK_SCHEDULED", "activityTaskScheduled", activityId="1",
              activityType={"name": "charge"}, input=payloads({"pin of it": PAYLOAD["pin"]}, 7)),
        event(3, "ACTIVITY_TASK_COMPLETED", "activityTaskCompleted", scheduledEventId="2",
              result=payloads({"payload": PAYLOAD, "said": f"charged {PAYLOAD['pin']}"})),
        event(4, "WORKFLOW_EXECUTION_FAILED", "workflowExecutionFailed",
              failure={"message": "No card hush-4111", "stackTrace": "at hush-4111",
                       "applicationFailureInfo": {"type": "Refused"}}),
    ]  # fmt: skip
    return list(WorkflowHistory.from_json("any", json.dumps({"events": events})).events)


def shown(row: Approval, text: str) -> str:
    """`text` as the history of the run of `row` shows it."""
    run = WorkflowRun(run_id=row.run_id, workflow_id=row.workflow_id)
    event = Event(1, timezone.now(), text, "workflow", "", None, "", {}, failed=False)
    return RunVeil.of(run, []).event(event).sentence


class TestWorkflowPage:
    @pytest.fixture
    def here(self, people, row, monkeypatch):
        run = Run(row.workflow_id, row.run_id, row.workflow_type)
        WorkflowRun.note(run, Request.read({"title": row.title}))
        monkeypatch.setattr(temporal, "history", lambda *_: told(run))
        return f"/workflows/{row.workflow_id}/{row.run_id}/"

    @pytest.mark.parametrize("tab", ["timeline", "events", "input", "json"])
    def test_hides_it_in_every_view(self, mei, here, tab):
        page = mei.get(here, {"tab": tab, "inner": "1"}).content.decode()
        assert "hush" not in page
        assert "Temporal’s own pages show them" in page
        assert (WORDS in page) or tab == "json"

    def test_hides_it_in_the_file(self, mei, here):
        text = mei.get(here + "history.json").content.decode()
        assert "hush" not in text
        assert "charged Hidden by policy" in text

    def test_hides_it_where_nobody_was_asked(self, client, people, kind, monkeypatch):
        """Policy denied it, so that there is no approval: the input names the kind."""
        run = Run("denied", str(uuid.uuid4()), contract.GUARDED_TASK)
        WorkflowRun.note(run, Request.read({"title": "Pay", "requester": "amira"}))
        monkeypatch.setattr(temporal, "history", lambda *_: told(run, kind="card"))
        client.force_login(people.amira, "approvals.accounts.Accounts")
        assert (
            "hush"
            not in client.get(
                f"/workflows/denied/{run.run_id}/", {"tab": "events"}
            ).content.decode()
        )

    @pytest.mark.parametrize("ascii_alone", [True, False])
    def test_hides_it_in_json_that_is_a_text(self, people, row, ascii_alone):
        pin = 'hé said "hush"\nthere'
        Approval.objects.update(payload={"pin": pin})
        inside = json.dumps({"said": pin}, ensure_ascii=ascii_alone)
        assert shown(row, inside) == f'{{"said": "{WORDS}"}}'
        assert shown(row, visible(pin)) == WORDS  # as a sentence has it, on one line

    def test_hides_names_that_are_no_schemas(self, people, row):
        schema = SCHEMA | {"properties": SCHEMA["properties"] | {"names": {"writeOnly": True}}}
        Kind.objects.update(schema=schema | {"default": {"properties": 7}})
        Approval.objects.update(payload={"names": {"hush-who": 1, "holder": 2, "token": 3}})
        assert shown(row, "hush-who, token") == f"{WORDS}, token"

    def test_reads_no_more_than_hides_something(self, people, row):
        """Not the payloads of all that a workflow ever asked; what a revision has, though."""
        own = {"run_id": row.run_id, "workflow_id": row.workflow_id}
        a_row(people, **own, payload={"pin": "of no kind"})
        revision = a_row(people, **own, payload={"pin": "hush-1414"}, revises=row)
        run = WorkflowRun(run_id=row.run_id, workflow_id=row.workflow_id)
        with CaptureQueriesContext(connection) as asked:
            veil = RunVeil.of(run, [])
        assert "of no kind" not in veil.texts
        assert {"hush-1414", "hush-2718"} <= {*veil.texts}
        assert '"details"' not in asked[-1]["sql"]
        assert {kind for kind, _values in _asked_of(run, ["card"])} == {"card", revision.kind}
        assert not list(_asked_of(run, ["other"]))

    def test_says_nothing_where_nothing_is_hidden(self, mei, people, here):
        Kind.objects.update(schema={"type": "object"})
        page = mei.get(here, {"tab": "events"}).content.decode()
        assert "Temporal’s own pages" not in page
        assert "hush" in page


class TestAdmin:
    @pytest.fixture
    def kim(self, db, client):
        kim = User.objects.create(username="kim", is_staff=True, is_superuser=True)
        client.force_login(kim, "approvals.accounts.Accounts")
        return client

    def test_raw_tables_leave_it_out(self, kim, row):
        page = kim.get(f"/admin/approvals/approval/{row.pk}/change/").content.decode()
        assert row.title in page
        assert "hush" not in page

    def test_checks_of_policy_leave_it_out(self, kim, people, kind):
        run = WorkflowRun.note(
            Run("w", str(uuid.uuid4()), "GuardedTask"), Request.read({"title": "Pay"})
        )
        check = PolicyCheck.objects.create(
            run=run,
            task="Pay",
            request={"kind": "card", "payload": PAYLOAD},
            verdict="deny",
            version=0,
        )
        page = kim.get(f"/admin/approvals/policycheck/{check.pk}/change/").content.decode()
        assert "hush" not in page

    def test_checks_of_a_revision_leave_it_out(self, kim, people, row):
        run = WorkflowRun.note(
            Run("w", str(uuid.uuid4()), "GuardedTask"), Request.read({"title": "Pay"})
        )
        asked = {"kind": "", "previous": PAYLOAD, "revises": str(row.pk)}
        for revises, count in ((row.pk, 0), (uuid.uuid4(), 1), ("", 1)):
            PolicyCheck.objects.all().delete()
            check = PolicyCheck.objects.create(
                run=run, task="Pay", request=asked | {"revises": str(revises)}, verdict="deny",
                version=0,
            )  # fmt: skip
            page = kim.get(f"/admin/approvals/policycheck/{check.pk}/change/").content.decode()
            assert page.count("hush-2718") == count

    def test_a_kind_that_hides_stays_under_its_slug(self, kim, kind):
        assert kim.get(f"/admin/approvals/kind/{kind.pk}/delete/").status_code == 403
        page = kim.get(f"/admin/approvals/kind/{kind.pk}/change/").content.decode()
        assert 'name="slug"' not in page
        assert 'name="slug"' in kim.get("/admin/approvals/kind/add/").content.decode()
