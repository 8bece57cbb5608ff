"""What is wrong with the rules of a queue, and what is doubtful about them."""

from typing import TYPE_CHECKING, Any

from django.contrib.auth.models import Group, User
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from orchestrator.contract import REQUEST_CHANGES, SLUG, VOTES
from orchestrator.counting import represented

if TYPE_CHECKING:
    from approvals.models.queue import Queue

MOST_APPROVALS = 50  # as in the contract
MOST_REASONS, LONGEST_REASON = 6, 60
Rules = dict[str, Any]
BOUNDS = {
    "quorum": (1, MOST_APPROVALS),
    "reject_quorum": (1, MOST_APPROVALS),
    "undo_seconds": (0, 3600),
    "bulk_limit": (0, 50),
}


def faults(queue: "Queue") -> dict[str, str]:
    """Field → why it cannot be saved so. What needs to know the people is not among it."""
    wrong: dict[str, str] = {
        name: _("From %(least)d to %(most)d.") % {"least": least, "most": most}
        for name, (least, most) in BOUNDS.items()
        if not least <= getattr(queue, name) <= most
    }
    if queue.on_timeout == "approve" and not queue.silence_words.strip():
        wrong["silence_words"] = _("Say in words why nobody deciding means yes.")
    if queue.on_timeout in ("approve", "escalate") and not queue.due_seconds:
        wrong["due_seconds"] = _("This needs a deadline.")
    if queue.reject_quorum > 1 and not queue.due_seconds:
        wrong["reject_quorum"] = _("Without a deadline it might never end.")
    if not _are_answers(queue.answers):
        wrong["answers"] = _("Each answer needs a name (slug), a label, and what it means.")
    if not _are_reasons(queue.quick_reasons):
        wrong["quick_reasons"] = _("At most %(most)d lines of %(longest)d characters.") % {
            "most": MOST_REASONS, "longest": LONGEST_REASON,
        }  # fmt: skip
    return wrong | _faults_of_hours(queue) | _faults_of_slug(queue)


def _faults_of_hours(queue: "Queue") -> dict[str, str]:
    days, starts, ends = queue.work_days, queue.work_starts, queue.work_ends
    if set(days) - set("1234567"):
        return {"work_days": _("Days are digits from 1, Monday, to 7.")}
    if len({bool(days), starts is not None, ends is not None}) > 1:
        return {"work_days": _("Working hours need days, a start and an end.")}
    if starts and ends and starts >= ends:
        return {"work_ends": _("Work ends before it starts.")}
    return {}


def _faults_of_slug(queue: "Queue") -> dict[str, str]:
    if not queue.pk or not queue.slug_is_fixed:
        return {}
    same = type(queue).objects.filter(pk=queue.pk, slug=queue.slug).exists()
    return {} if same else {"slug": _("Requests have come under it, so it stays.")}


def _are_answers(answers: Any) -> bool:
    return isinstance(answers, list) and all(
        isinstance(each, dict)
        and each.keys() == {"name", "label", "means"}
        and bool(SLUG.fullmatch(str(each["name"])))
        and each["means"] in VOTES
        for each in answers
    )


def _are_reasons(reasons: Any) -> bool:
    return (
        isinstance(reasons, list)
        and len(reasons) <= MOST_REASONS
        and all(isinstance(each, str) and 0 < len(each) <= LONGEST_REASON for each in reasons)
    )


# What only somebody who knows the people can know.


def deciders(rules: Rules) -> QuerySet[User]:
    """Everybody active who may decide under `rules`, which name people and groups."""
    may = Q(username__in=rules["reviewers"]) | Q(groups__name__in=rules["groups"])
    people = User.objects.filter(may, is_active=True).distinct()
    return people.prefetch_related("groups").order_by("pk")


def needed(rules: Rules) -> int:
    """How many must approve, whoever asks and whatever the request says."""
    usual = max(int(rules["quorum"]), len(rules["required_groups"]))
    return usual + bool(rules["unverified_costs_one_more"])


def enough(rules: Rules) -> int:
    """So many have to be there for votes to come to an end, however they fall."""
    return needed(rules) + int(rules["reject_quorum"]) - 1


def is_hopeless(rules: Rules) -> bool:
    """Whether every request would fail, for those who may decide now."""
    people = _groups_of_deciders(rules)
    return len(people) < enough(rules) or not represented(rules["required_groups"], people)


def _groups_of_deciders(rules: Rules) -> list[set[str]]:
    return [{group.name for group in each.groups.all()} for each in deciders(rules)]


def doubts(rules: Rules) -> list[str]:
    """Sentences to think about before the rules are saved; none of them forbids it."""
    people = _groups_of_deciders(rules)
    found = [_too_few(rules, people), _unrepresented(rules, people)]
    found += [_nobody_in(each) for each, _seconds in rules["escalations"]]
    if rules["on_timeout"] == "escalate" and not rules["escalations"]:
        found.append(_("No further group is named: at the deadline it is rejected."))
    if rules["on_timeout"] != "escalate" and rules["escalations"]:
        found.append(_("Further groups are named, but nobody asks them at the deadline."))
    found += [_unoffered(each) for each in rules["answers"] if not rules["offers_changes"]]
    return [each for each in found if each]


def _unoffered(answer: dict[str, Any]) -> str:
    if answer["means"] != REQUEST_CHANGES:
        return ""
    words = _("Nobody can answer “%s”: here people may not ask for changes.")
    return words % str(answer["label"])


def _too_few(rules: Rules, people: list[set[str]]) -> str:
    able, need = len(people), needed(rules)
    if not able:
        return _("Nobody may decide here: every request will fail.")
    if able < need:
        text = _("%(need)d must approve, and %(able)s: every request will fail.")
    elif able < enough(rules):
        text = _(
            "With %(need)d approvals and %(against)d rejections needed, votes might never come to "
            "an end, for %(able)s: every request will fail."
        )
    elif able == enough(rules):
        text = _("%(able)s: a request that one of them asks for will fail.")
    else:
        return ""
    may = ngettext("%d person may decide", "%d people may decide", able) % able
    words = text % {"need": need, "against": rules["reject_quorum"], "able": may}
    return words[0].upper() + words[1:]


def _unrepresented(rules: Rules, people: list[set[str]]) -> str:
    groups = rules["required_groups"]
    if represented(groups, people):
        return ""
    empty = [each for each in groups if not any(each in groups_of for groups_of in people)]
    if empty:
        names = ", ".join(empty)
        return _("Nobody who may decide is in %s: every request will fail.") % names
    return _("Nobody stands for two groups, and too few people are in: %s.") % ", ".join(groups)


def _nobody_in(group: str) -> str:
    if Group.objects.filter(name=group, user__is_active=True).exists():
        return ""
    return _("Nobody is in %s, who are asked after the deadline.") % group
