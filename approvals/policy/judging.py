"""The verdict on one request: every rule in scope is evaluated, and the strictest counts."""

from dataclasses import dataclass, replace
from datetime import date, datetime

from django.utils import timezone
from django.utils.translation import gettext as _

from approvals.models.queue import Queue
from approvals.policy import opa
from approvals.policy.evaluator import STOPPED, TOO_LARGE, Answer, Unavailable, evaluate
from approvals.policy.expressions import explained, variables_of
from approvals.policy.finding import REASON_LENGTH, Finding, Said, combined
from approvals.policy.rules import Rule
from approvals.policy.table import Table, in_force
from orchestrator.contract import ALLOW, DENY, Request


@dataclass(frozen=True)
class Asking:
    """Who asks, and when: what an expression sees beside the request."""

    workflow_type: str = ""
    requester_verified: bool = False  # somebody but the caller vouches for the requester
    at: datetime | None = None  # as if it were then; None: now


def judge(
    task: str, request: Request, *, workflow_type: str = "", requester_verified: bool = False
) -> Finding:
    """What the rules in force say, and OPA where there is one."""
    asking = Asking(workflow_type, requester_verified)
    finding = judge_by(in_force(), task, request, asking, ask_opa=True)
    if finding.reason:
        return finding
    return replace(finding, reason=_people_of(finding.asks.queue or request.queue))


def _people_of(slug: str) -> str:
    name = Queue.objects.filter(slug=slug).values_list("name", flat=True).first()
    words: str = _("People of %(queue)s decide.") % {"queue": name or slug}
    return words[:REASON_LENGTH]


def judge_by(
    table: Table, task: str, request: Request, asking: Asking, ask_opa: bool = False
) -> Finding:
    """The same by any table of rules: a draft, another version."""
    given = variables_of(
        request,
        task,
        workflow_type=asking.workflow_type,
        requester_verified=asking.requester_verified,
        now=(asking.at or timezone.now()).isoformat(),
    )
    try:
        said = _said(table.rules, request, given)
    except Unavailable as error:
        return not_checked(table, str(error))
    rules = list(table.rules)
    if ask_opa and opa.is_used():
        try:
            rule, word = opa.ask(given)
        except opa.Silent as error:
            return not_checked(table, str(error))
        rules, said = [*rules, rule], [*said, word]
    return replace(combined(rules, said), version=table.number, sha256=table.sha256)


def not_checked(table: Table, why: str) -> Finding:
    """Closed: what was not checked does not go on."""
    reason = _("Policy was not checked: %(why)s") % {"why": why}
    return Finding(DENY, "not-checked", reason, table.number, table.sha256, checked=False)


def today() -> date:
    """The day it is at the desk, by TIME_ZONE: whoever looks, a rule ends for all at once."""
    return timezone.localdate(timezone=timezone.get_default_timezone())


def _said(rules: tuple[Rule, ...], request: Request, given: dict[str, object]) -> list[Said]:
    day = today()
    asked = [each for each in rules if each.when and _counts(each, request, day)]
    answers = dict(zip(asked, evaluate([each.when for each in asked], given), strict=False))
    return [
        _word(each, answers.get(each), _counts(each, request, day), each.is_expired(day))
        for each in rules
    ]


def _counts(rule: Rule, request: Request, today: date) -> bool:
    """An expired rule allows nothing more. One that denies or asks holds till it is removed."""
    if rule.then == ALLOW and rule.is_expired(today):
        return False
    return rule.covers(request.queue, request.kind)


def _word(rule: Rule, answer: Answer | None, counts: bool, expired: bool) -> Said:
    words = rule.reason or rule.description
    said = Said(rule.name, rule.then, False, words, rule.source, expired=expired, asks=rule.asks)
    if not counts or not rule.when:
        return replace(said, matched=counts)
    if answer is None:
        error = _("Rule %(name)s was not evaluated.") % {"name": rule.name}
        return replace(said, error=error, stopped=True)
    if "error" not in answer:
        return replace(said, matched=answer["value"])
    why = {"name": rule.name, "why": explained(rule.when, answer)}
    error = _("Rule %(name)s cannot be evaluated: %(why)s") % why
    return replace(said, error=error, stopped=answer["error"] in (STOPPED, TOO_LARGE))
