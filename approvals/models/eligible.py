"""Who may decide an approval, and how careful they have to be."""

from collections.abc import Iterable
from typing import Any

from django.contrib.auth.models import Group, User
from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy as _

from approvals.models.approval_record import ApprovalRecord
from approvals.models.decision import Decision
from approvals.models.people import identities, name_of, several

NONE = object()  # may decide it for nobody


class Eligible(ApprovalRecord):
    """An approval that knows its people."""

    class Meta(ApprovalRecord.Meta):
        abstract = True

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

    def awaits(self, user: Any) -> bool:
        """Whether `user` may decide it and has not; `to_decide` for one that is open."""
        voted = any(each.stands and each.reviewer_id == user.pk for each in self.decisions.all())
        return not voted and self.may_be_decided_by(user)

    def decided_for(self, user: Any) -> User | None:
        """Who is away, where `user` decides it on somebody's behalf; else None."""
        away = self._capacity(user)
        return away if isinstance(away, User) else None

    def _capacity(self, user: Any) -> "User | object | None":
        """For whom `user` may decide it: None for themselves, somebody who is away, or NONE."""
        if not user.is_authenticated or not user.is_active or self.asked_for_by(user):
            return NONE
        if str(user.pk) in self.excluded:
            return NONE
        if self.queue.is_staffed_by(user):
            return None
        if self.escalated and self.escalated_to.filter(user=user).exists():
            return None
        asker = [str(self.requester_user_id)] if self.requester_user_id else []
        barred = [*self.excluded, *asker]
        # Of several who are away, the one that has had no say yet.
        done = {str(pk) for each in self.decisions.standing() for pk in each.people}
        return (
            self.queue.absent_for(user, [*barred, *done])
            or self.queue.absent_for(user, barred)
            or NONE
        )

    def people(self) -> QuerySet[User]:
        """Everybody active who may give one of its votes, who stands in for somebody apart."""
        may = Q(pk__in=self.queue.people().values("pk"))
        if self.escalated:
            may |= Q(groups__in=self.escalated_to.all())
        barred = {*map(int, self.excluded), self.requester_user_id or 0}
        people = User.objects.filter(may, is_active=True).exclude(pk__in=barred)
        return people.distinct().order_by("pk")

    def teams(self, people: Iterable[User] | None = None) -> QuerySet[Group]:
        """The groups that its people (`people`, once read) are in: it can be handed over to one."""
        people = self.people() if people is None else people
        return Group.objects.filter(user__in=people).distinct().order_by("name")

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
        return Decision.pace_of(user) >= self.queue.most_a_minute

    def why_not(self, user: User, people: Iterable[User] | None = None) -> str:
        """Why `user` may not decide it, in a sentence; `people` are its own, once read."""
        if self.asked_for_by(user):
            return str(_("You asked for this, so someone else decides."))
        names = [name_of(each) for each in (self.people() if people is None else people)]
        if not names:
            return str(_("Nobody is left who may decide this. Ask an administrator."))
        said = {"queue": self.queue.name, "people": several(names)}
        return _("%(queue)s reviewers decide this: %(people)s.") % said
