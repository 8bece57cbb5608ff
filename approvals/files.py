"""Files in payloads: base64 that a schema describes, read, named and never believed."""

import base64
import binascii
import hashlib
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from approvals.characters import pieces
from orchestrator import contract

MOST_BYTES = contract.PAYLOAD_BYTES * 3 // 4 - 4096  # as base64, with room for what is beside it
ANY = "application/octet-stream"
PARTS = ("name", "type", "content")  # of a file; an object that says more is none
LONGEST_NAME = 80
# Only what browsers draw without running anything: no SVG. By their first bytes.
IMAGES = {"image/png": b"\x89PNG\r\n\x1a\n", "image/jpeg": b"\xff\xd8\xff", "image/gif": b"GIF8"}
WEBP = "image/webp"


@dataclass(frozen=True)
class File:
    """A file as it is: what it is called, what it says it is, and its bytes."""

    name: str
    type: str
    content: bytes

    @property
    def size(self) -> int:
        return len(self.content)

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()

    @property
    def image(self) -> str:
        """The type that browsers may draw it by; empty where it is no picture, or another one."""
        return self.type if picture(self.content) == self.type else ""

    @property
    def doubt(self) -> str:
        """What is odd about it, in a sentence."""
        claims = self.type in (*IMAGES, WEBP)
        return _("It is not the picture that it says it is.") if claims and not self.image else ""


def picture(content: bytes) -> str:
    """The type of the picture that `content` is; empty where it is none of the four."""
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return WEBP
    return next((each for each, first in IMAGES.items() if content.startswith(first)), "")


def is_text(schema: Any) -> bool:
    """Whether `schema` describes a text that is a file."""
    encoding = schema.get("contentEncoding") if isinstance(schema, dict) else None
    return isinstance(encoding, str) and encoding.lower() == "base64"


def is_object(schema: Any) -> bool:
    """Whether it describes an object of name, type and content alone, the content being a file."""
    inside = schema.get("properties") if isinstance(schema, dict) else None
    return isinstance(inside, dict) and {*inside} <= {*PARTS} and is_text(inside.get("content"))


def holds(schema: Any) -> bool:
    """Whether it describes a file, however deep."""
    if isinstance(schema, dict):
        return is_text(schema) or any(map(holds, schema.values()))
    return isinstance(schema, list) and any(map(holds, schema))


def says_more(value: Any) -> bool:
    """Whether it is an object that a file would not be all of: nothing of it may get lost."""
    if not isinstance(value, dict):
        return False
    said = (value.get("name"), value.get("type"))
    return not {*value} <= {*PARTS} or any(isinstance(each, dict | list) for each in said)


def media_types(schema: dict[str, Any]) -> list[str]:
    """The types that `schema` takes; none: any."""
    inside = schema.get("properties", {})
    known = inside.get("type", {}) if isinstance(inside.get("type", {}), dict) else {}
    listed = [known["const"]] if "const" in known else known.get("enum", [])
    one = schema.get("contentMediaType") or inside.get("content", {}).get("contentMediaType")
    return [each for each in (listed or [one]) if isinstance(each, str) and each]


def read(value: Any, schema: dict[str, Any], called: str) -> File | None:
    """The file that `value` is by its `schema`; None where it cannot be read as one.

    `called` is the name of a file that does not say its own.
    """
    if says_more(value):
        return None
    said = value if isinstance(value, dict) else {"content": value}
    content = decoded(said.get("content"))
    if content is None:
        return None
    types = media_types(schema)
    kind = said.get("type") or (types[0] if len(types) == 1 else ANY)
    name = said.get("name") or called
    return File(named(str(name)), str(kind)[:LONGEST_NAME].lower(), content)


def decoded(text: Any) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True) if isinstance(text, str) else None
    except (binascii.Error, ValueError):
        return None


def named(name: str) -> str:
    """`name` without folders and without what nobody sees."""
    seen = "".join(piece for piece, escaped in pieces(name) if not escaped)
    last = " ".join(seen.replace("\\", "/").rpartition("/")[2].split())
    return last[-LONGEST_NAME:].strip(". ") or "file"
