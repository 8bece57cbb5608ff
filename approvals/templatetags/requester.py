"""What pages say to the person who asked."""

from typing import Any

from django import template
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from approvals.models import Approval
from approvals.whereabouts import Whereabouts

register = template.Library()

MOST_NAMED = 6


@register.simple_tag(takes_context=True)
def whereabouts(context: Any, approval: Approval) -> Whereabouts | None:
    """For who asked; None for everybody else."""
    user = context["request"].user
    return Whereabouts.of(approval, user) if approval.asked_for_by(user) else None


@register.filter
def people(names: list[str]) -> str:
    """Lena, Mei and Tomasz; of many the first ones and how many more."""
    more = len(names) - MOST_NAMED
    if more > 0:
        names = [*names[:MOST_NAMED], ngettext("%d other", "%d others", more) % more]
    if len(names) < 2:
        return "".join(names)
    return _("%(names)s and %(last)s") % {"names": ", ".join(names[:-1]), "last": names[-1]}
