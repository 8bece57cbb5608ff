"""Text that others wrote, made fit to be read: short, and with nothing in it that hides."""

import unicodedata
from typing import Any

NAME_LENGTH = 120
MESSAGE_LENGTH = 500

_BLANKS = "\u034f\u115f\u1160\u3164\uffa0"  # letters by category, invisible by shape


def visible(text: str, limit: int = MESSAGE_LENGTH, keep: str = "") -> str:
    """`text` cut to `limit` characters, those that hide or reorder others as \\u escapes."""
    shown: list[str] = []
    room = limit
    for character in text[: limit + 1]:
        piece = character if character in keep else _escape(character)
        if len(piece) > room:
            return "".join(shown) + "…"
        room -= len(piece)
        shown.append(piece)
    return "".join(shown)


def named(text: str, otherwise: str = "") -> str:
    """A name as it is shown, or `otherwise` if there is none."""
    return visible(text, NAME_LENGTH) or otherwise


def said(sentence: str, reason: str) -> str:
    """The sentence with its reason after a colon, or alone if there is none."""
    return f"{sentence}: {visible(reason)}" if reason else sentence


def text_of(value: Any) -> str:
    """`value` if it is text, else nothing."""
    return value if isinstance(value, str) else ""


def _escape(character: str) -> str:
    """Control, format, surrogate and separator characters hide or reorder their neighbours."""
    if character in _BLANKS:
        return f"\\u{ord(character):04x}"
    if character.isprintable() or unicodedata.category(character) == "Zs":
        return character
    code = ord(character)
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"
