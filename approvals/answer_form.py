"""What a decision may carry beside its verdict: answers to a form, corrections of the payload."""

from typing import Any

from django import forms
from django.utils.translation import gettext as _

from approvals.answering import ASKED_WITH
from approvals.models import Approval
from approvals.models.kind import properties
from approvals.schema_form import ABSENT, Shape, shape_of
from orchestrator import contract

ANSWER, CORRECTION = "f-", "e-"  # what the names of their fields begin with


class AnswerForm(forms.Form):
    """A field for each property of the terms' form, and for each field that may be corrected."""

    use_required_attribute = False  # what approving needs does not hold a rejection back

    def __init__(self, approval: Approval, data: Any = None) -> None:
        super().__init__(data)
        self.terms = approval.terms()
        kind = approval.kind_of_request() if self.terms.editable else None
        described = kind.fields() if kind else {}
        schema = self.terms.form or {}
        required = schema.get("required", [])
        self.asked = {
            name: shape_of(name, each, name in required)
            for name, each in properties(schema).items()
        }
        self.editable = {
            name: shape_of(
                name, described.get(name) or _like(self.terms.payload[name]), required=False
            )
            for name in self.terms.editable
            if name in self.terms.payload and not (kind and kind.hides(name))
        }
        known = properties(schema).items()
        self._add(ANSWER, self.asked, {n: e["default"] for n, e in known if "default" in e})
        self._add(CORRECTION, self.editable, self.terms.payload)

    def _add(self, prefix: str, shapes: dict[str, Shape], first: dict[str, Any]) -> None:
        for name, each in shapes.items():
            each.field.initial = each.write(first[name]) if name in first else None
            self.fields[prefix + name] = each.field

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        if self.verdict not in self.asked_with:  # what nobody asked is not held against them
            for name in [each for each in self.errors if each.startswith(ANSWER)]:
                del self.errors[name]
        return given

    @property
    def verdict(self) -> str:
        return str(self.data.get("verdict", "")).partition(":")[0]

    @property
    def asked_with(self) -> list[str]:
        """The verdicts that the form is asked with."""
        return list((self.terms.form or {}).get(ASKED_WITH, [contract.APPROVE]))

    @property
    def answers(self) -> dict[str, Any] | None:
        """What was filled in; None where the verdict is not asked for it."""
        if self.terms.form is None or self.verdict not in self.asked_with:
            return None
        return self._read(ANSWER, self.asked)

    @property
    def edits(self) -> dict[str, Any] | None:
        """The fields that were corrected, as they are now; None where there are none."""
        if self.verdict not in (contract.APPROVE, contract.CORRECT):
            return None
        typed = {name for name in self.editable if CORRECTION + name in self.changed_data}
        found = self._read(CORRECTION, self.editable)
        return {name: value for name, value in found.items() if name in typed} or None

    def _read(self, prefix: str, shapes: dict[str, Shape]) -> dict[str, Any]:
        self.is_valid()  # reads what was typed, if nothing has done so yet
        given = self.cleaned_data
        found = {
            name: each.read(given[prefix + name])
            for name, each in shapes.items()
            if prefix + name in given
        }
        return {name: value for name, value in found.items() if value is not ABSENT}

    # For the page.

    @property
    def asked_with_rejection(self) -> bool:
        return bool(self.asked) and contract.REJECT in self.asked_with

    @property
    def asked_fields(self) -> list[Any]:
        return [self[ANSWER + name] for name in self.asked]

    @property
    def corrections(self) -> list[Any]:
        return [self[CORRECTION + name] for name in self.editable]

    @property
    def asks(self) -> str:
        """What the fields of the form are for, in words."""
        if contract.REJECT in self.asked_with and contract.APPROVE not in self.asked_with:
            return _("To reject, fill in")
        if contract.REJECT in self.asked_with:
            return _("To decide, fill in")
        return _("To approve, fill in")

    @property
    def carried(self) -> list[tuple[str, str]]:
        """What was typed, for the form that asks once more."""
        names = [name for name in self.fields if name in self.data]
        return [(name, self.data[name]) for name in names]

    @property
    def corrects(self) -> bool:
        """Whether somebody has begun to correct something."""
        return self.is_bound and any(each.startswith(CORRECTION) for each in self.changed_data)


def _like(value: Any) -> dict[str, Any]:
    """A schema for a field of a payload that no kind describes."""
    if isinstance(value, str):
        return {"type": "string", "maxLength": 4000} if len(value) > 80 else {"type": "string"}
    names = {bool: "boolean", int: "number", float: "number"}
    return {"type": names[type(value)]} if type(value) in names else {}
