"""One value of a payload as people read it: its words, its shape, and what is odd about it."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from django.template.defaultfilters import filesizeformat
from django.utils import timezone
from django.utils.formats import date_format, get_format
from django.utils.translation import gettext as _

from approvals import files
from approvals.addresses import LINK, host_doubt
from approvals.characters import visible
from approvals.files import File
from approvals.hidden import Hidden, count
from approvals.schema_words import FORMATS
from orchestrator.contract import canonical

IBAN = re.compile(r"[A-Z]{2}\d{2}[A-Z0-9]{10,30}")
NUMBER = re.compile(r"[^\w\s]?\s?-?[\d.,'’\s]*\d\s?[^\d\s]{0,3}")
DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
MOMENT = re.compile(r"\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(Z|[+-]\d{2}:\d{2})?")
# An amount without any grouping of its own. Three decimals could be thousands: not ours to say.
AMOUNT = re.compile(
    r"(?P<before>(?:[A-Z]{3}|[^\w\s.,'’+-])?\s?-?)(?P<whole>\d{4,})(?P<rest>\.\d{1,2})?"
    r"(?P<after>\s?(?:[A-Z]{3}|[^\w\s.,'’]))?"
)
SUMS = re.compile(r"(?:^|_)(?:amount|total|sum|price|fee)$|(?:Amount|Total|Sum|Price|Fee)$")
# What only counts. Any other number could be an id, an account or a year, and stays as it came.
COUNTS = re.compile(r"(?:^|_)(?:rows|count|bytes)$|[a-z](?:Rows|Count|Bytes)$")
SEALED = "YmluYXJ5L2VuY3J5cHRlZA=="  # binary/encrypted
LONG = 200  # characters; longer text stands in lines of its own


@dataclass(frozen=True)
class Hint:
    """What is known of a value beside the value: the schema's format, its choices, a currency."""

    format: str = ""
    choices: Mapping[bytes, str] = field(default_factory=dict)  # canonical JSON → its title
    currency: str = ""
    schema: Mapping[str, Any] = field(default_factory=dict)  # of a file
    name: str = ""


@dataclass(frozen=True)
class Shown:
    """A value in a reader's words. `compare` says by what two of them are compared."""

    text: str
    kind: str = "text"  # text, code, lines, block, markdown, json, word, time, file
    compare: str = "token"  # token, group, whole
    href: str = ""
    title: str = ""
    when: str = ""  # ISO 8601, for `time`
    flags: tuple[str, ...] = ()  # what is odd about it, in sentences
    file: File | None = None


def hint(name: str, schema: Any, near: Any) -> Hint:
    """For the value called `name` that `schema` describes, and that stands in the object `near`."""
    schema = schema if isinstance(schema, dict) else {}
    near = near if isinstance(near, dict) else {}
    if files.is_text(schema) or files.is_object(schema):
        return Hint("file", schema=schema, name=name)
    said = schema.get("format")
    known = said if isinstance(said, str) else ""
    if not known and "iban" in name.casefold():
        known = "iban"
    if not known and SUMS.search(name):
        known = "money"
    if not known and COUNTS.search(name):
        known = "count"
    currency = schema.get("x-currency") or near.get("currency") or ""
    return Hint(known, _choices(schema), currency if isinstance(currency, str) else "")


def _choices(schema: dict[str, Any]) -> dict[bytes, str]:
    """Titles of the constants that `oneOf` lists."""
    listed = schema.get("oneOf")
    known = [each for each in listed if isinstance(each, dict)] if isinstance(listed, list) else []
    return {
        canonical(each["const"]): str(each["title"])
        for each in known
        if "const" in each and "title" in each
    }


def show(value: Any, hint: Hint) -> Shown:
    """`value` by its hint, else by what it looks like."""
    if isinstance(value, Hidden):
        return Shown(value, "word", "whole")
    if hint.format == "file":
        return _file(value, hint)
    if hint.choices and (title := hint.choices.get(canonical(value))):
        return Shown(f"{title} ({plain(value)})", compare="whole")
    if isinstance(value, str) and value:
        return _by_format(value, hint) or _by_looks(value)
    if is_sealed(value):
        what_to_do = _(
            "The desk cannot read it. It needs the key: have the workflow’s worker decode it with "
            "its payload codec before it asks, or send a hash of it instead."
        )
        return Shown(_("encrypted"), "word", "whole", flags=(what_to_do,))
    if isinstance(value, dict | list) and value:
        return Shown(plain(value), "json")
    if isinstance(value, int | float) and not isinstance(value, bool):
        return Shown(grouped(plain(value), hint), compare="whole")
    return Shown(plain(value), "word", "whole")


def file_of(value: Any, hint: Hint) -> File | None:
    """The file that a value is; None where it is none, or cannot be read."""
    return files.read(value, dict(hint.schema), hint.name) if hint.format == "file" else None


