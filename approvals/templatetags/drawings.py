"""The small drawings that pages share: icons, risk, fuses, pips, the scale of a clock."""

import functools
import re
from datetime import datetime
from typing import Any

from django import template
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from lucide import _render_icon

from approvals.models import Approval
from approvals.models.people import name_of as full_name
from approvals.templatetags.times import at_clock, share_left

register = template.Library()


@register.simple_tag
@functools.cache
def icon(name: str, size: int = 16) -> SafeString:
    """A Lucide icon, inlined; it says nothing to screen readers."""
    drawing = _render_icon(name, size, aria_hidden="true")
    return mark_safe(re.sub(r'\sclass="[^"]*"', "", drawing))  # noqa: S308 - the package's own file


@register.simple_tag
def fuse(approval: Approval) -> SafeString:
    """The share of the time that is left, as the bar under a row's clock."""
    return format_html(
        '<svg class="fuse" aria-hidden="true"><rect class="track" width="100%" height="4"/>'
        '<rect class="left" width="{}%" height="4"/></svg>',
        round(100 * share_left(approval)),
    )


@register.simple_tag
def pips(approval: Approval) -> SafeString:
    """One dot for each approval that is needed, filled where it was given, and the words."""
    words = _("%(given)d of %(quorum)d") % {
        "given": min(approval.approvals, approval.quorum),
        "quorum": approval.quorum,
    }
    if approval.quorum > 8:
        return format_html('<span class="pips">{}</span>', words)
    dots = format_html_join(
        "",
        '<circle class="{}" cx="{}" cy="5" r="4"/>',
        (
            ("on" if each < approval.approvals else "", 6 + 12 * each)
            for each in range(approval.quorum)
        ),
    )
    return format_html(
        '<span class="pips"><svg width="{}" height="10" aria-hidden="true">{}</svg>{}</span>',
        12 * approval.quorum,
        dots,
        words,
    )


@register.simple_tag
def risk(approval: Approval) -> SafeString:
    """Three bars and the word."""
    tone = {"low": "", "medium": "warn"}.get(approval.risk, "no")
    words = {
        "low": _("Low"),
        "medium": _("Medium"),
        "high": _("High"),
        "critical": _("Critical"),
    }
    return format_html(
        '<span class="tag" data-k="{}"><svg class="bars" data-l="{}" width="12" height="12" '
        'viewBox="0 0 12 12" aria-hidden="true"><rect x="0" y="8" width="3" height="4"/>'
        '<rect x="4.5" y="4" width="3" height="8"/><rect x="9" y="0" width="3" height="12"/></svg>'
        '{}<span class="vh"> {}</span></span>',
        tone,
        "high" if approval.risk == "critical" else approval.risk,
        words.get(approval.risk, approval.risk),
        _("risk"),
    )


@register.simple_tag
def scale(approval: Approval, votes: list[Any]) -> SafeString:
    """From asked to deadline in percent, with a tick for each vote and one for now."""
    if approval.due_at is None:
        return SafeString("")
    whole = (approval.due_at - approval.opened_at).total_seconds() or 1.0
    until = approval.closed_at or approval.settled_at or timezone.now()

    def at(when: datetime) -> str:
        share = (when - approval.opened_at).total_seconds() / whole
        return f"{min(max(share, 0.0), 1.0) * 100:.1f}%"

    now = at(until)
    rest = f"{100 - float(now[:-1]):.1f}%"
    ticks = [SafeString("0"), *(at(each.decided_at) for each in votes), now]
    open_ = approval.closed_at is None and approval.settled_at is None
    word = _("now") if open_ else _("closed") if approval.closed_at else _("decided")
    named = [(now, "nowt", "end", word)]
    for each in votes[:2]:
        words = f"{at_clock(each.decided_at)} {full_name(each.reviewer)}"
        named.append((at(each.decided_at), "mid", "middle", words))
    labels = format_html_join(
        "", '<text x="{}" class="{}" y="31" text-anchor="{}">{}</text>', _apart(named)
    )
    return format_html(
        '<svg class="scale" role="img" aria-label="{}">'
        '<rect class="track" y="6" width="100%" height="6" rx="3"/>'
        '<rect class="spent" y="6" width="{}" height="6" rx="3"/>'
        '<rect class="left" x="{}" y="6" width="{}" height="6" rx="3"/>{}'
        '<text x="0" y="31">{}</text>{}<text x="100%" y="31" text-anchor="end">{}</text></svg>',
        _("Asked %(asked)s, deadline %(due)s, %(votes)d approvals so far")
        % {
            "asked": at_clock(approval.opened_at),
            "due": at_clock(approval.due_at),
            "votes": len(votes),
        },
        now,
        now,
        rest,
        format_html_join("", '<line x1="{}" x2="{}" y1="3" y2="15"/>', ((x, x) for x in ticks)),
        _("%s asked") % at_clock(approval.opened_at),
        labels,
        at_clock(approval.due_at),
    )


def _apart(labels: list[tuple[str, str, str, str]]) -> list[tuple[str, str, str, str]]:
    """Those that cover neither an end of the scale nor each other; what comes first goes first."""
    kept: list[tuple[str, str, str, str]] = []
    for each in labels:
        share = float(each[0][:-1])
        if 30 < share < 75 and all(abs(share - float(other[0][:-1])) > 22 for other in kept):
            kept.append(each)
    return kept
