"""What became of an approval: the word, whose doing it was, when and why. All pages tell this."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from approvals.models.decision import Decision
from approvals.models.people import name_of
from orchestrator import contract
from orchestrator.counting import result

if TYPE_CHECKING:
    from approvals.models.approval_record import ApprovalRecord

DID = {
    contract.APPROVE: gettext_lazy("%(name)s approved it at %(when)s."),
    contract.REJECT: gettext_lazy("%(name)s rejected it at %(when)s."),
    contract.REQUEST_CHANGES: gettext_lazy("%(name)s asked for changes at %(when)s."),
    contract.CORRECT: gettext_lazy("%(name)s corrected it at %(when)s."),
    contract.WITHDRAW: gettext_lazy("%(name)s withdrew it at %(when)s."),
}
MADE_BY = {
    contract.APPROVED: contract.APPROVE,
    contract.REJECTED: contract.REJECT,
    contract.CHANGES_REQUESTED: contract.REQUEST_CHANGES,
}
LOOKS = {  # tone and icon
    contract.WAITING: ("warn", "hourglass"),
    contract.APPROVED: ("ok", "check"),
    contract.REJECTED: ("no", "x"),
    contract.CHANGES_REQUESTED: ("no", "pencil"),
    contract.EXPIRED: ("no", "clock"),
    contract.CANCELLED: ("no", "ban"),
    contract.LOST: ("no", "ban"),
}


@dataclass(frozen=True)
class Became:
    """`by` is the decision that it is owed to: None for time, a rule or the workflow.

    An approval reads its `reason`, which lists leave out, only where somebody asks for it.
    """

    approval: "ApprovalRecord"
    word: Any
    tone: str  # ok, no, warn or info
    icon: str
    by: Decision | None = None
    next: str = ""  # who has to act now, where it goes on at the desk

    @property
    def is_withdrawn(self) -> bool:
        """Whether who asked took it back: to the workflow a cancellation, to people not."""
        return self.by is not None and self.by.verdict == contract.WITHDRAW

    @property
    def reason(self) -> str:
        """Why, where no comment of `by` has told it already."""
        told = self.is_withdrawn or (self.by and self._reason == self.by.comment)
        return "" if told else self._reason

    @property
    def cause(self) -> str:
        """What closed it, where nobody did."""
        state = self.approval.state
        if self.by or state == contract.WAITING:
            return ""
        if self.approval.ruled:
            return _("a rule")
        silent = state == contract.APPROVED and self.approval.on_timeout == "approve"
        if self.approval.due_at and (silent or state in (contract.EXPIRED, contract.REJECTED)):
            return _("the deadline")
        return _("a rule") if state in MADE_BY else _("the workflow")

    @property
    def words(self) -> str:
        """The same in a sentence."""
        if self.by is None:
            return f"{self.word}. {self._reason}".strip()
        when = timezone.localtime(self.by.decided_at).strftime("%H:%M")
        return str(DID[self.by.verdict] % {"name": name_of(self.by.reviewer), "when": when})

    @property
    def _reason(self) -> str:
        settled_by_rule = self.approval.is_waiting and self.approval.ruled
        return str(self.approval.rules["reason"] if settled_by_rule else self.approval.reason)


def became(approval: "ApprovalRecord", decisions: Sequence[Decision]) -> Became:
    """What `decisions`, all of its own, have made of it; Waiting where it is open."""
    state = approval.state
    if state == contract.WAITING and approval.settled_at:
        return _settled(approval, decisions)
    if state == contract.CANCELLED and (withdrawal := _made(decisions, contract.WITHDRAW)):
        return Became(approval, _("Withdrawn"), "no", "undo-2", withdrawal)
    return _of(approval, state, decisions)


def _settled(approval: "ApprovalRecord", decisions: Sequence[Decision]) -> Became:
    """The door is closed, and the workflow has not said so yet."""
    if approval.ruled:
        return _of(approval, approval.ruled, ())
    if withdrawal := _made(decisions, contract.WITHDRAW):
        return Became(approval, _("Withdrawn"), "no", "undo-2", withdrawal)
    correction = _made(decisions, contract.CORRECT)
    if correction and not correction.acknowledged_at:
        anew = _("The workflow is taking it up, then everybody decides anew.")
        return Became(approval, _("Corrected"), "info", "pencil", correction, anew)
    found = result(_here(approval, decisions), approval.current_stage())
    if not found:  # what settled it was refused, and the workflow has not opened it again yet
        return Became(approval, _("Decided"), "info", "hourglass")
    following = approval.stages()[approval.stage + 1 :]
    if found != contract.APPROVED or not following:
        return _of(approval, found, decisions)
    onward = _("%(name)s decides next.") % {"name": following[0].name}
    last = _made(_here(approval, decisions), contract.APPROVE)
    return Became(approval, _("Approved here"), "ok", "check", last, onward)


def _of(approval: "ApprovalRecord", state: str, decisions: Sequence[Decision]) -> Became:
    tone, icon = LOOKS[state]
    word = dict(type(approval).State.choices)[state]
    return Became(approval, word, tone, icon, _author(approval, state, decisions))


def _author(
    approval: "ApprovalRecord", state: str, decisions: Sequence[Decision]
) -> Decision | None:
    """The last vote for `state`, if the votes came to that: else time or a rule did."""
    votes = _here(approval, decisions)
    last = _made(votes, MADE_BY.get(state, ""))
    if last is None:
        return None
    sure = state == contract.APPROVED and approval.on_timeout != "approve"
    return last if sure or result(votes, approval.current_stage()) == state else None


def _here(approval: "ApprovalRecord", decisions: Sequence[Decision]) -> list[Decision]:
    return [each for each in decisions if each.stands and each.stage == approval.stage]


def _made(decisions: Sequence[Decision], verdict: str) -> Decision | None:
    """The last one with this verdict that was neither refused nor taken back."""
    kept = (each for each in decisions if not each.refused_at and not each.retracted_at)
    return max(
        (each for each in kept if each.verdict == verdict),
        key=lambda each: each.decided_at,
        default=None,
    )
