"""Who or what closed an approval, in a few words."""

from typing import Any

from django import template
from django.utils.translation import gettext as _

from approvals import activity
from approvals.models import Approval
from approvals.models.people import name_of
from approvals.templatetags.texts import verb
from orchestrator import contract

register = template.Library()

# What goes without saying beside an outcome.
PLAIN = {
    contract.APPROVED: contract.APPROVE,
    contract.REJECTED: contract.REJECT,
    contract.CHANGES_REQUESTED: contract.REQUEST_CHANGES,
}


@register.filter
def is_withdrawn(row: Approval) -> bool:
    """Whether who asked took it back: to the workflow a cancellation, to people another thing."""
    return row.state == contract.CANCELLED and activity.is_withdrawn(row, [*row.decisions.all()])


@register.filter
def closers(row: Approval) -> list[str]:
    """Everybody whose decision counted, or what closed it where nobody did."""
    counted = [
        each for each in row.decisions.all() if not each.refused_at and not each.retracted_at
    ]
    people = [_who(row, each) for each in counted if each.verdict != contract.RETRACT]
    if row.state in PLAIN and any(each.verdict == PLAIN[row.state] for each in counted):
        return people
    if any(each.verdict == contract.WITHDRAW for each in counted):
        return people
    return [*people, _what(row)]


def _who(row: Approval, decision: Any) -> str:
    name = name_of(decision.reviewer)
    if PLAIN.get(row.state) == decision.verdict:
        return name
    return _("%(name)s %(verb)s") % {"name": name, "verb": verb(decision)}


def _what(row: Approval) -> str:
    late = row.state in (contract.EXPIRED, contract.REJECTED) and row.due_at
    if late:
        return _("the deadline")
    return _("a rule") if row.state in PLAIN else _("the workflow")
