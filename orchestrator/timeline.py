"""Temporal's history events as the groups and sentences that people read.

Whatever a history holds was written by workers and callers we may not trust: every name and
message passes through `visible`, every payload is capped, and no event, however odd, raises.
"""

import json
import math
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from temporalio.api.common.v1 import Payload, Payloads
from temporalio.api.enums.v1 import EventType, ParentClosePolicy, WorkflowTaskFailedCause
from temporalio.api.failure.v1 import Failure
from temporalio.api.history.v1 import HistoryEvent

from orchestrator import contract

PAYLOAD_BYTES = 4096  # a larger payload is shown as its size
NAME_LENGTH = 120
MESSAGE_LENGTH = 500
CAUSES = 20  # of a failure; and how deep attributes are shown
ENVELOPE_BYTES = 2 * contract.PAYLOAD_BYTES  # more than any decision or terms of ours
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Event:
    """One history event; `attributes` holds nothing but what JSON can."""

    id: int
    at: datetime
    sentence: str
    category: str
    group: str
    took: timedelta | None
    kind: str
    attributes: dict[str, Any]
    failed: bool


@dataclass(frozen=True)
class Group:
    """One row of the timeline; `ended` is None while it runs, `due` is when a wait runs out."""

    name: str
    category: str
    began: datetime
    ended: datetime | None
    state: str
    note: str
    due: datetime | None = None


@dataclass(frozen=True)
class Status:
    """How a run ended: `causes` has the failure's message first, `stack` its stack trace."""

    word: str
    sentence: str
    causes: list[str] = field(default_factory=list)
    stack: str = ""


def events(history: Sequence[HistoryEvent]) -> list[Event]:
    """Every event with its sentence, oldest first; parts of a history are read as well."""
    return _Reading(history).events()


def groups(history: Sequence[HistoryEvent]) -> list[Group]:
    """The rows of the timeline in order of beginning, as Temporal's own UI groups events."""
    return _Reading(history).groups()


def status(history: Sequence[HistoryEvent]) -> Status:
    """How the run stands: running, completed, failed, cancelled, terminated, timed out …"""
    for event in reversed(history):
        kind = _kind(event)
        if kind in _ENDINGS:
            failure = event.workflow_execution_failed_event_attributes.failure
            failed = kind == "WorkflowExecutionFailed"
            return Status(
                _ENDINGS[kind],
                _ending(event),
                failure_chain(failure) if failed else [],
                stack_trace(failure) if failed else "",
            )
    return Status("running", "Workflow is running")


def failure_chain(failure: Failure) -> list[str]:
    """The failure's message, then its causes' messages, outermost first."""
    return [_message(each) for each in _chain(failure)]


def stack_trace(failure: Failure) -> str:
    """The stack trace nearest to the root cause, at most 16,000 characters."""
    traces = [each.stack_trace for each in _chain(failure) if each.stack_trace]
    return visible(traces[-1], 16_000, keep="\n\t") if traces else ""


def visible(text: str, limit: int = MESSAGE_LENGTH, keep: str = "") -> str:
    """`text` cut to `limit` characters, those that hide or reorder others as \\u escapes."""
    shown: list[str] = []
    room = limit
    for character in text[: limit + 1]:
        piece = character if character in keep else _escape(character)
        if len(piece) > room:
            return "".join(shown) + "…"
        room -= len(piece)
        shown.append(piece)
    return "".join(shown)


def span(length: timedelta) -> str:
    """A length of time in its one or two largest units: 31 ms, 2.1 s, 4 h 36 min, 3 d 2 h."""
    seconds = length.total_seconds()
    if seconds < 0.0005:
        return "under 1 ms"
    if seconds < 0.9995:
        return f"{round(seconds * 1000)} ms"
    if seconds < 59.95:
        return f"{seconds:.1f}".removesuffix(".0") + " s"
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    parts = [(days, "d"), (hours, "h"), (minutes, "min"), (seconds, "s")]
    first = next(index for index, (count, _) in enumerate(parts) if count)
    return " ".join(f"{count} {unit}" for count, unit in parts[first : first + 2] if count)


