"""Rules: what one may say, with the limits that keep a table of them readable and quick."""

import re
from collections.abc import Callable
from dataclasses import MISSING, dataclass, fields
from datetime import date
from typing import Any

from django.utils.translation import gettext as _

from approvals import characters
from orchestrator import contract
from orchestrator.contract import ALLOW, ASK, DENY, SLUG

MOST_RULES = 200
MOST_NAMES = 20  # queues, kinds, groups, stages of one rule
LONGEST = {
    "name": 50, "description": 500, "owner": 100, "source": 500, "when": 2000, "reason": 400,
    "warning": 300, "queue": 50,
}  # fmt: skip
ONLY_ASK = ("queue", "quorum", "groups", "risk", "stages", "due_seconds", "warning")


class Unfit(ValueError):
    """A value that a rule cannot have; the message says what it could be."""


@dataclass(frozen=True)
class Rule:
    """One rule of the table. Empty fields say nothing; `Rule.of` makes one from stored JSON."""

    name: str
    then: str
    description: str = ""
    owner: str = ""
    source: str = ""  # a link, or path:line
    expires: str = ""  # the last day, as ISO 8601
    queues: tuple[str, ...] = ()  # the scope: what CEL is asked about at all
    kinds: tuple[str, ...] = ()
    when: str = ""  # CEL; empty: always
    reason: str = ""
    queue: str = ""
    quorum: int | None = None
    groups: tuple[str, ...] = ()
    risk: str = ""
    stages: tuple[str, ...] = ()
    due_seconds: int | None = None
    warning: str = ""

    @classmethod
    def of(cls, stored: dict[str, Any]) -> "Rule":
        """What another version of the desk stored and this one does not understand denies."""
        lists = {name: tuple(each) for name, each in stored.items() if isinstance(each, list)}
        try:
            rule = cls(**{**stored, **lists})
        except TypeError:
            rule = cls(str(stored.get("name", "?")), "")
        if rule.then in (DENY, ASK, ALLOW):
            return rule
        reason = _("This desk does not understand the rule: it was made by another version.")
        return cls(rule.name, DENY, reason=reason)

    def stored(self) -> dict[str, Any]:
        """As JSON, without what is empty."""
        every = ((each.name, getattr(self, each.name)) for each in fields(self))
        filled = ((name, each) for name, each in every if each not in ("", None, ()))
        return {name: list(each) if isinstance(each, tuple) else each for name, each in filled}

    @property
    def asks(self) -> dict[str, Any]:
        """What it asks of those who decide, without what is empty."""
        return {name: each for name, each in self.stored().items() if name in ONLY_ASK}

    def is_expired(self, today: date) -> bool:
        return bool(self.expires) and date.fromisoformat(self.expires) < today

    def covers(self, queue: str, kind: str) -> bool:
        in_queues = not self.queues or queue in self.queues
        return in_queues and (not self.kinds or kind in self.kinds)


NAMES = tuple(each.name for each in fields(Rule))
REQUIRED = tuple(each.name for each in fields(Rule) if each.default is MISSING)


def value(field: str, given: Any) -> Any:
    """`given`, text or a list of texts, as a rule holds it. Raises Unfit."""
    reader = READERS.get(field, _text)
    return reader(field, given)


def _text(field: str, given: Any) -> str:
    if not isinstance(given, str):
        raise Unfit(_("`%(field)s` must be text.") % {"field": field})
    text = given.strip()
    if len(text) > LONGEST[field]:
        most = {"field": field, "length": len(text), "most": LONGEST[field]}
        raise Unfit(_("`%(field)s` has %(length)d characters; %(most)d are allowed.") % most)
    if hidden := [each for each, is_hidden in characters.pieces(text) if is_hidden]:
        said = {"field": field, "hidden": hidden[0]}
        raise Unfit(_("`%(field)s` has a character that nobody sees: %(hidden)s.") % said)
    return text


def _slug(field: str, given: Any) -> str:
    text = _text(field, given)
    if text and not SLUG.fullmatch(text):
        said = {"field": field, "text": text[:50]}
        raise Unfit(_("`%(field)s` must be like `refunds-over-50`, not `%(text)s`.") % said)
    return text


def _names(field: str, given: Any) -> tuple[str, ...]:
    if given == "":
        return ()
    if not isinstance(given, list) or not all(isinstance(each, str) and each for each in given):
        raise Unfit(_("`%(field)s` must be a list of names: [one, two].") % {"field": field})
    if len(given) > MOST_NAMES or any(len(each) > 150 for each in given):
        raise Unfit(_("`%(field)s` may name %(most)d at most.") % {"field": field, "most": 20})
    if len(set(given)) < len(given):
        raise Unfit(_("`%(field)s` names something twice.") % {"field": field})
    return tuple(given)


def _number(most: int) -> Callable[[str, Any], int | None]:
    def read(field: str, given: Any) -> int | None:
        if given == "":
            return None
        whole = isinstance(given, str) and re.fullmatch(r"[0-9]{1,9}", given)
        if not whole or not 1 <= int(given) <= most:
            said = {"field": field, "most": most}
            raise Unfit(_("`%(field)s` must be a whole number from 1 to %(most)d.") % said)
        return int(given)

    return read


def _choice(*choices: str) -> Callable[[str, Any], str]:
    def read(field: str, given: Any) -> str:
        if given and given not in choices:
            said = {"field": field, "choices": ", ".join(choices)}
            raise Unfit(_("`%(field)s` must be one of %(choices)s.") % said)
        return str(given)

    return read


def _day(field: str, given: Any) -> str:
    try:
        return date.fromisoformat(given).isoformat() if given else ""
    except (TypeError, ValueError):
        said = {"field": field}
        raise Unfit(_("`%(field)s` must be a day such as 2027-01-31.") % said) from None


READERS: dict[str, Callable[[str, Any], Any]] = {
    "name": _slug,
    "then": _choice(DENY, ASK, ALLOW),
    "expires": _day,
    "queues": _names,
    "kinds": _names,
    "queue": _slug,
    "quorum": _number(50),
    "groups": _names,
    "risk": _choice(*contract.RISKS),
    "stages": _names,
    "due_seconds": _number(contract.LONGEST_WAIT),
}
