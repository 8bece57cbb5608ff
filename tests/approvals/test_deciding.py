"""Deciding: who may, what is needed, and that a refusal records nothing at all."""

import uuid
from datetime import timedelta

import pytest
from django.contrib.auth.models import Group
from django.db import (
    DatabaseError,
    IntegrityError,
    OperationalError,
    connection,
    transaction,
)
from django.db.models import ProtectedError
from django.utils import timezone

from approvals.models import Approval, AuditEntry, Decision, Queue
from approvals.models.errors import AlreadyDecided, Changed, Incomplete, NotYours
from orchestrator import client, contract, signing
from tests.desk import a_row, an_opened, at_once


@pytest.fixture
def row(people, away):
    return a_row(people)


def state():
    """All that a decision could have written."""
    rows = Approval.objects.values_list("pk", "approvals", "settled_at", "state", "version")
    revisions = Queue.objects.filter(slug="general").values_list("revision")
    return list(rows), list(revisions), Decision.objects.count(), AuditEntry.objects.count()


@pytest.fixture
def nothing_recorded(row):
    before = state()
    yield
    assert state() == before


class TestWho:
    def test_a_reviewer_of_the_queue(self, row, people):
        decision = row.decide(people.mei, "approve", "Fine.")
        assert decision.envelope["body"] == {
            **decision.envelope["body"],
            "approval_id": str(row.pk),
            "run_id": row.run_id,
            "verdict": "approve",
            "comment": "Fine.",
            "payload_sha256": row.payload_sha256,
            "decided_at": decision.decided_at.isoformat(),
        }
        row.refresh_from_db()
        assert (row.state, row.approvals) == ("waiting", 1)
        assert row.settled_at is not None

    @pytest.mark.usefixtures("nothing_recorded")
    class TestNotYours:
        def test_somebody_else(self, row, people):
            with pytest.raises(NotYours, match=r"General reviewers decide this: mei, lena"):
                row.decide(people.amira, "approve")

        def test_a_superuser_has_no_way_of_their_own(self, row, people):
            people.amira.is_superuser = True
            people.amira.save()
            with pytest.raises(NotYours):
                row.decide(people.amira, "approve")

        def test_a_reviewer_of_another_queue(self, row, people):
            other = Queue.objects.create(slug="other", name="Other")
            with pytest.raises(NotYours):
                row.decide(people.reviewer("ana", other), "approve")

        def test_who_left(self, row, people):
            people.mei.is_active = False
            people.mei.save()
            with pytest.raises(NotYours):
                row.decide(people.mei, "approve")

        def test_who_is_no_reviewer_any_more(self, row, people):
            people.general.reviewers.remove(people.mei)
            with pytest.raises(NotYours):
                row.decide(people.mei, "approve")

    @pytest.mark.parametrize(
        "requester",
        [
            "mei",
            "MEI",
            " mei ",
            "Mei\u00a0",
            "ｍｅｉ",
            "mei@example.com",
            "MEI@Example.COM",
            "ｍei",
        ],
    )
    def test_your_own_request_however_you_are_spelt(self, people, away, requester, desk_open):
        row = desk_open(requester=requester)
        with pytest.raises(NotYours, match="You asked for this"):
            row.decide(people.mei, "approve")
        assert not Decision.objects.exists()
        assert not Approval.objects.decidable_by(people.mei).exists()
        row.decide(people.lena, "approve")

    def test_a_new_name_does_not_help_who_asked(self, people, away, desk_open):
        row = desk_open(requester="mei")
        people.mei.username, people.mei.email = "somebody", "somebody@example.com"
        people.mei.save()
        with pytest.raises(NotYours):
            row.decide(people.mei, "approve")

    def test_a_similar_name_is_another_person(self, people, away, desk_open):
        people.reviewer("mei2")
        row = desk_open(requester="mei2")
        row.decide(people.mei, "approve")

    def test_members_of_a_group(self, row, people):
        people.amira.groups.add(Group.objects.create(name="Treasury"))
        people.general.groups.add(Group.objects.get())
        row.decide(people.amira, "approve")


