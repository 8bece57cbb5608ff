"""Approvals: waiting steps of workflows, and the one way in for a decision."""

import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.db import IntegrityError, models, transaction
from django.db.models import ExpressionWrapper, F, Q, QuerySet, Value
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from approvals.models.audit import AuditEntry
from approvals.models.decision import VOTES, Decision
from approvals.models.errors import (
    AlreadyDecided,
    Changed,
    Incomplete,
    NotYours,
    Unreadable,
)
from approvals.models.kind import Kind
from approvals.models.people import identities, identity, name_of, person
from approvals.models.queue import Queue
from approvals.models.run import WorkflowRun
from orchestrator import contract, signing
from orchestrator.contract import InvalidRequest, Request, Run, Snapshot, Terms

# Sorts after every deadline; makes one index serve approvals with a deadline and without.
NEVER = datetime(9999, 1, 1, tzinfo=UTC)


class ApprovalQuerySet(models.QuerySet["Approval"]):
    def waiting(self) -> "ApprovalQuerySet":
        """Those that people can still decide: the workflow waits, and nobody has settled it."""
        return self.filter(state=contract.WAITING, settled_at=None)

    def closed(self) -> "ApprovalQuerySet":
        # That each has a time lets the database read them in the order of that time.
        return self.exclude(state=contract.WAITING).filter(closed_at__isnull=False)

    def decidable_by(self, user: Any, queues: "list[Queue] | None" = None) -> "ApprovalQuerySet":
        """Those in the user's queues (`queues`, once read) that the user did not ask for."""
        if not user.is_authenticated:
            return self.none()
        queues = list(Queue.objects.reviewed_by(user)) if queues is None else queues
        return self.filter(queue__in=queues).exclude(
            Q(requester_user=user) | Q(requester_identity__in=identities(user))
        )

    def asked_by(self, user: Any) -> "ApprovalQuerySet":
        return self.filter(requester_user=user)

    def visible_to(self, user: Any, queues: "list[Queue] | None" = None) -> "ApprovalQuerySet":
        """You review the queue, you asked, or you are an admin; anything else does not exist."""
        if not user.is_authenticated or not user.is_active:
            return self.none()
        return self if user.is_superuser else self.filter(_open_to(user, queues))

    def history_of(self, user: Any) -> "ApprovalQuerySet":
        """The closed ones of those, to be read in the order in which they closed."""
        if not user.is_authenticated or not user.is_active or user.is_superuser:
            return self.visible_to(user).closed()
        # Hidden from SQLite's planner, which would gather whole queues first and then sort them.
        seen = ExpressionWrapper(_open_to(user), output_field=models.BooleanField())
        return self.closed().filter(Q(Coalesce(seen, Value(False))))

    def find(self, name: str) -> "Approval":
        """The one waiting approval that `name` means: its id, its workflow's or its parent's.

        Raises LookupError in words for none and for several.
        """
        waiting = self.filter(state=contract.WAITING)
        meant = Q(workflow_id=name) | Q(parent_workflow_id=name)
        if _is_uuid(name):
            meant |= Q(pk=name) | Q(run_id=name)
        found = list(waiting.filter(meant)[:20])
        if len(found) == 1:
            return found[0]
        if found:
            names = "\n".join(f"  {each.pk}  {each.title}" for each in found)
            raise LookupError(f"{name} waits for several approvals; name one of them:\n{names}")
        closed = self.filter(meant).order_by("-opened_at").first()
        if closed:
            raise LookupError(f"{name} waits for nothing: {closed.words()}")
        raise LookupError(f"No approval and no workflow has the id {name}. See: manage.py pending")


