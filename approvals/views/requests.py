"""My requests: what the signed-in person asked for, and what they can do about one."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import Prefetch
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from approvals.models import Approval, Comment, Decision, WorkflowRun
from approvals.models.errors import AlreadyDecided, Incomplete, NotYours, TooSoon
from approvals.templatetags.requester import people
from approvals.views import panel
from approvals.views.answers import SeeOther
from approvals.views.paging import HEAVY, paged
from approvals.whereabouts import still_to_decide
from orchestrator.signing import NoKey

SHOWS = ("waiting", "closed")
VOTES = Prefetch("decisions", Decision.objects.light())
LATELY = timedelta(days=7)
MOST_APART = 10


@require_safe
def requests(request: HttpRequest) -> HttpResponse:
    mine = Approval.objects.asked_by(request.user).select_related("queue", "requester_user")
    show = request.GET.get("show", "")
    if show in SHOWS:
        mine = mine.filter(state=Approval.State.WAITING) if show == "waiting" else mine.closed()
    page = paged(request, mine.defer(*HEAVY).prefetch_related(VOTES), "opened_at")
    asked = Comment.open_questions(page.rows)
    for row in page.rows:
        row.question = asked.get(row.pk)
    apart = [] if show == "waiting" or page.newer else _without_approval(request.user)
    context = {"page": page, "show": show if show in SHOWS else "", "apart": apart}
    return render(request, "requests.html", context)


def _without_approval(user: Any) -> list[WorkflowRun]:
    """Runs of late that asked nobody: policy settled them, or they have only just begun."""
    runs = WorkflowRun.objects.filter(requester_user=user, started_at__gt=timezone.now() - LATELY)
    asked = Approval.objects.asked_by(user).values("run_id")
    return list(runs.exclude(run_id__in=asked).order_by("-started_at")[:MOST_APART])


# What the requester does, each with a form of its own on the page of the approval.


@require_POST
def withdrawal(request: HttpRequest, pk: UUID) -> HttpResponse:
    reason, key = request.POST.get("reason", ""), request.POST.get("key")

    def withdraw(approval: Approval) -> str:
        approval.withdraw(request.user, reason, key=key)  # type: ignore[arg-type]
        return _("You withdrew the request.")

    return _done(request, pk, withdraw, "withdrawal", reason)


@require_POST
def nudge(request: HttpRequest, pk: UUID) -> HttpResponse:
    def remind(approval: Approval) -> str:
        if not approval.is_open:
            raise AlreadyDecided(approval.words())
        Comment.add(approval, request.user, "", Comment.Kind.NUDGE)  # type: ignore[arg-type]
        return _("Reminded: %s.") % people(still_to_decide(approval))

    return _done(request, pk, remind)


@require_POST
def answer(request: HttpRequest, pk: UUID) -> HttpResponse:
    text = request.POST.get("text", "")

    def reply(approval: Approval) -> str:
        question = Comment.open_question(approval.comments.all())
        if question is None:
            raise AlreadyDecided(_("There is no question any more that waits for an answer."))
        kind, to = Comment.Kind.ANSWER, question.author
        Comment.add(approval, request.user, text, kind, to)  # type: ignore[arg-type]
        return _("Your answer was recorded.")

    return _done(request, pk, reply, "answer", text)


def _done(
    request: HttpRequest, pk: UUID, work: Callable[[Approval], str], form: str = "", text: str = ""
) -> HttpResponse:
    """404 not visible · 403 not theirs · 422 incomplete · 409 too late or too soon · 503 no key."""
    approval = panel.find(request, pk)
    if not approval.asked_for_by(request.user):  # type: ignore[arg-type]
        raise PermissionDenied(_("Only who asked may do this."))
    try:
        said = work(approval)
    except NotYours as error:
        raise PermissionDenied(str(error)) from error
    except Incomplete as error:
        return _again(request, pk, str(error), 422, form=form, text=text)
    except (AlreadyDecided, TooSoon) as error:
        return _again(request, pk, str(error), 409)
    except NoKey:
        words = _("The desk has no key to sign decisions with.") + " " + _("Nothing was recorded.")
        return render(request, "503.html", {"problem": words}, status=503)
    messages.success(request, said)
    return SeeOther(reverse("approval", args=[pk]))


def _again(
    request: HttpRequest, pk: UUID, problem: str, status: int, form: str = "", text: str = ""
) -> HttpResponse:
    """The page with the newer truth and what was typed."""
    context = panel.everything(request, panel.find(request, pk)) | {
        "requester_problem": problem,
        "requester_form": form,
        "requester_text": text,
    }
    return render(request, "approval.html", context, status=status)
