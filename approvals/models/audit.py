"""The audit trail: what happened, who did it, when. Rows are only ever added."""

from typing import Any

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _


class AppendOnly(models.Model):
    """Refuses delete, and save of what exists; database triggers refuse the rest."""

    class Meta:
        abstract = True

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        raise TypeError(f"{self._meta.verbose_name} rows are never deleted.")


class AuditEntry(AppendOnly):
    """One thing that happened, written in the transaction in which it happened."""

    at = models.DateTimeField(_("at"), auto_now_add=True, db_index=True)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+"
    )
    actor_name = models.CharField(max_length=200, help_text=_("As it was at the time."))
    action = models.CharField(max_length=40)
    approval = models.ForeignKey(
        "approvals.Approval", models.PROTECT, null=True, blank=True, related_name="audit"
    )
    workflow_id = models.CharField(max_length=1000, blank=True)
    run_id = models.CharField(max_length=64, blank=True)
    detail = models.JSONField(default=dict)

    class Meta:
        ordering = ["-pk"]
        verbose_name_plural = "audit entries"

    def __str__(self) -> str:
        return f"{self.action} by {self.actor_name}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if self.pk:
            raise TypeError("Audit entries are never changed.")
        super().save(*args, **kwargs)

    @classmethod
    def record(
        cls, action: str, approval: Any = None, actor: Any = None, by: str = "", **detail: Any
    ) -> "AuditEntry":
        """Write one entry. `by` names what acted where no person did: "workflow", "worker"."""
        return cls.objects.create(
            action=action,
            approval=approval,
            actor=actor,
            actor_name=actor.get_username() if actor else by,
            workflow_id=detail.pop("workflow_id", approval.workflow_id if approval else ""),
            run_id=detail.pop("run_id", approval.run_id if approval else ""),
            detail=detail,
        )
