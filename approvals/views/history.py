"""History: approvals that are closed, newest first; the same as a file."""

import json
from typing import Any

from django.db.models import OuterRef, Subquery
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.utils import timezone
from django.utils.translation import ngettext
from django.views.decorators.http import require_safe

from approvals import export as csv
from approvals.export import BESIDE
from approvals.filters import HistoryFilter
from approvals.models import Approval, AuditEntry, Kind
from approvals.templatetags.texts import counted_fully
from approvals.views.drawing import page
from approvals.views.paging import HEAVY, paged

MOST_COUNTED = 10_000


@require_safe
def history(request: HttpRequest) -> HttpResponse:
    asked = HistoryFilter(request.user, request.GET)
    found = asked.found(Approval.objects.history_of(request.user))
    kind = Kind.objects.filter(slug=OuterRef("kind"))
    rows = (
        found.prefetch_related(*BESIDE)
        .annotate(kind_name=Subquery(kind.values("name")))
        .defer(*HEAVY)
    )
    shown = paged(request, rows, "closed_at")
    asked.offer(shown.rows)
    context: dict[str, Any] = {
        "page": shown,
        "form": asked,
        "query": query(request),
        **in_words(counted(found) if shown.newer or shown.older else len(shown.rows)),
    }
    response = page(request, "history.html", "results", context)
    if request.htmx:  # type: ignore[attr-defined]
        response["HX-Push-Url"] = request.path + context["query"]
        response["HX-Trigger"] = json.dumps({"say": context["words"]})
    return response


@require_safe
def export(request: HttpRequest) -> HttpResponseBase:
    """The same rows as CSV. Who took how much away is audited before the first one is sent."""
    asked = HistoryFilter(request.user, request.GET)
    if not asked.is_valid():  # a file that holds more than was meant would not say so
        return refused(request)
    found = asked.found(Approval.objects.history_of(request.user))
    if request.method == "GET":
        said: dict[str, Any] = {name: str(each) for name, each in asked.asked.items()}
        AuditEntry.record("exported", actor=request.user, rows=found.count(), filter=said)
    response = StreamingHttpResponse(csv.lines(found), content_type="text/csv; charset=utf-8")
    name = f"countersign-history-{timezone.localdate().isoformat()}.csv"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def refused(request: HttpRequest) -> HttpResponse:
    response = history(request)
    response.status_code = 422
    return response


def counted(found: Any) -> int:
    """How many; 10,001 means "more than 10,000"."""
    first: int = found.order_by()[: MOST_COUNTED + 1].count()
    return first


def in_words(count: int) -> dict[str, str]:
    number = counted_fully(min(count, MOST_COUNTED)) + ("+" if count > MOST_COUNTED else "")
    return {
        "words": ngettext("%s decision", "%s decisions", count) % number,
        "export_words": ngettext("Export %s row", "Export %s rows", count) % number,
    }


def query(request: HttpRequest) -> str:
    """The filter of this address, without its page, for other addresses."""
    kept = request.GET.copy()
    for name in ("older", "newer"):
        kept.pop(name, None)
    for name in [name for name, value in kept.items() if not value]:
        del kept[name]
    return f"?{kept.urlencode()}" if kept else ""
