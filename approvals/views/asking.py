"""What the address of a start form means: the kind, an earlier request, the way of typing."""

import json
import uuid
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.core.exceptions import PermissionDenied
from django.db.models import Q
from django.http import Http404, HttpRequest, QueryDict
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _

from approvals.forms import DEADLINES, RequestForm, StartForm
from approvals.hidden import veils, without
from approvals.models import Approval, Kind
from approvals.models.people import identities, name_of
from approvals.schema_form import JSONKindForm, KindForm

SEARCHED_FROM = 9  # kinds; fewer are seen at a glance


@dataclass(frozen=True)
class Asking:
    """`earlier` is the request that this one is like, or `revises`."""

    user: Any
    kind: Kind | None = None
    earlier: Approval | None = None
    revises: bool = False
    mode: str = "form"  # or json

    @classmethod
    def of(cls, request: HttpRequest) -> "Asking":
        """Raises Http404 for a kind or a request that is not there, PermissionDenied."""
        asked = request.GET
        earlier = _earlier(request, asked.get("revises") or asked.get("like") or "")
        kind = _kind(asked, earlier)
        if asked.get("revises") and earlier and not earlier.asked_for_by(request.user):  # type: ignore[arg-type]
            raise PermissionDenied(_("Only who asked may ask again."))
        unknown = kind and earlier and not earlier.payload.keys() <= kind.fields().keys()
        plain = asked.get("mode") == "json" or unknown  # no field would show what is unknown
        return cls(
            request.user, kind, earlier, bool(asked.get("revises")), "json" if plain else "form"
        )

    def done_already(self) -> Approval | None:
        """For a revision that is not wanted any more: where to look instead."""
        if not self.revises or self.earlier is None or self.earlier.may_be_revised:
            return None
        return self.earlier.revisions.order_by("opened_at").last() or self.earlier

    @property
    def query(self) -> str:
        """The address of the form without its mode; the request it is like was copied already."""
        kept = {"kind": self.kind.slug if self.kind else ""}
        if self.revises and self.earlier:
            kept["revises"] = str(self.earlier.pk)
        return "?" + urlencode(kept)

    @property
    def here(self) -> str:
        return self.query + ("&mode=json" if self.mode == "json" else "")

    @property
    def there(self) -> str:
        """The same in the other way of typing."""
        return self.query + ("&mode=form" if self.mode == "json" else "&mode=json")

    # Forms.

    def form(
        self, data: QueryDict | dict[str, Any] | None = None, files: Any = None
    ) -> RequestForm:
        """Bound to `data`, typed as it says itself; or fresh, with what is known already."""
        typed = data.get("typed") if data is not None else None
        if data is not None:
            return self._form(str(typed or self.mode), data=data, files=files)
        first = {"key": uuid.uuid4(), "queue": "general"}
        if self.earlier is None:
            return self._form(self.mode, initial=first)
        schemas = veils(*self.earlier.veils())
        payload, previous = (
            without(each, schemas) for each in (self.earlier.payload, self.earlier.previous)
        )
        first |= _copied(self.earlier, payload, previous)
        return self._form(self.mode, payload, initial=first)

    def turned(self, form: RequestForm) -> RequestForm:
        """A bound form in the way of typing that is asked for; itself where it is in it."""
        if not isinstance(form, KindForm | JSONKindForm) or form.typed == self.mode:
            return form
        readable = form.is_valid() or form.payload or isinstance(form, KindForm)
        if not readable:
            return form
        kept = {name: form.data.get(name, "") for name in ("details", "key")}
        return self._form(self.mode, form.payload, initial=kept)

    def first(self, form: RequestForm) -> RequestForm:
        """A fresh form as if it were sent as it is."""
        data = {name: form[name].value() for name in form.fields}
        return self._form(getattr(form, "typed", ""), data=data)

    def _form(self, typed: str, payload: Any = None, **options: Any) -> RequestForm:
        if self.revises:
            options["revises"] = self.earlier
        if self.kind is None:
            return StartForm(self.user, **options)
        form = JSONKindForm if typed == "json" else KindForm
        return form(self.kind, self.user, first=payload, **options)


def _earlier(request: HttpRequest, pk: str) -> Approval | None:
    if not pk:
        return None
    try:
        found = Approval.objects.visible_to(request.user).filter(pk=uuid.UUID(pk))
    except ValueError as error:
        raise Http404 from error
    return get_object_or_404(found.select_related("queue"))


def _kind(asked: QueryDict, earlier: Approval | None) -> Kind | None:
    kinds = Kind.objects.filter(active=True).select_related("queue")
    if "kind" not in asked and earlier:
        return kinds.filter(slug=earlier.kind).first()
    return get_object_or_404(kinds, slug=asked["kind"]) if asked.get("kind") else None


def _copied(earlier: Approval, payload: Any, previous: Any) -> dict[str, Any]:
    """What a free form begins with; a form of a kind takes what it has a field for."""
    lasts = str(int((earlier.due_at - earlier.opened_at).total_seconds())) if earlier.due_at else ""
    return {
        "task": earlier.title,
        "details": earlier.details,
        "payload": _as_text(payload),
        "previous": _as_text(previous) if previous else "",
        "queue": earlier.queue.slug,
        "risk": earlier.risk,
        "due_seconds": lasts if lasts in dict(DEADLINES) else "",
        "quorum": earlier.quorum,
    }


def _as_text(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)


# The first step.


def offered(request: HttpRequest) -> dict[str, Any] | None:
    """The kinds to choose from; None where one is chosen, or there is nothing to choose."""
    if {"kind", "like", "revises"} & request.GET.keys():
        return None
    kinds = Kind.objects.filter(active=True)
    count = kinds.count()
    if not count:
        return None
    sought = request.GET.get("q", "").strip()
    found = kinds.filter(Q(name__icontains=sought) | Q(description__icontains=sought))
    queues: dict[int, dict[str, Any]] = {}
    rows = []
    for kind in found.select_related("queue"):
        if kind.queue_id not in queues:
            queues[kind.queue_id] = _about(request, kind)
        rows.append({"kind": kind, **queues[kind.queue_id]})
    return {"rows": rows, "sought": sought, "searchable": count >= SEARCHED_FROM}


def _about(request: HttpRequest, kind: Kind) -> dict[str, Any]:
    me = identities(request.user)  # type: ignore[arg-type]
    people = kind.queue.people().prefetch_related("linked_identities")
    deciders = [name_of(each) for each in people if not me & identities(each)]
    return {"deciders": deciders, "usual": kind.queue.usual_time()}
