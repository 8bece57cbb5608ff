"""One walk through a history: each event's sentence, and the rows they make on the way."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from temporalio.api.history.v1 import HistoryEvent

from orchestrator import contract
from orchestrator.timeline.attributes import attributes_of
from orchestrator.timeline.endings import ending_of, outcome_of
from orchestrator.timeline.failures import failure_reason
from orchestrator.timeline.kinds import (
    ENDINGS,
    FOLLOWING,
    ORPHANS,
    SENTENCES,
    category_of,
    has_failed,
    humanised,
    kind_of,
    own_attributes,
)
from orchestrator.timeline.opening import READERS
from orchestrator.timeline.payloads import field_of
from orchestrator.timeline.rows import Group, Row, Rows
from orchestrator.timeline.text import said
from orchestrator.timeline.times import time_of


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


def events(history: Sequence[HistoryEvent]) -> list[Event]:
    """Every event with its sentence, oldest first; parts of a history are read as well."""
    rows = Rows(history)
    return [_event(rows, event) for event in history]


def groups(history: Sequence[HistoryEvent]) -> list[Group]:
    """The rows of the timeline in order of beginning, as Temporal's own UI groups events."""
    rows = Rows(history)
    for event in history:
        _read(rows, event, kind_of(event))
    return rows.groups()


def _event(rows: Rows, event: HistoryEvent) -> Event:
    kind = kind_of(event)
    row, sentence = _read(rows, event, kind)
    at = time_of(event.event_time)
    return Event(
        id=event.event_id,
        at=at,
        sentence=sentence,
        category=row.category if row else category_of(kind),
        group=row.name if row else "",
        took=_took(rows, kind, row, at),
        kind=kind,
        attributes=attributes_of(event),
        failed=has_failed(event, kind),
    )


def _took(rows: Rows, kind: str, row: Row | None, at: datetime) -> timedelta | None:
    if kind in ENDINGS:
        return max(at - rows.began, timedelta(0))
    if row is None or row.state == "instant" or row.ended != at:
        return None
    return row.ended - row.began or None


def _read(rows: Rows, event: HistoryEvent, kind: str) -> tuple[Row | None, str]:
    if kind in ENDINGS:
        return _end(rows, event, kind)
    if kind in FOLLOWING:
        return _follow(rows, event, kind)
    if kind in READERS:
        return READERS[kind](rows, event, own_attributes(event, kind))
    return None, SENTENCES.get(kind) or humanised(kind)


def _end(rows: Rows, event: HistoryEvent, kind: str) -> tuple[None, str]:
    at = time_of(event.event_time)
    if kind in ("WorkflowExecutionCompleted", "WorkflowExecutionCanceled"):
        rows.settle(at, outcome_of(event, kind))
    rows.end(at)
    return None, ending_of(event)


def _follow(rows: Rows, event: HistoryEvent, kind: str) -> tuple[Row | None, str]:
    """The event says what became of a row that an earlier one opened."""
    id_field, words, state = FOLLOWING[kind]
    its = own_attributes(event, kind)
    row = rows.opened.get(getattr(its, id_field))
    if row is None:
        return None, said(f"{ORPHANS[category_of(kind)]} {words}", failure_reason(its))
    if state:
        answered = kind == "ChildWorkflowExecutionCompleted" and row.category == "approval"
        outcome = field_of(its.result, "outcome") if answered else ""
        row.close(time_of(event.event_time), state, outcome)
        words += row.on_attempt
    if kind == "ActivityTaskCompleted" and row.name == contract.OPEN_APPROVAL:
        rows.wait(event, its)
    return row, said(f"{row.label} {words}", failure_reason(its))
