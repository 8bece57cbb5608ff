"""What differs between two tables of rules, in sentences."""

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from approvals.policy.rules import NAMES, Rule
from approvals.policy.table import Table

ADDED, REMOVED, MOVED, CHANGED = "added", "removed", "moved", "changed"


@dataclass(frozen=True)
class Change:
    """One difference: a rule that came, went or moved, or one field of a rule."""

    kind: str
    rule: str
    field: str = ""
    was: str = ""
    now: str = ""

    def __str__(self) -> str:
        said = {"rule": self.rule, "field": self.field, "was": self.was, "now": self.now}
        return {
            ADDED: _("Added %(rule)s: %(now)s"),
            REMOVED: _("Removed %(rule)s: %(was)s"),
            MOVED: _("Moved %(rule)s from place %(was)s to %(now)s"),
            CHANGED: _("Changed %(rule)s: %(field)s was %(was)s, now %(now)s"),
        }[self.kind] % said


def changes(before: Sequence[Rule], after: Sequence[Rule]) -> list[Change]:
    """Rules are the same when they have the same name."""
    old = {each.name: each for each in before}
    new = {each.name: each for each in after}
    came = [Change(ADDED, each.name, now=summary(each)) for each in after if each.name not in old]
    gone = [
        Change(REMOVED, each.name, was=summary(each)) for each in before if each.name not in new
    ]
    fields = [
        Change(CHANGED, each.name, name, said(getattr(old[each.name], name)), said(now))
        for each in after
        if each.name in old
        for name in NAMES
        if (now := getattr(each, name)) != getattr(old[each.name], name)
    ]
    return [*came, *gone, *_moved(before, after), *fields]


def ended(now: Table, draft: Sequence[Rule]) -> str:
    """A sentence, where `draft` would be the first version and lacks what is built in; else ""."""
    kept = {each.name for each in draft}
    names = [each.name for each in now.rules if each.name not in kept]
    if now.number or not names:
        return ""
    words: str = ngettext(
        "The built-in rule %s no longer holds then. Put it into the draft to keep it.",
        "The built-in rules %s no longer hold then. Put them into the draft to keep them.",
        len(names),
    )
    return words % ", ".join(names)


def _moved(before: Sequence[Rule], after: Sequence[Rule]) -> list[Change]:
    """Those whose place among the rules that stay is another."""
    stay = {each.name for each in before} & {each.name for each in after}
    old = [each.name for each in before if each.name in stay]
    new = [each.name for each in after if each.name in stay]
    blocks = SequenceMatcher(None, old, new, autojunk=False).get_matching_blocks()
    kept = {name for block in blocks for name in old[block.a : block.a + block.size]}
    places = {each.name: at for at, each in enumerate(before, 1)}
    return [
        Change(MOVED, each.name, was=str(places[each.name]), now=str(at))
        for at, each in enumerate(after, 1)
        if each.name in stay - kept
    ]


def said(given: Any) -> str:
    """A field's value as people read it."""
    if given in ("", None, ()):
        return _("nothing")
    return ", ".join(given) if isinstance(given, tuple) else str(given)


def summary(rule: Rule) -> str:
    """A rule in a line: "ask when amount(payload.amount) > 10000.0; quorum 2"."""
    given = rule.stored()
    asked = [f"{name} {said(getattr(rule, name))}" for name in given if name not in SKIPPED]
    when = _("%(then)s when %(when)s") if rule.when else _("%(then)s always")
    line = " ".join(rule.when.split())
    return "; ".join([when % {"then": rule.then, "when": line}, *asked])


SKIPPED = ("name", "then", "when", "description", "owner", "source", "reason")
