"""What people look for among closed approvals, as the address of the history says it."""

import re
from collections.abc import Collection, Iterable
from datetime import datetime, time, timedelta
from typing import Any
from uuid import UUID

from django import forms
from django.contrib.auth.models import User
from django.db.models import Exists, F, OuterRef, Q, QuerySet, Value
from django.db.models.functions import Concat
from django.http import QueryDict
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from approvals import characters
from approvals.hidden import hides
from approvals.models import Approval, Decision, Kind, PolicyCheck, Queue
from approvals.payload_search import PayloadSays
from orchestrator import contract

ANY = ("", _("Any"))
WITHDRAWN = "withdrawn"  # cancelled as well, by who asked
OUTCOMES = [
    *(each for each in Approval.State.choices if each[0] != Approval.State.WAITING),
    (WITHDRAWN, _("Withdrawn")),
]
CLOSED_BY = [
    ("people", _("People")),
    ("deadline", _("The deadline")),
    ("rule", _("A rule or the workflow")),
]
WORKFLOW = "workflow:"  # no slug of a kind has a colon
MOST_PEOPLE = 100  # whom one name may mean
PLAIN_NAME = re.compile(r"[A-Za-z0-9_ -]+")
REFERENCE = 8  # digits of an id that people read; see Approval.reference


class Words(forms.CharField):
    def __init__(self, label: Any, hint: Any = "") -> None:
        widget = forms.TextInput(attrs={"placeholder": hint} if hint else {})
        super().__init__(label=label, required=False, max_length=200, widget=widget)


class Day(forms.DateField):
    default_error_messages = {"invalid": _("This is not a date. Write it as 2026-11-23.")}

    def __init__(self, label: Any) -> None:
        widget = forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"})
        super().__init__(label=label, required=False, input_formats=["%Y-%m-%d"], widget=widget)


class HistoryFilter(forms.Form):
    """All of it optional; a field that cannot be read filters nothing, and says so."""

    q = Words(_("Search"), _("Title, reference, id, requester, value"))
    outcome = forms.ChoiceField(label=_("Outcome"), required=False)
    queue = forms.ChoiceField(label=_("Queue"), required=False)
    kind = forms.ChoiceField(label=_("Kind"), required=False)
    requester = Words(_("Requester"))
    decider = Words(_("Decided by"))
    closed_by = forms.ChoiceField(label=_("Closed by"), choices=[ANY, *CLOSED_BY], required=False)
    since = Day(_("Decided from"))
    until = Day(_("Decided until"))

    FIRST = ("q", "outcome", "queue")  # the others unfold

    def __init__(self, user: Any, data: QueryDict) -> None:
        super().__init__({name: readable(str(each)) for name, each in data.items()}, auto_id="%s")
        # A name that is unknown is no error: it matches nothing.
        self._choices("outcome", OUTCOMES)
        self._choices("queue", Queue.objects.values_list("slug", "name"))
        self._choices("kind", Kind.objects.values_list("slug", "name"))
        self.fields["q"].widget.input_type = "search"
        for name, field in self.fields.items():
            field.widget.attrs["class"] = "input"
            if name in ("since", "until"):
                field.widget.attrs["aria-describedby"] = f"{name}_error"

    def _choices(self, name: str, known: Iterable[tuple[str, Any]]) -> None:
        choices = [ANY, *known]
        asked = self.data.get(name, "")
        if asked not in dict(choices):
            choices.append((asked, asked.removeprefix(WORKFLOW)))
        self.fields[name].choices = choices  # type: ignore[attr-defined]

    def offer(self, rows: Iterable[Approval]) -> None:
        """To choose from: what the column “Kind” says of `rows` that are of no known kind."""
        field: Any = self.fields["kind"]
        said = {(each.kind or WORKFLOW + each.workflow_type) for each in rows}
        new = sorted(said - dict(field.choices).keys())
        field.choices = [*field.choices, *((each, each.removeprefix(WORKFLOW)) for each in new)]

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        since, until = given.get("since"), given.get("until")
        if since and until and since > until:
            self.add_error("until", _("This is before the first day."))
        return given

    @property
    def asked(self) -> dict[str, Any]:
        """What filters, by the name of its field."""
        self.is_valid()
        return {name: each for name, each in self.cleaned_data.items() if each}

    @property
    def words(self) -> list[str]:
        """What filters, as people read it: “Outcome: Rejected”."""
        return [
            f"{self[name].label}: {self._said(name, each)}" for name, each in self.asked.items()
        ]

    def _said(self, name: str, value: Any) -> Any:
        choices = getattr(self.fields[name], "choices", ())
        return dict(choices).get(value, value)

    @property
    def first(self) -> list[forms.BoundField]:
        return [self[name] for name in self.FIRST]

    @property
    def more(self) -> list[forms.BoundField]:
        return [self[name] for name in self.fields if name not in self.FIRST]

    @property
    def unfolded(self) -> bool:
        asked = {*self.asked, *self.errors}
        return bool(asked - set(self.FIRST))

    def found(self, rows: QuerySet[Approval]) -> QuerySet[Approval]:
        """Those of `rows` that this asks for."""
        for name, value in self.asked.items():
            rows = rows.filter(getattr(self, f"_by_{name}")(value))
        return rows

    def _by_q(self, text: str) -> Q:
        return says(text)

    def _by_outcome(self, state: str) -> Q:
        if state not in (contract.CANCELLED, WITHDRAWN):
            return Q(state=state)
        made = Decision.objects.filter(approval=OuterRef("pk"), verdict=contract.WITHDRAW)
        withdrawn = Q(Exists(made.filter(refused_at=None)))
        return Q(withdrawn if state == WITHDRAWN else ~withdrawn, state=contract.CANCELLED)

    def _by_queue(self, slug: str) -> Q:
        return Q(queue__slug=slug)

    def _by_kind(self, slug: str) -> Q:
        if slug.startswith(WORKFLOW):
            return Q(kind="", workflow_type=slug.removeprefix(WORKFLOW))
        return Q(kind=slug)

    def _by_requester(self, text: str) -> Q:
        return _asked_by(text)

    def _by_decider(self, text: str) -> Q:
        made = Decision.objects.filter(reviewer__in=_people(text), refused_at=None)
        kept = made.filter(retracted_at=None).exclude(verdict=contract.RETRACT)
        return Q(pk__in=kept.values("approval"))

    def _by_closed_by(self, who: str) -> Q:
        late = Q(state=contract.EXPIRED) | Q(state=contract.REJECTED, due_at__isnull=False)
        deadline = (late | _SILENCE) & ~_BY_PEOPLE & ~_BY_RULE
        return {"people": _BY_PEOPLE, "deadline": deadline, "rule": ~_BY_PEOPLE & ~deadline}[who]

    def _by_since(self, day: Any) -> Q:
        return Q(closed_at__gte=_midnight(day))

    def _by_until(self, day: Any) -> Q:
        return Q(closed_at__lt=_midnight(day + timedelta(days=1)))


