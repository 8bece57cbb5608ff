"""The decision form: its answers, and that nothing but a whole form decides."""

import json
import uuid
from datetime import timedelta

import pytest
from axes.models import AccessAttempt
from django.contrib import auth
from django.contrib.auth.models import User
from django.db import OperationalError
from django.utils import timezone

from approvals.models import Approval, Decision, Kind
from approvals.models.errors import Unreadable
from approvals.views import decision as decision_views
from orchestrator.signing import NoKey, Signer
from tests.desk import a_row

pytestmark = pytest.mark.usefixtures("away")

HTMX = {"HX-Request": "true"}


@pytest.fixture
def row(people):
    return a_row(people, requester="amira", requester_user=people.amira, requester_identity="amira")


def form(row, **changes):
    given = {
        "verdict": "approve",
        "comment": "",
        "sha": row.payload_sha256,
        "key": str(uuid.uuid4()),
        "place": "pane",
    }
    return {name: each for name, each in (given | changes).items() if each is not None}


def send(client, row, htmx=False, **changes):
    headers = HTMX if htmx else {}
    return client.post(f"/approvals/{row.pk}/decision/", form(row, **changes), headers=headers)


class TestRecorded:
    @pytest.mark.parametrize(
        ("place", "path"), [("page", "/approvals/{}/"), ("pane", "/inbox/{}/?risk=medium")]
    )
    def test_without_script_the_browser_is_sent_back_to_where_it_was(self, mei, row, place, path):
        answer = send(mei, row, place=place, here="risk=medium")
        assert (answer.status_code, answer["Location"]) == (303, path.format(row.pk))
        assert Decision.objects.get().verdict == "approve"
        assert f"Approved {row.reference}. 0 left." in mei.get(answer["Location"]).content.decode()

    def test_with_htmx_the_pane_shows_the_outcome_and_looks_for_news(self, mei, row):
        answer = send(mei, row, htmx=True)
        assert answer.status_code == 200
        page = answer.content.decode()
        assert "<html" not in page
        assert "Recorded. Sending." in page
        assert "every 2s" in page
        assert json.loads(answer["HX-Trigger"])["say"].startswith("Approved ")

    def test_the_same_form_again_is_the_same_decision(self, mei, row):
        key = str(uuid.uuid4())
        answers = [send(mei, row, key=key).status_code for _ in range(5)]
        assert answers == [303] * 5
        assert Decision.objects.count() == 1

    def test_a_reason_is_kept_as_it_was_typed(self, mei, row):
        send(mei, row, verdict="reject", comment="No <b>invoice</b>\nat all")
        assert Decision.objects.get().comment == "No <b>invoice</b>\nat all"
        page = mei.get(f"/approvals/{row.pk}/").content.decode()
        assert "No &lt;b&gt;invoice&lt;/b&gt;<br>at all" in page

    def test_what_fails_after_it_was_recorded_is_not_called_not_recorded(
        self, mei, row, monkeypatch
    ):
        def locked(*args, **more):
            raise OperationalError("database is locked")

        monkeypatch.setattr("approvals.views.panel.recorded_words", locked)
        with pytest.raises(OperationalError):
            send(mei, row, htmx=True)
        assert Decision.objects.count() == 1


