"""The inbox: what this person can decide, time first."""

import json
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from approvals.context import mine, waiting
from approvals.models import Approval, Decision, Queue
from approvals.models.approval import NEVER
from approvals.models.decision import VOTES
from approvals.views import panel
from approvals.views.drawing import page
from approvals.views.paging import SIZE, cursor, read_cursor

# What a row needs; payloads may be 256 KiB each.
HEAVY = ("payload", "previous", "details", "links", "reason")
LONGEST_MEMORY = timedelta(hours=12)


@require_safe
def inbox(request: HttpRequest, pk: UUID | None = None) -> HttpResponse:
    """The list, with the approval `pk` open beside it; for htmx the open one alone."""
    context: dict[str, Any] = {"place": "pane"}
    if pk:
        approval = panel.find(request, pk)
        context |= panel.everything(request, approval, place="pane")
    if not (request.htmx and pk):  # type: ignore[attr-defined]
        context |= listed(request)
    return page(request, "inbox.html", "pane", context)


@require_safe
def rows(request: HttpRequest) -> HttpResponse:
    """The rows again; 204 where the revision that the page shows is the newest."""
    revision = Queue.objects.reviewed_by(request.user).revision()
    if request.headers.get("X-Rev") == str(revision):
        return HttpResponse(status=204)
    request.htmx = True  # type: ignore[attr-defined]
    response = page(request, "inbox.html", "rows", listed(request))
    news = {"inbox:rev": revision, "inbox:count": waiting(request)}
    response["HX-Trigger"] = json.dumps(news)
    return response


def listed(request: HttpRequest) -> dict[str, Any]:
    """The rows in their groups, and what the page needs to ask for newer ones."""
    # First of all, so that what changes while we look is asked for again.
    revision = Queue.objects.reviewed_by(request.user).revision()
    since = _since(request)
    rows = mine(request).select_related("queue", "requester_user").defer(*HEAVY)
    after = read_cursor(request.GET.get("after", ""), rows)
    if after:
        rows = rows.filter(Q(due_sort__gt=after[0]) | Q(due_sort=after[0], pk__gt=after[1]))
    shown = list(rows.order_by("due_sort", "pk")[: SIZE + 1])
    more, shown = len(shown) > SIZE, shown[:SIZE]
    last = (shown[-1].due_sort, shown[-1].pk) if more else None
    shown += _settled(request, since, after, last, {each.pk for each in shown})
    return {
        "groups": _groups(sorted(shown, key=lambda each: (each.due_sort, each.pk))),
        "more": cursor(shown[-1], "due_sort") if more and last else "",
        "after": request.GET.get("after", ""),
        "since": since.isoformat(),
        "revision": revision,
        "empty": None if shown else _empty(request, bool(after)),
    }


def _since(request: HttpRequest) -> datetime:
    """When the page was opened, as it tells itself; never long ago."""
    now = timezone.now()
    try:
        since = datetime.fromisoformat(request.GET.get("since", ""))
    except ValueError:
        return now
    return max(since, now - LONGEST_MEMORY) if since.tzinfo else now


def _settled(
    request: HttpRequest, since: datetime, after: Any, last: Any, known: set[UUID]
) -> list[Approval]:
    """Rows that were decided since the page was opened: they stay where they were, dimmed."""
    if "since" not in request.GET:
        return []
    decided = Decision.objects.filter(decided_at__gte=since).values("approval")
    rows = (
        Approval.objects.decidable_by(request.user)
        .filter(Q(closed_at__gte=since) | Q(pk__in=decided))
        .filter(opened_at__lt=since)
        .exclude(pk__in=known)
        .select_related("queue", "requester_user")
        .prefetch_related("decisions__reviewer")
        .defer(*HEAVY)[:SIZE]
    )
    found = []
    for row in rows:
        place = (row.due_sort, row.pk)
        if (after and place <= (after[0], UUID(str(after[1])))) or (last and place > last):
            continue
        row.done = _done(row, request.user)  # type: ignore[attr-defined]
        if row.done:  # type: ignore[attr-defined]
            found.append(row)
    return found


def _done(row: Approval, user: Any) -> str:
    """“Approved by Lena”: what a dimmed row says; nothing for a row that still waits for you."""
    standing = [each for each in row.decisions.all() if panel.is_standing(each)]
    mine = [each for each in standing if each.reviewer_id == user.pk]
    if row.state not in (Approval.State.WAITING, Approval.State.APPROVED, Approval.State.REJECTED):
        return str(row.get_state_display())
    if not standing:
        return str(row.get_state_display()) if row.closed_at else ""
    last = (mine or standing)[-1]
    if not mine and row.settled_at is None:
        return ""
    name = _("you") if mine else last.reviewer.get_short_name() or last.reviewer.get_username()
    if last.verdict == Decision.Verdict.REJECT:
        return _("Rejected by %(name)s") % {"name": name}
    return _("Approved by %(name)s") % {"name": name}


def _groups(rows: list[Approval]) -> list[dict[str, Any]]:
    now = timezone.now()
    titles = {
        "overdue": _("Overdue"),
        "hour": _("Due within the hour"),
        "today": _("Due today"),
        "later": _("Later"),
        "never": _("No deadline"),
    }
    groups: dict[str, list[Approval]] = {name: [] for name in titles}
    for row in rows:
        groups[_group(row, now)].append(row)
    return [
        {"name": name, "title": titles[name], "rows": each} for name, each in groups.items() if each
    ]


def _group(row: Approval, now: datetime) -> str:
    if row.due_sort == NEVER or row.due_at is None:
        return "never"
    if row.due_at <= now:
        return "overdue"
    if row.due_at <= now + timedelta(hours=1):
        return "hour"
    today = timezone.localtime(now).date()
    return "today" if timezone.localtime(row.due_at).date() == today else "later"


def _empty(request: HttpRequest, paged: bool) -> dict[str, Any]:
    """Which of the empty states this is, with the numbers it names."""
    if not Queue.objects.exists():
        return {"state": "no_queue"}
    if not Queue.objects.reviewed_by(request.user).exists():
        return {"state": "no_role"}
    midnight = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)
    user: Any = request.user
    today = Decision.objects.filter(reviewer=user, decided_at__gte=midnight, verdict__in=VOTES)
    return {"state": "end" if paged else "done", "today": today.count()}
