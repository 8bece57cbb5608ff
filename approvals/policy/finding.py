"""What rules say together: deny beats ask beats allow, and what they ask for adds up."""

from dataclasses import asdict, dataclass, field, replace
from typing import Any

from django.utils.translation import gettext as _

from approvals.policy.rules import Rule
from orchestrator.contract import ALLOW, ASK, DENY, NO_RULE, RISKS, Request

REASON_LENGTH = 500  # what a run keeps


@dataclass(frozen=True)
class Asks:
    """What the rules ask of those who decide, on top of what the queue asks."""

    queue: str = ""
    quorum: int | None = None
    groups: tuple[str, ...] = ()  # names of groups that must each be represented
    risk: str = ""
    stages: tuple[str, ...] = ()  # slugs of queues that decide after the first, in order
    due_seconds: int | None = None
    warnings: tuple[str, ...] = ()

    @classmethod
    def of(cls, rules: list[Rule]) -> "Asks":
        """The strictest of all; order decides only between queues, and how the rest is listed."""
        queues = _once([each.queue for each in rules])
        stages = _once([*queues[1:], *(stage for each in rules for stage in each.stages)])
        return cls(
            queue=queues[0] if queues else "",
            quorum=max((each.quorum for each in rules if each.quorum), default=None),
            groups=_once([group for each in rules for group in each.groups]),
            risk=max((each.risk for each in rules if each.risk), key=RISKS.index, default=""),
            stages=tuple(each for each in stages if each not in queues[:1]),
            due_seconds=min((each.due_seconds for each in rules if each.due_seconds), default=None),
            warnings=_once([each.warning for each in rules]),
        )

    def applied_to(self, request: Request) -> Request:
        """The request as the rules want it, as far as it has fields for that; never weaker."""
        limits = [each for each in (request.due_seconds, self.due_seconds) if each]
        quorums = [each for each in (request.quorum, self.quorum) if each]
        return replace(
            request,
            queue=self.queue or request.queue,
            quorum=max(quorums, default=None),
            risk=max(request.risk, self.risk or request.risk, key=RISKS.index),
            due_seconds=min(limits, default=None),
        )


@dataclass(frozen=True)
class Said:
    """What one rule says of one request."""

    name: str
    then: str
    matched: bool
    words: str = ""
    source: str = ""
    error: str = ""  # why it could not be evaluated
    expired: bool = False
    stopped: bool = False  # it was too slow or too large, so what others say is not known
    asks: dict[str, Any] = field(default_factory=dict)  # what it asks on top, by its own names


@dataclass(frozen=True)
class Finding:
    """What policy says: deny, ask or allow, by which rule of which version, and why.

    `reason` is empty where rules ask people and give no words for it.
    """

    verdict: str
    rule: str
    reason: str
    version: int = 0  # 0: the rules that the desk brings with it
    sha256: str = ""  # of that version's rules
    asks: Asks = field(default_factory=Asks)
    rules: tuple[Said, ...] = ()
    checked: bool = True  # False: the engine that should have been asked did not answer

    def decisive(self) -> list[str]:
        """The names of the rules that say what the verdict is."""
        return [each.name for each in self.rules if each.matched and each.then == self.verdict]

    @property
    def is_default(self) -> bool:
        """Whether people decide because no rule matched."""
        return self.rule == NO_RULE

    @property
    def said(self) -> dict[str, str]:
        """What a run remembers of it."""
        return {"verdict": self.verdict, "rule": self.rule, "reason": self.reason}

    def stored(self) -> dict[str, Any]:
        return asdict(self)


def combined(rules: list[Rule], said: list[Said]) -> Finding:
    """One word from all: `said[n]` is what `rules[n]` says."""
    pairs = list(zip(rules, said, strict=True))
    for rule, word in pairs:
        if _denies(word):
            reason = word.error or rule.reason or rule.description or _("A rule denies this.")
            return _found(DENY, rule.name, reason, said)
    asking = [rule for rule, word in pairs if word.matched and rule.then == ASK]
    allowing = [rule for rule, word in pairs if word.matched and rule.then == ALLOW]
    if allowing and not asking:
        first = allowing[0]
        reason = first.reason or first.description or _("A rule allows this.")
        return _found(ALLOW, first.name, reason, said)
    asks = Asks.of(asking)
    # A rule that would allow, and cannot be evaluated, does not; people should know why.
    asks = replace(asks, warnings=_once([*asks.warnings, *(each.error for each in said)]))
    said_why = (each.reason or each.description for each in asking)
    named = asking[0].name if asking else NO_RULE
    return replace(_found(ASK, named, next(filter(None, said_why), ""), said), asks=asks)


def _denies(said: Said) -> bool:
    """A rule that cannot be evaluated might have denied, or asked for more than is asked now."""
    if said.error:
        return said.stopped or said.then != ALLOW
    return said.matched and said.then == DENY


def _found(verdict: str, rule: str, reason: str, said: list[Said]) -> Finding:
    return Finding(verdict, rule, reason[:REASON_LENGTH], rules=tuple(said))


def _once(names: list[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(each for each in names if each))
