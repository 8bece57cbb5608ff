"""Where a request is, from asked to run, and what its requester can do about it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from approvals.models import Approval, Comment, PolicyCheck
from approvals.models.comment import NUDGE_PAUSE
from approvals.models.people import name_of
from orchestrator import contract


@dataclass(frozen=True)
class Whereabouts:
    """What the part “Where it is” shows to the person who asked."""

    policy: PolicyCheck | None
    agreed: list[tuple[str, list[str]]]  # the stages behind it: their queue, who approved there
    to_come: list[str]  # the queues that are asked once the present one agrees
    deciders: list[str]  # who may still decide, by name
    usual: timedelta | None
    question: Comment | None  # waits for an answer
    nudged_at: datetime | None
    may_withdraw: bool
    may_nudge: bool
    may_revise: bool
    revisions: list[Approval]

    @classmethod
    def of(cls, approval: Approval, user: Any) -> "Whereabouts":
        nudge = approval.comments.filter(kind=Comment.Kind.NUDGE).order_by("at").last()
        stages = [stage.name for stage in approval.stages()]
        nudged_at = nudge.at if nudge and nudge.at > timezone.now() - NUDGE_PAUSE else None
        return cls(
            policy=PolicyCheck.of(approval),
            agreed=[(stages[n], _approved_at(approval, n)) for n in range(approval.stage)],
            to_come=stages[approval.stage + 1 :] if approval.is_waiting else [],
            deciders=still_to_decide(approval) if approval.is_open else [],
            usual=approval.queue.usual_time() if approval.is_open else None,
            question=Comment.open_question(approval.comments.all()) if approval.is_open else None,
            nudged_at=nudged_at,
            may_withdraw=_may_withdraw(approval, user),
            may_nudge=approval.is_open and nudged_at is None,
            may_revise=approval.may_be_revised,
            revisions=list(approval.revisions.order_by("opened_at")),
        )

    @property
    def again_at(self) -> datetime | None:
        """When the reviewers may be reminded again."""
        return self.nudged_at + NUDGE_PAUSE if self.nudged_at else None


def still_to_decide(approval: Approval) -> list[str]:
    """Names of those who may decide it and have not."""
    done = {pk for each in approval.decisions.all() if each.stands for pk in each.people}
    return [name_of(each) for each in approval.people() if each.pk not in done]


def _approved_at(approval: Approval, stage: int) -> list[str]:
    votes = [each for each in approval.decisions.all() if each.stands and each.stage == stage]
    return [name_of(each.reviewer) for each in votes if each.verdict == contract.APPROVE]


def _may_withdraw(approval: Approval, user: Any) -> bool:
    waits = approval.state == contract.WAITING and not approval.settled_at
    return waits and approval.requester_user_id == user.pk
