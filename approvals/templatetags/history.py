"""Who or what closed an approval, in a few words."""

from typing import Any

from django import template
from django.utils.translation import gettext as _

from approvals.models import Approval
from approvals.models.became import MADE_BY
from approvals.models.people import name_of
from approvals.templatetags.texts import verb
from orchestrator import contract

register = template.Library()


@register.filter
def closers(row: Approval) -> list[str]:
    """Everybody whose decision counted, and what closed it where nobody did."""
    counted = [
        each for each in row.decisions.all() if not each.refused_at and not each.retracted_at
    ]
    people = [_who(row, each) for each in counted if each.verdict != contract.RETRACT]
    cause = row.became().cause
    return [*people, cause] if cause else people


def _who(row: Approval, decision: Any) -> str:
    name = name_of(decision.reviewer)
    if MADE_BY.get(row.state) == decision.verdict:
        return name
    return _("%(name)s %(verb)s") % {"name": name, "verb": verb(decision)}
