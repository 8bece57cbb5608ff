"""The reconciler: rows and workflows that lost sight of each other find each other again."""

import uuid
from contextlib import suppress
from datetime import timedelta

import pytest
from django.core.management.color import no_style
from django.db import connection
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import EventType
from temporalio.api.workflowservice.v1 import (
    DeleteWorkflowExecutionRequest,
    ResetWorkflowExecutionRequest,
)

from approvals.delivery import relay
from approvals.models import Approval, AuditEntry, Decision, WorkflowRun
from approvals.models.errors import AlreadyDecided
from approvals.reconciler import end_missing, reconcile
from orchestrator import client
from tests.desk import Flow, a_row, recorded, until

pytestmark = pytest.mark.postgresql


def reconciled(true):
    """Reconcile until it is true: what Temporal lists may be a second late."""

    def turn():
        reconcile()
        return true()

    return until(turn)


def reset(flow, event_id):
    """Temporal's own reset, as an operator does it; the new run."""

    async def ask(temporal):
        answer = await temporal.workflow_service.reset_workflow_execution(
            ResetWorkflowExecutionRequest(
                namespace=temporal.namespace,
                workflow_execution=WorkflowExecution(workflow_id=flow.id, run_id=flow.run_id),
                reason="test",
                workflow_task_finish_event_id=event_id,
                request_id=str(uuid.uuid4()),
            )
        )
        return answer.run_id

    return Flow(flow.id, client.bridge.call(ask, 10))


def tasks_completed(flow):
    """Ids of the events that one can reset to."""
    return [each.event_id for each in flow.events("WORKFLOW_TASK_COMPLETED")]


def before_the_decision(flow):
    (decided,) = (each.event_id for each in flow.events("WORKFLOW_EXECUTION_SIGNALED"))
    return max(each for each in tasks_completed(flow) if each < decided)


class TestGone:
    def test_terminated_is_cancelled(self, desk, worker, people):
        flow = desk.task()
        row = flow.waiting()
        decision = recorded(row, people.mei)
        flow.terminate()
        reconciled(lambda: flow.approval().state == "cancelled")
        assert flow.approval().reason == "The workflow was terminated."
        decision.refresh_from_db()
        assert (decision.delivery, decision.refusal) == ("refused", "The workflow was terminated.")
        assert AuditEntry.objects.filter(action="cancelled", actor_name="worker").count() == 1

    def test_timed_out_is_lost(self, desk, worker, people):
        flow = desk.start("GuardedTask", {"task": "Pay"}, execution_timeout=timedelta(seconds=1))
        flow.waiting()
        reconciled(lambda: flow.approval().state == "lost")
        assert "timed_out" in flow.approval().reason

    def test_deleted_is_lost(self, desk, worker, people):
        flow = desk.task()
        flow.waiting()

        async def delete(temporal):
            await temporal.workflow_service.delete_workflow_execution(
                DeleteWorkflowExecutionRequest(
                    namespace=temporal.namespace,
                    workflow_execution=WorkflowExecution(workflow_id=flow.id),
                )
            )

        client.bridge.call(delete, 10)
        reconciled(lambda: flow.approval().state == "lost")

    def test_unknown_to_temporal_is_lost(self, desk, people):
        row = a_row(people)
        decision = recorded(row, people.mei)
        reconcile()
        row.refresh_from_db()
        assert (row.state, row.closed_at is not None) == ("lost", True)
        assert Decision.objects.get(pk=decision.pk).delivery == "refused"
        with pytest.raises(AlreadyDecided):
            row.decide(people.lena, "approve")

    def test_what_waits_is_left_alone(self, desk, worker, people):
        flow = desk.task(quorum=2)
        row = flow.waiting()
        row.decide(people.mei, "approve")
        until(lambda: flow.snapshot().counted)
        for _ in range(3):
            reconcile()
        row.refresh_from_db()
        assert row.state == "waiting"
        assert row.audit.filter(action="opened").count() == 1
        assert flow.agent_runs() == 0

    def test_asks_those_not_asked_for_longest(self, desk, people, monkeypatch):
        rows = [a_row(people) for _ in range(3)]
        Approval.objects.filter(pk=rows[0].pk).update(checked_at="2020-01-01T00:00:00Z")
        monkeypatch.setattr("approvals.reconciler.ONE_BY_ONE", 1)
        end_missing()
        assert Approval.objects.get(state="lost") == rows[0]

    def test_temporal_away_ends_nothing(self, people, monkeypatch):
        """That nobody answers is no reason to believe that workflows are gone."""
        row = a_row(people)

        def away(*args):
            raise client.Unreachable("away")

        for name in ("execution", "executions", "snapshot"):
            monkeypatch.setattr(client, name, away)
        reconcile()
        row.refresh_from_db()
        assert row.state == "waiting"


