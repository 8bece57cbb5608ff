"""What became of an approval: panel, clock, tag, record and sentence tell the same."""

from datetime import timedelta

import pytest
from django.utils import timezone

from approvals.models import Approval, Decision, Queue
from approvals.templatetags.history import closers
from orchestrator import client as temporal
from orchestrator.contract import Run, Snapshot
from tests.approvals.policy.tables import allow, deny, use
from tests.desk import a_row, an_opened

__all__ = ["use"]

IN_TIME = timedelta(minutes=5)


@pytest.fixture(autouse=True)
def away(monkeypatch):
    monkeypatch.setattr(temporal, "send_decision", lambda envelope: None)


@pytest.fixture
def see(client, people):
    """The parts of the page that tell it, and what My requests says."""

    def seen(row, user=None):
        client.force_login(user or people.mei, "approvals.accounts.Accounts")
        page = " ".join(client.get(f"/approvals/{row.pk}/").content.decode().split())
        return Told(page)

    return seen


class Told:
    def __init__(self, page: str) -> None:
        self.page = page
        self.panel = self.part("panel", "</aside>")
        self.clock, self.record = self.part("clock"), self.part("record")
        self.explained, self.activity = self.part("explain"), self.part("activity", "</ol>")

    def part(self, name: str, end: str = "</section>") -> str:
        return self.page.partition(f'id="{name}"')[2].partition(end)[0]


def asked(people, **values):
    return a_row(people, requester="amira", requester_user=people.amira, **values)


def counted(*votes):
    for vote in votes:
        vote.acknowledge()


def closed(row, state, reason=""):
    """As the workflow says it."""
    run = Run(row.workflow_id, row.run_id, row.workflow_type)
    Approval.publish(Snapshot(str(row.pk), run, 9, state, reason))
    return Approval.objects.get(pk=row.pk)


def tag(client, people):
    client.force_login(people.amira, "approvals.accounts.Accounts")
    page = " ".join(client.get("/requests/").content.decode().split())
    return page.partition('<div class="f">')[2].partition("</span>")[0].rpartition(">")[2]


class TestTime:
    """Nobody is blamed or praised for what time has done."""

    LATE = "Nobody decided in time."

    @pytest.fixture
    def row(self, people):
        row = asked(people, quorum=2, due_at=timezone.now() + IN_TIME)
        counted(row.decide(people.lena, "approve", "The invoice fits."))
        return row

    @pytest.mark.parametrize(
        ("on_timeout", "state", "word", "sentence"),
        [
            ("reject", "rejected", "Rejected", "Rejected. Nobody decided in time."),
            ("escalate", "rejected", "Rejected", "Rejected. Nobody decided in time."),
            ("expire", "expired", "Expired", "Expired. Nobody decided in time."),
            ("approve", "approved", "Approved", "Approved. Nobody decided in time."),
        ],
    )
    def test_one_of_two_approved(self, see, row, on_timeout, state, word, sentence):
        Approval.objects.update(on_timeout=on_timeout)
        row.refresh_from_db()
        row = closed(row, state, self.LATE)
        told = see(row)
        outcome = told.panel.partition('class="outcome"')[2]
        assert f"<b>{word}</b>" in outcome
        assert "lena" not in outcome
        assert "The invoice fits." not in outcome
        assert self.LATE in outcome
        assert sentence in told.explained
        assert f"<b>{word}</b>" in told.clock
        assert f"<td>{word}, " in told.record
        assert closers(row)[-1] == "the deadline"
        assert row.words() == sentence

    def test_one_rejection_of_two(self, see, people):
        Queue.objects.update(reject_quorum=2, due_seconds=300, on_timeout="reject")
        row = an_opened()
        counted(row.decide(people.lena, "reject", "Too much."))
        told = see(closed(row, "rejected", self.LATE))
        outcome = told.panel.partition('class="outcome"')[2]
        assert "<b>Rejected</b>" in outcome
        assert "lena" not in outcome
        assert "Too much." not in outcome
        assert "lena rejected it" not in told.explained

    def test_people_in_time_are_named(self, see, row, people):
        Approval.objects.update(on_timeout="approve")
        counted(Approval.objects.get().decide(people.tomasz, "approve", "So it does."))
        row = closed(row, "approved")
        told = see(row)
        assert "<b>Approved</b> <span>by tomasz at" in told.panel
        assert "So it does." in told.panel
        assert "tomasz approved it at" in told.explained
        assert closers(row) == ["lena", "tomasz"]

    def test_a_veto_after_an_approval_is_named(self, see, row, people):
        counted(row.decide(people.tomasz, "reject", "It does not."))
        told = see(closed(row, "rejected", "It does not."))
        assert "<b>Rejected</b> <span>by tomasz at" in told.panel
        assert told.panel.count("It does not.") == 1


