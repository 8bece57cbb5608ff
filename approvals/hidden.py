"""Values that nobody is shown: what the schema of a kind marks `writeOnly`.

They are hidden from people's eyes alone: hashes, decisions, rules and workflows have them whole.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any

from django.utils.translation import gettext as _

Schemas = tuple[dict[str, Any], ...]  # all that describe one value
ALL_OF_IT: dict[str, Any] = {"writeOnly": True}
GONE = object()


class Hidden(str):
    """What is read in the place of a value that is hidden."""

    __slots__ = ()


def hides(schema: Any) -> bool:
    """Whether it marks anything, however deep."""
    if isinstance(schema, dict):
        return schema.get("writeOnly") is True or any(map(hides, schema.values()))
    return isinstance(schema, list) and any(map(hides, schema))


def veils(*schemas: Any) -> Schemas:
    """Those of `schemas` that hide something, with all that they apply to the same value."""
    return tuple(part for each in schemas if hides(each) for part in _applied(each))


def inner(schemas: Schemas, name: str | int) -> Schemas:
    """All that describe the value called `name`, or at the place `name` of a list."""
    if is_hidden(schemas):
        return (ALL_OF_IT,)
    return tuple(
        part
        for schema in schemas
        for each in (_of_place(schema, name) if isinstance(name, int) else _of_name(schema, name))
        for part in _applied(each)
    )


def is_hidden(schemas: Schemas) -> bool:
    return any(each.get("writeOnly") is True for each in schemas)


def hides_in(schema: Any, name: str) -> bool:
    """Whether the property `name`, or anything in it, is hidden."""
    return any(map(hides, inner(veils(schema), name)))


def veiled(value: Any, schemas: Schemas) -> Any:
    """`value` with words in the place of all that is hidden."""
    words = Hidden(_("Hidden by policy"))
    return _walk(value, schemas, lambda _hidden: words)


def without(value: Any, schemas: Schemas) -> Any:
    """`value` without all that is hidden; empty where it is itself."""
    found = _walk(value, schemas, lambda _hidden: GONE)
    return {} if found is GONE else found


def secrets(value: Any, schemas: Schemas) -> list[Any]:
    """All that is hidden in `value`."""
    found: list[Any] = []
    _walk(value, schemas, found.append)
    return found


def count(value: Any) -> int:
    """How many of its values are hidden, once it is veiled."""
    if isinstance(value, dict | list):
        return sum(map(count, value.values() if isinstance(value, dict) else value))
    return int(isinstance(value, Hidden))


def _walk(value: Any, schemas: Schemas, hide: Callable[[Any], Any]) -> Any:
    if not schemas:
        return value
    if is_hidden(schemas):
        return hide(value)
    if isinstance(value, dict):
        kept = ((name, _walk(each, inner(schemas, name), hide)) for name, each in value.items())
        return {name: each for name, each in kept if each is not GONE}
    if isinstance(value, list):
        items = (_walk(each, inner(schemas, at), hide) for at, each in enumerate(value))
        return [each for each in items if each is not GONE]
    return value


# Where a schema may say something of a value. Under whatever condition it does: it counts.


def _applied(schema: Any) -> Iterator[dict[str, Any]]:
    """`schema` and all that it applies to the same value."""
    if not isinstance(schema, dict):
        return
    yield schema
    several = [each for name in ("allOf", "anyOf", "oneOf") for each in schema.get(name, [])]
    single = [schema.get(name) for name in ("if", "then", "else")]
    for each in (*several, *single, *schema.get("dependentSchemas", {}).values()):
        yield from _applied(each)


def _of_name(schema: dict[str, Any], name: str) -> Iterator[Any]:
    yield schema.get("properties", {}).get(name)
    for pattern, each in schema.get("patternProperties", {}).items():
        if re.search(pattern, name):
            yield each
    if name not in schema.get("properties", {}):
        yield schema.get("additionalProperties")
        yield schema.get("unevaluatedProperties")


def _of_place(schema: dict[str, Any], at: int) -> Iterator[Any]:
    first = schema.get("prefixItems", [])
    yield first[at] if at < len(first) else schema.get("items")
    yield schema.get("contains")
    yield schema.get("unevaluatedItems")
