"""Delegations: somebody is away, and another person decides for them meanwhile."""

from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from approvals.models.audit import AuditEntry


class DelegationQuerySet(models.QuerySet["Delegation"]):
    def now(self) -> "DelegationQuerySet":
        """Those in force, of people who may still sign in."""
        # The database's clock: a statement with a moment in it could not be kept and asked again.
        return self.filter(
            starts__lte=Now(), ends__gt=Now(), away__is_active=True, to__is_active=True
        )

    def ending(self) -> "DelegationQuerySet":
        """Those in force or to come."""
        return self.filter(ends__gt=timezone.now())

    def over(self) -> "DelegationQuerySet":
        return self.filter(ends__lte=timezone.now()).order_by("-ends", "-pk")

    def about(self, queue: Any) -> "DelegationQuerySet":
        """Those in force by which somebody decides in `queue`, a key or a reference to one."""
        named = Q(queues=None) | Q(queues=queue)
        reviews = Q(away__queues=queue) | Q(away__groups__queue=queue)
        return self.now().filter(named, reviews)


class Delegation(models.Model):
    """`away` lets `to` decide on their behalf, from `starts` to `ends`.

    It is not passed on: who decides for somebody cannot hand that to a third person.
    """

    away = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="absences")
    to = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="stands_in", verbose_name=_("to")
    )
    queues = models.ManyToManyField(
        "approvals.Queue", blank=True, verbose_name=_("queues"), help_text=_("None: all of yours.")
    )
    starts = models.DateTimeField(_("from"))
    ends = models.DateTimeField(_("until"))
    made_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = DelegationQuerySet.as_manager()

    class Meta:
        ordering = ["starts", "pk"]
        indexes = [models.Index(fields=["to", "ends"], name="delegation_to")]
        constraints = [
            models.CheckConstraint(condition=Q(ends__gt=F("starts")), name="delegation_ends_later"),
            models.CheckConstraint(condition=~Q(away=F("to")), name="delegation_to_another"),
        ]

    def __str__(self) -> str:
        return f"{self.away} → {self.to}"

    def clean(self) -> None:
        if self.starts and self.ends and self.ends <= self.starts:
            raise ValidationError({"ends": _("It ends before it starts.")})
        if self.to_id and self.to_id == self.away_id:
            raise ValidationError({"to": _("Choose somebody else.")})

    @property
    def is_coming(self) -> bool:
        return self.starts > timezone.now()

    @property
    def is_over(self) -> bool:
        return self.ends <= timezone.now()

    def may_be_ended_by(self, user: Any) -> bool:
        """One's own; and everybody's, for an admin."""
        return not self.is_over and (user.pk == self.away_id or bool(user.is_superuser))

    @classmethod
    def make(cls, absence: "Delegation", queues: Any) -> "Delegation":
        """Save a new one of its own author. `queues`: where it holds; none: in all."""
        with transaction.atomic():
            absence.save()
            absence.queues.set(queues)
            absence._audit("absence made", absence.away)
        return absence

    def end(self, by: Any) -> None:
        """Nobody decides by it from now on; one that has not begun disappears."""
        with transaction.atomic():
            coming = self.is_coming
            self._audit("absence cancelled" if coming else "absence ended", by)
            if coming:
                self.delete()
            else:
                self.ends = timezone.now()
                self.save(update_fields=["ends"])

    def _audit(self, action: str, by: Any) -> None:
        AuditEntry.record(
            action,
            actor=by,
            away=self.away.get_username(),
            to=self.to.get_username(),
            starts=self.starts.isoformat(),
            ends=self.ends.isoformat(),
            queues=list(self.queues.values_list("slug", flat=True)),
        )
