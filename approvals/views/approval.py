"""One approval: its page, its live part, its payload as a file."""

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from approvals.views import panel as area
from approvals.views.drawing import page
from orchestrator import contract


@require_safe
def approval(request: HttpRequest, pk: UUID) -> HttpResponse:
    context = area.everything(request, area.find(request, pk))
    return page(request, "approval.html", "body", context)


@require_safe
def panel(request: HttpRequest, pk: UUID) -> HttpResponse:
    """What changed since ?rev=; 204 where nothing did. A form that somebody fills in stays."""
    place = "pane" if request.GET.get("place") == "pane" else "page"
    context = area.decision_area(request, area.find(request, pk), place)
    if request.GET.get("rev") == context["rev"]:
        return HttpResponse(status=204)
    context["oob"] = True
    context["typing"] = request.GET.get("form") == "1" and context["state"] == "form"
    return render(request, "_approval.html#news", context)


@require_safe
def payload(request: HttpRequest, pk: UUID) -> HttpResponse:
    """The canonical JSON that the decision binds to: `sha256sum` of the file gives its hash."""
    approval = area.find(request, pk)
    response = HttpResponse(contract.canonical(approval.payload), content_type="application/json")
    response["Content-Disposition"] = f'attachment; filename="payload-{approval.pk}.json"'
    return response
