"""What belongs together in two JSON documents: field by field, and element by element of lists."""

from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from typing import Any

from approvals.files import says_more
from approvals.formats import Hint, hint, is_sealed
from approvals.hidden import Schemas, inner, is_hidden, veiled, veils
from orchestrator.contract import canonical

DEEPEST = 4  # what is nested deeper stays whole
MOST_ALIGNED = 10_000  # elements times elements, equal ends apart: difflib is quadratic
NAMES = ("id", "key", "name", "sku", "code", "path")  # what elements of a list are known by

Path = tuple[str | int, ...]
NOTHING_KNOWN = Hint()


class Missing:
    """Not there, which is something else than null."""


MISSING = Missing()


@dataclass(frozen=True)
class Pair:
    """A value on both sides, or MISSING on one. `moved` is the place in its list that it had.

    What is hidden has words in its place; `changed` knows the values themselves.
    """

    path: Path
    titles: tuple[str, ...]  # the schema's words for each step of the path; "" for none
    was: Any
    now: Any
    hint: Hint
    moved: int | None = None
    changed: bool = False

    @property
    def differs(self) -> bool:
        return self.changed or self.moved is not None or self.was is MISSING or self.now is MISSING


@dataclass(frozen=True)
class Place:
    """Where the walk stands: the path, its words, the schema there, and what is known."""

    path: Path = ()
    titles: tuple[str, ...] = ()
    schema: Any = None
    hint: Hint = NOTHING_KNOWN
    moved: int | None = None
    veils: Schemas = ()

    def inner(self, name: str | int, near: Any, moved: int | None = None) -> "Place":
        schema = _inner_schema(self.schema, name)
        title = str(schema.get("title") or "")
        called = name if isinstance(name, str) else str(self.path[-1] if self.path else "")
        known = hint(called, schema, near)
        path, titles = (*self.path, name), (*self.titles, title)
        return Place(path, titles, schema, known, moved, inner(self.veils, name))

    def pair(self, was: Any, now: Any) -> Pair:
        """Of two values that stand here."""
        changed = was is not MISSING and now is not MISSING and not same(was, now)
        was, now = (each if each is MISSING else veiled(each, self.veils) for each in (was, now))
        return Pair(self.path, self.titles, was, now, self.hint, self.moved, changed)


def same(one: Any, other: Any) -> bool:
    """As JSON: 1 is not true, which it is in Python, and 1 is 1.0."""
    return one is other or canonical(one) == canonical(other)


def leaves(value: Any) -> Iterator[tuple[Path, Any]]:
    """(path, value) of everything that is not a filled object or list, in order."""
    for pair in pairs(MISSING, value):
        yield pair.path, pair.now


def pairs(was: Any, now: Any, schema: Any = None, others: Iterable[Any] = ()) -> Iterator[Pair]:
    """Every leaf of both, paired; in the order of the schema's fields, then of `now`.

    `others` are schemas that hide more than `schema` does.
    """
    return _walk(was, now, Place(schema=schema, veils=veils(schema, *others)))


def _walk(was: Any, now: Any, place: Place) -> Iterator[Pair]:
    before, after = _filled(was, place), _filled(now, place)
    if not before and not after:
        if place.path:
            yield place.pair(was, now)
    elif was is not MISSING and now is not MISSING and before is not after:
        # An object has become a list, a text or empty: nothing of the one belongs to the other.
        yield from _walk(was, MISSING, place)
        yield from _walk(MISSING, now, place)
    elif dict in (before, after):
        yield from _objects(was, now, place)
    else:
        yield from _lists(was, now, place)


def _filled(value: Any, place: Place) -> type | None:
    """dict or list, where there is something to walk into."""
    if not isinstance(value, dict | list) or len(place.path) >= DEEPEST or is_hidden(place.veils):
        return None
    if place.hint.format == "file" and not says_more(value):
        return None
    return type(value) if not place.path or (value and not is_sealed(value)) else None