@dataclass
class _Row:
    """A group while its events are read."""

    name: str
    category: str
    began: datetime
    label: str = ""  # how sentences call it
    noun: str = ""  # how its note begins
    ended: datetime | None = None
    state: str = "running"
    tail: str = ""
    attempt: int = 0
    due: datetime | None = None
    outlives: bool = False  # goes on when the workflow ends

    def group(self) -> Group:
        note = ", ".join(filter(None, [self.noun, *self._facts()]))
        return Group(self.name, self.category, self.began, self.ended, self.state, note, self.due)

    def _facts(self) -> list[str]:
        if self.category == "timer":
            return self._timer()
        if self.category == "approval" or self.state == "instant":
            return [self.tail]
        if self.ended is None:
            return [f"attempt {self.attempt}" if self.attempt > 1 else "running", self.tail]
        ended = "" if self.state == "completed" else self.state
        attempt = f"attempt {self.attempt}" if self.attempt > 1 else ""
        length = self.ended - self.began
        return [span(length) if length else "", ended, attempt, self.tail]

    def _timer(self) -> list[str]:
        if self.ended is None:
            return [f"fires {_clock(self.due, self.began)}"] if self.due else ["running"]
        length = span(self.due - self.began) if self.due else ""
        return [length, self.state, self.tail]


