"""Tables of rules as YAML, for people and for git: read strictly, written so that it reads back."""

from dataclasses import dataclass
from datetime import date
from typing import Any

import yaml
from django.utils.translation import gettext as _

from approvals.policy.rules import Rule

LONGEST = 256 * 1024  # characters
DEPTH = 6
NOTHING = ("~", "null", "Null", "NULL")


@dataclass(frozen=True)
class Node:
    """Text, a list of nodes, or names with their nodes; and the line where it begins."""

    line: int
    value: Any


class Unreadable(ValueError):
    """It is no YAML, or more of YAML than a table of rules needs."""

    def __init__(self, line: int, words: str) -> None:
        super().__init__(words)
        self.line = line


def tree(text: str) -> Node:
    """What is written, everything in it as text. Raises Unreadable.

    From the parser's events: nothing is constructed, so no tag, alias or odd "no" means anything.
    """
    if len(text) > LONGEST:
        said = {"length": len(text), "most": LONGEST}
        raise Unreadable(1, _("It has %(length)d characters; %(most)d are allowed.") % said)
    builder = Builder()
    try:
        for event in yaml.parse(text, Loader=yaml.BaseLoader):
            builder.take(event)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise Unreadable(line, _("It is no YAML: %s.") % (error.problem or error.context)) from None
    except yaml.YAMLError as error:
        raise Unreadable(1, _("It is no YAML: %s.") % str(error).splitlines()[0]) from None
    return builder.root or Node(1, "")


class Builder:
    """Puts the parser's events together."""

    def __init__(self) -> None:
        self.root: Node | None = None
        self.open: list[tuple[bool, int, list[Node]]] = []  # mapping?, line, what it holds

    def take(self, event: yaml.Event) -> None:
        line = event.start_mark.line + 1 if event.start_mark else 1
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise Unreadable(line, _("Anchors and aliases (& and *) are not allowed."))
        if getattr(event, "tag", None):
            raise Unreadable(line, _("Tags (!) are not allowed."))
        if isinstance(event, yaml.ScalarEvent):
            self._put(Node(line, "" if event.implicit[0] and _is_nothing(event) else event.value))
        elif isinstance(event, yaml.CollectionStartEvent):
            if len(self.open) >= DEPTH:
                raise Unreadable(line, _("It is nested too deeply."))
            self.open.append((isinstance(event, yaml.MappingStartEvent), line, []))
        elif isinstance(event, yaml.CollectionEndEvent):
            is_mapping, began, held = self.open.pop()
            self._put(Node(began, _mapping(held) if is_mapping else held))

    def _put(self, node: Node) -> None:
        if self.open:
            self.open[-1][2].append(node)
        elif self.root:
            raise Unreadable(node.line, _("It holds more than one document."))
        else:
            self.root = node


def _is_nothing(event: yaml.ScalarEvent) -> bool:
    return event.style is None and event.value in NOTHING


def _mapping(held: list[Node]) -> dict[str, Node]:
    found: dict[str, Node] = {}
    for name, node in zip(held[::2], held[1::2], strict=True):
        if not isinstance(name.value, str):
            raise Unreadable(name.line, _("A name must be text."))
        if name.value in found:
            raise Unreadable(name.line, _("`%s` is there twice.") % name.value[:50])
        found[name.value] = Node(name.line, node.value)
    return found


# Writing.


class _Dumper(yaml.SafeDumper):
    """Text of several lines as such, lists on one line, everything in the order it is given."""

    def ignore_aliases(self, data: Any) -> bool:
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> Any:
        return super().increase_indent(flow, False)


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


def _names(dumper: yaml.SafeDumper, names: tuple[str, ...]) -> yaml.SequenceNode:
    return dumper.represent_sequence("tag:yaml.org,2002:seq", names, flow_style=True)


_Dumper.add_representer(str, _text)
_Dumper.add_representer(tuple, _names)


def written(rules: tuple[Rule, ...], heading: str = "") -> str:
    """The table as YAML, under a comment."""
    listed = [_plain(rule) for rule in rules]
    text = yaml.dump(
        {"rules": listed}, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100
    )
    comment = "".join(f"# {line}\n" for line in heading.splitlines())
    return comment + str(text)


def _plain(rule: Rule) -> dict[str, Any]:
    given = {name: getattr(rule, name) for name in rule.stored()}
    if "expires" in given:
        given["expires"] = date.fromisoformat(given["expires"])
    return given