def _by_people() -> Q:
    """A vote for what it came to, or a withdrawal: what closed it was a person's."""
    counted = Decision.objects.filter(approval=OuterRef("pk"), refused_at=None, retracted_at=None)
    pairs = {
        contract.APPROVED: contract.APPROVE,
        contract.REJECTED: contract.REJECT,
        contract.CHANGES_REQUESTED: contract.REQUEST_CHANGES,
        contract.CANCELLED: contract.WITHDRAW,
    }
    closed = Q()
    for state, verdict in pairs.items():
        closed |= Q(Exists(counted.filter(verdict=verdict)), state=state)
    return closed & ~(_SILENCE & Q(approvals__lt=F("quorum")))


_SILENCE = Q(state=contract.APPROVED, on_timeout="approve", due_at__isnull=False)
_BY_PEOPLE = _by_people()
_BY_RULE = Q(
    Exists(PolicyCheck.objects.filter(approval=OuterRef("pk")).exclude(verdict=contract.ASK))
)


def says(text: str) -> Q:
    """Those that say `text`: an id of theirs, title, key, requester, or a value of the payload."""
    if known := as_uuid(text):
        return Q(pk=known) | Q(run_id=str(known))
    meant = Q(title__icontains=text) | Q(key__icontains=text) | _asked_by(text)
    for name in ("workflow_id", "parent_workflow_id"):
        meant |= Q(**{name: text})
    return meant | begins(text) | _values_say(text)


def _values_say(text: str) -> Q:
    """Those with a value that holds `text`, of what is not hidden."""
    schemas = Kind.objects.values_list("slug", "schema")
    secretive = {slug: schema for slug, schema in schemas if hides(schema)}
    said = Q(PayloadSays("payload", text=text))
    if not secretive:
        return said
    said &= ~Q(kind__in=secretive) & _revises_none(secretive)
    for slug, schema in secretive.items():
        apart = [name for name, each in schema.get("properties", {}).items() if hides(each)]
        rest = {name: each for name, each in schema.items() if name != "properties"}
        # Where a database could miss one of them, nothing is looked into.
        if not hides(rest) and all(map(PLAIN_NAME.fullmatch, apart)):
            beside = Q(PayloadSays("payload", text=text, apart=apart), kind=slug)
            said |= beside & _revises_none(secretive.keys() - {slug})
    return said


def _revises_none(kinds: Collection[str]) -> Q:
    """Those that revise nothing of `kinds`; nearly all revise nothing, and are not looked up."""
    revised = Approval.objects.filter(pk=OuterRef("revises"), kind__in=kinds)
    return Q(revises=None) | ~Q(Exists(revised))


def _asked_by(text: str) -> Q:
    return Q(requester__icontains=text) | Q(requester_user__in=_people(text))


def readable(text: str) -> str:
    """`text` without the characters that nobody sees."""
    seen = (piece for piece, escaped in characters.pieces(text) if not escaped)
    return " ".join("".join(seen).split())


def _people(text: str) -> list[int]:
    """Whom `text` may mean: a user name, an address, or a part of the full name."""
    named = User.objects.annotate(full=Concat("first_name", Value(" "), "last_name"))
    meant = Q(username__icontains=text) | Q(full__icontains=text) | Q(email__iexact=text)
    return list(named.filter(meant).order_by("pk").values_list("pk", flat=True)[:MOST_PEOPLE])


def begins(text: str) -> Q:
    """Ids that begin with `text`, the eight digits that people read."""
    try:
        low = int(text, 16) << 96 if len(text) == REFERENCE else -1
    except ValueError:
        low = -1
    if low < 0:
        return Q()
    return Q(pk__gte=UUID(int=low), pk__lte=UUID(int=low + (1 << 96) - 1))


def as_uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _midnight(day: Any) -> datetime:
    return timezone.make_aware(datetime.combine(day, time.min))
