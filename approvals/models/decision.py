"""Decisions: what one person did, signed and never altered, with the words of its delivery."""

import logging
import os
import uuid
from concurrent.futures import Future, ThreadPoolExecutor, wait
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import DatabaseError, models, transaction
from django.db.models import F, Q
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from approvals.kept import Kept, KeptUpdate
from approvals.models.audit import AppendOnly, AuditEntry
from orchestrator import client, contract

log = logging.getLogger(__name__)

VOTES = list(contract.VOTES)
LONGEST_PAUSE = timedelta(seconds=60)
# Seconds in which a signal is on its way: whoever goes on at once would keep it from leaving.
HEAD_START = 0.002
MOST_COURIERS = 32  # more than there are threads that serve: nobody waits for another's Temporal


def _hire() -> None:
    """Threads that do nothing but send and wait; none survives a fork."""
    global couriers
    couriers = ThreadPoolExecutor(MOST_COURIERS, thread_name_prefix="courier")


couriers: ThreadPoolExecutor
_hire()
os.register_at_fork(after_in_child=_hire)


class DecisionQuerySet(models.QuerySet["Decision"]):
    def undelivered(self) -> "DecisionQuerySet":
        """Those that the workflow has not answered yet."""
        return self.filter(acknowledged_at=None, refused_at=None)

    def to_send(self, now: datetime) -> "DecisionQuerySet":
        """Those whose pause is over, or twice as long as any: then a clock was wrong."""
        due = Q(next_try_at__lte=now) | Q(next_try_at__gt=now + 2 * LONGEST_PAUSE)
        return self.undelivered().filter(due).order_by("next_try_at")

    def applied_to(self, approval_id: str, run_id: str) -> "list[Decision]":
        """What this run's workflow once counted, in the order in which it was decided."""
        applied = (
            self.standing()
            .filter(approval__pk=uuid.UUID(approval_id))
            .exclude(acknowledged_at=None)
        )
        return [each for each in applied.order_by("decided_at") if each.run_id == run_id]

    def standing(self) -> "DecisionQuerySet":
        """Votes that count or may still count."""
        return self.filter(refused_at=None, retracted_at=None, verdict__in=VOTES)

    def light(self) -> "DecisionQuerySet":
        """Without the envelopes, their largest part, and yet with the `groups` that they name."""
        return self.defer("envelope").annotate(signed_groups=F("envelope__body__groups"))

    def withdrawals(self) -> "DecisionQuerySet":
        """Where who asked asks no more."""
        return self.filter(refused_at=None, verdict=contract.WITHDRAW)


