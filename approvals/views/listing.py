"""The inbox's list: its rows in their groups, and what the page needs to ask for newer ones."""

from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.db.models import Exists, Q
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from approvals import tabs
from approvals.context import banners, concerning, queues, unsent
from approvals.forms import RISKS
from approvals.inbox_filter import AGES, DUE, FILTERS, InboxFilter
from approvals.models import Approval, Comment, Decision, Kind, Queue
from approvals.models.approval_queryset import ApprovalQuerySet
from approvals.ordering import Place
from approvals.views.groups import grouped
from approvals.views.paging import HEAVY, SIZE
from orchestrator import contract

LONGEST_MEMORY = timedelta(hours=12)
DONE = {
    contract.APPROVE: gettext_lazy("Approved by %(name)s"),
    contract.REJECT: gettext_lazy("Rejected by %(name)s"),
}


def listed(request: HttpRequest, asked: InboxFilter) -> dict[str, Any]:
    """The rows, and when they were read."""
    # First of all, so that what changes while we look is asked for again.
    shows = revision(request, asked)
    since = _since(request)
    after = Place.read(request.GET.get("after", ""))
    rows = _light(tabs.waiting(asked.tab, request.user, queues(request)))
    shown = asked.order.page(asked.found(rows), after, SIZE + 1)
    following = shown[SIZE] if len(shown) > SIZE else None
    shown = shown[:SIZE]
    last = asked.order.place(shown[-1]) if following else None
    shown += _settled(request, asked, since, (after, last), {each.pk for each in shown})
    _mark(shown, request, since)
    shown.sort(key=lambda each: asked.order.rank(asked.order.place(each)))
    return {
        "asked": asked,
        "tab": asked.tab,
        "groups": grouped(shown, asked, after, following),
        "more": str(last or ""),
        "after": str(after or ""),
        "since": since.isoformat(),
        "revision": shows,
        "empty": None if shown else _empty(request, asked, bool(after)),
    }


def revision(request: HttpRequest, asked: InboxFilter) -> str:
    """A name for what the list and the banners above it show."""
    return f"{tabs.revision(asked.tab, request.user, concerning(request))}{banners(request)}"


def counts(request: HttpRequest) -> dict[str, int]:
    """How many wait in each tab, read once a request; the frame shows the first of them."""
    if not hasattr(request, "_counts"):
        found = tabs.counts(request.user, queues(request), away=Exists(unsent()))
        request._away = bool(found.pop("away"))  # type: ignore[attr-defined]
        request._counts = found  # type: ignore[attr-defined]
        request._waiting = found["decide"]  # type: ignore[attr-defined]
    known: dict[str, int] = request._counts  # type: ignore[attr-defined]
    return known


def _light(rows: ApprovalQuerySet) -> ApprovalQuerySet:
    return rows.select_related("queue", "requester_user", "claim__holder", "claim__group").defer(
        *HEAVY
    )


def _since(request: HttpRequest) -> datetime:
    """When the page was opened, as it tells itself; never long ago."""
    now = timezone.now()
    try:
        since = datetime.fromisoformat(request.GET.get("since", ""))
    except ValueError:
        return now
    return max(since, now - LONGEST_MEMORY) if since.tzinfo else now


def _mark(rows: list[Approval], request: HttpRequest, since: datetime) -> None:
    """Who else has claimed a row, what was said of it, whether it is ticked, whether it is new.

    What a row does not have is said too: a template that looks for it in vain takes long.
    """
    ticked = set(request.GET.getlist("sel"))
    said = Comment.calling(rows)
    for row in rows:
        claim = getattr(row, "claim", None)
        elsewhere = claim and claim.is_current and claim.holder_id != request.user.pk
        row.held_by = claim.who if claim and elsewhere else None  # type: ignore[attr-defined]
        row.is_ticked = str(row.pk) in ticked  # type: ignore[attr-defined]
        row.is_new = row.opened_at >= since  # type: ignore[attr-defined]
        row.done = getattr(row, "done", "")  # type: ignore[attr-defined]
        row.calls = said.get(row.pk, ())  # type: ignore[attr-defined]


# Rows that were decided meanwhile.


def _settled(
    request: HttpRequest,
    asked: InboxFilter,
    since: datetime,
    between: tuple[Place | None, Place | None],
    known: set[UUID],
) -> list[Approval]:
    """Rows that were decided since the page was opened: they stay where they were, dimmed."""
    if "since" not in request.GET:
        return []
    decided = Decision.objects.filter(decided_at__gte=since).values("approval")
    recent = Approval.objects.filter(Q(closed_at__gte=since) | Q(pk__in=decided))
    found = asked.found(tabs.known(asked.tab, request.user, queues(request)))
    rows = (
        _light(tabs.of_these(recent.filter(opened_at__lt=since), found))
        .exclude(pk__in=known)
        .prefetch_related("decisions__reviewer")[:SIZE]
    )
    after, last = (each and asked.order.rank(each) for each in between)
    dimmed = []
    for row in rows:
        place = asked.order.rank(asked.order.place(row))
        if (after and place <= after) or (last and place > last):
            continue
        row.done = _done(row, request.user)  # type: ignore[attr-defined]
        if row.done:  # type: ignore[attr-defined]
            dimmed.append(row)
    return dimmed


def _done(row: Approval, user: Any) -> str:
    """“Approved by Lena”: what a dimmed row says; nothing for a row that still waits for you."""
    own = [each for each in row.decisions.all() if each.stands and each.reviewer_id == user.pk]
    if row.is_waiting and not row.settled_at:
        return _by(own[-1], user) if own else ""
    became = row.became()
    if became.by is None or became.by.verdict not in DONE:
        return str(became.word)
    alike = [each for each in own if each.verdict == became.by.verdict]
    return _by(alike[-1] if alike else became.by, user)


def _by(decision: Decision, user: Any) -> str:
    reviewer = decision.reviewer
    mine = reviewer.pk == user.pk
    name = _("you") if mine else reviewer.get_short_name() or reviewer.get_username()
    return str(DONE.get(decision.verdict, _("Decided by %(name)s")) % {"name": name})


# Nothing to show.


def names(request: HttpRequest) -> dict[str, dict[str, Any]]:
    """What the values of the filters are called."""
    return {
        "queue": {each.slug: each.name for each in queues(request)},
        "kind": dict(Kind.objects.values_list("slug", "name")),
        "requester": {},
        "risk": dict(reversed(RISKS)),
        "due": dict(DUE),
        "age": {name: words for name, (_length, words) in AGES.items()},
    }


def _empty(request: HttpRequest, asked: InboxFilter, paged: bool) -> dict[str, Any]:
    """Which of the empty states this is, with the numbers it names."""
    if paged:
        return {"state": "end"}
    if asked.filters:
        unfiltered = urlencode(asked.pairs(*FILTERS))
        return {"state": "filtered", "words": asked.words(names(request)), "query": unfiltered}
    if asked.tab != "decide":
        return {"state": asked.tab}
    others = counts(request)["others"]
    if not queues(request):
        return {"state": "no_role" if Queue.objects.exists() else "no_queue", "others": others}
    midnight = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)
    user: Any = request.user
    today = Decision.objects.standing().filter(reviewer=user, decided_at__gte=midnight)
    decided = today.values("approval").distinct().count()
    return {"state": "done", "today": decided, "others": others}
