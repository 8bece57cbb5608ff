"""Publishing: what the workflow says of its approval is written into its row."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.apps import apps
from django.contrib.auth.models import Group
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from approvals.kept import Kept
from approvals.models.audit import AuditEntry
from approvals.models.deciding import Deciding
from approvals.models.decision import Decision
from approvals.models.queue import Queue
from orchestrator import contract
from orchestrator.contract import Snapshot


class Publishing(Deciding):
    """An approval whose state the workflow writes."""

    class Meta(Deciding.Meta):
        abstract = True

    @classmethod
    def publish(cls, snapshot: Snapshot) -> None:
        """Write what the workflow says of its approval. Idempotent: older versions are ignored."""
        with transaction.atomic():
            approval = next(iter(_locked.rows(UUID(snapshot.approval_id))), None)
            if approval is None:
                return
            approval._stamp_decisions(snapshot)
            if snapshot.noise > approval.noise:
                cls.objects.filter(pk=approval.pk).update(noise=snapshot.noise)
            if approval.is_waiting and snapshot.version >= approval.version:
                approval._take_state(snapshot)
            Queue(pk=approval.queue_id).touch()

    def _stamp_decisions(self, snapshot: Snapshot) -> None:
        rows = {str(each.pk): each for each in Decision.on(self)}
        for ruling in [*snapshot.counted, *snapshot.accepted]:
            row = rows.get(ruling.decision_id)
            if row and row.signature == ruling.signature and not row.acknowledged_at:
                row.acknowledge()
        strangers = []
        for ruling in snapshot.refused:
            row = rows.get(ruling.decision_id)
            # A forged signal may carry a real decision's id: only the recorded signature speaks.
            if row and row.signature == ruling.signature:
                row.refuse(ruling.refusal)
            else:
                strangers.append(ruling)
        for ruling in snapshot.voided:
            row = rows.get(ruling.decision_id)
            if row and row.signature == ruling.signature:
                row.void(ruling.refusal)
        if strangers:  # one entry for all of them: a flood must not fill the audit trail
            AuditEntry.record(
                "forged",
                self,
                by="workflow",
                signals=len(strangers),
                first=[{"claims": each.decision_id, "why": each.refusal} for each in strangers[:5]],
            )

    def _take_state(self, snapshot: Snapshot) -> None:
        self.version, self.state, self.reason = snapshot.version, snapshot.state, snapshot.reason
        moved = self._take_course(snapshot)
        decisions = Decision.on(self)
        here = [each for each in decisions if each.stands and each.stage == self.stage]
        self.approvals = sum(each.verdict == contract.APPROVE for each in here)
        if self.state != contract.WAITING:
            self.closed_at = timezone.now()
            self.settled_at = self.settled_at or self.closed_at
            AuditEntry.record(self.state, self, by="workflow", reason=self.reason)
            # What the workflow has not counted by now, it never will.
            for decision in decisions:
                if decision.is_undelivered:
                    decision.refuse(f"It came too late: {self.get_state_display()}. {self.reason}")
        elif not self._still_settled(decisions):
            self.settled_at = None  # what had settled it was refused: the door is open again
        if self.state != contract.WAITING or not self.settled_at:
            self.held_until = None
        changed = ["version", "state", "reason", "approvals", "settled_at", "held_until"]
        self.save(update_fields=[*changed, "closed_at", *moved])

    def _take_course(self, snapshot: Snapshot) -> list[str]:
        """Whose turn it is, who was asked besides, and what is asked now; the changed fields."""
        moved: list[str] = []
        if snapshot.stage != self.stage:
            self._go_to(snapshot.stage)
            moved += ["stage", "queue", "quorum"]
        if snapshot.escalated > self.escalated:
            self._escalate(snapshot.escalated)
            moved.append("escalated")
        if snapshot.reminded > self.reminded:
            self.reminded = snapshot.reminded
            AuditEntry.record("reminded", self, by="workflow", name=self.queue.name)
            moved.append("reminded")
        if snapshot.payload is not None and snapshot.payload_sha256 != self.payload_sha256:
            self._take_correction(snapshot)
            moved += ["payload", "payload_sha256", "as_asked", "rules"]
        return moved

    def _go_to(self, number: int) -> None:
        """The next people's turn."""
        self.queue.touch()  # those who had their say see it go
        self.stage = number
        stage = self.terms().stage(number)
        self.queue = Queue.objects.get(slug=stage.queue)
        self.quorum = stage.quorum
        AuditEntry.record(
            "next stage", self, by="workflow", queue=stage.queue, name=stage.name, stage=number
        )

    def _escalate(self, count: int) -> None:
        """Further people may decide."""
        steps = self.terms().escalations[self.escalated : count]
        self.escalated_to.add(*Group.objects.filter(name__in=[each.group for each in steps]))
        self.escalated = count
        AuditEntry.record("escalated", self, by="workflow", to=[each.group for each in steps])

    def _take_correction(self, snapshot: Snapshot) -> None:
        """What is asked from now on; who corrected it does not count among those who approve."""
        self.as_asked = self.as_asked or self.payload
        self.payload, self.payload_sha256 = snapshot.payload, snapshot.payload_sha256
        for ruling in snapshot.accepted:
            if ruling.verdict == contract.CORRECT:
                barred = sorted({*self.excluded, *ruling.people})
                self.rules = {**self.rules, "excluded": barred}
                self.barred.add(*map(int, ruling.people))
        AuditEntry.record("corrected", self, by="workflow", payload_sha256=self.payload_sha256)

    def _still_settled(self, decisions: Iterable[Decision]) -> bool:
        closing = (contract.WITHDRAW, contract.CORRECT)
        on_its_way = any(each.is_undelivered and each.verdict in closing for each in decisions)
        return on_its_way or bool(self._result([each for each in decisions if each.stands]))

    def end(self, state: str, reason: str) -> bool:
        """For the reconciler: the workflow is gone and cannot publish any more."""
        with transaction.atomic():
            now = timezone.now()
            changed = (
                type(self)
                .objects.filter(pk=self.pk, state=contract.WAITING)
                .update(state=state, reason=reason, closed_at=now, settled_at=now)
            )
            if changed:
                AuditEntry.record(state, self, by="worker", reason=reason)
                for decision in self.decisions.undelivered():
                    decision.refuse(reason)
                self.queue.touch()
        return bool(changed)


@Kept
def _locked(pk: UUID) -> QuerySet[Any]:
    """Until the end of the transaction."""
    return apps.get_model("approvals", "Approval").objects.select_for_update().filter(pk=pk)
