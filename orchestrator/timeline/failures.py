"""What a failure says: its message, those of its causes, its stack trace."""

from typing import Any

from temporalio.api.failure.v1 import Failure

from orchestrator.timeline.text import named, visible

CAUSES = 20  # of a failure; and how deep attributes are shown


def failure_chain(failure: Failure) -> list[str]:
    """The failure's message, then its causes' messages, outermost first."""
    return [_message(each) for each in _chain(failure)]


def stack_trace(failure: Failure) -> str:
    """The stack trace nearest to the root cause, at most 16,000 characters."""
    traces = [each.stack_trace for each in _chain(failure) if each.stack_trace]
    return visible(traces[-1], 16_000, keep="\n\t") if traces else ""


def failure_reason(its: Any) -> str:
    """The reason that an event's attributes give, empty if theirs is no failure."""
    has = "failure" in its.DESCRIPTOR.fields_by_name and its.HasField("failure")
    return reason_of(its.failure) if has else ""


def reason_of(failure: Failure) -> str:
    """The first message that says something: Temporal wraps it as "Activity task failed"."""
    chain = _chain(failure)
    wrapped = (
        "activity_failure_info",
        "child_workflow_execution_failure_info",
        "nexus_operation_execution_failure_info",
    )
    own = [each for each in chain if each.WhichOneof("failure_info") not in wrapped]
    return _message(own[0] if own else chain[-1])


def _message(failure: Failure) -> str:
    kind = failure.application_failure_info.type
    return visible(failure.message) or named(kind) or "Failed without a message"


def _chain(failure: Failure) -> list[Failure]:
    chain = [failure]
    while chain[-1].HasField("cause") and len(chain) < CAUSES:
        chain.append(chain[-1].cause)
    return chain
