"""The rows of the timeline, from the event that opens one to what became of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from temporalio.api.history.v1 import HistoryEvent

from orchestrator import contract
from orchestrator.timeline.decisions import rulings_of
from orchestrator.timeline.payloads import field_of
from orchestrator.timeline.text import named
from orchestrator.timeline.times import EPOCH, clock, moment_of, span, time_of

_OUTCOMES = {
    contract.APPROVED: "completed",
    contract.REJECTED: "completed",
    contract.CHANGES_REQUESTED: "completed",
    contract.EXPIRED: "timed out",
    contract.CANCELLED: "cancelled",
    contract.LOST: "failed",
}


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


@dataclass
class Row:
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

    @property
    def on_attempt(self) -> str:
        return f" on attempt {self.attempt}" if self.attempt else ""

    def close(self, at: datetime, state: str, outcome: str = "") -> None:
        """Ended in `state`; a wait on people says its `outcome`, as far as one is known."""
        self.ended, self.state = max(at, self.began), state
        if self.category != "approval":
            return
        length = span(self.ended - self.began)
        self.noun, self.tail = f"Waited on people, {length}", "" if state == "completed" else state
        if outcome in _OUTCOMES:
            self.noun, self.tail = f"{outcome.capitalize()} after {length}", ""
            self.state = _OUTCOMES[outcome]

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
            return [f"fires {clock(self.due, self.began)}"] if self.due else ["running"]
        length = span(self.due - self.began) if self.due else ""
        return [length, self.state, self.tail]


class Rows:
    """The rows of one history while it is read, by the events that opened them."""

    def __init__(self, history: Sequence[HistoryEvent]) -> None:
        self.began = time_of(history[0].event_time) if history else EPOCH
        self.rulings = rulings_of(history)
        self.opened: dict[int, Row] = {}
        self.updates: dict[str, Row] = {}
        self._rows: list[Row] = []
        self._approval: Row | None = None

    def groups(self) -> list[Group]:
        return [row.group() for row in sorted(self._rows, key=lambda row: row.began)]

    def open(self, event: HistoryEvent, name: str, category: str, label: str, noun: str) -> Row:
        row = Row(name, category, time_of(event.event_time), label, noun)
        self._rows.append(row)
        self.opened[event.event_id] = row
        return row

    def instant(self, event: HistoryEvent, name: str, category: str, noun: str = "") -> Row:
        row = self.open(event, name, category, name, noun)
        row.ended, row.state = row.began, "instant"
        return row

    def end(self, at: datetime) -> None:
        """The workflow ended, and with it whatever was still open."""
        for row in self._rows:
            if row.ended is None and not row.outlives:
                row.close(at, "cancelled")
                row.tail = "the workflow ended"

    # The approval step inside a workflow: from the answer of `open_approval` to the outcome.

    def wait(self, event: HistoryEvent, its: Any) -> None:
        name = named(field_of(its.result, "title"), "Approval")
        row = Row(name, "approval", time_of(event.event_time), name, "Waiting on people")
        row.due = moment_of(field_of(its.result, "due_at"))
        self._rows.append(row)
        self._approval = row

    def settle_before(self, event: HistoryEvent, its: Any) -> None:
        """What this activity tells of the wait: `publish` its outcome, others that it is over."""
        if self._approval is None:
            return
        name, at = its.activity_type.name, time_of(event.event_time)
        if name == contract.PUBLISH:
            if (state := field_of(its.input, "state")) in _OUTCOMES:
                self.settle(at, state)
        elif name in (contract.RUN_AGENT, contract.OPEN_APPROVAL):
            self.settle(at, "")

    def settle(self, at: datetime, outcome: str) -> None:
        if self._approval is not None:
            self._approval.close(at, _OUTCOMES.get(outcome, "completed"), outcome)
        self._approval = None
