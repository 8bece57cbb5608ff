"""Starting a workflow: kinds to choose from, their forms, what would happen, asking again."""

import json
import re
import uuid
from datetime import timedelta

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.utils import timezone

from approvals import policy
from approvals.models import Approval, AuditEntry, Kind, WorkflowRun
from approvals.policy import Finding
from approvals.views import start as views
from orchestrator import client as temporal
from orchestrator import signing
from orchestrator.contract import Request, Run
from tests.desk import a_row

SCHEMA = {
    "type": "object",
    "required": ["vendor", "amount", "urgent"],
    "x-order": ["vendor", "amount"],
    "properties": {
        "vendor": {"type": "string", "title": "Vendor", "description": "As on the invoice."},
        "amount": {"type": "string", "format": "money"},
        "iban": {"type": "string", "format": "iban", "title": "IBAN"},
        "pay on": {"type": "string", "format": "date"},
        "at": {"type": "string", "format": "date-time"},
        "mail": {"type": "string", "format": "email"},
        "invoice": {"type": "string", "format": "uri"},
        "note": {"type": "string", "format": "markdown", "maxLength": 12},
        "count": {"type": "integer", "minimum": 1, "default": 2},
        "rate": {"type": "number"},
        "urgent": {"type": "boolean"},
        "centre": {"enum": ["materials", 4100]},
        "tags": {"type": "array", "items": {"type": "string"}},
        "address": {"type": "object", "required": ["city"]},
    },
    "additionalProperties": False,
}
FILLED = {
    "p-vendor": "Acme",
    "p-amount": "€120.00",
    "p-iban": "SE45 5000 0000 0583 9825 7466",
    "p-pay.20.on": "2026-11-24",
    "p-at": "2026-11-24T14:30",
    "p-mail": "pay@example.com",
    "p-invoice": "https://example.com/1",
    "p-note": "a\r\n**b**",
    "p-count": "3",
    "p-rate": "1.5",
    "p-urgent": "on",
    "p-centre": "4100",
    "p-tags": "one\r\n\r\n two ",
    "p-address": '{"city": "Oslo"}',
    "details": "It is due.",
    "typed": "form",
}
PAYLOAD = {
    "vendor": "Acme",
    "amount": "€120.00",
    "iban": "SE45 5000 0000 0583 9825 7466",
    "pay on": "2026-11-24",
    "at": "2026-11-24T14:30:00+00:00",
    "mail": "pay@example.com",
    "invoice": "https://example.com/1",
    "note": "a\n**b**",
    "count": 3,
    "rate": 1.5,
    "urgent": True,
    "centre": 4100,
    "tags": ["one", "two"],
    "address": {"city": "Oslo"},
}
HTMX = {"HX-Request": "true"}
HERE = "/start/?kind=payment"


@pytest.fixture
def kind(people) -> Kind:
    return Kind.objects.create(
        slug="payment",
        name="Vendor payment",
        description="Pay an invoice.",
        schema=SCHEMA,
        title_template="Pay {amount} to {vendor}",
        queue=people.general,
        risk="high",
        due_seconds=3600,
    )


@pytest.fixture
def amira(people, client):
    client.force_login(people.amira, "approvals.accounts.Accounts")
    return client


@pytest.fixture(autouse=True)
def started(monkeypatch):
    """What was started, by key; the same key is the same run."""
    runs: dict[str, tuple[dict, Run]] = {}

    def start(task, key):
        run = Run(f"task-{key}", str(uuid.uuid4()), "GuardedTask")
        return runs.setdefault(key, (task, run))[1]

    monkeypatch.setattr(temporal, "start_guarded_task", start)
    monkeypatch.setattr(temporal, "history", lambda *_: [])
    monkeypatch.setattr(views, "PATIENCE", 0)
    return runs


def filled(**changes):
    return {**FILLED, "key": str(uuid.uuid4()), **changes}


def value_of(page: str, name: str) -> str:
    """What the form shows in one of its fields."""
    field = re.search(rf'<(?:input|textarea)[^>]*name="{re.escape(name)}"[^>]*>([^<]*)', page)
    shown = re.search(r'value="([^"]*)"', field[0])
    return (shown[1] if shown else field[1]).strip().replace("&quot;", '"')


