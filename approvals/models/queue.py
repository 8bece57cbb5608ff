"""Queues: named inboxes with their reviewers and rules."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from statistics import median
from typing import Any

from django.apps import apps
from django.conf import settings
from django.contrib.auth.models import Group, User
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Exists, ExpressionWrapper, F, OuterRef, Q, QuerySet, Sum
from django.utils.translation import gettext_lazy as _

from approvals.kept import KeptUpdate
from approvals.models.delegation import Delegation
from approvals.models.preference import valid_zone
from approvals.models.queue_rules import faults
from approvals.working_hours import WorkingHours
from orchestrator.contract import CANCELLED, LOST, RISKS, SILENCE, WAITING

RISK_CHOICES = [
    *zip(RISKS, (_("Low"), _("Medium"), _("High"), _("Critical")), strict=True),
    ("never", _("Never")),
]
USUAL_OF, USUAL_LEAST = 50, 5
UNDECIDED = (CANCELLED, LOST)  # they say nothing of how long people take


class QueueQuerySet(models.QuerySet["Queue"]):
    def reviewed_by(self, user: Any) -> "QueueQuerySet":
        """Queues whose approvals `user` may decide, for themselves or for who is away."""
        if not user.is_authenticated or not user.is_active:
            return self.none()
        return self.filter(_staffs(user) | _stands_in(user))

    def staffed_by(self, user: Any) -> "QueueQuerySet":
        """Queues that `user` reviews for themselves."""
        return self.filter(_staffs(user))

    def open_to(self, user: Any) -> "QueueQuerySet":
        """Queues whose approvals `user` may see, to decide them or not."""
        return self.reviewed_by(user) | self.seen_by(user)

    def seen_by(self, user: Any) -> "QueueQuerySet":
        """Queues whose approvals `user` may see without deciding them."""
        if not user.is_authenticated or not user.is_active:
            return self.none()
        return self.filter(_sees(user))

    def concerning(self, user: Any) -> "QueueQuerySet":
        """Every queue that has something for `user`, with the reason as a flag.

        `staffed`: they review it for themselves. `stands_in`: for who is away. `seen`: they see
        it. `asked`: some of it was escalated to them.
        """
        through = apps.get_model("approvals.Approval").escalated_to.through
        escalated = through.objects.filter(
            group__user=user.pk, approval__queue=OuterRef("pk"), approval__state=WAITING
        )
        boolean = models.BooleanField()
        return self.annotate(
            staffed=ExpressionWrapper(_staffs(user), boolean),
            stands_in=_stands_in(user),
            seen=ExpressionWrapper(_sees(user), boolean),
            asked=Exists(escalated),
        ).filter(Q(staffed=True) | Q(stands_in=True) | Q(seen=True) | Q(asked=True))

    def revision(self) -> int:
        """A number that changes whenever anything in these queues does."""
        total: int | None = self.aggregate(total=Sum("revision"))["total"]
        return total or 0


def _staffs(user: Any) -> Q:
    return _is_among(user, Queue.reviewers.through, Queue.groups.through)


def _sees(user: Any) -> Q:
    return _is_among(user, Queue.viewers.through, Queue.viewer_groups.through)


def _is_among(user: Any, people: Any, groups: Any) -> Q:
    """Whether `user` is one of a queue's `people`, or in one of its `groups`."""
    of_this = {"queue": OuterRef("pk")}
    in_person = Exists(people.objects.filter(**of_this, user=user.pk))
    return Q(in_person) | Q(Exists(groups.objects.filter(**of_this, group__user=user.pk)))


def _stands_in(user: Any) -> Exists:
    return Exists(Delegation.objects.about(OuterRef("pk")).filter(to=user))


