"""Addresses in the inbox, with the filters of the page."""

from typing import Any
from uuid import UUID

from django import template

from approvals import inbox_address

register = template.Library()


@register.simple_tag(takes_context=True)
def inbox_url(context: Any, to: UUID | str = "inbox", **first: str) -> str:
    return inbox_address.inbox_url(context["request"], to, **first)


@register.simple_tag(takes_context=True)
def inbox_query(context: Any, before: str = "") -> str:
    """What an address carries along, behind `before` (? or &) where there is something."""
    query = inbox_address.inbox_query(context["request"])
    return before + query if query else ""
