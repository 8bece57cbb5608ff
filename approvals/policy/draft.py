"""Drafts: a table of rules that somebody wrote, with every fault by its line."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from django.contrib.auth.models import Group
from django.utils.translation import gettext as _

from approvals.models import Kind, Queue
from approvals.policy import expressions
from approvals.policy.evaluator import Unavailable
from approvals.policy.rules import MOST_RULES, NAMES, ONLY_ASK, REQUIRED, Rule, Unfit, value
from approvals.policy.table import Table
from approvals.policy.written import Node, Unreadable, tree
from orchestrator import contract
from orchestrator.contract import ASK, NO_RULE


@dataclass(frozen=True)
class Fault:
    """What is wrong in a line, in a sentence."""

    line: int
    words: str

    def __str__(self) -> str:
        return _("Line %(line)d: %(words)s") % {"line": self.line, "words": self.words}


@dataclass
class Draft:
    """Rules that are in force nowhere; `faults` says why they cannot be."""

    rules: list[Rule] = field(default_factory=list)
    lines: list[dict[str, int]] = field(default_factory=list)  # of each rule's fields
    faults: list[Fault] = field(default_factory=list)

    @classmethod
    def read(cls, text: str) -> "Draft":
        draft = cls()
        try:
            listed = _rules_in(tree(text))
        except Unreadable as error:
            draft.faults.append(Fault(error.line, str(error)))
            return draft
        for node in listed:
            draft._add(node)
        draft._look_together()
        draft.faults.sort(key=lambda each: each.line)
        return draft

    @property
    def table(self) -> Table:
        stored = [each.stored() for each in self.rules]
        return Table(tuple(self.rules), 0, contract.sha256(stored))

    def _add(self, node: Node) -> None:
        if not isinstance(node.value, dict):
            self.faults.append(Fault(node.line, _("A rule must be fields: “name: …”, “then: …”.")))
            return
        lines = {name: each.line for name, each in node.value.items()}
        given: dict[str, Any] = {}
        problems = [*_of_fields(node.value, given), *_of_rule(node, given)]
        self.faults += problems
        if not problems:
            self.rules.append(Rule(**given))
            self.lines.append({"": node.line, **lines})

    def _look_together(self) -> None:
        """What only the table, the desk or CEL can tell."""
        names = [each.name for each in self.rules]
        for at, rule in enumerate(self.rules):
            if rule.name in names[:at]:
                self._blame(at, "name", _("There are two rules `%s`.") % rule.name)
            for name, words in _unknown(rule):
                self._blame(at, name, words)
        asked = [at for at, rule in enumerate(self.rules) if rule.when]
        try:
            found = expressions.faults([self.rules[at].when for at in asked])
        except Unavailable as error:
            self.faults.append(Fault(1, _("The rules could not be checked. %s") % error))
            return
        for at, words in zip(asked, found, strict=True):
            if words:
                self._blame(at, "when", f"{self.rules[at].name}: {words}")

    def _blame(self, at: int, name: str, words: str) -> None:
        lines = self.lines[at]
        self.faults.append(Fault(lines.get(name, lines[""]), words))


def _rules_in(root: Node) -> list[Node]:
    known = isinstance(root.value, dict) and root.value.keys() == {"rules"}
    rules = root.value["rules"].value if known else None
    if rules == "":
        return []
    if not isinstance(rules, list):
        raise Unreadable(root.line, _("It must be a list under “rules:”, and nothing else."))
    if len(rules) > MOST_RULES:
        said = {"number": len(rules), "most": MOST_RULES}
        raise Unreadable(root.line, _("It has %(number)d rules; %(most)d are allowed.") % said)
    return rules


def _of_fields(written: dict[str, Node], given: dict[str, Any]) -> Iterator[Fault]:
    """Fills `given` with what can be read."""
    for name, node in written.items():
        if name not in NAMES:
            said = {"name": name[:50], "known": ", ".join(NAMES)}
            words = _("A rule has no field `%(name)s`. It has: %(known)s.") % said
            yield Fault(node.line, words)
            continue
        try:
            given[name] = value(name, _without_lines(node.value))
        except Unfit as error:
            yield Fault(node.line, str(error))


def _of_rule(node: Node, given: dict[str, Any]) -> Iterator[Fault]:
    for name in REQUIRED:
        if name not in node.value or given.get(name) == "":
            yield Fault(node.line, _("A rule needs `%s`.") % name)
    if given.get("name") == NO_RULE:
        words = _("`%s` is what it is called where no rule matches.") % NO_RULE
        yield Fault(node.value["name"].line, words)
    if given.get("then") in (None, "", ASK):
        return
    for name in ONLY_ASK:
        if given.get(name):
            said = {"name": name, "then": given["then"]}
            words = _("`%(name)s` is for rules that ask; this one says %(then)s.") % said
            yield Fault(node.value[name].line, words)


def _without_lines(given: Any) -> Any:
    if isinstance(given, list):
        return [_without_lines(each.value) for each in given]
    return given


def _unknown(rule: Rule) -> Iterator[tuple[str, str]]:
    """Queues, kinds and groups that the desk does not have: (field, sentence)."""
    asked = {"queues": rule.queues, "stages": rule.stages, "queue": (rule.queue,)}
    for name, slugs in asked.items():
        for slug in _missing(Queue.objects.all(), "slug", slugs):
            yield name, _("There is no queue `%s`.") % slug
    for slug in _missing(Kind.objects.all(), "slug", rule.kinds):
        yield "kinds", _("There is no kind of request `%s`.") % slug
    for group in _missing(Group.objects.all(), "name", rule.groups):
        yield "groups", _("There is no group `%s`.") % group


def _missing(known: Any, field: str, names: tuple[str, ...]) -> list[str]:
    wanted = {each for each in names if each}
    if not wanted:
        return []
    there = known.filter(**{f"{field}__in": wanted}).values_list(field, flat=True)
    return sorted(wanted - set(there))
