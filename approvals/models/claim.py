"""Claims: who is looking at an approval, so that not all of them read the same one."""

from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.conf import settings
from django.contrib.auth.models import Group, User
from django.db import models, transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from approvals.kept import Kept
from approvals.models.comment import Comment
from approvals.models.errors import NotYours
from approvals.models.people import name_of

if TYPE_CHECKING:
    from approvals.models.approval import Approval

LASTS = timedelta(hours=4)


class ClaimQuerySet(models.QuerySet["Claim"]):
    def current(self) -> "ClaimQuerySet":
        return self.filter(until__gt=timezone.now())

    def of(self, user: User) -> "ClaimQuerySet":
        """Those of `user`, and those of a group that `user` is in."""
        return self.filter(Q(holder=user) | Q(group__user=user))


class Claim(models.Model):
    """The record's existence is the claim. It tells others, and forbids nobody to decide.

    A person holds it, or a group of which nobody has taken it yet.
    """

    approval = models.OneToOneField("approvals.Approval", models.CASCADE, related_name="claim")
    holder = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, null=True, related_name="claims"
    )
    group = models.ForeignKey(Group, models.CASCADE, null=True, related_name="+")
    at = models.DateTimeField(default=timezone.now)
    until = models.DateTimeField()

    objects = ClaimQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(holder=None) ^ Q(group=None), name="claim_of_person_or_group"
            )
        ]

    def __str__(self) -> str:
        return f"{self.who} holds {self.approval}"

    @property
    def who(self) -> str:
        """The name of the person or group."""
        return name_of(self.holder) if self.holder else str(self.group)

    def is_of(self, user: User) -> bool:
        """Whether `user` holds it, in person or with their group."""
        if self.holder_id:
            return self.holder_id == user.pk
        return user.groups.filter(pk=self.group_id).exists()

    @property
    def is_current(self) -> bool:
        return self.until > timezone.now()

    @classmethod
    def on(cls, approval: "Approval") -> "Claim | None":
        """The one that holds `approval` now, as it was at the first look."""
        of_approval: Any = cls._meta.get_field("approval").remote_field
        if not of_approval.is_cached(approval):
            of_approval.set_cached_value(approval, next(iter(_claim.rows(approval.pk)), None))
        claim: Claim | None = of_approval.get_cached_value(approval)
        return claim if claim and claim.is_current else None

    @classmethod
    def take(cls, approval: "Approval", by: User) -> "Claim":
        """`by` is on it from now on, whoever was before. Raises NotYours."""
        return cls._hold(approval, by, by, Comment.Kind.CLAIM, "")

    @classmethod
    def hand_over(
        cls, approval: "Approval", by: User, to: "User | Group", text: str = ""
    ) -> "Claim":
        """`by` gives it to `to`, another of its people or a group of them. Raises NotYours."""
        people = [to] if isinstance(to, User) else approval.people().filter(groups=to)
        if not any(approval.may_be_decided_by(each) for each in people):
            raise NotYours(_("%(name)s may not decide this.") % {"name": to})
        return cls._hold(approval, by, to, Comment.Kind.HAND_OVER, text)

    @classmethod
    def _hold(
        cls, approval: "Approval", by: User, holder: "User | Group", kind: str, text: str
    ) -> "Claim":
        if not approval.may_be_decided_by(by):
            raise NotYours(approval.why_not(by))
        now = timezone.now()
        with transaction.atomic():
            # The same click twice is said once; the row is held until the claim is there.
            approval.queue.touch()
            group = holder if isinstance(holder, Group) else None
            person = holder if isinstance(holder, User) else None
            current = cls.objects.current().filter(approval=approval)
            held = current.filter(holder=person, group=group).first()
            if held:
                return held
            claim, _made = cls.objects.update_or_create(
                approval=approval,
                defaults={"holder": person, "group": group, "at": now, "until": now + LASTS},
            )
            Comment.add(approval, by, text, kind, to=holder if holder != by else None)
        return claim

    @classmethod
    def release(cls, approval: "Approval", by: User) -> None:
        """`by` is not on it any more; nothing happens where somebody else is."""
        with transaction.atomic():
            gone, _rows = cls.objects.filter(approval=approval, holder=by).delete()
            if gone:
                Comment.add(approval, by, "", Comment.Kind.RELEASE)


@Kept
def _claim(approval: UUID) -> ClaimQuerySet:
    return Claim.objects.filter(approval=approval)
