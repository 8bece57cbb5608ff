"""What is wrong with a value that a JSON Schema describes, in the words of who typed it."""

import json
import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import jsonschema
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from approvals.hidden import hides

Path = tuple[str | int, ...]

IBAN = re.compile(r"[A-Z]{2}\d{2}[A-Z0-9]{10,30}")
MONEY = re.compile(r"(?:[A-Z]{3}|[^\w\s.,'’-])?\s?-?\d[\d.,'’\s]*(?:[A-Z]{3}|[^\w\s])?")
URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[^\s<>\"]+")
MOST = 50  # faults that anybody reads

FORMATS = jsonschema.FormatChecker(["date", "email", "ipv4", "ipv6", "uuid", "regex"])


@FORMATS.checks("iban")
def _is_iban(value: Any) -> bool:
    """ISO 13616: with the first four characters moved to the end it leaves 1 modulo 97."""
    if not isinstance(value, str):
        return True
    text = re.sub(r"\s", "", value).upper()
    if not IBAN.fullmatch(text):
        return False
    return int("".join(str(int(each, 36)) for each in text[4:] + text[:4])) % 97 == 1


@FORMATS.checks("money")
def _is_money(value: Any) -> bool:
    return not isinstance(value, str) or bool(MONEY.fullmatch(value.strip()))


@FORMATS.checks("uri")
def _is_uri(value: Any) -> bool:
    return not isinstance(value, str) or bool(URI.fullmatch(value))


@FORMATS.checks("date-time", ValueError)
def _is_moment(value: Any) -> bool:
    return not isinstance(value, str) or datetime.fromisoformat(value).tzinfo is not None


def faults(schema: dict[str, Any], value: Any) -> dict[Path, str]:
    """Where `value` breaks `schema` (the empty path: as a whole) → a sentence."""
    validator = jsonschema.Draft202012Validator(schema, format_checker=FORMATS)
    found: dict[Path, str] = {}
    secretive = hides(schema)
    for error in validator.iter_errors(value):
        for path in _places(error):
            found.setdefault(path, _sentence(error, secretive))
        if len(found) >= MOST:
            break
    return found


def _places(error: jsonschema.ValidationError) -> Iterator[Path]:
    here = tuple(error.absolute_path)
    if error.validator != "required":
        yield here
        return
    for name in error.validator_value:
        if name not in error.instance:
            yield (*here, name)


TYPES = {
    "string": gettext_lazy("text"),
    "integer": gettext_lazy("a whole number"),
    "number": gettext_lazy("a number"),
    "boolean": gettext_lazy("true or false"),
    "object": gettext_lazy("an object"),
    "array": gettext_lazy("a list"),
    "null": gettext_lazy("null"),
}
SENTENCES = {
    "required": gettext_lazy("This field is required."),
    "const": gettext_lazy("This must be %s."),
    "minimum": gettext_lazy("This must be at least %s."),
    "maximum": gettext_lazy("This must be at most %s."),
    "exclusiveMinimum": gettext_lazy("This must be more than %s."),
    "exclusiveMaximum": gettext_lazy("This must be less than %s."),
    "multipleOf": gettext_lazy("This must be a multiple of %s."),
    "pattern": gettext_lazy("This does not fit the pattern %s."),
    "uniqueItems": gettext_lazy("Something is in the list twice."),
}
WRONG_FORMATS = {
    "date": gettext_lazy("Write a date such as 2026-11-24."),
    "date-time": gettext_lazy("Write date, time and zone, such as 2026-11-24T14:30:00+01:00."),
    "email": gettext_lazy("Write an email address."),
    "uri": gettext_lazy("Write a full address, such as https://example.com/."),
    "iban": gettext_lazy("This is not an IBAN. Its check digits do not fit, or its length."),
    "money": gettext_lazy("Write an amount, such as €1,200.00."),
}


def _sentence(error: jsonschema.ValidationError, secretive: bool) -> str:
    """`secretive`: without the words of the library, which quote the value."""
    rule, wanted = str(error.validator), error.validator_value
    if rule in SENTENCES:
        words = str(SENTENCES[rule])
        return words % wanted if "%s" in words else words
    if rule in ("minLength", "maxLength", "minItems", "maxItems"):
        return _length(rule, wanted)
    if rule == "additionalProperties" and "patternProperties" not in error.schema:
        known = error.schema.get("properties", {})
        unknown = ", ".join(each for each in error.instance if each not in known)
        return _("There is no field %s here.") % unknown
    if rule == "type":
        named = wanted if isinstance(wanted, list) else [wanted]
        return _("This must be %s.") % _(" or ").join(str(TYPES[each]) for each in named)
    if rule == "enum":
        return _("Choose one of: %s.") % ", ".join(_plainly(each) for each in wanted)
    if rule == "format":
        return str(WRONG_FORMATS.get(wanted) or _("This is not a valid %s.") % wanted)
    return _("This is not what the schema says (%s).") % rule if secretive else str(error.message)


def _length(rule: str, number: int) -> str:
    return {
        "minLength": ngettext(
            "Write at least %d character.", "Write at least %d characters.", number
        ),
        "maxLength": ngettext(
            "Write at most %d character.", "Write at most %d characters.", number
        ),
        "minItems": ngettext("At least %d is needed.", "At least %d are needed.", number),
        "maxItems": ngettext("At most %d is allowed.", "At most %d are allowed.", number),
    }[rule] % number


def _plainly(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