class TestRefused:
    @pytest.fixture(autouse=True)
    def nothing_recorded(self, row):
        yield
        assert not Decision.objects.exists()

    def test_nobody_is_signed_in(self, client, row):
        assert send(client, row).status_code == 302

    def test_a_stranger_sees_nothing(self, client, row):
        zoe = User.objects.create(username="zoe")
        client.force_login(zoe, "approvals.accounts.Accounts")
        assert send(client, row).status_code == 404

    @pytest.mark.parametrize("is_admin", [False, True])
    def test_who_asked_or_administers_may_look_and_not_decide(self, client, row, people, is_admin):
        user = people.amira
        if is_admin:
            user = User.objects.create(username="kim", is_superuser=True)
        client.force_login(user, "approvals.accounts.Accounts")
        why = "decide this: " if is_admin else "someone else decides"
        answer = send(client, row)
        assert answer.status_code == 403
        assert why in answer.content.decode()
        answer = send(client, row, htmx=True)
        assert answer.status_code == 403
        assert why in json.loads(answer["HX-Trigger"])["problem"]

    @pytest.mark.parametrize("method", ["get", "head", "put", "delete", "options"])
    def test_only_a_post_decides(self, mei, row, method):
        answer = getattr(mei, method)(f"/approvals/{row.pk}/decision/", form(row))
        assert answer.status_code == 405

    def test_a_rejection_needs_a_reason(self, mei, row):
        answer = send(mei, row, verdict="reject", comment="   ")
        page = answer.content.decode()
        assert answer.status_code == 422
        assert "Say why you are rejecting." in page
        assert 'aria-invalid="true"' in page
        assert "<title>(1) Error: " in page

    def test_with_htmx_only_the_form_comes_again(self, mei, row):
        answer = send(mei, row, htmx=True, verdict="reject", key="this-form")
        page = answer.content.decode()
        assert answer.status_code == 422
        assert (answer["HX-Retarget"], answer["HX-Reswap"]) == ("#panel", "outerHTML")
        assert page.strip().startswith("<form")
        assert 'value="this-form"' in page

    def test_to_begin_a_rejection_is_no_mistake_and_to_send_none_is(self, mei, row):
        page = send(mei, row, htmx=True, verdict="reject").content.decode()
        assert "Required to reject. amira sees it." in page
        assert "Say why" not in page
        assert "aria-invalid" not in page
        page = send(mei, row, htmx=True, verdict="reject", comment=" ", asked="1").content.decode()
        assert "Say why you are rejecting." in page
        assert 'aria-invalid="true"' in page
        assert not Decision.objects.exists()

    def test_what_was_typed_is_kept(self, mei, row):
        answer = send(mei, row, comment="x" * 4001)
        assert answer.status_code == 422
        assert "x" * 4001 in answer.content.decode()

    @pytest.mark.parametrize(
        "changes",
        [
            {"verdict": ""},
            {"verdict": None},
            {"verdict": "Approve"},
            {"verdict": "retract"},
            {"verdict": "withdraw"},
            {"sha": None},
            {"sha": "A" * 64},
            {"sha": ""},
            {"key": None},
            {"key": "k" * 65},
            {"comment": "a\x00b"},
        ],
    )
    def test_a_form_that_is_not_whole_decides_nothing(self, mei, row, changes):
        assert send(mei, row, **changes).status_code == 422

    def test_what_was_read_is_not_what_is_asked(self, mei, row):
        answer = send(mei, row, htmx=True, sha="0" * 64)
        assert answer.status_code == 409
        page = answer.content.decode()
        assert "Your decision was not recorded." in page
        assert "The request changed while you were reading." in page

    def test_the_time_is_over(self, mei, row):
        Approval.objects.update(due_at=timezone.now() - timedelta(seconds=1))
        answer = send(mei, row)
        assert answer.status_code == 409
        assert "It was not decided in time." in answer.content.decode()

    def test_there_is_no_key_to_sign_with(self, mei, row, monkeypatch):
        def none(folder):
            raise NoKey("No signing key.")

        monkeypatch.setattr(Signer, "load", none)
        answer = send(mei, row)
        assert answer.status_code == 503
        assert "Nothing was recorded." in answer.content.decode()
        assert send(mei, row, htmx=True).status_code == 503

    def test_the_database_is_busy(self, mei, row, monkeypatch):
        def locked(*args, **more):
            raise OperationalError("database is locked")

        monkeypatch.setattr(Approval, "_claim", locked)
        answer = send(mei, row, htmx=True)
        assert (answer.status_code, answer["Retry-After"]) == (503, "5")
        assert "Nothing was recorded." in json.loads(answer["HX-Trigger"])["problem"]

    @pytest.mark.parametrize(
        ("error", "words"),
        [
            ("database is locked", "The database is busy."),
            ("database or disk is full", "The disk of the database is full."),
            (
                "could not extend file: No space left on device",
                "The disk of the database is full.",
            ),
        ],
    )
    def test_what_is_wrong_with_the_database(self, mei, row, monkeypatch, error, words):
        def fail(*args, **more):
            raise OperationalError(error)

        monkeypatch.setattr(Approval, "_claim", fail)
        assert f"{words} Nothing was recorded." in send(mei, row).content.decode()


