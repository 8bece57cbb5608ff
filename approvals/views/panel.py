"""What the page of an approval shows to one person: the decision area and its states."""

import hashlib
from typing import Any
from uuid import UUID

from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _

from approvals import payload
from approvals.forms import DecisionForm
from approvals.models import Approval, Decision, WorkflowRun
from approvals.models.decision import VOTES
from approvals.models.people import name_of
from orchestrator import contract

QUICK, CALM = 2, 5  # seconds between looks: a decision is under way, or people are awaited


def find(request: HttpRequest, pk: UUID) -> Approval:
    """The approval `pk` if it exists for this person. Raises Http404."""
    visible = Approval.objects.visible_to(request.user)
    return get_object_or_404(visible.select_related("queue", "requester_user"), pk=pk)


def everything(
    request: HttpRequest,
    approval: Approval,
    place: str = "page",
    form: DecisionForm | None = None,
    problem: str = "",
) -> dict[str, Any]:
    """The whole page. `place` is page or pane; `form` holds what was typed and refused."""
    all_of_it = "all" in request.GET
    return decision_area(request, approval, place, form, problem) | {
        "sheet": payload.read(approval.payload, approval.previous, all_of_it),
        "all_of_it": all_of_it,
        "run": WorkflowRun.objects.filter(run_id=approval.run_id).first(),
    }


def decision_area(
    request: HttpRequest,
    approval: Approval,
    place: str = "page",
    form: DecisionForm | None = None,
    problem: str = "",
) -> dict[str, Any]:
    """The live parts: clock, votes, activity, and what this person may do."""
    user: Any = request.user
    decisions = list(approval.decisions.select_related("reviewer"))
    standing = [each for each in decisions if is_standing(each)]
    mine = [each for each in decisions if each.reviewer_id == user.pk and not each.retracted_at]
    state = _state(approval, user, standing)
    votes = [each for each in standing if each.verdict == contract.APPROVE]
    return {
        "approval": approval,
        "place": place,
        "state": state,
        "decisions": decisions,
        "votes": votes,
        "mine": mine[-1] if mine else None,
        "last": standing[-1] if standing else None,
        "withdrawn": any(_is_withdrawal(each) for each in decisions),
        "open_to": _open_to(approval, user, votes) if state == "form" else [],
        "needed": max(approval.quorum - approval.approvals, 0),
        "why_not": approval.why_not(user) if state in ("own", "outsider") else "",
        "form": form,
        "problem": problem,
        "rev": _revision(approval, state, decisions),
        "pulse": _pulse(approval, decisions),
    }


def is_standing(decision: Decision) -> bool:
    """Whether it is a vote that counts or may still count."""
    undone = decision.refused_at or decision.retracted_at
    return not undone and decision.verdict in VOTES


def _is_withdrawal(decision: Decision) -> bool:
    return decision.verdict == contract.WITHDRAW and not decision.refused_at


def _state(approval: Approval, user: Any, standing: list[Decision]) -> str:
    """closed, settled, voted, own, outsider, overdue, mismatch or form."""
    if not approval.is_waiting:
        return "closed"
    if approval.settled_at:
        return "settled"
    if any(each.reviewer_id == user.pk for each in standing):
        return "voted"
    if not approval.may_be_decided_by(user):
        return "own" if approval.asked_for_by(user) else "outsider"
    if approval.is_overdue:
        return "overdue"
    if contract.sha256(approval.payload) != approval.payload_sha256:
        return "mismatch"
    return "form"


def _open_to(approval: Approval, user: Any, votes: list[Decision]) -> list[str]:
    """Who else may still give an approval, by name."""
    done = {each.reviewer_id for each in votes} | {user.pk}
    people = approval.queue.people()[:20]
    return [name_of(each) for each in people if each.pk not in done
            and not approval.asked_for_by(each)][:3]  # fmt: skip


def _pulse(approval: Approval, decisions: list[Decision]) -> int:
    """Seconds until the next look; 0 where no news can come."""
    under_way = any(each.delivery in ("recorded", "sent") for each in decisions)
    if under_way or (approval.is_waiting and approval.settled_at):
        return QUICK
    return CALM if approval.is_waiting else 0


def _revision(approval: Approval, state: str, decisions: list[Decision]) -> str:
    """A short name for what this part of the page shows; another one when it would change."""
    shown = (
        approval.state,
        approval.reason,
        approval.approvals,
        state,
        [(each.pk, each.delivery, each.tries, each.retracted_at) for each in decisions],
    )
    return hashlib.sha256(repr(shown).encode()).hexdigest()[:16]


def recorded_words(approval: Approval, decision: Decision, left: int) -> str:
    """What a screen reader hears once a decision is recorded."""
    done = _("Rejected") if decision.verdict == contract.REJECT else _("Approved")
    return _("%(done)s %(reference)s. %(left)d left.") % {
        "done": done,
        "reference": approval.reference,
        "left": left,
    }
