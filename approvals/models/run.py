"""Runs of workflows that the desk has heard of."""

from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _

from approvals.models.people import person
from orchestrator import contract
from orchestrator.contract import Request, Run

if TYPE_CHECKING:
    from approvals.models.policy import PolicyCheck


class WorkflowRun(models.Model):
    """One run of a workflow that the desk has heard of; what policy said of it."""

    workflow_id = models.CharField(max_length=1000)
    run_id = models.CharField(max_length=64, unique=True)
    workflow_type = models.CharField(max_length=200)
    parent_workflow_id = models.CharField(max_length=1000, blank=True)
    title = models.CharField(max_length=contract.TITLE_LENGTH)
    requester = models.CharField(max_length=150, blank=True)
    requester_user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+"
    )
    started_at = models.DateTimeField(db_index=True)
    verdict = models.CharField(max_length=10, blank=True, help_text=_("What policy said."))
    rule = models.CharField(max_length=100, blank=True)
    reason = models.CharField(max_length=500, blank=True)

    class Meta:
        ordering = ["-started_at"]

    def __str__(self) -> str:
        return self.workflow_id

    @cached_property
    def policy(self) -> "PolicyCheck | None":
        """What policy said of it, if it was asked once; where more often, approvals have their own.

        Of a run from before checks were kept it is what the run remembers, not saved.
        """
        checks = list(self.checks.all()[:2])
        if checks or not self.verdict:
            return checks[0] if len(checks) == 1 else None
        said = {"verdict": self.verdict, "rule": self.rule, "reason": self.reason}
        return self.checks.model(run=self, **said)

    @classmethod
    def note(cls, run: Run, request: Request, **policy: str) -> "WorkflowRun":
        """Remember a run, once; policy's word is added when it comes."""
        noted, _made = cls.objects.update_or_create(
            run_id=run.run_id,
            defaults=policy,
            create_defaults={
                "workflow_id": run.workflow_id,
                "workflow_type": run.workflow_type,
                "parent_workflow_id": run.parent_workflow_id or "",
                "title": request.title,
                "requester": request.requester,
                "requester_user": person(request.requester),
                "started_at": run.started_at or timezone.now(),
                **policy,
            },
        )
        return noted

    @classmethod
    def visible_to(cls, user: Any) -> models.QuerySet["WorkflowRun"]:
        """Admins see all; others what they asked for and what holds an approval they may see."""
        if user.is_superuser:
            return cls.objects.all()
        seen = apps.get_model("approvals.Approval").objects.visible_to(user)
        return cls.objects.filter(
            Q(requester_user=user)
            | Q(run_id__in=seen.values("run_id"))
            | Q(workflow_id__in=seen.exclude(parent_workflow_id="").values("parent_workflow_id"))
        )
