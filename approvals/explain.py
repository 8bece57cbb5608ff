"""Why an approval is here, whom it waits for, what comes next and which rule says so: in words.

The same sentences for the page, the shell, mail and programs.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from django.contrib.auth.models import User
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from approvals.models import Approval, Decision
from approvals.models.people import name_of
from approvals.templatetags.times import absolute, duration
from orchestrator import contract
from orchestrator.counting import represented
from orchestrator.terms import Stage, Terms

MOST_NAMES = 4


@dataclass(frozen=True)
class Explanation:
    """Sentences by the question that they answer; a question without an answer is left out."""

    why: list[str] = field(default_factory=list)
    whom: list[str] = field(default_factory=list)
    next: list[str] = field(default_factory=list)
    became: list[str] = field(default_factory=list)
    rules: list[str] = field(default_factory=list)

    def parts(self) -> list[tuple[str, list[str]]]:
        titles = {
            "why": _("Why it is here"),
            "whom": _("Whom it waits for"),
            "next": _("What happens next"),
            "became": _("What became of it"),
            "rules": _("Which rules say so"),
        }
        said = ((title, getattr(self, name)) for name, title in titles.items())
        return [(title, sentences) for title, sentences in said if sentences]


def explain(
    approval: Approval, decisions: list[Decision] | None = None, people: list[User] | None = None
) -> Explanation:
    """`decisions` of the approval and `people` who may decide it, where they are known already."""
    terms = approval.terms()
    why, rules = [*_why(approval, terms)], [*_rules(approval, terms)]
    if not approval.is_waiting:
        return Explanation(why, became=[approval.words()], rules=rules)
    found = approval.decisions.all() if decisions is None else decisions
    voted = [each for each in found if each.stands and each.stage == approval.stage]
    if approval.settled_at:
        on_its_way = _("It is decided; the workflow has not said so yet.")
        return Explanation(why, became=[on_its_way], rules=rules)
    able = list(approval.people()) if people is None else people
    whom = [*_whom(approval, terms, voted, able)]
    return Explanation(why, whom, [*_next(approval, terms)], rules=rules)


def _why(approval: Approval, terms: Terms) -> Iterator[str]:
    name = approval.requester_name or _("Nobody by name")
    said = {"name": name, "workflow": approval.parent_workflow_id or approval.workflow_id}
    if approval.verified or not approval.requester:
        yield _("%(name)s asked for it, for workflow %(workflow)s.") % said
    else:
        yield _("Workflow %(workflow)s asks, in the name of %(name)s; only it says so.") % said
    rules = ", ".join(terms.policy.get("rules", []))
    if terms.ruled:
        yield _("Policy settled it without people: %s.") % rules
    elif rules:
        yield _("Policy wants people to look at it: %s.") % rules
    else:
        yield _("No rule of policy had anything to say, so the people of its queue decide.")


def _whom(
    approval: Approval, terms: Terms, voted: list[Decision], people: list[User]
) -> Iterator[str]:
    stage = terms.stage(approval.stage)
    approvals = [each for each in voted if each.verdict == contract.APPROVE]
    yield _waits_for(stage, max(stage.quorum - len(approvals), 0))
    if missing := _missing(stage, [each.groups for each in approvals]):
        yield _("Still to be represented: %s. Nobody stands for two.") % ", ".join(missing)
    done = {pk for each in voted for pk in each.people}
    able = [name_of(each) for each in people if each.pk not in done]
    if able:
        yield _("They may decide: %s.") % _names(able)
    else:
        yield _("Nobody is left who may decide. Ask an administrator.")
    if approval.excluded or approval.requester_user_id:
        yield _("Whoever asked, started or corrected it does not count.")


def _waits_for(stage: Stage, needed: int) -> str:
    words: str = ngettext(
        "It waits for %(needed)d more approval in %(queue)s.",
        "It waits for %(needed)d more approvals in %(queue)s.",
        needed,
    )
    return words % {"needed": needed, "queue": stage.name}


def _missing(stage: Stage, given: list[list[str]]) -> list[str]:
    """Groups that nobody who approved stands for; all but those that can be matched."""
    found: list[str] = []
    for group in stage.groups:
        if represented([*found, group], given):
            found.append(group)
    return [each for each in stage.groups if each not in found]


def _next(approval: Approval, terms: Terms) -> Iterator[str]:
    stage = terms.stage(approval.stage)
    if stage.reject_quorum == 1:
        yield _("One rejection ends it.")
    else:
        yield _("%d rejections end it.") % stage.reject_quorum
    following = [each.name for each in terms.stages[approval.stage :]]
    if following:
        yield _("Once they agree, it goes on to %s.") % ", ".join(following)
    if terms.undo_seconds:
        yield _("An outcome is held %s, so that it can be undone.") % duration(terms.undo_seconds)
    yield from _in_time(approval, terms)


def _in_time(approval: Approval, terms: Terms) -> Iterator[str]:
    for number, each in enumerate(terms.escalations):
        said = {"group": each.group, "when": absolute(_time(each.at))}
        if number < approval.escalated:
            yield _("Nobody decided in time, so %(group)s are asked as well since %(when)s.") % said
        else:
            yield _("If nobody decides, %(group)s are asked as well at %(when)s.") % said
    if terms.end is None:
        yield _("It has no deadline and never expires.")
        return
    ends = {
        "reject": _("If nobody decides, it is rejected at %s."),
        "escalate": _("If nobody decides then either, it is rejected at %s."),
        "expire": _("If nobody decides, it expires at %s."),
        "approve": _("If nobody decides, it is approved at %s: its queue says so."),
    }
    yield ends[terms.on_timeout] % absolute(_time(terms.end))


def _rules(approval: Approval, terms: Terms) -> Iterator[str]:
    yield _("These terms were fixed when it opened, at %s; later changes do not touch it.") % (
        absolute(approval.opened_at)
    )
    if version := terms.policy.get("version"):
        said = {"version": version, "sha": terms.policy.get("sha256", "")[:12]}
        yield _("Policy version %(version)s, SHA-256 %(sha)s….") % said
    if terms.queue_name:
        yield _("Queue %s.") % terms.queue_name


def _names(names: list[str]) -> str:
    more = len(names) - MOST_NAMES
    if more <= 0:
        return ", ".join(names)
    said = {"names": ", ".join(names[:MOST_NAMES]), "more": more}
    words: str = ngettext("%(names)s and %(more)d more", "%(names)s and %(more)d more", more)
    return words % said


def _time(moment: str) -> datetime:
    return datetime.fromisoformat(moment)
