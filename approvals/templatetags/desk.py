"""The small drawings and words that pages share: icons, clocks, fuses, pips, safe text."""

import functools
import json
import re
import uuid
from datetime import datetime, timedelta
from typing import Any

import nh3
from django import template
from django.template.defaultfilters import date as date_format
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from lucide import _render_icon
from markdown_it import MarkdownIt

from approvals import characters
from approvals.context import MOST_COUNTED
from approvals.models import Approval
from approvals.models.people import name_of as full_name
from orchestrator import contract, timeline

register = template.Library()

# `js-default` escapes HTML, where the default preset lets it through.
MARKDOWN = MarkdownIt("js-default", {"linkify": False, "typographer": False})
ALLOWED = {
    "p", "br", "hr", "em", "strong", "s", "code", "pre", "blockquote", "ul", "ol", "li", "a",
    "h3", "h4", "h5", "h6", "table", "thead", "tbody", "tr", "th", "td",
}  # fmt: skip
# Browsers read "..", "." and empty parts of a path as directions.
PLAIN_PATH = re.compile(r"(?!.*(?:^|/)\.{0,2}(?:/|$))[^\x00-\x1f\x7f\\]+")


# Drawings.


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


# Time.


@register.simple_tag
def moment(when: datetime | None, clock: bool = False) -> SafeString:
    """A moment as relative words (or as a time of day), with the absolute time beside it."""
    if when is None:
        return SafeString("")
    return format_html(
        '<time datetime="{}" title="{}"{}>{}</time>',
        when.isoformat(timespec="seconds"),
        absolute(when),
        "" if clock else SafeString(" data-rel"),
        at_clock(when) if clock else relative(when),
    )


@register.filter
def absolute(when: datetime) -> str:
    return date_format(timezone.localtime(when), "j F Y, H:i:s T")


@register.filter
def at_clock(when: datetime) -> str:
    """14:30; with the day where it is not today; with the year where it is not this one."""
    local, today = timezone.localtime(when), timezone.localtime()
    if local.date() == today.date():
        return date_format(local, "H:i")
    return date_format(local, "j M, H:i" if local.year == today.year else "j M Y, H:i")


def relative(when: datetime) -> str:
    """3 hours ago, in 2 days. app.js writes the same words as time goes by."""
    seconds = (when - timezone.now()).total_seconds()
    if abs(seconds) < 60:
        return _("just now") if seconds <= 0 else _("in a moment")
    length = duration(abs(seconds), parts=1)
    return _("%s ago") % length if seconds < 0 else _("in %s") % length


