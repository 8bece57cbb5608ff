"""A queue's rules in plain words, each for itself."""

from collections.abc import Callable
from typing import Any

from django.contrib.auth.models import User
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from approvals.models.people import name_of
from approvals.models.queue import RISK_CHOICES
from approvals.models.queue_rules import Rules

UNITS = (86400, 3600, 60, 1)
DAYS = (
    *(("1", gettext_lazy("Monday")), ("2", gettext_lazy("Tuesday"))),
    *(("3", gettext_lazy("Wednesday")), ("4", gettext_lazy("Thursday"))),
    *(("5", gettext_lazy("Friday")), ("6", gettext_lazy("Saturday"))),
    ("7", gettext_lazy("Sunday")),
)
LABELS: dict[str, Any] = {
    "slug": gettext_lazy("Slug"),
    "name": gettext_lazy("Name"),
    "description": gettext_lazy("Description"),
    "reviewers": gettext_lazy("People who decide"),
    "groups": gettext_lazy("Groups that decide"),
    "viewers": gettext_lazy("People who only see"),
    "viewer_groups": gettext_lazy("Groups that only see"),
    "quorum": gettext_lazy("How many must approve"),
    "reject_quorum": gettext_lazy("How many must reject"),
    "required_groups": gettext_lazy("Groups that must each be represented"),
    "unverified_costs_one_more": gettext_lazy("One more approval for unverified requesters"),
    "offers_changes": gettext_lazy("People may ask for changes"),
    "comment_to_approve": gettext_lazy("An approval needs a reason"),
    "answers": gettext_lazy("Further answers"),
    "quick_reasons": gettext_lazy("Quick reasons"),
    "due_seconds": gettext_lazy("Deadline"),
    "on_timeout": gettext_lazy("When nobody decides"),
    "silence_words": gettext_lazy("Why silence means yes"),
    "escalations": gettext_lazy("Who is asked after the deadline"),
    "remind_before_seconds": gettext_lazy("Reminder before the deadline"),
    "remind_every_seconds": gettext_lazy("Reminder every"),
    "work_days": gettext_lazy("Working days"),
    "work_starts": gettext_lazy("Work starts"),
    "work_ends": gettext_lazy("Work ends"),
    "time_zone": gettext_lazy("Time zone of the working hours"),
    "undo_seconds": gettext_lazy("Seconds for undo"),
    "confirm_risk": gettext_lazy("Asked twice from this risk on"),
    "password_risk": gettext_lazy("Password from this risk on"),
    "bulk_limit": gettext_lazy("Approvals at once"),
    "most_a_minute": gettext_lazy("Approvals a minute"),
}
MEANS = {
    "approve": gettext_lazy("is an approval"),
    "reject": gettext_lazy("is a rejection"),
    "request_changes": gettext_lazy("asks for changes"),
}
SILENCE = {
    "reject": gettext_lazy("it is rejected"),
    "expire": gettext_lazy("it expires"),
    "escalate": gettext_lazy("the next group is asked, and then it is rejected"),
    "approve": gettext_lazy("it is approved: silence means yes"),
}


def largest_unit(seconds: int, most: int = 86400) -> int:
    """The largest unit, in seconds, of which `seconds` is a whole number."""
    return next(unit for unit in UNITS if unit <= most and seconds % unit == 0)


def length(seconds: int, working: bool = False) -> str:
    """Exactly so long: 90 minutes, 4 working hours. A day of working time would mislead."""
    unit = largest_unit(seconds, 3600 if working else 86400)
    count = seconds // unit
    if working:
        return {
            3600: ngettext("%d working hour", "%d working hours", count),
            60: ngettext("%d working minute", "%d working minutes", count),
            1: ngettext("%d working second", "%d working seconds", count),
        }[unit] % count
    return {
        86400: ngettext("%d day", "%d days", count),
        3600: ngettext("%d hour", "%d hours", count),
        60: ngettext("%d minute", "%d minutes", count),
        1: ngettext("%d second", "%d seconds", count),
    }[unit] % count


def value(name: str, rules: Rules) -> str:
    """What `name` is set to, in words; empty where it is not set."""
    said = rules[name]
    if name in WORDS:
        return WORDS[name](rules)
    if isinstance(said, bool):
        return _("yes") if said else _("no")
    return ", ".join(said) if isinstance(said, list) else str(said if said is not None else "")


def people(usernames: list[str]) -> list[str]:
    """Their names, where the desk still knows them."""
    known = {each.username: name_of(each) for each in User.objects.filter(username__in=usernames)}
    return [known.get(each, each) for each in usernames]


def _time(name: str) -> Callable[[Rules], str]:
    def words(rules: Rules) -> str:
        return length(rules[name], is_working(rules)) if rules[name] else ""

    return words


def _risk(name: str) -> Callable[[Rules], str]:
    return lambda rules: str(dict(RISK_CHOICES)[rules[name]])


def is_working(rules: Rules) -> bool:
    """Whether time counts in working hours only."""
    return bool(rules["work_days"])


def days(rules: Rules) -> str:
    return ", ".join(str(word) for day, word in DAYS if day in rules["work_days"])


def answers(rules: Rules) -> str:
    return "; ".join(f"“{each['label']}” {MEANS[each['means']]}" for each in rules["answers"])


def escalations(rules: Rules) -> list[str]:
    """Step by step: Heads for 1 day."""
    return [
        _("%(group)s for %(time)s") % {"group": group, "time": length(seconds, is_working(rules))}
        for group, seconds in rules["escalations"]
    ]


def before(rules: Rules) -> str:
    return length(rules["remind_before_seconds"]) if rules["remind_before_seconds"] else ""


WORDS: dict[str, Callable[[Rules], str]] = {
    "reviewers": lambda rules: ", ".join(people(rules["reviewers"])),
    "viewers": lambda rules: ", ".join(people(rules["viewers"])),
    "answers": answers,
    "quick_reasons": lambda rules: "; ".join(rules["quick_reasons"]),
    "due_seconds": _time("due_seconds"),
    "remind_before_seconds": before,
    "remind_every_seconds": _time("remind_every_seconds"),
    "on_timeout": lambda rules: str(SILENCE[rules["on_timeout"]]),
    "escalations": lambda rules: _(", then ").join(escalations(rules)),
    "work_days": days,
    "confirm_risk": _risk("confirm_risk"),
    "password_risk": _risk("password_risk"),
}