def _objects(was: Any, now: Any, place: Place) -> Iterator[Pair]:
    before, after = ({} if each is MISSING else each for each in (was, now))
    for name in [*_ordered(after, place.schema), *(each for each in before if each not in after)]:
        inner = place.inner(name, after or before)
        yield from _walk(before.get(name, MISSING), after.get(name, MISSING), inner)


def _ordered(names: dict[str, Any], schema: Any) -> list[str]:
    """PostgreSQL keeps no order of an object's fields: the schema's counts, where there is one."""
    known = schema if isinstance(schema, dict) else {}
    order = known.get("x-order") or list(known.get("properties") or {})
    first = [each for each in order if each in names]
    return [*first, *(each for each in names if each not in first)]


def _inner_schema(schema: Any, name: str | int) -> dict[str, Any]:
    known = schema if isinstance(schema, dict) else {}
    found = known.get("items") if isinstance(name, int) else known.get("properties", {}).get(name)
    return found if isinstance(found, dict) else {}


# Lists.


def _lists(was: Any, now: Any, place: Place) -> Iterator[Pair]:
    before, after = ([] if each is MISSING else each for each in (was, now))
    for old, new, moved in aligned(before, after):
        inner = place.inner(new if new is not None else old or 0, None, old if moved else None)
        one = MISSING if old is None else before[old]
        other = MISSING if new is None else after[new]
        if moved and _filled(other, inner):
            yield Pair(inner.path, inner.titles, MISSING, MISSING, NOTHING_KNOWN, old)
            inner = replace(inner, moved=None)
        yield from _walk(one, other, inner)


def aligned(was: list[Any], now: list[Any]) -> list[tuple[int | None, int | None, bool]]:
    """(place before, place now, whether it moved past others), in the order of `now`.

    An element that is the same at another place has moved; it is neither gone nor new.
    """
    old, new, named = _known_by(was, now)
    found = _in_order(old, new)
    free: dict[Hashable, list[int]] = defaultdict(list)
    for place in sorted({*range(len(old))} - {*found.values()}, reverse=True):
        free[old[place]].append(place)
    moved = {at: free[new[at]].pop() for at in range(len(new)) if at not in found and free[new[at]]}
    found |= moved
    if not named:  # what stands where something else stood has changed
        _replaced(found, len(old), len(new))
    gone = sorted({*range(len(old))} - {*found.values()})
    return [
        *((found.get(at), at, at in moved) for at in range(len(new))),
        *((place, None, False) for place in gone),
    ]


def _known_by(was: list[Any], now: list[Any]) -> tuple[list[Hashable], list[Hashable], bool]:
    """What elements are recognised by: a name that each has and no other shares, else the whole."""
    for name in NAMES:
        sides = [[_named(each, name) for each in side] for side in (was, now)]
        if all(None not in side and len({*side}) == len(side) for side in sides):
            return sides[0], sides[1], bool(was and now)
    return [canonical(each) for each in was], [canonical(each) for each in now], False


def _named(element: Any, name: str) -> Hashable:
    return canonical(element[name]) if isinstance(element, dict) and name in element else None


def _in_order(old: list[Hashable], new: list[Hashable]) -> dict[int, int]:
    """Places now → places before, of what kept its order."""
    first, last, least = 0, 0, min(len(old), len(new))
    while first < least and old[first] == new[first]:
        first += 1
    while last < least - first and old[-1 - last] == new[-1 - last]:
        last += 1
    found = {at: at for at in range(first)}
    found |= {len(new) - 1 - at: len(old) - 1 - at for at in range(last)}
    middle = old[first : len(old) - last], new[first : len(new) - last]
    if len(middle[0]) * len(middle[1]) <= MOST_ALIGNED:
        blocks = SequenceMatcher(None, *middle, autojunk=False).get_matching_blocks()
        for a, b, size in blocks:
            found |= {first + b + at: first + a + at for at in range(size)}
    return found


def _replaced(found: dict[int, int], old: int, new: int) -> None:
    """What is new takes the place of what is gone there, one by one."""
    taken = {*found.values()}
    for at in range(new):
        if at in found or (at and at - 1 not in found):
            continue
        place = found[at - 1] + 1 if at else 0
        if place < old and place not in taken:
            found[at] = place
            taken.add(place)
