"""Taking back: a vote while the workflow can still let go, a request by who asked for it."""

from datetime import timedelta

import pytest
from django.utils import timezone

from approvals.models import Approval, Decision
from approvals.models.errors import AlreadyDecided, NotYours
from orchestrator import client
from tests.desk import a_row, at_once, until

pytestmark = pytest.mark.postgresql


@pytest.fixture
def away(monkeypatch):
    monkeypatch.setattr(client, "send_decision", lambda envelope: None)


class TestTakeBack:
    def test_while_the_quorum_is_open(self, people, away):
        row = a_row(people, quorum=2)
        row.decide(people.mei, "approve")
        back = row.take_back(people.mei)
        row.refresh_from_db()
        assert (row.approvals, row.settled_at) == (0, None)
        assert back.envelope["body"]["retracts"] == str(back.retracts_id)
        row.decide(people.mei, "reject", "On second thoughts.")

    def test_while_the_outcome_is_held(self, people, away):
        row = a_row(people, undo_seconds=10)
        row.decide(people.mei, "approve")
        row.refresh_from_db()
        assert row.held_until is not None
        row.take_back(people.mei)
        row.refresh_from_db()
        assert (row.settled_at, row.held_until, row.approvals) == (None, None, 0)

    def test_of_a_rejection(self, people, away):
        row = a_row(people, undo_seconds=10)
        row.decide(people.mei, "reject", "No.")
        row.refresh_from_db()
        row.take_back(people.mei)
        row.refresh_from_db()
        assert (row.settled_at, row.approvals) == (None, 0)

    def test_is_too_late_when_the_time_is_over(self, people, away):
        row = a_row(people, undo_seconds=10)
        row.decide(people.mei, "approve")
        Approval.objects.update(held_until=timezone.now() - timedelta(seconds=1))
        row.refresh_from_db()
        with pytest.raises(AlreadyDecided, match="Too late to undo"):
            row.take_back(people.mei)

    def test_is_too_late_without_time_for_it(self, people, away):
        row = a_row(people)
        row.decide(people.mei, "approve")
        row.refresh_from_db()
        with pytest.raises(AlreadyDecided):
            row.take_back(people.mei)

    def test_is_nobody_elses(self, people, away):
        row = a_row(people, quorum=2)
        row.decide(people.mei, "approve")
        with pytest.raises(AlreadyDecided):
            row.take_back(people.lena)

    def test_many_at_once_take_back_once(self, transactional_db, people, away):
        row = a_row(people, quorum=3)
        row.decide(people.mei, "approve")
        at_once(10, lambda _n: Approval.objects.get(pk=row.pk).take_back(people.mei))
        row.refresh_from_db()
        assert row.approvals == 0
        assert Decision.objects.filter(verdict="retract").count() == 1


class TestWithdraw:
    def test_is_for_who_asked(self, people, away):
        row = a_row(people, requester_user=people.amira, requester="amira")
        with pytest.raises(NotYours):
            row.withdraw(people.mei)
        row.withdraw(people.amira, "Not needed any more.")
        row.refresh_from_db()
        with pytest.raises(AlreadyDecided):
            row.decide(people.mei, "approve")

    def test_and_approve_at_once_have_one_winner(self, transactional_db, people, away):
        for _ in range(5):
            row = a_row(people, requester_user=people.amira, requester="amira")

            def race(n, row=row):
                mine = Approval.objects.get(pk=row.pk)
                return mine.decide(people.mei, "approve") if n else mine.withdraw(people.amira)

            answers = at_once(2, race)
            assert sum(isinstance(each, Decision) for each in answers) == 1


class TestOnTheServer:
    def test_nothing_happens_before_the_time_is_over(self, desk, worker, people):
        people.general.undo_seconds = 1
        people.general.save()
        flow = desk.task()
        flow.approval().decide(people.mei, "approve")
        until(lambda: flow.snapshot().held == "approved")
        assert flow.agent_runs() == 0
        assert flow.result()["outcome"] == "approved"

    def test_a_vote_taken_back_does_not_count(self, desk, worker, people):
        people.general.undo_seconds = 5
        people.general.save()
        flow = desk.task()
        row = flow.approval()
        vote = row.decide(people.mei, "approve")
        until(lambda: flow.snapshot().held == "approved")
        row.refresh_from_db()
        back = row.take_back(people.mei)
        until(lambda: Decision.objects.get(pk=back.pk).delivery == "applied")
        assert flow.snapshot().counted == []
        vote.refresh_from_db()
        assert vote.retracted_at is not None
        row.refresh_from_db()
        row.decide(people.lena, "reject", "No.")
        assert flow.result()["outcome"] == "rejected"

    def test_a_withdrawal_cancels(self, desk, worker, people):
        flow = desk.task(requester="amira")
        flow.approval().withdraw(people.amira, "Not needed.")
        answer = flow.result()
        assert answer["outcome"] == "cancelled"
        assert answer["reason"] == "Withdrawn by amira. Not needed."
        assert flow.agent_runs() == 0
