"""In which order the inbox is read, and how to read on behind a row: a page costs the same."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from approvals.models import Approval
from approvals.models.approval_queryset import ApprovalQuerySet
from orchestrator import contract

RISKS = tuple(reversed(contract.RISKS))  # the highest first


@dataclass(frozen=True)
class Place:
    """Where a row stands: its step, the time that decides, its key."""

    step: int
    at: datetime
    key: UUID

    @classmethod
    def read(cls, cursor: str) -> "Place | None":
        """What a cursor means; None for one that we did not write."""
        try:
            step, at, key = cursor.split(",")
            place = cls(int(step), datetime.fromisoformat(at), UUID(key))
        except ValueError:
            return None
        return place if place.at.tzinfo and 0 <= place.step < len(RISKS) else None

    def __str__(self) -> str:
        return f"{self.step},{self.at.isoformat()},{self.key}"


@dataclass(frozen=True)
class Order:
    """By `field`, a time, and then by key; `by_risk`: all of one risk before the next."""

    name: str
    title: Any
    field: str
    down: bool = False
    by_risk: bool = False
    back: bool = False

    @property
    def backwards(self) -> "Order":
        """The same from its end."""
        return replace(self, down=not self.down, back=not self.back)

    def page(self, rows: ApprovalQuerySet, after: Place | None, most: int) -> list[Approval]:
        """The first rows behind `after`. Risk by risk, an index serves each, where one sort of all
        of them takes a third of a second at 100,000."""
        sign = "-" if self.down else ""
        rows = rows.order_by(f"{sign}{self.field}", f"{sign}pk")
        found: list[Approval] = []
        for step in self._steps(after):
            part = rows.filter(risk=RISKS[step]) if self.by_risk else rows
            if after and step == after.step:
                part = part.filter(self._beyond(after))
            found += part[: most - len(found)]
            if len(found) >= most:
                break
        return found

    def place(self, row: Approval) -> Place:
        step = RISKS.index(row.risk) if self.by_risk and row.risk in RISKS else 0
        return Place(step, getattr(row, self.field), row.pk)

    def rank(self, place: Place) -> tuple[float, ...]:
        """Sorts places in Python as `page` does in the database."""
        sign = -1 if self.down else 1
        return (place.step, sign * place.at.timestamp(), sign * place.key.int)

    def _steps(self, after: Place | None) -> range:
        steps = range(len(RISKS) if self.by_risk else 1)
        if self.back:
            return steps[after.step :: -1] if after else steps[::-1]
        return steps[after.step :] if after else steps

    def _beyond(self, after: Place) -> Q:
        way = "lt" if self.down else "gt"
        beyond = Q(**{f"{self.field}__{way}": after.at})
        beyond |= Q(**{self.field: after.at, f"pk__{way}": after.key})
        # Said apart, for an OR alone does not tell the database where in the index to begin.
        return beyond & Q(**{f"{self.field}__{way}e": after.at})


ORDERS = {
    each.name: each
    for each in (
        Order("due", _("Due first"), "due_sort"),
        Order("risk", _("Highest risk first"), "due_sort", by_risk=True),
        Order("newest", _("Newest first"), "opened_at", down=True),
        Order("oldest", _("Oldest first"), "opened_at"),
    )
}
