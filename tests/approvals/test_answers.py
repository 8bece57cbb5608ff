"""What people may answer beyond yes and no, on the page: choices, forms, corrections, care."""

import re
import uuid

import pytest
from django.contrib.auth.models import User

from approvals.models import Approval, AuditEntry, Decision, Delegation, Kind, Queue
from tests.desk import an_opened

pytestmark = pytest.mark.usefixtures("away")

HALF = {"name": "half", "label": "Refund half of it", "means": "approve"}
FORM = {
    "type": "object",
    "properties": {
        "ticket": {"type": "string", "title": "Change ticket", "minLength": 5},
        "tested": {"type": "boolean", "title": "I have tested it"},
    },
    "required": ["ticket"],
}


def page_of(client, row):
    return " ".join(client.get(f"/approvals/{row.pk}/").content.decode().split())


def send(client, row, verdict="approve", **more):
    given = {"verdict": verdict, "comment": "", "sha": row.payload_sha256, "key": uuid.uuid4().hex}
    return client.post(f"/approvals/{row.pk}/decision/", {**given, **more})


class TestChoices:
    def test_are_buttons_with_their_labels(self, mei, people):
        row = an_opened(verdicts=[HALF])
        assert re.search(r'value="approve:half">Refund half of it <small', page_of(mei, row))
        assert send(mei, row, "approve:half").status_code == 303
        made = Decision.objects.get()
        assert (made.verdict, made.option) == ("approve", "half")
        assert "approved (Refund half of it)" in page_of(mei, row)

    def test_nobody_invents_one(self, mei, people):
        row = an_opened(verdicts=[HALF])
        for verdict in ("approve:all", "reject:half", "approve:", "half"):
            answer = send(mei, row, verdict, comment="Because.")
            assert answer.status_code in (303, 422)
        assert {each.option for each in Decision.objects.all()} <= {""}

    def test_asking_for_changes_is_offered_where_the_queue_says_so(self, mei, people):
        assert "Ask for changes" not in page_of(mei, an_opened())
        Queue.objects.update(offers_changes=True)
        row = an_opened()
        assert "Ask for changes" in page_of(mei, row)
        answer = send(mei, row, "request_changes")
        assert answer.status_code == 422
        assert "Say what should change." in answer.content.decode()
        assert send(mei, row, "request_changes", comment="Split it.").status_code == 303
        assert "Changes requested" in page_of(mei, row)

    def test_a_high_risk_keeps_the_choice_while_it_asks_twice(self, mei, people):
        row = an_opened(verdicts=[HALF], risk="high")
        answer = send(mei, row, "approve:half")
        assert answer.status_code == 422
        assert 'value="approve:half"' in answer.content.decode()
        assert send(mei, row, "approve:half", confirmed="1").status_code == 303


class TestForm:
    def test_asks_for_each_field_by_its_title(self, mei, people):
        page = page_of(mei, an_opened(form=FORM))
        assert "<legend>To approve, fill in</legend>" in page
        assert "Change ticket" in page
        assert 'name="f-ticket"' in page
        assert 'name="f-tested"' in page

    def test_answers_are_recorded_and_signed(self, mei, people):
        row = an_opened(form=FORM)
        said = {"f-ticket": "CHG-7", "f-tested": "on"}
        assert send(mei, row, **said).status_code == 303
        made = Decision.objects.get()
        assert made.form == {"ticket": "CHG-7", "tested": True}
        assert made.envelope["body"]["form"] == made.form

    def test_a_missing_answer_is_asked_for_and_nothing_lost(self, mei, people):
        row = an_opened(form=FORM)
        answer = send(mei, row, comment="Looks right.", **{"f-tested": "on"})
        page = answer.content.decode()
        assert answer.status_code == 422
        assert "This field is required." in page
        assert "Looks right." in page
        assert not Decision.objects.exists()

    def test_an_answer_that_does_not_fit_is_refused(self, mei, people):
        row = an_opened(form=FORM)
        answer = send(mei, row, **{"f-ticket": "7"})
        assert answer.status_code == 422
        assert "ticket" in answer.content.decode()
        assert not Decision.objects.exists()

    def test_a_rejection_needs_none(self, mei, people):
        row = an_opened(form=FORM)
        assert send(mei, row, "reject", comment="No.").status_code == 303
        assert Decision.objects.get().form is None

    def test_answers_survive_the_second_look(self, mei, people):
        row = an_opened(form=FORM, risk="high")
        page = send(mei, row, **{"f-ticket": "CHG-7"}).content.decode()
        assert '<input type="hidden" name="f-ticket" value="CHG-7">' in page