class TestRowLost:
    """The site's database was restored from a backup: workflows wait that it does not know."""

    def forget(self):
        """As Django empties tables between tests, whatever triggers say."""
        models = (AuditEntry, Decision, Approval, WorkflowRun)
        tables = [each._meta.db_table for each in models]
        statements = connection.ops.sql_flush(no_style(), tables, allow_cascade=True)
        connection.ops.execute_sql_flush(statements)

    def test_it_gets_one_again_on_its_own_terms(self, desk, worker, people):
        flow = desk.task(quorum=2, due_seconds=600, key="INV-1", requester="amira")
        row = flow.waiting()
        self.forget()
        people.general.quorum = 3
        people.general.due_seconds = 5
        people.general.save()
        again = reconciled(lambda: flow.approvals and flow.approvals[0])
        same = ("pk", "run_id", "quorum", "due_at", "payload_sha256", "key", "requester_user")
        assert [getattr(again, each) for each in same] == [getattr(row, each) for each in same]
        again.decide(people.mei, "approve")
        again.decide(people.lena, "approve")
        assert flow.result()["outcome"] == "approved"

    def test_a_vote_that_counted_is_not_forgotten(self, desk, worker, people):
        """Its decision row is gone, but the workflow has it: nobody votes twice."""
        flow = desk.task(quorum=2)
        flow.waiting().decide(people.mei, "approve")
        until(lambda: flow.snapshot().counted)
        self.forget()
        again = reconciled(lambda: flow.approvals and flow.approvals[0])
        again.decide(people.lena, "approve")
        assert flow.result()["outcome"] == "approved"
        assert flow.agent_runs() == 1

    def test_a_workflow_that_ended_gets_none(self, desk, worker, people):
        flow = desk.task()
        flow.waiting().decide(people.mei, "approve")
        flow.result()
        self.forget()
        for _ in range(3):
            reconcile()
        assert not flow.approvals


