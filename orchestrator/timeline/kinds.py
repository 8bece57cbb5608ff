"""The kinds of events that Temporal writes, and what the kind alone tells of one."""

from typing import Any

from temporalio.api.enums.v1 import EventType, WorkflowTaskFailedCause
from temporalio.api.history.v1 import HistoryEvent

ENDINGS = {
    "WorkflowExecutionCompleted": "completed",
    "WorkflowExecutionFailed": "failed",
    "WorkflowExecutionCanceled": "cancelled",
    "WorkflowExecutionTerminated": "terminated",
    "WorkflowExecutionTimedOut": "timed out",
    "WorkflowExecutionContinuedAsNew": "continued as new",
}

# Event → the field that names the event it follows, what to say, and the state it leaves.
FOLLOWING = {
    "ActivityTaskCompleted": ("scheduled_event_id", "completed", "completed"),
    "ActivityTaskFailed": ("scheduled_event_id", "failed", "failed"),
    "ActivityTaskTimedOut": ("scheduled_event_id", "timed out", "timed out"),
    "ActivityTaskCancelRequested": ("scheduled_event_id", "was asked to cancel", ""),
    "ActivityTaskCanceled": ("scheduled_event_id", "cancelled", "cancelled"),
    "ActivityPropertiesModifiedExternally": ("scheduled_event_id", "was given other options", ""),
    "TimerFired": ("started_event_id", "fired", "fired"),
    "TimerCanceled": ("started_event_id", "cancelled", "cancelled"),
    "StartChildWorkflowExecutionFailed": ("initiated_event_id", "could not start", "failed"),
    "ChildWorkflowExecutionStarted": ("initiated_event_id", "started", ""),
    "ChildWorkflowExecutionCompleted": ("initiated_event_id", "completed", "completed"),
    "ChildWorkflowExecutionFailed": ("initiated_event_id", "failed", "failed"),
    "ChildWorkflowExecutionCanceled": ("initiated_event_id", "cancelled", "cancelled"),
    "ChildWorkflowExecutionTimedOut": ("initiated_event_id", "timed out", "timed out"),
    "ChildWorkflowExecutionTerminated": ("initiated_event_id", "terminated", "failed"),
    "NexusOperationStarted": ("scheduled_event_id", "started", ""),
    "NexusOperationCompleted": ("scheduled_event_id", "completed", "completed"),
    "NexusOperationFailed": ("scheduled_event_id", "failed", "failed"),
    "NexusOperationCanceled": ("scheduled_event_id", "cancelled", "cancelled"),
    "NexusOperationTimedOut": ("scheduled_event_id", "timed out", "timed out"),
    "NexusOperationCancelRequested": ("scheduled_event_id", "was asked to cancel", ""),
    "NexusOperationCancelRequestCompleted": ("scheduled_event_id", "heard the cancel", ""),
    "NexusOperationCancelRequestFailed": ("scheduled_event_id", "could not be cancelled", ""),
    "ExternalWorkflowExecutionSignaled": ("initiated_event_id", "delivered", "completed"),
    "SignalExternalWorkflowExecutionFailed": ("initiated_event_id", "failed", "failed"),
    "ExternalWorkflowExecutionCancelRequested": ("initiated_event_id", "delivered", "completed"),
    "RequestCancelExternalWorkflowExecutionFailed": ("initiated_event_id", "failed", "failed"),
}

SENTENCES = {
    "UpsertWorkflowSearchAttributes": "Search attributes changed",
    "WorkflowPropertiesModified": "Memo changed",
    "WorkflowPropertiesModifiedExternally": "Workflow given other options",
    "WorkflowExecutionOptionsUpdated": "Workflow given other options",
}

_CATEGORIES = (
    ("WorkflowTask", "workflow task"),
    ("Activity", "activity"),
    ("Timer", "timer"),
    ("WorkflowExecutionSignaled", "signal"),
    ("WorkflowExecutionUpdate", "update"),
    ("StartChildWorkflow", "child workflow"),
    ("ChildWorkflow", "child workflow"),
    ("Nexus", "nexus"),
    ("WorkflowExecution", "workflow"),
)

# How a sentence begins when the event it follows lies outside the part that was read.
ORPHANS = {
    "activity": "Activity",
    "timer": "Timer",
    "child workflow": "Child workflow",
    "nexus": "Nexus operation",
    "other": "Request to another workflow",
}

LOCAL_ACTIVITY = ("core_local_activity", "LocalActivity")  # Python, .NET, TypeScript · Go, Java
_FAILED = {"WorkflowExecutionTerminated", "WorkflowTaskTimedOut", "WorkflowExecutionUpdateRejected"}


def kind_of(event: HistoryEvent) -> str:
    """The event type's name as Temporal's UI writes it: WorkflowExecutionStarted."""
    try:
        name = EventType.Name(event.event_type)
    except ValueError:  # a newer server's
        return f"EventType{event.event_type}"
    return name.removeprefix("EVENT_TYPE_").title().replace("_", "")


def category_of(kind: str) -> str:
    """What an event of this kind is about, when no row tells better."""
    return next((name for start, name in _CATEGORIES if kind.startswith(start)), "other")


def humanised(kind: str) -> str:
    """The kind in words, for events that we have no sentence for."""
    if number := kind.removeprefix("EventType").strip("-") * kind.startswith("EventType"):
        return f"An event of type {number}, newer than this page"
    return _snake(kind).replace("_", " ").capitalize()


def own_attributes(event: HistoryEvent, kind: str) -> Any:
    """The attributes that this kind of event ought to have; empty ones if they are missing."""
    return getattr(event, f"{_snake(kind)}_event_attributes")


def has_failed(event: HistoryEvent, kind: str) -> bool:
    """Whether the event tells that something went wrong."""
    if kind == "WorkflowTaskFailed":  # the server resets and interrupts tasks by failing them
        return event.workflow_task_failed_event_attributes.HasField("failure") and (
            event.workflow_task_failed_event_attributes.cause
            != WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_RESET_WORKFLOW
        )
    if kind == "MarkerRecorded":
        return event.marker_recorded_event_attributes.HasField("failure")
    if kind == "WorkflowExecutionUpdateCompleted":
        return event.workflow_execution_update_completed_event_attributes.outcome.HasField(
            "failure"
        )
    state = ENDINGS.get(kind) or FOLLOWING.get(kind, ("", "", ""))[2]
    return state in ("failed", "timed out") or kind in _FAILED


def _snake(kind: str) -> str:
    return "".join(f"_{each.lower()}" if each.isupper() else each for each in kind).lstrip("_")
