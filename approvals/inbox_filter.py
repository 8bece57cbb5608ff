"""What people look for among waiting approvals, as the address of the inbox says it."""

from collections.abc import Iterable, Mapping
from datetime import datetime, time, timedelta
from typing import Any
from urllib.parse import urlencode

from django.db.models import Q
from django.http import QueryDict
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from approvals.filters import readable, says
from approvals.models import Queue
from approvals.models.approval_queryset import ApprovalQuerySet
from approvals.models.approval_record import NEVER
from approvals.models.people import identity
from approvals.ordering import ORDERS, RISKS
from approvals.tabs import TABS

MOST_VALUES = 20  # of one filter
LONGEST = 200

RISK_WORDS = {
    "critical": _("Critical"),
    "high": _("High"),
    "medium": _("Medium"),
    "low": _("Low"),
}
DUE = {
    "overdue": _("Overdue"),
    "hour": _("Due within the hour"),
    "today": _("Due today"),
    "later": _("Later"),
    "never": _("No deadline"),
}
AGES = {
    "1h": (timedelta(hours=1), _("Over 1 hour")),
    "4h": (timedelta(hours=4), _("Over 4 hours")),
    "1d": (timedelta(days=1), _("Over 1 day")),
    "7d": (timedelta(days=7), _("Over 1 week")),
}
GROUPS = {
    "due": _("By deadline"),
    "queue": _("By queue"),
    "kind": _("By kind"),
    "none": _("Not grouped"),
}
# Words of each filter, in the order of the address. An unknown value of a closed set is dropped.
FILTERS: dict[str, tuple[Any, Iterable[str] | None]] = {
    "queue": (_("Queue"), None),
    "kind": (_("Kind"), None),
    "requester": (_("From"), None),
    "risk": (_("Risk"), RISKS),
    "due": (_("Due"), DUE),
    "age": (_("Age"), AGES),
    "q": (_("Search"), None),
}
Pairs = list[tuple[str, str]]


class InboxFilter:
    """Tab, filters, order and grouping; all optional, all from the address."""

    def __init__(self, asked: QueryDict) -> None:
        self.tab = _one_of(TABS, asked.get("tab"), "decide")
        self.order = ORDERS[_one_of(ORDERS, asked.get("sort"), "due")]
        self.natural = "due" if self.order.name == "due" else "none"
        self.group = _one_of(GROUPS, asked.get("group"), self.natural)
        view = asked.get("view", "")[:20]
        self.view = view if view.isdecimal() else ""  # the saved one that it began as
        self.chosen = {name: _values(asked, name, known) for name, (_w, known) in FILTERS.items()}

    @property
    def filters(self) -> bool:
        return any(self.chosen.values())

    @property
    def q(self) -> str:
        return self.chosen["q"][0] if self.chosen["q"] else ""

    # As an address.

    def pairs(self, *without: str) -> Pairs:
        """Everything that is not as usual, apart from the parameters `without`."""
        given = {"tab": [self.tab] if self.tab != "decide" else [], **self.chosen}
        given["sort"] = [self.order.name] if self.order.name != "due" else []
        given["group"] = [self.group] if self.group != self.natural else []
        return [(name, each) for name in given if name not in without for each in given[name]]

    def carried(self, *without: str) -> Pairs:
        """The same, and which saved view it began as: what leads on in the inbox says it all."""
        return self.pairs(*without) + ([("view", self.view)] if self.view else [])

    def query(self, *without: str) -> str:
        """The same as a query string, without the question mark."""
        return urlencode(self.pairs(*without))

    def words(self, names: Mapping[str, Mapping[str, Any]]) -> list[str]:
        """What filters, as people read it: “Queue: Payments, Refunds”; `names` of its values."""
        return [
            f"{FILTERS[name][0]}: "
            + ", ".join(str(names.get(name, {}).get(each, each)) for each in values)
            for name, values in self.chosen.items()
            if values
        ]

    # As a query.

    def found(self, rows: ApprovalQuerySet) -> ApprovalQuerySet:
        for name, values in self.chosen.items():
            if values:
                rows = rows.filter(getattr(self, f"_by_{name}")(values))
        return rows

    def _by_queue(self, slugs: list[str]) -> Q:
        return Q(queue__in=Queue.objects.filter(slug__in=slugs))

    def _by_kind(self, slugs: list[str]) -> Q:
        return Q(kind__in=slugs)

    def _by_requester(self, names: list[str]) -> Q:
        return Q(requester__in=names) | Q(requester_identity__in=[identity(n) for n in names])

    def _by_risk(self, risks: list[str]) -> Q:
        return Q(risk__in=risks)

    def _by_due(self, groups: list[str]) -> Q:
        meant = Q(pk__in=[])
        for name in groups:
            since, until = _span(name)
            part = Q(due_sort__lte=until) if until else Q(due_sort__gte=NEVER)
            meant |= part & Q(due_sort__gt=since) if since else part
        return meant

    def _by_age(self, ages: list[str]) -> Q:
        return Q(opened_at__lte=timezone.now() - min(AGES[each][0] for each in ages))

    def _by_q(self, texts: list[str]) -> Q:
        return says(texts[0])


def due_group(due: datetime) -> str:
    """Under which of DUE a row with this `due_sort` stands now."""
    for name in ("overdue", "hour", "today", "later"):
        until = _span(name)[1]
        if until and due <= until:
            return name
    return "never"


def _span(group: str) -> tuple[datetime | None, datetime | None]:
    """(after, up to and including) which deadlines a group of DUE holds."""
    now = timezone.now()
    hour = now + timedelta(hours=1)
    tomorrow = timezone.localdate() + timedelta(days=1)
    midnight = timezone.make_aware(datetime.combine(tomorrow, time.min))
    today = max(midnight - timedelta(microseconds=1), hour)
    later = NEVER - timedelta(microseconds=1)
    return {
        "overdue": (None, now),
        "hour": (now, hour),
        "today": (hour, today),
        "later": (today, later),
        "never": (None, None),
    }[group]


def _one_of(known: Iterable[str], asked: str | None, usual: str) -> str:
    return asked if asked is not None and asked in known else usual


def _values(asked: QueryDict, name: str, known: Iterable[str] | None) -> list[str]:
    """Each value once, readable, in the order given; for a closed set in the order of the set."""
    given = [readable(each)[:LONGEST] for each in asked.getlist(name)]
    if known is not None:
        return [each for each in known if each in given]
    return list(dict.fromkeys(filter(None, given)))[:MOST_VALUES]