class TestCorrection:
    def test_of_who_decides_alone_goes_with_the_approval(self, mei, people):
        row = an_opened(payload={"amount": "120.00", "to": "Acme"}, editable=["amount"])
        page = page_of(mei, row)
        assert "Correct it before you approve" in page
        assert 'name="e-to"' not in page
        assert send(mei, row, **{"e-amount": "100.00"}).status_code == 303
        assert Decision.objects.get().edits == {"amount": "100.00"}

    def test_what_is_left_as_it_was_corrects_nothing(self, mei, people):
        row = an_opened(editable=["amount"])
        assert send(mei, row, **{"e-amount": "120.00"}).status_code == 303
        assert Decision.objects.get().edits is None

    def test_others_decide_about_it_where_more_must_agree(self, mei, people):
        row = an_opened(editable=["amount"], quorum=2)
        assert "Save the correction" in page_of(mei, row)
        refused = send(mei, row, **{"e-amount": "12.00"})
        assert "Save the correction: others approve it then." in refused.content.decode()
        assert not Decision.objects.exists()
        done = send(mei, row, "correct", comment="Typo.", **{"e-amount": "12.00"})
        assert done.status_code == 303
        made = Decision.objects.get()
        assert (made.verdict, made.edits) == ("correct", {"amount": "12.00"})
        assert "The workflow is taking it up" in page_of(mei, row)
        assert not Approval.objects.waiting().exists()

    def test_it_stays_what_its_kind_promises(self, mei, people):
        schema = {"type": "object", "properties": {"amount": {"type": "string", "minLength": 3}}}
        Kind.objects.create(
            slug="payment",
            name="Payment",
            schema=schema,
            title_template="Pay",
            queue=people.general,
        )
        row = an_opened(kind="payment", editable=["amount"])
        answer = send(mei, row, **{"e-amount": "1"})
        assert answer.status_code == 422
        assert "amount: " in answer.content.decode()
        assert not Decision.objects.exists()

    def test_fields_that_nobody_may_correct_are_ignored(self, mei, people):
        row = an_opened(payload={"amount": "120.00", "to": "Acme"}, editable=["amount"])
        send(mei, row, **{"e-to": "Mallory"})
        assert Decision.objects.get().edits is None


class TestCare:
    def test_too_many_a_minute_need_the_password(self, mei, people):
        people.mei.set_password("correct horse")
        people.mei.save()
        mei.force_login(people.mei, "approvals.accounts.Accounts")
        Queue.objects.update(most_a_minute=2)
        for _number in range(2):
            assert send(mei, an_opened()).status_code == 303
        row = an_opened()
        answer = send(mei, row)
        assert answer.status_code == 422
        assert "many within a minute" in answer.content.decode()
        assert AuditEntry.objects.filter(approval=row, action="too many a minute").exists()
        assert send(mei, row, confirmed="1", password="wrong").status_code == 422
        assert send(mei, row, confirmed="1", password="correct horse").status_code == 303

    def test_the_queue_says_from_which_risk_on(self, mei, people):
        Queue.objects.update(confirm_risk="low")
        assert send(mei, an_opened(risk="low")).status_code == 422
        Queue.objects.update(confirm_risk="never")
        assert send(mei, an_opened(risk="high")).status_code == 303


