"""A payload as rows that people read, with what changed since what it is compared with."""

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from approvals import hidden
from approvals.files import File
from approvals.formats import Hint, Shown, file_of, plain, show
from approvals.marks import Part, marked
from approvals.pairing import MISSING, Pair, Path, leaves, pairs, same
from orchestrator.contract import canonical

__all__ = ["leaves", "read"]

MOST_BYTES = 64 * 1024  # a larger payload is shown in part until all of it is asked for
MOST_LEAVES = 200
LONGEST = 4000  # characters of one value, unless all are asked for
FOLDED = 1200  # characters beyond which a value scrolls in a box of its own

ACRONYMS = {"iban", "bic", "id", "url", "uri", "vat", "ip", "sku", "sha256", "json"}


@dataclass(frozen=True)
class Side:
    """What a value was, or is now."""

    parts: list[Part]
    shown: Shown

    @property
    def text(self) -> str:
        return "".join(each.text for each in self.parts)

    @property
    def folded(self) -> bool:
        return len(self.text) > FOLDED


@dataclass(frozen=True)
class Row:
    """One value of a payload. `was` is None where there was none, `now` where there is none."""

    label: str
    path: str  # JSON Pointer (RFC 6901)
    change: str  # "", changed, added, removed, moved
    was: Side | None
    now: Side | None
    note: str = ""


@dataclass(frozen=True)
class Sheet:
    """All rows: what changed comes first. `hidden` is how many values are left out or cut.

    `veiled` is how many are there, and shown to nobody.
    """

    changed: list[Row]
    rest: list[Row]
    hidden: int
    count: int  # rows, those left out included
    complete: bool  # every value of the payload itself is there in full
    compared: bool
    json: str  # empty where it is too long to show
    veiled: int = 0

    @property
    def total(self) -> int:
        return len(self.changed) + len(self.rest)


def read(
    payload: Any,
    previous: Any = None,
    everything: bool = False,
    schema: Any = None,
    others: Iterable[Any] = (),
) -> Sheet:
    """`payload` as a sheet, compared with `previous` where there is one.

    `schema`, the JSON Schema of its kind, names fields, orders them and says how they are shown,
    and which are not; `others` are schemas that hide more.
    """
    compared = previous is not None
    found = list(pairs(previous if compared else MISSING, payload, schema, others))
    shown = hidden.veiled(payload, hidden.veils(schema, *others))
    changed = [each for each in found if compared and each.differs]
    rest = [each for each in found if not (compared and each.differs)]
    small = len(canonical(payload)) <= MOST_BYTES
    kept = len(found) if everything or small else MOST_LEAVES
    longest = None if everything else LONGEST
    labels = _labels(found)
    first = [_row(each, labels[each.path], longest) for each in changed[:kept]]
    then = [_plain_row(each, labels[each.path], longest) for each in rest[: kept - len(first)]]
    uncut = all(not _is_cut(each.now, each, longest) for each in found)
    return Sheet(
        changed=first,
        rest=then,
        hidden=max(len(found) - kept, 0) + sum(_cuts(each, longest) for each in found),
        count=len(found),
        complete=uncut and kept >= len(found),
        compared=compared,
        json=json.dumps(shown, indent=2, ensure_ascii=False) if everything or small else "",
        veiled=hidden.count(shown),
    )


def _cuts(pair: Pair, longest: int | None) -> int:
    return int(_is_cut(pair.was, pair, longest) or _is_cut(pair.now, pair, longest))


def _is_cut(value: Any, pair: Pair, longest: int | None) -> bool:
    """A file is not: it is there as a whole, to be opened."""
    if longest is None or value is MISSING or file_of(value, pair.hint):
        return False
    return len(plain(value)) > longest


def files(payload: Any, schema: Any, others: Iterable[Any] = ()) -> Iterator[File]:
    """The files in `payload` that people may see."""
    for pair in pairs(MISSING, payload, schema, others):
        if found := file_of(pair.now, pair.hint):
            yield found


def _plain_row(pair: Pair, label: str, longest: int | None) -> Row:
    return Row(label, _pointer(pair.path), "", None, _side(pair.now, pair.hint, longest))


def _row(pair: Pair, label: str, longest: int | None) -> Row:
    pointer = _pointer(pair.path)
    if pair.moved is not None:
        note = _("moved from place %d") % (pair.moved + 1)
        now = None if pair.now is MISSING else _side(pair.now, pair.hint, longest)
        return Row(label, pointer, "moved", None, now, note)
    if pair.was is MISSING:
        return Row(label, pointer, "added", None, _side(pair.now, pair.hint, longest))
    if pair.now is MISSING:
        return Row(label, pointer, "removed", _side(pair.was, pair.hint, longest), None)
    if same(pair.was, pair.now):  # what differs is hidden
        now = _side(pair.now, pair.hint, longest)
        return Row(label, pointer, "changed", None, now, _("(changed)"))
    return Row(label, pointer, "changed", *_compare(pair, longest))


def _compare(pair: Pair, longest: int | None) -> tuple[Side, Side]:
    was, now = show(pair.was, pair.hint), show(pair.now, pair.hint)
    if was.text == now.text:  # the same to the eye: as they are written, else as JSON
        was, now = (Shown(plain(each)) for each in (pair.was, pair.now))
    if was.text == now.text:
        was, now = (Shown(json.dumps(each, ensure_ascii=False)) for each in (pair.was, pair.now))
    cut_was, cut_now = was.text[:longest], now.text[:longest]
    by = was.compare if was.compare == now.compare else "whole"
    sides = marked(cut_was, cut_now, by)
    return (
        Side([*sides[0], *_more(was.text, longest)], was),
        Side([*sides[1], *_more(now.text, longest)], now),
    )


def _side(value: Any, known: Hint, longest: int | None) -> Side:
    shown = show(value, known)
    if shown.kind == "text" and len(shown.text) > FOLDED:
        shown = Shown(shown.text, "lines")
    return Side([Part(shown.text[:longest]), *_more(shown.text, longest)], shown)


def _more(text: str, longest: int | None) -> list[Part]:
    left = len(text) - longest if longest is not None else 0
    if left <= 0:
        return []
    words = ngettext("… and %(count)d more character", "… and %(count)d more characters", left)
    return [Part(words % {"count": left})]


def _pointer(path: Path) -> str:
    return "".join("/" + str(each).replace("~", "~0").replace("/", "~1") for each in path)


# Names.


def _labels(found: list[Pair]) -> dict[Path, str]:
    """Words for each path; where two paths would read alike, each as it is written."""
    words = {
        each.path: " › ".join(_words(*step) for step in zip(each.path, each.titles, strict=True))
        for each in found
    }
    seen = Counter(words.values())
    return {
        path: " › ".join(str(each) for each in path) if seen[label] > 1 else label
        for path, label in words.items()
    }


def _words(name: str | int, title: str = "") -> str:
    if title:
        return title
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
