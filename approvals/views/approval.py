"""One approval: its page, its live part, its payload as a file."""

from typing import Any
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_safe

from approvals.files import ANY
from approvals.hidden import veiled, veils
from approvals.views import panel as area
from approvals.views.asked import file_of
from approvals.views.drawing import page
from orchestrator import contract


@require_safe
def approval(request: HttpRequest, pk: UUID) -> HttpResponse:
    """With ?confirm=approve the page that asks once more; deciding is a POST all the same."""
    context = area.everything(request, area.find(request, pk))
    may_approve = context["state"] == "form" and not context["hindrance"]
    if request.GET.get("confirm") == "approve" and may_approve:
        return render(request, "confirm.html", context)
    return page(request, "approval.html", "body", context)


@require_safe
def panel(request: HttpRequest, pk: UUID) -> HttpResponse:
    """What changed since ?rev=; 204 where nothing did. A form that somebody fills in stays."""
    place = "pane" if request.GET.get("place") == "pane" else "page"
    found = area.find(request, pk)
    context = area.decision_area(request, found, place)
    if request.GET.get("rev") == context["rev"]:
        return _countdown(request, context) if context["held"] else HttpResponse(status=204)
    typing = request.GET.get("form") == "1" and context["state"] == "form"
    if context["state"] == "form" and not typing:
        context = area.everything(request, found, place)
    elif typing:
        context |= area.hindrances(found, "form")
    context |= {"oob": True, "typing": typing}
    return render(request, "_approval.html#news", context)


def _countdown(request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    """The seconds for undo alone: the button beside them keeps the focus."""
    response = render(request, "_panel.html#countdown", context | {"ticking": True})
    response["HX-Reswap"] = "none"
    return response


@require_safe
def file(request: HttpRequest, pk: UUID, sha256: str) -> HttpResponse:
    """A file of its payload, or of what it was before, by its hash. With ?show a picture is one.

    Whatever it is, the browser keeps it to itself: it runs nothing, and is no page of the desk's.
    """
    found = file_of(area.find(request, pk), sha256)
    if found is None:
        raise Http404
    shown = "show" in request.GET and found.image
    response = HttpResponse(found.content, content_type=found.image if shown else ANY)
    header = content_disposition_header(not shown, found.name)
    response["Content-Disposition"] = header or "attachment"
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return response


@require_safe
def payload(request: HttpRequest, pk: UUID) -> HttpResponse:
    """The canonical JSON that the decision binds to: `sha256sum` of the file gives its hash.

    Where something is hidden there are words in its place, and the file has another hash.
    """
    approval = area.find(request, pk)
    shown = veiled(approval.payload, veils(*approval.veils()))
    response = HttpResponse(contract.canonical(shown), content_type="application/json")
    response["Content-Disposition"] = f'attachment; filename="payload-{approval.pk}.json"'
    return response
