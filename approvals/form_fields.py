"""Fields that Django has not: a length of time, days of the week, lines, rows of fields."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from approvals.queue_words import DAYS, largest_unit

UNITS = [("60", _("minutes")), ("3600", _("hours")), ("86400", _("days")), ("1", _("seconds"))]
LONGEST = 366 * 86400
MOST_ROWS = 20


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
