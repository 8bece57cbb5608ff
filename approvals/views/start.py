"""Start a workflow: choose a kind of request, fill in its form, see what would happen, start."""

import time
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST

from approvals.forms import RequestForm
from approvals.models import Approval, WorkflowRun
from approvals.outlook import Outlook, judged
from approvals.templatetags.texts import workflow_url
from approvals.views.asking import Asking, offered
from orchestrator import client
from orchestrator.contract import ASK, Request, Run
from orchestrator.signing import NoKey

PATIENCE = 0.5  # seconds; a workflow asks after a tenth of one


@require_http_methods(["GET", "HEAD", "POST"])
def start(request: HttpRequest) -> HttpResponse:
    if request.method != "POST" and (kinds := offered(request)):
        return render(request, "start.html", kinds)
    asking = Asking.of(request)
    if done := asking.done_already():
        messages.info(request, _("You have asked again already, or it needs no second request."))
        return redirect("approval", done.pk)
    if request.method != "POST":
        return _shown(request, asking, asking.form(), 200)
    form = asking.form(request.POST, request.FILES)
    if not form.is_valid():
        return _shown(request, asking, form, _status(form))
    try:
        run = client.start_guarded_task(form.guarded_task(), form.start_key())
    except (client.Unreachable, client.Refused, NoKey) as error:
        return _not_started(request, asking, form, error)
    return _started(request, form, run)


@require_POST
def preview(request: HttpRequest) -> HttpResponse:
    """What would happen. Without htmx the whole page again, in the way of typing asked for."""
    asking = Asking.of(request)
    form = asking.form(request.POST, request.FILES)
    if request.htmx:  # type: ignore[attr-defined]
        return render(request, "start_form.html#outlook", {"outlook": Outlook.of(form)})
    return _shown(request, asking, asking.turned(form), 200)


def _shown(request: HttpRequest, asking: Asking, form: RequestForm, status: int) -> HttpResponse:
    context: dict[str, Any] = {"asking": asking, "form": form, "failed": status != 200}
    context["outlook"] = Outlook.of(form if form.is_bound else asking.first(form))
    return render(request, "start_form.html", context, status=status)


def _status(form: RequestForm) -> int:
    """Why it was not started, as a number: a file too large, one of another kind, or all else."""
    said = {each.code for errors in form.errors.as_data().values() for each in errors}
    return 413 if "too_large" in said else 415 if "wrong_type" in said else 422


def _not_started(
    request: HttpRequest, asking: Asking, form: RequestForm, error: Exception
) -> HttpResponse:
    if isinstance(error, client.Refused | NoKey):
        form.add_error(None, str(error))
        return _shown(request, asking, form, 422)
    form.add_error(None, _("Temporal does not answer. Sending this form again is safe."))
    return _shown(request, asking, form, 503)


def _started(request: HttpRequest, form: RequestForm, run: Run) -> HttpResponse:
    # The worker notes it as well, but perhaps not before the browser asks for the page.
    asked = Request.read(form.request())
    WorkflowRun.note(run, asked)
    said = _("Started “%(title)s”.") % {"title": asked.title}
    here = workflow_url(run.workflow_id, run.run_id)
    if judged(form).verdict != ASK:
        messages.success(request, said)
        return redirect(here)
    messages.success(request, said + " " + _can_decide(form))
    opened = _opened(run)
    return redirect("approval", opened) if opened else redirect(f"{here}?started=1")


def _opened(run: Run) -> UUID | None:
    """The approval that `run` has asked for; None where that takes longer than anybody likes."""
    asked = Approval.objects.filter(run_id=run.run_id).values_list("pk", flat=True)
    end = time.monotonic() + PATIENCE
    while not (found := asked.first()) and time.monotonic() < end:
        time.sleep(0.02)
    return found


def _can_decide(form: RequestForm) -> str:
    able, queue = len(form.deciders()), form.asked_queue()
    return ngettext(
        "%(able)d person in %(queue)s can decide.", "%(able)d people in %(queue)s can decide.", able
    ) % {"able": able, "queue": queue}
