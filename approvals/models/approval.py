"""Approvals: waiting steps of workflows, and the one way in for a decision."""

import uuid
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth.models import Group, User
from django.db import IntegrityError, models, transaction
from django.db.models import ExpressionWrapper, F, Q, QuerySet, Value
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from approvals import policy
from approvals.answering import faults_of
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
from approvals.models.opening import Asker, frozen, terms_for
from approvals.models.people import identities, identity, name_of, person
from approvals.models.queue import Queue
from approvals.models.run import WorkflowRun
from orchestrator import contract, signing
from orchestrator.contract import Request, Run, Snapshot
from orchestrator.counting import result
from orchestrator.terms import Stage, Terms

MOST_ESCALATED = 500  # to one person at a time
NONE = object()  # may decide it for nobody
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
        barred = Approval.barred.through.objects.filter(user=user).values("approval")
        return self.filter(Q(queue__in=queues) | _escalated_to(user)).exclude(
            Q(requester_user=user) | Q(requester_identity__in=identities(user)) | Q(pk__in=barred)
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
        if earlier := cls.objects.filter(pk=approval_id).first():
            return earlier
        finding = policy.judge(request.title, request)
        asker = Asker.of(request, proof_of(request, run))
        now = timezone.now()
        terms = terms_for(approval_id, run.run_id, request, asker, finding, now)
        return cls._create(terms, request, run, asker, now)

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
        asker = Asker.of(request, proof_of(request, snapshot.run))
        cls._create(terms, request, snapshot.run, asker, timezone.now())
        cls.publish(snapshot)
        return True

    @classmethod
    def _create(
        cls, terms: Terms, request: Request, run: Run, asker: Asker, now: datetime
    ) -> "Approval":
        queue = Queue.objects.get(slug=terms.queue)
        due_at = datetime.fromisoformat(terms.due_at) if terms.due_at else None
        with transaction.atomic():
            WorkflowRun.note(run, request)
            approval, made = cls.objects.get_or_create(
                pk=terms.approval_id,
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
                },
            )
            if made:
                approval.barred.set(map(int, set(terms.excluded) - {terms.requester_id}))
                AuditEntry.record(
                    "opened", approval, by="workflow", quorum=approval.quorum, **terms.policy
                )
                queue.touch()
        return approval

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

    # Who may.

    def asked_for_by(self, user: User) -> bool:
        return self.requester_user_id == user.pk or (
            bool(self.requester_identity) and self.requester_identity in identities(user)
        )

    @property
    def excluded(self) -> list[str]:
        """Primary keys, as text, of whom four eyes bar: who asked, started it or corrected it."""
        barred: list[str] = self.rules.get("excluded", [])
        return barred

    def may_be_decided_by(self, user: Any) -> bool:
        """Whether `user` may give one of its votes, whatever its state."""
        return self._capacity(user) is not NONE

    def _capacity(self, user: Any) -> "User | object | None":
        """For whom `user` may decide it: None for themselves, somebody who is away, or NONE."""
        if not user.is_authenticated or not user.is_active or self.asked_for_by(user):
            return NONE
        if str(user.pk) in self.excluded:
            return NONE
        if Queue.objects.staffed_by(user).filter(pk=self.queue_id).exists():
            return None
        if self.escalated and self.escalated_to.filter(user=user).exists():
            return None
        asker = [str(self.requester_user_id)] if self.requester_user_id else []
        return self.queue.absent_for(user, [*self.excluded, *asker]) or NONE

    def people(self) -> QuerySet[User]:
        """Everybody active who may give one of its votes, who stands in for somebody apart."""
        may = Q(pk__in=self.queue.people().values("pk"))
        if self.escalated:
            may |= Q(groups__in=self.escalated_to.all())
        barred = {*map(int, self.excluded), self.requester_user_id or 0}
        people = User.objects.filter(may, is_active=True).exclude(pk__in=barred)
        return people.distinct().order_by("pk")

    @property
    def is_waiting(self) -> bool:
        return self.state == contract.WAITING

    @property
    def is_open(self) -> bool:
        """Whether a decision can still be recorded."""
        return self.is_waiting and not self.settled_at and not self.is_over

    @property
    def is_overdue(self) -> bool:
        return self.due_at is not None and self.due_at <= timezone.now()

    @property
    def is_over(self) -> bool:
        """Whether its time has run out for good; what escalates is overdue and not yet over."""
        end = self.ends_at or self.due_at
        return end is not None and end <= timezone.now()

    @property
    def asks_twice(self) -> bool:
        """Whether an approve is confirmed before it is recorded: high risk, by default."""
        return bool(self.rules.get("confirm", self.risk not in ("low", "medium")))

    @property
    def asks_password(self) -> bool:
        """Whether who approves proves once more who they are: critical risk, by default."""
        return bool(self.rules.get("password", self.risk not in ("low", "medium", "high")))

    def asks_twice_of(self, user: User) -> bool:
        """Whether `user` confirms an approve before it is recorded."""
        return self.asks_twice or self.is_too_fast(user)

    def asks_password_of(self, user: User) -> bool:
        """Whether `user` proves once more who they are before an approve."""
        return self.asks_password or self.is_too_fast(user)

    def is_too_fast(self, user: User) -> bool:
        """Whether `user` has approved so many a minute that the password is asked for."""
        return Decision.objects.pace_of(user) >= self.queue.most_a_minute

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
        option: str = "",
        form: dict[str, Any] | None = None,
        edits: dict[str, Any] | None = None,
    ) -> Decision:
        """Record what `by` decided and send it to the workflow after the commit.

        `seen_sha256` is the payload that the person read; `key` makes a repeated form harmless.
        `option` names one of the terms' answers, `form` holds what they ask for, `edits` the fields
        of the payload that are corrected.
        `send`: not at once but by the relay, where the workflow was not reached a moment ago.
        Raises NotYours, Incomplete, Changed, Unreadable or AlreadyDecided; then nothing was
        recorded.
        """
        key = _form_key(key)
        own = list(self.decisions.filter(reviewer=by))
        if earlier := next((each for each in own if each.key == key), None):
            return earlier
        comment, answers = comment.strip(), _given(option=option, form=form, edits=edits)
        self.require(by, verdict, comment, seen_sha256, own, answers)
        decision = self._signed(by, verdict, comment, key, channel, answers=answers)
        change = self._take_up if verdict == contract.CORRECT else self._claim
        return self._record(decision, change, send)

    def require(
        self,
        by: User,
        verdict: str,
        comment: str,
        seen_sha256: str | None = None,
        own: list[Decision] | None = None,
        answers: dict[str, Any] | None = None,
    ) -> None:
        """Raises as `decide` does where it would record nothing. `own`: the decisions of `by`."""
        self._require(by, verdict, comment, seen_sha256)
        said = {name: each for name, each in (answers or {}).items() if each not in ("", None)}
        if fault := self._fault_of({"verdict": verdict, **said}):
            raise Incomplete(fault)
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
        if vote.stage != self.stage:
            return False  # others have been asked since
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
        if verdict not in self.verdicts:
            raise Incomplete(_("Choose approve or reject."))
        if fault := self._lack_of_words(verdict, comment):
            raise Incomplete(fault)
        if len(comment) > contract.COMMENT_LENGTH:
            raise Incomplete(
                _("The reason has %(n)d characters; %(most)d are allowed.")
                % {"n": len(comment), "most": contract.COMMENT_LENGTH}
            )
        if seen_sha256 is not None and seen_sha256 != self.payload_sha256:
            raise Changed(_("The request changed while you were reading. Read it again."))

    def _fault_of(self, said: dict[str, Any]) -> str:
        terms = self.terms()
        alone = terms.quorum == 1 and not terms.stages and len(terms.groups) < 2
        if said.get("edits") and said["verdict"] == contract.APPROVE and not alone:
            return str(_("You corrected it. Save the correction: others approve it then."))
        return faults_of(said, terms)

    @property
    def verdicts(self) -> list[str]:
        """What people may answer here."""
        found = [contract.APPROVE, contract.REJECT]
        if self.rules.get("changes"):
            found.append(contract.REQUEST_CHANGES)
        if self.rules.get("editable"):
            found.append(contract.CORRECT)
        return found

    def _lack_of_words(self, verdict: str, comment: str) -> str:
        if comment or (verdict == contract.APPROVE and not self.rules.get("comment_to_approve")):
            return ""
        words = {
            contract.APPROVE: _("Say why you approve. Everything here needs a reason."),
            contract.REJECT: _("Say why you are rejecting. %(name)s needs it to fix the request."),
            contract.REQUEST_CHANGES: _("Say what should change. %(name)s needs it to do so."),
            contract.CORRECT: _("Say what you corrected, and why. All have to look again."),
        }
        return str(words[verdict] % {"name": self.requester_name or _("The requester")})

    def _signed(
        self,
        by: User,
        verdict: str,
        comment: str,
        key: str,
        channel: str,
        retracts: Decision | None = None,
        answers: dict[str, Any] | None = None,
    ) -> Decision:
        """The decision with its envelope. Signing before the transaction keeps that one short."""
        now, answers = timezone.now(), answers or {}
        away = self._away(by) if verdict in (*VOTES, contract.CORRECT) else None
        decision = Decision(
            approval=self,
            reviewer=by,
            verdict=verdict,
            comment=comment,
            decided_at=now,
            channel=channel,
            key=key,
            retracts=retracts,
            stage=self.stage,
            on_behalf_of=away,
            **answers,
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
                **self._further(by, away),
                **answers,
            }
        )
        return decision

    def _further(self, by: User, away: User | None) -> dict[str, Any]:
        """What an envelope says only where the terms make it matter."""
        further: dict[str, Any] = {"stage": self.stage} if self.stage else {}
        if needed := self.terms().stage(self.stage).groups:
            stands_for = (away or by).groups.filter(name__in=needed)
            further["groups"] = sorted(stands_for.values_list("name", flat=True))
        if away:
            further["on_behalf_of"] = {"id": str(away.pk), "name": name_of(away)}
        return further

    def _away(self, by: User) -> User | None:
        """For whom `by` decides; None for themselves."""
        away = self._capacity(by)
        return away if isinstance(away, User) else None

    def _claim(self, vote: Decision) -> None:
        """First to settle wins: one conditional update, on PostgreSQL and SQLite alike."""
        stage = self.terms().stage(self.stage)
        plain = not (stage.groups or self.rules.get("stages") or self.rules.get("answers"))
        if stage.reject_quorum > 1 or not plain or vote.on_behalf_of_id:
            self._weigh(vote)
            return
        now, held = vote.decided_at, self._hold(vote.decided_at)
        open_ones = self._open_rows(now)
        if vote.verdict != contract.APPROVE:
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

    def _weigh(self, vote: Decision) -> None:
        """The same where counting to the quorum is not enough: all votes are looked at."""
        approves = int(vote.verdict == contract.APPROVE)
        open_ones = self._open_rows(vote.decided_at)
        if open_ones.update(approvals=F("approvals") + approves) != 1:
            raise AlreadyDecided  # else the row is held from here on: votes come one by one
        earlier = list(self.decisions.standing())
        if any(vote.people & each.people for each in earlier):
            raise AlreadyDecided
        found = self._result([*earlier, vote])
        if found:
            more = found == contract.APPROVED and self.stage < len(self.rules.get("stages", []))
            held = None if more else self._hold(vote.decided_at)
            Approval.objects.filter(pk=self.pk).update(settled_at=vote.decided_at, held_until=held)

    def _result(self, votes: Iterable[Decision]) -> str:
        """What the votes of this stage come to, by the workflow's own rule."""
        here = [each for each in votes if each.stage == self.stage]
        return result(here, self.terms().stage(self.stage))

    def goes_on_to(self, decisions: Iterable[Decision]) -> Stage | None:
        """Who is asked next, where this stage has agreed and the workflow has not gone on yet."""
        stages = self.terms().stages
        if not (self.is_waiting and self.settled_at) or self.stage >= len(stages):
            return None
        agreed = self._result([each for each in decisions if each.stands]) == contract.APPROVED
        return stages[self.stage] if agreed else None

    def _open_rows(self, now: datetime) -> ApprovalQuerySet:
        """This row, if it can still be decided as it was read."""
        still = Q(ends_at__gt=now) | Q(ends_at=None) & (Q(due_at=None) | Q(due_at__gt=now))
        same = Q(payload_sha256=self.payload_sha256, run_id=self.run_id, stage=self.stage)
        return Approval.objects.waiting().filter(still, same, pk=self.pk)

    def _hold(self, now: datetime) -> datetime | None:
        return now + timedelta(seconds=self.undo_seconds) if self.undo_seconds else None

    def _take_up(self, correction: Decision) -> None:
        """Nobody decides until the workflow asks for what was corrected."""
        now = correction.decided_at
        if self._open_rows(now).update(settled_at=now) != 1:
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
        standing = self.decisions.standing()
        here = standing.filter(verdict=contract.APPROVE, stage=self.stage)
        self.approvals = here.count()
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

    def _still_settled(self, standing: QuerySet[Decision]) -> bool:
        closing = (contract.WITHDRAW, contract.CORRECT)
        on_its_way = self.decisions.undelivered().filter(verdict__in=closing).exists()
        return on_its_way or bool(self._result(standing))

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
    if queues is None:
        seen = list(Queue.objects.open_to(user).values_list("pk", flat=True))
    else:
        seen = [each.pk for each in queues] + _seen(user)
    # Who agreed at an earlier stage follows it to the end.
    earlier = Decision.objects.filter(reviewer=user, approval__stage__gt=0).values("approval")
    mine = Q(requester_user=user) | Q(pk__in=earlier) | _escalated_to(user)
    return Q(queue__in=seen) | mine


