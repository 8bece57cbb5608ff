"""What the page of an approval shows to one person: the decision area and its states."""

import hashlib
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib.auth.models import User
from django.db.models import QuerySet, prefetch_related_objects
from django.http import Http404, HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _

from approvals.activity import activity
from approvals.answer_form import AnswerForm
from approvals.cautions import Caution, rejected_before
from approvals.context import banners, concerning, is_away, sees_all_of, visible
from approvals.explain import explain
from approvals.forms import DecisionForm
from approvals.kept import Kept
from approvals.models import Approval, Claim, Comment, Decision
from approvals.models.approval_queryset import ApprovalQuerySet
from approvals.models.people import name_of
from approvals.views.asked import asked
from approvals.views.wording import reasons, wording
from orchestrator import contract
from orchestrator.terms import Terms

MOST_PEOPLE = 500  # named, as those who may decide; more are better named as a group
QUICK, CALM = 2, 5  # seconds between looks: a decision is under way, or people are awaited


def find(request: HttpRequest, pk: UUID) -> Approval:
    """The approval `pk` if it exists for this person. Raises Http404."""
    found = read(request, pk)
    if found is None or not may_see(request, found):
        raise Http404
    return found


def may_see(request: HttpRequest, approval: Approval) -> bool:
    """Who reviews its queue may; to know that takes no query."""
    if sees_all_of(request, approval.queue_id):
        return True
    return visible(request).filter(pk=approval.pk).exists()


def again(request: HttpRequest, approval: Approval) -> Approval:
    """`approval` as it is now, for somebody who has just done something with it.

    Whoever may decide it sees it to the end, so `find` need not look for a reason once more.
    """
    found = read(request, approval.pk)
    assert found is not None  # noqa: S101 - approvals are never deleted
    return found


def read(request: HttpRequest, pk: UUID) -> Approval | None:
    """The approval `pk` with its decisions; its queue is one that was read already."""
    found = next(iter(_row.rows(pk)), None)
    if found is None:
        return None
    _hold(found, Decision.on(found))
    known = {each.pk: each for each in concerning(request)}
    if found.queue_id in known:
        found.queue = known[found.queue_id]
    return found


def _hold(approval: Approval, decisions: list[Decision]) -> None:
    """As `prefetch_related` would, which writes its statement anew each time."""
    prefetch_related_objects(decisions, "reviewer", "on_behalf_of")
    held: Any = approval.decisions.all()
    held._result_cache, held._prefetch_done = decisions, True
    row: Any = approval
    row._prefetched_objects_cache = {"decisions": held}


@Kept
def _row(pk: UUID) -> ApprovalQuerySet:
    return Approval.objects.filter(pk=pk)


def everything(
    request: HttpRequest,
    approval: Approval,
    place: str = "page",
    form: DecisionForm | None = None,
    problem: str = "",
    read_sha256: str = "",
) -> dict[str, Any]:
    """The whole page. `place` is page or pane; `form` holds what was typed and refused."""
    shown = asked(request, approval, read_sha256)
    area = decision_area(request, approval, place, form, problem)
    address = reverse("inbox_pane" if place == "pane" else "approval", args=[approval.pk])
    hindered = hindrances(approval, area["state"], shown["sheet"].complete)
    return area | shown | hindered | {"address": address}


def decision_area(
    request: HttpRequest,
    approval: Approval,
    place: str = "page",
    form: DecisionForm | None = None,
    problem: str = "",
) -> dict[str, Any]:
    """The live parts: clock, votes, activity, and what this person may do."""
    user: Any = request.user
    decisions = list(approval.decisions.all())
    # Most have none, and then there are no people to look up.
    said = list(approval.comments.prefetch_related("author", "recipient", "group"))
    standing = [each for each in decisions if each.stands]
    mine = [each for each in decisions if each.reviewer_id == user.pk and not each.retracted_at]
    state, became = _state(approval, user, standing), approval.became(decisions)
    votes = [each for each in standing if each.verdict == contract.APPROVE]
    people = list(approval.people()[:MOST_PEOPLE]) if approval.is_waiting else []
    further = _further(approval, form) if approval.rules else {}
    away = state == "form" and is_away(request)
    return (
        _involved(approval, user, state, people, said)
        | further
        | {
            "approval": approval,
            "place": place,
            "state": state,
            "became": became,
            "activity": activity(approval, decisions, said),
            "explanation": explain(approval, decisions, people),
            "votes": votes,
            "mine": mine[-1] if mine else None,
            "may_undo": bool(mine)
            and not settings.READ_ONLY
            and mine[-1].stands
            and approval.may_be_taken_back(mine[-1]),
            "held": approval.is_held,
            "answered": _answered(approval.terms(), became.by),
            "silence": approval.silence(decisions),
            **_consequence(approval, user, decisions, state),
            "open_to": _open_to(people, user, standing) if state == "form" else [],
            "needed": max(approval.quorum - approval.approvals, 0),
            "away": away,
            "why_not": approval.why_not(user, people) if state in ("own", "outsider") else "",
            "wording": wording(approval),
            "reasons": reasons(approval),
            "form": form,
            "rejecting": form is not None and form.data.get("verdict") == contract.REJECT,
            "problem": problem,
            "rev": _revision(approval, state, decisions, len(said), f"{away}{banners(request)}"),
            "pulse": _pulse(approval, decisions),
        }
    )


def _consequence(
    approval: Approval, user: Any, decisions: list[Decision], state: str
) -> dict[str, Any]:
    """What an approval by this person would lead to."""
    if state != "form":
        return {}
    behalf = approval.decided_for(user)
    stages = approval.terms().stages[approval.stage :]
    return {
        "behalf": behalf,
        "completes": approval.would_complete(behalf or user, decisions),
        "goes_on_to": stages[0].name if stages else "",
        "represented": approval.terms().stage(approval.stage).groups,
    }


