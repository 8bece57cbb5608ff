"""The demo's people and queues."""

import os
import secrets
from typing import Any

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import Group, User
from django.db import transaction

from approvals.demo.kinds import HOUR, make_kinds
from approvals.models import Queue

# user name: full name, what they do, groups
PEOPLE = {
    "mei": ("Mei Tanaka", "reviews", ["finance", "operations", "support"]),
    "lena": ("Lena Ortiz", "reviews", ["finance", "support", "communication", "database leads"]),
    "tomasz": ("Tomasz Nowak", "reviews", ["finance", "operations", "communication", "audit"]),
    "amira": ("Amira Haddad", "asks", []),
    "kim": ("Kim Ruiz", "administers", []),
}
REVIEWERS = [name for name, (_full, does, _groups) in PEOPLE.items() if does == "reviews"]

# slug: name, description, group, rules
QUEUES: dict[str, tuple[str, str, str, dict[str, Any]]] = {
    "general": ("General", "What names no queue", "", {}),
    "payments": ("Payments", "Money that leaves the house", "finance", {}),
    "deploys": ("Deploys", "What goes to production", "operations", {}),
    "database": (
        "Database",
        "Changes to production data",
        "operations",
        {"due_seconds": 4 * HOUR, "on_timeout": "escalate"},
    ),
    "refunds": (
        "Refunds",
        "Money that goes back to customers",
        "support",
        {
            "offers_changes": True,
            "answers": [{"name": "half", "label": "Refund half of it", "means": "approve"}],
        },
    ),
    "comms": ("Comms", "Mail to many people", "communication", {"undo_seconds": 10}),
}
# queue: who is asked there once its deadline is over, and how long they have
ESCALATIONS = {"database": ("database leads", 24 * HOUR)}
# queue: who sees everything there, and decides nothing
VIEWERS = {"refunds": "audit"}


def groups() -> set[str]:
    """All that the demo makes."""
    deciding = {group for _name, _about, group, _rules in QUEUES.values() if group}
    return deciding | {group for group, _time in ESCALATIONS.values()} | {*VIEWERS.values()}


def password() -> str:
    """DEMO_PASSWORD, else one that is made once and kept under var/ (0600)."""
    if given := os.environ.get("DEMO_PASSWORD"):
        return given
    path = settings.VAR / "demo-password"
    try:
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_urlsafe(9))
    except FileExistsError:
        pass
    return str(path.read_text()).strip()


@transaction.atomic
def make_people() -> None:
    """Demo people and queues; those that exist keep what somebody changed in them."""
    _passwords([_person(name) for name in PEOPLE])
    for slug, (name, description, group, rules) in QUEUES.items():
        queue, made = Queue.objects.get_or_create(
            slug=slug, defaults={"name": name, "description": description, **rules}
        )
        if made:
            _staff(queue, group)
    make_kinds()


def _staff(queue: Queue, group: str) -> None:
    if group:
        queue.groups.add(_group(group))
    else:
        queue.reviewers.add(*User.objects.filter(username__in=REVIEWERS))
    if queue.slug in VIEWERS:
        queue.viewer_groups.add(_group(VIEWERS[queue.slug]))
    if queue.slug in ESCALATIONS:
        further, seconds = ESCALATIONS[queue.slug]
        queue.escalations.create(group=_group(further), seconds=seconds)


def address(name: str) -> str:
    """The e-mail address by which a demo person is known as one."""
    return f"{name}@example.com"


def _person(name: str) -> User:
    full, does, groups = PEOPLE[name]
    first, last = full.split(" ")
    admin = does == "administers"
    user, made = User.objects.get_or_create(
        username=name,
        defaults={
            "first_name": first,
            "last_name": last,
            "email": address(name),
            "is_staff": admin,
            "is_superuser": admin,
        },
    )
    if made:
        user.groups.add(*(_group(each) for each in groups))
    return user


def _group(name: str) -> Group:
    return Group.objects.get_or_create(name=name)[0]


def _passwords(people: list[User]) -> None:
    """One hash for all of them: five slow hashes would cost every start a second."""
    if all(person.check_password(password()) for person in people[:1]):
        return
    hashed = make_password(password())
    User.objects.filter(pk__in=[person.pk for person in people]).update(password=hashed)
