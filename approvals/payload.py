"""A payload as rows that people read, with what changed since `previous`."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import zip_longest
from typing import Any

from django.utils.translation import gettext as _

from orchestrator.contract import canonical

MOST_BYTES = 64 * 1024  # a larger payload is shown in part until all of it is asked for
MOST_LEAVES = 200
LONGEST = 4000  # characters of one value, unless all are asked for
DEEPEST = 4  # what is nested deeper is shown as JSON
MOST_COMPARED = 40_000  # tokens times tokens: difflib is quadratic

IBAN = re.compile(r"[A-Z]{2}\d{2}[A-Z0-9]{10,30}")
NUMBER = re.compile(r"[^\w\s]?\s?-?[\d.,'’\s]*\d\s?[^\d\s]{0,3}")
LINK = re.compile(r"https?://[^\s<>\"]+")
ACRONYMS = {"iban", "bic", "id", "url", "uri", "vat", "ip", "sku", "sha256", "json"}

Path = tuple[str | int, ...]


@dataclass(frozen=True)
class Part:
    """A stretch of a value; `changed` where the other side reads differently."""

    text: str
    changed: bool = False


@dataclass(frozen=True)
class Row:
    """One value of a payload. `was` is None where there was none, `now` where there is none."""

    label: str
    path: str  # JSON Pointer (RFC 6901)
    kind: str  # text, code, lines, json, word
    change: str  # "", changed, added, removed
    was: list[Part] | None
    now: list[Part] | None
    href: str = ""


@dataclass(frozen=True)
class Sheet:
    """All rows: what changed comes first. `hidden` is how many values are left out or cut."""

    changed: list[Row]
    rest: list[Row]
    hidden: int
    compared: bool
    json: str  # empty where it is too long to show

    @property
    def total(self) -> int:
        return len(self.changed) + len(self.rest)


def read(payload: Any, previous: Any = None, everything: bool = False) -> Sheet:
    """`payload` as a sheet, compared with `previous` where there is one."""
    now = dict(leaves(payload))
    was = dict(leaves(previous)) if previous is not None else {}
    paths = [*now, *(each for each in was if each not in now)]
    changed = [each for each in paths if previous is not None and _differs(each, was, now)]
    apart = set(changed)
    rest = [each for each in paths if each not in apart]
    small = len(canonical(payload)) <= MOST_BYTES
    kept = len(paths) if everything or small else MOST_LEAVES
    longest = None if everything else LONGEST
    labels = _labels(paths)
    first = [_row(each, labels[each], was, now, longest) for each in changed[:kept]]
    then = [_plain_row(each, labels[each], now, longest) for each in rest[: kept - len(first)]]
    return Sheet(
        changed=first,
        rest=then,
        hidden=max(len(paths) - kept, 0) + _cut([*was.values(), *now.values()], longest),
        compared=previous is not None,
        json=json.dumps(payload, indent=2, ensure_ascii=False) if everything or small else "",
    )


def _cut(values: list[Any], longest: int | None) -> int:
    return sum(longest is not None and len(_text(each)) > longest for each in values)


def leaves(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """(path, value) of everything that is not a filled object or list, in order."""
    children = _children(value)
    if (not children and path) or len(path) >= DEEPEST:
        yield path, value
    else:
        for name, child in children:
            yield from leaves(child, (*path, name))


def _children(value: Any) -> list[tuple[str | int, Any]]:
    if isinstance(value, dict):
        return list(value.items())
    return list(enumerate(value)) if isinstance(value, list) else []


def _differs(path: Path, was: dict[Path, Any], now: dict[Path, Any]) -> bool:
    if path not in was or path not in now:
        return True
    # 1 == True and 1 == 1.0 in Python; in JSON the first two differ.
    return canonical(was[path]) != canonical(now[path])


def _plain_row(path: Path, label: str, now: dict[Path, Any], longest: int | None) -> Row:
    value = now[path]
    href = value if isinstance(value, str) and LINK.fullmatch(value) else ""
    return Row(label, _pointer(path), _kind(value), "", None, _plain(value, longest), href)


def _row(
    path: Path, label: str, was: dict[Path, Any], now: dict[Path, Any], longest: int | None
) -> Row:
    if path not in was:
        new = _plain(now[path], longest)
        return Row(label, _pointer(path), _kind(now[path]), "added", None, new)
    if path not in now:
        old = _plain(was[path], longest)
        return Row(label, _pointer(path), _kind(was[path]), "removed", old, None)
    sides = _compare(was[path], now[path], longest)
    return Row(label, _pointer(path), _kind(now[path]), "changed", *sides)


def _pointer(path: Path) -> str:
    return "".join("/" + str(each).replace("~", "~0").replace("/", "~1") for each in path)


def _labels(paths: list[Path]) -> dict[Path, str]:
    """Words for each path; where two paths would read alike, each as it is written."""
    words = {path: " › ".join(_words(each) for each in path) for path in paths}
    seen = Counter(words.values())
    return {
        path: " › ".join(str(each) for each in path) if seen[label] > 1 else label
        for path, label in words.items()
    }


def _words(name: str | int) -> str:
    if isinstance(name, int):
        return str(name + 1)
    if name.casefold() in ACRONYMS:
        return name.upper()
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]*", name):
        return name if name.strip() else json.dumps(name, ensure_ascii=False)
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name).replace("_", " ").replace("-", " ")
    words = [each if each.isupper() else each.lower() for each in spaced.split()]
    words = [each.upper() if each.lower() in ACRONYMS else each for each in words]
    text = " ".join(words) or name
    return text[0].upper() + text[1:]


def _kind(value: Any) -> str:
    if isinstance(value, dict | list):
        return "json" if value else "word"
    if not isinstance(value, str) or not value:
        return "text" if isinstance(value, int | float) and not isinstance(value, bool) else "word"
    if "\n" in value or len(value) > 200:
        return "lines"
    has_digit = any(each.isdigit() for each in value)
    if _iban(value) or (has_digit and len(value) <= 80 and not re.search(r"\s", value)):
        return "text" if NUMBER.fullmatch(value) else "code"
    return "text"


def _text(value: Any) -> str:
    """A value in a reader's words; numbers exactly as they came."""
    if isinstance(value, str):
        return value if value else _("empty text")
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if value is None:
        return _("none")
    if isinstance(value, dict | list) and not value:
        return _("empty list") if isinstance(value, list) else _("empty object")
    if isinstance(value, dict | list):
        return json.dumps(value, indent=2, ensure_ascii=False)
    return json.dumps(value)


