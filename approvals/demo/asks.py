"""What people and agents of the demo's history asked for."""

import random
from dataclasses import dataclass
from typing import Any

from orchestrator import contract

VENDORS = ("Norrland Timber AB", "Halcyon Freight Ltd", "Bakker Papier BV", "Ostsee Energie GmbH",
           "Lindqvist Glas AB", "Café Miramar SL")  # fmt: skip
SERVICES = ("checkout-api", "search", "invoices", "identity", "mailer")
TABLES = ("orders", "customers", "shipments", "vouchers")
REASONS = ("returned", "damaged", "late")
SEGMENTS = ("renewals", "newsletter", "price change", "outage notice")


@dataclass(frozen=True)
class Ask:
    """What somebody asked, as the rows need it."""

    queue: str
    key: str
    title: str
    payload: dict[str, Any]
    risk: str = "medium"
    requester: str = "amira"
    kind: str = ""
    quorum: int = 1
    hours: int | None = 8
    on_timeout: str = "reject"
    details: str = ""


def _payment(chance: random.Random, number: int) -> Ask:
    vendor, amount = chance.choice(VENDORS), chance.randint(4, 900) * 65
    return Ask(
        "payments", f"PAY-{985 + number}", f"Pay €{amount:,}.00 to {vendor}",
        {"vendor": vendor, "amount": f"€{amount:,}.00", "iban": "SE45 5000 0000 0583 9825 7466",
         "reference": f"INV-{20000 + number}", "pay_on": "2026-11-20",
         "cost_centre": "4100 Materials"},
        risk="high" if amount > 25_000 else "medium", kind="vendor-payment",
        quorum=2 if amount > 25_000 else 1,
    )  # fmt: skip


def _refund(chance: random.Random, number: int) -> Ask:
    order, amount = 76000 + number, f"${chance.randint(9, 480)}.{chance.randint(0, 99):02}"
    return Ask(
        "refunds", f"REF-{5460 + number}", f"Refund {amount} on order {order}",
        {"order": order, "amount": amount, "reason": chance.choice(REASONS)},
        risk="low", requester="support-agent", kind="refund",
    )  # fmt: skip


def _deploy(chance: random.Random, number: int) -> Ask:
    service, version = chance.choice(SERVICES), f"4.{chance.randint(2, 17)}.{chance.randint(0, 9)}"
    return Ask(
        "deploys", f"DEP-{30 + number}", f"Deploy {service} {version} to eu-north-1",
        {"service": service, "version": version, "region": "eu-north-1", "replicas": 12,
         "image": "sha256:" + contract.sha256({"service": service, "version": version}),
         "canary": True},
        kind="deploy", hours=24,
    )  # fmt: skip


def database(chance: random.Random, number: int) -> Ask:
    table = chance.choice(TABLES)
    return Ask(
        "database", f"DB-{285 + number}", f"Add an index to prod.{table}",
        {"database": "prod", "table": table, "lock_timeout": "3s",
         "statement": f"CREATE INDEX CONCURRENTLY ON {table} (created_at);"},
        risk="high", hours=2, on_timeout="expire",
    )  # fmt: skip


def _mail(chance: random.Random, number: int) -> Ask:
    segment, contacts = chance.choice(SEGMENTS), chance.randint(40, 9000)
    return Ask(
        "comms", f"MKT-{170 + number}", f"Email “{segment}” to {contacts:,} contacts",
        {"segment": segment, "contacts": contacts, "from": "billing@example.com"},
        requester="renewals-agent", hours=5,
    )  # fmt: skip


def _vendor(chance: random.Random, number: int) -> Ask:
    vendor = chance.choice(VENDORS)
    return Ask(
        "general",
        f"VEN-{20 + number}",
        f"Add vendor {vendor}",
        {"vendor": vendor},
        risk="low",
        hours=None,
    )


ASKS = (_payment, _payment, _refund, _refund, _deploy, database, _mail, _vendor)