@pytest.fixture
def desk_open(people):
    """Approvals as workflows open them."""

    def open_one(**request):
        given = contract.Request.read({"title": "Pay", "payload": {"n": 1}, **request})
        run = contract.Run(f"wf-{uuid.uuid4()}", str(uuid.uuid4()), contract.APPROVAL)
        return Approval.open(str(uuid.uuid4()), given, run)

    return open_one


@pytest.mark.usefixtures("nothing_recorded")
class TestIncomplete:
    @pytest.mark.parametrize("comment", ["", " ", "\t\n"])
    def test_a_rejection_without_a_reason(self, row, people, comment):
        with pytest.raises(Incomplete, match="Say why you are rejecting"):
            row.decide(people.mei, "reject", comment)

    @pytest.mark.parametrize(
        "verdict", ["", "APPROVE", "approved", "yes", "maybe", "retract", "withdraw", "waiting"]
    )
    def test_a_verdict_that_is_none(self, row, people, verdict):
        with pytest.raises(Incomplete):
            row.decide(people.mei, verdict, "Because.")

    def test_a_reason_too_long(self, row, people):
        with pytest.raises(Incomplete, match="4001 characters; 4000 are allowed"):
            row.decide(people.mei, "reject", "x" * 4001)

    def test_what_was_seen_is_not_what_is_asked(self, row, people):
        with pytest.raises(Changed):
            row.decide(people.mei, "approve", seen_sha256=contract.sha256({"amount": "1.00"}))
        with pytest.raises(Changed):
            row.decide(people.mei, "approve", seen_sha256="")

    def test_without_a_key_nothing_is_recorded(self, row, people, tmp_path, settings):
        settings.VAR = tmp_path
        with pytest.raises(signing.NoKey):
            row.decide(people.mei, "approve")


class TestChangedMeanwhile:
    def test_the_payload_in_the_transaction(self, row, people):
        """It changes after the check, before the commit: the update itself compares."""
        stale = Approval.objects.get(pk=row.pk)
        Approval.objects.filter(pk=row.pk).update(payload_sha256="0" * 64)
        with pytest.raises(AlreadyDecided):
            stale.decide(people.mei, "approve", seen_sha256=stale.payload_sha256)
        assert not Decision.objects.exists()

    def test_the_run_in_the_transaction(self, row, people):
        stale = Approval.objects.get(pk=row.pk)
        Approval.objects.filter(pk=row.pk).update(run_id="another")
        with pytest.raises(AlreadyDecided):
            stale.decide(people.mei, "approve")
        assert not Decision.objects.exists()


class TestAlreadyDecided:
    @pytest.mark.parametrize("first", ["approve", "reject"])
    @pytest.mark.parametrize("second", ["approve", "reject"])
    def test_the_second_is_too_late_and_told_who_was_first(self, row, people, first, second):
        row.decide(people.mei, first, "Because.")
        stale = Approval.objects.get(pk=row.pk)
        with pytest.raises(AlreadyDecided, match=r"mei (approved|rejected) it at \d\d:\d\d\."):
            stale.decide(people.lena, second, "Because.")
        assert Decision.objects.count() == 1

    @pytest.mark.parametrize("closed", ["approved", "rejected", "expired", "cancelled", "lost"])
    def test_what_is_closed_stays_closed(self, people, away, closed):
        row = a_row(people, state=closed)
        with pytest.raises(AlreadyDecided):
            row.decide(people.mei, "approve")
        assert not Decision.objects.exists()

    def test_what_is_overdue(self, people, away):
        row = a_row(people, due_at=timezone.now() - timedelta(milliseconds=1))
        with pytest.raises(AlreadyDecided, match="not decided in time"):
            row.decide(people.mei, "approve")

    def test_the_same_person_twice(self, people, away):
        row = a_row(people, quorum=2)
        row.decide(people.mei, "approve")
        for verdict in ("approve", "reject"):
            with pytest.raises(AlreadyDecided):
                row.decide(people.mei, verdict, "Because.")
        row.refresh_from_db()
        assert (row.approvals, row.settled_at) == (1, None)

    def test_a_refused_decision_may_be_made_anew(self, people, away):
        row = a_row(people, quorum=2)
        row.decide(people.mei, "approve").refuse("The workflow does not believe it.")
        Approval.objects.filter(pk=row.pk).update(approvals=0)
        row.decide(people.mei, "approve")
        assert Decision.objects.standing().count() == 1


