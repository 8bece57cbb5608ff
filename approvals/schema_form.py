"""Forms for a kind of request, made from its JSON Schema: field by field, or as plain JSON."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from approvals.files import MOST_BYTES, is_object, is_text, media_types
from approvals.files import read as file_in
from approvals.form_fields import Upload
from approvals.forms import JSONObject, JSONValue, RequestForm, dress
from approvals.hidden import hides
from approvals.models import Kind, Queue
from approvals.schema_words import Path, faults

ABSENT = object()  # nothing was filled in, so the payload has no such field
LONG = 200  # characters: longer text gets a box of its own
MONO = {"class": "mono", "spellcheck": "false", "autocomplete": "off"}


class KindForm(RequestForm):
    """One field for each property of the kind's schema. `first` is the payload it begins with."""

    typed = "form"

    def __init__(
        self, kind: Kind, *args: Any, first: dict[str, Any] | None = None, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.kind = kind
        self.payload: dict[str, Any] = {}
        first = _defaults(kind) if first is None else first
        required = kind.schema.get("required", [])
        self.shapes = {
            name: shape_of(name, schema, name in required, uploads=True)
            for name, schema in kind.fields().items()
        }
        for name, shape in self.shapes.items():
            shape.field.initial = shape.write(first[name]) if name in first else None
            self.fields[html_name(name)] = shape.field
        self.order_fields([html_name(name) for name in self.shapes])
        dress("details", self.fields["details"])

    def clean(self) -> dict[str, Any]:
        self.payload = self._filled_in()
        for path, words in faults(self.kind.schema, self.payload).items():
            field = html_name(str(path[0])) if path and path[0] in self.shapes else None
            if field is None or field not in self.errors:
                self.add_error(field, _at(path[1:] if field else path, words))
        return super().clean()

    def _filled_in(self) -> dict[str, Any]:
        """The payload, as far as it can be read."""
        given = self.cleaned_data
        found = {
            name: shape.read(given[html_name(name)])
            for name, shape in self.shapes.items()
            if html_name(name) in given
        }
        return {name: each for name, each in found.items() if each is not ABSENT}

    def asked(self) -> dict[str, Any]:
        return asked_of(self.kind, self.payload)

    def asked_queue(self) -> Queue | None:
        return self.kind.queue


class JSONKindForm(RequestForm):
    """The payload of a kind as plain JSON, held against the same schema."""

    typed = "json"
    payload_text = JSONObject(
        label=gettext_lazy("Payload"),
        help_text=gettext_lazy("A JSON object: exactly what will be done."),
    )
    field_order = ["payload_text", "details"]

    def __init__(
        self, kind: Kind, *args: Any, first: dict[str, Any] | None = None, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.kind = kind
        self.payload: dict[str, Any] = {}
        self.faults: dict[Path, str] = {}  # what breaks the schema, where
        first = _defaults(kind) if first is None else first
        self.fields["payload_text"].initial = json.dumps(first, indent=2, ensure_ascii=False)
        for name, field in self.fields.items():
            dress(name, field)

    def clean(self) -> dict[str, Any]:
        if "payload_text" not in self.errors:
            self.payload = self.cleaned_data["payload_text"]
            self.faults = faults(self.kind.schema, self.payload)
            for path, words in self.faults.items():
                self.add_error("payload_text", _at(path, words))
        return super().clean()

    def missing(self) -> list[str]:
        """Of the payload too, once it can be read."""
        fields = self.kind.fields()
        labels = [fields.get(each, {}).get("title") or _label(each) for each in self._absent()]
        return [*super().missing(), *labels]

    def wrong(self) -> list[str]:
        label = self["payload_text"].label
        absent = {f"{label}: {_at((each,), self.faults[each,])}" for each in self._absent()}
        return [each for each in super().wrong() if each not in absent]

    def _absent(self) -> list[str]:
        """Names of the required fields that the payload does not have yet."""
        names = [str(path[0]) for path in self.faults if len(path) == 1]
        return [each for each in names if each not in self.payload]

    def asked(self) -> dict[str, Any]:
        return asked_of(self.kind, self.payload)

    def asked_queue(self) -> Queue | None:
        return self.kind.queue


def asked_of(kind: Kind, payload: dict[str, Any]) -> dict[str, Any]:
    """The fields of a request of `kind`, as the wire has them."""
    return {
        "title": kind.title(payload),
        "payload": payload,
        "queue": kind.queue.slug,
        "risk": kind.risk,
        "due_seconds": kind.due_seconds,
        "kind": kind.slug,
    }


def html_name(name: str) -> str:
    """A name that no other field has, and that is good as an id, whatever the schema says."""
    return "p-" + re.sub(r"[^A-Za-z0-9_-]", lambda found: f".{ord(found[0]):x}.", name)


def _at(path: Path, words: str) -> str:
    return f"{'.'.join(map(str, path))}: {words}" if path else words


def _defaults(kind: Kind) -> dict[str, Any]:
    return {name: each["default"] for name, each in kind.fields().items() if "default" in each}


# One property.


@dataclass(frozen=True)
class Shape:
    """A form field with the way from what it cleaned to JSON, and from JSON to what it shows."""

    field: forms.Field
    read: Callable[[Any], Any]
    write: Callable[[Any], Any] = lambda value: value


def shape_of(name: str, schema: dict[str, Any], required: bool, *, uploads: bool = False) -> Shape:
    """`uploads`: the form can send files; without it they are typed as what they are in JSON."""
    unseen = _("Nobody is shown it again.") if schema.get("writeOnly") is True else ""
    if not unseen and hides(schema):
        unseen = _("Nobody is shown all of it again.")
    options = {
        "label": schema.get("title") or _label(name),
        "help_text": f"{schema.get('description', '')} {unseen}".strip(),
        "required": required,
    }
    if uploads and (is_text(schema) or is_object(schema)):
        return _upload(name, schema, options)
    if choices := _choices(schema):
        return _choice(choices, options)
    if schema.get("type") == "array" and _type(schema.get("items", {})) == "string":
        return _lines(options)
    make = {
        "string": _string,
        "integer": _integer,
        "number": _number,
        "boolean": _boolean,
    }.get(_type(schema), _json)
    return make(schema, options)


def _upload(name: str, schema: dict[str, Any], options: Any) -> Shape:
    hint = _("At most %d KiB.") % (MOST_BYTES // 1024)
    options = {**options, "help_text": f"{options['help_text']} {hint}".strip()}
    types, whole = media_types(schema), is_object(schema)

    def read(chosen: dict[str, Any] | None) -> Any:
        return ABSENT if chosen is None else chosen if whole else chosen["content"]

    def write(value: Any) -> dict[str, Any] | None:
        if found := file_in(value, schema, name):
            content = value["content"] if isinstance(value, dict) else value
            return {"name": found.name, "type": found.type, "content": content}
        return None

    return Shape(Upload(types, **options), read, write)


def _label(name: str) -> str:
    words = re.sub(r"[_-]+", " ", name).strip() or name
    return words[0].upper() + words[1:]


def _type(schema: Any) -> str:
    """The schema's type; of several the only one beside null."""
    named = schema.get("type") if isinstance(schema, dict) else None
    several = named if isinstance(named, list) else [named]
    kept = [each for each in several if each != "null"]
    return str(kept[0]) if len(kept) == 1 else ""


def _choices(schema: dict[str, Any]) -> list[tuple[Any, str]]:
    """(value, words) of an `enum`, or of a `oneOf` of constants with titles."""
    if "enum" in schema:
        return [(each, each if isinstance(each, str) else json.dumps(each))
                for each in schema["enum"]]  # fmt: skip
    several = schema.get("oneOf", [])
    if several and all(isinstance(each, dict) and "const" in each for each in several):
        return [(each["const"], str(each.get("title", each["const"]))) for each in several]
    return []


def _choice(choices: list[tuple[Any, str]], options: Any) -> Shape:
    texts = [(json.dumps(value), words) for value, words in choices]
    field = forms.ChoiceField(choices=[("", _("Choose …")), *texts], **options)
    return Shape(field, lambda text: json.loads(text) if text else ABSENT, json.dumps)


def _string(schema: dict[str, Any], options: Any) -> Shape:
    kind = schema.get("format", "")
    if kind == "date":
        widget: forms.Widget = forms.DateInput({"type": "date"}, "%Y-%m-%d")
        picked = forms.DateField(widget=widget, **options)
        return Shape(picked, lambda day: day.isoformat() if day else ABSENT, _day)
    if kind == "date-time":
        return _moment(options)
    longest = schema.get("maxLength")
    long = kind in ("markdown", "code") or (longest or 0) > LONG
    widget = forms.Textarea({"rows": 4, "cols": False}) if long else _input(kind)
    if longest:
        widget.attrs["maxlength"] = longest
    if kind in ("iban", "code"):
        widget.attrs |= MONO
    field = forms.CharField(widget=widget, strip=kind != "code", **options)
    return Shape(field, _text, str)


def _input(kind: str) -> forms.Widget:
    if kind == "email":
        return forms.EmailInput()
    if kind == "uri":
        return forms.URLInput()
    return forms.TextInput({"inputmode": "decimal"} if kind == "money" else None)


def _text(typed: str) -> Any:
    """Browsers send line breaks as two characters."""
    return typed.replace("\r\n", "\n") if typed else ABSENT


def _moment(options: Any) -> Shape:
    zone = _("Time zone: %s.") % timezone.get_current_timezone()
    options = {**options, "help_text": f"{options['help_text']} {zone}".strip()}
    attributes = {"type": "datetime-local", "step": 1}
    widget = forms.DateTimeInput(attributes, "%Y-%m-%dT%H:%M:%S")
    field = forms.DateTimeField(widget=widget, **options)
    return Shape(field, lambda when: when.isoformat() if when else ABSENT, _when)


def _day(value: Any) -> date | None:
    try:
        return date.fromisoformat(value)
    except (TypeError, ValueError):
        return None


def _when(value: Any) -> datetime | None:
    try:
        when = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return None
    return when if when.tzinfo else timezone.make_aware(when)


def _integer(schema: dict[str, Any], options: Any) -> Shape:
    return Shape(forms.IntegerField(**_range(schema), **options), _number_or_absent)


def _number(schema: dict[str, Any], options: Any) -> Shape:
    return Shape(forms.FloatField(**_range(schema), **options), _number_or_absent)


def _range(schema: dict[str, Any]) -> dict[str, Any]:
    return {"min_value": schema.get("minimum"), "max_value": schema.get("maximum")}


def _number_or_absent(value: int | float | None) -> Any:
    if value is None:
        return ABSENT
    return int(value) if float(value).is_integer() else value


def _boolean(schema: dict[str, Any], options: Any) -> Shape:
    # An empty box is an answer: no.
    return Shape(forms.BooleanField(**{**options, "required": False}), bool)


def _lines(options: Any) -> Shape:
    hint = _("One per line.")
    options = {**options, "help_text": f"{options['help_text']} {hint}".strip()}
    widget = forms.Textarea({"rows": 3, "cols": False})

    def read(typed: str) -> Any:
        lines = [each.strip() for each in typed.splitlines()]
        return [each for each in lines if each] or ABSENT

    return Shape(forms.CharField(widget=widget, **options), read, _joined)


def _joined(value: Any) -> str:
    return "\n".join(map(str, value)) if isinstance(value, list) else str(value)


def _json(schema: dict[str, Any], options: Any) -> Shape:
    field = JSONValue(**options, widget=forms.Textarea({"rows": 5, "cols": False, **MONO}))
    return Shape(
        field,
        lambda value: ABSENT if value is None else value,
        lambda value: json.dumps(value, indent=2, ensure_ascii=False),
    )
