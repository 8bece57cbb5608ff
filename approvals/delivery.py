"""The relay: decisions that were recorded but not delivered are sent again."""

from typing import Any

from django.db.models import QuerySet
from django.utils import timezone

from approvals.kept import Kept
from approvals.models import Decision


def relay(most: int = 100) -> int:
    """Send what is due; returns how many were tried. Several relays at once are harmless:
    Temporal knows a decision by its id and takes it once.
    """
    if not _undelivered.count():  # nearly always, and workers ask every second
        return 0
    due = Decision.objects.to_send(timezone.now()).select_related("approval__queue", "reviewer")
    tried = 0
    for decision in due[:most]:
        tried += 1
        if not decision.deliver():
            break  # Temporal is away: the others wait as well
    return tried


@Kept
def _undelivered() -> QuerySet[Decision, Any]:
    return Decision.objects.undelivered().order_by().values("pk")[:1]
