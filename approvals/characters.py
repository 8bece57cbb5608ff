"""Characters that hide or reorder their neighbours, made visible."""

import re
import unicodedata
from collections.abc import Iterator

# Letters by category, invisible by shape.
BLANKS = "\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0"
TAGS = "\U000e0100-\U000e01ef"
SUSPECTS = re.compile(f"[{BLANKS}{TAGS}]")


def pieces(text: str) -> Iterator[tuple[str, bool]]:
    """`text` in order: (text as it is, False) or (the escape of one character, True).

    Line breaks and tabs stay; every other control, format, private or unassigned character, line
    separator and invisible letter becomes its escape.
    """
    if text.isprintable() and not SUSPECTS.search(text):
        yield text, False
        return
    start = 0
    for index, character in enumerate(text):
        if _is_harmless(character):
            continue
        if start < index:
            yield text[start:index], False
        code = ord(character)
        yield (f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"), True
        start = index + 1
    if start < len(text):
        yield text[start:], False


def visible(text: str) -> str:
    """`text` with every hidden character as its escape."""
    return "".join(piece for piece, _escaped in pieces(text))


def line(text: str) -> str:
    """The same on one line, for a terminal: nothing in it clears, recolours or forges another."""
    return visible(text).replace("\n", "\\n")


def _is_harmless(character: str) -> bool:
    if character in "\n\t":
        return True
    if SUSPECTS.match(character):
        return False
    return character.isprintable() or unicodedata.category(character) == "Zs"