def asked_earlier(people, **values) -> Approval:
    given = {
        "state": "rejected",
        "requester": "amira",
        "requester_user": people.amira,
        "requester_identity": "amira",
        "closed_at": timezone.now(),
        "settled_at": timezone.now(),
    }
    return a_row(people, **{**given, **values})


class TestChoosing:
    def test_is_left_out_where_there_is_nothing_to_choose(self, mei):
        page = mei.get("/start/").content.decode()
        assert 'name="task"' in page

    def test_says_who_decides(self, mei, kind):
        page = mei.get("/start/").content.decode()
        assert "Vendor payment" in page
        assert "Pay an invoice." in page
        assert "1 approval; lena and tomasz can decide" in page
        assert "usually" not in page
        assert "Something else" in page
        assert 'name="task"' in mei.get("/start/?kind=").content.decode()

    def test_says_how_long_it_takes(self, mei, people, kind):
        now = timezone.now()
        for minutes in (5, 21, 21, 21, 600):
            a_row(people, state="approved", opened_at=now - timedelta(minutes=minutes),
                  closed_at=now)  # fmt: skip
        assert "usually 21 minutes" in mei.get("/start/").content.decode()

    def test_can_be_searched_once_there_are_many(self, mei, people, kind):
        assert 'type="search"' not in mei.get("/start/").content.decode()
        for n in range(8):
            Kind.objects.create(slug=f"k{n}", name=f"Kind {n}", schema={"type": "object"},
                                title_template="Do", queue=people.general)  # fmt: skip
        page = mei.get("/start/", {"q": "INVOICE"}).content.decode()
        assert 'type="search"' in page
        assert "Vendor payment" in page
        assert "Kind 3" not in page
        page = mei.get("/start/", {"q": "nothing like it"}).content.decode()
        assert "No kind of request matches." in page
        assert "Something else" in page

    def test_offers_no_kind_that_was_put_away(self, mei, kind):
        Kind.objects.update(active=False)
        assert "Vendor payment" not in mei.get("/start/").content.decode()
        assert mei.get(HERE).status_code == 404
        assert mei.post(HERE, filled()).status_code == 404


