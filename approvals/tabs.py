"""The inbox's tabs: what a person can decide, what they have claimed, what waits on others."""

from typing import Any

from django.contrib.auth.models import User
from django.db.models import Exists, IntegerField, OuterRef, Q, Subquery
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from approvals.context import MOST_COUNTED, to_decide
from approvals.models import Approval, Decision, Queue
from approvals.models.approval_queryset import ApprovalQuerySet
from approvals.models.people import identities

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
        return _others(Approval.objects.waiting(), user, queues)
    mine = to_decide(user, queues)
    return _claimed(mine, user) if tab == "claimed" else mine


def known(tab: str, user: Any, queues: list[Queue]) -> ApprovalQuerySet:
    """The same, whatever became of it: a row that was decided stays for a while."""
    if tab == "others":
        return _others(Approval.objects.all(), user, queues)
    mine = Approval.objects.decidable_by(user, queues)
    return _claimed(mine, user) if tab == "claimed" else mine


def counts(user: Any, queues: list[Queue]) -> dict[str, int]:
    """How many wait in each, with one query; 1,001 means "more than 1,000"."""
    found = {
        tab: Counted(waiting(tab, user, queues).order_by().values("pk")[: MOST_COUNTED + 1])
        for tab in TABS
    }
    numbers = User.objects.filter(pk=user.pk).annotate(**found).values_list(*TABS).get()
    return {tab: number or 0 for tab, number in zip(TABS, numbers, strict=True)}


def revision(tab: str, user: Any, queues: list[Queue]) -> int:
    """A number that changes whenever what `tab` shows may have changed."""
    if tab != "others":
        return sum(each.revision for each in queues)
    if user.is_superuser:
        return Queue.objects.revision()
    asked = Approval.objects.waiting().filter(queue=OuterRef("pk"), requester_user=user)
    return Queue.objects.filter(Q(pk__in=[each.pk for each in queues]) | Exists(asked)).revision()


def _claimed(rows: ApprovalQuerySet, user: Any) -> ApprovalQuerySet:
    return rows.filter(claim__holder=user, claim__until__gt=timezone.now())


def _others(rows: ApprovalQuerySet, user: Any, queues: list[Queue]) -> ApprovalQuerySet:
    """One's own requests, those one has voted on, and what an admin sees of other queues."""
    seen = rows.visible_to(user, queues)
    named = rows.filter(requester_identity__in=identities(user))
    votes = Decision.objects.standing().filter(approval=OuterRef("pk"), reviewer=user)
    voted = rows.filter(approvals__gt=0).filter(Exists(votes))
    # Each part has an index of its own; in one condition they would be looked for row by row.
    theirs = Q(pk__in=rows.filter(requester_user=user).values("pk"))
    theirs |= Q(pk__in=named.values("pk")) | Q(pk__in=voted.values("pk"))
    if user.is_superuser:
        theirs |= ~Q(queue__in=queues)
    return seen.filter(theirs)
