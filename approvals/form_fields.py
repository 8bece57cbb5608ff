"""Fields that Django has not: a length of time, days of the week, lines, files, rows."""

import json
from base64 import b64encode
from collections.abc import Mapping, Sequence
from typing import Any

from django import forms
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from approvals.characters import visible
from approvals.files import ANY, MOST_BYTES, PARTS, decoded, named
from approvals.queue_words import DAYS, largest_unit

UNITS = [("60", _("minutes")), ("3600", _("hours")), ("86400", _("days")), ("1", _("seconds"))]
LONGEST = 366 * 86400
MOST_ROWS = 20
KEPT = "-kept"  # the hidden field beside an upload: what was chosen before


class LengthInput(forms.MultiWidget):
    """A number and a unit, side by side."""

    use_fieldset = False

    def __init__(self) -> None:
        number = forms.NumberInput({"min": 1, "inputmode": "numeric"})
        unit = forms.Select({"aria-label": _("Unit")}, choices=UNITS)
        super().__init__([number, unit])

    def decompress(self, value: int | None) -> list[Any]:
        if not value:
            return [None, "3600"]
        unit = largest_unit(value)
        return [value // unit, str(unit)]

    def id_for_label(self, id_: str) -> str:
        return f"{id_}_0"

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        return format_html('<div class="pair">{}</div>', super().render(name, value, attrs))


class Length(forms.MultiValueField):
    """So many seconds, typed as a number with its unit; None where no number is given."""

    widget = LengthInput

    def __init__(self, **options: Any) -> None:
        number = forms.IntegerField(min_value=1, required=False)
        unit = forms.ChoiceField(choices=UNITS, required=False)
        super().__init__([number, unit], require_all_fields=False, **options)

    def compress(self, data: list[Any]) -> int | None:
        if not data or not data[0]:
            return None
        seconds = data[0] * int(data[1] or 60)
        if seconds > LONGEST:
            raise forms.ValidationError(gettext("At most 366 days."))
        return int(seconds)

    def clean(self, value: Any) -> int | None:
        found: int | None = super().clean(value)
        if self.required and found is None:
            raise forms.ValidationError(self.error_messages["required"], code="required")
        return found


class Days(forms.MultipleChoiceField):
    """Days of the week as digits: 12345."""

    widget = forms.CheckboxSelectMultiple

    def __init__(self, **options: Any) -> None:
        super().__init__(choices=DAYS, **options)

    def prepare_value(self, value: Any) -> list[str]:
        return list(value or "")

    def clean(self, value: Any) -> str:
        return "".join(sorted(super().clean(value)))


class Lines(forms.CharField):
    """A list of texts, one a line; what is empty or there twice is left out."""

    def __init__(self, **options: Any) -> None:
        super().__init__(widget=forms.Textarea({"rows": 4, "cols": False}), **options)

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(value) if isinstance(value, list) else value

    def clean(self, value: Any) -> list[str]:
        lines = (" ".join(each.split()) for each in super().clean(value).splitlines())
        return list(dict.fromkeys(each for each in lines if each))


class UploadInput(forms.FileInput):
    """A file, and the one that is there already, which stays as long as no other is chosen."""

    def value_from_datadict(self, data: Any, files: Any, name: str) -> dict[str, Any] | None:
        """The file as a payload has it, and its `size`; None where there is none."""
        if (sent := files.get(name)) is not None:
            sent.seek(0)  # a form is read more than once
            kind = (sent.content_type or ANY).partition(";")[0]
            content = b64encode(sent.read()).decode() if sent.size <= MOST_BYTES else ""
            return {"name": named(sent.name), "type": kind, "content": content, "size": sent.size}
        kept = data.get(name + KEPT, data.get(name))
        try:
            found = json.loads(kept) if isinstance(kept, str) else kept
        except ValueError:
            return None
        if not isinstance(found, dict) or not isinstance(found.get("content"), str):
            return None
        size = len(found["content"]) * 3 // 4
        return {each: str(found.get(each, "")) for each in PARTS} | {"size": size}

    def value_omitted_from_data(self, data: Any, files: Any, name: str) -> bool:
        return self.value_from_datadict(data, files, name) is None

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        chooses = super().render(name, None, attrs, renderer)
        if not isinstance(value, dict) or not value.get("content"):
            return chooses
        words = gettext("%s stays unless you choose another one.") % visible(value["name"])
        return format_html(
            '{}<small class="mut">{}</small><input type="hidden" name="{}" value="{}">',
            *(chooses, words, name + KEPT, json.dumps(value)),
        )


class Upload(forms.Field):
    """A file of one of `types`, as a payload has it; none of them: any type."""

    widget = UploadInput

    def __init__(self, types: Sequence[str] = (), **options: Any) -> None:
        self.types = types
        super().__init__(**options)
        if types:
            self.widget.attrs["accept"] = ",".join(types)

    def clean(self, value: Any) -> dict[str, Any] | None:
        found: dict[str, Any] | None = super().clean(value)
        if found is None:
            return None
        if found["size"] > MOST_BYTES:
            said = {"size": found["size"] // 1024, "most": MOST_BYTES // 1024}
            words = gettext("This file has %(size)d KiB; %(most)d are allowed.") % said
            raise forms.ValidationError(words, code="too_large")
        if self.types and found["type"] not in self.types:
            said = {"type": found["type"], "types": ", ".join(self.types)}
            words = gettext("This file is %(type)s; it must be %(types)s.") % said
            raise forms.ValidationError(words, code="wrong_type")
        if decoded(found["content"]) is None:
            raise forms.ValidationError(gettext("This file cannot be read. Choose it again."))
        return {each: found[each] for each in PARTS}


class RowsInput(forms.Widget):
    """Rows, each with the same fields, and `spare` empty ones below them."""

    use_fieldset = True

    def __init__(self, columns: Mapping[str, forms.Field], spare: int) -> None:
        super().__init__()
        self.columns, self.spare = columns, spare

    def value_from_datadict(self, data: Any, files: Any, name: str) -> list[dict[str, Any]]:
        return [
            {
                column: field.widget.value_from_datadict(data, files, f"{name}-{number}-{column}")
                for column, field in self.columns.items()
            }
            for number in range(MOST_ROWS)
        ]

    def value_omitted_from_data(self, data: Any, files: Any, name: str) -> bool:
        return False

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        filled = [each for each in value or [] if not is_blank(each)]
        rows = (filled + [{}] * self.spare)[:MOST_ROWS]
        return format_html_join(
            "",
            '<div class="filters many" role="group" aria-label="{}">{}</div>',
            (
                (gettext("Row %d") % (number + 1), self._row(f"{name}-{number}", row))
                for number, row in enumerate(rows)
            ),
        )

    def _row(self, name: str, row: dict[str, Any]) -> SafeString:
        return format_html_join(
            "",
            '<div class="field"><label for="{}">{}</label>{}</div>',
            (
                (
                    field.widget.id_for_label(f"id_{name}-{column}"),
                    field.label,
                    field.widget.render(
                        f"{name}-{column}", row.get(column), {"id": f"id_{name}-{column}"}
                    ),
                )
                for column, field in self.columns.items()
            ),
        )


class Rows(forms.Field):
    """A list of objects, one for each row that is filled in; what is left empty is no row."""

    def __init__(self, columns: Mapping[str, forms.Field], spare: int = 2, **options: Any) -> None:
        self.columns = columns
        super().__init__(widget=RowsInput(columns, spare), required=False, **options)

    def clean(self, value: Any) -> list[dict[str, Any]]:
        found, wrong = [], []
        for number, row in enumerate((each for each in value if not is_blank(each)), 1):
            try:
                found.append({name: field.clean(row[name]) for name, field in self.columns.items()})
            except forms.ValidationError as error:
                wrong.append(gettext("Row %(number)d: %(why)s") % {
                    "number": number, "why": " ".join(error.messages),
                })  # fmt: skip
        if wrong:
            raise forms.ValidationError(wrong)
        return found


def is_blank(row: dict[str, Any]) -> bool:
    """Whether nobody filled it in; a unit without a number says nothing."""
    firsts = [each[0] if isinstance(each, list) else each for each in row.values()]
    return not any(firsts)
