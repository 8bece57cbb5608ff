"""Claims: who is looking at an approval, so that two people do not read the same one."""

from datetime import timedelta
from typing import TYPE_CHECKING

from django.conf import settings
from django.contrib.auth.models import User
from django.db import models, transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from approvals.models.comment import Comment
from approvals.models.errors import NotYours

if TYPE_CHECKING:
    from approvals.models.approval import Approval

LASTS = timedelta(hours=4)


class ClaimQuerySet(models.QuerySet["Claim"]):
    def current(self) -> "ClaimQuerySet":
        return self.filter(until__gt=timezone.now())


class Claim(models.Model):
    """The record's existence is the claim. It tells others, and forbids nobody to decide."""

    approval = models.OneToOneField("approvals.Approval", models.CASCADE, related_name="claim")
    holder = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="claims")
    at = models.DateTimeField(default=timezone.now)
    until = models.DateTimeField()

    objects = ClaimQuerySet.as_manager()

    def __str__(self) -> str:
        return f"{self.holder} holds {self.approval}"

    @property
    def is_current(self) -> bool:
        return self.until > timezone.now()

    @classmethod
    def take(cls, approval: "Approval", by: User) -> "Claim":
        """`by` is on it from now on, whoever was before. Raises NotYours."""
        return cls._hold(approval, by, by, Comment.Kind.CLAIM, "")

    @classmethod
    def hand_over(cls, approval: "Approval", by: User, to: User, text: str = "") -> "Claim":
        """`by` gives it to `to`, another reviewer of its queue. Raises NotYours."""
        if not approval.may_be_decided_by(to):
            raise NotYours(_("%(name)s may not decide this.") % {"name": to.get_username()})
        return cls._hold(approval, by, to, Comment.Kind.HAND_OVER, text)

    @classmethod
    def _hold(cls, approval: "Approval", by: User, holder: User, kind: str, text: str) -> "Claim":
        if not approval.may_be_decided_by(by):
            raise NotYours(approval.why_not(by))
        now = timezone.now()
        with transaction.atomic():
            # The same click twice is said once; the row is held until the claim is there.
            approval.queue.touch()
            held = cls.objects.current().filter(approval=approval, holder=holder).first()
            if held:
                return held
            claim, _made = cls.objects.update_or_create(
                approval=approval, defaults={"holder": holder, "at": now, "until": now + LASTS}
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
