"""Queues: named inboxes with their reviewers and rules."""

from datetime import timedelta
from statistics import median
from typing import Any

from django.conf import settings
from django.contrib.auth.models import Group, User
from django.db import models
from django.db.models import F, Q, QuerySet, Sum
from django.utils.translation import gettext_lazy as _

from orchestrator.contract import CANCELLED, LOST, ON_TIMEOUT

USUAL_OF, USUAL_LEAST = 50, 5
UNDECIDED = (CANCELLED, LOST)  # they say nothing of how long people take


class QueueQuerySet(models.QuerySet["Queue"]):
    def reviewed_by(self, user: Any) -> "QueueQuerySet":
        """Queues whose approvals `user` may decide."""
        if not user.is_authenticated or not user.is_active:
            return self.none()
        mine = Q(reviewers=user) | Q(groups__in=user.groups.all())
        return self.filter(pk__in=self.model.objects.filter(mine).values("pk"))

    def revision(self) -> int:
        """A number that changes whenever anything in these queues does."""
        total: int | None = self.aggregate(total=Sum("revision"))["total"]
        return total or 0


class Queue(models.Model):
    """A named inbox: who decides, how many, by when."""

    slug = models.SlugField(_("slug"), unique=True, help_text=_("What workflows name it by."))
    name = models.CharField(_("name"), max_length=80)
    description = models.CharField(_("description"), max_length=300, blank=True)
    reviewers = models.ManyToManyField(
        settings.AUTH_USER_MODEL, blank=True, related_name="queues", verbose_name=_("reviewers")
    )
    groups = models.ManyToManyField(Group, blank=True, verbose_name=_("groups of reviewers"))
    quorum = models.PositiveSmallIntegerField(
        _("quorum"),
        default=1,
        help_text=_("A request may ask for more approvals, never for fewer."),
    )
    due_seconds = models.PositiveIntegerField(
        _("deadline in seconds"),
        null=True,
        blank=True,
        help_text=_("A request may ask for a shorter time, never for a longer one."),
    )
    on_timeout = models.CharField(
        _("when nobody decides"),
        max_length=10,
        choices=[("reject", _("Reject")), ("expire", _("Expire"))],
        default="reject",
    )
    undo_seconds = models.PositiveSmallIntegerField(
        _("seconds for undo"),
        default=0,
        help_text=_("How long a decision is held before it takes effect; 0: not at all."),
    )
    revision = models.PositiveBigIntegerField(default=0, editable=False)

    objects = QueueQuerySet.as_manager()

    class Meta:
        ordering = ["name"]
        constraints = [
            models.CheckConstraint(condition=Q(quorum__gte=1), name="queue_quorum_at_least_one"),
            models.CheckConstraint(
                condition=Q(on_timeout__in=list(ON_TIMEOUT)), name="queue_on_timeout_known"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def people(self) -> QuerySet[User]:
        """Everybody active who may decide here."""
        reviews = Q(queues=self) | Q(groups__in=self.groups.all())
        return User.objects.filter(reviews, is_active=True).distinct().order_by("pk")

    def usual_time(self) -> timedelta | None:
        """From asked to closed, the median of the last ones here; None where they are too few."""
        closed = self.approvals.filter(closed_at__isnull=False).exclude(state__in=UNDECIDED)
        times = closed.order_by("-closed_at").values_list("opened_at", "closed_at")
        took = [(end - start).total_seconds() for start, end in times[:USUAL_OF] if end]
        return timedelta(seconds=median(took)) if len(took) >= USUAL_LEAST else None

    def touch(self) -> None:
        """Tell open pages that something changed. Call it last: it holds the row until commit."""
        Queue.objects.filter(pk=self.pk).update(revision=F("revision") + 1)