class TestForm:
    def test_has_a_labelled_field_for_everything(self, mei, kind):
        page = mei.get(HERE).content.decode()
        names = re.findall(r'name="(p-[^"]+)"', page)
        assert names[:3] == ["p-vendor", "p-amount", "p-urgent"]
        assert sorted(names) == sorted(name for name in FILLED if name.startswith("p-"))
        for shown in re.findall(r'<(?:input|textarea|select)[^>]*name="p-[^>]*id="([^"]+)"', page):
            assert f'for="{shown}"' in page
        assert "As on the invoice." in page
        assert value_of(page, "p-count") == "2"
        for kind_of_field in ("date", "datetime-local", "email", "url", "number", "checkbox"):
            assert f'type="{kind_of_field}"' in page

    def test_becomes_a_payload(self, mei, people, kind, started):
        answer = mei.post(HERE, filled())
        ((task, run),) = started.values()
        said = signing.KeyRing.load(settings.VAR).verify(task.pop("proof"))
        assert (said["requester_id"], said["workflow_id"]) == (str(people.mei.pk), run.workflow_id)
        assert task == {
            "task": "Pay €120.00 to Acme",
            "details": "It is due.",
            "payload": PAYLOAD,
            "queue": "general",
            "risk": "high",
            "due_seconds": 3600,
            "kind": "payment",
            "requester": "mei",
        }
        assert answer["Location"] == f"/workflows/{run.workflow_id}/{run.run_id}/?started=1"
        page = mei.get(answer["Location"]).content.decode()
        assert "Started “Pay €120.00 to Acme”. 2 people in General can decide." in page

    def test_leaves_out_what_was_left_empty(self, mei, kind, started):
        form = {"p-vendor": "Acme", "p-amount": "7", "key": str(uuid.uuid4())}
        mei.post(HERE, form)
        ((task, _run),) = started.values()
        assert task["payload"] == {"vendor": "Acme", "amount": "7", "urgent": False}

    @pytest.mark.parametrize(
        ("changes", "words"),
        [
            ({"p-vendor": " "}, "Vendor: This field is required."),
            ({"p-iban": "SE45 5000 0000 0583 9825 7467"}, "IBAN: This is not an IBAN."),
            ({"p-amount": "lots"}, "Amount: Write an amount"),
            ({"p-note": "x" * 13}, "Note: Write at most 12 characters."),
            ({"p-count": "0"}, "Count: Ensure this value is greater than or equal to 1."),
            ({"p-count": "x"}, "Count: Enter a whole number."),
            ({"p-rate": "1e999"}, "Rate: Enter a number."),
            ({"p-pay.20.on": "soon"}, "Pay on: Enter a valid date."),
            ({"p-mail": "me"}, "Mail: Write an email address."),
            ({"p-invoice": "here"}, "Invoice: Write a full address"),
            ({"p-centre": '"4200"'}, "Select a valid choice"),
            ({"p-address": "{"}, "Line 1, column 2"),
            ({"p-address": "{}"}, "Address: city: This field is required."),
            ({"p-address": '["x"]'}, "Address: This must be an object."),
            ({"key": "x"}, "valid UUID"),
            ({"details": "x" * 20_001}, "at most 20000 characters"),
        ],
    )
    def test_says_what_to_change_and_keeps_the_rest(self, mei, kind, started, changes, words):
        answer = mei.post(HERE, filled(**{"p-tags": "kept as typed", **changes}))
        page = answer.content.decode()
        assert answer.status_code == 422
        assert words in page
        assert "kept as typed" in page
        assert "<title>Error: " in page
        assert not started

    def test_asks_only_queues_that_can_answer(self, mei, people, kind, started):
        people.general.quorum = 3
        people.general.save()
        answer = mei.post(HERE, filled())
        assert answer.status_code == 422
        assert "2 people besides you may decide; 3 must approve" in answer.content.decode()

    def test_the_same_form_twice_is_one_workflow(self, mei, kind, started):
        form = filled()
        assert mei.post(HERE, form)["Location"] == mei.post(HERE, form)["Location"]
        assert len(started) == 1

    def test_temporal_is_away(self, mei, kind, monkeypatch):
        def unreachable(task, key):
            raise temporal.Unreachable("away")

        monkeypatch.setattr(temporal, "start_guarded_task", unreachable)
        answer = mei.post(HERE, filled())
        assert answer.status_code == 503
        assert "Sending this form again is safe." in answer.content.decode()
        assert value_of(answer.content.decode(), "p-vendor") == "Acme"


class TestJSON:
    def sent(self, text, **changes):
        given = {"payload_text": text, "details": "", "key": str(uuid.uuid4()), "typed": "json"}
        return {**given, **changes}

    def test_begins_with_the_defaults(self, mei, kind):
        page = mei.get(HERE + "&mode=json").content.decode()
        assert value_of(page, "payload_text") == '{\n  "count": 2\n}'

    def test_starts_the_same(self, mei, kind, started):
        mei.post(HERE + "&mode=json", self.sent(json.dumps(PAYLOAD)))
        ((task, _run),) = started.values()
        assert task["payload"] == PAYLOAD
        assert task["task"] == "Pay €120.00 to Acme"

    @pytest.mark.parametrize(
        ("text", "words"),
        [
            ("", "This field is required."),
            ("[1]", "Write a JSON object"),
            ('{\n"a" 1}', "Line 2, column 5"),
            ('{"vendor": "A", "vendor": "B"}', "“vendor” is there twice."),
            ("{}", "vendor: This field is required."),
            ('{"vendor": "A", "amount": "1", "urgent": true, "tags": [1]}', "tags.0: This must"),
            ('{"vendor": "A", "amount": "1", "urgent": true, "x": 1}', "There is no field x here."),
        ],
    )
    def test_says_where_it_is_wrong(self, mei, kind, started, text, words):
        answer = mei.post(HERE + "&mode=json", self.sent(text))
        assert answer.status_code == 422
        assert words in answer.content.decode()
        assert not started

    def test_takes_over_what_the_fields_hold(self, mei, kind, started):
        answer = mei.post("/start/preview/?kind=payment&mode=json", filled())
        page = answer.content.decode()
        assert answer.status_code == 200
        assert json.loads(value_of(page, "payload_text")) == PAYLOAD
        assert "It is due." in page
        assert not started

    def test_gives_the_fields_what_it_holds(self, mei, kind, started):
        sent = self.sent('{"vendor": "Acme", "centre": 4100, "at": "2026-11-24T15:30:00+01:00"}')
        page = mei.post("/start/preview/?kind=payment&mode=form", sent).content.decode()
        assert value_of(page, "p-vendor") == "Acme"
        assert value_of(page, "p-at") == "2026-11-24T14:30:00"
        assert '<option value="4100" selected>' in page

    def test_is_kept_where_it_cannot_be_read(self, mei, kind):
        answer = mei.post("/start/preview/?kind=payment&mode=form", self.sent("{oh"))
        assert value_of(answer.content.decode(), "payload_text") == "{oh"