class TestDeputy:
    def test_the_record_says_for_whom(self, client, people):
        from datetime import timedelta

        from django.utils import timezone

        ola, now = User.objects.create(username="ola"), timezone.now()
        Delegation.objects.create(
            away=people.mei, to=ola, starts=now - timedelta(1), ends=now + timedelta(1)
        )
        client.force_login(ola, "approvals.accounts.Accounts")
        row = an_opened()
        assert row.title in client.get("/inbox/").content.decode()
        assert "You decide on behalf of mei, who is away." in page_of(client, row)
        assert send(client, row).status_code == 303
        assert "approved on behalf of mei" in page_of(client, row)


class TestCourse:
    """What the workflow published, as the page tells it."""

    def publish(self, row, **said):
        from orchestrator.contract import Run, Snapshot

        run = Run(row.workflow_id, row.run_id, row.workflow_type)
        Approval.publish(Snapshot(str(row.pk), run, row.version + 1, "waiting", **said))
        return Approval.objects.get(pk=row.pk)

    def test_the_next_peoples_turn(self, client, people):
        board = Queue.objects.create(slug="board", name="Board")
        ines = people.reviewer("ines", board)
        row = self.publish(an_opened(stages=["board"]), stage=1)
        client.force_login(ines, "approvals.accounts.Accounts")
        assert "It went on to Board." in page_of(client, row)
        assert row.title in client.get("/inbox/").content.decode()

    def test_others_are_asked_as_well(self, client, people):
        from django.contrib.auth.models import Group

        from approvals.models import QueueEscalation

        heads = Group.objects.create(name="Heads")
        ola = User.objects.create(username="ola")
        ola.groups.add(heads)
        Queue.objects.update(on_timeout="escalate", due_seconds=60)
        QueueEscalation.objects.create(queue=people.general, group=heads, seconds=60)
        row = an_opened()
        client.force_login(ola, "approvals.accounts.Accounts")
        assert client.get(f"/approvals/{row.pk}/").status_code == 404
        self.publish(row, escalated=1)
        page = page_of(client, row)
        assert "It was not decided in time, so Heads are asked as well." in page
        assert 'value="approve"' in page
        assert row.title in client.get("/inbox/").content.decode()
        rows = client.get("/inbox/rows/", headers={"X-Rev": "0", "HX-Request": "true"})
        assert rows.status_code == 200  # open pages hear of it, too

    def test_a_correction_is_compared_with_what_was_asked(self, mei, people):
        from orchestrator import contract

        row = an_opened(editable=["amount"], quorum=2)
        payload = {"amount": "12.00"}
        row = self.publish(row, payload=payload, payload_sha256=contract.sha256(payload))
        page = page_of(mei, row)
        assert "what was asked, before it was corrected" in page
        assert "12.00" in page
        assert "120.00" in page


class TestConsequence:
    def test_of_the_last_approval_of_a_step_is_the_next_step(self, mei, people):
        board = Queue.objects.create(slug="board", name="Board")
        people.reviewer("ines", board)
        page = page_of(mei, an_opened(stages=["board"]))
        assert "Yours completes this step. Then Board decides." in page
        assert "the workflow goes on at once" not in page

    def test_says_that_a_group_is_still_missing(self, mei, people):
        from django.contrib.auth.models import Group

        finance = Group.objects.create(name="Finance")
        people.lena.groups.add(finance)
        row = an_opened(groups=["Finance"])
        assert "each of these must be represented: Finance" in page_of(mei, row)

    def test_says_that_different_answers_do_not_add_up(self, mei, people):
        row = an_opened(verdicts=[HALF], quorum=2)
        row.decide(people.lena, "approve", option="half")
        page = page_of(mei, row)
        assert "approvals with different answers do not add up" in page
        assert "must be represented" not in page.partition('id="panel"')[2]

    def test_the_answer_that_was_given_stands_beside_the_outcome(self, mei, people):
        row = an_opened(verdicts=[HALF])
        send(mei, row, "approve:half")
        panel = page_of(mei, row).partition('id="panel"')[2]
        assert "<b>Refund half of it</b>" in panel

    def test_nothing_is_foretold_of_what_is_decided(self, mei, people):
        row = an_opened()
        send(mei, row)
        page = page_of(mei, row)
        assert "It is decided; the workflow has not said so yet." in page
        assert "One rejection ends it." not in page
