"""What people say about an approval, and who is on it. None of it decides anything."""

import json
from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.models import Group
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from approvals.forms import HandOverForm, TalkForm
from approvals.models import Approval, Claim, Comment
from approvals.models.errors import AlreadyDecided, Incomplete, NotYours
from approvals.models.people import name_of
from approvals.views import answers, panel


@require_POST
def comments(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Whoever sees it may comment; its reviewers may ask who asked."""

    def say(approval: Approval, user: Any) -> str:
        form = TalkForm(request.POST)
        if not form.is_valid():
            raise Incomplete(_("This form was not complete. Reload the page."))
        kind, key = form.cleaned_data["kind"], form.cleaned_data["key"]
        if kind == Comment.Kind.QUESTION:
            _require_somebody_to_ask(approval)
        Comment.add(approval, user, form.cleaned_data["text"], kind, key=f"talk-{key}")
        return _("Your question was recorded.") if kind == "question" else _("Recorded.")

    return _done(request, pk, say, "talk")


def _require_somebody_to_ask(approval: Approval) -> None:
    if not approval.is_open:
        raise AlreadyDecided(approval.words())
    if approval.requester_user_id is None:
        raise Incomplete(
            _("%s has no account here and could not answer.") % approval.requester_name
        )


@require_POST
def claim(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Its reviewers only. `verb`: claim, take_over or release."""
    verb = request.POST.get("verb", "")

    def change(approval: Approval, user: Any) -> str:
        _require_reviewer(approval, user)
        if verb == "release":
            Claim.release(approval, user)
            return _("You are not on it any more.")
        if verb not in ("claim", "take_over"):
            raise Incomplete(_("This form was not complete. Reload the page."))
        _require_free(approval, user, verb)
        Claim.take(approval, user)
        return _("You are on it.")

    return _done(request, pk, change)


def _require_free(approval: Approval, user: Any, verb: str) -> None:
    """To take it from somebody is another verb than to be the first."""
    if not approval.is_open:
        raise AlreadyDecided(approval.words())
    held = Claim.objects.current().filter(approval=approval).first()
    if held and verb == "claim" and not held.is_of(user):
        raise AlreadyDecided(_("%s is on it already.") % held.who)


@require_POST
def handover(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Its reviewers only, to another one of them, or to a group of them."""

    def give(approval: Approval, user: Any) -> str:
        _require_reviewer(approval, user)
        if not approval.is_open:
            raise AlreadyDecided(approval.words())
        form = HandOverForm(approval.people().exclude(pk=user.pk), approval.teams(), request.POST)
        if not form.is_valid():
            raise Incomplete(str(next(iter(form.errors.values()))[0]))
        to = form.cleaned_data["to"]
        Claim.hand_over(approval, user, to, form.cleaned_data["text"])
        return _("%s is on it.") % (to if isinstance(to, Group) else name_of(to))

    return _done(request, pk, give, "handover")


def _require_reviewer(approval: Approval, user: Any) -> None:
    if not approval.may_be_decided_by(user):
        raise NotYours(approval.why_not(user))


def _done(
    request: HttpRequest, pk: UUID, work: Callable[[Approval, Any], str], form: str = ""
) -> HttpResponse:
    """404 not visible · 403 not theirs · 422 incomplete · 409 too late: nothing is recorded."""
    approval = panel.find(request, pk)
    try:
        said = work(approval, request.user)
    except Incomplete as error:
        return _again(request, approval, form, str(error))
    except answers.REFUSALS as error:
        return answers.refused(request, approval, error)
    if not request.htmx:  # type: ignore[attr-defined]
        messages.success(request, said)
        return answers.back(request, approval)
    response = answers.news(request, approval)
    response["HX-Trigger"] = json.dumps({"say": said, "inbox:refresh": True})
    return response


def _again(request: HttpRequest, approval: Approval, form: str, why: str) -> HttpResponse:
    """422: the form with what was typed, and what is missing."""
    context = panel.everything(request, approval, answers.place_of(request)) | {
        "talk_form": form,
        "talk_problem": why,
        "talk_text": request.POST.get("text", ""),
    }
    if not request.htmx:  # type: ignore[attr-defined]
        return answers.drawn(request, context, status=422)
    part = "handover" if form == "handover" else "talk"
    response = render(request, f"_talk.html#{part}", context, status=422)
    response["HX-Retarget"], response["HX-Reswap"] = f"#{part}", "outerHTML"
    return response
