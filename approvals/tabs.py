"""The inbox's tabs: what a person can decide, what they have claimed, what waits on others."""

from typing import Any

from django.contrib.auth.models import User
from django.db.models import Exists, IntegerField, OuterRef, Q, Subquery
from django.utils.translation import gettext_lazy as _

from approvals.context import MOST_COUNTED, to_decide
from approvals.models import Approval, Claim, Decision, Queue
from approvals.models.approval_queryset import ApprovalQuerySet
from approvals.models.decision import DecisionQuerySet
from approvals.models.people import identities

MOST_VOTED = 10_000  # of one person, on approvals that still wait
TABS = {
    "decide": _("I can decide"),
    "claimed": _("Claimed by me"),
    "others": _("Waiting on others"),
}


class Counted(Subquery):
    """How many rows a query has; cut, it says "more than" and costs little."""

    template = "(SELECT COUNT(*) FROM (%(subquery)s) AS counted)"
    output_field = IntegerField()


def waiting(tab: str, user: Any, queues: list[Queue]) -> ApprovalQuerySet:
    """What waits in `tab`; `queues` are those that `user` reviews."""
    if tab == "others":
        return _others(user, queues)
    mine = to_decide(user, queues)
    return _claimed(mine, user) if tab == "claimed" else mine


def known(tab: str, user: Any, queues: list[Queue]) -> ApprovalQuerySet:
    """The same, whatever became of it: a row that was decided stays for a while.

    Quick for a few rows (`of_these`) only.
    """
    if tab == "others":
        theirs = Q(requester_user=user) | Q(requester_identity__in=identities(user))
        theirs |= Q(Exists(_votes(user))) | _elsewhere(user, queues)
        return Approval.objects.visible_to(user, queues).filter(theirs)
    mine = Approval.objects.decidable_by(user, queues)
    return _claimed(mine, user) if tab == "claimed" else mine


def counts(user: Any, queues: list[Queue], **more: Exists) -> dict[str, int]:
    """How many wait in each, and `more`, with one query; 1,001 means "more than 1,000"."""
    found: dict[str, Any] = more | {
        tab: Counted(waiting(tab, user, queues).order_by().values("pk")[: MOST_COUNTED + 1])
        for tab in TABS
    }
    numbers = User.objects.filter(pk=user.pk).annotate(**found).values_list(*found).get()
    return {tab: number or 0 for tab, number in zip(found, numbers, strict=True)}


def revision(tab: str, user: Any, queues: list[Queue]) -> int:
    """A number that changes whenever what `tab` shows may have changed."""
    if tab != "others":
        return sum(each.revision for each in queues)
    if user.is_superuser:
        return Queue.objects.revision()
    asked = Approval.objects.waiting().filter(queue=OuterRef("pk"), requester_user=user)
    return Queue.objects.filter(Q(pk__in=[each.pk for each in queues]) | Exists(asked)).revision()


def of_these(few: ApprovalQuerySet, rows: ApprovalQuerySet) -> ApprovalQuerySet:
    """Those of `few` that are among `rows`, found from `few`.

    In one condition SQLite would walk through whole queues, for it takes every queue to be short.
    """
    return few.filter(Exists(rows.filter(pk=OuterRef("pk"))))


def _claimed(rows: ApprovalQuerySet, user: Any) -> ApprovalQuerySet:
    claims = Claim.objects.current().of(user)
    return of_these(Approval.objects.filter(pk__in=claims.values("approval")), rows)


def _others(user: Any, queues: list[Queue]) -> ApprovalQuerySet:
    """One's own requests, those one has voted on, and what an admin sees of other queues."""
    rows = Approval.objects.waiting()
    seen = rows.visible_to(user, queues)
    named = rows.filter(requester_identity__in=identities(user))
    # In this order SQLite takes the index that holds nothing but approvals with a vote.
    voted = rows.filter(Exists(_votes(user)), approvals__gt=0).order_by("due_sort", "pk")
    # Each part has an index of its own; in one condition they would be looked for row by row.
    theirs = Q(pk__in=rows.filter(requester_user=user).values("pk"))
    theirs |= Q(pk__in=named.values("pk")) | Q(pk__in=voted.values("pk")[:MOST_VOTED])
    if user.is_superuser:
        return seen.filter(theirs | _elsewhere(user, queues))
    return of_these(Approval.objects.filter(theirs), seen)


def _votes(user: Any) -> DecisionQuerySet:
    return Decision.objects.standing().filter(approval=OuterRef("pk"), reviewer=user)


def _elsewhere(user: Any, queues: list[Queue]) -> Q:
    """What only an admin sees."""
    return ~Q(queue__in=queues) if user.is_superuser else Q(pk__in=[])