class _Reading:
    """One walk through a history: rows by the event that opened them, sentences as it goes."""

    def __init__(self, history: Sequence[HistoryEvent]) -> None:
        self._history = history
        self._rows: list[_Row] = []
        self._opened: dict[int, _Row] = {}
        self._updates: dict[str, _Row] = {}
        self._approval: _Row | None = None
        self._began = _time(history[0].event_time) if history else EPOCH
        self._rulings = _rulings(history)

    def events(self) -> list[Event]:
        return [self._event(event) for event in self._history]

    def groups(self) -> list[Group]:
        for event in self._history:
            self._read(event, _kind(event))
        return [row.group() for row in sorted(self._rows, key=lambda row: row.began)]

    def _event(self, event: HistoryEvent) -> Event:
        kind = _kind(event)
        row, sentence = self._read(event, kind)
        at = _time(event.event_time)
        return Event(
            id=event.event_id,
            at=at,
            sentence=sentence,
            category=row.category if row else _category(kind),
            group=row.name if row else "",
            took=self._took(kind, row, at),
            kind=kind,
            attributes=_attributes(event),
            failed=_failed(event, kind),
        )

    def _took(self, kind: str, row: _Row | None, at: datetime) -> timedelta | None:
        if kind in _ENDINGS:
            return max(at - self._began, timedelta(0))
        if row is None or row.state == "instant" or row.ended != at:
            return None
        return row.ended - row.began or None

    def _read(self, event: HistoryEvent, kind: str) -> tuple[_Row | None, str]:
        if kind in _ENDINGS:
            return self._end(event, kind)
        if kind in _FOLLOWING:
            return self._follow(event, kind)
        reader = getattr(self, f"_on_{_snake(kind)}", None)
        if reader is not None:
            row, sentence = reader(event, _its(event, kind))
            return row, sentence
        return None, _SENTENCES.get(kind) or _humanised(kind)

    # Events that open a row, or are one.

    def _on_workflow_execution_started(
        self, event: HistoryEvent, its: Any
    ) -> tuple[_Row | None, str]:
        sentence = f"Workflow {_name(its.workflow_type.name, 'of no type')} started"
        if its.parent_workflow_execution.workflow_id:
            sentence += f" by workflow {_name(its.parent_workflow_execution.workflow_id)}"
        if its.continued_execution_run_id:
            sentence += ", continuing an earlier run"
        return None, sentence + (f", attempt {its.attempt}" if its.attempt > 1 else "")

    def _on_activity_task_scheduled(self, event: HistoryEvent, its: Any) -> tuple[_Row, str]:
        name = _name(its.activity_type.name, "Activity")
        self._settle_before(event, its)
        row = self._open(event, name, "activity", name, "Activity")
        summary = _summary(event)
        return row, f"{name} scheduled" + (f": {summary}" if summary else "")

    def _on_activity_task_started(self, event: HistoryEvent, its: Any) -> tuple[_Row | None, str]:
        row = self._opened.get(its.scheduled_event_id)
        if row:
            row.attempt = its.attempt
        sentence = f"{row.label if row else 'Activity'} started attempt {its.attempt}"
        after = its.last_failure
        return row, sentence + (f" after: {_reason(after)}" if after.message else "")

    def _on_timer_started(self, event: HistoryEvent, its: Any) -> tuple[_Row, str]:
        name = _summary(event) or _name(its.timer_id, "without a name")
        label = f"Timer {name}"
        row = self._open(event, name if _summary(event) else label, "timer", label, "Timer")
        length = _length(its.start_to_fire_timeout)
        row.due = _later(row.began, length)
        return row, f"{label} started for {span(length)}"

    def _on_workflow_execution_signaled(self, event: HistoryEvent, its: Any) -> tuple[_Row, str]:
        name = _name(its.signal_name, "without a name")
        row = self._instant(event, name, "signal")
        if its.signal_name == contract.DECIDE:
            sentence, row.noun = self._decision(_values(its.input, ENVELOPE_BYTES))
            return row, sentence
        sender = its.external_workflow_execution.workflow_id
        # Any client chooses its identity, so it must not read like a reviewer who was verified.
        origin = f"workflow {_name(sender)}" if sender else f"client {_name(its.identity)}"
        row.noun = f"Signal from {origin}"
        return row, f"Signal {name} arrived from {origin}"

    def _on_marker_recorded(self, event: HistoryEvent, its: Any) -> tuple[_Row | None, str]:
        if its.marker_name in _LOCAL_ACTIVITY:
            return self._local_activity(event, its)
        if its.marker_name in ("core_patch", "Version"):
            patch = _name(_text(_detail(its, "patch-data").get("id")))
            return None, f"Patch {patch} noted" if patch else "A change of the code noted"
        return None, f"Marker {_name(its.marker_name, 'without a name')} recorded"

    def _on_start_child_workflow_execution_initiated(
        self, event: HistoryEvent, its: Any
    ) -> tuple[_Row, str]:
        name = _name(its.workflow_type.name, "Child workflow")
        approval = its.workflow_type.name == contract.APPROVAL
        label = name if approval else f"Child workflow {name}"
        title = _name(_field_of(its.input, "title")) if approval else ""
        row = self._open(
            event,
            title or name,
            "approval" if approval else "child workflow",
            label,
            "Waiting on people" if approval else "Child workflow",
        )
        row.outlives = its.parent_close_policy == ParentClosePolicy.PARENT_CLOSE_POLICY_ABANDON
        workflow_id = _name(its.workflow_id)
        return row, f"{label} asked for" + (f" as {workflow_id}" if workflow_id else "")

    def _on_nexus_operation_scheduled(self, event: HistoryEvent, its: Any) -> tuple[_Row, str]:
        name = _name(its.operation, "without a name")
        label = f"Nexus operation {name}"
        row = self._open(event, name, "nexus", label, "Nexus operation")
        return row, f"{label} scheduled at {_name(its.endpoint, 'no endpoint')}"

    def _on_signal_external_workflow_execution_initiated(
        self, event: HistoryEvent, its: Any
    ) -> tuple[_Row, str]:
        target = _name(its.workflow_execution.workflow_id, "without an id")
        label = f"Signal {_name(its.signal_name, 'without a name')} to workflow {target}"
        return self._open(event, target, "other", label, "Signal sent"), f"{label} asked for"

    def _on_request_cancel_external_workflow_execution_initiated(
        self, event: HistoryEvent, its: Any
    ) -> tuple[_Row, str]:
        target = _name(its.workflow_execution.workflow_id, "without an id")
        label = f"Cancelling workflow {target}"
        return self._open(event, target, "other", label, "Cancel sent"), f"{label} asked for"

    def _on_workflow_execution_update_admitted(
        self, event: HistoryEvent, its: Any
    ) -> tuple[_Row, str]:
        row = self._update(event, its.request, its.request.meta.update_id)
        return row, f"{row.label} admitted"

    def _on_workflow_execution_update_accepted(
        self, event: HistoryEvent, its: Any
    ) -> tuple[_Row, str]:
        row = self._updates.get(its.protocol_instance_id)
        row = row or self._update(event, its.accepted_request, its.protocol_instance_id)
        self._opened[event.event_id] = row
        return row, f"{row.label} accepted"

    def _on_workflow_execution_update_rejected(
        self, event: HistoryEvent, its: Any
    ) -> tuple[_Row, str]:
        row = self._updates.get(its.protocol_instance_id)
        row = row or self._update(event, its.rejected_request, its.protocol_instance_id)
        self._close(row, _time(event.event_time), "failed")
        return row, f"{row.label} rejected: {_reason(its.failure)}"

    def _on_workflow_execution_update_completed(
        self, event: HistoryEvent, its: Any
    ) -> tuple[_Row | None, str]:
        row = self._opened.get(its.accepted_event_id)
        failed = its.outcome.HasField("failure")
        if row:
            self._close(row, _time(event.event_time), "failed" if failed else "completed")
        label = row.label if row else "Update"
        if failed:
            return row, f"{label} failed: {_reason(its.outcome.failure)}"
        return row, f"{label} completed"

    def _on_workflow_execution_cancel_requested(
        self, event: HistoryEvent, its: Any
    ) -> tuple[_Row, str]:
        row = self._instant(event, "Cancel requested", "workflow")
        sender = its.external_workflow_execution.workflow_id
        by = f"workflow {_name(sender)}" if sender else _name(its.identity)
        row.noun = f"Workflow, by {by}" if by else "Workflow"
        return row, _said(f"Cancel requested by {by}" if by else "Cancel requested", its.cause)

    def _on_workflow_execution_paused(self, event: HistoryEvent, its: Any) -> tuple[_Row, str]:
        row = self._instant(event, "Paused", "workflow", "Workflow")
        return row, _said(f"Workflow paused by {_name(its.identity, 'nobody')}", its.reason)

    def _on_workflow_execution_unpaused(self, event: HistoryEvent, its: Any) -> tuple[_Row, str]:
        row = self._instant(event, "Resumed", "workflow", "Workflow")
        return row, _said(f"Workflow resumed by {_name(its.identity, 'nobody')}", its.reason)

    def _on_workflow_task_failed(self, event: HistoryEvent, its: Any) -> tuple[None, str]:
        if its.cause == WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_RESET_WORKFLOW:
            return None, _said("Workflow reset to this point", its.failure.message)
        return None, _said("Workflow task failed", its.failure.message)

    # What they are made of.

    def _open(self, event: HistoryEvent, name: str, category: str, label: str, noun: str) -> _Row:
        row = _Row(name, category, _time(event.event_time), label, noun)
        self._rows.append(row)
        self._opened[event.event_id] = row
        return row

    def _instant(self, event: HistoryEvent, name: str, category: str, noun: str = "") -> _Row:
        row = self._open(event, name, category, name, noun)
        row.ended, row.state = row.began, "instant"
        return row

    def _update(self, event: HistoryEvent, request: Any, update_id: str) -> _Row:
        name = _name(request.input.name, "without a name")
        sender = _name(request.meta.identity)
        row = self._open(event, name, "update", f"Update {name}", "Update")
        row.tail = f"from {sender}" if sender else ""
        if update_id:
            self._updates[update_id] = row
        return row

    def _local_activity(self, event: HistoryEvent, its: Any) -> tuple[_Row, str]:
        data = _detail(its, "data")
        named = data.get("activity_type") or data.get("ActivityType") or _detail_text(its, "type")
        name = _name(named if _text(named) else "", "Local activity")
        row = self._open(event, name, "local activity", name, "Local activity")
        attempt = data.get("attempt", data.get("Attempt"))
        row.attempt = attempt if isinstance(attempt, int) else 0
        row.began -= _local_length(data, row.began - self._began)
        failed = its.HasField("failure")
        self._close(row, _time(event.event_time), "failed" if failed else "completed")
        ending = f" failed{_on(row)}: {_reason(its.failure)}" if failed else f" completed{_on(row)}"
        summary = _summary(event)
        return row, f"{name}{ending}" + (f" ({summary})" if summary else "")

    def _decision(self, arguments: list[Any]) -> tuple[str, str]:
        """The sentence and the note for one `decide`: a claim, until `verify` ruled on it."""
        envelope = _envelope(arguments)
        if envelope is None:
            return f"Signal {contract.DECIDE} that carries no decision", "Signal"
        body, who = envelope["body"], _reviewer(envelope["body"])
        claim = f"Signal {contract.DECIDE}: {body['verdict']}, signed as {who}"
        waiting = self._rulings.get(_ruling_key(body, envelope))
        ruling = waiting.pop(0) if waiting else {}
        if refusal := _text(ruling.get("refusal")):
            return f"{claim}, refused: {visible(refusal, NAME_LENGTH)}", f"Signal signed as {who}"
        reviewer = visible(_text(ruling.get("reviewer")), NAME_LENGTH)
        if not reviewer or ruling.get("verdict") != body["verdict"]:
            return claim, f"Signal signed as {who}"
        verb = _VERDICTS[body["verdict"]]
        return f"{reviewer} {verb} through signal {contract.DECIDE}", f"Signal from {reviewer}"

    # Events that say what became of a row.

    def _follow(self, event: HistoryEvent, kind: str) -> tuple[_Row | None, str]:
        id_field, words, state = _FOLLOWING[kind]
        its = _its(event, kind)
        row = self._opened.get(getattr(its, id_field))
        if row is None:
            return None, _said(f"{_ORPHANS[_category(kind)]} {words}", _failure_reason(its))
        if state:
            outcome = (
                _field_of(its.result, "outcome")
                if state == "completed" and (row.category == "approval")
                else ""
            )
            self._close(row, _time(event.event_time), state, outcome)
            words += _on(row)
        if kind == "ActivityTaskCompleted" and row.name == contract.OPEN_APPROVAL:
            self._wait(event, its)
        return row, _said(f"{row.label} {words}", _failure_reason(its))

    def _close(self, row: _Row, at: datetime, state: str, outcome: str = "") -> None:
        row.ended, row.state = max(at, row.began), state
        if row.category != "approval":
            return
        length = span(row.ended - row.began)
        row.noun, row.tail = f"Waited on people, {length}", "" if state == "completed" else state
        if outcome in _OUTCOMES:
            row.noun, row.tail = f"{outcome.capitalize()} after {length}", ""
            row.state = _OUTCOMES[outcome]

    def _end(self, event: HistoryEvent, kind: str) -> tuple[None, str]:
        at = _time(event.event_time)
        if kind in ("WorkflowExecutionCompleted", "WorkflowExecutionCanceled"):
            self._settle(at, _ended_as(event, kind))
        for row in self._rows:
            if row.ended is None and not row.outlives:
                self._close(row, at, "cancelled")
                row.tail = "the workflow ended"
        return None, _ending(event)

    # The approval step inside a workflow: from the answer of `open_approval` to the outcome.

    def _wait(self, event: HistoryEvent, its: Any) -> None:
        name = _name(_field_of(its.result, "title"), "Approval")
        row = _Row(name, "approval", _time(event.event_time), name, "Waiting on people")
        row.due = _moment(_field_of(its.result, "due_at"))
        self._rows.append(row)
        self._approval = row

    def _settle_before(self, event: HistoryEvent, its: Any) -> None:
        """What this activity tells of the wait: `publish` its outcome, others that it is over."""
        if self._approval is None:
            return
        name, at = its.activity_type.name, _time(event.event_time)
        if name == contract.PUBLISH:
            if (state := _field_of(its.input, "state")) in _OUTCOMES:
                self._settle(at, state)
        elif name in (contract.RUN_AGENT, contract.OPEN_APPROVAL):
            self._settle(at, "")

    def _settle(self, at: datetime, outcome: str) -> None:
        if self._approval is not None:
            self._close(self._approval, at, _OUTCOMES.get(outcome, "completed"), outcome)
        self._approval = None


