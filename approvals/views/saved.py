"""Saved views of the inbox: one person's names for sets of filters."""

from typing import Any

from django.contrib import messages
from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from approvals.filters import readable
from approvals.inbox_filter import InboxFilter
from approvals.models import SavedView
from approvals.views.answers import SeeOther

MOST = 30


@require_POST
def views(request: HttpRequest) -> HttpResponse:
    """Save the filters of `query` under a new name."""
    user: Any = request.user
    query = _query(request)
    if SavedView.objects.filter(owner=user).count() >= MOST:
        return _back(request, query, _("You have %d saved views. Delete one first.") % MOST)
    view = SavedView(owner=user, query=query)
    problem = _saved(view, request.POST.get("name", ""))
    return _back(request, query, problem, view)


@require_POST
def view(request: HttpRequest, pk: int) -> HttpResponse:
    """One's own: `do` says save (the filters of `query`), rename or delete."""
    found = get_object_or_404(SavedView, pk=pk, owner=request.user)
    query, verb = _query(request), request.POST.get("do")
    if verb == "delete":
        found.delete()
        return _back(request, query)
    if verb not in ("save", "rename"):
        return _back(request, query, _("This form was not complete. Reload the page."))
    if verb == "save":
        found.query = query
    name = request.POST.get("name", "") if verb == "rename" else found.name
    return _back(request, query, _saved(found, name), found)


def _query(request: HttpRequest) -> str:
    """What the page showed, in one spelling, so that two of them can be compared."""
    return InboxFilter(QueryDict(request.POST.get("query", ""))).query()


def _saved(view: SavedView, name: str) -> str:
    """Why it could not be saved; "" where it was."""
    view.name = readable(name)
    if not view.name:
        return _("Give the view a name.")
    if len(view.name) > 60:
        return _("The name is too long: 60 characters are allowed.")
    if len(view.query) > 1000:
        return _("These filters are too long to be saved.")
    try:
        with transaction.atomic():
            view.save()
    except IntegrityError:
        return _("You have a view of this name.")
    return ""


def _back(
    request: HttpRequest, query: str, problem: str = "", view: SavedView | None = None
) -> HttpResponse:
    if problem:
        messages.error(request, problem)
    elif view:
        shown = SavedView(pk=view.pk, query=query)  # renamed, it may differ from what is shown
        return SeeOther(reverse("inbox") + shown.href)
    return SeeOther(reverse("inbox") + (f"?{query}" if query else ""))
