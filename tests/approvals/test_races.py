"""Races: many people decide in the same moment, and the database lets one of them win."""

import time
import uuid
from datetime import timedelta

import pytest
from django.contrib.auth.models import Group, User
from django.db import connection, connections
from django.utils import timezone

from approvals.models import Approval, AuditEntry, Decision, Delegation, Queue
from approvals.models.errors import AlreadyDecided
from orchestrator import contract
from orchestrator.counting import represented
from tests.desk import a_row, an_opened, at_once

# On SQLite writers queue for one lock, so a crowd shows no more than a few, and takes longer.
CROWD = 200 if connection.vendor == "postgresql" else 20

pytestmark = [pytest.mark.postgresql, pytest.mark.usefixtures("away")]


@pytest.fixture
def crowd(transactional_db, people, monkeypatch):
    """Many reviewers, none of whom gives up waiting for the row.

    All of them are threads of one process here, so whoever has the row gets the interpreter
    only after the others, and may keep it for longer than `lock_timeout`. What is answered
    then is tested with the faults of the database.
    """
    if connection.vendor == "postgresql":
        options = connections.settings["default"]["OPTIONS"]
        monkeypatch.setitem(options, "options", "-c lock_timeout=0 -c statement_timeout=0")
    return people.reviewers(CROWD)


def again(row):
    return Approval.objects.get(pk=row.pk)


def winners(answers):
    """Those whose decision was recorded; everybody else was told, and nothing else happened."""
    won = [each for each in answers if isinstance(each, Decision)]
    lost = [each for each in answers if isinstance(each, AlreadyDecided)]
    assert len(won) + len(lost) == len(answers), set(map(repr, answers))
    assert Decision.objects.count() == len(won)
    recorded = AuditEntry.objects.filter(action__in=["approve", "reject"]).count()
    assert recorded == len(won)
    return won


class TestOneWinner:
    def test_of_a_whole_crowd(self, crowd, people):
        row = a_row(people)
        answers = at_once(CROWD, lambda n: again(row).decide(crowd[n], "approve"))
        assert len(winners(answers)) == 1
        assert again(row).approvals == 1

    def test_of_approve_and_reject(self, crowd, people):
        for _ in range(5):
            row = a_row(people)
            answers = at_once(
                CROWD // 4,
                lambda n, row=row: again(row).decide(
                    crowd[n], ("approve", "reject")[n % 2], "Because."
                ),
            )
            won = [each for each in answers if isinstance(each, Decision)]
            assert len(won) == 1
            assert again(row).approvals == (won[0].verdict == "approve")
            assert row.decisions.count() == 1

    def test_is_what_a_naive_check_does_not_give(self, crowd, people):
        """The same crowd against read, check and write: the tests above are able to fail."""

        def naive(row, by):
            seen = again(row)
            if seen.settled_at:
                raise AlreadyDecided
            time.sleep(0.001)  # SQLite's threads would otherwise take turns
            decision = seen._signed(by, contract.APPROVE, "", uuid.uuid4().hex, "web")
            seen.settled_at = timezone.now()
            seen.save(update_fields=["settled_at"])
            decision.save(force_insert=True)
            return decision

        for _ in range(5):
            row = a_row(people)
            answers = at_once(CROWD, lambda n, row=row: naive(row, crowd[n]))
            if sum(isinstance(each, Decision) for each in answers) > 1:
                return
        pytest.fail("Nothing went wrong, so the other tests prove nothing.")


class TestQuorum:
    def test_of_two_among_fifty_is_two(self, crowd, people):
        row = a_row(people, quorum=2)
        number = min(CROWD, 50)
        answers = at_once(number, lambda n: again(row).decide(crowd[n], "approve"))
        assert len(winners(answers)) == 2
        assert again(row).approvals == 2
        assert again(row).settled_at is not None

    def test_is_not_reached_by_one_person_in_many_windows(self, crowd, people):
        row = a_row(people, quorum=3)
        answers = at_once(CROWD // 4, lambda n: again(row).decide(crowd[0], "approve"))
        assert len(winners(answers)) == 1
        assert (again(row).approvals, again(row).settled_at) == (1, None)


class TestExpiry:
    def test_nobody_is_recorded_after_the_deadline(self, crowd, people):
        due = timezone.now() + timedelta(seconds=0.5)
        row = a_row(people, quorum=50, due_at=due)
        number = min(CROWD, 49)

        def click(n):
            shift = timedelta(milliseconds=n - number // 2)
            time.sleep(max((due + shift - timezone.now()).total_seconds(), 0))
            return again(row).decide(crowd[n], "approve")

        for decision in winners(at_once(number, click)):
            assert decision.decided_at < due

    def test_end_and_click(self, crowd, people):
        """The reconciler ends it while people click: it closes once, and each is answered."""
        row = a_row(people, quorum=50)

        def race(n):
            if n == 0:
                return again(row).end(contract.LOST, "Gone.")
            return again(row).decide(crowd[n], "approve")

        answers = at_once(min(CROWD, 40), race)
        assert [each for each in answers if each is True] == [True]
        assert again(row).state == "lost"
        undelivered = Decision.objects.undelivered()
        # Who clicked just before the end was not among those it refused; the relay tells them.
        assert all(each.decided_at <= again(row).closed_at for each in undelivered)


class TestRules:
    """Where all votes are looked at, they are looked at one by one."""

    def test_each_group_has_a_person_of_its_own(self, crowd, people):
        finance, security = (Group.objects.create(name=n) for n in ("Finance", "Security"))
        for number, person in enumerate(crowd):
            person.groups.add(finance if number % 10 else security)
        people.general.required_groups.add(finance, security)
        row = an_opened()
        number = min(CROWD, 50)
        winners(at_once(number, lambda n: again(row).decide(crowd[n], "approve")))
        votes = [set(each.groups) for each in Decision.objects.order_by("decided_at")]
        assert again(row).settled_at is not None
        assert represented(["Finance", "Security"], votes)
        # The door closed behind the one that completed it: without it they are not enough.
        row = again(row)
        (last,) = row.decisions.filter(decided_at=row.settled_at)
        before = [set(each.groups) for each in row.decisions.exclude(pk=last.pk)]
        assert not represented(["Finance", "Security"], before)

    def test_who_is_away_and_who_stands_in_have_one_vote(self, crowd, people):
        ola, now = User.objects.create(username="ola"), timezone.now()
        Delegation.objects.create(
            away=crowd[0], to=ola, starts=now - timedelta(1), ends=now + timedelta(1)
        )
        pair = (crowd[0], ola)
        for _ in range(5):
            row = an_opened(quorum=3)
            answers = at_once(10, lambda n, row=row: again(row).decide(pair[n % 2], "approve"))
            assert sum(isinstance(each, Decision) for each in answers) == 1
            assert again(row).approvals == 1

    def test_so_many_rejections_and_no_more(self, crowd, people):
        Queue.objects.update(reject_quorum=3, due_seconds=3600)
        row = an_opened()
        number = min(CROWD, 50)
        answers = at_once(number, lambda n: again(row).decide(crowd[n], "reject", "No."))
        assert len(winners(answers)) == 3
        assert again(row).settled_at is not None