class TestPreview:
    def seen(self, client, form=None, address="/start/preview/?kind=payment"):
        answer = client.post(address, form or filled(), headers=HTMX)
        assert answer.status_code == 200
        page = answer.content.decode()
        assert "<html" not in page
        return re.sub(r"\s+", " ", re.sub(r"<svg.*?</svg>|<[^>]+>", "", page, flags=re.S))

    def test_says_who_decides_and_until_when(self, mei, people, kind):
        people.general.quorum = 2
        people.general.save()
        words = self.seen(mei)
        assert "Pay €120.00 to Acme" in words
        assert "It would need 2 approvals in General by " in words
        assert "lena and tomasz can decide." in words
        assert "Rejected automatically after 1 hour if nobody decides." in words
        assert "Policy lets people decide." in words

    def test_names_what_is_missing(self, mei, kind):
        words = self.seen(mei, {"p-vendor": "Acme"})
        assert "Pay … to Acme" in words
        assert "Still to fill in: Amount." in words
        assert "Policy looks at it once the form is complete." in words

    def test_tells_apart_what_is_wrong(self, mei, kind):
        words = self.seen(mei, filled(**{"p-iban": "no"}))
        assert "Still to fill in" not in words
        assert "IBAN: This is not an IBAN." in words

    def test_in_json_names_what_is_missing_and_not_as_wrong(self, mei, kind):
        here = "/start/preview/?kind=payment&mode=json"
        words = self.seen(mei, {"typed": "json", "payload_text": '{"vendor": 5}'}, here)
        assert "Still to fill in: Amount" in words
        assert "This field is required." not in words
        assert "Payload: vendor: This must be text." in words
        words = self.seen(mei, {"typed": "json", "payload_text": "{}"}, here)
        assert "Still to fill in: Vendor, Amount" in words
        assert "Payload:" not in words
        words = self.seen(mei, {"typed": "json", "payload_text": "{"}, here)
        assert "Still to fill in" not in words
        assert "this is not JSON" in words

    def test_says_what_is_wrong_with_all_of_it_once_it_is_all_there(self, mei, kind):
        kind.schema = {**kind.schema, "maxProperties": 1}
        kind.save()
        words = self.seen(mei)
        assert "has too many properties" in words
        assert "Policy looks at it once that is mended." in words
        words = self.seen(mei, {"p-vendor": "Acme", "p-tags": "x"})
        assert "has too many properties" not in words
        assert "Still to fill in: Amount." in words

    def test_of_what_cannot_be_read_promises_nothing(self, mei, people):
        form = {"task": "Do it " * 50, "queue": "general", "quorum": "99", "risk": "low"}
        words = self.seen(mei, {**form, "key": str(uuid.uuid4())}, "/start/preview/?kind=")
        assert "A request without a title" not in words
        assert "Do it Do it" in words
        assert "Approvals needed: " in words
        assert "People of General would decide." in words
        assert "It would need" not in words
        assert "Policy looks at it once that is mended." in words

    def test_says_that_policy_would_deny_it(self, mei, kind):
        Kind.objects.update(title_template="Forbidden: {vendor}")
        words = self.seen(mei)
        assert "Policy would deny it, and nobody would be asked." in words
        assert "no-forbidden-tasks" in words
        assert "approval in" not in words

    def test_says_that_policy_would_allow_it(self, mei, kind, monkeypatch):
        allow = Finding("allow", "small", "It is small.")
        monkeypatch.setattr(policy, "judge", lambda task, request, **more: allow)
        words = self.seen(mei)
        assert "Policy would allow it, and nobody would be asked. It is small." in words

    def test_says_that_too_few_people_may_decide(self, mei, people, kind):
        people.general.quorum = 3
        people.general.save()
        assert "2 people besides you may decide; 3 must approve" in self.seen(mei)

    def test_of_a_free_form(self, mei, people):
        form = {"task": "Do it", "queue": "general", "quorum": "2", "risk": "low"}
        words = self.seen(mei, {**form, "key": str(uuid.uuid4())}, "/start/preview/?kind=")
        assert "It would need 2 approvals in General." in words
        assert "There is no deadline." in words
        words = self.seen(mei, {"key": "x"}, "/start/preview/?kind=")
        assert "A request without a title" in words

    def test_is_on_the_page_before_anybody_types(self, mei, kind):
        page = mei.get(HERE).content.decode()
        assert "Pay … to …" in page
        assert "lena and tomasz can decide." in page

    def test_starts_nothing_and_writes_nothing(self, mei, kind, started):
        self.seen(mei)
        mei.post("/start/preview/?kind=payment", filled())
        assert not started
        assert not WorkflowRun.objects.exists()
        assert not AuditEntry.objects.exists()
        assert mei.get("/start/preview/").status_code == 405

    @pytest.mark.parametrize("evil", ["<b>x</b>", "{{ 7|add:7 }}", "Bob\u202egnik", "x" * 5000])
    def test_shows_text_as_text(self, mei, kind, evil):
        answer = mei.post("/start/preview/?kind=payment", filled(**{"p-vendor": evil}))
        page = answer.content.decode()
        outlook = page.partition('id="outlook"')[2]
        assert "<b>x</b>" not in page
        assert "\u202e" not in outlook


