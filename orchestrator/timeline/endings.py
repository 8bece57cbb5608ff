"""How a run stands, and what its ending says."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from temporalio.api.history.v1 import HistoryEvent

from orchestrator import contract
from orchestrator.timeline.failures import failure_chain, reason_of, stack_trace
from orchestrator.timeline.kinds import ENDINGS, kind_of, own_attributes
from orchestrator.timeline.payloads import field_of
from orchestrator.timeline.text import named, said


@dataclass(frozen=True)
class Status:
    """How a run ended: `causes` has the failure's message first, `stack` its stack trace."""

    word: str
    sentence: str
    causes: list[str] = field(default_factory=list)
    stack: str = ""


def status(history: Sequence[HistoryEvent]) -> Status:
    """How the run stands: running, completed, failed, cancelled, terminated, timed out …"""
    for event in reversed(history):
        kind = kind_of(event)
        if kind in ENDINGS:
            failure = event.workflow_execution_failed_event_attributes.failure
            failed = kind == "WorkflowExecutionFailed"
            return Status(
                ENDINGS[kind],
                ending_of(event),
                failure_chain(failure) if failed else [],
                stack_trace(failure) if failed else "",
            )
    return Status("running", "Workflow is running")


def ending_of(event: HistoryEvent) -> str:
    """The sentence for the event that ended a run."""
    kind = kind_of(event)
    sentence = f"Workflow {ENDINGS[kind]}"
    its = own_attributes(event, kind)
    if kind == "WorkflowExecutionFailed":
        return said(sentence, reason_of(its.failure))
    if kind == "WorkflowExecutionTerminated":
        by = named(its.identity)
        return said(f"{sentence} by {by}" if by else sentence, its.reason)
    return sentence


def outcome_of(event: HistoryEvent, kind: str) -> str:
    """The approval's outcome, as far as the workflow's own ending tells it."""
    if kind == "WorkflowExecutionCanceled":
        return contract.CANCELLED
    return field_of(event.workflow_execution_completed_event_attributes.result, "outcome")
