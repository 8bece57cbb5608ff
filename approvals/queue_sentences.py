"""All rules of a queue in a few plain sentences."""

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from approvals.models.queue import Queue
from approvals.models.queue_rules import Rules, needed
from approvals.queue_words import (
    SILENCE,
    answers,
    before,
    days,
    is_working,
    length,
    value,
)


def in_short(rules: Rules) -> str:
    """What holds in a queue, the usual left out where nothing else is said."""
    found = [_quorum(rules), _rejections(rules), _unverified(rules), deadline(rules)]
    found += [_reminders(rules), _hours(rules), _offered(rules), _care(rules)]
    return " ".join(filter(None, found))


def _quorum(rules: Rules) -> str:
    groups, quorum = rules["required_groups"], max(rules["quorum"], len(rules["required_groups"]))
    if groups and quorum == len(groups):
        return ngettext(
            "%(count)s of %(groups)s.", "%(count)s of %(groups)s, each represented.", quorum
        ) % {"count": number(quorum), "groups": listed(groups)}
    words = ngettext("%s approval", "%s approvals", quorum) % number(quorum)
    if groups:
        return _("%(words)s, among them one of each: %(groups)s.") % {
            "words": words,
            "groups": listed(groups),
        }
    return f"{words}."


def number(count: int) -> str:
    words = (_("None"), _("One"), _("Two"), _("Three"), _("Four"), _("Five"), _("Six"))
    return words[count] if count < len(words) else str(count)


def _rejections(rules: Rules) -> str:
    if rules["reject_quorum"] == 1:
        return _("Each rejection is final.")
    return _("%s rejections end it.") % number(rules["reject_quorum"])


def _unverified(rules: Rules) -> str:
    if not rules["unverified_costs_one_more"]:
        return ""
    return _("%s where a workflow only claims who asks.") % number(needed(rules))


def deadline(rules: Rules) -> str:
    """4 working hours, then Heads are asked for 1 day, then it is rejected."""
    if not rules["due_seconds"]:
        return _("No deadline.")
    working, silence = is_working(rules), rules["on_timeout"]
    steps = [length(rules["due_seconds"], working)]
    for group, seconds in rules["escalations"] if silence == "escalate" else []:
        time = length(seconds, working)
        steps.append(_("%(group)s are asked for %(time)s") % {"group": group, "time": time})
    steps.append(str(SILENCE["reject" if silence == "escalate" else silence]))
    words = _(", then ").join(steps)
    why = rules["silence_words"] if silence == "approve" else ""
    return f"{words} (“{why}”)." if why else f"{words}."


def _reminders(rules: Rules) -> str:
    said = []
    if rules["remind_every_seconds"]:
        said.append(_("every %s") % value("remind_every_seconds", rules))
    if rules["remind_before_seconds"] and rules["due_seconds"]:
        said.append(_("%s before the deadline") % before(rules))
    return _("Reminders %s.") % listed(said) if said else ""


def _hours(rules: Rules) -> str:
    if not is_working(rules):
        return ""
    return _("Time counts on %(days)s, %(starts)s–%(ends)s (%(zone)s).") % {
        "days": days(rules),
        "starts": rules["work_starts"],
        "ends": rules["work_ends"],
        "zone": rules["time_zone"],
    }


def _offered(rules: Rules) -> str:
    said = []
    if rules["offers_changes"]:
        said.append(_("People may ask for changes."))
    if rules["comment_to_approve"]:
        said.append(_("An approval needs a reason."))
    if rules["answers"]:
        said.append(_("Further answers: %s.") % answers(rules))
    if rules["quick_reasons"]:
        said.append(_("Quick reasons: %s.") % value("quick_reasons", rules))
    return " ".join(said)


def _care(rules: Rules) -> str:
    usual, said = Queue(), []
    if rules["undo_seconds"]:
        said.append(_("Held for undo: %s.") % length(rules["undo_seconds"]))
    if rules["confirm_risk"] != usual.confirm_risk:
        said.append(_("Asked twice from risk: %s.") % value("confirm_risk", rules))
    if rules["password_risk"] != usual.password_risk:
        said.append(_("Password from risk: %s.") % value("password_risk", rules))
    if not rules["bulk_limit"]:
        said.append(_("Never in bulk."))
    return " ".join(said)


def listed(names: list[str]) -> str:
    """Finance, Security and Legal."""
    if len(names) < 2:
        return "".join(names)
    return _("%(first)s and %(last)s") % {"first": ", ".join(names[:-1]), "last": names[-1]}
