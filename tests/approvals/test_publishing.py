"""Publishing: the workflow alone says what became of an approval, in any order and number."""

import uuid

import pytest

from approvals.models import Approval, AuditEntry, Decision
from orchestrator import client, contract
from orchestrator.contract import Ruling, Run, Snapshot
from tests.desk import a_row

pytestmark = pytest.mark.postgresql


@pytest.fixture
def row(people, monkeypatch):
    monkeypatch.setattr(client, "send_decision", lambda envelope: None)
    return a_row(people)


def ruling(decision, refusal="", **changes):
    given = {
        "decision_id": str(decision.pk),
        "signature": decision.signature,
        "refusal": refusal,
        "reviewer_id": str(decision.reviewer_id),
        "verdict": decision.verdict,
        **changes,
    }
    return Ruling(**given)


def publish(row, version, state="waiting", **more):
    run = Run(row.workflow_id, row.run_id, row.workflow_type)
    Approval.publish(Snapshot(str(row.pk), run, version, state, **more))
    row.refresh_from_db()


class TestState:
    def test_is_the_workflows(self, row, people):
        decision = row.decide(people.mei, "approve")
        publish(row, 1, "approved", counted=[ruling(decision)])
        decision.refresh_from_db()
        assert (row.state, decision.delivery) == ("approved", "applied")
        assert row.closed_at is not None

    def test_the_same_again_changes_nothing(self, row, people):
        decision = row.decide(people.mei, "approve")
        publish(row, 1, "approved", counted=[ruling(decision)])
        before = row.closed_at, AuditEntry.objects.count()
        for _ in range(3):
            publish(row, 1, "approved", counted=[ruling(decision)])
        assert (row.closed_at, AuditEntry.objects.count()) == before

    def test_an_older_word_is_ignored(self, row, people):
        publish(row, 5, "waiting")
        publish(row, 4, "approved")
        assert (row.state, row.version) == ("waiting", 5)

    def test_what_is_closed_is_not_opened(self, row, people):
        publish(row, 1, "rejected", reason="No.")
        publish(row, 2, "waiting")
        publish(row, 3, "approved")
        assert (row.state, row.reason) == ("rejected", "No.")

    def test_of_an_unknown_approval_is_nothing(self, people):
        run = Run("wf", str(uuid.uuid4()), contract.APPROVAL)
        Approval.publish(Snapshot(str(uuid.uuid4()), run, 1, "approved"))
        assert not Approval.objects.exists()

    def test_open_pages_are_told(self, row, people):
        people.general.refresh_from_db()
        before = people.general.revision
        publish(row, 1)
        people.general.refresh_from_db()
        assert people.general.revision > before


class TestRefusal:
    def test_of_what_had_settled_it_opens_the_door_again(self, row, people):
        decision = row.decide(people.mei, "approve")
        row.refresh_from_db()
        assert row.settled_at is not None
        publish(row, 1, refused=[ruling(decision, "Its key was revoked.")])
        decision.refresh_from_db()
        assert (decision.delivery, decision.refusal) == ("refused", "Its key was revoked.")
        assert (row.state, row.settled_at, row.approvals) == ("waiting", None, 0)
        row.decide(people.lena, "approve")

    def test_of_a_rejection_opens_it_too(self, row, people):
        decision = row.decide(people.mei, "reject", "No.")
        publish(row, 1, refused=[ruling(decision, "Not believed.")])
        assert row.settled_at is None

    def test_of_one_of_two_leaves_the_other(self, people, row):
        row = a_row(people, quorum=2)
        first = row.decide(people.mei, "approve")
        second = row.decide(people.lena, "approve")
        publish(row, 1, counted=[ruling(first)], refused=[ruling(second, "No.")])
        assert (row.approvals, row.settled_at) == (1, None)

    def test_forged_in_a_real_ones_name_is_noted_and_changes_nothing(self, row, people):
        decision = row.decide(people.mei, "approve")
        publish(row, 1, refused=[ruling(decision, "Not believed.", signature="AAAA")])
        decision.refresh_from_db()
        assert decision.delivery == "recorded"
        assert row.settled_at is not None
        assert AuditEntry.objects.filter(action="forged").count() == 1

    def test_a_forged_count_does_not_acknowledge(self, row, people):
        decision = row.decide(people.mei, "approve")
        publish(row, 1, counted=[ruling(decision, signature="AAAA")])
        decision.refresh_from_db()
        assert decision.delivery == "recorded"

    def test_does_not_undo_what_was_applied(self, row, people):
        decision = row.decide(people.mei, "approve")
        publish(row, 1, "approved", counted=[ruling(decision)])
        publish(row, 2, "approved", refused=[ruling(decision, "Too late.")])
        decision.refresh_from_db()
        assert decision.delivery == "applied"

    def test_of_another_approvals_decision_is_not_taken(self, row, people):
        other = a_row(people)
        decision = other.decide(people.mei, "approve")
        publish(row, 1, refused=[ruling(decision, "Too late.")], counted=[])
        decision.refresh_from_db()
        assert decision.delivery == "recorded"


class TestEnd:
    """What is over is over for every decision, too: none is left that nobody will answer."""

    def test_a_decision_that_the_workflow_never_saw_is_refused(self, row, people):
        decision = row.decide(people.mei, "approve")
        publish(row, 1, "cancelled", reason="The workflow was cancelled.")
        decision.refresh_from_db()
        assert decision.delivery == "refused"
        assert not Decision.objects.undelivered().exists()

    def test_by_the_reconciler_refuses_what_was_on_its_way(self, row, people):
        decision = row.decide(people.mei, "approve")
        assert row.end("lost", "Temporal knows nothing of it.")
        assert not row.end("lost", "Again.")
        decision.refresh_from_db()
        assert (decision.delivery, decision.refusal) == ("refused", "Temporal knows nothing of it.")
        assert AuditEntry.objects.filter(action="lost").count() == 1
