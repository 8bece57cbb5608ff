"""The row of an approval: its columns, and what they say."""

import uuid
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.contrib.auth.models import Group
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from approvals.models.approval_queryset import ApprovalQuerySet
from approvals.models.became import Became, became
from approvals.models.decision import Decision, DecisionQuerySet
from approvals.models.kind import Kind
from approvals.models.people import name_of
from approvals.models.queue import Queue
from orchestrator import contract
from orchestrator.terms import Stage, Terms

# Sorts after every deadline; makes one index serve approvals with a deadline and without.
NEVER = datetime(9999, 1, 1, tzinfo=UTC)


class ApprovalRecord(models.Model):
    """One waiting step of one workflow.

    The workflow alone writes `state`, through `publish`. People's side writes `approvals` and
    `settled_at`: its own count, which closes the door before the workflow has answered.
    """

    class State(models.TextChoices):
        WAITING = contract.WAITING, _("Waiting")
        APPROVED = contract.APPROVED, _("Approved")
        REJECTED = contract.REJECTED, _("Rejected")
        CHANGES_REQUESTED = contract.CHANGES_REQUESTED, _("Changes requested")
        EXPIRED = contract.EXPIRED, _("Expired")
        CANCELLED = contract.CANCELLED, _("Cancelled by workflow")
        LOST = contract.LOST, _("Lost")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    workflow_id = models.CharField(max_length=1000, db_index=True)
    run_id = models.CharField(max_length=64, db_index=True)
    workflow_type = models.CharField(max_length=200)
    parent_workflow_id = models.CharField(max_length=1000, blank=True, db_index=True)

    title = models.CharField(max_length=contract.TITLE_LENGTH)
    details = models.TextField(blank=True)
    payload = models.JSONField(default=dict)
    payload_sha256 = models.CharField(max_length=64)
    previous = models.JSONField(null=True)
    key = models.CharField(max_length=64, blank=True)
    kind = models.CharField(max_length=50, blank=True)
    revises = models.ForeignKey(
        "self", models.PROTECT, null=True, blank=True, related_name="revisions"
    )
    links = models.JSONField(default=list)
    risk = models.CharField(max_length=10, default="medium")
    requester = models.CharField(max_length=150, blank=True)
    requester_identity = models.CharField(max_length=150, blank=True)
    requester_user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="asked"
    )

    queue = models.ForeignKey(Queue, models.PROTECT, related_name="approvals")
    quorum = models.PositiveSmallIntegerField()
    due_at = models.DateTimeField(null=True)
    due_sort = models.DateTimeField(default=NEVER, editable=False)
    on_timeout = models.CharField(max_length=10)
    undo_seconds = models.PositiveSmallIntegerField(default=0)
    rules = models.JSONField(default=dict, help_text=_("The terms, as they were when it opened."))
    ends_at = models.DateTimeField(null=True, help_text=_("Where it goes on after `due_at`."))
    verified = models.BooleanField(default=False, help_text=_("The desk itself saw who asks."))
    # Beside the requester: who started it, who corrected it.
    barred = models.ManyToManyField(settings.AUTH_USER_MODEL, related_name="+")

    # As the workflow says.
    stage = models.PositiveSmallIntegerField(default=0)
    escalated = models.PositiveSmallIntegerField(default=0)
    reminded = models.PositiveSmallIntegerField(default=0)
    escalated_to = models.ManyToManyField(Group, related_name="+")
    as_asked = models.JSONField(null=True, help_text=_("The payload before people corrected it."))

    state = models.CharField(max_length=20, choices=State, default=State.WAITING)
    reason = models.TextField(blank=True)
    version = models.PositiveIntegerField(default=0, editable=False)
    noise = models.PositiveIntegerField(default=0, editable=False)
    approvals = models.PositiveSmallIntegerField(default=0, editable=False)
    settled_at = models.DateTimeField(null=True, editable=False)
    held_until = models.DateTimeField(null=True, editable=False)
    opened_at = models.DateTimeField(default=timezone.now, editable=False)
    closed_at = models.DateTimeField(null=True, editable=False)
    checked_at = models.DateTimeField(default=timezone.now, editable=False)  # by the reconciler

    objects = ApprovalQuerySet.as_manager()

    if TYPE_CHECKING:  # what other tables refer back with
        decisions: DecisionQuerySet
        revisions: ApprovalQuerySet

    class Meta:
        abstract = True
        ordering = ["due_sort", "pk"]
        indexes = [
            models.Index(
                fields=["due_sort", "id"],
                condition=Q(state=contract.WAITING, settled_at=None),
                name="approval_waiting",
            ),
            models.Index(
                fields=["queue", "due_sort", "id"],
                condition=Q(state=contract.WAITING, settled_at=None),
                name="approval_waiting_in_queue",
            ),
            models.Index(
                fields=["opened_at", "id"],
                condition=Q(state=contract.WAITING, settled_at=None),
                name="approval_waiting_by_age",
            ),
            models.Index(
                fields=["risk", "due_sort", "id"],
                condition=Q(state=contract.WAITING, settled_at=None),
                name="approval_waiting_by_risk",
            ),
            models.Index(
                fields=["requester_identity"],
                condition=Q(state=contract.WAITING, settled_at=None),
                name="approval_waiting_by_requester",
            ),
            models.Index(
                fields=["due_sort", "id"],
                condition=Q(state=contract.WAITING, settled_at=None, approvals__gt=0),
                name="approval_waiting_for_more",
            ),
            models.Index(
                fields=["checked_at"],
                condition=Q(state=contract.WAITING),
                name="approval_to_check",
            ),
            models.Index(fields=["-closed_at", "id"], name="approval_closed"),
            models.Index(fields=["key"], condition=~Q(key=""), name="approval_key"),
            models.Index(fields=["requester_user", "-opened_at"], name="approval_asked"),
        ]

    def __str__(self) -> str:
        return self.title

    def terms(self) -> Terms:
        """The terms it was opened on; of a row older than they are, what its columns say."""
        asked = {"title": self.title, "payload": self.payload}
        if self.rules:
            return Terms.read(self.rules | asked | {"payload_sha256": self.payload_sha256})
        return Terms(
            approval_id=str(self.pk),
            run_id=self.run_id,
            queue=self.queue.slug,
            payload_sha256=self.payload_sha256,
            quorum=self.quorum,
            due_at=self.due_at.isoformat() if self.due_at else None,
            on_timeout=self.on_timeout,
            excluded=[str(self.requester_user_id)] if self.requester_user_id else [],
            requester_id=str(self.requester_user_id or ""),
            undo_seconds=self.undo_seconds,
            **asked,
        )

    def stages(self) -> list[Stage]:
        """Who is asked one after the other. Lists ask too, so it reads no payload."""
        if not self.rules:
            return [Stage(self.queue.slug, self.queue.name, self.quorum)]
        terms = Terms.read(self.rules | {"title": self.title, "payload": {}})
        return [terms.stage(number) for number in range(len(terms.stages) + 1)]

    def current_stage(self) -> Stage:
        """The people whose turn it is, or was last."""
        return self.stages()[self.stage]

    @property
    def ruled(self) -> str:
        """The outcome, where policy settled it without people; else empty."""
        return str(self.rules.get("ruled", ""))

    @property
    def is_waiting(self) -> bool:
        return self.state == contract.WAITING

    @property
    def is_open(self) -> bool:
        """Whether a decision can still be recorded."""
        return self.is_waiting and not self.settled_at and not self.is_over

    @property
    def is_held(self) -> bool:
        """Whether what was decided is held back for undo."""
        until = self.held_until
        return self.is_waiting and until is not None and until > timezone.now()

    @property
    def is_overdue(self) -> bool:
        return self.due_at is not None and self.due_at <= timezone.now()

    @property
    def is_over(self) -> bool:
        """Whether its time has run out for good; what escalates is overdue and not yet over."""
        end = self.ends_at or self.due_at
        return end is not None and end <= timezone.now()

    def kind_of_request(self) -> Kind | None:
        return Kind.objects.filter(slug=self.kind).first() if self.kind else None

    def veils(self) -> list[Any]:
        """Schemas that hide values of it and of what it is compared with."""
        kinds = {self.kind, self.revises.kind if self.revises else ""} - {""}
        return list(Kind.objects.filter(slug__in=kinds).values_list("schema", flat=True))

    def faults(self) -> dict[str, str]:
        """Where the payload is not what its kind promises: path → sentence.

        A kind that the desk does not know promises nothing that could be checked, so it is one.
        """
        if not self.kind:
            return {}
        kind = self.kind_of_request()
        if kind is None:
            return {"": str(_("This desk knows no kind of request by that name."))}
        return kind.problems(self.payload)

    @property
    def may_be_revised(self) -> bool:
        """Whether it ended without a yes, and nobody has asked again yet."""
        return self.state not in (contract.WAITING, contract.APPROVED) and not (
            self.revisions.exists()
        )

    @property
    def reference(self) -> str:
        """What people call it: the caller's own key, else the first eight digits of its id."""
        return self.key or str(self.pk)[:8]

    @property
    def requester_name(self) -> str:
        return name_of(self.requester_user) if self.requester_user else self.requester

    def became(self, decisions: Sequence[Decision] | None = None) -> Became:
        """What became of it; `decisions` are its own, where they were read already."""
        if decisions is None:
            decisions = list(self.decisions.all())
        return became(self, decisions)

    def silence(self, decisions: Iterable[Decision]) -> str:
        """The outcome if nobody says any more: the workflow's own rule (Tally.time_out)."""
        agreed = all(each.verdict == contract.APPROVE for each in decisions if each.stands)
        if self.on_timeout == "approve" and not (agreed and self.as_asked is None):
            return contract.REJECTED
        return contract.SILENCE[self.on_timeout]

    def words(self) -> str:
        """The same in a sentence, also for one that is open."""
        if self.is_waiting and not self.settled_at:
            return str(_("It was not decided in time.") if self.is_overdue else _("It is waiting."))
        return self.became().words