class TestAfterwards:
    """Who has started something goes on to the request, as soon as there is one."""

    def begin(self, mei, started):
        answer = mei.post(HERE, filled())
        return answer, list(started.values())[-1][1]

    def test_leads_to_the_request(self, mei, people, kind, monkeypatch):
        def start(task, key):
            run = Run(f"task-{key}", str(uuid.uuid4()), "GuardedTask")
            a_row(people, workflow_id=run.workflow_id, run_id=run.run_id, requester_user=people.mei)
            return run

        monkeypatch.setattr(temporal, "start_guarded_task", start)
        answer = mei.post(HERE, filled())
        row = Approval.objects.get()
        assert answer["Location"] == f"/approvals/{row.pk}/"
        page = mei.get(answer["Location"]).content.decode()
        assert "2 people in General can decide." in page
        assert f"/start/?like={row.pk}" in page

    def test_waits_a_moment_for_it(self, mei, people, kind, started, monkeypatch):
        waited = []

        def asleep(seconds):
            waited.append(seconds)
            run = list(started.values())[-1][1]
            a_row(people, workflow_id=run.workflow_id, run_id=run.run_id, requester_user=people.mei)

        monkeypatch.setattr(views, "PATIENCE", 5)
        monkeypatch.setattr(views.time, "sleep", asleep)
        answer, _run = self.begin(mei, started)
        assert len(waited) == 1
        assert answer["Location"] == f"/approvals/{Approval.objects.get().pk}/"

    def test_the_workflow_looks_on_where_it_takes_longer(self, mei, people, kind, started):
        answer, run = self.begin(mei, started)
        here = answer["Location"].partition("?")[0]
        page = mei.get(answer["Location"]).content.decode()
        assert 'hx-get="?started=2" hx-trigger="load delay:1s"' in page
        assert '<a href="?started=1">Look for the request</a>' in page
        again = mei.get(here, {"started": "2"}, headers=HTMX).content.decode()
        assert "<html" not in again
        assert 'hx-get="?started=3"' in again
        last = mei.get(here, {"started": "30"}, headers=HTMX).content.decode()
        assert "Look for the request" in last
        assert "hx-get" not in last
        row = a_row(people, workflow_id=run.workflow_id, run_id=run.run_id,
                    requester_user=people.mei)  # fmt: skip
        assert mei.get(answer["Location"])["Location"] == f"/approvals/{row.pk}/"
        answer = mei.get(answer["Location"], headers=HTMX)
        assert answer["HX-Redirect"] == f"/approvals/{row.pk}/"
        assert mei.get(here).status_code == 200

    def test_it_looks_for_none_where_nobody_is_asked(self, mei, kind, started, monkeypatch):
        allowed = Finding("allow", "small", "It is little.")
        monkeypatch.setattr(views, "judged", lambda form: allowed)
        answer, run = self.begin(mei, started)
        here = f"/workflows/{run.workflow_id}/{run.run_id}/"
        assert answer["Location"] == here
        WorkflowRun.objects.update(verdict="deny")
        for headers in ({}, HTMX):
            page = mei.get(here, {"started": "1"}, headers=headers).content.decode()
            assert "Look for the request" not in page

    @pytest.mark.parametrize("said", ["0", "-1", "x", "9" * 5000, "²", ""])
    def test_no_number_is_too_odd(self, mei, kind, started, said):
        _answer, run = self.begin(mei, started)
        here = f"/workflows/{run.workflow_id}/{run.run_id}/"
        assert mei.get(here, {"started": said}).status_code == 200


