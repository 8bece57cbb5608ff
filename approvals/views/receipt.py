"""After a decision in the inbox: the next request, and a line that says how far the last got."""

import json
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.template.loader import render_to_string
from django.views.decorators.http import require_safe

from approvals import tabs
from approvals.context import queues
from approvals.filters import as_uuid
from approvals.inbox_address import here, inbox_url
from approvals.models import Approval, Decision
from approvals.models.decision import VOTES
from approvals.views import panel
from approvals.views.drawing import page
from orchestrator import contract

QUICK = 2  # seconds between looks
MOST_NEXT = 10
ANY = "any"  # after those that are named


@require_safe
def receipt(request: HttpRequest, pk: UUID) -> HttpResponse:
    """The line again, as long as its words can change."""
    return render(request, "_receipt.html", of(request, panel.find(request, pk)))


def of(request: HttpRequest, approval: Approval) -> dict[str, Any]:
    user: Any = request.user
    made = approval.decisions.filter(reviewer=user, verdict__in=[*VOTES, contract.CORRECT])
    return _about(approval, made.order_by("decided_at").last())


def _about(approval: Approval, made: Decision | None) -> dict[str, Any]:
    may_undo = bool(made and made.stands and approval.may_be_taken_back(made))
    under_way = bool(made and made.delivery in ("recorded", "sent"))
    return {
        "receipt": approval,
        "made": made,
        "done": panel.done_words(approval, made) if made else "",
        "may_undo": may_undo,
        "held": panel.held(approval),
        "pulse": QUICK if under_way or (may_undo and approval.settled_at) else 0,
    }


def with_receipt(
    request: HttpRequest, approval: Approval, response: HttpResponse, made: Decision
) -> HttpResponse:
    """`response` for the pane, and beside it the line about `approval`, decided by `made`."""
    # Both as they are now: they may be through already.
    approval.refresh_from_db(fields=["state", "stage", "settled_at", "held_until"])
    made.refresh_from_db(fields=["acknowledged_at", "refused_at", "refusal", "retracted_at"])
    line = render_to_string("_receipt.html", _about(approval, made) | {"oob": True}, request)
    response.content += line.encode()
    return response


def advanced(request: HttpRequest, said: str) -> HttpResponse | None:
    """The next request that this person can still decide, of those that the page names in order.

    None where it names none: outside the inbox, or as the person has set it. Nothing is drawn, and
    X-Ahead says so, where the page has read ahead and has what would be drawn.
    """
    following = _following(request)
    if following is None:
        return None
    if request.POST.get("ahead") == panel.revision(request, following):
        response = HttpResponse(headers={"X-Ahead": "1"})
    else:
        request.GET = QueryDict()  # how the last one was compared says nothing of this one
        context = panel.everything(request, following, place="pane")
        response = page(request, "inbox.html", "pane", context)
    response["HX-Push-Url"] = inbox_url(request, following.pk)
    response["HX-Trigger"] = json.dumps({"say": said, "inbox:decided": True})
    return response


def _following(request: HttpRequest) -> Approval | None:
    named = [each for each in map(as_uuid, request.POST.getlist("next")[:MOST_NEXT]) if each]
    if request.POST.get("place") != "pane" or not request.htmx:  # type: ignore[attr-defined]
        return None
    for pk in named:  # nearly always the first of them: nobody else was quicker
        found = panel.read(request, Approval.objects.waiting().filter(pk=pk))
        if found and found.awaits(request.user):
            return found
    return _first(request) if ANY in request.POST.getlist("next") else None


def _first(request: HttpRequest) -> Approval | None:
    """What the page's list begins with by now; it may not show it yet."""
    asked = here(request)
    if asked.tab == "others":
        return None
    waiting = tabs.waiting(asked.tab, request.user, queues(request))
    first = [each.pk for each in asked.order.page(asked.found(waiting), None, 1)]
    return panel.read(request, Approval.objects.filter(pk__in=first))
