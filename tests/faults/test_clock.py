"""The site's clock steps; Temporal's does not. A deadline holds, and one decision is one."""

from datetime import timedelta

import pytest
from django.utils import timezone

from approvals.delivery import relay
from approvals.models import Approval, AuditEntry, Comment, Decision
from approvals.models.errors import AlreadyDecided
from orchestrator import client
from tests.desk import a_row, recorded, until

A_WHILE = timedelta(hours=2)


def fresh(row: Approval) -> Approval:
    return Approval.objects.get(pk=row.pk)


class TestForward:
    def test_nothing_is_decided_until_it_is_right_again(self, desk, worker, people, clock):
        flow = desk.approval(due_seconds=3600)
        row = flow.waiting()
        clock.ahead = A_WHILE
        with pytest.raises(AlreadyDecided, match="not decided in time"):
            fresh(row).decide(people.mei, "approve")
        assert not Decision.objects.exists()
        clock.ahead = timedelta()
        fresh(row).decide(people.mei, "approve")
        assert flow.result()["outcome"] == "approved"
        assert Decision.objects.count() == 1


class TestBack:
    def test_what_ended_in_time_stays_ended(self, desk, worker, people, clock):
        """To this site the deadline is two hours away."""
        flow = desk.approval(due_seconds=1)
        row = flow.waiting()
        clock.ahead = -A_WHILE
        assert flow.result()["outcome"] == "rejected"
        assert timezone.now() < flow.closed().due_at
        with pytest.raises(AlreadyDecided):
            fresh(row).decide(people.mei, "approve")
        assert not Decision.objects.exists()

    def test_what_could_not_be_sent_is_sent_soon(self, people, clock, monkeypatch):
        """Its pause of some seconds, by a clock that was wrong, is no pause of two hours."""
        sent = []
        monkeypatch.setattr(client, "send_decision", lambda envelope: sent.append(envelope))
        clock.ahead = A_WHILE
        decision = recorded(a_row(people), people.mei)
        assert relay() == 0  # its own request sends it first
        clock.ahead = timedelta()
        assert relay() == 1
        assert sent == [decision.envelope]

    def test_what_was_answered_stays_answered(self, people, clock):
        row = a_row(people, requester_user=people.amira)
        clock.ahead = A_WHILE
        question = Comment.add(row, people.mei, "Which account?", Comment.Kind.QUESTION)
        assert Comment.open_question(row.comments.all()) == question
        assert Comment.open_questions([row]) == {row.pk: question}
        clock.ahead = timedelta()
        Comment.add(row, people.amira, "The old one.", Comment.Kind.ANSWER)
        assert Comment.open_question(row.comments.all()) is None
        assert Comment.open_questions([row]) == {}


class TestEitherWay:
    @pytest.mark.parametrize("ahead", [A_WHILE, -A_WHILE])
    def test_the_same_form_is_the_same_decision(self, desk, worker, people, clock, ahead):
        flow = desk.approval(quorum=2, due_seconds=8 * 3600)
        row = flow.waiting()
        first = fresh(row).decide(people.mei, "approve", key="the form")
        clock.ahead = ahead
        assert fresh(row).decide(people.mei, "approve", key="the form") == first
        with pytest.raises(AlreadyDecided):
            fresh(row).decide(people.mei, "approve", key="another form")
        second = fresh(row).decide(people.lena, "approve")
        assert flow.result()["outcome"] == "approved"
        for each in (first, second):
            until(lambda each=each: Decision.objects.get(pk=each.pk).delivery == "applied")
        assert Decision.objects.count() == 2
        written = AuditEntry.objects.filter(action="approve").order_by("pk")
        assert [entry.actor for entry in written] == [people.mei, people.lena]
