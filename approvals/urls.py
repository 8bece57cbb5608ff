"""The pages where people decide, each with the name of its view and its template."""

from django.urls import path, register_converter
from django.urls.converters import StringConverter
from django.views.generic import RedirectView

from approvals.views import (
    approval,
    decision,
    health,
    history,
    inbox,
    requests,
    start,
    workflows,
)


class WorkflowId(StringConverter):
    """Temporal allows any text as a workflow id, slashes and line breaks included."""

    regex = r"(?s:.+)"


register_converter(WorkflowId, "workflow_id")

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="inbox"), name="home"),
    # /inbox/
    path("inbox/", inbox.inbox, name="inbox"),
    path("inbox/rows/", inbox.rows, name="rows"),
    path("inbox/<uuid:pk>/", inbox.inbox, name="inbox_pane"),
    # /approvals/<uuid>/
    path("approvals/<uuid:pk>/", approval.approval, name="approval"),
    path("approvals/<uuid:pk>/panel/", approval.panel, name="panel"),
    path("approvals/<uuid:pk>/payload.json", approval.payload, name="payload"),
    path("approvals/<uuid:pk>/decision/", decision.decision, name="decision"),
    path("requests/", requests.requests, name="requests"),
    path("history/", history.history, name="history"),
    # /workflows/
    path("workflows/", workflows.workflows, name="workflows"),
    path(
        "workflows/<workflow_id:workflow_id>/<str:run_id>/history.json",
        workflows.events,
        name="events",
    ),
    path("workflows/<workflow_id:workflow_id>/<str:run_id>/", workflows.workflow, name="workflow"),
    path("start/", start.start, name="start"),
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
]
