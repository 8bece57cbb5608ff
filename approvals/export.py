"""The history as CSV: streamed, readable for spreadsheets, harmless in them."""

import csv
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.db.models import Prefetch, Q, QuerySet
from django.utils import timezone

from approvals.filters import WITHDRAWN
from approvals.models import Approval, Decision
from approvals.models.people import name_of

CHUNK = 500
BOM = "\ufeff"  # else spreadsheets read UTF-8 as something else
# Spreadsheets take a cell that begins so for a formula; wide forms as well, in some languages.
FORMULA = tuple("=+-@\t\r\n＝＋－＠")
HEAVY = ("payload", "previous", "details", "links")
# Not joined: SQLite would begin with the queues, and sort all that it finds there.
BESIDE = (
    *("queue", "requester_user"),
    Prefetch("decisions", Decision.objects.select_related("reviewer").light()),
)

# These names are for programs, and are not translated.
COLUMNS = (
    *(
        "closed_at",
        "opened_at",
        "seconds_to_decision",
        "outcome",
        "reference",
        "title",
        "decisions",
    ),
    *("reason", "queue", "kind", "risk", "quorum", "requester", "due_at", "approval_id"),
    *("workflow_type", "workflow_id", "run_id", "payload_sha256"),
)


def lines(rows: QuerySet[Approval]) -> Iterator[str]:
    """The file, newest first, in pieces of at most CHUNK rows; never more of them in memory."""
    writer = csv.writer(_Echo())
    yield BOM + writer.writerow(COLUMNS)
    for chunk in _chunks(rows):
        yield "".join(writer.writerow([harmless(each) for each in _cells(row)]) for row in chunk)


def harmless(value: Any) -> str:
    """`value` as a cell that no spreadsheet runs."""
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(FORMULA) else text


def _chunks(rows: QuerySet[Approval]) -> Iterator[list[Approval]]:
    """By key instead of a cursor: a slow reader must not hold a transaction open."""
    rows = rows.prefetch_related(*BESIDE).defer(*HEAVY).order_by("-closed_at", "pk")
    chunk = list(rows[:CHUNK])
    while chunk:
        yield chunk
        at, key = chunk[-1].closed_at, chunk[-1].pk
        beyond = Q(closed_at__lt=at) | Q(closed_at=at, pk__gt=key)
        chunk = list(rows.filter(beyond, closed_at__lte=at)[:CHUNK]) if len(chunk) == CHUNK else []


def _cells(row: Approval) -> list[Any]:
    assert row.closed_at is not None  # noqa: S101 - for the type checker
    return [
        _iso(row.closed_at),
        _iso(row.opened_at),
        round((row.closed_at - row.opened_at).total_seconds()),
        WITHDRAWN if row.became().is_withdrawn else row.state,
        row.reference,
        row.title,
        "; ".join(_decision(each) for each in row.decisions.all()),
        row.reason,
        row.queue.slug,
        row.kind,
        row.risk,
        row.quorum,
        row.requester_name,
        _iso(row.due_at),
        row.pk,
        row.workflow_type,
        row.workflow_id,
        row.run_id,
        row.payload_sha256,
    ]


def _decision(decision: Decision) -> str:
    """Mei Tanaka approve 2026-11-23T12:00:00+00:00: The invoice fits"""
    fate = " (taken back)" if decision.retracted_at else ""
    fate = " (not counted)" if decision.refused_at else fate
    said = f": {decision.comment}" if decision.comment else ""
    who, when = name_of(decision.reviewer), _iso(decision.decided_at)
    return f"{who} {decision.verdict}{fate} {when}{said}"


def _iso(when: datetime | None) -> str:
    return timezone.localtime(when).isoformat(timespec="seconds") if when else ""


class _Echo:
    """A file for csv.writer whose `write` answers the line instead of keeping it."""

    def write(self, line: str) -> str:
        return line
