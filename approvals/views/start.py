"""Start a workflow: a guarded task that the signed-in person asks for."""

import uuid

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from approvals.forms import StartForm
from approvals.models import WorkflowRun
from approvals.templatetags.texts import workflow_url
from orchestrator import client
from orchestrator.contract import Request, Run


@require_http_methods(["GET", "HEAD", "POST"])
def start(request: HttpRequest) -> HttpResponse:
    if request.method != "POST":
        first = {"key": uuid.uuid4(), "queue": "general"}
        return _shown(request, StartForm(request.user, initial=first), 200)  # type: ignore[arg-type]
    form = StartForm(request.user, request.POST)  # type: ignore[arg-type]
    if not form.is_valid():
        return _shown(request, form, 422)
    try:
        run = client.start_guarded_task(form.guarded_task(), form.start_key())
    except client.Unreachable:
        form.add_error(None, _("Temporal does not answer. Sending this form again is safe."))
        return _shown(request, form, 503)
    except client.Refused as error:
        form.add_error(None, str(error))
        return _shown(request, form, 422)
    return _started(request, form, run)


def _shown(request: HttpRequest, form: StartForm, status: int) -> HttpResponse:
    return render(request, "start.html", {"form": form}, status=status)


def _started(request: HttpRequest, form: StartForm, run: Run) -> HttpResponse:
    # The worker notes it as well, but perhaps not before the browser asks for the page.
    WorkflowRun.note(run, Request.read(form.request()))
    messages.success(request, _("Started “%(title)s”.") % {"title": form.cleaned_data["task"]})
    return redirect(workflow_url(run.workflow_id, run.run_id))
