"""What people type, read strictly; the rules themselves live on the models."""

import json
import uuid
from typing import Any

from django import forms
from django.conf import settings
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.models import User
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from approvals.models import Approval, Preference, Queue
from approvals.models.decision import VOTES
from approvals.models.people import identities
from approvals.models.preference import zones
from orchestrator import contract, signing
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


REGIONS = {
    *("Africa", "America", "Antarctica", "Arctic", "Asia", "Atlantic", "Australia", "Europe"),
    *("Indian", "Pacific"),
}


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


def _zones() -> list[tuple[str, Any]]:
    """Time zones by region, as a select shows them; "" leaves it to the browser."""
    regions: dict[str, list[tuple[str, str]]] = {}
    for name in sorted(zones()):
        region, _slash, place = name.partition("/")
        if place and region in REGIONS:
            regions.setdefault(region, []).append((name, place.replace("_", " ")))
    return [("", _("As the browser says")), ("UTC", "UTC"), *regions.items()]


class PreferenceForm(forms.ModelForm):
    """What people set for themselves."""

    time_zone = forms.ChoiceField(
        label=_("Time zone"),
        required=False,
        choices=_zones,
        help_text=_("Dates and times on every page are in it."),
    )

    class Meta:
        model = Preference
        fields = ["theme", "time_zone", "shortcuts", "auto_advance"]
        labels = {
            "theme": _("Theme"),
            "shortcuts": _("Single-key shortcuts"),
            "auto_advance": _("After a decision, open the next request"),
        }
        help_texts = {
            "shortcuts": _("Such as j and k to move in the inbox, and ? for the list of all."),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["theme"].required = False


class DecisionForm(forms.Form):
    """One click. `sha` is the payload that was read, `key` makes the second click harmless.

    `shown` says that all of a long payload was, `confirmed` that the person was asked twice,
    `asked` that a reason was asked for.
    """

    verdict = forms.ChoiceField(choices=[(each, each) for each in (*VOTES, contract.CORRECT)])
    option = forms.SlugField(required=False, max_length=50)
    comment = forms.CharField(required=False)
    sha = forms.RegexField(r"^[0-9a-f]{64}\Z")
    key = forms.CharField(max_length=64)
    shown = forms.CharField(required=False)
    confirmed = forms.CharField(required=False)
    asked = forms.CharField(required=False)
    password = forms.CharField(required=False, strip=False)

    def __init__(self, data: Any, *args: Any, **kwargs: Any) -> None:
        """A button says `verdict`, or `verdict:option` for an answer of the request's own."""
        verdict, colon, option = str(data.get("verdict", "")).partition(":")
        if colon:
            data = data.copy()
            data["verdict"], data["option"] = verdict, option
        super().__init__(data, *args, **kwargs)


class TalkForm(forms.Form):
    """A comment, or a question that the requester is to answer."""

    kind = forms.ChoiceField(choices=[(each, each) for each in ("comment", "question")])
    text = forms.CharField(required=False)
    key = forms.CharField(max_length=60)


class HandOverForm(forms.Form):
    """To whom, a person or `group-` and a group's key, and a few words."""

    to = forms.ChoiceField()
    text = forms.CharField(required=False)

    def __init__(self, reviewers: Any, teams: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.receivers = {str(each.pk): each for each in reviewers}
        self.receivers |= {f"group-{each.pk}": each for each in teams}
        field: Any = self.fields["to"]
        field.choices = [(key, str(each)) for key, each in self.receivers.items()]
        field.error_messages = {
            "required": gettext("Choose to whom."),
            "invalid_choice": gettext("This person may not decide it."),
        }

    def clean_to(self) -> Any:
        return self.receivers[self.cleaned_data["to"]]


class JSONValue(forms.CharField):
    """Any JSON value as text; errors name line and column."""

    widget = forms.Textarea

    def clean(self, value: Any) -> Any:
        text = super().clean(value)
        if not text:
            return None
        try:
            return json.loads(text, object_pairs_hook=_unrepeated)
        except json.JSONDecodeError as error:
            raise forms.ValidationError(
                gettext("Line %(line)d, column %(column)d: this is not JSON. %(why)s.")
                % {"line": error.lineno, "column": error.colno, "why": error.msg}
            ) from error
        except (ValueError, RecursionError) as error:
            raise forms.ValidationError(str(error)) from error


class JSONObject(JSONValue):
    """A JSON object as text."""

    def clean(self, value: Any) -> dict[str, Any] | None:
        found = super().clean(value)
        if not isinstance(found, dict) and (found is not None or str(value or "").strip()):
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


class RequestForm(forms.Form):
    """What every form that asks for something shares: who asks, and what it revises.

    Subclasses say in `asked` what is asked for, and in `asked_queue` who decides.
    """

    details = forms.CharField(
        label=_("Why"),
        required=False,
        max_length=contract.DETAILS_LENGTH,
        widget=forms.Textarea,
        help_text=_("Markdown. Reviewers read it first."),
    )
    key = forms.UUIDField(widget=forms.HiddenInput)

    def __init__(
        self, user: Any, *args: Any, revises: Approval | None = None, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.user = user
        self.revises = revises

    def asked(self) -> dict[str, Any]:
        """Title, payload, queue and rules; of an invalid form, as far as it is filled in."""
        raise NotImplementedError

    def asked_queue(self) -> Queue | None:
        """Where people decide it; None as long as none is chosen."""
        raise NotImplementedError

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        if not self.errors:
            try:
                Request.read(self.request())
            except InvalidRequest as error:
                raise forms.ValidationError(str(error)) from error
            self._require_quorum()
        return given

    def request(self) -> dict[str, Any]:
        """The fields of a request, as the wire has them."""
        said = {
            **self.asked(),
            "details": self.cleaned_data.get("details", ""),
            "requester": self.user.get_username(),
        }
        if self.revises:
            said |= {
                "revises": str(self.revises.pk),
                "previous": self.revises.payload,
                "key": self.revises.key,
                "quorum": self.needed(),  # asking again is no way to need fewer
            }
        return {name: each for name, each in said.items() if each is not None}

    def guarded_task(self) -> dict[str, Any]:
        """The input of the workflow."""
        request = self.request()
        return {"task": request.pop("title"), **request, "proof": self._proof()}

    def _proof(self) -> dict[str, Any]:
        """The desk saw who asks: signed for the one workflow that is started. Raises NoKey."""
        who = str(self.user.pk)
        return signing.Signer.load(settings.VAR).sign(
            {
                "v": contract.VERSION,
                "workflow_id": contract.workflow_id("task", self.start_key()),
                "requester": self.user.get_username(),
                "requester_id": who,
                "starter_id": who,
            }
        )

    def start_key(self) -> str:
        """The same for the same form of the same person; nobody else's workflow can be named."""
        return str(uuid.uuid5(self.cleaned_data["key"], str(self.user.pk)))

    def deciders(self) -> list[User]:
        """Who may decide it, the person who asks apart."""
        asker, queue = identities(self.user), self.asked_queue()
        people = queue.people().prefetch_related("linked_identities") if queue else []
        return [each for each in people if not asker & identities(each)]

    def needed(self) -> int:
        """How many must approve."""
        queue, before = self.asked_queue(), self.revises
        asked = self.asked().get("quorum") or 1
        return max(asked, queue.quorum if queue else 1, before.quorum if before else 1)

    def shortage(self) -> str:
        """Why nobody could approve it, in a sentence; empty where enough people may."""
        queue, able, needed = self.asked_queue(), len(self.deciders()), self.needed()
        if queue is None or able >= needed:
            return ""
        return ngettext(
            "In %(queue)s %(able)d person besides you may decide; %(needed)d must approve.",
            "In %(queue)s %(able)d people besides you may decide; %(needed)d must approve.",
            able,
        ) % {"queue": queue.name, "able": able, "needed": needed}

    def missing(self) -> list[str]:
        """Labels of the required fields that are still empty."""
        return [
            str(field.label)
            for name, field in self.fields.items()
            if field.required and not field.widget.is_hidden and not self[name].value()
        ]

    def wrong(self) -> list[str]:
        """What is wrong with what is filled in, sentence by sentence.

        What is wrong with all of it together may come of what is missing, and waits for that.
        """
        filled = [
            f"{self[name].label}: {error}"
            for name, errors in self.errors.items()
            if name in self.fields and self[name].value() and not self[name].is_hidden
            for error in errors
            if error != self.shortage()
        ]
        together = [] if self.missing() else self.non_field_errors()
        return [*filled, *(str(each) for each in together if each != self.shortage())]

    def _require_quorum(self) -> None:
        short = self.shortage()
        if not short:
            return
        asks_more = (self.asked().get("quorum") or 1) > 1
        field = "quorum" if asks_more else "queue"
        self.add_error(field if field in self.fields else None, short)


class StartForm(RequestForm):
    """A request of no kind: everything is free."""

    task = forms.CharField(
        label=_("Task"),
        max_length=contract.TITLE_LENGTH,
        help_text=_("Verb first, with amount and target: “Pay €120.00 to Halcyon Freight”."),
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
        label=_("Queue"), queryset=Queue.objects.all(), to_field_name="slug", empty_label=None
    )
    risk = forms.ChoiceField(label=_("Risk"), choices=RISKS, initial="medium")
    due_seconds = forms.TypedChoiceField(
        label=_("Deadline"), choices=DEADLINES, coerce=int, empty_value=None, required=False
    )
    quorum = forms.IntegerField(
        label=_("Approvals needed"), min_value=1, max_value=50, initial=1, required=False
    )

    field_order = ["task", "details", "payload", "previous", "queue"]

    def __init__(self, user: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(user, *args, **kwargs)
        if self.revises:
            del self.fields["previous"]  # the earlier payload is
        for name, field in self.fields.items():
            dress(name, field)

    def asked_queue(self) -> Queue | None:
        return self.cleaned_data.get("queue")

    def asked(self) -> dict[str, Any]:
        given, queue = self.cleaned_data, self.asked_queue()
        typed = str(self["task"].value() or "")
        return {
            "title": given.get("task", typed[: contract.TITLE_LENGTH]),
            "payload": given.get("payload") or {},
            "previous": given.get("previous"),
            "queue": queue.slug if queue else None,
            "risk": given.get("risk"),
            "due_seconds": given.get("due_seconds"),
            "quorum": given.get("quorum"),
        }


def dress(name: str, field: forms.Field) -> None:
    attributes = field.widget.attrs
    if isinstance(field.widget, forms.Textarea):
        attributes |= {"rows": 3 if name == "details" else 6, "cols": False}
        if isinstance(field, JSONValue):
            attributes |= {"class": "mono", "spellcheck": "false"}