class Decision(AppendOnly):
    """People insert it; delivery stamps `sent_at`; the workflow's word stamps the rest.

    The row is the outbox: without `acknowledged_at` or `refused_at` it is sent again.
    """

    class Verdict(models.TextChoices):
        APPROVE = contract.APPROVE, _("Approve")
        REJECT = contract.REJECT, _("Reject")
        REQUEST_CHANGES = contract.REQUEST_CHANGES, _("Ask for changes")
        CORRECT = contract.CORRECT, _("Correct")
        RETRACT = contract.RETRACT, _("Take back")
        WITHDRAW = contract.WITHDRAW, _("Withdraw")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    approval = models.ForeignKey("approvals.Approval", models.PROTECT, related_name="decisions")
    reviewer = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="decisions")
    verdict = models.CharField(max_length=20, choices=Verdict)
    comment = models.TextField(blank=True)
    decided_at = models.DateTimeField()
    channel = models.CharField(max_length=10, default="web")
    key = models.CharField(max_length=64, help_text=_("Idempotency key of the form."))
    retracts = models.ForeignKey(
        "self", models.PROTECT, null=True, blank=True, related_name="retractions"
    )
    stage = models.PositiveSmallIntegerField(default=0)
    on_behalf_of = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+"
    )
    option = models.CharField(max_length=50, blank=True)
    form = models.JSONField(null=True, blank=True)
    edits = models.JSONField(null=True, blank=True)
    envelope = models.JSONField(help_text=_("What was signed, with its signature."))

    sent_at = models.DateTimeField(null=True, editable=False)
    tries = models.PositiveIntegerField(default=0, editable=False)
    next_try_at = models.DateTimeField(default=timezone.now, editable=False)
    trouble = models.CharField(max_length=500, blank=True, editable=False)
    acknowledged_at = models.DateTimeField(null=True, editable=False)
    refused_at = models.DateTimeField(null=True, editable=False)
    refusal = models.CharField(max_length=500, blank=True, editable=False)
    retracted_at = models.DateTimeField(null=True, editable=False)

    _under_way: "Future[None] | None" = None
    signed_groups: list[str] | None  # where it was read without its envelope

    objects = DecisionQuerySet.as_manager()

    class Meta:
        ordering = ["decided_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["approval", "reviewer"],
                condition=Q(refused_at=None, retracted_at=None, verdict__in=VOTES),
                name="one_standing_decision_a_person",
            ),
            models.UniqueConstraint(
                fields=["approval", "reviewer", "key"], name="one_decision_a_form"
            ),
        ]
        indexes = [
            models.Index(
                fields=["next_try_at"],
                condition=Q(acknowledged_at=None, refused_at=None),
                name="decision_outbox",
            ),
            models.Index(fields=["-decided_at"], name="decision_newest"),
        ]

    def __str__(self) -> str:
        return f"{self.get_verdict_display()} by {self.reviewer}"

    @classmethod
    def pace_of(cls, user: Any) -> int:
        """How many approvals `user` has given on the site within the last minute."""
        return _given.count(user.pk, timezone.now() - timedelta(minutes=1))

    @classmethod
    def on(cls, approval: Any) -> "list[Decision]":
        """Those on `approval` as they are now, each with it, in the order of their times."""
        found = _on.rows(approval.pk)
        for each in found:
            each.approval = approval
        return found

    @property
    def signature(self) -> str:
        return str(self.envelope["signature"])

    @property
    def groups(self) -> list[str]:
        """The groups of its author, as signed, where the stage asks for some."""
        if hasattr(self, "signed_groups"):
            return self.signed_groups or []
        named: list[str] = self.envelope["body"].get("groups", [])
        return named

    @property
    def people(self) -> set[int]:
        """Who has had their say with it: its author, for whom it was made, their other accounts."""
        accounts = self.envelope["body"].get("accounts", [])
        return {*map(int, accounts), self.reviewer_id, self.on_behalf_of_id or 0} - {0}

    @property
    def stands(self) -> bool:
        """Whether it is a vote that counts or may still count."""
        return not self.refused_at and not self.retracted_at and self.verdict in VOTES

    @property
    def is_undelivered(self) -> bool:
        """Whether the workflow has not answered it yet."""
        return not self.acknowledged_at and not self.refused_at

    @property
    def run_id(self) -> str:
        return str(self.envelope["body"]["run_id"])

    @property
    def delivery(self) -> str:
        """One of refused, applied, sent, recorded: never more than is committed."""
        if self.refused_at:
            return "refused"
        if self.acknowledged_at:
            return "applied"
        return "sent" if self.sent_at else "recorded"

    @property
    def is_unsent(self) -> bool:
        """Recorded, and Temporal did not take it: pages say that it is away."""
        return self.delivery == "recorded" and self.tries > 1

    def deliver(self) -> bool:
        """Signal the workflow. Repeatable: Temporal takes a decision once, by its id.

        False if Temporal is away, so that the relay tries again later.
        """
        self.depart()
        return self.arrive()

    def depart(self) -> None:
        """Begin to deliver it. What is done before `arrive` waits for the rest costs no time."""
        self._under_way = couriers.submit(client.send_decision, self.envelope)
        wait([self._under_way], HEAD_START)

    def arrive(self) -> bool:
        """What became of what `depart` began, as `deliver` says it."""
        under_way, self._under_way = self._under_way, None
        if under_way is None:
            return True
        try:
            return self._arrived(under_way)
        except DatabaseError:
            log.exception("Decision %s is recorded; how far it got is not.", self.pk)
            return False

    def _arrived(self, under_way: "Future[None]") -> bool:
        try:
            under_way.result()
        except client.NotFound:
            self.refuse(str(_("The workflow had already ended, so this changed nothing.")))
            log.warning("Decision %s came too late: its workflow has ended.", self.pk)
        except client.Refused as error:
            self._stamp(trouble=str(error)[:500])
            log.error("Temporal refuses decision %s: %s", self.pk, error)
        except client.Unreachable as error:
            self._stamp(trouble=str(error)[:500])
            log.warning("Decision %s is recorded, not sent yet: %s", self.pk, error)
            return False
        except Exception as error:  # a certificate that is gone, a setting that makes no sense
            self._stamp(trouble=f"{type(error).__name__}: {error}"[:500])
            log.exception("Decision %s is recorded and could not be sent.", self.pk)
        else:
            # That Temporal took the signal proves nothing of the workflow yet.
            self._stamp(sent_at=timezone.now())
        return True

    def _stamp(self, trouble: str = "", sent_at: datetime | None = None) -> None:
        pause = min(timedelta(seconds=2 ** min(self.tries, 6)), LONGEST_PAUSE)
        tries, next_try_at = self.tries + 1, timezone.now() + pause
        was_unsent = self.is_unsent
        if _stamped(self.pk, trouble, sent_at, tries, next_try_at):
            self.trouble, self.tries, self.next_try_at = trouble, tries, next_try_at
            self.sent_at = sent_at or self.sent_at
            if self.is_unsent != was_unsent:
                self.approval.queue.touch()

    @transaction.atomic(savepoint=False)
    def acknowledge(self) -> None:
        """The workflow counted it."""
        if _acknowledged(self.pk, timezone.now()):
            AuditEntry.record("applied", self.approval, by="workflow", decision=str(self.pk))

    @transaction.atomic(savepoint=False)
    def refuse(self, refusal: str) -> None:
        """The workflow did not count it; its author is told why, in red."""
        now, refusal = timezone.now(), refusal[:500]
        was_unsent = self.is_unsent
        waiting = Decision.objects.undelivered().filter(pk=self.pk)
        changed = waiting.update(refused_at=now, refusal=refusal)
        if changed:
            self.refused_at, self.refusal = now, refusal
            AuditEntry.record(
                "refused", self.approval, by="workflow", decision=str(self.pk), reason=refusal
            )
        if changed and self.retracts_id:
            self._stands_again()
        if changed and was_unsent:
            self.approval.queue.touch()

    @transaction.atomic(savepoint=False)
    def void(self, why: str) -> None:
        """It counted, until what was asked changed."""
        now = timezone.now()
        if Decision.objects.filter(pk=self.pk, refused_at=None).update(
            refused_at=now, refusal=why[:500]
        ):
            AuditEntry.record(
                "void", self.approval, by="workflow", decision=str(self.pk), reason=why
            )

    def _stands_again(self) -> None:
        """What could not be taken back counts, unless its author has voted anew."""
        votes = Decision.objects.filter(approval=self.approval_id, reviewer=self.reviewer_id)
        if not votes.standing().exists():
            Decision.objects.filter(retractions=self).update(retracted_at=None)