class TestRules:
    """What a rule has settled is told so before the workflow has published it, and after."""

    @pytest.mark.parametrize(
        ("rule", "state", "word", "tone"),
        [
            (allow("true", reason="It is small."), "approved", "Approved", "ok"),
            (deny("true", reason="It is small."), "rejected", "Rejected", "no"),
        ],
    )
    def test_settled_it(self, see, people, use, rule, state, word, tone):
        Queue.objects.update(due_seconds=300)
        use(rule)
        row = an_opened(requester="amira@example.com")
        for now in (row, closed(row, state, "It is small.")):
            told = see(now)
            assert f'<div class="outcome" data-k="{tone}"' in told.panel
            assert f"<b>{word}</b>" in told.panel
            assert "It is small." in told.panel
            assert f"<b>{word}</b>" in told.clock
            assert now.words() == f"{word}. It is small."
        assert closers(Approval.objects.get()) == ["a rule"]


class TestUnderWay:
    @pytest.fixture
    def finance(self, people):
        finance = Queue.objects.create(slug="finance", name="Finance")
        finance.reviewers.add(people.tomasz)
        return finance

    def test_a_stage_has_agreed_and_another_follows(self, see, people, client, finance):
        row = an_opened(stages=["finance"], requester="amira")
        row.decide(people.mei, "approve")
        told = see(row)
        assert "<b>Approved here</b> <span>by you at" in told.panel
        assert "Finance decides next." in told.panel
        assert "<b>Approved here</b>" in told.clock
        assert "Finance decides next." in told.clock
        assert "Finance decides next." in told.explained
        assert "Approved here; the workflow has not closed it yet" in told.record
        assert tag(client, people) == "Approved here"

    def test_the_last_stage_has_agreed(self, see, people, client, finance):
        row = an_opened(stages=["finance"], requester="amira")
        counted(row.decide(people.mei, "approve"))
        run = Run(row.workflow_id, row.run_id, row.workflow_type)
        Approval.publish(Snapshot(str(row.pk), run, 2, "waiting", stage=1))
        row = Approval.objects.get()
        assert row.became().word == "Waiting"
        row.decide(people.tomasz, "approve")
        told = see(row)
        assert "<b>Approved</b> <span>by tomasz at" in told.panel
        assert "The workflow has not closed it yet." in told.clock
        assert tag(client, people) == "Approved, on its way"

    def test_corrected(self, see, people, client):
        row = an_opened(editable=["amount"], quorum=2, requester="amira")
        row.decide(people.mei, "correct", "Typo.", edits={"amount": "12.00"})
        told = see(row)
        anew = "The workflow is taking it up, then everybody decides anew."
        assert "<b>Corrected</b> <span>by you at" in told.panel
        assert "by mei at" in see(row, people.lena).panel
        assert "<blockquote>Typo.</blockquote>" in told.panel
        assert anew in told.panel
        assert "<b>Corrected</b>" in told.clock
        assert anew in told.clock
        assert "It is decided" not in told.explained
        assert tag(client, people) == "Corrected"

    def test_held_for_undo(self, people, client):
        row = asked(people, undo_seconds=30)
        row.decide(people.mei, "approve")
        assert tag(client, people) == "Held for undo"
        Approval.objects.update(held_until=timezone.now())
        assert tag(client, people) == "Approved, on its way"

    def test_withdrawn(self, people, client):
        row = asked(people)
        withdrawal = row.withdraw(people.amira)
        assert tag(client, people) == "Withdrawn, on its way"
        counted(withdrawal)
        row = closed(row, "cancelled", "Withdrawn by amira.")
        assert row.words().startswith("amira withdrew it at ")

    def test_what_settled_it_was_refused(self, see, people):
        row = asked(people)
        row.decide(people.mei, "approve").refuse("It came too late.")
        told = see(row)
        assert "<b>Decided</b>" in told.panel
        assert "<b>Decided</b>" in told.clock


