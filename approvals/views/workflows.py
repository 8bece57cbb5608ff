"""Workflows: the runs that the desk has heard of, and what Temporal says of one."""

from dataclasses import asdict, dataclass, field
from typing import Any

from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe
from django_htmx.http import HttpResponseClientRedirect

from approvals.hidden_runs import RunVeil
from approvals.models import Approval, WorkflowRun
from approvals.views.gantt import Gantt, draw
from approvals.views.paging import HEAVY, paged
from orchestrator import client, timeline
from orchestrator.contract import ASK

TABS = ("timeline", "events", "input", "json")
MOST_LOOKS = 30
MOST_EVENTS = 400  # of a longer history the first and last half of them


@require_safe
def workflows(request: HttpRequest) -> HttpResponse:
    runs = WorkflowRun.visible_to(request.user).select_related("requester_user")
    page = paged(request, runs, "started_at")
    _attach(request, page.rows)
    return render(request, "workflows.html", {"page": page})


@require_safe
def workflow(request: HttpRequest, workflow_id: str, run_id: str) -> HttpResponse:
    run = _find(request, workflow_id, run_id)
    _attach(request, [run])
    looks = _looks(request, run)
    if looks and run.approvals:  # type: ignore[attr-defined]
        return _go(request, reverse("approval", args=[run.approvals[0].pk]))  # type: ignore[attr-defined]
    if "started" in request.GET and request.htmx:  # type: ignore[attr-defined]
        return render(request, "workflow.html#awaited", {"looks": looks})
    tab = request.GET.get("tab", "")
    context = {
        "run": run,
        "looks": looks,
        "told": Told.of(run),
        "tab": tab if tab in TABS else TABS[0],
        "inner": "inner" in request.GET,
    }
    return render(request, "workflow.html", context)


def _looks(request: HttpRequest, run: WorkflowRun) -> int:
    """How often a page that was just started has looked for its approval; 0: none is awaited.

    It looks each second, and no longer than half a minute.
    """
    said = request.GET.get("started", "")
    awaited = said.isdecimal() and run.verdict in ("", ASK)
    return min(int(said[:4]), MOST_LOOKS) if awaited else 0


def _go(request: HttpRequest, address: str) -> HttpResponse:
    if request.htmx:  # type: ignore[attr-defined]
        return HttpResponseClientRedirect(address)
    return redirect(address)


@require_safe
def events(request: HttpRequest, workflow_id: str, run_id: str) -> HttpResponse:
    """The run's events as a file, with the sentences that the page shows."""
    run = _find(request, workflow_id, run_id)
    told = Told.of(run)
    if told.problem:
        return HttpResponse(told.problem, status=503, content_type="text/plain; charset=utf-8")
    said = {"workflow_id": run.workflow_id, "run_id": run.run_id}
    listed = [asdict(each) for each in told.events]
    response = JsonResponse(said | {"events": listed}, json_dumps_params={"indent": 2})
    response["Content-Disposition"] = f'attachment; filename="history-{run.pk}.json"'
    return response


@dataclass(frozen=True)
class Told:
    """What Temporal told us of a run; `problem` where it told nothing."""

    problem: str = ""
    gone: bool = False
    events: list[timeline.Event] = field(default_factory=list)
    status: timeline.Status | None = None
    gantt: Gantt | None = None
    veiled: bool = False  # something of it is hidden from everybody

    @classmethod
    def of(cls, run: WorkflowRun) -> "Told":
        try:
            history = client.history(run.workflow_id, run.run_id)
        except client.NotFound:
            return cls(_("Temporal does not know this run, or keeps its history no longer. "
                         "What you see is from our own records."), gone=True)  # fmt: skip
        except (client.Unreachable, client.Refused):
            return cls(_("Temporal does not answer. What you see is from our own records."))
        events = timeline.events(history)
        veil = RunVeil.of(run, events)
        groups = [veil.group(each) for each in timeline.groups(history)]
        status = veil.status(timeline.status(history))
        gantt = draw(groups, running=status.word == "running") if groups else None
        events = [veil.event(each) for each in events]
        return cls(events=events, status=status, gantt=gantt, veiled=bool(veil.schemas))

    @property
    def people_read(self) -> list[timeline.Event]:
        """Newest first, without the workflow tasks that say only that a worker was awake."""
        return self._newest(lambda each: each.category != "workflow task" or each.failed)

    @property
    def all_events(self) -> list[timeline.Event]:
        return self._newest(lambda each: True)

    def _newest(self, wanted: Any) -> list[timeline.Event]:
        kept = [each for each in self.events if wanted(each)]
        if len(kept) > MOST_EVENTS:
            kept = kept[: MOST_EVENTS // 2] + kept[-MOST_EVENTS // 2 :]
        return kept[::-1]

    @property
    def left_out(self) -> bool:
        return len(self.people_read) == MOST_EVENTS

    @property
    def input(self) -> Any:
        return self.events[0].attributes.get("input") if self.events else None

    @property
    def result(self) -> Any:
        return self.events[-1].attributes.get("result") if self.events else None


def _find(request: HttpRequest, workflow_id: str, run_id: str) -> WorkflowRun:
    visible = WorkflowRun.visible_to(request.user).select_related("requester_user")
    run: WorkflowRun = get_object_or_404(visible, run_id=run_id)
    if workflow_id not in (run.workflow_id, "-"):
        raise Http404
    return run


def _attach(request: HttpRequest, runs: list[WorkflowRun]) -> None:
    """Give each run its approvals, as far as this person may see them: `run.approvals`."""
    own = Q(run_id__in=[each.run_id for each in runs])
    of_children = Q(parent_workflow_id__in=[each.workflow_id for each in runs])
    found = (
        Approval.objects.visible_to(request.user)
        .filter(own | of_children)
        .select_related("queue")
        .prefetch_related("decisions__reviewer")
        .order_by("-opened_at")
        .defer(*HEAVY)
    )
    for run in runs:
        run.approvals = []  # type: ignore[attr-defined]
    for approval in found:
        for run in runs:
            if run.run_id == approval.run_id or run.workflow_id == approval.parent_workflow_id:
                run.approvals.append(approval)  # type: ignore[attr-defined]
