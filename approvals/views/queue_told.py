"""What pages tell of a queue: what holds there, what would differ, what needs it."""

from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from approvals import queue_words
from approvals.models import Queue
from approvals.models.change import Change, rules_of
from approvals.models.queue_rules import Rules, deciders, doubts
from approvals.queue_sentences import in_short
from orchestrator.contract import WAITING

LISTED = 50  # requests in the way of a deletion


def in_words(change: Change, field: str) -> dict[str, Any]:
    """A row of the difference; of lists of names only who is gone and who is new."""
    row = {"label": queue_words.LABELS[field]}
    was, now = change.was[field], change.now[field]
    if isinstance(was, list) and all(isinstance(each, str) for each in [*was, *now]):
        gone, new = sorted({*was} - {*now}), sorted({*now} - {*was})
        return row | {"gone": _names(field, gone), "new": _names(field, new)}
    return row | {
        "was": queue_words.value(field, change.was) or _("nothing"),
        "now": queue_words.value(field, change.now) or _("nothing"),
    }


def _names(field: str, names: list[str]) -> str:
    persons = field in ("reviewers", "viewers")
    return ", ".join(queue_words.people(names) if persons else names)


@dataclass(frozen=True)
class Told:
    """A queue as its row and its head tell it."""

    queue: Queue
    rules: Rules
    in_short: str
    deciders: list[Any]
    doubts: list[str]

    @classmethod
    def of(cls, queue: Queue) -> "Told":
        rules = rules_of(queue)
        return cls(queue, rules, in_short(rules), list(deciders(rules)), doubts(rules))

    @property
    def groups(self) -> str:
        return ", ".join(self.rules["groups"])

    @property
    def viewers(self) -> str:
        """Who sees it and decides nothing: groups, then people."""
        people = queue_words.people(self.rules["viewers"])
        return ", ".join([*self.rules["viewer_groups"], *people])


@dataclass(frozen=True)
class InTheWay:
    """Why a queue cannot be deleted."""

    waiting: list[Any]
    more: int
    closed: int
    kinds: list[Any]

    @classmethod
    def of(cls, queue: Queue) -> "InTheWay | None":
        """None where nothing is."""
        waiting = queue.open_requests().order_by("opened_at")
        count = waiting.count()
        closed = queue.approvals.exclude(state=WAITING).count()
        found = cls(list(waiting[:LISTED]), max(count - LISTED, 0), closed, list(queue.kinds.all()))
        return found if found.waiting or found.closed or found.kinds else None
