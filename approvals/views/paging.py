"""Newer and Older by key: a page costs the same however deep it lies."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest

SIZE = 50
# What no row of a list needs; payloads may be 256 KiB each.
HEAVY = ("payload", "previous", "details", "links", "reason")
Cursor = tuple[datetime, str]


@dataclass(frozen=True)
class Page:
    """Rows, newest first, with the query strings of the pages beside them ("" for none)."""

    rows: list[Any]
    newer: str
    older: str


def paged(request: HttpRequest, rows: QuerySet[Any], field: str) -> Page:
    """The page that ?older= or ?newer= (`<ISO time>,<pk>`) asks for, by `field` and key."""
    older, newer = _read(request, "older", rows), _read(request, "newer", rows)
    if newer and not older:
        found = list(rows.filter(_beyond(field, newer, "gt")).order_by(field, "-pk")[: SIZE + 1])
        more, found = len(found) > SIZE, found[:SIZE][::-1]
        return Page(found, _link(request, "newer", field, found[:1] if more else []),
                    _link(request, "older", field, found[-1:]))  # fmt: skip
    rows = rows.filter(_beyond(field, older, "lt")) if older else rows
    found = list(rows.order_by(f"-{field}", "pk")[: SIZE + 1])
    more, found = len(found) > SIZE, found[:SIZE]
    return Page(found, _link(request, "newer", field, found[:1] if older else []),
                _link(request, "older", field, found[-1:] if more else []))  # fmt: skip


def cursor(row: Model, field: str) -> str:
    return f"{getattr(row, field).isoformat()},{row.pk}"


def read_cursor(text: str, rows: QuerySet[Any]) -> Cursor | None:
    """(time, key) of a cursor; None for one that we did not write."""
    when, _comma, key = text.partition(",")
    try:
        at = datetime.fromisoformat(when)
        rows.model._meta.pk.to_python(key)
    except Exception:
        return None
    return (at, key) if at.tzinfo else None


def _read(request: HttpRequest, name: str, rows: QuerySet[Any]) -> Cursor | None:
    return read_cursor(request.GET.get(name, ""), rows)


def _beyond(field: str, at: Cursor, way: str) -> Q:
    key = "pk__gt" if way == "lt" else "pk__lt"
    beyond = Q(**{f"{field}__{way}": at[0]}) | Q(**{field: at[0], key: at[1]})
    # Said apart, for an OR alone does not tell the database where in the index to begin.
    return beyond & Q(**{f"{field}__{way}e": at[0]})


def _link(request: HttpRequest, name: str, field: str, edge: list[Any]) -> str:
    if not edge:
        return ""
    kept = [(key, each) for key, each in request.GET.items() if key not in ("older", "newer")]
    return "?" + urlencode([*kept, (name, cursor(edge[0], field))])