class TestConfirmation:
    """High risk asks twice, critical for the password too; the server sees to it."""

    @pytest.fixture
    def row(self, people):
        asked = {"requester_user": people.amira, "requester_identity": "amira"}
        payload, previous = {"amount": "120.00", "to": "A"}, {"amount": "99.00", "to": "A"}
        return a_row(
            people, risk="high", requester="amira", payload=payload, previous=previous, **asked
        )

    @pytest.fixture
    def critical(self, row, people, mei):
        people.mei.set_password("a long password")
        people.mei.save()
        mei.force_login(people.mei, "approvals.accounts.Accounts")
        Approval.objects.update(risk="critical")
        return row

    @pytest.mark.parametrize("risk", ["high", "critical", "unheard-of"])
    @pytest.mark.parametrize("confirmed", [None, "", "0", "yes"])
    def test_an_approve_alone_records_nothing(self, mei, row, risk, confirmed):
        Approval.objects.update(risk=risk)
        answer = send(mei, row, confirmed=confirmed, comment="Seen the <b>invoice</b>")
        page = answer.content.decode()
        assert answer.status_code == 422
        assert 'name="confirmed" value="1"' in page
        assert "Yours completes it" in page
        assert "<b>99.00</b>" in page
        assert "<b>120.00</b>" in page
        assert 'value="Seen the &lt;b&gt;invoice&lt;/b&gt;"' in page
        assert not Decision.objects.exists()

    @pytest.mark.parametrize("risk", ["low", "medium"])
    def test_little_risk_takes_one_click(self, mei, row, risk):
        Approval.objects.update(risk=risk)
        assert send(mei, row).status_code == 303

    def test_with_htmx_a_dialog_comes(self, mei, row):
        answer = send(mei, row, htmx=True)
        page = answer.content.decode().strip()
        assert answer.status_code == 422
        assert (answer["HX-Retarget"], answer["HX-Reswap"]) == ("#confirm", "outerHTML")
        assert page.startswith('<dialog id="confirm" open data-settle')
        assert not Decision.objects.exists()

    def test_the_dialog_repeats_the_cautions(self, mei, people):
        iban = {"iban": "SE4550000000058398257466"}
        row = a_row(people, risk="high", payload=iban, previous={"iban": "SE72"})
        page = send(mei, row, htmx=True).content.decode()
        assert "<dialog" in page
        assert "The bank account is new." in page

    def test_confirmed_it_is_recorded_once(self, mei, row):
        for _ in range(3):
            assert send(mei, row, confirmed="1", key="one-form").status_code == 303
        assert Decision.objects.get().verdict == "approve"

    def test_a_rejection_takes_one_click(self, mei, critical):
        assert send(mei, critical, verdict="reject", comment="No.").status_code == 303

    def test_there_is_a_page_for_it_that_only_asks(self, mei, row):
        answer = mei.get(f"/approvals/{row.pk}/?confirm=approve")
        page = answer.content.decode()
        assert answer.status_code == 200
        assert "Approve payment?" in page
        assert 'name="confirmed" value="1"' in page
        assert not Decision.objects.exists()

    def test_there_is_none_for_what_cannot_be_approved(self, mei, row, people, client):
        row.decide(people.lena, "reject", "No.")
        assert (
            'name="confirmed"'
            not in mei.get(f"/approvals/{row.pk}/?confirm=approve").content.decode()
        )

    def test_what_is_decided_or_changed_is_not_asked_about(self, mei, row, people):
        assert send(mei, row, sha="0" * 64).status_code == 409
        row.decide(people.lena, "reject", "No.")
        assert send(mei, row).status_code == 409

    def test_critical_takes_the_password(self, mei, critical):
        answer = send(mei, critical, confirmed="1")
        assert answer.status_code == 422
        assert "Type your password." in answer.content.decode()
        answer = send(mei, critical, confirmed="1", password="a guess")
        assert answer.status_code == 422
        assert "This is not your password." in answer.content.decode()
        assert not Decision.objects.exists()
        assert send(mei, critical, confirmed="1", password="a long password").status_code == 303
        assert Decision.objects.get().verdict == "approve"

    def test_who_loses_the_queue_meanwhile_decides_nothing(
        self, mei, critical, people, monkeypatch
    ):
        def authenticate(*args, **given):
            found = auth.authenticate(*args, **given)
            people.general.reviewers.remove(people.mei)
            return found

        monkeypatch.setattr(decision_views, "authenticate", authenticate)
        answer = send(mei, critical, confirmed="1", password="a long password")
        assert answer.status_code == 403
        assert not Decision.objects.exists()

    def test_another_persons_password_is_none(self, mei, critical, people):
        people.lena.set_password("the one of lena")
        people.lena.save()
        given = {"confirmed": "1", "password": "the one of lena", "username": "lena"}
        assert send(mei, critical, **given).status_code == 422

    def test_wrong_ones_are_counted_and_kept_nowhere(self, mei, critical, caplog):
        for _ in range(4):
            send(mei, critical, confirmed="1", password="gue55-once-more")
        attempt = AccessAttempt.objects.get()
        assert (attempt.username, attempt.failures_since_start) == ("mei", 4)
        assert "gue55" not in str(attempt.post_data)
        assert "gue55" not in caplog.text
        assert send(mei, critical, confirmed="1", password="gue55-once-more").status_code == 429
        answer = send(mei, critical, confirmed="1", password="a long password")
        assert answer.status_code == 429
        assert not Decision.objects.exists()

    def test_it_is_never_sent_back(self, mei, critical):
        answer = send(mei, critical, htmx=True, confirmed="1", password="gue55-once-more")
        assert "gue55" not in answer.content.decode()