class TestAgain:
    def test_is_like_an_earlier_one_of_its_kind(self, amira, people, kind):
        earlier = asked_earlier(people, kind="payment", payload=PAYLOAD, details="Old words")
        page = amira.get("/start/", {"like": earlier.pk}).content.decode()
        assert value_of(page, "p-vendor") == "Acme"
        assert value_of(page, "p-tags") == "one\ntwo"
        assert value_of(page, "p-pay.20.on") == "2026-11-24"
        assert json.loads(value_of(page, "p-address")) == {"city": "Oslo"}
        assert "Old words" in page
        assert "This revises" not in page
        assert "Pay €120.00 to Acme" in page

    def test_is_like_an_earlier_free_one(self, amira, people):
        earlier = asked_earlier(people, quorum=2, risk="low", previous={"amount": "1"})
        page = amira.get("/start/", {"like": earlier.pk}).content.decode()
        assert value_of(page, "task") == earlier.title
        assert json.loads(value_of(page, "payload")) == earlier.payload
        assert json.loads(value_of(page, "previous")) == {"amount": "1"}
        assert value_of(page, "quorum") == "2"
        assert '<option value="low" selected>' in page

    def test_shows_in_json_what_no_field_would_show(self, amira, people, kind):
        earlier = asked_earlier(people, kind="payment", payload={**PAYLOAD, "more": 1})
        page = amira.get("/start/", {"like": earlier.pk}).content.decode()
        assert json.loads(value_of(page, "payload_text"))["more"] == 1

    @pytest.mark.parametrize("how", ["like", "revises"])
    def test_is_for_those_who_may_see_the_earlier_one(self, client, people, kind, how):
        zoe = User.objects.create(username="zoe")
        client.force_login(zoe, "approvals.accounts.Accounts")
        earlier = asked_earlier(people)
        assert client.get("/start/", {how: earlier.pk}).status_code == 404
        assert client.post(f"/start/?{how}={earlier.pk}", filled()).status_code == 404
        assert client.get("/start/", {how: uuid.uuid4()}).status_code == 404
        assert client.get("/start/", {how: "x"}).status_code == 404

    def test_is_revised_by_who_asked_alone(self, mei, people, started):
        earlier = asked_earlier(people)
        assert mei.get("/start/", {"revises": earlier.pk}).status_code == 403
        assert mei.post(f"/start/?kind=&revises={earlier.pk}", filled()).status_code == 403
        assert not started

    def test_of_a_rejected_one_shows_what_changed(self, amira, people, kind, started):
        earlier = asked_earlier(people, kind="payment", payload=PAYLOAD, key="PAY-1",
                                quorum=2)  # fmt: skip
        page = amira.get("/start/", {"revises": earlier.pk}).content.decode()
        assert "This revises PAY-1." in page
        action = re.search(r'id="start" method="post" action="([^"]+)"', page)[1]
        amira.post(action.replace("&amp;", "&"), filled(**{"p-amount": "€100.00"}))
        ((task, run),) = started.values()
        assert task["revises"] == str(earlier.pk)
        assert task["previous"] == PAYLOAD
        assert task["key"] == "PAY-1"
        assert task["quorum"] == 2
        assert task["payload"]["amount"] == "€100.00"
        opened = Approval.open(str(uuid.uuid4()), Request.read({
            "title": task.pop("task"), **task}), run)  # fmt: skip
        assert opened.revises == earlier
        assert earlier.revisions.get().pk == opened.pk

    @pytest.mark.parametrize(
        ("before", "now", "kept"),
        [
            ("amira@example.com", "amira", True),
            ("AMIRA", "amira", True),
            ("lena", "amira", False),
            ("some-agent", "amira", False),
        ],
    )
    def test_is_a_revision_of_ones_own_request_however_one_was_named(
        self, people, before, now, kept
    ):
        first, second = (Run(f"w-{n}", str(uuid.uuid4()), "GuardedTask") for n in (1, 2))
        asked = Request.read({"title": "Pay", "requester": before})
        earlier = Approval.open(str(uuid.uuid4()), asked, first)
        asked = Request.read({"title": "Pay", "requester": now, "revises": str(earlier.pk)})
        assert (Approval.open(str(uuid.uuid4()), asked, second).revises is not None) == kept

    def test_of_a_free_one_takes_the_earlier_payload_as_what_holds(self, amira, people, started):
        earlier = asked_earlier(people)
        page = amira.get("/start/", {"revises": earlier.pk}).content.decode()
        assert 'name="previous"' not in page
        form = {"task": "Again", "queue": "general", "risk": "low", "previous": '{"forged": 1}'}
        amira.post(f"/start/?kind=&revises={earlier.pk}", {**form, "key": str(uuid.uuid4())})
        ((task, _run),) = started.values()
        assert task["previous"] == earlier.payload

    @pytest.mark.parametrize("state", ["waiting", "approved"])
    def test_is_not_for_what_waits_or_was_approved(self, amira, people, started, state):
        earlier = asked_earlier(people, state=state)
        answer = amira.post(f"/start/?kind=&revises={earlier.pk}", filled())
        assert answer["Location"] == f"/approvals/{earlier.pk}/"
        assert not started

    def test_leads_to_the_revision_that_exists(self, amira, people, started):
        earlier = asked_earlier(people)
        later = asked_earlier(people, revises=earlier)
        answer = amira.get("/start/", {"revises": earlier.pk})
        assert answer["Location"] == f"/approvals/{later.pk}/"


def test_the_preview_says_what_the_terms_would_be(mei, people):
    """Groups and stages of the rules, and what the queue does when nobody decides."""
    from django.contrib.auth.models import Group

    from approvals.models import PolicyVersion, Queue

    finance = Group.objects.create(name="Finance")
    people.lena.groups.add(finance)
    board = Queue.objects.create(slug="board", name="Board")
    people.reviewer("ines", board)
    rule = {"name": "all", "then": "ask", "quorum": 2, "groups": ["Finance"], "stages": ["board"]}
    PolicyVersion.make([rule], after=0, by=None, note="", changes=[])
    asked = {"task": "Pay €1.00 to Acme", "queue": "general", "risk": "low"}
    page = mei.post("/start/preview/", {**asked, "key": str(uuid.uuid4())}).content.decode()
    said = " ".join(page.partition('id="outlook"')[2].split())
    assert "It would need 2 approvals in General." in said
    assert "Each must be represented: Finance." in said
    assert "Then it goes on to Board." in said
