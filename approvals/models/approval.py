"""Approvals: waiting steps of workflows, from the moment they open."""

from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from approvals.models.approval_queryset import is_uuid
from approvals.models.approval_record import NEVER
from approvals.models.audit import AuditEntry
from approvals.models.opening import Asker, frozen, terms_for
from approvals.models.people import identity, person
from approvals.models.policy import PolicyCheck
from approvals.models.publishing import Publishing
from approvals.models.queue import Queue
from approvals.models.run import WorkflowRun
from approvals.policy.finding import Finding
from approvals.policy.judging import judge
from orchestrator.contract import Request, Run, Snapshot
from orchestrator.terms import Terms


class Approval(Publishing):
    """One waiting step of one workflow: a row (`ApprovalRecord`) with its rules.

    `Eligible` knows its people, `Answerable` what they may say, `Deciding` takes their decisions,
    `Publishing` writes what the workflow says. Here it opens.
    """

    class Meta(Publishing.Meta):
        abstract = False

    @classmethod
    def open(
        cls, approval_id: str, request: Request, run: Run, finding: Finding | None = None
    ) -> "Approval":
        """The row for a step that begins to wait; the same row when asked twice.

        `finding` is what policy says of it; it is asked where that is not known yet.

        Raises InvalidRequest where its queue does not exist or cannot meet its quorum.
        """
        if earlier := cls.objects.filter(pk=approval_id).first():
            return earlier
        finding = finding or judge(request.title, request, workflow_type=run.workflow_type)
        asker = Asker.of(request, run)
        now = timezone.now()
        terms = terms_for(approval_id, run.run_id, request, asker, finding, now)
        return cls._create(terms, request, run, asker, now, finding)

    @classmethod
    def adopt(cls, snapshot: Snapshot) -> bool:
        """For the reconciler: a row for a workflow that waits without one, on its own terms.

        False where it has a row, or its queue is gone.
        """
        terms = snapshot.terms
        queue = Queue.objects.filter(slug=terms.queue).first() if terms else None
        if terms is None or queue is None or cls.objects.filter(pk=terms.approval_id).exists():
            return False
        request = Request.read(snapshot.request)
        asker = Asker.of(request, snapshot.run)
        cls._create(terms, request, snapshot.run, asker, timezone.now())
        cls.publish(snapshot)
        return True

    @classmethod
    def _create(
        cls,
        terms: Terms,
        request: Request,
        run: Run,
        asker: Asker,
        now: datetime,
        finding: Finding | None = None,
    ) -> "Approval":
        queue = Queue.objects.get(slug=terms.queue)
        due_at = datetime.fromisoformat(terms.due_at) if terms.due_at else None
        with transaction.atomic():
            noted = WorkflowRun.note(run, request, **(finding.said if finding else {}))
            approval, made = cls.objects.get_or_create(
                pk=UUID(terms.approval_id),
                defaults={
                    "workflow_id": run.workflow_id,
                    "run_id": run.run_id,
                    "workflow_type": run.workflow_type,
                    "parent_workflow_id": run.parent_workflow_id or "",
                    "title": request.title,
                    "details": request.details,
                    "payload": terms.payload,
                    "payload_sha256": terms.payload_sha256,
                    "previous": request.previous,
                    "key": request.key,
                    "kind": request.kind,
                    "revises": _revised(request),
                    "links": request.links,
                    "risk": terms.risk or request.risk,
                    "requester": request.requester,
                    "requester_identity": identity(request.requester)[:150],
                    "requester_user": asker.user,
                    "verified": asker.verified,
                    "opened_at": now,
                    "queue": queue,
                    "quorum": terms.quorum,
                    "due_at": due_at,
                    "ends_at": datetime.fromisoformat(terms.ends_at) if terms.ends_at else None,
                    "due_sort": due_at or NEVER,
                    "on_timeout": terms.on_timeout,
                    "undo_seconds": terms.undo_seconds,
                    "rules": frozen(terms),
                    # What policy has settled is nobody's to decide.
                    "settled_at": now if terms.ruled else None,
                },
            )
            if made and finding:
                task = PolicyCheck.task_of(run, request)
                PolicyCheck.note(noted, finding, task, request, approval)
            if made:
                approval.barred.set(map(int, set(terms.excluded) - {terms.requester_id}))
                AuditEntry.record(
                    "opened", approval, by="workflow", quorum=approval.quorum, **terms.policy
                )
                if finding and terms.ruled:
                    AuditEntry.record(
                        finding.verdict, approval, by=f"rule {finding.rule}", **terms.policy
                    )
                queue.touch()
        return approval


def _revised(request: Request) -> Approval | None:
    """The approval that `request` says it revises, if it was asked by the same person."""
    if not is_uuid(request.revises):
        return None
    earlier = Approval.objects.filter(pk=request.revises).first()
    if earlier is None:
        return None
    same_name = earlier.requester_identity == identity(request.requester)[:150]
    by = person(request.requester)  # whom a workflow named by email, a form names by user name
    return earlier if same_name or (by and by.pk == earlier.requester_user_id) else None
