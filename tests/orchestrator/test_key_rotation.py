"""Keys change while workflows wait."""

import pytest
from django.conf import settings
from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer

from approvals.models import Decision
from orchestrator import client, signing
from orchestrator.workflows.approval import ApprovalWorkflow
from orchestrator.workflows.guarded_task import GuardedTask
from tests.desk import on_loop, recorded, until, working


@pytest.fixture
def rotate():
    return lambda: signing.create_key(settings.VAR)


def delivery(decision):
    return Decision.objects.get(pk=decision.pk).delivery


class TestRotation:
    def test_decisions_of_both_keys_count(self, desk, worker, people, rotate):
        flow = desk.task(quorum=2)
        row = flow.approval()
        old = recorded(row, people.mei)
        rotate()
        new = row.decide(people.lena, "approve")
        old.deliver()
        assert flow.result()["outcome"] == "approved"
        assert old.envelope["key_id"] != new.envelope["key_id"]
        until(lambda: delivery(old) == delivery(new) == "applied")

    def test_while_many_wait(self, desk, worker, people, rotate):
        flows = [desk.task() for _ in range(20)]
        rows = [flow.approval() for flow in flows]
        decisions = [recorded(row, people.mei) for row in rows[:10]]
        rotate()
        for decision in decisions:
            decision.deliver()
        for row in rows[10:]:
            row.decide(people.mei, "approve")
        assert {flow.result()["outcome"] for flow in flows} == {"approved"}

    def test_a_workflow_that_counted_the_old_one_replays(self, desk, people, rotate):
        """Another worker takes over, with a ring that does not believe the old key any more."""
        with working():
            flow = desk.task(quorum=2)
            row = flow.waiting()
            old = row.decide(people.mei, "approve")
            until(lambda: delivery(old) == "applied")
        rotate()
        signing.revoke_key(settings.VAR, old.envelope["key_id"])
        on_loop(replay(flow))
        with working():
            row.decide(people.lena, "approve")
            assert flow.result(30)["outcome"] == "approved"
        assert not flow.wedged()
        on_loop(replay(flow))


async def replay(flow):
    temporal = await client.connect()
    history = await temporal.get_workflow_handle(flow.id, run_id=flow.run_id).fetch_history()
    found = WorkflowHistory(flow.id, history.events)
    await Replayer(workflows=[ApprovalWorkflow, GuardedTask]).replay_workflow(found)


class TestRevocation:
    def test_what_the_key_signed_is_refused_and_the_door_open_again(
        self, desk, worker, people, rotate
    ):
        flow = desk.task()
        row = flow.waiting()
        decision = recorded(row, people.mei)
        rotate()
        signing.revoke_key(settings.VAR, decision.envelope["key_id"])
        decision.deliver()
        until(lambda: delivery(decision) == "refused")
        assert "was revoked on" in Decision.objects.get(pk=decision.pk).refusal
        row.refresh_from_db()
        assert (row.state, row.settled_at) == ("waiting", None)
        row.decide(people.mei, "approve")
        assert flow.result()["outcome"] == "approved"
