"""What pages say to the person who asked."""

from typing import Any

from django import template

from approvals.models import Approval
from approvals.models.people import several
from approvals.whereabouts import Whereabouts

register = template.Library()
people = register.filter("people", several)


@register.simple_tag(takes_context=True)
def whereabouts(context: Any, approval: Approval) -> Whereabouts | None:
    """For who asked; None for everybody else."""
    user = context["request"].user
    return Whereabouts.of(approval, user) if approval.asked_for_by(user) else None
