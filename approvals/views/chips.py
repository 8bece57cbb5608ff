"""What stands above the inbox's list: tabs, filters with their counts, order, saved views."""

from collections import Counter
from typing import Any
from urllib.parse import urlencode

from django.db.models import Count
from django.http import HttpRequest
from django.utils.translation import gettext as _

from approvals import tabs
from approvals.characters import visible
from approvals.context import MOST_COUNTED, queues
from approvals.inbox_filter import FILTERS, GROUPS, InboxFilter
from approvals.models import Queue, SavedView
from approvals.ordering import ORDERS
from approvals.views.listing import counts, names

MOST_NAMES = 12  # of requesters to tick; others are typed
Names = dict[str, dict[str, Any]]


def head(request: HttpRequest, asked: InboxFilter) -> dict[str, Any]:
    """Everything above the list. Filters are counted where that is cheap: up to 1,000 rows."""
    views = list(SavedView.objects.filter(owner=request.user))  # type: ignore[misc]
    view = _view(asked, views)
    asked.view = str(view.pk) if view else ""
    numbers, known = _facets(request, asked)
    return {
        "tabs": _tabs(request, asked),
        "chips": _chips(asked, numbers, known),
        "search": _form(asked, "q"),
        "asked_query": asked.query(),
        "views": views,
        "view": view,
        "unsaved": bool(view and view.query != asked.query()),
    }


def _view(asked: InboxFilter, views: list[SavedView]) -> SavedView | None:
    """The view that was applied, changed since or not; else one that says the same."""
    here = asked.query()
    named = next((each for each in views if str(each.pk) == asked.view), None)
    return named or next((each for each in views if here and each.query == here), None)


def _tabs(request: HttpRequest, asked: InboxFilter) -> list[dict[str, Any]]:
    others = asked.query("tab")
    found = []
    for name, title in tabs.TABS.items():
        query = "&".join(filter(None, (f"tab={name}" if name != "decide" else "", others)))
        count = counts(request)[name]
        found.append({"name": name, "title": title, "query": query, "count": count})
    return found


# Chips.


def _facets(request: HttpRequest, asked: InboxFilter) -> tuple[dict[str, Counter[str]], Names]:
    """How often each value of each filter waits in this tab, and what the values are called."""
    numbers: dict[str, Counter[str]] = {name: Counter() for name in FILTERS}
    known = names(request)
    known["queue"] |= {each.slug: each.name for each in _queues(request, asked)}
    if counts(request)[asked.tab] > MOST_COUNTED:
        return numbers, known
    rows = tabs.waiting(asked.tab, request.user, queues(request)).order_by()
    fields = ("queue__slug", "queue__name", "kind", "risk", "requester")
    for slug, title, kind, risk, requester, *full, n in rows.values_list(
        *fields, "requester_user__first_name", "requester_user__last_name"
    ).annotate(n=Count("pk")):
        values = {"queue": slug, "kind": kind, "risk": risk, "requester": requester}
        for name, value in values.items():
            numbers[name][value] += n
        known["queue"].setdefault(slug, title)
        known["kind"].setdefault(kind, kind)
        known["requester"][requester] = " ".join(filter(None, full)) or requester
    return numbers, known


def _queues(request: HttpRequest, asked: InboxFilter) -> list[Queue]:
    if asked.tab == "others" and request.user.is_superuser:
        return list(Queue.objects.all())
    return queues(request)


def _chips(
    asked: InboxFilter, numbers: dict[str, Counter[str]], known: Names
) -> list[dict[str, Any]]:
    def boxes(name: str) -> dict[str, Any]:
        values = known[name]
        if name == "requester":
            # A name with hidden characters cannot be told from another: it is not offered.
            first = [each for each, _n in numbers[name].most_common(MOST_NAMES)]
            values = {each: values[each] for each in first if visible(each) == each}
        return _boxes(asked, name, values, numbers[name])

    plain = ("queue", "kind", "requester", "risk")
    chips = [{**_form(asked, name), "fields": [boxes(name)]} for name in plain]
    chips[2]["typed"] = True
    time = {**_form(asked, "due", "age"), "title": _("Time")}
    ages = {"": _("Any"), **known["age"]}
    chips.append({**time, "fields": [boxes("due"), _radios(asked, "age", FILTERS["age"][0], ages)]})
    orders = {each.name: each.title for each in ORDERS.values()}
    order = {
        **_form(asked, "sort", "group"),
        "title": asked.order.title,
        "is_order": True,
        "is_changed": asked.order.name != "due" or asked.group != asked.natural,
    }
    fields = [
        _radios(asked, "sort", _("Order"), orders),
        _radios(asked, "group", _("Groups"), GROUPS),
    ]
    return [*chips, {**order, "fields": fields}]


def _form(asked: InboxFilter, *names: str) -> dict[str, Any]:
    """A form that sets the parameters `names` and keeps all others."""
    others = asked.carried(*names)
    return {
        "name": names[0],
        "id": f"chip-{names[0]}",
        "title": FILTERS[names[0]][0] if names[0] in FILTERS else "",
        "count": sum(len(asked.chosen.get(each, [])) for each in names),
        "others": others,
        "clear": urlencode(others),
    }


def _boxes(
    asked: InboxFilter, name: str, known: dict[str, Any], numbers: Counter[str]
) -> dict[str, Any]:
    values = dict.fromkeys([*known, *asked.chosen[name]])
    options = [
        {
            "value": each,
            "title": known.get(each, each),
            "count": numbers[each] if numbers else None,
            "on": each in asked.chosen[name],
        }
        for each in values
        if each
    ]
    return {"name": name, "title": FILTERS[name][0], "type": "checkbox", "options": options}


def _radios(asked: InboxFilter, name: str, title: Any, known: dict[str, Any]) -> dict[str, Any]:
    now = {"sort": asked.order.name, "group": asked.group}
    on = now.get(name) or (asked.chosen["age"] or [""])[0]
    options = [{"value": each, "title": words, "on": each == on} for each, words in known.items()]
    return {"name": name, "title": title, "type": "radio", "options": options}
