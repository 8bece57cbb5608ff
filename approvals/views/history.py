"""History: approvals that are closed, newest first."""

from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from approvals.models import Approval, Queue
from approvals.views.inbox import HEAVY
from approvals.views.paging import paged

OUTCOMES = [each for each in Approval.State.choices if each[0] != Approval.State.WAITING]


@require_safe
def history(request: HttpRequest) -> HttpResponse:
    asked = {name: _asked(request, name) for name in ("q", "outcome", "queue")}
    visible = Approval.objects.visible_to(request.user)
    rows = (
        _matching(visible.closed(), asked)
        .select_related("queue", "requester_user")
        .prefetch_related("decisions__reviewer")
        .defer(*HEAVY)
    )
    context = {
        "page": paged(request, rows, "closed_at"),
        "asked": asked,
        "filtered": any(asked.values()),
        "outcomes": OUTCOMES,
        "queues": Queue.objects.filter(pk__in=visible.order_by().values("queue")),
    }
    return render(request, "history.html", context)


def _asked(request: HttpRequest, name: str) -> str:
    """What the address asks for, without characters that nobody sees."""
    return "".join(each for each in request.GET.get(name, "") if each.isprintable()).strip()


def _matching(rows: QuerySet[Any], asked: dict[str, str]) -> QuerySet[Any]:
    if asked["outcome"]:
        rows = rows.filter(state=asked["outcome"])
    if asked["queue"]:
        rows = rows.filter(queue__slug=asked["queue"])
    if text := asked["q"]:
        meant = Q(title__icontains=text) | Q(key__iexact=text) | Q(workflow_id=text)
        rows = rows.filter(meant | Q(pk=_uuid(text)) if _uuid(text) else meant)
    return rows


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