def _further(approval: Approval, form: DecisionForm | None) -> dict[str, Any]:
    """What the terms allow beyond a plain yes and no."""
    terms = approval.terms()
    return {
        "answers": AnswerForm(approval, form.data if form else None),
        "options": terms.answers,
        "offers_changes": terms.changes,
        "rejections_needed": terms.stage(approval.stage).reject_quorum,
    }


def _answered(terms: Terms, decision: Decision | None) -> str:
    """The label of the answer that was given, where there were several."""
    given = decision.option if decision else ""
    return {each.name: each.label for each in terms.answers}.get(given, given)


def _involved(
    approval: Approval, user: Any, state: str, people: list[User], said: list[Comment]
) -> dict[str, Any]:
    """Who is on it, who may take it over, and what waits for an answer."""
    waits = approval.is_open
    claim = Claim.on(approval)
    voted = state == "voted" and approval.may_be_decided_by(user)
    may_claim = waits and (state == "form" or voted) and not settings.READ_ONLY
    return {
        "claim": claim if waits else None,
        "is_on_it": bool(claim and claim.is_of(user)),
        "teams": approval.teams(people) if may_claim else [],
        "may_claim": may_claim,
        "may_ask": may_claim and approval.requester_user_id is not None,
        "others": [each for each in people if each.pk != user.pk] if may_claim else [],
        "question": Comment.open_question(said) if waits else None,
    }


def hindrances(approval: Approval, state: str, complete: bool = True) -> dict[str, Any]:
    """Why an approve is not offered: unreadable, unshown, or nothing."""
    faults = approval.faults() if state == "form" else {}
    return {
        "faults": list(faults.items())[:5],
        "hindrance": "unreadable" if faults else "" if complete else "unshown",
    }


def _state(approval: Approval, user: Any, standing: list[Decision]) -> str:
    """closed, settled, overdue, voted, own, outsider, mismatch, read_only or form."""
    if not approval.is_waiting:
        return "closed"
    if approval.settled_at:
        return "settled"
    if approval.is_over:
        return "overdue"
    if any(each.reviewer_id == user.pk for each in standing):
        return "voted"
    if not approval.may_be_decided_by(user):
        return "own" if approval.asked_for_by(user) else "outsider"
    if contract.sha256(approval.payload) != approval.payload_sha256:
        return "mismatch"
    return "read_only" if settings.READ_ONLY else "form"


def _open_to(people: list[User], user: Any, standing: list[Decision]) -> list[str]:
    """Who may still give an approval, `user` first: nobody who has had their say, at any stage."""
    done = {pk for each in standing for pk in each.people} | {user.pk}
    return [_("you"), *(name_of(each) for each in people if each.pk not in done)]


def _pulse(approval: Approval, decisions: list[Decision]) -> int:
    """Seconds until the next look; 0 where no news can come."""
    under_way = any(each.is_undelivered for each in decisions)
    if under_way or (approval.is_waiting and approval.settled_at):
        return QUICK
    return CALM if approval.is_waiting else 0


def whole(rev: str, found: Iterable[Caution]) -> str:
    """A name for all that the page shows: its `rev`, and the caution that others bring about."""
    return "-".join([rev, *(str(each.of.pk) for each in found if each.of)])


def revision(request: HttpRequest, approval: Approval) -> str:
    """What `whole` would name it, for a fraction of its work: `approval` is from `read`."""
    user: Any = request.user
    decisions = list(approval.decisions.all())
    state = _state(approval, user, [each for each in decisions if each.stands])
    away = state == "form" and is_away(request)
    said = _comments.count(approval.pk)
    rev = _revision(approval, state, decisions, said, f"{away}{banners(request)}")
    earlier = rejected_before(approval, user)
    return whole(rev, [earlier] if earlier else [])


@Kept
def _comments(approval: UUID) -> QuerySet[Comment]:
    return Comment.objects.filter(approval=approval)


def _revision(
    approval: Approval,
    state: str,
    decisions: list[Decision],
    said: int,
    above: str,
) -> str:
    """A short name for what this part of the page shows; another one when it would change.

    `said` is the number of comments, `above` names the banners.
    """
    claim = Claim.on(approval)
    shown = (
        approval.pk,
        approval.payload_sha256,
        approval.state,
        approval.reason,
        approval.approvals,
        (approval.escalated, approval.reminded),
        state,
        approval.is_held,
        (claim.holder_id, claim.group_id, claim.at) if claim else None,
        said,
        above,
        [(each.pk, each.delivery, each.tries, each.retracted_at) for each in decisions],
    )
    return hashlib.sha256(repr(shown).encode()).hexdigest()[:16]


def recorded_words(approval: Approval, decision: Decision, left: int) -> str:
    """What a screen reader hears once a decision is recorded."""
    return done_words(approval, decision) + " " + _("%d left.") % left


def done_words(approval: Approval, decision: Decision) -> str:
    """Approved REF-1. Nothing but an approve is called one, and none that the workflow refused."""
    if decision.refused_at:
        return _("Not counted: %s.") % approval.reference
    words = {
        contract.APPROVE: _("Approved %s."),
        contract.REJECT: _("Rejected %s."),
        contract.REQUEST_CHANGES: _("Asked for changes to %s."),
        contract.CORRECT: _("Corrected %s."),
        contract.RETRACT: _("Taken back: %s."),
    }
    did = contract.RETRACT if decision.retracted_at else decision.verdict
    return words.get(did, _("Recorded: %s.")) % approval.reference
