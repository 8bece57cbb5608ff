"""What people type, read strictly; the rules themselves live on the models."""

import json
import uuid
from typing import Any

from django import forms
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.models import AbstractUser
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from approvals.models import Queue
from approvals.models.decision import VOTES
from approvals.models.people import identities, identity
from orchestrator import contract
from orchestrator.contract import InvalidRequest, Request

DEADLINES = [
    ("", _("No deadline")),
    ("900", _("15 minutes")),
    ("3600", _("1 hour")),
    ("14400", _("4 hours")),
    ("86400", _("1 day")),
    ("604800", _("1 week")),
]
RISKS = [
    ("low", _("Low")),
    ("medium", _("Medium")),
    ("high", _("High")),
    ("critical", _("Critical")),
]


class SignInForm(AuthenticationForm):
    """One sentence for every failure, so that nobody learns which names exist."""

    error_messages = {
        "invalid_login": _("Username or password is wrong."),
        "inactive": _("Username or password is wrong."),
    }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            field.widget.attrs["class"] = "input"


class DecisionForm(forms.Form):
    """One click. `sha` is the payload that was read, `key` makes the second click harmless."""

    verdict = forms.ChoiceField(choices=[(each, each) for each in VOTES])
    comment = forms.CharField(required=False)
    sha = forms.RegexField(r"^[0-9a-f]{64}\Z")
    key = forms.CharField(max_length=64)


class JSONObject(forms.CharField):
    """A JSON object as text; errors name line and column."""

    widget = forms.Textarea

    def clean(self, value: Any) -> dict[str, Any] | None:
        text = super().clean(value)
        if not text:
            return None
        try:
            found = json.loads(text, object_pairs_hook=_unrepeated)
        except json.JSONDecodeError as error:
            raise forms.ValidationError(
                gettext("Line %(line)d, column %(column)d: this is not JSON. %(why)s.")
                % {"line": error.lineno, "column": error.colno, "why": error.msg}
            ) from error
        except (ValueError, RecursionError) as error:
            raise forms.ValidationError(str(error)) from error
        if not isinstance(found, dict):
            raise forms.ValidationError(gettext("Write a JSON object: { … }."))
        return found


def _unrepeated(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Two programs read a repeated name differently, so it is refused."""
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _value in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(gettext("“%(name)s” is there twice.") % {"name": twice})
    return found


class StartForm(forms.Form):
    """A guarded task that the signed-in person asks for."""

    task = forms.CharField(
        label=_("Task"),
        max_length=contract.TITLE_LENGTH,
        help_text=_("Verb first, with amount and target: “Pay €120.00 to Halcyon Freight”."),
    )
    details = forms.CharField(
        label=_("Why"),
        required=False,
        max_length=contract.DETAILS_LENGTH,
        widget=forms.Textarea,
        help_text=_("Markdown."),
    )
    payload = JSONObject(
        label=_("Payload"),
        required=False,
        help_text=_("A JSON object: exactly what will be done. The decision binds to it."),
    )
    previous = JSONObject(
        label=_("What holds today"),
        required=False,
        help_text=_("A JSON object. Reviewers see the difference."),
    )
    queue = forms.ModelChoiceField(
        label=_("Queue"), queryset=Queue.objects.none(), to_field_name="slug", empty_label=None
    )
    risk = forms.ChoiceField(label=_("Risk"), choices=RISKS, initial="medium")
    due_seconds = forms.TypedChoiceField(
        label=_("Deadline"), choices=DEADLINES, coerce=int, empty_value=None, required=False
    )
    quorum = forms.IntegerField(
        label=_("Approvals needed"), min_value=1, max_value=50, initial=1, required=False
    )
    key = forms.UUIDField(widget=forms.HiddenInput)

    def __init__(self, user: AbstractUser, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user
        self.fields["queue"].queryset = Queue.objects.all()  # type: ignore[attr-defined]
        for name, field in self.fields.items():
            self._dress(name, field)

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        if not self.errors:
            try:
                Request.read(self.request())
            except InvalidRequest as error:
                raise forms.ValidationError(str(error)) from error
            self._require_quorum(given)
        return given

    def request(self) -> dict[str, Any]:
        """The fields of a request, as the wire has them."""
        given = self.cleaned_data
        said = {
            "title": given["task"],
            "details": given["details"],
            "payload": given["payload"] or {},
            "previous": given["previous"],
            "queue": given["queue"].slug,
            "requester": self.user.get_username(),
            "risk": given["risk"],
            "due_seconds": given["due_seconds"],
            "quorum": given["quorum"],
        }
        return {name: each for name, each in said.items() if each is not None}

    def guarded_task(self) -> dict[str, Any]:
        """The input of the workflow."""
        request = self.request()
        return {"task": request.pop("title"), **request}

    def start_key(self) -> str:
        """The same for the same form of the same person; nobody else's workflow can be named."""
        return str(uuid.uuid5(self.cleaned_data["key"], str(self.user.pk)))

    def _require_quorum(self, given: dict[str, Any]) -> None:
        queue: Queue = given["queue"]
        asker = identity(self.user.get_username())
        able = [each for each in queue.people() if asker not in identities(each)]
        needed = max(queue.quorum, given["quorum"] or 1)
        if len(able) < needed:
            self.add_error(
                "queue" if given["quorum"] in (None, 1) else "quorum",
                gettext(
                    "In %(queue)s %(able)d people besides you may decide; %(needed)d must approve."
                )
                % {"queue": queue.name, "able": len(able), "needed": needed},
            )

    def _dress(self, name: str, field: forms.Field) -> None:
        attributes = field.widget.attrs
        if not field.widget.is_hidden:
            attributes["class"] = "input"
        if isinstance(field.widget, forms.Textarea):
            attributes |= {"rows": 3 if name == "details" else 6, "cols": False}
            if isinstance(field, JSONObject):
                attributes |= {"class": "input mono", "spellcheck": "false"}
