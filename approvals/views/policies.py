"""The rules that look at requests before people do: in force, as a draft, earlier, simulated."""

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_safe

from approvals.models import PolicyMatch, PolicyVersion
from approvals.models.policy import Superseded, month_began, times_words
from approvals.policy.differences import changes, ended
from approvals.policy.forms import DraftForm, SimulatorForm
from approvals.policy.judging import today
from approvals.policy.simulator import Simulation
from approvals.policy.table import Table, in_force, numbered
from approvals.policy.written import written
from approvals.views.admins import admins_only
from approvals.views.answers import SeeOther

MOST_VERSIONS = 100


@require_safe
@admins_only
def policy(request: HttpRequest) -> HttpResponse:
    table = in_force()
    context = {
        "table": table,
        "version": PolicyVersion.objects.filter(number=table.number).first(),
        "rules": _with_counts(table),
        "versions": PolicyVersion.objects.select_related("made_by")[:MOST_VERSIONS],
        "opa": settings.OPA_URL,
    }
    return render(request, "policy.html", context)


@require_safe
@admins_only
def policy_version(request: HttpRequest, number: int) -> HttpResponse:
    table, before = _found(number), numbered(max(number - 1, 0))
    context = {
        "table": table,
        "version": PolicyVersion.objects.filter(number=number).first(),
        "changes": changes(before.rules if before else (), table.rules),
        "text": written(table.rules),
        "newest": in_force().number,
    }
    return render(request, "policy_version.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@admins_only
def policy_draft(request: HttpRequest) -> HttpResponse:
    if request.method != "POST":
        return _draft(request, DraftForm(initial={"text": _begun(request)}))
    form, now = DraftForm(request.POST), in_force()
    if not form.is_valid():
        return _draft(request, form, status=422)
    if "save" not in request.POST:
        return _draft(request, form, now)
    if form.cleaned_data["seen"] != form.difference(now):
        form.add_error(None, _("It differs from what you looked at. Look at the difference again."))
        return _draft(request, form, now, status=409)
    try:
        version = form.save(now, request.user)
    except Superseded as error:
        form.add_error(None, str(error))
        return _draft(request, form, in_force(), status=409)
    messages.success(request, _("Version %(number)d is in force.") % {"number": version.number})
    return SeeOther(reverse("policy"))


@require_http_methods(["GET", "HEAD", "POST"])
@admins_only
def policy_simulator(request: HttpRequest) -> HttpResponse:
    """Posted for its length only: nothing is changed."""
    form = SimulatorForm(request.POST or None, initial={"text": _begun(request)})
    simulation, failed = None, False
    if request.method == "POST":
        failed = not form.is_valid()
        if not failed:
            simulation = Simulation.of(form.draft.table, form.cleaned_data["last"])
    context = {"form": form, "failed": failed, "simulation": simulation}
    return render(request, "policy_simulator.html", context, status=422 if failed else 200)


def _draft(
    request: HttpRequest, form: DraftForm, now: Table | None = None, status: int = 200
) -> HttpResponse:
    """The page; with `now` it shows how the draft differs from that, and offers to save it."""
    context: dict[str, Any] = {"form": form, "failed": status != 200, "now": now}
    context["headline"] = _("It was not saved") if "save" in request.POST else _found_words(form)
    if now:
        context |= {
            "changes": form.changes(now),
            "ended": ended(now, form.draft.rules),
            "seen": form.difference(now),
        }
    return render(request, "policy_draft.html", context, status=status)


def _found_words(form: DraftForm) -> str:
    """What came of a check: nothing was to be saved by it."""
    found = sum(map(len, form.errors.values()))
    words: str = ngettext("The check found %d fault", "The check found %d faults", found)
    return words % found


def _begun(request: HttpRequest) -> str:
    """What a draft begins with: the version that is asked for, else the one in force."""
    number = request.GET.get("from", "")
    table = _found(int(number)) if number.isdecimal() and len(number) < 10 else in_force()
    return written(table.rules)


def _found(number: int) -> Table:
    table = numbered(number) if number < 2**31 else None
    if table is None:
        raise Http404
    return table


def _with_counts(table: Table) -> list[dict[str, Any]]:
    times, day = PolicyMatch.counts(month_began()), today()
    return [
        {
            "rule": each,
            "expired": each.is_expired(day),
            "times": times_words(each.name, each.then, times.get(each.name, 0)),
        }
        for each in table.rules
    ]
