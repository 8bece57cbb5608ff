"""Sets of approvals: those that wait, that one may decide, that one may see."""

import uuid
from typing import TYPE_CHECKING, Any

from django.db import models
from django.db.models import ExpressionWrapper, Q, Value
from django.db.models.functions import Coalesce

from approvals.characters import line
from approvals.models.decision import Decision
from approvals.models.people import identities
from approvals.models.queue import Queue
from orchestrator import contract

if TYPE_CHECKING:
    from approvals.models.approval import Approval

MOST_ESCALATED = 500  # to one person at a time


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
        keys = [each.pk for each in queues]
        escalated = escalated_to(self.model, user)
        return self.decidable(user.pk, keys, escalated, sorted(identities(user)))

    def decidable(
        self, user: int, queues: list[int], escalated: list[uuid.UUID], names: list[str]
    ) -> "ApprovalQuerySet":
        """The same of `user`, who reviews `queues`, got `escalated`, and is called `names`."""
        barred = self.model.barred.through.objects.filter(user=user).values("approval")
        return self.filter(Q(queue__in=queues) | Q(pk__in=escalated)).exclude(
            Q(requester_user=user) | Q(requester_identity__in=names) | Q(pk__in=barred)
        )

    def asked_by(self, user: Any) -> "ApprovalQuerySet":
        return self.filter(requester_user=user)

    def visible_to(self, user: Any, queues: "list[Queue] | None" = None) -> "ApprovalQuerySet":
        """You review the queue, you asked, or you are an admin; anything else does not exist."""
        if not user.is_authenticated or not user.is_active:
            return self.none()
        return self if user.is_superuser else self.filter(_open_to(self.model, user, queues))

    def history_of(self, user: Any) -> "ApprovalQuerySet":
        """The closed ones of those, to be read in the order in which they closed."""
        if not user.is_authenticated or not user.is_active or user.is_superuser:
            return self.visible_to(user).closed()
        # Hidden from SQLite's planner, which would gather whole queues first and then sort them.
        seen = ExpressionWrapper(_open_to(self.model, user), output_field=models.BooleanField())
        return self.closed().filter(Q(Coalesce(seen, Value(False))))

    def find(self, name: str) -> "Approval":
        """The one waiting approval that `name` means: its id, its workflow's or its parent's.

        Raises LookupError in words for none and for several.
        """
        waiting = self.filter(state=contract.WAITING)
        meant = Q(workflow_id=name) | Q(parent_workflow_id=name)
        if is_uuid(name):
            meant |= Q(pk=name) | Q(run_id=name)
        found = list(waiting.filter(meant)[:20])
        if len(found) == 1:
            return found[0]
        if found:
            names = "\n".join(f"  {each.pk}  {line(each.title)}" for each in found)
            raise LookupError(f"{name} waits for several approvals; name one of them:\n{names}")
        closed = self.filter(meant).order_by("-opened_at").first()
        if closed:
            raise LookupError(f"{name} waits for nothing: {line(closed.words())}")
        raise LookupError(f"No approval and no workflow has the id {name}. See: manage.py pending")


def _open_to(model: Any, user: Any, queues: list[Queue] | None = None) -> Q:
    if queues is None:
        seen = list(Queue.objects.open_to(user).values_list("pk", flat=True))
    else:
        seen = [each.pk for each in queues] + _seen(user)
    # Who decided at an earlier stage, or because others had not, follows it to the end.
    moved = Q(approval__stage__gt=0) | Q(approval__escalated__gt=0)
    earlier = Decision.objects.filter(moved, reviewer=user).values("approval")
    mine = Q(requester_user=user) | Q(pk__in=earlier) | Q(pk__in=escalated_to(model, user))
    return Q(queue__in=seen) | mine


# Few rows, looked up beforehand: in one condition with the queues they would cost their index. Kept
# as long as the object of the user, which is one request.


def _seen(user: Any) -> list[int]:
    """Keys of the queues that `user` may see without deciding anything there."""
    if not hasattr(user, "_seen_queues"):
        user._seen_queues = list(Queue.objects.seen_by(user).values_list("pk", flat=True))
    found: list[int] = user._seen_queues
    return found


def escalated_to(model: Any, user: Any) -> list[uuid.UUID]:
    """Keys of what waits and was escalated to a group of `user`."""
    if not hasattr(user, "_escalated"):
        through = model.escalated_to.through.objects.filter(
            group__user=user.pk, approval__state=contract.WAITING
        )
        user._escalated = list(through.values_list("approval", flat=True)[:MOST_ESCALATED])
    found: list[uuid.UUID] = user._escalated
    return found


def is_uuid(text: str) -> bool:
    try:
        uuid.UUID(text)
    except ValueError:
        return False
    return True
