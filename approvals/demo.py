"""A desk to try out: its people, its queues, and believable requests."""

import os
import secrets
from typing import Any

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import Group, User
from django.db import transaction

from approvals.models import Queue, WorkflowRun
from orchestrator import client, contract

PREFIX = contract.workflow_id("task", "demo-")

# user name: full name, what they do, groups
PEOPLE = {
    "mei": ("Mei Tanaka", "reviews", ["finance", "operations", "support"]),
    "lena": ("Lena Ortiz", "reviews", ["finance", "support", "communication"]),
    "tomasz": ("Tomasz Nowak", "reviews", ["finance", "operations", "communication"]),
    "amira": ("Amira Haddad", "asks", []),
    "kim": ("Kim Ruiz", "administers", []),
}
REVIEWERS = [name for name, (_full, does, _groups) in PEOPLE.items() if does == "reviews"]

# slug: name, description, group, rules
QUEUES: dict[str, tuple[str, str, str, dict[str, Any]]] = {
    "general": ("General", "What names no queue", "", {}),
    "payments": ("Payments", "Money that leaves the house", "finance", {}),
    "deploys": ("Deploys", "What goes to production", "operations", {}),
    "database": ("Database", "Changes to production data", "operations", {"on_timeout": "expire"}),
    "refunds": ("Refunds", "Money that goes back to customers", "support", {}),
    "comms": ("Comms", "Mail to many people", "communication", {}),
}

HOUR = 3600

REQUESTS: dict[str, dict[str, Any]] = {
    "payment-norrland": {
        "task": "Pay €48,200.00 to Norrland Timber AB",
        "key": "PAY-1042",
        "queue": "payments",
        "requester": "amira",
        "risk": "high",
        "quorum": 2,
        "due_seconds": 45 * 60,
        "details": "Invoice INV-20931 for the October delivery. **The vendor sent a new bank "
        "account with this invoice.**",
        "payload": {
            "vendor": "Norrland Timber AB",
            "amount": "€48,200.00",
            "iban": "SE72 8000 0810 0583 9825 3242",
            "reference": "INV-20931",
            "pay_on": "2026-11-24",
            "cost_centre": "4100 Materials",
            "purchase_order": "PO-5518",
        },
        "previous": {
            "vendor": "Norrland Timber AB",
            "amount": "€46,900.00",
            "iban": "SE45 5000 0000 0583 9825 7466",
            "reference": "INV-20514",
            "pay_on": "2026-10-23",
            "cost_centre": "4100 Materials",
            "purchase_order": "PO-5518",
        },
    },
    "deploy-checkout": {
        "task": "Deploy checkout-api 4.18.0 to production EU",
        "key": "DEP-77",
        "queue": "deploys",
        "requester": "amira",
        "risk": "medium",
        "due_seconds": 19 * HOUR,
        "details": "Fixes the rounding of vouchers. Staging has run it for two days.",
        "payload": {
            "service": "checkout-api",
            "version": "4.18.0",
            "image": "sha256:7d865e959b2466918c9863afca942d0fb89d7c9ac0c99bafc3749504ded97730",
            "region": "eu-north-1",
            "replicas": 12,
            "canary": True,
            "migrations": [],
        },
        "previous": {
            "service": "checkout-api",
            "version": "4.17.3",
            "image": "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824",
            "region": "eu-north-1",
            "replicas": 12,
            "canary": True,
            "migrations": [],
        },
    },
    "database-legacy-notes": {
        "task": "Drop column legacy_notes from prod.orders",
        "key": "DB-317",
        "queue": "database",
        "requester": "amira",
        "risk": "high",
        "due_seconds": 2 * HOUR,
        "details": "Nothing has read it since March. A dump of the column is kept for a year.",
        "payload": {
            "database": "prod",
            "table": "orders",
            "statement": "ALTER TABLE orders\n  DROP COLUMN legacy_notes;",
            "rows": 18244310,
            "dump": "s3://backups/orders-legacy-notes-2026-11.dump",
            "lock_timeout": "3s",
        },
    },
    "refund-77120": {
        "task": "Refund $312.40 on order 77120",
        "key": "REF-5521",
        "queue": "refunds",
        "requester": "support-agent",
        "risk": "low",
        "due_seconds": 7 * HOUR,
        "details": "The parcel was returned unopened on 20 November.",
        "payload": {"order": 77120, "amount": "$312.40", "reason": "returned", "card": "•••• 4421"},
    },
    "refund-76911": {
        "task": "Refund $1,140.00 on order 76911",
        "key": "REF-5524",
        "queue": "refunds",
        "requester": "support-agent",
        "risk": "medium",
        "due_seconds": 8 * HOUR,
        "details": "The customer reports damage; photographs are in the ticket.",
        "payload": {
            "order": 76911,
            "amount": "$1,140.00",
            "reason": "damaged",
            "card": "•••• 9907",
        },
        "links": [{"title": "Ticket 40112", "url": "https://support.example.com/tickets/40112"}],
    },
    "mail-renewals": {
        "task": "Email “November renewals” to 18,430 contacts",
        "key": "MKT-204",
        "queue": "comms",
        "requester": "renewals-agent",
        "risk": "medium",
        "due_seconds": 5 * HOUR,
        "payload": {
            "subject": "Your plan renews on 1 December",
            "from": "billing@example.com",
            "segment": "renewing-2026-12",
            "contacts": 18430,
            "body": "Hello {first_name},\n\nyour plan renews on 1 December for {price}.\n"
            "You can change or cancel it until 30 November.\n\nYour billing team",
        },
    },
    "vendor-halcyon": {
        "task": "Add vendor Halcyon Freight Ltd",
        "key": "VEN-61",
        "requester": "amira",
        "risk": "low",
        "payload": {"vendor": "Halcyon Freight Ltd", "country": "GB", "vat": "GB 284 1107 55"},
    },
}


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
        if made and group:
            queue.groups.add(Group.objects.get(name=group))
        elif made:
            queue.reviewers.add(*User.objects.filter(username__in=REVIEWERS))


def _person(name: str) -> User:
    full, does, groups = PEOPLE[name]
    first, last = full.split(" ")
    admin = does == "administers"
    user, made = User.objects.get_or_create(
        username=name,
        defaults={
            "first_name": first,
            "last_name": last,
            "email": f"{name}@example.com",
            "is_staff": admin,
            "is_superuser": admin,
        },
    )
    if made:
        user.groups.add(*(Group.objects.get_or_create(name=each)[0] for each in groups))
    return user


def _passwords(people: list[User]) -> None:
    """One hash for all of them: five slow hashes would cost every start a second."""
    if all(person.check_password(password()) for person in people[:1]):
        return
    hashed = make_password(password())
    User.objects.filter(pk__in=[person.pk for person in people]).update(password=hashed)


def start_requests() -> int:
    """Start the demo's workflows, once in the life of a database. Returns how many."""
    if WorkflowRun.objects.filter(workflow_id__startswith=PREFIX).exists():
        return 0
    for name, task in REQUESTS.items():
        client.start_guarded_task(task, f"demo-{name}")
    return len(REQUESTS)
