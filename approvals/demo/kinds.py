"""The demo's kinds of request, with their forms."""

from typing import Any

from approvals.models import Kind, Queue

HOUR = 3600

# slug: name, description, title, queue, risk, deadline in hours, required fields, properties
KINDS: dict[str, tuple[str, str, str, str, str, int, list[str], dict[str, Any]]] = {
    "vendor-payment": (
        "Vendor payment",
        "Pay an invoice of a vendor from the house account.",
        "Pay {amount} to {vendor}",
        "payments",
        "high",
        4,
        ["vendor", "amount", "iban", "reference", "pay_on", "cost_centre"],
        {
            "vendor": {"type": "string", "title": "Vendor", "maxLength": 100},
            "amount": {
                "type": "string",
                "format": "money",
                "title": "Amount",
                "description": "With its currency: €1,200.00",
            },
            "iban": {
                "type": "string",
                "format": "iban",
                "title": "IBAN",
                "description": "As the invoice has it. Reviewers see where it differs.",
            },
            "reference": {"type": "string", "title": "Invoice number", "maxLength": 40},
            "pay_on": {"type": "string", "format": "date", "title": "Pay on"},
            "cost_centre": {
                "type": "string",
                "title": "Cost centre",
                "enum": ["4100 Materials", "4200 Freight", "6300 Software"],
            },
            "purchase_order": {"type": "string", "title": "Purchase order", "maxLength": 40},
        },
    ),
    "refund": (
        "Refund",
        "Give a customer money back for an order.",
        "Refund {amount} on order {order}",
        "refunds",
        "medium",
        8,
        ["order", "amount", "reason"],
        {
            "order": {"type": "integer", "title": "Order number", "minimum": 1},
            "amount": {
                "type": "string",
                "format": "money",
                "title": "Amount",
                "description": "At most what the customer paid: $312.40",
            },
            "reason": {
                "title": "Reason",
                "oneOf": [
                    {"const": "returned", "title": "The parcel came back"},
                    {"const": "damaged", "title": "It arrived damaged"},
                    {"const": "late", "title": "It arrived too late"},
                ],
            },
            "card": {
                "type": "string",
                "title": "Card",
                "description": "Its last four digits.",
                "maxLength": 20,
            },
        },
    ),
    "deploy": (
        "Deploy",
        "Bring a version of a service to production.",
        "Deploy {service} {version} to {region}",
        "deploys",
        "medium",
        24,
        ["service", "version", "image", "region", "replicas", "canary"],
        {
            "service": {"type": "string", "title": "Service", "maxLength": 60},
            "version": {
                "type": "string",
                "title": "Version",
                "description": "Three numbers: 4.18.0",
                "pattern": r"^\d+\.\d+\.\d+$",
            },
            "image": {
                "type": "string",
                "title": "Image",
                "description": "Its digest, so that exactly this image runs.",
                "pattern": "^sha256:[0-9a-f]{64}$",
            },
            "region": {
                "type": "string",
                "title": "Region",
                "enum": ["eu-north-1", "eu-west-1", "us-east-1"],
                "default": "eu-north-1",
            },
            "replicas": {"type": "integer", "title": "Replicas", "minimum": 1, "maximum": 100,
                         "default": 12},
            "canary": {"type": "boolean", "title": "Send it a tenth of the traffic first",
                       "default": True},
            "migrations": {"type": "array", "title": "Migrations", "items": {"type": "string"}},
        },
    ),
}  # fmt: skip


def make_kinds() -> None:
    """Demo kinds of request, with their forms."""
    for slug, (name, about, title, queue, risk, hours, required, fields) in KINDS.items():
        Kind.objects.get_or_create(
            slug=slug,
            defaults={
                "name": name,
                "description": about,
                "title_template": title,
                "queue": Queue.objects.get(slug=queue),
                "risk": risk,
                "due_seconds": hours * HOUR,
                "schema": {
                    "type": "object",
                    "x-order": list(fields),
                    "required": required,
                    "properties": fields,
                    "additionalProperties": False,
                },
            },
        )