def _plain(value: Any, longest: int | None) -> list[Part]:
    text = _text(value)
    if longest is None or len(text) <= longest:
        return [Part(text)]
    more = _("… and %(count)d more characters") % {"count": len(text) - longest}
    return [Part(text[:longest]), Part(more)]


# Comparing.


def _compare(before: Any, after: Any, longest: int | None) -> tuple[list[Part], list[Part]]:
    was, now = _text(before), _text(after)
    if was == now:  # "1" and 1: the same to the eye, so both are shown as JSON
        was, now = (json.dumps(each, ensure_ascii=False) for each in (before, after))
    cut_was, cut_now = was[:longest], now[:longest]
    if _iban(cut_was) and _iban(cut_now):
        sides = _by_group(_compact(cut_was), _compact(cut_now))
    elif NUMBER.fullmatch(cut_was) or NUMBER.fullmatch(cut_now):
        sides = [Part(cut_was, True)], [Part(cut_now, True)]
    else:
        sides = _by_token(cut_was, cut_now)
    if not any(part.changed for side in sides for part in side):
        sides = [Part(cut_was, True)], [Part(cut_now, True)]
    return [*sides[0], *_plain(was, longest)[1:]], [*sides[1], *_plain(now, longest)[1:]]


def _compact(text: str) -> str:
    return re.sub(r"[ \u00a0]", "", text)


def _iban(text: str) -> bool:
    return bool(IBAN.fullmatch(_compact(text)))


def _by_group(was: str, now: str) -> tuple[list[Part], list[Part]]:
    """IBANs by their groups of four, which is how people read them aloud."""
    groups = [[text[at : at + 4] for at in range(0, len(text), 4)] for text in (was, now)]
    pairs = list(zip_longest(*groups, fillvalue=""))
    old = [(pair[0], pair[0] != pair[1]) for pair in pairs if pair[0]]
    new = [(pair[1], pair[0] != pair[1]) for pair in pairs if pair[1]]
    return _joined(old, " "), _joined(new, " ")


def _by_token(was: str, now: str) -> tuple[list[Part], list[Part]]:
    old, new = _tokens(was, now)
    if len(old) * len(new) > MOST_COMPARED:
        return [Part(was, True)], [Part(now, True)]
    left: list[tuple[str, bool]] = []
    right: list[tuple[str, bool]] = []
    for verb, a, b, c, d in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        left += [(each, verb != "equal") for each in old[a:b]]
        right += [(each, verb != "equal") for each in new[c:d]]
    return _joined(left), _joined(right)


def _tokens(was: str, now: str) -> tuple[list[str], list[str]]:
    """Long text by line, ids by group, other text by word."""
    if "\n" in was or "\n" in now:
        return was.splitlines(keepends=True), now.splitlines(keepends=True)
    pattern = r"\s+|\S+" if re.search(r"\s", was + now) else r"[^\W_]+|[\W_]"
    return re.findall(pattern, was), re.findall(pattern, now)


def _joined(tokens: list[tuple[str, bool]], between: str = "") -> list[Part]:
    """Neighbours of one kind as one part, so that marks do not flicker."""
    parts: list[Part] = []
    for text, changed in tokens:
        if parts and parts[-1].changed == changed:
            parts[-1] = Part(parts[-1].text + between + text, changed)
        else:
            if parts and between:
                parts.append(Part(between))
            parts.append(Part(text, changed))
    return parts
