"""The inbox: what this person can decide, time first."""

import json
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import Resolver404, resolve
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_safe

from approvals import tabs
from approvals.context import queues
from approvals.inbox_address import here, inbox_url
from approvals.views import panel
from approvals.views.chips import head
from approvals.views.drawing import page
from approvals.views.listing import counts, listed, revision
from approvals.views.receipt import latest


@require_safe
def inbox(request: HttpRequest, pk: UUID | None = None) -> HttpResponse:
    """The list, with the approval `pk` open beside it; for htmx the open one alone."""
    if request.htmx and request.htmx.target == "found":  # type: ignore[attr-defined]
        return found(request)
    if not pk:
        return with_list(request, {"place": "pane"}, open_alone=False)
    context = panel.everything(request, panel.find(request, pk), place="pane")
    response = with_list(request, context)
    response["X-Rev"] = panel.whole(context["rev"], context["cautions"])  # for who reads ahead
    return response


def with_list(
    request: HttpRequest, context: dict[str, Any], open_alone: bool = True, status: int = 200
) -> HttpResponse:
    """What is open, and beside it the list, unless htmx asks and has the list already."""
    if not (request.htmx and open_alone):  # type: ignore[attr-defined]
        asked = here(request)
        around = listed(request, asked) | head(request, asked) | latest(request)
        context = around | context
    return page(request, "inbox.html", "pane", context, status)


def found(request: HttpRequest) -> HttpResponse:
    """The list and what stands above it, once filters have changed; what is open stays open."""
    asked, pk = here(request), _open(request)
    context = listed(request, asked) | head(request, asked)
    context["approval"] = pk and {"pk": pk}  # as much of it as the list shows
    response = page(request, "inbox.html", "found", context)
    response["HX-Push-Url"] = inbox_url(request, pk or "inbox")
    n = sum(each["count"] for each in context["groups"])
    said = ngettext("%d request found.", "%d requests found.", n) % n
    if context["more"]:
        said = _("More than %d requests found.") % n
    response["HX-Trigger"] = json.dumps({"say": said})
    return response


def _open(request: HttpRequest) -> UUID | None:
    """Which approval is open in the page that asks."""
    address = request.htmx.current_url_abs_path or ""  # type: ignore[attr-defined]
    try:
        match = resolve(urlsplit(address).path)
    except Resolver404:
        return None
    return match.kwargs["pk"] if match.view_name == "inbox_pane" else None


@require_safe
def beside(request: HttpRequest, pk: UUID, back: bool = False) -> HttpResponse:
    """To the request behind `pk` in the list, or before it."""
    approval, asked = panel.find(request, pk), here(request)
    order = asked.order.backwards if back else asked.order
    waiting = asked.found(tabs.waiting(asked.tab, request.user, queues(request)))
    found = order.page(waiting.only("pk"), order.place(approval), 1)
    if found:
        return redirect(inbox_url(request, found[0].pk))
    ends = (_("This is the last request in the list."), _("This is the first request in the list."))
    messages.info(request, ends[back])
    if not request.htmx:  # type: ignore[attr-defined]
        return redirect(inbox_url(request, pk))
    response = inbox(request, pk)  # a redirect would lose what is to be said
    response["HX-Trigger"] = json.dumps({"say": ends[back]})
    response["HX-Push-Url"] = inbox_url(request, pk)
    return response


@require_safe
def rows(request: HttpRequest) -> HttpResponse:
    """The rows again; 204 where the revision that the page shows is the newest."""
    asked = here(request)
    shows = revision(request, asked)
    if request.headers.get("X-Rev") == shows:
        return HttpResponse(status=204)
    request.htmx = True  # type: ignore[attr-defined]
    context = listed(request, asked) | {"polled": True}
    response = page(request, "inbox.html", "rows", context)
    response["HX-Trigger"] = json.dumps({"inbox:rev": shows, "inbox:count": counts(request)})
    return response