class TestReset:
    """An operator resets a workflow: what was approved is asked again, and nothing runs twice."""

    def test_to_before_the_decision_asks_again(self, desk, worker, people):
        flow = desk.task()
        old = flow.approval()
        decision = old.decide(people.mei, "approve")
        flow.result()
        newer = reset(flow, before_the_decision(flow))
        row = newer.approval(2)
        assert row.run_id == newer.run_id
        assert row.pk != old.pk
        relay()
        assert newer.status == "running"
        assert newer.agent_runs() == 0
        old.refresh_from_db()
        assert old.state == "approved"  # it was, in its run
        decision.refresh_from_db()
        assert decision.delivery == "applied"
        row.decide(people.lena, "reject", "Once is enough.")
        assert newer.result()["outcome"] == "rejected"

    def test_while_it_waits_closes_the_old_row(self, desk, worker, people):
        flow = desk.task()
        flow.waiting()
        newer = reset(flow, tasks_completed(flow)[-1])
        row = newer.approval(2)
        reconciled(lambda: flow.approval(1).state == "cancelled")
        row.decide(people.mei, "approve")
        assert newer.result()["outcome"] == "approved"
        assert newer.agent_runs() == 1

    def test_wherever_to_the_agent_does_not_run_again(self, desk, worker, people):
        flow = desk.task()
        flow.approval().decide(people.mei, "approve")
        flow.result()
        points = tasks_completed(flow)
        assert len(points) >= 4
        for number, point in enumerate(points):
            newer = reset(flow, point)
            desk.flows.append(newer)
            until(lambda n=newer: n.status != "running" or asks_again(n))
            ran = started_here(newer)
            assert ran == 0, f"reset to event {point} ran the agent"
            if newer.status == "running" and number < len(points) - 1:
                with suppress(client.NotFound):
                    newer.terminate()

    def test_a_decision_on_its_way_to_the_old_run_is_refused(self, desk, worker, people):
        flow = desk.task()
        row = flow.waiting()
        decision = recorded(row, people.mei)
        newer = reset(flow, tasks_completed(flow)[-1])
        newer.approval(2)
        decision.deliver()
        reconcile()
        decision.refresh_from_db()
        assert decision.delivery == "refused"
        assert newer.agent_runs() == 0

    def test_an_old_envelope_sent_to_the_new_run_is_refused(self, desk, worker, people):
        flow = desk.task()
        row = flow.waiting()
        envelope = row.decide(people.mei, "approve").envelope
        flow.result()
        newer = reset(flow, before_the_decision(flow))
        newer.approval(2)
        newer.signal(envelope)
        until(lambda: newer.signals() == 2)  # Temporal itself sent the old one again
        newer.approval(2).decide(people.lena, "approve")
        decisions = newer.result()["approval"]["decisions"]
        assert [each["reviewer"] for each in decisions] == ["lena"]
        assert newer.agent_runs() == 1


def asks_again(flow):
    """Whether the run waits for an approval of its own, not one it has from the run before."""
    seen = flow.snapshot()
    return seen and seen.state == "waiting" and seen.terms.run_id == flow.run_id


def started_here(flow):
    """How often the agent was handed the task in this very run, and did not refuse it."""
    scheduled = {}
    ran = 0
    events = client.history(flow.id, flow.run_id)
    # A reset run begins with the old one's events, up to the task that the reset failed.
    failed = [
        e.event_id for e in events if e.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED
    ]
    begin = failed[0] if failed else 0
    for event in events:
        if event.HasField("activity_task_scheduled_event_attributes"):
            name = event.activity_task_scheduled_event_attributes.activity_type.name
            scheduled[event.event_id] = name
        if event.HasField("activity_task_completed_event_attributes") and event.event_id > begin:
            of = event.activity_task_completed_event_attributes.scheduled_event_id
            ran += scheduled.get(of) == "run_agent"
    return ran


class TestSameId:
    def test_a_restart_asks_anew(self, desk, worker, people):
        flow = desk.task()
        old = flow.waiting()
        flow.terminate()
        newer = desk.start("GuardedTask", {"task": "Pay again"}, name=flow.id)
        until(lambda: len(newer.approvals) == 2)
        row = Approval.objects.get(run_id=newer.run_id)
        reconciled(lambda: Approval.objects.get(pk=old.pk).state == "cancelled")
        with pytest.raises(AlreadyDecided):
            Approval.objects.get(pk=old.pk).decide(people.mei, "approve")
        row.decide(people.mei, "approve")
        assert newer.result()["outcome"] == "approved"

    def test_an_old_envelope_does_not_fit_the_new_run(self, desk, worker, people):
        flow = desk.task()
        old = flow.waiting()
        decision = recorded(old, people.mei)
        flow.terminate()
        newer = desk.start("GuardedTask", {"task": "Pay again"}, name=flow.id)
        until(newer.snapshot)
        newer.signal(decision.envelope)
        until(lambda: newer.snapshot().noise == 1)
        assert newer.status == "running"
