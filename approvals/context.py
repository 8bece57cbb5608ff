"""What the frame around every page shows; nothing is asked of the database until it is drawn."""

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from approvals.kept import Kept
from approvals.models import Approval, Decision, Queue
from approvals.models.approval_queryset import ApprovalQuerySet, escalated_to
from approvals.models.decision import DecisionQuerySet
from approvals.models.people import identities

MOST_COUNTED = 1000
NEAR = timedelta(minutes=15)

# View name, words, short words for the phone, icon, and the views that belong to it.
NAVIGATION = (
    ("inbox", _("Inbox"), _("Inbox"), "inbox", {"inbox", "inbox_pane", "approval", "decision"}),
    ("requests", _("My requests"), _("Mine"), "send", {"requests"}),
    ("history", _("History"), _("History"), "history", {"history"}),
    ("workflows", _("Workflows"), _("Workflows"), "workflow", {"workflows", "workflow"}),
)
QUEUES = {"queues", "queue", "new_queue", "queue_deletion"}
POLICY = {"policy", "policy_draft", "policy_simulator", "policy_version"}
# What a phone has under More.
BEYOND = QUEUES | POLICY | {"workflows", "workflow", "start", "profile", "absences"}
# As above, for administrators; templates show it to nobody else.
ADMINISTRATION = (
    ("queues", _("Queues"), _("Queues"), "users", QUEUES),
    ("policy", _("Policy"), _("Policy"), "scale", POLICY),
)


def shell(request: HttpRequest) -> dict[str, Any]:
    match = getattr(request, "resolver_match", None)
    view = match.view_name if match else ""
    return {
        "navigation": _links(NAVIGATION, view),
        "administration": _links(ADMINISTRATION, view),
        "beyond": view in BEYOND,
        "waiting": lambda: waiting(request),  # templates call it, once they need it
        "unreached": lambda: is_away(request),
        "session_end": lambda: session_end(request),
        "read_only": settings.READ_ONLY,
        "acts_for_others_in": lambda: acts_for_others_in(request),
        "preference": getattr(request, "preference", None),
    }


def _links(places: Any, view: str) -> list[dict[str, Any]]:
    return [
        {"view": name, "title": title, "short": short, "icon": icon, "here": view in views}
        for name, title, short, icon, views in places
    ]


def unsent() -> DecisionQuerySet:
    """What was recorded and could not be sent: Temporal does not answer."""
    return Decision.objects.undelivered().filter(tries__gt=1, sent_at=None)


@Kept
def _first_unsent() -> QuerySet[Decision, Any]:
    return unsent().order_by().values("pk")[:1]


def is_away(request: HttpRequest) -> bool:
    """Whether Temporal did not answer lately; kept, and asked by the inbox as it counts."""
    if not hasattr(request, "_away"):
        request._away = bool(_first_unsent.count())  # type: ignore[attr-defined]
    known: bool = request._away  # type: ignore[attr-defined]
    return known


def session_end(request: HttpRequest) -> datetime | None:
    """When this person is signed out, once that is near; nothing they do puts it off."""
    end: datetime | None = getattr(request.session, "ends_at", None)
    return end if end and end - timezone.now() < NEAR else None


def acts_for_others_in(request: HttpRequest) -> list[str]:
    """The names of the queues where the signed-in person decides for who is away, and only so."""
    found = concerning(request)
    return [each.name for each in found if each.stands_in and not each.staffed]  # type: ignore[attr-defined]


def banners(request: HttpRequest) -> str:
    """Which banners are due that have no revision of their own; it takes no query to know."""
    ends = "-ends" if session_end(request) else ""
    return f"{ends}-reads" if settings.READ_ONLY else ends


def to_decide(user: Any, queues: list[Queue] | None = None) -> ApprovalQuerySet:
    """What `user` can decide and has not yet: in a quorum, one's own vote is done."""
    return _unvoted(Approval.objects.waiting().decidable_by(user, queues), user.pk)


def _unvoted(rows: ApprovalQuerySet, user: int) -> ApprovalQuerySet:
    mine = Decision.objects.standing().filter(approval=OuterRef("pk"), reviewer=user)
    return rows.exclude(Exists(mine))


@Kept
def _to_decide(user: int, *known: Any) -> QuerySet[Approval, Any]:
    """Keys of the same, as far as they are counted; `known` is what `decidable` asks for."""
    rows = _unvoted(Approval.objects.waiting().decidable(user, *known), user)
    return rows.order_by().values("pk")[: MOST_COUNTED + 1]


def waiting(request: HttpRequest) -> int:
    """How many approvals the signed-in person can decide; 1,001 means "more than 1,000".

    Kept on the request: the frame and the inbox itself ask for it.
    """
    if not hasattr(request, "_waiting"):
        user: Any = request.user
        number = 0
        if user.is_authenticated:
            keys, names = [each.pk for each in queues(request)], sorted(identities(user))
            number = _to_decide.count(user.pk, keys, escalated_to(Approval, user), names)
        request._waiting = number  # type: ignore[attr-defined]
    known: int = request._waiting  # type: ignore[attr-defined]
    return known


def visible(request: HttpRequest) -> ApprovalQuerySet:
    """What the signed-in person may see."""
    return Approval.objects.visible_to(request.user, queues(request))


def sees_all_of(request: HttpRequest, queue_id: int) -> bool:
    """Whether the signed-in person reviews the queue: then all of it is `visible`, unasked."""
    return any(each.pk == queue_id for each in queues(request))


def queues(request: HttpRequest) -> list[Queue]:
    """Those that the signed-in person reviews, as they were at the first look."""
    return [each for each in concerning(request) if each.staffed or each.stands_in]  # type: ignore[attr-defined]


def concerning(request: HttpRequest) -> list[Queue]:
    """Those with something for the signed-in person, as they were at the first look.

    Kept, and with them what they say of the person: then nobody asks for it again.
    """
    if not hasattr(request, "_queues"):
        user: Any = request.user
        found = _concerning.rows(user.pk) if user.is_active else []  # who is not signed in is not
        request._queues = found  # type: ignore[attr-defined]
        user._staffed_queues = {each.pk for each in found if each.staffed}  # type: ignore[attr-defined]
        user._seen_queues = [each.pk for each in found if each.seen]  # type: ignore[attr-defined]
        if not any(each.asked for each in found):  # type: ignore[attr-defined]
            user._escalated = []
    known: list[Queue] = request._queues  # type: ignore[attr-defined]
    return known


@Kept
def _concerning(user: int) -> QuerySet[Queue]:
    return Queue.objects.concerning(User(pk=user))