def _file(value: Any, hint: Hint) -> Shown:
    """Its name, size and type. The hash tells two of them apart that differ in nothing else."""
    found = file_of(value, hint)
    if found is None:
        wrong = _("It should be a file in base64, and cannot be read as one.")
        flags = () if count(value) else (wrong,)  # what is hidden may well be one
        return Shown(plain(value), "word" if not value else "lines", "whole", flags=flags)
    size = filesizeformat(found.size).replace("\xa0", " ")
    words = f"{found.name}, {size}, {found.type}, SHA-256 {found.sha256[:12]}…"
    return Shown(words, "file", "whole", flags=_doubts(found.doubt), file=found)


def is_sealed(value: Any) -> bool:
    """Whether it is a Temporal payload that a codec encrypted, as protobuf writes it in JSON."""
    metadata = value.get("metadata") if isinstance(value, dict) and "data" in value else None
    return isinstance(metadata, dict) and metadata.get("encoding") == SEALED


def plain(value: Any) -> str:
    """A value in words, undressed; numbers exactly as they came."""
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


def _by_format(value: str, hint: Hint) -> Shown | None:
    """None where the format is not ours to show, or the value is not in it."""
    if hint.format == "money":
        is_sum = NUMBER.fullmatch(value) or AMOUNT.fullmatch(value)
        return Shown(grouped(value, hint), compare="whole") if is_sum else None
    if hint.format == "iban":
        return _account(value)
    if hint.format == "uri":
        return _address(value)
    if hint.format == "email":
        return Shown(value, flags=_doubts(host_doubt(f"mail://{value.rpartition('@')[2]}")))
    if hint.format in ("markdown", "code"):
        return Shown(value, "markdown" if hint.format == "markdown" else "block")
    if hint.format == "date-time" and (found := MOMENT.fullmatch(value)) and not found[1]:
        return Shown(value, compare="whole", flags=(_("It names no time zone."),))
    return None


def _by_looks(value: str) -> Shown:
    if moment := _moment(value):
        return moment
    if LINK.fullmatch(value):
        return _address(value)
    if is_iban(value):
        return Shown(in_groups(value), "code", "group")
    if "\n" in value or len(value) > LONG:
        return Shown(value, "lines")
    if NUMBER.fullmatch(value):
        return Shown(value, compare="whole")
    has_digit = any(each.isdigit() for each in value)
    is_code = has_digit and len(value) <= 80 and not re.search(r"\s", value)
    return Shown(value, "code" if is_code else "text")


# Money, where a currency says that it is money, and counts: grouped for the eye. No digit is ever
# changed.


def grouped(text: str, hint: Hint) -> str:
    found = AMOUNT.fullmatch(text)
    if found is None or hint.format not in ("money", "count"):
        return text
    named = hint.currency or found["before"].strip(" -") or found["after"]
    if hint.format == "money" and not named:
        return text
    whole, between = found["whole"], str(get_format("THOUSAND_SEPARATOR"))
    first = len(whole) % 3 or 3
    parts = [whole[:first], *(whole[at : at + 3] for at in range(first, len(whole), 3))]
    rest = (found["rest"] or "").replace(".", str(get_format("DECIMAL_SEPARATOR")))
    return f"{found['before']}{between.join(parts)}{rest}{found['after'] or ''}"


# Account numbers.


def is_iban(text: str) -> bool:
    return bool(IBAN.fullmatch(compact(text)))


def compact(text: str) -> str:
    return re.sub(r"[ \u00a0]", "", text)


def in_groups(text: str) -> str:
    """By groups of four, which is how people read them aloud."""
    bare = compact(text)
    return " ".join(bare[at : at + 4] for at in range(0, len(bare), 4))


def _account(value: str) -> Shown:
    wrong = _("Its check digits do not fit: this is no account number.")
    flags = () if FORMATS.conforms(value, "iban") else (wrong,)
    if not is_iban(value):
        return Shown(value, "code", flags=flags)
    return Shown(in_groups(value), "code", "group", flags=flags)


# Days and moments, the latter in the reader's zone.


def _moment(value: str) -> Shown | None:
    try:
        if DATE.fullmatch(value):
            day = date_format(date.fromisoformat(value), "j F Y")
            return Shown(day, "time", "whole", title=value, when=value)
        if (found := MOMENT.fullmatch(value)) and found[1]:
            at = datetime.fromisoformat(value.upper())
            words = date_format(timezone.localtime(at), "j F Y, H:i:s T")
            return Shown(words, "time", "whole", title=value, when=at.isoformat())
    except (ValueError, OverflowError):
        pass  # 30 February: shown as it is written
    return None


# Addresses.


def _address(value: str) -> Shown:
    doubt = host_doubt(value)
    if visible(value) != value:
        doubt = doubt or _("The address holds hidden characters.")
    href = value if LINK.fullmatch(value) and not doubt else ""
    return Shown(value, "code", href=href, flags=_doubts(doubt))


def _doubts(doubt: str) -> tuple[str, ...]:
    return (doubt,) if doubt else ()