class TestWords:
    """What a second reviewer, the shell and the page are told of what became of it."""

    @pytest.fixture(autouse=True)
    def away(self, monkeypatch):
        monkeypatch.setattr(client, "send_decision", lambda envelope: None)

    @pytest.mark.parametrize(
        ("verdict", "words"),
        [
            ("approve", "lena approved it at"),
            ("reject", "lena rejected it at"),
            ("request_changes", "lena asked for changes at"),
            ("correct", "lena corrected it at"),
        ],
    )
    def test_nothing_but_an_approve_is_called_one(self, people, verdict, words):
        Queue.objects.update(offers_changes=True)
        row = an_opened(quorum=2, payload={"to": "Acme"}, editable=["to"])
        row.decide(people.mei, "approve")
        edits = {"to": "Acme Ltd"} if verdict == "correct" else None
        Approval.objects.get(pk=row.pk).decide(people.lena, verdict, "The name.", edits=edits)
        assert words in Approval.objects.get(pk=row.pk).words()

    def test_what_is_withdrawn_was_not_approved(self, people):
        row = a_row(people, quorum=2, requester_user=people.amira)
        row.decide(people.mei, "approve")
        row.withdraw(people.amira)
        assert "amira withdrew it at" in Approval.objects.get(pk=row.pk).words()

    def test_what_time_rejects_was_not_approved(self, people):
        row = a_row(people, quorum=2)
        row.decide(people.mei, "approve")
        row.state, row.reason = "rejected", "Nobody else decided in time."
        assert row.words() == "Rejected. Nobody else decided in time."


class TestIdempotencyKey:
    def test_the_same_form_twice_is_one_decision(self, row, people):
        first = row.decide(people.mei, "approve", key="form-1")
        again = row.decide(people.mei, "approve", key="form-1")
        assert first.pk == again.pk
        assert Decision.objects.count() == 1
        assert AuditEntry.objects.filter(action="approve").count() == 1

    def test_the_repeat_returns_what_was_recorded_first(self, row, people):
        row.decide(people.mei, "approve", "Fine.", key="form-1")
        again = row.decide(people.mei, "reject", "No.", key="form-1")
        assert (again.verdict, again.comment) == ("approve", "Fine.")

    def test_is_each_persons_own(self, people, away):
        row = a_row(people, quorum=2)
        first = row.decide(people.mei, "approve", key="form-1")
        second = row.decide(people.lena, "approve", key="form-1")
        assert first.pk != second.pk

    @pytest.mark.postgresql
    @pytest.mark.parametrize("number", [2, 5, 50])
    def test_many_at_once_are_one_decision(self, transactional_db, people, away, number):
        row = a_row(people)
        answers = at_once(number, lambda _n: row_again(row).decide(people.mei, "approve", key="k"))
        assert {each.pk for each in answers} == {Decision.objects.get().pk}


def row_again(row):
    return Approval.objects.get(pk=row.pk)


class Fails:
    """Raises instead of the n-th statement that the database is asked to run."""

    def __init__(self, number, error):
        self.left, self.error = number, error

    def __call__(self, execute, sql, params, many, context):
        self.left -= 1
        if self.left == 0:
            raise self.error("the database failed")
        return execute(sql, params, many, context)


