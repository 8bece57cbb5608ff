"""Deciding: the one way in, for a click and for the shell alike."""

import uuid
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any, cast

from django.apps import apps
from django.conf import settings
from django.contrib.auth.models import Group, User
from django.db import IntegrityError, models, transaction
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from approvals.kept import KeptUpdate
from approvals.models.answerable import Answerable
from approvals.models.approval_queryset import ApprovalQuerySet
from approvals.models.audit import AuditEntry
from approvals.models.decision import VOTES, Decision
from approvals.models.errors import AlreadyDecided, Incomplete, NotYours, Unreadable
from approvals.models.people import name_of, same_person
from orchestrator import contract, signing
from orchestrator.counting import result


class Deciding(Answerable):
    """An approval that takes decisions."""

    class Meta(Answerable.Meta):
        abstract = True

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
        wait: bool = True,
        option: str = "",
        form: dict[str, Any] | None = None,
        edits: dict[str, Any] | None = None,
        own: list[Decision] | None = None,
    ) -> Decision:
        """Record what `by` decided and send it to the workflow after the commit.

        `seen_sha256` is the payload that the person read; `key` makes a repeated form harmless.
        `option` names one of the terms' answers, `form` holds what they ask for, `edits` the fields
        of the payload that are corrected.
        `send`: not at once but by the relay, where the workflow was not reached a moment ago.
        `wait`: not for Temporal's answer; `Decision.arrive` does.
        `own`: the decisions of `by` on it, where they were read a moment ago.
        Raises NotYours, Incomplete, Changed, Unreadable or AlreadyDecided; then nothing was
        recorded.
        """
        key = _form_key(key)
        own = list(self.decisions.filter(reviewer=by)) if own is None else own
        if earlier := next((each for each in own if each.key == key), None):
            return earlier
        comment, answers = comment.strip(), _given(option=option, form=form, edits=edits)
        self.require(by, verdict, comment, seen_sha256, own, answers)
        decision = self._signed(by, verdict, comment, key, channel, answers=answers)
        change = self._take_up if verdict == contract.CORRECT else self._claim
        return self._record(decision, change, send, wait)

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
        self.require_answer(by, verdict, comment, seen_sha256, _given(**answers or {}))
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
            over = self.is_over and not self.settled_at
            too_late = _("Too late to undo. The workflow already has it.")
            raise AlreadyDecided(self.words() if over else too_late)
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
        """Whether `vote` can still be undone: it is open and in time, or the outcome is held."""
        if not self.is_waiting or vote.refused_at or vote.retracted_at:
            return False
        if vote.stage != self.stage:
            return False  # others have been asked since
        return self.is_held if self.settled_at else not self.is_over

    def _recorded(self, by: User, key: str) -> Decision | None:
        return self.decisions.filter(reviewer=by, key=key).first()

    def _record(
        self,
        decision: Decision,
        change: Callable[[Decision], None],
        send: bool = True,
        wait: bool = True,
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
                    begin = decision.deliver if wait else decision.depart
                    transaction.on_commit(begin, robust=True)
        except (IntegrityError, AlreadyDecided):
            if earlier := self._recorded(decision.reviewer, decision.key):
                return earlier
            self.refresh_from_db()
            raise AlreadyDecided(self.words()) from None
        return decision

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
        away = self.decided_for(by) if verdict in (*VOTES, contract.CORRECT) else None
        decision = Decision(
            approval=cast(Any, self),
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
        if needed := self.current_stage().groups:
            stands_for = (away or by).groups.filter(name__in=needed)
            further["groups"] = sorted(stands_for.values_list("name", flat=True))
        if accounts := self._accounts(by, away):
            further["accounts"] = accounts
        if away:
            further["on_behalf_of"] = {"id": str(away.pk), "name": name_of(away)}
        return further

    def _accounts(self, by: User, away: User | None) -> list[str]:
        """All accounts of who decides, and of who is away, where they have others."""
        if self.terms().decides_alone and not self.rules.get("editable"):
            return []  # one vote settles it, so nobody has two
        people = [by, away] if away else [by]
        accounts = set().union(*map(same_person, people))
        return sorted(map(str, accounts)) if len(accounts) > len(people) else []

    def objection(self) -> str:
        """What people recorded that is no approval, in a sentence; empty where nobody objects."""
        against = self.decisions.filter(refused_at=None, retracted_at=None)
        against = against.exclude(verdict__in=[contract.APPROVE, contract.RETRACT])
        last = against.select_related("reviewer").order_by("decided_at").last()
        if last is None:
            return ""
        told = {contract.CORRECT: "corrected it", contract.WITHDRAW: "withdrew it"}
        did = told.get(last.verdict, "said no")
        return f"{name_of(last.reviewer)} {did} before the deadline. {last.comment}".strip()

    def _claim(self, vote: Decision) -> None:
        """First to settle wins: one conditional update, on PostgreSQL and SQLite alike."""
        stage = self.current_stage()
        plain = not (stage.groups or self.rules.get("stages") or self.rules.get("answers"))
        if stage.reject_quorum > 1 or not plain or len(vote.people) > 1:
            self._weigh(vote)
            return
        now, held = vote.decided_at, self._hold(vote.decided_at)
        claim = _approve if vote.verdict == contract.APPROVE else _settle
        changed = claim(held, now, *self._as_read())
        if changed != 1 or (self.quorum > 1 and self._was_made_for(vote.reviewer_id)):
            raise AlreadyDecided

    def _was_made_for(self, person: int) -> bool:
        """Whether somebody who stands in for `person` has voted already; the row is held."""
        return self.decisions.standing().filter(on_behalf_of=person).exists()

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
            type(self).objects.filter(pk=self.pk).update(
                settled_at=vote.decided_at, held_until=held
            )

    def _result(self, votes: Iterable[Decision]) -> str:
        """What the votes of this stage come to, by the workflow's own rule."""
        here = [each for each in votes if each.stage == self.stage]
        return result(here, self.current_stage())

    def would_complete(self, user: User, decisions: Iterable[Decision]) -> bool:
        """Whether an approval by `user` would be the last that this stage needs."""
        needed = self.current_stage().groups
        own = user.groups.filter(name__in=needed) if needed else Group.objects.none()
        body = {"groups": list(own.values_list("name", flat=True)) if needed else []}
        vote = Decision(verdict=contract.APPROVE, stage=self.stage, envelope={"body": body})
        standing = [each for each in decisions if each.stands]
        return self._result([*standing, vote]) == contract.APPROVED

    def _open_rows(self, now: datetime) -> ApprovalQuerySet:
        """This row, if it can still be decided as it was read."""
        return _open(now, *self._as_read())

    def _as_read(self) -> tuple[uuid.UUID, str, str, int]:
        return self.pk, self.payload_sha256, self.run_id, self.stage

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
        waiting = type(self).objects.filter(undone, pk=self.pk, state=contract.WAITING)
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
        open_ones = type(self).objects.waiting().filter(pk=self.pk)
        if open_ones.update(settled_at=withdrawal.decided_at) != 1:
            raise AlreadyDecided


def _given(**answers: Any) -> dict[str, Any]:
    return {name: each for name, each in answers.items() if each not in ("", None)}


def _form_key(key: str | None) -> str:
    return (key or uuid.uuid4().hex)[:64]


def _open(now: datetime, pk: uuid.UUID, sha256: str, run_id: str, stage: int) -> ApprovalQuerySet:
    still = Q(ends_at__gt=now) | Q(ends_at=None) & (Q(due_at=None) | Q(due_at__gt=now))
    rows: ApprovalQuerySet = apps.get_model("approvals", "Approval").objects.waiting()
    return rows.filter(still, pk=pk, payload_sha256=sha256, run_id=run_id, stage=stage)


@KeptUpdate
def _approve(held: datetime | None, now: datetime, *read: Any) -> tuple[Any, dict[str, Any]]:
    """One approval more; the last that the quorum needs settles it."""
    last = Q(approvals__gte=F("quorum") - 1)
    return _open(now, *read), {
        "approvals": F("approvals") + 1,
        "settled_at": _only_if(last, now),
        "held_until": _only_if(last, held) if held else None,
    }


@KeptUpdate
def _settle(held: datetime | None, now: datetime, *read: Any) -> tuple[Any, dict[str, Any]]:
    return _open(now, *read), {"settled_at": now, "held_until": held}


def _only_if(condition: Q, value: datetime | None) -> models.Case:
    field = models.DateTimeField(null=True)
    when = models.When(condition, then=models.Value(value, output_field=field))
    return models.Case(when, default=models.Value(None, output_field=field), output_field=field)