@KeptUpdate
def _stamped(
    pk: uuid.UUID, trouble: str, sent_at: datetime | None, tries: int, next_try_at: datetime
) -> tuple[DecisionQuerySet, dict[str, Any]]:
    changes = {"trouble": trouble, "tries": tries, "next_try_at": next_try_at}
    if sent_at:  # else it may have been sent before
        changes["sent_at"] = sent_at
    return Decision.objects.undelivered().filter(pk=pk), changes


@KeptUpdate
def _acknowledged(pk: uuid.UUID, now: datetime) -> tuple[DecisionQuerySet, dict[str, Any]]:
    first = Coalesce("sent_at", models.Value(now, output_field=models.DateTimeField()))
    changes = {"acknowledged_at": now, "sent_at": first, "refused_at": None, "refusal": ""}
    return Decision.objects.filter(pk=pk, acknowledged_at=None), changes


@Kept
def _on(approval: uuid.UUID) -> DecisionQuerySet:
    return Decision.objects.filter(approval=approval)


@Kept
def _given(reviewer: int, since: datetime) -> models.QuerySet[Decision, Any]:
    approves = Decision.objects.filter(reviewer=reviewer, verdict=contract.APPROVE, channel="web")
    return approves.filter(decided_at__gt=since).order_by().values("pk")
