"""The one click: POST decides, nothing else does."""

import json
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.db import OperationalError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from approvals.context import waiting
from approvals.forms import DecisionForm
from approvals.models import Approval, Decision
from approvals.models.errors import AlreadyDecided, Changed, Incomplete, NotYours
from approvals.views import panel
from approvals.views.drawing import page
from orchestrator.signing import NoKey

TRY_AGAIN_AFTER = "5"  # seconds


class SeeOther(HttpResponseRedirect):
    """303: a reload shows the page again instead of posting again."""

    status_code = 303


@require_POST
def decision(request: HttpRequest, pk: UUID) -> HttpResponse:
    """404 not visible · 403 not theirs · 422 incomplete · 409 too late or changed · 503 not now."""
    approval = panel.find(request, pk)
    if not approval.may_be_decided_by(request.user):
        return _forbidden(request, approval.why_not(request.user))  # type: ignore[arg-type]
    form = DecisionForm(request.POST)
    if not form.is_valid():
        return _typed_again(request, approval, form)
    try:
        decided = _decide(request, approval, form)
    except Incomplete as error:
        form.add_error(error.field, str(error))
        return _typed_again(request, approval, form)
    except (AlreadyDecided, Changed) as error:
        return _shown_anew(request, panel.find(request, pk), str(error))
    except NotYours as error:
        return _forbidden(request, str(error))
    except NoKey:
        return _not_now(request, _("The desk has no key to sign decisions with."))
    except OperationalError:
        return _not_now(request, _("The database is busy."))
    return _recorded(request, approval, decided)


def _decide(request: HttpRequest, approval: Approval, form: DecisionForm) -> Decision:
    given = form.cleaned_data
    return approval.decide(
        request.user,  # type: ignore[arg-type]
        given["verdict"],
        given["comment"],
        seen_sha256=given["sha"],
        key=given["key"],
    )


def _place(request: HttpRequest) -> tuple[str, str, str]:
    """Where the click came from: its name, the template and the part to draw again."""
    if request.POST.get("place") == "pane" and request.htmx:  # type: ignore[attr-defined]
        return "pane", "inbox.html", "pane"
    return "page", "approval.html", "body"


def _recorded(request: HttpRequest, approval: Approval, decided: Decision) -> HttpResponse:
    if not request.htmx:  # type: ignore[attr-defined]
        return SeeOther(reverse("approval", args=[approval.pk]))
    place, template, part = _place(request)
    fresh = panel.find(request, approval.pk)
    response = page(request, template, part, panel.everything(request, fresh, place))
    said = panel.recorded_words(fresh, decided, waiting(request))
    response["HX-Trigger"] = json.dumps({"say": said, "inbox:refresh": True})
    return response


def _shown_anew(request: HttpRequest, approval: Approval, why: str) -> HttpResponse:
    place, template, part = _place(request)
    context = panel.everything(request, approval, place, problem=why)
    response = page(request, template, part, context, status=409)
    response["HX-Trigger"] = json.dumps({"inbox:refresh": True})
    return response


def _typed_again(request: HttpRequest, approval: Approval, form: DecisionForm) -> HttpResponse:
    place, template, part = _place(request)
    if not request.htmx:  # type: ignore[attr-defined]
        context = panel.everything(request, approval, place, form)
        return page(request, template, part, context, status=422)
    context = panel.decision_area(request, approval, place, form)
    response = render(request, "_approval.html#panel", context, status=422)
    response["HX-Retarget"], response["HX-Reswap"] = "#panel", "outerHTML"
    return response


def _forbidden(request: HttpRequest, why: str) -> HttpResponse:
    if not request.htmx:  # type: ignore[attr-defined]
        raise PermissionDenied(why)
    problem = {"problem": _("Your decision was not recorded.") + " " + why}
    return HttpResponse(status=403, headers={"HX-Trigger": json.dumps(problem)})


def _not_now(request: HttpRequest, why: str) -> HttpResponse:
    words = why + " " + _("Nothing was recorded. Try again in a moment.")
    if request.htmx:  # type: ignore[attr-defined]
        response = HttpResponse(headers={"HX-Trigger": json.dumps({"problem": words})})
    else:
        response = render(request, "503.html", {"problem": words})
    response.status_code = 503
    response["Retry-After"] = TRY_AGAIN_AFTER
    return response
