"""What nobody is shown of a run's history: the hidden values of what it asked for."""

import json
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from django.db.models import Q
from django.utils.translation import gettext as _

from approvals.hidden import Hidden, Schemas, hides, secrets, veiled, veils
from approvals.models import Approval, Kind, WorkflowRun
from orchestrator.timeline import Event, Group, Status, visible

ASKED = ("payload", "previous")  # where a request, its terms and its outcome have their values
VALUES = (*ASKED, "as_asked")  # where an approval has them
LEAST = 4  # characters; a shorter text would blot out half of what others say
LONGEST = 4096  # as the timeline cuts texts


@dataclass(frozen=True)
class RunVeil:
    """Hangs before the history of one run. Without schemas it hides nothing."""

    schemas: Schemas = ()
    texts: tuple[str, ...] = ()  # hidden values as texts, wherever else they come

    @classmethod
    def of(cls, run: WorkflowRun, events: Iterable[Event]) -> "RunVeil":
        """By the kinds of the run's approvals, and of what `events` say was asked."""
        hiding = {each.slug: each.schema for each in Kind.objects.all() if hides(each.schema)}
        if not hiding:
            return cls()
        kinds = {slug: veils(schema) for slug, schema in hiding.items()}
        asked = [
            *_asked_of(run, kinds),
            *(found for each in events for found in _requests(each.attributes)),
        ]
        secret = [(kinds[kind], values) for kind, values in asked if kind in kinds]
        found = [each for schemas, values in secret for each in secrets(values, schemas)]
        known = {name for each in hiding.values() for name in _named(each)}
        texts = {text for each in found for text in _texts(each, known)}
        schemas = tuple(part for each, _values in secret for part in each)
        return cls(schemas, tuple(sorted(texts, key=len, reverse=True)))

    def event(self, event: Event) -> Event:
        said, group = self._text(event.sentence), self._text(event.group)
        attributes = self._shown(event.attributes)
        return replace(event, sentence=said, group=group, attributes=attributes)

    def group(self, group: Group) -> Group:
        return replace(group, name=self._text(group.name), note=self._text(group.note))

    def status(self, status: Status) -> Status:
        causes = [self._text(each) for each in status.causes]
        said, stack = self._text(status.sentence), self._text(status.stack)
        return replace(status, sentence=said, causes=causes, stack=stack)

    def _shown(self, value: Any) -> Any:
        """`value` of an event, however deep."""
        if isinstance(value, dict):
            return {
                self._text(name): self._shown(veiled(each, self.schemas) if name in ASKED else each)
                for name, each in value.items()
            }
        if isinstance(value, list):
            return [self._shown(each) for each in value]
        if isinstance(value, Hidden):
            return value
        if isinstance(value, str):
            return self._text(value)
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        return _("Hidden by policy") if is_number and json.dumps(value) in self.texts else value

    def _text(self, text: str) -> str:
        for each in self.texts:
            text = text.replace(each, _("Hidden by policy"))
        return text


def _asked_of(run: WorkflowRun, kinds: Collection[str]) -> Iterator[tuple[str, Any]]:
    """(kind, values) of what the run's own approvals ask, and those of its children.

    Of those alone that are, or revise what is, of one of `kinds`.
    """
    own = Q(run_id=run.run_id) | Q(parent_workflow_id=run.workflow_id)
    found = Approval.objects.filter(own, Q(kind__in=kinds) | Q(revises__kind__in=kinds))
    read = found.select_related("revises").only("kind", "revises__kind", *VALUES)
    for each in read.iterator():
        for values in (getattr(each, name) for name in VALUES):
            yield each.kind, values
            if each.revises:
                yield each.revises.kind, values


def _requests(value: Any) -> Iterator[tuple[str, Any]]:
    """(kind, values) of every request that an event holds."""
    if isinstance(value, dict) and isinstance(value.get("kind"), str):
        for name in ASKED:
            yield value["kind"], value.get(name)
    if isinstance(value, dict | list):
        for each in value.values() if isinstance(value, dict) else value:
            yield from _requests(each)


def _named(schema: Any) -> Iterator[str]:
    """The names of all properties that a schema describes."""
    if isinstance(schema, dict):
        inside = schema.get("properties")
        yield from inside if isinstance(inside, dict) else ()
    if isinstance(schema, dict | list):
        for each in schema.values() if isinstance(schema, dict) else schema:
            yield from _named(each)


def _texts(value: Any, known: Collection[str]) -> Iterator[str]:
    """The texts, numbers and names in a hidden value that are long enough to be looked for.

    A name that a schema says (`known`) is no secret, and is likely to be one of Temporal's own.
    """
    if isinstance(value, dict):
        for name, each in value.items():
            yield from () if name in known else _texts(name, known)
            yield from _texts(each, known)
    elif isinstance(value, list):
        for each in value:
            yield from _texts(each, known)
    elif value is not None and not isinstance(value, bool):
        text = value if isinstance(value, str) else json.dumps(value)
        inside = (json.dumps(text, ensure_ascii=each)[1:-1] for each in (True, False))
        for each in {text, *inside}:  # also as it stands in JSON that is a text itself
            shown = (visible(each, LONGEST, keep) for keep in ("", "\n\t"))
            yield from (form for form in {each, *shown} if len(form) >= LEAST)
