"""Changing a queue: its rules as plain values, what would differ, and the one way to write it."""

from dataclasses import dataclass
from datetime import time
from typing import Any

from django.contrib.auth.models import Group, User
from django.db import transaction
from django.utils.translation import gettext as _

from approvals.models.audit import AuditEntry
from approvals.models.errors import Changed
from approvals.models.queue import Queue, QueueEscalation
from approvals.models.queue_rules import Rules
from orchestrator import contract

# In the order in which people read them.
PEOPLE: dict[str, Any] = {
    "reviewers": User,
    "groups": Group,
    "viewers": User,
    "viewer_groups": Group,
}
GROUPS: dict[str, Any] = {"required_groups": Group}
ABOUT = ("slug", "name", "description")
HOW_MANY = ("quorum", "reject_quorum", "unverified_costs_one_more")
ANSWERS = ("offers_changes", "comment_to_approve", "answers", "quick_reasons")
HOURS = ("work_days", "work_starts", "work_ends", "time_zone")
REMINDERS = ("remind_before_seconds", "remind_every_seconds")
WHEN = ("due_seconds", "on_timeout", "silence_words")
CARE = ("undo_seconds", "confirm_risk", "password_risk", "bulk_limit", "most_a_minute")
PLAIN = (*ABOUT, *HOW_MANY, *ANSWERS, *WHEN, *REMINDERS, *HOURS, *CARE)
ORDER = (
    *(*ABOUT, *PEOPLE, *HOW_MANY, *GROUPS, *ANSWERS, *WHEN, "escalations"),
    *(*REMINDERS, *HOURS, *CARE),
)
NAMED: dict[Any, str] = {User: "username", Group: "name"}


def plain(value: Any) -> Any:
    """A field's value as JSON has it."""
    return value.strftime("%H:%M") if isinstance(value, time) else value


def rules_of(queue: Queue) -> Rules:
    """All that an admin may change of a queue, as JSON; people and groups by their names.

    Escalations are lists of a group and how many seconds it has.
    """
    rules = {name: plain(getattr(queue, name)) for name in PLAIN}
    for name, model in (PEOPLE | GROUPS).items():
        people = getattr(queue, name) if queue.pk else model.objects.none()
        rules[name] = sorted(people.values_list(NAMED[model], flat=True))
    steps = queue.escalations.select_related("group") if queue.pk else []
    rules["escalations"] = [[each.group.name, each.seconds] for each in steps]
    return rules


@dataclass(frozen=True)
class Difference:
    field: str
    was: Any
    now: Any


@dataclass(frozen=True)
class Change:
    """What `now` would make of a queue whose rules are `was`; `queue` is None for a new one."""

    queue: Queue | None
    was: Rules
    now: Rules

    @classmethod
    def of(cls, queue: Queue | None, now: Rules) -> "Change":
        saved = Queue.objects.get(pk=queue.pk) if queue else Queue()
        return cls(queue, rules_of(saved), now)

    @property
    def seen(self) -> str:
        """What tells that the queue is still as it was: the hash of its rules."""
        return contract.sha256(self.was)

    @property
    def differences(self) -> list[Difference]:
        return [
            Difference(name, self.was[name], self.now[name])
            for name in ORDER
            if self.was[name] != self.now[name]
        ]

    def apply(self, by: User, reason: str, seen: str) -> Queue:
        """Write it, with an audit entry. `seen`: the hash of the rules that `by` compared with.

        Raises Changed where they are others by now; then nothing was written.
        """
        with transaction.atomic():
            queue = self._locked(seen)
            for name in PLAIN:
                setattr(queue, name, _read(name, self.now[name]))
            queue.save()
            self._set_people(queue)
            changes = [[each.field, each.was, each.now] for each in self.differences]
            AuditEntry.record(
                "queue changed" if self.queue else "queue made",
                actor=by, queue=queue.slug, reason=reason, changes=changes,
            )  # fmt: skip
            queue.touch()
        return queue

    def _locked(self, seen: str) -> Queue:
        if self.queue is None:
            if Queue.objects.filter(slug=self.now["slug"]).exists():
                raise Changed(_("Somebody has just made a queue of this name."))
            return Queue()
        queue = Queue.objects.select_for_update().filter(pk=self.queue.pk).first()
        if queue is None or contract.sha256(rules_of(queue)) != seen or seen != self.seen:
            raise Changed(_("Somebody changed this queue after you had opened it."))
        return queue

    def _set_people(self, queue: Queue) -> None:
        for name, model in (PEOPLE | GROUPS).items():
            named = {f"{NAMED[model]}__in": self.now[name]}
            getattr(queue, name).set(model.objects.filter(**named))
        if self.was["escalations"] == self.now["escalations"]:
            return
        queue.escalations.all().delete()
        groups = {each.name: each for each in Group.objects.all()}
        QueueEscalation.objects.bulk_create(
            QueueEscalation(queue=queue, group=groups[name], seconds=seconds)
            for name, seconds in self.now["escalations"]
        )


def _read(name: str, value: Any) -> Any:
    is_time = name in ("work_starts", "work_ends") and value
    return time.fromisoformat(value) if is_time else value


def remove(queue: Queue, by: User) -> None:
    """Delete a queue that nothing needs. Raises ProtectedError where something does."""
    with transaction.atomic():
        AuditEntry.record("queue deleted", actor=by, queue=queue.slug, rules=rules_of(queue))
        queue.delete()
