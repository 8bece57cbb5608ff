"""Time in words and clocks; app.js writes the same words on as time goes by."""

from datetime import datetime, timedelta

from django import template
from django.template.defaultfilters import date as date_format
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from approvals.models import Approval
from orchestrator import timeline

register = template.Library()


@register.simple_tag
def moment(when: datetime | None, clock: bool = False) -> SafeString:
    """A moment as relative words (or as a time of day), with the absolute time beside it."""
    if when is None:
        return SafeString("")
    return format_html(
        '<time datetime="{}" title="{}"{}>{}</time>',
        when.isoformat(timespec="seconds"),
        absolute(when),
        "" if clock else SafeString(" data-relative"),
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


@register.filter
def timed(when: datetime) -> SafeString:
    """`at_clock` within a sentence; on paper the absolute time takes its place."""
    return moment(when, clock=True)


@register.filter
def day_and_clock(when: datetime) -> str:
    """Friday 18:00 within a week from now, else with the date."""
    local, today = timezone.localtime(when), timezone.localtime().date()
    if local.date() == today:
        return _("today %s") % date_format(local, "H:i")
    near = 0 < (local.date() - today).days < 7
    return date_format(local, "l H:i") if near else at_clock(when)


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
    elif minutes:
        words = format_html("{}<small>{}</small>", minutes, _("min"))
    elif seconds < 0:
        words = format_html("<small>{}</small>", _("just now"))
    else:
        words = format_html("&lt;1<small>{}</small>", _("min"))
    return format_html(
        '<time datetime="{}" title="{}" data-left>{}</time>',
        approval.due_at.isoformat(timespec="seconds"),
        absolute(approval.due_at),
        words,
    )


@register.filter
def time_left(approval: Approval) -> str:
    """42 minutes left, 8 minutes over; within a minute of the deadline no number says it."""
    seconds = seconds_left(approval)
    if abs(seconds) < 60:
        return _("time is up") if seconds <= 0 else _("less than a minute left")
    words = _("%s over") if seconds < 0 else _("%s left")
    return words % duration(abs(seconds))


@register.filter
def waited(approval: Approval) -> str:
    """Waiting for 3 days: the clock of what has no deadline, as app.js writes it on."""
    seconds = (timezone.now() - approval.opened_at).total_seconds()
    if seconds < 60:
        return _("Waiting for less than a minute.")
    return _("Waiting for %s.") % duration(seconds)


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
def seconds_to(when: datetime | None) -> int:
    """Whole seconds until `when`; 0 once it is over."""
    return max(round((when - timezone.now()).total_seconds()), 0) if when else 0


@register.filter
def share_left(approval: Approval) -> float:
    """From 1 when it was asked to 0 at the deadline."""
    if approval.due_at is None:
        return 1.0
    whole = (approval.due_at - approval.opened_at).total_seconds()
    return min(max(seconds_left(approval) / whole, 0.0), 1.0) if whole > 0 else 0.0


@register.filter
def is_older(approval: Approval) -> bool:
    """Whether its times need a date beside the time of day."""
    return timezone.localtime(approval.opened_at).date() != timezone.localdate()


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
