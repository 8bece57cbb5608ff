"""Kinds of request: forms that admins define, so that people ask in a shape reviewers know."""

import json
import re
from typing import Any

import jsonschema
from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext_lazy as _

from approvals.files import holds
from approvals.hidden import hides_in, is_hidden, veils
from approvals.models.queue import Queue
from approvals.schema_words import faults
from orchestrator import contract

PLACEHOLDER = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)\}")


def valid_schema(schema: Any) -> None:
    """Raises ValidationError unless `schema` describes an object, by JSON Schema 2020-12."""
    if not isinstance(schema, dict) or schema.get("type") != "object":
        raise ValidationError(_("The schema must describe an object: “type”: “object”."))
    order = schema.get("x-order", [])
    if not isinstance(order, list) or not all(isinstance(each, str) for each in order):
        raise ValidationError(_("“x-order” must be a list of names of fields."))
    if re.search(r'"\$(dynamicR|r)ef"', json.dumps(schema)):
        raise ValidationError(_("References (“$ref”) are not supported."))
    try:
        jsonschema.Draft202012Validator.check_schema(schema)
    except jsonschema.SchemaError as error:
        raise ValidationError(_("Not a JSON Schema: %s") % error.message) from error
    if is_hidden(veils(schema)):
        raise ValidationError(_("Mark single fields “writeOnly”, not all of them."))


def properties(schema: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The properties of a schema of an object, in the order of its form.

    `x-order` names it; PostgreSQL and Temporal keep the order of lists, not that of objects.
    """
    known = schema.get("properties", {})
    asked = [*schema.get("x-order", []), *schema.get("required", [])]
    order = dict.fromkeys([*(each for each in asked if each in known), *known])
    return {each: known[each] if isinstance(known[each], dict) else {} for each in order}


class Kind(models.Model):
    """One kind of request: JSON Schema of its payload, title, queue and risk."""

    slug = models.SlugField(_("slug"), unique=True)
    name = models.CharField(_("name"), max_length=80)
    description = models.CharField(_("description"), max_length=300, blank=True)
    schema = models.JSONField(
        _("schema"),
        validators=[valid_schema],
        help_text=_(
            "JSON Schema of the payload. `title` names a field, `description` helps, `format` says "
            "how it is shown: money, iban, date, date-time, uri, email, markdown, code, count."
        ),
    )
    title_template = models.CharField(
        _("title"),
        max_length=contract.TITLE_LENGTH,
        help_text=_("Verb first, with fields in braces: “Pay {amount} to {vendor}”."),
    )
    queue = models.ForeignKey(Queue, models.PROTECT, related_name="kinds", verbose_name=_("queue"))
    risk = models.CharField(
        _("risk"),
        max_length=10,
        default="medium",
        choices=[(each, each) for each in contract.RISKS],
    )
    due_seconds = models.PositiveIntegerField(_("deadline in seconds"), null=True, blank=True)
    active = models.BooleanField(_("offered"), default=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        fields = self.schema.get("properties", {}) if isinstance(self.schema, dict) else {}
        unknown = [each for each in PLACEHOLDER.findall(self.title_template) if each not in fields]
        if unknown:
            message = _("The schema has no field %s.") % ", ".join(unknown)
            raise ValidationError({"title_template": message})
        secret = [each for each in PLACEHOLDER.findall(self.title_template) if self.hides(each)]
        if secret:
            message = _("Everybody reads the title, and nobody may read %s.") % ", ".join(secret)
            raise ValidationError({"title_template": message})

    def title(self, payload: dict[str, Any]) -> str:
        """The title of a request with `payload`; “…” is what is missing, hidden or a file."""
        fields = self.fields()

        def said_of(name: str) -> str:
            left_out = self.hides(name) or holds(fields.get(name))
            return "…" if left_out else _said(payload.get(name))

        said = PLACEHOLDER.sub(lambda found: said_of(found[1]), self.title_template)
        most = contract.TITLE_LENGTH
        return said if len(said) <= most else said[: most - 1] + "…"

    def fields(self) -> dict[str, dict[str, Any]]:
        """The schema's properties in the order of the form."""
        return properties(self.schema)

    def hides(self, name: str) -> bool:
        """Whether nobody is shown the field `name`, or something in it."""
        return hides_in(self.schema, name)

    def problems(self, payload: Any) -> dict[str, str]:
        """What is wrong with `payload`: path (`lines.0.amount`; empty: as a whole) → sentence."""
        found = faults(self.schema, payload)
        return {".".join(map(str, path)): words for path, words in found.items()}


def _said(value: Any) -> str:
    if value in (None, "", [], {}):
        return "…"
    if isinstance(value, bool):
        return str(_("yes") if value else _("no"))
    if isinstance(value, list):
        return ", ".join(map(_said, value))
    return (
        " ".join(value.split()) if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    )
