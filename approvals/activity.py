"""What happened to an approval, newest first."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from approvals.models import Approval, Comment, Decision
from approvals.models.people import name_of
from approvals.templatetags.texts import verb
from orchestrator import contract

Kind = Comment.Kind
ICONS = {
    contract.APPROVE: "check",
    contract.REJECT: "x",
    contract.REQUEST_CHANGES: "pencil",
    contract.CORRECT: "pencil",
    Kind.COMMENT: "message-circle",
    Kind.QUESTION: "message-circle-question-mark",
    Kind.ANSWER: "reply",
    Kind.NUDGE: "bell",
    Kind.CLAIM: "hand",
    Kind.RELEASE: "hand",
    Kind.HAND_OVER: "arrow-right-left",
}
TONES = {contract.APPROVE: "ok", contract.REJECT: "no", Kind.QUESTION: "warn"}


@dataclass(frozen=True)
class Entry:
    """One line. `decision` brings the words of its delivery along."""

    at: datetime
    icon: str
    tone: str  # "", ok, no or warn
    who: str
    words: str
    text: str = ""
    decision: Decision | None = None


def activity(approval: Approval, decisions: list[Decision], said: list[Comment]) -> list[Entry]:
    """Votes, talk, claims and the outcome; that it was asked is not among them."""
    entries = [*map(_decided, decisions), *map(_said, said), *_course(approval)]
    if approval.closed_at:
        entries.append(_closed(approval, approval.closed_at, decisions))
    # What came about in the same moment stays in its order: the outcome after the vote.
    return sorted(entries, key=lambda each: each.at)[::-1]


def _decided(decision: Decision) -> Entry:
    undone = decision.refused_at or decision.retracted_at
    tone = "warn" if decision.refused_at else "" if undone else TONES.get(decision.verdict, "")
    icon = ICONS.get(decision.verdict, "undo-2")
    who, did = name_of(decision.reviewer), verb(decision)
    if decision.option:
        did = f"{did} ({_label(decision)})"
    if decision.on_behalf_of:
        did = _("%(did)s on behalf of %(name)s") % {
            "did": did, "name": name_of(decision.on_behalf_of),
        }  # fmt: skip
    if decision.retracted_at:
        did = _("%s, and took it back") % did
    return Entry(decision.decided_at, icon, tone, who, did, decision.comment, decision)


def _course(approval: Approval) -> list[Entry]:
    """What the workflow did on its own: the next people's turn, others asked, people reminded."""
    if not (approval.stage or approval.escalated or approval.reminded):
        return []
    found = []
    for each in approval.audit.filter(action__in=["next stage", "escalated", "reminded"]):
        icon, words = {
            "next stage": ("arrow-right", _("It went on to %s.")),
            "escalated": ("users", _("It was not decided in time, so %s are asked as well.")),
            "reminded": ("bell", _("The people of %s were reminded.")),
        }[each.action]
        name = ", ".join(each.detail.get("to") or [each.detail.get("name", "")])
        found.append(Entry(each.at, icon, "", _("Workflow"), words % name))
    return found


def _label(decision: Decision) -> str:
    answers = decision.approval.terms().answers
    return next((each.label for each in answers if each.name == decision.option), decision.option)


def _said(comment: Comment) -> Entry:
    to = name_of(comment.recipient) if comment.recipient else str(comment.group or "")
    words = {
        Kind.QUESTION: _("asked %s") % comment.approval.requester_name,
        Kind.ANSWER: _("answered %s") % to if to else _("answered"),
        Kind.CLAIM: _("is on it"),
        Kind.RELEASE: _("is not on it any more"),
        Kind.HAND_OVER: _("handed it over to %s") % to,
    }
    did = words.get(Kind(comment.kind), str(comment.get_kind_display()))
    icon, tone = ICONS[Kind(comment.kind)], TONES.get(comment.kind, "")
    return Entry(comment.at, icon, tone, name_of(comment.author), did, comment.text)


def _closed(approval: Approval, at: datetime, decisions: list[Decision]) -> Entry:
    """The reason, unless a decision has told it already."""
    became = approval.became(decisions)
    told: set[Any] = {each.comment for each in decisions}
    reason = "" if became.reason in told else became.reason
    return Entry(at, "flag", became.tone, str(became.word), "", reason)
