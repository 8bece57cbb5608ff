"""The groups of the inbox's list: what each is called, and how many of it wait."""

from typing import Any

from django.utils.translation import gettext as _

from approvals.inbox_filter import DUE, InboxFilter, due_group
from approvals.models import Approval, Kind
from approvals.ordering import Place


def grouped(
    rows: list[Approval], asked: InboxFilter, after: Place | None, following: Approval | None
) -> list[dict[str, Any]]:
    """`rows` in their groups; the page stands between the place `after` and the row `following`.

    A group counts what waits. Where it goes on beyond the page, there are more than that.
    """
    found: dict[str, list[Approval]] = {name: [] for name in DUE} if asked.group == "due" else {}
    for row in rows:
        found.setdefault(_group(row, asked.group), []).append(row)
    titles, cut = _titles(rows, asked.group), _cut(asked, after, following)
    return [
        {
            "title": titles.get(name, name),
            "rows": each,
            "count": sum(not row.done for row in each),  # type: ignore[attr-defined]
            "goes_on": name in cut if cut is not None else bool(after or following),
        }
        for name, each in found.items()
        if each
    ]


def _titles(rows: list[Approval], by: str) -> dict[str, Any]:
    titles: dict[str, Any] = {"": _("Of no kind"), **DUE}
    if by == "kind" and rows:
        titles |= dict(Kind.objects.values_list("slug", "name"))
    if by == "queue":
        titles |= {each.queue.slug: each.queue.name for each in rows}
    if by == "none":
        titles[""] = _("All")
    return titles


def _group(row: Approval, by: str) -> str:
    if by == "due":
        return due_group(row.due_sort)
    return {"queue": row.queue.slug, "kind": row.kind}.get(by, "")


def _cut(asked: InboxFilter, after: Place | None, following: Approval | None) -> set[str] | None:
    """The groups that an edge of the page goes through; None where any may go on beyond it."""
    if (asked.group, asked.order.name) != ("due", "due"):
        return None
    edges = [after.at] if after else []
    edges += [following.due_sort] if following else []
    return set(map(due_group, edges))