class Queue(models.Model):
    """A named inbox: who decides, how many, by when."""

    slug = models.SlugField(_("slug"), unique=True, help_text=_("What workflows name it by."))
    name = models.CharField(_("name"), max_length=80)
    description = models.CharField(_("description"), max_length=300, blank=True)

    # Who.
    reviewers = models.ManyToManyField(
        settings.AUTH_USER_MODEL, blank=True, related_name="queues", verbose_name=_("reviewers")
    )
    groups = models.ManyToManyField(Group, blank=True, verbose_name=_("groups of reviewers"))
    viewers = models.ManyToManyField(
        settings.AUTH_USER_MODEL, blank=True, related_name="+", verbose_name=_("viewers"),
        help_text=_("They see everything here, and decide nothing."),
    )  # fmt: skip
    viewer_groups = models.ManyToManyField(
        Group, blank=True, related_name="+", verbose_name=_("groups of viewers")
    )

    # How many.
    quorum = models.PositiveSmallIntegerField(
        _("quorum"),
        default=1,
        help_text=_("A request may ask for more approvals, never for fewer."),
    )
    required_groups = models.ManyToManyField(
        Group,
        blank=True,
        related_name="+",
        verbose_name=_("groups that must each be represented"),
        help_text=_("One of finance and one of security, say; nobody stands for two of them."),
    )
    reject_quorum = models.PositiveSmallIntegerField(
        _("rejections needed"),
        default=1,
        help_text=_("1: every rejection is a veto. More need a deadline, so that it ends."),
    )
    unverified_costs_one_more = models.BooleanField(
        _("one more approval for unverified requesters"),
        default=False,
        help_text=_("Where a workflow only claims who asks, and the desk has not seen them."),
    )

    # What people may answer.
    offers_changes = models.BooleanField(_("reviewers may ask for changes"), default=False)
    comment_to_approve = models.BooleanField(_("an approval needs a reason"), default=False)
    answers = models.JSONField(
        _("further answers"),
        default=list,
        blank=True,
        help_text=_("A list of {“name”: slug, “label”: …, “means”: approve or reject}."),
    )
    quick_reasons = models.JSONField(
        _("quick reasons"),
        default=list,
        blank=True,
        help_text=_("A list of texts that fill in the reason of a rejection; empty: the usual."),
    )

    # By when.
    due_seconds = models.PositiveIntegerField(
        _("deadline in seconds"),
        null=True,
        blank=True,
        help_text=_("A request may ask for a shorter time, never for a longer one."),
    )
    on_timeout = models.CharField(
        _("when nobody decides"),
        max_length=10,
        choices=[
            ("reject", _("Reject")),
            ("expire", _("Expire")),
            ("escalate", _("Ask the next group, then reject")),
            ("approve", _("Approve")),
        ],
        default="reject",
    )
    silence_words = models.CharField(
        _("why silence means yes"),
        max_length=300,
        blank=True,
        help_text=_(
            "Required to approve when nobody decides; every approval of this kind says it."
        ),
    )
    remind_before_seconds = models.PositiveIntegerField(
        _("reminder before the deadline, in seconds"), null=True, blank=True
    )
    remind_every_seconds = models.PositiveIntegerField(
        _("reminder every so many seconds"), null=True, blank=True, help_text=_("At most ten.")
    )
    work_days = models.CharField(
        _("working days"),
        max_length=7,
        blank=True,
        help_text=_("1 is Monday: 12345. Empty: time runs day and night."),
    )
    work_starts = models.TimeField(_("work starts"), null=True, blank=True)
    work_ends = models.TimeField(_("work ends"), null=True, blank=True)
    time_zone = models.CharField(
        _("time zone"), max_length=64, default="UTC", validators=[valid_zone]
    )

    # How carefully.
    undo_seconds = models.PositiveSmallIntegerField(
        _("seconds for undo"),
        default=0,
        help_text=_("How long a decision is held before it takes effect; 0: not at all."),
    )
    confirm_risk = models.CharField(
        _("asked twice from this risk on"), max_length=10, choices=RISK_CHOICES, default="high"
    )
    password_risk = models.CharField(
        _("password from this risk on"), max_length=10, choices=RISK_CHOICES, default="critical"
    )
    bulk_limit = models.PositiveSmallIntegerField(
        _("approvals at once"), default=50, help_text=_("In bulk, at most 50; 0: none.")
    )
    most_a_minute = models.PositiveSmallIntegerField(
        _("approvals a minute"),
        default=60,
        help_text=_("More by one person need the password, and an entry in the audit trail."),
    )
    revision = models.PositiveBigIntegerField(default=0, editable=False)

    objects = QueueQuerySet.as_manager()

    class Meta:
        ordering = ["name"]
        constraints = [
            models.CheckConstraint(condition=Q(quorum__gte=1), name="queue_quorum_at_least_one"),
            models.CheckConstraint(
                condition=Q(reject_quorum__gte=1), name="queue_reject_quorum_at_least_one"
            ),
            models.CheckConstraint(
                condition=Q(on_timeout__in=list(SILENCE)), name="queue_on_timeout_known"
            ),
            models.CheckConstraint(
                condition=~Q(on_timeout="approve") | ~Q(silence_words=""),
                name="queue_silence_in_words",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        if wrong := faults(self):
            raise ValidationError(wrong)

    @property
    def slug_is_fixed(self) -> bool:
        """Whether requests have come under it: their terms name the queue by its slug."""
        approvals = self.approvals.model.objects
        came = Q(queue=self) | Q(rules__queue=self._saved_slug)
        return approvals.filter(came).exists() or bool(self._later_stages())

    def open_requests(self) -> QuerySet[Any]:
        """Approvals that wait here, have waited here, or will."""
        came = Q(queue=self) | Q(rules__queue=self._saved_slug)
        meant = came | Q(pk__in=self._later_stages())
        return self.approvals.model.objects.filter(meant, state=WAITING)

    def _later_stages(self) -> list[Any]:
        """Keys of approvals that come here after somebody else has approved."""
        slug = self._saved_slug
        waiting = self.approvals.model.objects.filter(state=WAITING)
        # The database looks for the text, and few rows have it; what it means is looked up here.
        stages = waiting.filter(rules__stages__icontains=slug).values_list("pk", "rules__stages")
        return [pk for pk, found in stages if slug in {each["queue"] for each in found or []}]

    @property
    def _saved_slug(self) -> str:
        """As others know it, whatever a form says."""
        return Queue.objects.values_list("slug", flat=True).get(pk=self.pk)

    @property
    def hours(self) -> WorkingHours | None:
        """When time counts here; None: always."""
        if not (self.work_days and self.work_starts and self.work_ends):
            return None
        days = frozenset(int(each) for each in self.work_days)
        return WorkingHours(days, self.work_starts, self.work_ends, self.time_zone)

    def after(self, start: datetime, seconds: int) -> datetime:
        """The moment when `seconds` have passed here since `start`."""
        hours = self.hours
        return hours.after(start, seconds) if hours else start + timedelta(seconds=seconds)

    @staticmethod
    def is_risky(risk: str, threshold: str) -> bool:
        """Whether `risk` is at or beyond `threshold`; an unknown risk is beyond each but never."""
        if threshold == "never":
            return False
        return risk not in RISKS or RISKS.index(risk) >= RISKS.index(threshold)

    def people(self) -> QuerySet[User]:
        """Everybody active who may decide here."""
        reviews = Q(queues=self) | Q(groups__in=self.groups.all())
        return User.objects.filter(reviews, is_active=True).distinct().order_by("pk")

    def is_staffed_by(self, user: Any) -> bool:
        """Whether `user` reviews it for themselves. `staffed_by` for one queue, in less time.

        A request that has read all queues of its user (`context.concerning`) is not asked again.
        """
        known: set[int] | None = getattr(user, "_staffed_queues", None)
        if known is not None:
            return self.pk in known
        by_name = Queue.reviewers.through.objects.filter(queue=self.pk, user=user.pk)
        by_group = Queue.groups.through.objects.filter(queue=self.pk, group__user=user.pk)
        return by_name.exists() or by_group.exists()

    def absent_for(self, user: User, barred: Iterable[str] = ()) -> User | None:
        """Somebody who reviews it, is away, and lets `user` decide; None where there is nobody.

        `barred`: primary keys, as text, of users who never count.
        """
        absences = (
            Delegation.objects.about(self.pk).filter(to=user).exclude(away__in=map(int, barred))
        )
        found = absences.select_related("away").first()
        return found.away if found else None

    def usual_time(self) -> timedelta | None:
        """From asked to closed, the median of the last ones here; None where they are too few."""
        closed = self.approvals.filter(closed_at__isnull=False).exclude(state__in=UNDECIDED)
        times = closed.order_by("-closed_at").values_list("opened_at", "closed_at")
        took = [(end - start).total_seconds() for start, end in times[:USUAL_OF] if end]
        return timedelta(seconds=median(took)) if len(took) >= USUAL_LEAST else None

    def touch(self) -> None:
        """Tell open pages that something changed. Call it last: it holds the row until commit."""
        _touched(self.pk)


@KeptUpdate
def _touched(pk: int) -> tuple[QuerySet[Queue], dict[str, Any]]:
    return Queue.objects.filter(pk=pk), {"revision": F("revision") + 1}


class QueueEscalation(models.Model):
    """A further group of people, who may decide once nobody has for so long."""

    queue = models.ForeignKey(Queue, models.CASCADE, related_name="escalations")
    group = models.ForeignKey(Group, models.PROTECT, related_name="+", verbose_name=_("group"))
    seconds = models.PositiveIntegerField(
        _("seconds"),
        help_text=_("How long they have, before the next ones are asked or it is rejected."),
    )

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"{self.queue} → {self.group}"