class Approval(models.Model):
    """One waiting step of one workflow.

    The workflow alone writes `state`, through `publish`. People's side writes `approvals` and
    `settled_at`: its own count, which closes the door before the workflow has answered.
    """

    class State(models.TextChoices):
        WAITING = contract.WAITING, _("Waiting")
        APPROVED = contract.APPROVED, _("Approved")
        REJECTED = contract.REJECTED, _("Rejected")
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

    class Meta:
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

    # Opening.

    @classmethod
    def open(cls, approval_id: str, request: Request, run: Run) -> "Approval":
        """The row for a step that begins to wait; the same row when asked twice.

        Raises InvalidRequest where its queue does not exist or cannot meet its quorum.
        """
        queue = Queue.objects.filter(slug=request.queue).first()
        if queue is None:
            known = ", ".join(Queue.objects.values_list("slug", flat=True)) or "none yet"
            raise InvalidRequest(f"There is no queue `{request.queue}`. Queues: {known}.")
        if earlier := cls.objects.filter(pk=approval_id).first():
            return earlier
        quorum = max(queue.quorum, request.quorum or 1)
        _require_quorum(queue, quorum, request.requester)
        seconds = min(filter(None, (queue.due_seconds, request.due_seconds)), default=None)
        now = timezone.now()
        rules = {
            "quorum": quorum,
            "due_at": now + timedelta(seconds=seconds) if seconds else None,
            "on_timeout": request.on_timeout or queue.on_timeout,
            "undo_seconds": queue.undo_seconds,
        }
        return cls._create(approval_id, request, run, queue=queue, opened_at=now, **rules)

    @classmethod
    def adopt(cls, snapshot: Snapshot) -> bool:
        """For the reconciler: a row for a workflow that waits without one, on its own terms.

        False where it has a row, or its queue is gone.
        """
        terms = snapshot.terms
        queue = Queue.objects.filter(slug=terms.queue).first() if terms else None
        if terms is None or queue is None or cls.objects.filter(pk=terms.approval_id).exists():
            return False
        cls._create(
            terms.approval_id,
            Request.read(snapshot.request),
            snapshot.run,
            queue=queue,
            quorum=terms.quorum,
            due_at=datetime.fromisoformat(terms.due_at) if terms.due_at else None,
            on_timeout=terms.on_timeout,
            undo_seconds=terms.undo_seconds,
        )
        cls.publish(snapshot)
        return True

    @classmethod
    def _create(
        cls, approval_id: str, request: Request, run: Run, *, queue: Queue, **rules: Any
    ) -> "Approval":
        with transaction.atomic():
            WorkflowRun.note(run, request)
            approval, made = cls.objects.get_or_create(
                pk=approval_id,
                defaults={
                    "workflow_id": run.workflow_id,
                    "run_id": run.run_id,
                    "workflow_type": run.workflow_type,
                    "parent_workflow_id": run.parent_workflow_id or "",
                    "title": request.title,
                    "details": request.details,
                    "payload": request.payload,
                    "payload_sha256": contract.sha256(request.payload),
                    "previous": request.previous,
                    "key": request.key,
                    "kind": request.kind,
                    "revises": _revised(request),
                    "links": request.links,
                    "risk": request.risk,
                    "requester": request.requester,
                    "requester_identity": identity(request.requester)[:150],
                    "requester_user": person(request.requester),
                    "queue": queue,
                    "due_sort": rules["due_at"] or NEVER,
                    **rules,
                },
            )
            if made:
                AuditEntry.record("opened", approval, by="workflow", quorum=approval.quorum)
                queue.touch()
        return approval

    def terms(self) -> Terms:
        return Terms(
            approval_id=str(self.pk),
            run_id=self.run_id,
            queue=self.queue.slug,
            title=self.title,
            payload=self.payload,
            payload_sha256=self.payload_sha256,
            quorum=self.quorum,
            due_at=self.due_at.isoformat() if self.due_at else None,
            on_timeout=self.on_timeout,
            excluded=[str(self.requester_user_id)] if self.requester_user_id else [],
            requester_id=str(self.requester_user_id or ""),
            undo_seconds=self.undo_seconds,
        )

    # Who may.

    def asked_for_by(self, user: User) -> bool:
        return self.requester_user_id == user.pk or (
            bool(self.requester_identity) and self.requester_identity in identities(user)
        )

    def may_be_decided_by(self, user: Any) -> bool:
        """Whether `user` reviews its queue and did not ask for it, whatever its state."""
        if not user.is_authenticated or not user.is_active or self.asked_for_by(user):
            return False
        return Queue.objects.reviewed_by(user).filter(pk=self.queue_id).exists()

    @property
    def is_waiting(self) -> bool:
        return self.state == contract.WAITING

    @property
    def is_open(self) -> bool:
        """Whether a decision can still be recorded."""
        return self.is_waiting and not self.settled_at and not self.is_overdue

    @property
    def is_overdue(self) -> bool:
        return self.due_at is not None and self.due_at <= timezone.now()

    @property
    def asks_twice(self) -> bool:
        """Whether an approve is confirmed before it is recorded: high and critical risk."""
        return self.risk not in ("low", "medium")

    @property
    def asks_password(self) -> bool:
        """Whether who approves proves once more who they are: critical risk."""
        return self.risk not in ("low", "medium", "high")

    def kind_of_request(self) -> Kind | None:
        return Kind.objects.filter(slug=self.kind).first() if self.kind else None

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

    # Deciding: the one way in, for a click and for the shell alike.

    def decide(
        self,
        by: User,
        verdict: str,
        comment: str = "",
        *,
        seen_sha256: str | None = None,
        key: str | None = None,
        channel: str = "web",
        send: bool = True,
    ) -> Decision:
        """Record what `by` decided and send it to the workflow after the commit.

        `seen_sha256` is the payload that the person read; `key` makes a repeated form harmless.
        `send`: not at once but by the relay, where the workflow was not reached a moment ago.
        Raises NotYours, Incomplete, Changed, Unreadable or AlreadyDecided; then nothing was
        recorded.
        """
        key = _form_key(key)
        own = list(self.decisions.filter(reviewer=by))
        if earlier := next((each for each in own if each.key == key), None):
            return earlier
        comment = comment.strip()
        self.require(by, verdict, comment, seen_sha256, own)
        decision = self._signed(by, verdict, comment, key, channel)
        return self._record(decision, self._claim, send)

    def require(
        self,
        by: User,
        verdict: str,
        comment: str,
        seen_sha256: str | None = None,
        own: list[Decision] | None = None,
    ) -> None:
        """Raises as `decide` does where it would record nothing. `own`: the decisions of `by`."""
        self._require(by, verdict, comment, seen_sha256)
        own = list(self.decisions.filter(reviewer=by)) if own is None else own
        if not self.is_open or any(each.stands for each in own):
            raise AlreadyDecided(self.words())  # saves a transaction; `_claim` is what counts
        if verdict == contract.APPROVE and self.faults():
            raise Unreadable(
                _("We cannot read this payload as “%s”, so it cannot be approved.") % self.kind
            )

    def take_back(self, by: User, *, key: str | None = None, channel: str = "web") -> Decision:
        """Record that `by` takes their own decision back, while the workflow can still let go.

        Raises AlreadyDecided where it is too late; then nothing was recorded.
        """
        key = _form_key(key)
        if earlier := self._recorded(by, key):
            return earlier
        vote = self.decisions.standing().filter(reviewer=by).first()
        if vote is None or not self.may_be_taken_back(vote):
            raise AlreadyDecided(_("Too late to undo. The workflow already has it."))
        decision = self._signed(by, contract.RETRACT, "", key, channel, retracts=vote)
        return self._record(decision, self._let_go)

    def withdraw(
        self, by: User, reason: str = "", *, key: str | None = None, channel: str = "web"
    ) -> Decision:
        """Record that `by`, who asked, asks no more. Raises NotYours or AlreadyDecided."""
        key = _form_key(key)
        if earlier := self._recorded(by, key):
            return earlier
        if self.requester_user_id != by.pk:
            raise NotYours(_("Only who asked may withdraw."))
        if len(reason) > contract.COMMENT_LENGTH:
            raise Incomplete(_("The reason is too long."))
        if not self.is_waiting or self.settled_at:
            raise AlreadyDecided(self.words())
        decision = self._signed(by, contract.WITHDRAW, reason.strip(), key, channel)
        return self._record(decision, self._close_door)

    def may_be_taken_back(self, vote: Decision) -> bool:
        """Whether `vote` can still be undone: the quorum is open, or the outcome is held."""
        if not self.is_waiting or vote.refused_at or vote.retracted_at:
            return False
        return not self.settled_at or bool(self.held_until and self.held_until > timezone.now())

    def _recorded(self, by: User, key: str) -> Decision | None:
        return self.decisions.filter(reviewer=by, key=key).first()

    def _record(
        self, decision: Decision, change: Callable[[Decision], None], send: bool = True
    ) -> Decision:
        """One transaction: the change of the row, the decision, the audit entry."""
        try:
            with transaction.atomic():
                change(decision)
                decision.save(force_insert=True)
                AuditEntry.record(
                    decision.verdict,
                    self,
                    decision.reviewer,
                    decision=str(decision.pk),
                    channel=decision.channel,
                    comment=decision.comment,
                )
                self.queue.touch()
                if send:
                    transaction.on_commit(decision.deliver, robust=True)
        except (IntegrityError, AlreadyDecided):
            if earlier := self._recorded(decision.reviewer, decision.key):
                return earlier
            self.refresh_from_db()
            raise AlreadyDecided(self.words()) from None
        return decision

    def _require(self, by: User, verdict: str, comment: str, seen_sha256: str | None) -> None:
        if not self.may_be_decided_by(by):
            raise NotYours(self.why_not(by))
        if verdict not in VOTES:
            raise Incomplete(_("Choose approve or reject."))
        if verdict == contract.REJECT and not comment:
            raise Incomplete(
                _("Say why you are rejecting. %(name)s needs it to fix the request.")
                % {"name": self.requester_name or _("The requester")}
            )
        if len(comment) > contract.COMMENT_LENGTH:
            raise Incomplete(
                _("The reason has %(n)d characters; %(most)d are allowed.")
                % {"n": len(comment), "most": contract.COMMENT_LENGTH}
            )
        if seen_sha256 is not None and seen_sha256 != self.payload_sha256:
            raise Changed(_("The request changed while you were reading. Read it again."))

    def _signed(
        self,
        by: User,
        verdict: str,
        comment: str,
        key: str,
        channel: str,
        retracts: Decision | None = None,
    ) -> Decision:
        """The decision with its envelope. Signing before the transaction keeps that one short."""
        now = timezone.now()
        decision = Decision(
            approval=self,
            reviewer=by,
            verdict=verdict,
            comment=comment,
            decided_at=now,
            channel=channel,
            key=key,
            retracts=retracts,
            # The request sends it itself; the relay takes over where that did not work.
            next_try_at=now + timedelta(seconds=5),
        )
        decision.envelope = signing.Signer.load(settings.VAR).sign(
            {
                "v": contract.VERSION,
                "decision_id": str(decision.pk),
                "approval_id": str(self.pk),
                "workflow_id": self.workflow_id,
                "run_id": self.run_id,
                "verdict": verdict,
                "retracts": str(retracts.pk) if retracts else "",
                "reviewer": {
                    "id": str(by.pk),
                    "username": by.get_username(),
                    "name": name_of(by),
                },
                "comment": comment,
                "decided_at": now.isoformat(),
                "channel": channel,
                "payload_sha256": self.payload_sha256,
            }
        )
        return decision

    def _claim(self, vote: Decision) -> None:
        """First to settle wins: one conditional update, on PostgreSQL and SQLite alike."""
        now = vote.decided_at
        still = Q(due_at=None) | Q(due_at__gt=now)
        same = Q(payload_sha256=self.payload_sha256, run_id=self.run_id)
        held = now + timedelta(seconds=self.undo_seconds) if self.undo_seconds else None
        open_ones = Approval.objects.waiting().filter(still, same, pk=self.pk)
        if vote.verdict == contract.REJECT:
            changed = open_ones.update(settled_at=now, held_until=held)
        else:
            last = Q(approvals__gte=F("quorum") - 1)
            changed = open_ones.update(
                approvals=F("approvals") + 1,
                settled_at=_only_if(last, now),
                held_until=_only_if(last, held) if held else None,
            )
        if changed != 1:
            raise AlreadyDecided

    def _let_go(self, retraction: Decision) -> None:
        """The vote does not count any more, and others may decide."""
        now, vote = retraction.decided_at, retraction.retracts
        assert vote is not None  # noqa: S101 - for the type checker
        undone = Q(settled_at=None) | Q(held_until__gt=now)
        waiting = Approval.objects.filter(undone, pk=self.pk, state=contract.WAITING)
        changed = waiting.update(
            settled_at=None,
            held_until=None,
            approvals=F("approvals") - int(vote.verdict == contract.APPROVE),
        )
        standing = Decision.objects.standing().filter(pk=vote.pk)
        if changed != 1 or standing.update(retracted_at=now) != 1:
            raise AlreadyDecided

    def _close_door(self, withdrawal: Decision) -> None:
        """Nobody can decide what the requester has withdrawn."""
        open_ones = Approval.objects.waiting().filter(pk=self.pk)
        if open_ones.update(settled_at=withdrawal.decided_at) != 1:
            raise AlreadyDecided

    # What the workflow says.

    @classmethod
    def publish(cls, snapshot: Snapshot) -> None:
        """Write what the workflow says of its approval. Idempotent: older versions are ignored."""
        with transaction.atomic():
            approval = cls.objects.select_for_update().filter(pk=snapshot.approval_id).first()
            if approval is None:
                return
            approval._stamp_decisions(snapshot)
            if snapshot.noise > approval.noise:
                cls.objects.filter(pk=approval.pk).update(noise=snapshot.noise)
            if approval.is_waiting and snapshot.version >= approval.version:
                approval._take_state(snapshot)
            approval.queue.touch()

    def _stamp_decisions(self, snapshot: Snapshot) -> None:
        rows = {str(each.pk): each for each in self.decisions.select_related("approval")}
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
        standing = self.decisions.standing()
        self.approvals = standing.filter(verdict=contract.APPROVE).count()
        if self.state != contract.WAITING:
            self.closed_at = timezone.now()
            self.settled_at = self.settled_at or self.closed_at
            AuditEntry.record(self.state, self, by="workflow", reason=self.reason)
            # What the workflow has not counted by now, it never will.
            for decision in self.decisions.undelivered().select_related("approval"):
                decision.refuse(f"It came too late: {self.get_state_display()}. {self.reason}")
        elif not self._still_settled(standing):
            self.settled_at = None  # what had settled it was refused: the door is open again
        if self.state != contract.WAITING or not self.settled_at:
            self.held_until = None
        changed = ["version", "state", "reason", "approvals", "settled_at", "held_until"]
        self.save(update_fields=[*changed, "closed_at"])

    def _still_settled(self, standing: QuerySet[Decision]) -> bool:
        withdrawn = self.decisions.undelivered().filter(verdict=contract.WITHDRAW).exists()
        rejected = standing.filter(verdict=contract.REJECT).exists()
        return self.approvals >= self.quorum or rejected or withdrawn

    def end(self, state: str, reason: str) -> bool:
        """For the reconciler: the workflow is gone and cannot publish any more."""
        with transaction.atomic():
            now = timezone.now()
            changed = Approval.objects.filter(pk=self.pk, state=contract.WAITING).update(
                state=state, reason=reason, closed_at=now, settled_at=now
            )
            if changed:
                AuditEntry.record(state, self, by="worker", reason=reason)
                for decision in self.decisions.undelivered():
                    decision.refuse(reason)
                self.queue.touch()
        return bool(changed)

    # Words.

    @property
    def reference(self) -> str:
        """What people call it: the caller's own key, else the first eight digits of its id."""
        return self.key or str(self.pk)[:8]

    @property
    def requester_name(self) -> str:
        return name_of(self.requester_user) if self.requester_user else self.requester

    def why_not(self, user: User) -> str:
        """Why `user` may not decide it, in a sentence."""
        if self.asked_for_by(user):
            return str(_("You asked for this, so someone else decides."))
        people = ", ".join(name_of(each) for each in self.queue.people()[:6])
        return _("%(queue)s reviewers decide this: %(people)s.") % {
            "queue": self.queue.name,
            "people": people,
        }

    def words(self) -> str:
        """What became of it, who did it and when, in a sentence."""
        last = self.decisions.standing().select_related("reviewer").order_by("-decided_at").first()
        when = timezone.localtime(last.decided_at).strftime("%H:%M") if last else ""
        if self.is_waiting and not self.settled_at:
            return str(_("It was not decided in time.") if self.is_overdue else _("It is waiting."))
        if last and self.state in (contract.WAITING, contract.APPROVED, contract.REJECTED):
            done = _("rejected") if last.verdict == contract.REJECT else _("approved")
            return _("%(name)s %(done)s it at %(when)s.") % {
                "name": name_of(last.reviewer),
                "done": done,
                "when": when,
            }
        return f"{self.get_state_display()}. {self.reason}".strip()


