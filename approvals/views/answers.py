"""What the browser gets after a POST about an approval: one function for each way it may end."""

import json
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import OperationalError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _

from approvals.context import waiting
from approvals.forms import DecisionForm
from approvals.inbox_address import inbox_url
from approvals.models import Approval, AuditEntry, Decision
from approvals.models.errors import Changed, Incomplete, NotDecided, NotYours
from approvals.views import panel, receipt
from approvals.views.drawing import page
from approvals.views.inbox import with_list
from orchestrator.signing import NoKey

TRY_AGAIN_AFTER = "5"  # seconds


class SeeOther(HttpResponseRedirect):
    """303: a reload shows the page again instead of posting again."""

    status_code = 303


def place_of(request: HttpRequest) -> str:
    """Where the click came from: the pane of the inbox, or the page of the approval."""
    return "pane" if request.POST.get("place") == "pane" else "page"


def drawn(request: HttpRequest, context: dict[str, Any], status: int = 200) -> HttpResponse:
    """The place that `context` is for; for htmx the part of it that holds the approval."""
    if context["place"] == "pane":
        return with_list(request, context, status=status)
    return page(request, "approval.html", "body", context, status)


def back(request: HttpRequest, approval: Approval) -> HttpResponse:
    """303 to where the click came from, with `approval` open there."""
    if place_of(request) == "pane":
        return SeeOther(inbox_url(request, approval.pk))
    return SeeOther(reverse("approval", args=[approval.pk]))


def recorded(request: HttpRequest, approval: Approval, said: str) -> HttpResponse:
    """All of `approval`, which holds what was just recorded."""
    if not request.htmx:  # type: ignore[attr-defined]
        messages.success(request, said)
        return back(request, approval)
    context = panel.everything(request, approval, place_of(request))
    response = drawn(request, context)
    response["HX-Trigger"] = json.dumps({"say": said, "inbox:refresh": True})
    return response


def decided(request: HttpRequest, approval: Approval, decision: Decision) -> HttpResponse:
    """In the inbox the next request, and a line about this one; else this one again."""
    in_pane = place_of(request) == "pane"
    left = waiting(request)
    following = receipt.advanced(request)  # the decision is on its way meanwhile
    decision.arrive()
    said = panel.recorded_words(approval, decision, left)
    if not request.htmx:  # type: ignore[attr-defined]
        further = receipt.behind(request, approval) if in_pane else None
        return recorded(request, further or approval, said)
    if following is None:
        response = recorded(request, panel.again(request, approval), said)
    else:
        response = following
        events = {"say": said, "inbox:decided": True, "inbox:count": {"decide": left}}
        response["HX-Trigger"] = json.dumps(events)
    return receipt.with_receipt(request, approval, response, decision) if in_pane else response


def shown_anew(
    request: HttpRequest, approval: Approval, why: str, *, of_decision: bool = False, read: str = ""
) -> HttpResponse:
    """409: the newer truth, and why nothing was recorded. `read`: the hash of what was read."""
    fresh, place = panel.find(request, approval.pk), place_of(request)
    context = panel.everything(request, fresh, place, problem=why, read_sha256=read)
    context["of_decision"] = of_decision
    response = drawn(request, context, status=409)
    response["HX-Trigger"] = json.dumps({"inbox:refresh": True})
    return response


def typed_again(request: HttpRequest, approval: Approval, form: DecisionForm) -> HttpResponse:
    """422: the form with what was typed, and what is missing."""
    context = panel.everything(request, approval, place_of(request), form)
    if not request.htmx:  # type: ignore[attr-defined]
        return drawn(request, context, status=422)
    # To begin a rejection is no mistake yet: the form opens, and asks for the reason.
    context["begins"] = context["rejecting"] and not (
        form["comment"].value() or form["asked"].value()
    )
    context["close_confirmation"] = True
    response = render(request, "_approval.html#typed_again", context, status=422)
    response["HX-Retarget"], response["HX-Reswap"] = "#panel", "outerHTML"
    return response


def asked_twice(request: HttpRequest, approval: Approval, form: DecisionForm) -> HttpResponse:
    """422: nothing is recorded before the person has confirmed what is restated."""
    context = panel.everything(request, approval, place_of(request), form)
    user: Any = request.user
    context["asks_password"] = approval.asks_password_of(user)
    context["too_fast"] = context["asks_password"] and not approval.asks_password
    if context["too_fast"]:
        AuditEntry.record("too many a minute", approval, user)
    chosen = form.cleaned_data.get("option")
    context["option"] = next((e for e in context.get("options", []) if e.name == chosen), None)
    if not request.htmx:  # type: ignore[attr-defined]
        return render(request, "confirm.html", context, status=422)
    response = render(request, "_confirm.html", context, status=422)
    response["HX-Retarget"], response["HX-Reswap"] = "#confirm", "outerHTML"
    return response


FULL = ("disk is full", "No space left")  # as SQLite and PostgreSQL say it
REFUSALS = (NotDecided, NoKey, OperationalError)


def refused(
    request: HttpRequest, approval: Approval, error: Exception, form: DecisionForm | None = None
) -> HttpResponse:
    """Why nothing was recorded, as the answer that it deserves."""
    if isinstance(error, Incomplete) and form:
        form.add_error(error.field, str(error))
        return typed_again(request, approval, form)
    if isinstance(error, NotYours):
        return forbidden(request, str(error))
    if isinstance(error, NoKey):
        return not_now(request, _("The desk has no key to sign decisions with."))
    if isinstance(error, OperationalError):
        full = any(words in str(error) for words in FULL)
        said = _("The disk of the database is full.") if full else _("The database is busy.")
        return not_now(request, said)
    read = form.cleaned_data["sha"] if isinstance(error, Changed) and form else ""
    return shown_anew(request, approval, str(error), of_decision=form is not None, read=read)


def forbidden(request: HttpRequest, why: str) -> HttpResponse:
    if not request.htmx:  # type: ignore[attr-defined]
        raise PermissionDenied(why)
    problem = {"problem": _("Nothing was recorded.") + " " + why}
    return HttpResponse(status=403, headers={"HX-Trigger": json.dumps(problem)})


def not_now(request: HttpRequest, why: str, *, soon: bool = True) -> HttpResponse:
    """503, and that to try again helps, where it does so `soon`."""
    words = why + " " + _("Nothing was recorded.")
    if soon:
        words += " " + _("Try again in a moment.")
    if request.htmx:  # type: ignore[attr-defined]
        response = HttpResponse(headers={"HX-Trigger": json.dumps({"problem": words})})
    else:
        response = render(request, "503.html", {"problem": words})
    response.status_code = 503
    if soon:
        response["Retry-After"] = TRY_AGAIN_AFTER
    return response


def news(request: HttpRequest, approval: Approval) -> HttpResponse:
    """The live parts alone; a decision that somebody is typing stays as it is."""
    context = panel.decision_area(request, panel.find(request, approval.pk), place_of(request))
    context |= panel.hindrances(context["approval"], context["state"])
    context |= {"oob": True, "typing": context["state"] == "form", "talked": True}
    response = render(request, "_approval.html#news", context)
    response["HX-Trigger"] = json.dumps({"inbox:refresh": True})
    return response