class TestShown:
    """A long payload is approved by who has opened all of it."""

    @pytest.fixture
    def row(self, people):
        return a_row(people, payload={f"field {n}": "x" * 400 for n in range(250)})

    def test_in_part_it_is_not_approved(self, mei, row):
        answer = send(mei, row)
        assert answer.status_code == 422
        assert "Show all of it before you approve it." in answer.content.decode()
        assert not Decision.objects.exists()

    def test_in_full_it_is(self, mei, row):
        assert send(mei, row, shown="all").status_code == 303

    def test_it_can_be_rejected_at_once(self, mei, row):
        assert send(mei, row, verdict="reject", comment="Too long.").status_code == 303


class TestUnreadable:
    @pytest.mark.parametrize("payload", [{}, {"amount": 5}, {"amount": "5", "more": 1}])
    def test_nobody_approves_what_is_not_of_its_kind(self, mei, people, payload):
        schema = {
            "type": "object",
            "properties": {"amount": {"type": "string"}},
            "required": ["amount"],
            "additionalProperties": False,
        }
        Kind.objects.create(slug="pay", name="Pay", schema=schema, queue=people.general)
        row = a_row(people, kind="pay", payload=payload)
        answer = send(mei, row, htmx=True)
        assert answer.status_code == 409
        assert "it cannot be approved" in answer.content.decode()
        assert not Decision.objects.exists()
        assert send(mei, row, verdict="reject", comment="Unreadable.").status_code == 303

    def test_nor_what_is_of_no_known_kind(self, mei, people):
        row = a_row(people, kind="unheard-of")
        assert send(mei, row).status_code == 409
        with pytest.raises(Unreadable):
            row.decide(people.mei, "approve", channel="shell")
        assert not Decision.objects.exists()


class TestTooLate:
    def test_somebody_else_was_first(self, mei, row, people):
        row.decide(people.lena, "reject", "Wrong account.")
        answer = send(mei, row, htmx=True)
        page = answer.content.decode()
        assert answer.status_code == 409
        assert "Your decision was not recorded." in page
        assert "lena rejected it at" in page
        assert "Wrong account." in page
        assert Decision.objects.count() == 1

    def test_one_has_voted_already(self, mei, row, people):
        Approval.objects.update(quorum=2)
        send(mei, row)
        assert send(mei, row, verdict="reject", comment="No").status_code == 409
        assert Decision.objects.get().verdict == "approve"