def _open_to(user: Any, queues: list[Queue] | None = None) -> Q:
    queues = list(Queue.objects.reviewed_by(user)) if queues is None else queues
    return Q(queue__in=queues) | Q(requester_user=user)


def _require_quorum(queue: Queue, quorum: int, requester: str) -> None:
    able = [each for each in queue.people() if identity(requester) not in identities(each)]
    if len(able) < quorum:
        raise InvalidRequest(
            f"In queue `{queue.slug}` {len(able)} may decide this, and {quorum} must approve."
        )


def _revised(request: Request) -> Approval | None:
    """The approval that `request` says it revises, if it was asked by the same person."""
    if not _is_uuid(request.revises):
        return None
    earlier = Approval.objects.filter(pk=request.revises).first()
    if earlier is None:
        return None
    same_name = earlier.requester_identity == identity(request.requester)[:150]
    by = person(request.requester)  # whom a workflow named by email, a form names by user name
    return earlier if same_name or (by and by.pk == earlier.requester_user_id) else None


def _form_key(key: str | None) -> str:
    return (key or uuid.uuid4().hex)[:64]


def _only_if(condition: Q, value: datetime | None) -> models.Case:
    field = models.DateTimeField(null=True)
    when = models.When(condition, then=models.Value(value, output_field=field))
    return models.Case(when, default=models.Value(None, output_field=field), output_field=field)


def _is_uuid(text: str) -> bool:
    try:
        uuid.UUID(text)
    except ValueError:
        return False
    return True