@register.filter
def duration(seconds: float, parts: int = 2) -> str:
    """A length in words: 42 seconds, 42 minutes, 1 hour 55 minutes, 3 hours, 2 days."""
    minutes = int(seconds // 60)
    hours, days = minutes // 60, minutes // 1440
    if not minutes:
        return ngettext("%d second", "%d seconds", int(seconds)) % int(seconds)
    if not hours:
        return ngettext("%d minute", "%d minutes", minutes) % minutes
    if hours >= 48 or (parts == 1 and days):
        return ngettext("%d day", "%d days", days) % days
    words = ngettext("%d hour", "%d hours", hours) % hours
    if hours > 1 or parts == 1 or minutes == 60:
        return words
    return f"{words} {ngettext('%d minute', '%d minutes', minutes - 60) % (minutes - 60)}"


@register.filter
def took(approval: Approval) -> str:
    if approval.closed_at is None:
        return ""
    return duration((approval.closed_at - approval.opened_at).total_seconds())


@register.simple_tag
def countdown(approval: Approval) -> SafeString:
    """The clock of a row: a number with its unit, as app.js writes it on."""
    if approval.due_at is None:
        return format_html('<span class="none">{}</span>', _("No deadline"))
    seconds = seconds_left(approval)
    minutes = int(abs(seconds) // 60)
    hours = minutes // 60
    if hours >= 48:
        words = format_html("{}<small>{}</small>", hours // 24, _("d"))
    elif hours > 1:
        words = format_html("{}<small>{}</small>", hours, _("h"))
    elif hours:
        words = format_html("{}<small>{}</small> {}<small></small>", hours, _("h"), minutes - 60)
    else:
        words = format_html("{}<small>{}</small>", minutes, _("min"))
    return format_html(
        '<time datetime="{}" title="{}" data-left>{}{}</time>',
        approval.due_at.isoformat(timespec="seconds"),
        absolute(approval.due_at),
        "−" if seconds < 0 else "",
        words,
    )


@register.filter
def how_long(approval: Approval) -> str:
    """The time left, or over, in full words."""
    return duration(abs(seconds_left(approval)))


@register.filter
def urgency(approval: Approval) -> str:
    """now, soon, ok or none: how the clock is coloured."""
    if approval.due_at is None:
        return "none"
    seconds, share = seconds_left(approval), share_left(approval)
    if seconds < 3600 or share < 0.1:
        return "now"
    return "soon" if seconds < 7200 or share < 0.25 else "ok"


def seconds_left(approval: Approval) -> float:
    if approval.due_at is None:
        return 0.0
    return (approval.due_at - timezone.now()).total_seconds()


@register.filter
def share_left(approval: Approval) -> float:
    """From 1 when it was asked to 0 at the deadline."""
    if approval.due_at is None:
        return 1.0
    whole = (approval.due_at - approval.opened_at).total_seconds()
    return min(max(seconds_left(approval) / whole, 0.0), 1.0) if whole > 0 else 0.0


@register.simple_tag
def scale(approval: Approval, votes: list[Any]) -> SafeString:
    """From asked to deadline in percent, with a tick for each vote and one for now."""
    if approval.due_at is None:
        return SafeString("")
    whole = (approval.due_at - approval.opened_at).total_seconds() or 1.0
    until = approval.closed_at or timezone.now()

    def at(when: datetime) -> str:
        share = (when - approval.opened_at).total_seconds() / whole
        return f"{min(max(share, 0.0), 1.0) * 100:.1f}%"

    now = at(until)
    rest = f"{100 - float(now[:-1]):.1f}%"
    ticks = [SafeString("0"), *(at(each.decided_at) for each in votes), now]
    labels = [
        format_html('<text class="mid" x="{}" y="31" text-anchor="middle">{}</text>',
                    at(each.decided_at), f"{at_clock(each.decided_at)} {full_name(each.reviewer)}")
        for each in votes[:2]
        if 18 < float(at(each.decided_at)[:-1]) < 80
        and abs(float(at(each.decided_at)[:-1]) - float(now[:-1])) > 15
    ]  # fmt: skip
    if 14 < float(now[:-1]) < 92:
        word = _("now") if approval.closed_at is None else _("closed")
        labels.append(format_html('<text class="nowt" x="{}" y="31" text-anchor="end">{}</text>',
                                  now, word))  # fmt: skip
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
        SafeString("").join(labels),
        at_clock(approval.due_at),
    )


# Words.


@register.filter
def visible(text: Any) -> SafeString:
    """Text that somebody else wrote: escaped, with hidden characters made visible."""
    return format_html_join(
        "",
        "{}",
        (
            (format_html('<span class="esc">{}</span>', piece) if escaped else piece,)
            for piece, escaped in characters.pieces(str(text))
        ),
    )


@register.filter
def plain(text: Any) -> str:
    """The same without marks, for attributes and titles."""
    return characters.visible(str(text))


@register.filter
def markdown(text: str) -> SafeString:
    """Markdown as a small set of elements: no images, no classes, no scripts, no htmx."""
    html = nh3.clean(
        MARKDOWN.render(characters.visible(text)),
        tags=ALLOWED,
        attributes={"a": {"href"}},
        url_schemes={"http", "https", "mailto"},
        link_rel="noopener noreferrer nofollow",
    )
    return mark_safe(html)  # noqa: S308 - nh3 made it


@register.filter
def name_of(user: Any) -> str:
    return full_name(user)


@register.filter
def counted(count: int) -> str:
    """1,000+ where nobody counted on."""
    return f"{MOST_COUNTED:,}+" if count > MOST_COUNTED else f"{count:,}"


@register.filter
def initials(user: Any) -> str:
    words = full_name(user).split()
    return "".join(each[0] for each in (words[:1] + words[1:][-1:])).upper()


@register.filter
def is_older(approval: Approval) -> bool:
    """Whether its times need a date beside the time of day."""
    return timezone.localtime(approval.opened_at).date() != timezone.localdate()


@register.filter
def verb(decision: Any) -> str:
    """What its author did, after the name."""
    return {
        contract.APPROVE: _("approved"),
        contract.REJECT: _("rejected"),
        contract.RETRACT: _("took it back"),
        contract.WITHDRAW: _("withdrew the request"),
    }.get(decision.verdict, decision.verdict)


@register.filter
def next_try(decision: Any) -> str:
    """third, for a decision that was tried twice."""
    words = [_("first"), _("second"), _("third"), _("fourth"), _("fifth"), _("sixth")]
    number = decision.tries + 1
    return words[number - 1] if number <= len(words) else _("%dth") % number


@register.filter
def is_agent(approval: Any) -> bool:
    """Whether a program asks: no user of the desk, and named like one."""
    name = str(approval.requester).casefold()
    return approval.requester_user_id is None and name.endswith(("agent", "bot"))


@register.simple_tag
def workflow_url(workflow_id: str, run_id: str) -> str:
    """The page of a run. An id that no path can carry is written as "-": the run id suffices."""
    name = workflow_id if PLAIN_PATH.fullmatch(workflow_id) else "-"
    return reverse("workflow", args=[name, run_id])


@register.simple_tag
def form_key() -> str:
    return str(uuid.uuid4())


# For the workflow's page.


@register.simple_tag
def events_url(workflow_id: str, run_id: str) -> str:
    return f"{workflow_url(workflow_id, run_id)}history.json"


@register.filter
def as_json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)


@register.filter
def tick(when: datetime, seconds: bool = False) -> str:
    """A time on an axis: with seconds where minutes would all look alike."""
    local = timezone.localtime(when)
    clock = date_format(local, "H:i:s" if seconds else "H:i")
    if local.date() == timezone.localtime().date():
        return clock
    return f"{date_format(local, 'j M')}, {clock}"


@register.filter
def span(length: timedelta) -> str:
    return timeline.span(length)


@register.filter
def unlocalized(number: float) -> str:
    """For SVG: a decimal point in every language, and no thousands separator."""
    return str(number)


@register.filter
def split(text: str) -> list[str]:
    return text.split()