class TestPanel:
    """The words of the decision area, for each state and person."""

    def panel(self, client, row, **query):
        return client.get(f"/approvals/{row.pk}/panel/", query)

    def see(self, client, row):
        return client.get(f"/approvals/{row.pk}/").content.decode()

    def test_one_may_decide(self, mei, row):
        page = self.see(mei, row)
        assert "Yours completes it and the workflow goes on at once." in page
        assert 'value="approve"' in page

    def test_who_asked_waits_for_others(self, client, row, people):
        client.force_login(people.amira, "approvals.accounts.Accounts")
        page = self.see(client, row)
        assert "You asked for this, so someone else decides." in page
        assert 'value="approve"' not in page

    def test_words_of_the_delivery(self, mei, row, people):
        decision = row.decide(people.mei, "approve")
        assert "Recorded. Sending." in self.see(mei, row)
        Decision.objects.update(tries=2)
        assert "Trying again, third try at " in self.see(mei, row)
        Decision.objects.update(sent_at=timezone.now())
        assert "Sent. Waiting for the workflow." in self.see(mei, row)
        decision.refresh_from_db()
        decision.acknowledge()
        assert "Applied by the workflow." in self.see(mei, row)

    def test_a_refusal_is_told_with_its_reason_and_the_door_is_open_again(self, mei, row, people):
        row.decide(people.mei, "approve").refuse("It came <i>late</i>.")
        Approval.objects.update(settled_at=None, approvals=0)
        page = self.see(mei, row)
        assert "Not counted: It came &lt;i&gt;late&lt;/i&gt;." in page
        assert 'value="approve"' in page

    @pytest.mark.parametrize(
        ("state", "words"),
        [
            ("approved", "Approved"),
            ("rejected", "Rejected"),
            ("expired", "Expired"),
            ("cancelled", "Cancelled by workflow"),
            ("lost", "Lost"),
        ],
    )
    def test_a_closed_approval_says_what_became_of_it_and_is_silent(self, mei, row, state, words):
        now = timezone.now()
        Approval.objects.update(state=state, settled_at=now, closed_at=now, reason="Because.")
        page = self.see(mei, row)
        assert words in page
        assert "Because." in page
        assert 'value="approve"' not in page
        assert "hx-trigger" not in page.partition('id="news"')[2].partition("</div>")[0]

    def test_the_time_is_over_and_the_workflow_has_not_said_so(self, mei, row):
        Approval.objects.update(due_at=timezone.now() - timedelta(minutes=8))
        page = self.see(mei, row)
        assert "8 minutes over" in page
        assert 'value="approve"' not in page

    def test_a_payload_that_does_not_fit_its_hash_cannot_be_decided(self, mei, row):
        Approval.objects.update(payload={"amount": "1.00"})
        page = self.see(mei, row)
        assert "What is shown is not what was asked." in page
        assert 'value="approve"' not in page

    def test_nothing_new_is_no_content(self, mei, row):
        address = self.see(mei, row).partition('id="news" hx-get="')[2].partition('"')[0]
        assert mei.get(address.replace("&amp;", "&")).status_code == 204

    def test_a_vote_of_another_leaves_the_form_alone(self, mei, row, people):
        Approval.objects.update(quorum=2)
        row.refresh_from_db()
        row.decide(people.lena, "approve")
        page = self.panel(mei, row, rev="old", form=1, place="page").content.decode()
        assert "lena approved at" in page
        assert 'id="votes" hx-swap-oob="true"' in page
        assert 'id="why"' not in page
        assert 'id="talk-text"' not in page

    def test_an_outcome_takes_the_place_of_the_form(self, mei, row, people):
        row.decide(people.lena, "approve")
        page = self.panel(mei, row, rev="old", form=1).content.decode()
        assert 'id="panel" hx-swap-oob="true"' in page
        assert "by lena at" in page
