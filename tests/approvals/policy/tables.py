"""Tables of rules as tests write them."""

from collections.abc import Callable

import pytest

from approvals.models import PolicyVersion
from approvals.policy import Finding
from approvals.policy.judging import Asking, judge_by
from approvals.policy.rules import Rule
from approvals.policy.table import Table, in_force
from orchestrator.contract import Request


def judged(*rules: Rule, asking: Asking | None = None, **request) -> Finding:
    """What these rules say of a request."""
    read = Request.read({"title": "Refund €12.00", **request})
    return judge_by(Table(rules), request.get("title", "Refund €12.00"), read, asking or Asking())


def deny(when: str = "", name: str = "no", **more) -> Rule:
    return Rule(name, "deny", when=when, **more)


def ask(when: str = "", name: str = "ask", **more) -> Rule:
    return Rule(name, "ask", when=when, **more)


def allow(when: str = "", name: str = "yes", **more) -> Rule:
    return Rule(name, "allow", when=when, **more)


@pytest.fixture
def use(db) -> Callable[..., PolicyVersion]:
    """Puts rules in force."""

    def made(*rules: Rule, note: str = "") -> PolicyVersion:
        stored = [each.stored() for each in rules]
        after = in_force().number
        return PolicyVersion.make(stored, after=after, by=None, note=note, changes=[])

    return made
