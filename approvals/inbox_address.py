"""Addresses in the inbox: each carries the filters of the page that it stands on."""

from urllib.parse import urlencode, urlsplit
from uuid import UUID

from django.http import HttpRequest, QueryDict
from django.urls import reverse

from approvals.inbox_filter import InboxFilter


def here(request: HttpRequest) -> InboxFilter:
    """The filters of the inbox page that is asked for, or that the request comes from."""
    if not hasattr(request, "_here"):
        request._here = InboxFilter(_asked(request))  # type: ignore[attr-defined]
    found: InboxFilter = request._here  # type: ignore[attr-defined]
    return found


def inbox_url(request: HttpRequest, to: UUID | str = "inbox", **first: str) -> str:
    """The address of the approval `to`, or of the page of that name, with `first` and filters."""
    path = reverse("inbox_pane", args=[to]) if isinstance(to, UUID) else reverse(to)
    own = urlencode({name: each for name, each in first.items() if each})
    query = "&".join(filter(None, (own, inbox_query(request))))
    return f"{path}?{query}" if query else path


def inbox_query(request: HttpRequest) -> str:
    return urlencode(here(request).carried())


def _asked(request: HttpRequest) -> QueryDict:
    """What the address says; elsewhere that of the page which asks, or a form without scripts."""
    inbox = reverse("inbox")
    if request.method != "POST" and request.path.startswith(inbox):
        return request.GET
    if page := request.htmx and request.htmx.current_url_abs_path:  # type: ignore[attr-defined]
        path, query = urlsplit(page)[2:4]
        return QueryDict(query if path.startswith(inbox) else "")
    return QueryDict(request.POST.get("here", ""))
