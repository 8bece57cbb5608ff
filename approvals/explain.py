"""Why an approval is here, whom it waits for, what comes next and which rule says so: in words.

The same sentences for the page, the shell, mail and programs.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any

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
class Sentence:
    """Text, and a moment in it where it names one: pages write that in their own way."""

    before: str
    when: datetime | None = None
    after: str = ""

    @classmethod
    def at(cls, moment: str | datetime, words: str, **said: Any) -> "Sentence":
        """`words` has %(when)s, and a name for each of `said`."""
        when = moment if isinstance(moment, datetime) else datetime.fromisoformat(moment)
        before, _mark, after = words.partition("%(when)s")
        return cls(before % said, when, after % said)

    def __str__(self) -> str:
        return self.before + (absolute(self.when) if self.when else "") + self.after


@dataclass(frozen=True)
class Explanation:
    """Sentences by the question that they answer; a question without an answer is left out."""

    why: list[Sentence] = field(default_factory=list)
    policy: list[Sentence] = field(default_factory=list)
    whom: list[Sentence] = field(default_factory=list)
    next: list[Sentence] = field(default_factory=list)
    became: list[Sentence] = field(default_factory=list)
    rules: list[Sentence] = field(default_factory=list)

    def parts(self) -> list[tuple[str, list[Sentence]]]:
        why, *rest = self.beside_policy()
        return [why, (_("What policy says"), self.policy), *rest]

    def beside_policy(self) -> list[tuple[str, list[Sentence]]]:
        """What a page says that tells of policy anyway."""
        titles = {
            "why": _("Why it is here"),
            "whom": _("Whom it waits for"),
            "next": _("What happens next"),
            "became": _("What became of it"),
            "rules": _("Which rules say so"),
        }
        said = ((title, getattr(self, name)) for name, title in titles.items())
        return [(title, sentences) for title, sentences in said if sentences]

    def stored(self) -> dict[str, list[str]]:
        """For programs: times are absolute."""
        return {each.name: [str(one) for one in getattr(self, each.name)] for each in fields(self)}


def explain(
    approval: Approval, decisions: list[Decision] | None = None, people: list[User] | None = None
) -> Explanation:
    """`decisions` of the approval and `people` who may decide it, where they are known already."""
    terms = approval.terms()
    why, policy, rules = [*_why(approval)], [_policy(terms)], [*_rules(approval, terms)]
    if not approval.is_waiting:
        return Explanation(why, policy, became=[Sentence(approval.words())], rules=rules)
    found = approval.decisions.all() if decisions is None else decisions
    voted = [each for each in found if each.stands and each.stage == approval.stage]
    if approval.settled_at:
        said = _("It is decided; the workflow has not said so yet.")
        on_its_way = approval.became(list(found)).next or said
        return Explanation(why, policy, became=[Sentence(on_its_way)], rules=rules)
    able = list(approval.people()) if people is None else people
    whom = [*_whom(approval, terms, voted, able)]
    return Explanation(why, policy, whom, [*_next(approval, terms, voted)], rules=rules)


def _why(approval: Approval) -> Iterator[Sentence]:
    workflow = approval.parent_workflow_id or approval.workflow_id
    name = approval.requester_name or _("Nobody by name")
    if approval.verified or not approval.requester:
        yield Sentence(_("%s asked for it.") % name)
        yield Sentence(_("It is for workflow %s.") % workflow)
    else:
        yield Sentence(_("Workflow %s asks for it.") % workflow)
        yield Sentence(_("It says that %s wants it; nobody has verified that.") % name)


def _policy(terms: Terms) -> Sentence:
    rules = ", ".join(terms.policy.get("rules", []))
    if terms.ruled:
        return Sentence(_("It settled it without people: %s.") % rules)
    if rules:
        return Sentence(_("It wants people to look at it: %s.") % rules)
    return Sentence(_("No rule matched, so people decide by default."))


def _whom(
    approval: Approval, terms: Terms, voted: list[Decision], people: list[User]
) -> Iterator[Sentence]:
    stage = terms.stage(approval.stage)
    approvals = [each for each in voted if each.verdict == contract.APPROVE]
    yield Sentence(_waits_for(stage, max(stage.quorum - len(approvals), 0)))
    if missing := _missing(stage, [each.groups for each in approvals]):
        words = _("Still to be represented: %s. Nobody stands for two.")
        yield Sentence(words % ", ".join(missing))
    done = {pk for each in voted for pk in each.people}
    able = [name_of(each) for each in people if each.pk not in done]
    if able:
        yield Sentence(_("They may decide: %s.") % _names(able))
    else:
        yield Sentence(_("Nobody is left who may decide. Ask an administrator."))
    if approval.excluded or approval.requester_user_id:
        yield Sentence(_("Whoever asked, started or corrected it does not count."))


def _waits_for(stage: Stage, needed: int) -> str:
    if not needed:
        return _("Enough approved in %s, but not for every group, or not the same answer.") % (
            stage.name
        )
    words: str = ngettext(
        "%(needed)d more approval in %(queue)s.", "%(needed)d more approvals in %(queue)s.", needed
    )
    return words % {"needed": needed, "queue": stage.name}


def _missing(stage: Stage, given: list[list[str]]) -> list[str]:
    """Groups that nobody who approved stands for; all but those that can be matched."""
    found: list[str] = []
    for group in stage.groups:
        if represented([*found, group], given):
            found.append(group)
    return [each for each in stage.groups if each not in found]


def _next(approval: Approval, terms: Terms, voted: list[Decision]) -> Iterator[Sentence]:
    stage = terms.stage(approval.stage)
    needed = stage.reject_quorum
    ends: str = ngettext("One rejection ends it.", "%(n)d rejections end it.", needed)
    yield Sentence(ends % {"n": needed})
    following = [each.name for each in terms.stages[approval.stage :]]
    if following:
        yield Sentence(_("Once they agree, it goes on to %s.") % ", ".join(following))
    if terms.undo_seconds:
        words = _("An outcome is held %s, so that it can be undone.")
        yield Sentence(words % duration(terms.undo_seconds))
    yield from _in_time(approval, terms, approval.silence(voted))


def _in_time(approval: Approval, terms: Terms, silence: str) -> Iterator[Sentence]:
    for number, each in enumerate(terms.escalations):
        if number < approval.escalated:
            words = _("It was not decided in time: %(group)s are asked as well since %(when)s.")
        else:
            words = _("If nobody decides, %(group)s are asked as well at %(when)s.")
        yield Sentence.at(each.at, words, group=each.group)
    if terms.end is None:
        yield Sentence(_("It has no deadline and never expires."))
        return
    ends = {
        "reject": _("If nobody decides, it is rejected at %(when)s."),
        "escalate": _("If nobody decides then either, it is rejected at %(when)s."),
        "expire": _("If nobody decides, it expires at %(when)s."),
        "approve": _("If nobody decides, it is approved at %(when)s: its queue says so."),
    }
    refused = terms.on_timeout == "approve" and silence != contract.APPROVED
    yield Sentence.at(terms.end, ends["reject" if refused else terms.on_timeout])


def _rules(approval: Approval, terms: Terms) -> Iterator[Sentence]:
    fixed = _("Those of queue %(queue)s at %(when)s, when it opened.")
    yield Sentence.at(approval.opened_at, fixed, queue=terms.stage(0).name)
    yield Sentence(_("Later changes do not touch it."))
    if version := terms.policy.get("version"):
        said = {"version": version, "sha": terms.policy.get("sha256", "")[:12]}
        yield Sentence(_("Policy version %(version)s, SHA-256 %(sha)s….") % said)


def _names(names: list[str]) -> str:
    more = len(names) - MOST_NAMES
    if more <= 0:
        return ", ".join(names)
    said = {"names": ", ".join(names[:MOST_NAMES]), "more": more}
    words: str = ngettext("%(names)s and %(more)d more", "%(names)s and %(more)d more", more)
    return words % said
