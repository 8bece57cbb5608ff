"""Events that open a row of the timeline, or are one: each with its reader, by kind."""

from collections.abc import Callable
from typing import Any

from temporalio.api.enums.v1 import ParentClosePolicy, WorkflowTaskFailedCause
from temporalio.api.history.v1 import HistoryEvent

from orchestrator import contract
from orchestrator.timeline.decisions import sentence_and_note
from orchestrator.timeline.failures import reason_of
from orchestrator.timeline.kinds import LOCAL_ACTIVITY
from orchestrator.timeline.payloads import (
    ENVELOPE_BYTES,
    detail,
    detail_text,
    field_of,
    summary_of,
    values_of,
)
from orchestrator.timeline.rows import Row, Rows
from orchestrator.timeline.text import named, said, text_of
from orchestrator.timeline.times import later, length_of, local_length, span, time_of

Reader = Callable[[Rows, HistoryEvent, Any], tuple[Row | None, str]]


def _workflow_started(rows: Rows, event: HistoryEvent, its: Any) -> tuple[Row | None, str]:
    sentence = f"Workflow {named(its.workflow_type.name, 'of no type')} started"
    if its.parent_workflow_execution.workflow_id:
        sentence += f" by workflow {named(its.parent_workflow_execution.workflow_id)}"
    if its.continued_execution_run_id:
        sentence += ", continuing an earlier run"
    return None, sentence + (f", attempt {its.attempt}" if its.attempt > 1 else "")


def _activity_scheduled(rows: Rows, event: HistoryEvent, its: Any) -> tuple[Row, str]:
    name = named(its.activity_type.name, "Activity")
    rows.settle_before(event, its)
    row = rows.open(event, name, "activity", name, "Activity")
    summary = summary_of(event)
    return row, f"{name} scheduled" + (f": {summary}" if summary else "")


def _activity_started(rows: Rows, event: HistoryEvent, its: Any) -> tuple[Row | None, str]:
    row = rows.opened.get(its.scheduled_event_id)
    if row:
        row.attempt = its.attempt
    sentence = f"{row.label if row else 'Activity'} started attempt {its.attempt}"
    after = its.last_failure
    return row, sentence + (f" after: {reason_of(after)}" if after.message else "")


def _timer_started(rows: Rows, event: HistoryEvent, its: Any) -> tuple[Row, str]:
    name = summary_of(event) or named(its.timer_id, "without a name")
    label = f"Timer {name}"
    row = rows.open(event, name if summary_of(event) else label, "timer", label, "Timer")
    length = length_of(its.start_to_fire_timeout)
    row.due = later(row.began, length)
    return row, f"{label} started for {span(length)}"


def _signaled(rows: Rows, event: HistoryEvent, its: Any) -> tuple[Row, str]:
    name = named(its.signal_name, "without a name")
    row = rows.instant(event, name, "signal")
    if its.signal_name == contract.DECIDE:
        sentence, row.noun = sentence_and_note(values_of(its.input, ENVELOPE_BYTES), rows.rulings)
        return row, sentence
    sender = its.external_workflow_execution.workflow_id
    # Any client chooses its identity, so it must not read like a reviewer who was verified.
    origin = f"workflow {named(sender)}" if sender else f"client {named(its.identity)}"
    row.noun = f"Signal from {origin}"
    return row, f"Signal {name} arrived from {origin}"


def _marker_recorded(rows: Rows, event: HistoryEvent, its: Any) -> tuple[Row | None, str]:
    if its.marker_name in LOCAL_ACTIVITY:
        return _local_activity(rows, event, its)
    if its.marker_name in ("core_patch", "Version"):
        patch = named(text_of(detail(its, "patch-data").get("id")))
        return None, f"Patch {patch} noted" if patch else "A change of the code noted"
    return None, f"Marker {named(its.marker_name, 'without a name')} recorded"


def _child_workflow_asked_for(rows: Rows, event: HistoryEvent, its: Any) -> tuple[Row, str]:
    name = named(its.workflow_type.name, "Child workflow")
    approval = its.workflow_type.name == contract.APPROVAL
    label = name if approval else f"Child workflow {name}"
    title = named(field_of(its.input, "title")) if approval else ""
    row = rows.open(
        event,
        title or name,
        "approval" if approval else "child workflow",
        label,
        "Waiting on people" if approval else "Child workflow",
    )
    row.outlives = its.parent_close_policy == ParentClosePolicy.PARENT_CLOSE_POLICY_ABANDON
    workflow_id = named(its.workflow_id)
    return row, f"{label} asked for" + (f" as {workflow_id}" if workflow_id else "")


def _nexus_scheduled(rows: Rows, event: HistoryEvent, its: Any) -> tuple[Row, str]:
    name = named(its.operation, "without a name")
    label = f"Nexus operation {name}"
    row = rows.open(event, name, "nexus", label, "Nexus operation")
    return row, f"{label} scheduled at {named(its.endpoint, 'no endpoint')}"


def _signal_sent(rows: Rows, event: HistoryEvent, its: Any) -> tuple[Row, str]:
    target = named(its.workflow_execution.workflow_id, "without an id")
    label = f"Signal {named(its.signal_name, 'without a name')} to workflow {target}"
    return rows.open(event, target, "other", label, "Signal sent"), f"{label} asked for"


