"""Two texts side by side, in parts: which of them the other side reads differently."""

import re
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import zip_longest

MOST_COMPARED = 40_000  # tokens times tokens: difflib is quadratic


@dataclass(frozen=True)
class Part:
    """A stretch of a value; `changed` where the other side reads differently."""

    text: str
    changed: bool = False


def marked(was: str, now: str, by: str) -> tuple[list[Part], list[Part]]:
    """Compared by token, by group or as a whole; something is marked whatever differs."""
    ways = {"group": _by_group, "token": _by_token}
    sides = ways[by](was, now) if by in ways else _whole(was, now)
    if not any(part.changed for side in sides for part in side):
        return _whole(was, now)
    return sides


def _whole(was: str, now: str) -> tuple[list[Part], list[Part]]:
    return [Part(was, True)], [Part(now, True)]


def _by_group(was: str, now: str) -> tuple[list[Part], list[Part]]:
    """Account numbers by their groups of four, which is how people read them aloud."""
    pairs = list(zip_longest(was.split(), now.split(), fillvalue=""))
    old = [(pair[0], pair[0] != pair[1]) for pair in pairs if pair[0]]
    new = [(pair[1], pair[0] != pair[1]) for pair in pairs if pair[1]]
    return _joined(old, " "), _joined(new, " ")


def _by_token(was: str, now: str) -> tuple[list[Part], list[Part]]:
    old, new = _tokens(was, now)
    if len(old) * len(new) > MOST_COMPARED:
        return _whole(was, now)
    left: list[tuple[str, bool]] = []
    right: list[tuple[str, bool]] = []
    for verb, a, b, c, d in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        left += [(each, verb != "equal") for each in old[a:b]]
        right += [(each, verb != "equal") for each in new[c:d]]
    return _joined(_bridged(left)), _joined(_bridged(right))


def _bridged(tokens: list[tuple[str, bool]]) -> list[tuple[str, bool]]:
    """A blank between two marks is marked with them."""
    marked = [False, *(changed for _text, changed in tokens), False]
    return [
        (text, changed or (text.isspace() and marked[at] and marked[at + 2]))
        for at, (text, changed) in enumerate(tokens)
    ]


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
