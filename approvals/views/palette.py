"""Search from anywhere: what a word leads to, of what this person may see."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from approvals.context import ADMINISTRATION, NAVIGATION, queues
from approvals.filters import as_uuid, begins, readable
from approvals.models import Approval, Queue, SavedView, WorkflowRun
from approvals.templatetags.texts import workflow_url
from approvals.views.paging import HEAVY

MOST = 6  # of each sort
Hit = dict[str, Any]


@require_safe
def palette(request: HttpRequest) -> HttpResponse:
    """A page of its own, and for htmx its results."""
    text = readable(request.GET.get("q", ""))[:200]
    context = {"q": text, "hits": list(hits(request, text))}
    name = "palette.html#hits" if request.htmx else "palette.html"  # type: ignore[attr-defined]
    return render(request, name, context)


def hits(request: HttpRequest, text: str) -> Iterator[Hit]:
    if text:
        yield from _approvals(request, text)
        yield from _runs(request, text)
    yield from _queues(request, text)
    yield from _views(request, text)
    yield from _pages(request, text)
    if text:
        yield from _searches(text)


def _approvals(request: HttpRequest, text: str) -> Iterator[Hit]:
    """By key or id; those that wait by the key's beginning, title and parent, too."""
    seen = Approval.objects.visible_to(request.user, queues(request))
    rows = seen.select_related("queue").defer(*HEAVY)
    exact = list(rows.filter(_named(text)).order_by("-opened_at")[:MOST])
    likeness = Q(title__icontains=text) | Q(key__istartswith=text) | Q(parent_workflow_id=text)
    alike = rows.waiting().filter(likeness)
    alike = alike.exclude(pk__in=[each.pk for each in exact])
    for row in [*exact, *alike.order_by("due_sort", "pk")[: MOST - len(exact)]]:
        yield {
            "icon": "file-check",
            "href": reverse("approval", args=[row.pk]),
            "title": row.title,
            "reference": row.reference,
            "beside": row.get_state_display(),
        }


def _named(text: str) -> Q:
    """Each way to name one has an index of its own; in one condition all rows would be read."""
    # The index leaves out the empty key; said, so that the database knows that it may use it.
    ways = [Q(key__in={text, text.upper()}) & ~Q(key=""), Q(workflow_id=text)]
    ways += [Q(pk=as_uuid(text))] if as_uuid(text) else []
    ways += [begins(text)] if begins(text) else []
    named = Q()
    for way in ways:
        named |= Q(pk__in=Approval.objects.filter(way).values("pk"))
    return named


def _runs(request: HttpRequest, text: str) -> Iterator[Hit]:
    runs = WorkflowRun.visible_to(request.user)
    found = runs.filter(Q(workflow_id=text) | Q(run_id=text)).order_by("-started_at")
    for run in found[:MOST]:
        href = workflow_url(run.workflow_id, run.run_id)
        yield {"icon": "workflow", "href": href, "title": run.workflow_id, "beside": _("Workflow")}


def _queues(request: HttpRequest, text: str) -> Iterator[Hit]:
    admin = request.user.is_superuser
    for queue in Queue.objects.all() if admin else queues(request):
        if _says(text, queue.name, queue.slug):
            query = urlencode({"queue": queue.slug})
            yield _link("inbox", queue.name, _("Queue"), reverse("inbox") + "?" + query)


def _views(request: HttpRequest, text: str) -> Iterator[Hit]:
    for view in SavedView.objects.filter(owner=request.user):  # type: ignore[misc]
        if _says(text, view.name):
            yield _link("bookmark", view.name, _("Saved view"), reverse("inbox") + view.href)


def _pages(request: HttpRequest, text: str) -> Iterator[Hit]:
    places = [*NAVIGATION, *(ADMINISTRATION if request.user.is_superuser else ())]
    pages: list[tuple[str, Any, str]] = [
        (name, title, icon) for name, title, _short, icon, _views in places
    ]
    pages += [("start", _("Start workflow"), "plus"), ("profile", _("Profile"), "user")]
    pages += [("absences", _("Absences"), "calendar-off")]
    if request.user.is_superuser:
        pages.append(("admin:index", _("Admin"), "settings"))
    for name, title, icon in pages:
        if _says(text, str(title)):
            yield _link(icon, title, _("Page"), reverse(name))


def _searches(text: str) -> Iterator[Hit]:
    query = "?" + urlencode({"q": text})
    words = {"inbox": _("Search the inbox for “%s”"), "history": _("Search History for “%s”")}
    for name, sentence in words.items():
        yield _link("search", sentence % text, "", reverse(name) + query)


def _link(icon: str, title: Any, beside: str, href: str) -> Hit:
    return {"icon": icon, "title": title, "beside": beside, "href": href}


def _says(text: str, *names: str) -> bool:
    return any(text.casefold() in each.casefold() for each in names)