def _cancel_sent(rows: Rows, event: HistoryEvent, its: Any) -> tuple[Row, str]:
    target = named(its.workflow_execution.workflow_id, "without an id")
    label = f"Cancelling workflow {target}"
    return rows.open(event, target, "other", label, "Cancel sent"), f"{label} asked for"


def _update_admitted(rows: Rows, event: HistoryEvent, its: Any) -> tuple[Row, str]:
    row = _update(rows, event, its.request, its.request.meta.update_id)
    return row, f"{row.label} admitted"


def _update_accepted(rows: Rows, event: HistoryEvent, its: Any) -> tuple[Row, str]:
    row = rows.updates.get(its.protocol_instance_id)
    row = row or _update(rows, event, its.accepted_request, its.protocol_instance_id)
    rows.opened[event.event_id] = row
    return row, f"{row.label} accepted"


def _update_rejected(rows: Rows, event: HistoryEvent, its: Any) -> tuple[Row, str]:
    row = rows.updates.get(its.protocol_instance_id)
    row = row or _update(rows, event, its.rejected_request, its.protocol_instance_id)
    row.close(time_of(event.event_time), "failed")
    return row, f"{row.label} rejected: {reason_of(its.failure)}"


def _update_completed(rows: Rows, event: HistoryEvent, its: Any) -> tuple[Row | None, str]:
    row = rows.opened.get(its.accepted_event_id)
    failed = its.outcome.HasField("failure")
    if row:
        row.close(time_of(event.event_time), "failed" if failed else "completed")
    label = row.label if row else "Update"
    if failed:
        return row, f"{label} failed: {reason_of(its.outcome.failure)}"
    return row, f"{label} completed"


def _cancel_requested(rows: Rows, event: HistoryEvent, its: Any) -> tuple[Row, str]:
    row = rows.instant(event, "Cancel requested", "workflow")
    sender = its.external_workflow_execution.workflow_id
    by = f"workflow {named(sender)}" if sender else named(its.identity)
    row.noun = f"Workflow, by {by}" if by else "Workflow"
    return row, said(f"Cancel requested by {by}" if by else "Cancel requested", its.cause)


def _workflow_paused(rows: Rows, event: HistoryEvent, its: Any) -> tuple[Row, str]:
    row = rows.instant(event, "Paused", "workflow", "Workflow")
    return row, said(f"Workflow paused by {named(its.identity, 'nobody')}", its.reason)


def _workflow_unpaused(rows: Rows, event: HistoryEvent, its: Any) -> tuple[Row, str]:
    row = rows.instant(event, "Resumed", "workflow", "Workflow")
    return row, said(f"Workflow resumed by {named(its.identity, 'nobody')}", its.reason)


def _workflow_task_failed(rows: Rows, event: HistoryEvent, its: Any) -> tuple[None, str]:
    if its.cause == WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_RESET_WORKFLOW:
        return None, said("Workflow reset to this point", its.failure.message)
    return None, said("Workflow task failed", its.failure.message)


def _update(rows: Rows, event: HistoryEvent, request: Any, update_id: str) -> Row:
    name = named(request.input.name, "without a name")
    sender = named(request.meta.identity)
    row = rows.open(event, name, "update", f"Update {name}", "Update")
    row.tail = f"from {sender}" if sender else ""
    if update_id:
        rows.updates[update_id] = row
    return row


def _local_activity(rows: Rows, event: HistoryEvent, its: Any) -> tuple[Row, str]:
    data = detail(its, "data")
    kind = data.get("activity_type") or data.get("ActivityType") or detail_text(its, "type")
    name = named(text_of(kind), "Local activity")
    row = rows.open(event, name, "local activity", name, "Local activity")
    attempt = data.get("attempt", data.get("Attempt"))
    row.attempt = attempt if isinstance(attempt, int) else 0
    row.began -= local_length(data, row.began - rows.began)
    failed = its.HasField("failure")
    row.close(time_of(event.event_time), "failed" if failed else "completed")
    sentence = f"{name} {row.state}{row.on_attempt}"
    sentence += f": {reason_of(its.failure)}" if failed else ""
    summary = summary_of(event)
    return row, sentence + (f" ({summary})" if summary else "")


READERS: dict[str, Reader] = {
    "WorkflowExecutionStarted": _workflow_started,
    "ActivityTaskScheduled": _activity_scheduled,
    "ActivityTaskStarted": _activity_started,
    "TimerStarted": _timer_started,
    "WorkflowExecutionSignaled": _signaled,
    "MarkerRecorded": _marker_recorded,
    "StartChildWorkflowExecutionInitiated": _child_workflow_asked_for,
    "NexusOperationScheduled": _nexus_scheduled,
    "SignalExternalWorkflowExecutionInitiated": _signal_sent,
    "RequestCancelExternalWorkflowExecutionInitiated": _cancel_sent,
    "WorkflowExecutionUpdateAdmitted": _update_admitted,
    "WorkflowExecutionUpdateAccepted": _update_accepted,
    "WorkflowExecutionUpdateRejected": _update_rejected,
    "WorkflowExecutionUpdateCompleted": _update_completed,
    "WorkflowExecutionCancelRequested": _cancel_requested,
    "WorkflowExecutionPaused": _workflow_paused,
    "WorkflowExecutionUnpaused": _workflow_unpaused,
    "WorkflowTaskFailed": _workflow_task_failed,
}