class TestOver:
    """The time is over, and the workflow has not said so yet."""

    PANEL = "The time is over, so nothing can be decided any more."

    def late(self, people, **values):
        row = asked(people, quorum=2, due_at=timezone.now() + IN_TIME, **values)
        vote = row.decide(people.lena, "approve")
        past = timezone.now() - timedelta(minutes=1)
        Approval.objects.update(due_at=past, opened_at=past - IN_TIME)
        Decision.objects.filter(pk=vote.pk).update(acknowledged_at=past)
        return Approval.objects.get(pk=row.pk)

    @pytest.mark.parametrize(
        ("on_timeout", "words"),
        [
            ("reject", "so the workflow is rejecting it."),
            ("escalate", "so the workflow is rejecting it."),
            ("approve", "so the workflow is approving it."),
            ("expire", "so it expires."),
        ],
    )
    def test_the_clock_says_what_comes_of_it(self, see, people, on_timeout, words):
        row = self.late(people, on_timeout=on_timeout)
        assert f"It was not decided in time, {words}" in see(row).clock
        assert "Nobody" not in see(row).clock

    @pytest.mark.parametrize("who", ["lena", "mei", "amira"])
    def test_nobody_is_told_that_something_can_still_be_done(self, see, people, who, client):
        row = self.late(people)
        told = see(row, getattr(people, who))
        assert self.PANEL in told.panel
        assert "more approval is needed" not in told.panel
        assert "someone else decides" not in told.panel
        assert "Take back" not in told.panel

    def test_nothing_can_be_taken_back(self, people, client):
        row = self.late(people)
        client.force_login(people.lena, "approvals.accounts.Accounts")
        answer = client.post(f"/approvals/{row.pk}/undo/", {"key": "k"})
        assert answer.status_code == 409
        assert "It was not decided in time." in answer.content.decode()
        assert not Decision.objects.filter(verdict="retract").exists()

    def test_what_is_held_can_be_taken_back_after_the_deadline(self, people):
        row = asked(people, undo_seconds=600, due_at=timezone.now() + IN_TIME)
        row.decide(people.mei, "approve")
        Approval.objects.update(due_at=timezone.now())
        row.refresh_from_db()
        assert row.take_back(people.mei).verdict == "retract"

    def test_silence_is_no_yes_where_somebody_objected(self, see, people):
        Queue.objects.update(
            reject_quorum=2, due_seconds=300, on_timeout="approve", silence_words="Only reports."
        )
        row = an_opened()
        assert "Approved automatically at" in see(row).clock
        row.decide(people.lena, "reject", "No.")
        told = see(row)
        assert "Rejected automatically at" in told.clock
        assert "it is rejected at" in told.explained
        past = timezone.now() - timedelta(minutes=1)
        Approval.objects.update(due_at=past)
        assert "the workflow is rejecting it." in see(row).clock


class TestRejectionsNeeded:
    def test_of_two_the_first_is_told_and_can_be_taken_back(self, see, people, client):
        Queue.objects.update(reject_quorum=2, due_seconds=300)
        row = an_opened()
        row.decide(people.mei, "reject", "No.")
        told = see(row)
        assert "<b>You rejected.</b> <span>2 rejections end it.</span>" in told.panel
        assert "Take back my rejection" in told.panel
        assert "Take back my approval" not in told.page
        answer = client.post(f"/approvals/{row.pk}/undo/", {"key": "k"})
        assert answer.status_code == 303
        assert 'value="approve"' in see(row).panel