class TestFailpoints:
    """Each statement of `decide` fails once: there is never a half state."""

    @pytest.mark.postgresql
    @pytest.mark.parametrize("verdict", ["approve", "reject"])
    @pytest.mark.parametrize("error", [OperationalError, IntegrityError, RuntimeError])
    def test_no_half_state(self, transactional_db, people, away, verdict, error):
        row = a_row(people)
        before = state()
        for number in range(1, 60):
            failing = Fails(number, error)
            try:
                with connection.execute_wrapper(failing):
                    row_again(row).decide(people.mei, verdict, "Because.")
            except (OperationalError, IntegrityError, RuntimeError, AlreadyDecided):
                if failing.left > 0:  # not our own fault
                    raise
            if Decision.objects.exists():
                break  # what failed came after the commit, or nothing did
            assert state() == before, f"after statement {number}"
        assert Decision.objects.count() == 1
        assert AuditEntry.objects.filter(action=verdict).count() == 1
        assert row_again(row).settled_at is not None
        assert number > 5

    def test_a_failing_commit_records_nothing(self, transactional_db, people, away, monkeypatch):
        row = a_row(people)
        before = state()

        def commit():
            raise OperationalError("disk full")

        with monkeypatch.context() as patched:
            patched.setattr(connection, "_commit", commit)
            with pytest.raises(OperationalError):
                row.decide(people.mei, "approve")
        assert state() == before

    def test_trouble_after_the_commit_is_no_error(self, transactional_db, people, monkeypatch):
        """Recorded is recorded: whatever the sending raises, the person is not told otherwise."""
        row = a_row(people)

        def explode(envelope):
            raise ZeroDivisionError

        monkeypatch.setattr(client, "send_decision", explode)
        decision = row.decide(people.mei, "approve")
        assert decision.delivery == "recorded"
        assert Decision.objects.to_send(timezone.now() + timedelta(minutes=1)).count() == 1


@pytest.mark.postgresql
@pytest.mark.usefixtures("triggers")
class TestAppendOnly:
    """Neither code nor SQL alters what was decided or audited."""

    def refuses(self, sql, *params):
        with (
            pytest.raises(DatabaseError, match="append-only"),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(sql, params)

    @pytest.mark.parametrize(
        "column",
        ["verdict", "comment", "decided_at", "channel", "key", "envelope", "reviewer_id"],
    )
    def test_a_decision_is_not_changed(self, row, people, column):
        row.decide(people.mei, "approve")
        self.refuses(f"UPDATE approvals_decision SET {column} = {column}")  # noqa: S608

    def test_a_decision_is_not_deleted(self, row, people):
        decision = row.decide(people.mei, "approve")
        self.refuses("DELETE FROM approvals_decision")
        with pytest.raises(TypeError):
            decision.delete()
        with pytest.raises(DatabaseError), transaction.atomic():
            Decision.objects.all().delete()

    def test_its_delivery_is_stamped(self, row, people):
        decision = row.decide(people.mei, "approve")
        decision.acknowledge()
        decision.refresh_from_db()
        assert decision.delivery == "applied"

    @pytest.mark.parametrize("column", ["at", "actor_name", "action", "detail", "run_id"])
    def test_the_audit_is_not_changed(self, row, people, column):
        row.decide(people.mei, "approve")
        self.refuses(f"UPDATE approvals_auditentry SET {column} = {column}")  # noqa: S608

    def test_the_audit_is_not_deleted(self, row, people):
        row.decide(people.mei, "approve")
        self.refuses("DELETE FROM approvals_auditentry")
        entry = AuditEntry.objects.get()
        with pytest.raises(TypeError):
            entry.save()
        with pytest.raises(TypeError):
            entry.delete()


class TestPeopleOfOldDecisions:
    def test_are_not_deleted_with_them(self, row, people):
        row.decide(people.mei, "approve")
        for each in (people.mei, people.general):
            with pytest.raises(ProtectedError):
                each.delete()
