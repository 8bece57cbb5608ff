"""The demo's requests that wait: real workflows, one of them with its first approval."""

import time
from typing import Any

from django.contrib.auth.models import User

from approvals.demo.kinds import HOUR
from approvals.models import Approval, AuditEntry, WorkflowRun
from approvals.models.errors import NotDecided
from orchestrator import client, contract

NAME = "demo"
PREFIX = contract.workflow_id("task", f"{NAME}-")
PATIENCE = 10.0  # seconds: a worker opens a request within one
FIRST = "payment-norrland"
SAID = "Matches the invoice. Called the vendor on the number we hold."

REQUESTS: dict[str, dict[str, Any]] = {
    "payment-norrland": {
        "task": "Pay €48,200.00 to Norrland Timber AB",
        "key": "PAY-1042",
        "kind": "vendor-payment",
        "queue": "payments",
        "requester": "amira",
        "risk": "high",
        "quorum": 2,
        "groups": ["finance"],
        "due_seconds": 45 * 60,
        "details": "Invoice INV-20931 for the October delivery. **The vendor sent a new bank "
        "account with this invoice.**",
        "payload": {
            "vendor": "Norrland Timber AB",
            "amount": "€48,200.00",
            "iban": "SE80 8000 0810 0583 9825 3242",
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
        "kind": "deploy",
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
    "database-replica": {
        "task": "Rotate the password of the read replica of prod",
        "key": "DB-319",
        "queue": "database",
        "requester": "amira",
        "risk": "medium",
        "due_seconds": 14 * 60,
        "details": "The old one expires tonight. Reports reconnect by themselves.",
        "payload": {"database": "prod-replica", "role": "reporting", "lasts_days": 90},
    },
    # Overdue a moment after it is asked: the leads of the database are asked as well.
    "database-sessions": {
        "task": "Truncate the table prod.sessions_2024",
        "key": "DB-312",
        "queue": "database",
        "requester": "amira",
        "risk": "critical",
        "due_seconds": 3,
        "details": "The disk is at 91 %. Nobody has signed in with these sessions since January.",
        "payload": {
            "database": "prod",
            "table": "sessions_2024",
            "statement": "TRUNCATE TABLE sessions_2024;",
            "rows": 96104411,
        },
    },
    "refund-77120": {
        "task": "Refund $312.40 on order 77120",
        "key": "REF-5521",
        "kind": "refund",
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
        "kind": "refund",
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


def start_requests() -> int:
    """Start the demo's workflows, once in the life of a database. Returns how many."""
    if WorkflowRun.objects.filter(workflow_id__startswith=PREFIX).exists():
        return 0
    for name, task in REQUESTS.items():
        client.start_guarded_task(task, f"{_stem()}-{name}")
    return len(REQUESTS)


def approve_the_first(patience: float = PATIENCE) -> bool:
    """Lena's approval of the payment that needs two, by the way in that all decisions take.

    False where she has decided already, or no worker opens the request in time.
    """
    lena = User.objects.filter(username="lena").first()
    until = time.monotonic() + patience
    while lena and not (approval := _first()):
        if time.monotonic() > until:
            return False
        time.sleep(0.1)
    if not lena or not approval or approval.decisions.exists():
        return False
    try:
        approval.decide(lena, contract.APPROVE, SAID, channel="demo")
    except NotDecided:
        return False
    return True


def _first() -> Approval | None:
    return Approval.objects.filter(
        workflow_id__startswith=PREFIX, workflow_id__endswith=FIRST
    ).first()


def _stem() -> str:
    """Temporal remembers the ids of what was cleared, and starts nothing under them again."""
    cleared = AuditEntry.objects.filter(action="cleared").count()
    return f"{NAME}-{cleared + 1}" if cleared else NAME