_ENDINGS = {
    "WorkflowExecutionCompleted": "completed",
    "WorkflowExecutionFailed": "failed",
    "WorkflowExecutionCanceled": "cancelled",
    "WorkflowExecutionTerminated": "terminated",
    "WorkflowExecutionTimedOut": "timed out",
    "WorkflowExecutionContinuedAsNew": "continued as new",
}

# Event → the field that names the event it follows, what to say, and the state it leaves.
_FOLLOWING = {
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

_SENTENCES = {
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
_ORPHANS = {
    "activity": "Activity",
    "timer": "Timer",
    "child workflow": "Child workflow",
    "nexus": "Nexus operation",
    "other": "Request to another workflow",
}

_OUTCOMES = {
    contract.APPROVED: "completed",
    contract.REJECTED: "completed",
    contract.CHANGES_REQUESTED: "completed",
    contract.EXPIRED: "timed out",
    contract.CANCELLED: "cancelled",
    contract.LOST: "failed",
}
_VERDICTS = {
    contract.APPROVE: "approved",
    contract.REJECT: "rejected",
    contract.REQUEST_CHANGES: "asked for changes",
    contract.CORRECT: "corrected the request",
}
_LOCAL_ACTIVITY = ("core_local_activity", "LocalActivity")  # Python, .NET, TypeScript · Go, Java
_FAILED = {"WorkflowExecutionTerminated", "WorkflowTaskTimedOut", "WorkflowExecutionUpdateRejected"}


def _kind(event: HistoryEvent) -> str:
    try:
        name = EventType.Name(event.event_type)
    except ValueError:  # a newer server's
        return f"EventType{event.event_type}"
    return name.removeprefix("EVENT_TYPE_").title().replace("_", "")


def _snake(kind: str) -> str:
    return "".join(f"_{each.lower()}" if each.isupper() else each for each in kind).lstrip("_")


def _humanised(kind: str) -> str:
    if number := kind.removeprefix("EventType").strip("-") * kind.startswith("EventType"):
        return f"An event of type {number}, newer than this page"
    return _snake(kind).replace("_", " ").capitalize()


def _category(kind: str) -> str:
    return next((name for start, name in _CATEGORIES if kind.startswith(start)), "other")


def _its(event: HistoryEvent, kind: str) -> Any:
    """The attributes that this kind of event ought to have; empty ones if they are missing."""
    return getattr(event, f"{_snake(kind)}_event_attributes")


def _failed(event: HistoryEvent, kind: str) -> bool:
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
    state = _ENDINGS.get(kind) or _FOLLOWING.get(kind, ("", "", ""))[2]
    return state in ("failed", "timed out") or kind in _FAILED


def _ending(event: HistoryEvent) -> str:
    kind = _kind(event)
    sentence = f"Workflow {_ENDINGS[kind]}"
    its = _its(event, kind)
    if kind == "WorkflowExecutionFailed":
        return _said(sentence, _reason(its.failure))
    if kind == "WorkflowExecutionTerminated":
        by = _name(its.identity)
        return _said(f"{sentence} by {by}" if by else sentence, its.reason)
    return sentence


def _ended_as(event: HistoryEvent, kind: str) -> str:
    """The approval's outcome, as far as the workflow's own ending tells it."""
    if kind == "WorkflowExecutionCanceled":
        return contract.CANCELLED
    return _field_of(event.workflow_execution_completed_event_attributes.result, "outcome")


def _on(row: _Row) -> str:
    return f" on attempt {row.attempt}" if row.attempt else ""


def _said(sentence: str, reason: str) -> str:
    return f"{sentence}: {visible(reason)}" if reason else sentence


def _name(text: str, otherwise: str = "") -> str:
    return visible(text, NAME_LENGTH) or otherwise


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


_BLANKS = "\u034f\u115f\u1160\u3164\uffa0"  # letters by category, invisible by shape


def _escape(character: str) -> str:
    """Control, format, surrogate and separator characters hide or reorder their neighbours."""
    if character in _BLANKS:
        return f"\\u{ord(character):04x}"
    if character.isprintable() or unicodedata.category(character) == "Zs":
        return character
    code = ord(character)
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


# Time: protobuf allows moments that Python does not.


def _time(stamp: Timestamp) -> datetime:
    return _later(EPOCH, _seconds(stamp.seconds, stamp.nanos)) or EPOCH


def _length(duration: Duration) -> timedelta:
    return max(_seconds(duration.seconds, duration.nanos), timedelta(0))


def _seconds(seconds: int, nanos: int) -> timedelta:
    try:
        return timedelta(seconds=seconds, microseconds=nanos // 1000)
    except OverflowError:
        return timedelta(0)


def _later(moment: datetime, length: timedelta) -> datetime | None:
    try:
        return moment + length
    except OverflowError:
        return None


def _moment(text: str) -> datetime | None:
    """An ISO 8601 moment as UTC; without an offset it is taken as UTC."""
    try:
        moment = datetime.fromisoformat(text)
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None


def _clock(moment: datetime, since: datetime) -> str:
    year = f" {moment.year}" if moment.year != since.year else ""
    return f"{moment.day} {moment:%b}{year} {moment:%H:%M} UTC"


def _local_length(data: Mapping[str, Any], longest: timedelta) -> timedelta:
    """How long a local activity took; zero when its own clocks disagree, as they often do."""
    began, ended = _nanos(data.get("original_schedule_time")), _nanos(data.get("complete_time"))
    if began is None or ended is None:
        return timedelta(0)
    took = _seconds(0, ended - began)
    return took if timedelta(0) < took <= longest else timedelta(0)


def _nanos(stamp: Any) -> int | None:
    """`{"seconds": …, "nanos": …}`, as the SDK's core writes a moment, in nanoseconds."""
    if not isinstance(stamp, dict):
        return None
    seconds, nanos = stamp.get("seconds"), stamp.get("nanos")
    if not isinstance(seconds, int) or not isinstance(nanos, int):
        return None
    return seconds * 1_000_000_000 + nanos


# Failures.


def _chain(failure: Failure) -> list[Failure]:
    chain = [failure]
    while chain[-1].HasField("cause") and len(chain) < CAUSES:
        chain.append(chain[-1].cause)
    return chain


def _message(failure: Failure) -> str:
    kind = failure.application_failure_info.type
    return visible(failure.message) or _name(kind) or "Failed without a message"


def _reason(failure: Failure) -> str:
    """The first message that says something: Temporal wraps it as "Activity task failed"."""
    chain = _chain(failure)
    wrapped = (
        "activity_failure_info",
        "child_workflow_execution_failure_info",
        "nexus_operation_execution_failure_info",
    )
    own = [each for each in chain if each.WhichOneof("failure_info") not in wrapped]
    return _message(own[0] if own else chain[-1])


def _failure_reason(its: Any) -> str:
    has = "failure" in its.DESCRIPTOR.fields_by_name and its.HasField("failure")
    return _reason(its.failure) if has else ""


# Decisions.


def _envelope(arguments: list[Any]) -> dict[str, Any] | None:
    """The one argument of `decide` if it has a signed decision's shape, whoever signed it."""
    envelope = arguments[0] if len(arguments) == 1 else None
    if not isinstance(envelope, dict) or not isinstance(envelope.get("body"), dict):
        return None
    if not _text(envelope.get("key_id")) or not _text(envelope.get("signature")):
        return None
    body = envelope["body"]
    known = _text(body.get("verdict")) in _VERDICTS and _text(body.get("decision_id"))
    return envelope if known and _reviewer(body) else None


def _reviewer(body: Mapping[str, Any]) -> str:
    who = body.get("reviewer")
    who = who if isinstance(who, dict) else {}
    return visible(_text(who.get("name")) or _text(who.get("username")), NAME_LENGTH).strip()


def _ruling_key(ruling: Mapping[str, Any], signed: Mapping[str, Any]) -> tuple[str, str]:
    return _text(ruling.get("decision_id")), _text(signed.get("signature"))


def _rulings(history: Sequence[HistoryEvent]) -> dict[tuple[str, str], list[dict[str, Any]]]:
    """What the local activity `verify` said of each decision; only workers write markers."""
    rulings: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for event in history:
        marker = event.marker_recorded_event_attributes
        if marker.marker_name not in _LOCAL_ACTIVITY:
            continue
        if _detail(marker, "data").get("activity_type") != contract.VERIFY:
            continue
        result = (
            _values(marker.details["result"], ENVELOPE_BYTES)
            if ("result" in marker.details)
            else []
        )
        for ruling in result[0] if result and isinstance(result[0], list) else []:
            if isinstance(ruling, dict):
                rulings.setdefault(_ruling_key(ruling, ruling), []).append(ruling)
    return rulings


# Payloads and attributes.


def _values(payloads: Payloads, most: int = PAYLOAD_BYTES) -> list[Any]:
    return [_value(payload, most) for payload in payloads.payloads[:100]]


def _value(payload: Payload, most: int = PAYLOAD_BYTES) -> Any:
    """A payload's JSON value, or in brackets why there is none to show."""
    encoding = (
        visible(payload.metadata["encoding"].decode("utf-8", "replace"), 40)
        if ("encoding" in payload.metadata)
        else ""
    )
    if encoding == "binary/null":
        return None
    if len(payload.data) > most:
        return f"({_size(len(payload.data))})"
    if not encoding.startswith("json/"):
        return f"({_size(len(payload.data))}, {encoding or 'no encoding'})"
    try:
        return json.loads(payload.data, parse_constant=str)
    except (ValueError, RecursionError):
        return f"({_size(len(payload.data))}, not JSON)"


def _size(count: int) -> str:
    if count < 1000:
        return f"{count} bytes"
    return f"{count / 1000:.1f} KB" if count < 1_000_000 else f"{count / 1_000_000:.1f} MB"


def _field_of(payloads: Payloads, name: str) -> str:
    """The text `name` of the JSON object that these payloads begin with, empty if there is none."""
    first = next(iter(_values(payloads, ENVELOPE_BYTES)), None)
    return _text(first.get(name)) if isinstance(first, dict) else ""


def _detail(marker: Any, name: str) -> dict[str, Any]:
    values = _values(marker.details[name]) if name in marker.details else []
    return values[0] if values and isinstance(values[0], dict) else {}


def _detail_text(marker: Any, name: str) -> str:
    values = _values(marker.details[name]) if name in marker.details else []
    return _text(values[0]) if values else ""


def _summary(event: HistoryEvent) -> str:
    if not event.user_metadata.HasField("summary"):
        return ""
    return visible(_text(_value(event.user_metadata.summary)), NAME_LENGTH).strip()


def _attributes(event: HistoryEvent) -> dict[str, Any]:
    name = event.WhichOneof("attributes")
    shown = _shown(getattr(event, name), 0) if name else {}
    return shown if isinstance(shown, dict) else {"value": shown}


def _shown(value: Any, depth: int) -> Any:
    """`value` as what JSON can hold, cut in length, depth and number."""
    if depth > CAUSES:
        return "…"
    if isinstance(value, Payload):
        return _shown(_value(value), depth + 1)
    if isinstance(value, Payloads):
        return _shown(_values(value), depth + 1)
    if isinstance(value, Timestamp):
        return _time(value).isoformat()
    if isinstance(value, Duration):
        return span(_length(value))
    if isinstance(value, Message):
        return {each.name: _field(each, part, depth) for each, part in value.ListFields()}
    if isinstance(value, Mapping):
        pairs = list(value.items())[:100]
        return {visible(str(key), NAME_LENGTH): _shown(each, depth + 1) for key, each in pairs}
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return [_shown(each, depth + 1) for each in value[:100]]
    return _scalar(value)


def _field(descriptor: Any, value: Any, depth: int) -> Any:
    if descriptor.enum_type is not None and isinstance(value, int):
        known = descriptor.enum_type.values_by_number.get(value)
        return known.name if known else value
    return _shown(value, depth + 1)


def _scalar(value: Any) -> Any:
    if isinstance(value, str):
        return visible(value, PAYLOAD_BYTES, keep="\n\t")
    if isinstance(value, bytes):
        return f"({_size(len(value))})"
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value