# Few rows, looked up beforehand: in one condition with the queues they would cost their index. Kept
# as long as the object of the user, which is one request.


def _seen(user: Any) -> list[int]:
    """Keys of the queues that `user` may see without deciding anything there."""
    if not hasattr(user, "_seen_queues"):
        user._seen_queues = list(Queue.objects.seen_by(user).values_list("pk", flat=True))
    found: list[int] = user._seen_queues
    return found


def _escalated_to(user: Any) -> Q:
    if not hasattr(user, "_escalated"):
        through = Approval.escalated_to.through.objects.filter(
            group__user=user.pk, approval__state=contract.WAITING
        )
        user._escalated = list(through.values_list("approval", flat=True)[:MOST_ESCALATED])
    return Q(pk__in=user._escalated)


def proof_of(request: Request, run: Run) -> dict[str, Any] | None:
    """Who asks, where the desk itself signed it for this very workflow; else None."""
    if request.proof is None:
        return None
    try:
        body = signing.KeyRing.load(settings.VAR).verify(request.proof)
    except (signing.BadSignature, signing.NoKey):
        return None
    ours = body.get("workflow_id") in (run.workflow_id, run.parent_workflow_id)
    return body if ours and body.get("requester") == request.requester else None


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


def _given(**answers: Any) -> dict[str, Any]:
    return {name: each for name, each in answers.items() if each not in ("", None)}


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
