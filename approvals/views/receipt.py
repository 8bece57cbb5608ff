"""After a decision in the inbox: the next request, and a line that says how far the last got."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from approvals import tabs
from approvals.context import queues
from approvals.filters import as_uuid
from approvals.inbox_address import here, inbox_url
from approvals.kept import Kept
from approvals.models import Approval, Decision
from approvals.models.decision import VOTES
from approvals.ordering import Place
from approvals.views import panel
from approvals.views.drawing import page
from approvals.views.paging import HEAVY
from orchestrator import contract

QUICK = 2  # seconds between looks
LATELY = timedelta(hours=12)
AWAY = "put-away"  # the cookie that names the decision whose line was dismissed
UNREAD = ("envelope", *(f"approval__{each}" for each in HEAVY))
# What changes of the two while the line is there.
OF_APPROVAL = ["state", "stage", "settled_at", "held_until"]
OF_DECISION = ["acknowledged_at", "refused_at", "refusal", "retracted_at"]
MOST_NEXT = 10
ANY = "any"  # after those that are named


@require_http_methods(["GET", "HEAD", "POST"])
def receipt(request: HttpRequest, pk: UUID) -> HttpResponse:
    """GET: the line again, as long as its words can change. POST puts it away."""
    approval = panel.find(request, pk)
    made = _made_by(request).filter(approval=approval).last()
    if request.method != "POST":
        return render(request, "_receipt.html", _about(approval, made))
    if request.htmx:  # type: ignore[attr-defined]
        response = render(request, "_receipt.html")
    else:
        response = HttpResponse(status=303, headers={"Location": inbox_url(request)})
    if made:
        response.set_cookie(AWAY, str(made.pk), secure=request.is_secure(), httponly=True)
    return response


def latest(request: HttpRequest) -> dict[str, Any]:
    """The line about what this person did last, where there is something to say or undo."""
    lately = _made_by(request).filter(decided_at__gt=timezone.now() - LATELY)
    made = lately.select_related("approval").defer(*UNREAD).last()
    if made is None or made.retracted_at or request.COOKIES.get(AWAY) == str(made.pk):
        return {}
    line = _about(made.approval, made)
    return line if line["receipt"]["may_undo"] or line["receipt"]["pulse"] else {}


def _made_by(request: HttpRequest) -> Any:
    user: Any = request.user
    made = Decision.objects.filter(reviewer=user, verdict__in=[*VOTES, contract.CORRECT])
    return made.order_by("decided_at")


def _about(approval: Approval, made: Decision | None) -> dict[str, Any]:
    if made is None:
        return {}
    may_undo = made.stands and approval.may_be_taken_back(made) and not settings.READ_ONLY
    line = {
        "approval": approval,
        "made": made,
        "done": panel.done_words(approval, made),
        "may_undo": may_undo,
        "held": approval.is_held,
        "pulse": QUICK if made.is_undelivered or (may_undo and approval.settled_at) else 0,
    }
    return {"receipt": line}


def with_receipt(
    request: HttpRequest, approval: Approval, response: HttpResponse, made: Decision
) -> HttpResponse:
    """`response` for the pane, and beside it the line about `approval`, decided by `made`."""
    _renew(approval, _outcome.rows(approval.pk), OF_APPROVAL)
    _renew(made, _progress.rows(made.pk), OF_DECISION)
    return _with_line(request, response, _about(approval, made))


def _renew(row: Model, found: Iterable[Model], names: Iterable[str]) -> None:
    """Give `row` what may have changed: the decision may be through already."""
    for now in found:
        for name in names:
            setattr(row, name, getattr(now, name))


@Kept
def _outcome(approval: UUID) -> QuerySet[Approval]:
    return Approval.objects.filter(pk=approval).only(*OF_APPROVAL)


@Kept
def _progress(decision: UUID) -> QuerySet[Decision]:
    return Decision.objects.filter(pk=decision).only(*OF_DECISION)


def without_receipt(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """The same, and no line any more: what it offered to undo is not the last that was done."""
    return _with_line(request, response, {}) if request.htmx else response  # type: ignore[attr-defined]


def _with_line(request: HttpRequest, response: HttpResponse, line: dict[str, Any]) -> HttpResponse:
    response.content += render_to_string("_receipt.html", line | {"oob": True}, request).encode()
    return response


def advanced(request: HttpRequest) -> HttpResponse | None:
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
    return response


def _following(request: HttpRequest) -> Approval | None:
    named = [each for each in map(as_uuid, request.POST.getlist("next")[:MOST_NEXT]) if each]
    if request.POST.get("place") != "pane" or not request.htmx:  # type: ignore[attr-defined]
        return None
    for pk in named:  # nearly always the first of them: nobody else was quicker
        found = panel.read(request, pk)
        if found and found.is_open and found.awaits(request.user):
            return found
    return _first(request) if ANY in request.POST.getlist("next") else None


def behind(request: HttpRequest, approval: Approval) -> Approval | None:
    """The next request, where scripts name none: as advanced, from the list itself."""
    if not request.preference.auto_advance:  # type: ignore[attr-defined]
        return None
    return _first(request, here(request).order.place(approval)) or _first(request)


def _first(request: HttpRequest, after: Place | None = None) -> Approval | None:
    """What the page's list begins with by now, `after` a row; it may not show it yet."""
    asked = here(request)
    if asked.tab == "others":
        return None
    waiting = tabs.waiting(asked.tab, request.user, queues(request))
    first = asked.order.page(asked.found(waiting).only("pk"), after, 1)
    return panel.read(request, first[0].pk) if first else None
