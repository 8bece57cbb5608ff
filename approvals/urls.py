"""The pages where people decide, each with the name of its view and its template."""

from django.urls import path, register_converter
from django.urls.converters import StringConverter
from django.views.generic import RedirectView

from approvals.views import (
    absences,
    approval,
    bulk,
    decision,
    health,
    history,
    inbox,
    palette,
    policies,
    preferences,
    queues,
    receipt,
    requests,
    saved,
    start,
    talk,
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
    path("inbox/bulk/", bulk.bulk, name="bulk"),
    path("inbox/receipt/<uuid:pk>/", receipt.receipt, name="receipt"),
    path("inbox/views/", saved.views, name="saved_views"),
    path("inbox/views/<int:pk>/", saved.view, name="saved_view"),
    path("inbox/<uuid:pk>/", inbox.inbox, name="inbox_pane"),
    path("inbox/<uuid:pk>/next/", inbox.beside, name="next"),
    path("inbox/<uuid:pk>/previous/", inbox.beside, {"back": True}, name="previous"),
    path("palette/", palette.palette, name="palette"),
    # /approvals/<uuid>/
    path("approvals/<uuid:pk>/", approval.approval, name="approval"),
    path("approvals/<uuid:pk>/panel/", approval.panel, name="panel"),
    path("approvals/<uuid:pk>/payload.json", approval.payload, name="payload"),
    path("approvals/<uuid:pk>/files/<str:sha256>", approval.file, name="file"),
    path("approvals/<uuid:pk>/decision/", decision.decision, name="decision"),
    path("approvals/<uuid:pk>/undo/", decision.undo, name="undo"),
    path("approvals/<uuid:pk>/comments/", talk.comments, name="comments"),
    path("approvals/<uuid:pk>/claim/", talk.claim, name="claim"),
    path("approvals/<uuid:pk>/handover/", talk.handover, name="handover"),
    path("approvals/<uuid:pk>/withdrawal/", requests.withdrawal, name="withdrawal"),
    path("approvals/<uuid:pk>/nudge/", requests.nudge, name="nudge"),
    path("approvals/<uuid:pk>/answer/", requests.answer, name="answer"),
    path("requests/", requests.requests, name="requests"),
    path("history/", history.history, name="history"),
    path("history/export.csv", history.export, name="export"),
    # /workflows/
    path("workflows/", workflows.workflows, name="workflows"),
    path(
        "workflows/<workflow_id:workflow_id>/<str:run_id>/history.json",
        workflows.events,
        name="events",
    ),
    path("workflows/<workflow_id:workflow_id>/<str:run_id>/", workflows.workflow, name="workflow"),
    # /policy/
    path("policy/", policies.policy, name="policy"),
    path("policy/draft/", policies.policy_draft, name="policy_draft"),
    path("policy/simulator/", policies.policy_simulator, name="policy_simulator"),
    path("policy/versions/<int:number>/", policies.policy_version, name="policy_version"),
    path("start/", start.start, name="start"),
    path("start/preview/", start.preview, name="preview"),
    path("profile/", preferences.profile, name="profile"),
    path("absences/", absences.absences, name="absences"),
    path("absences/<int:pk>/", absences.absence, name="absence"),
    # /queues/
    path("queues/", queues.queues, name="queues"),
    path("queues/new/", queues.new_queue, name="new_queue"),
    path("queues/<slug:slug>/", queues.queue, name="queue"),
    path("queues/<slug:slug>/deletion/", queues.queue_deletion, name="queue_deletion"),
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
]
