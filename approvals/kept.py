"""Statements that Django writes once: that takes it ten times as long as the database's answer.

`write` makes a query from values that it only passes on: keys, numbers, texts, times, None, or
lists of them, of which it may ask how long they are and what is None. Whatever else the query says
is written out, for SQLite plans anew, each time, what compares a value from outside with the
condition of an index.
"""

import functools
import re
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from types import NoneType
from typing import Any, Generic, TypeVar
from uuid import UUID

from django.core.exceptions import EmptyResultSet
from django.db import connection, models, transaction
from django.db.models.sql import UpdateQuery

M = TypeVar("M", bound=models.Model)
One = int | str | UUID | datetime | None
Value = One | Sequence[int] | Sequence[str] | Sequence[UUID]
MOST_KEPT = 100  # of one query
NUMBERS = 31_000  # these and the next stand for others: no query that is kept may name them itself
SLOT = re.compile(r"(?<!%)%s")
WORD = re.compile(r"[a-z_]*")


class Kept(Generic[M]):
    """A query that is written once, and asked with other values each time."""

    def __init__(self, write: Callable[..., "models.QuerySet[M, Any]"]) -> None:
        self._written = functools.lru_cache(MOST_KEPT)(functools.partial(_written, write))

    def rows(self, *values: Value) -> list[M]:
        """What the query finds for `values`, without what `select_related` would add."""
        written = self._written(*map(_shape, values))
        if not written.text:
            return []
        with connection.cursor() as cursor:
            cursor.execute(written.text, written.filled(values))
            return written.made(cursor.fetchall())

    def count(self, *values: Value) -> int:
        """How many rows that are."""
        written = self._written(*map(_shape, values))
        if not written.text:
            return 0
        counted = f"SELECT COUNT(*) FROM ({written.text}) AS found"  # noqa: S608 - Django wrote it
        with connection.cursor() as cursor:
            cursor.execute(counted, written.filled(values))
            number: int = cursor.fetchone()[0]
        return number


class KeptUpdate:
    """An update that is written once. `write` makes the rows, and what of them becomes what."""

    def __init__(self, write: Callable[..., tuple["models.QuerySet[Any]", dict[str, Any]]]) -> None:
        self._written = functools.lru_cache(MOST_KEPT)(functools.partial(_written, write))

    def __call__(self, *values: Value) -> int:
        """How many rows it has changed."""
        written = self._written(*map(_shape, values))
        if not written.text:
            return 0
        with (
            transaction.mark_for_rollback_on_error(connection.alias),
            connection.cursor() as cursor,
        ):
            cursor.execute(written.text, written.filled(values))
            number: int = cursor.rowcount
        return number


class _Written:
    """A statement, which of the values goes where in it, and how its rows become models."""

    def __init__(self, compiler: Any, text: str, places: list[int]) -> None:
        self.text, self.places = text, places  # no text: it finds nothing
        self.compiler = compiler
        if text and compiler.klass_info:  # else no row is ever read
            self._know_columns()

    def _know_columns(self) -> None:
        """What Django's ModelIterable finds out for each answer anew."""
        select, fields = self.compiler.select, self.compiler.klass_info["select_fields"]
        self.converters = self.compiler.get_converters(column for column, *_ in select)
        self.fields = slice(fields[0], fields[-1] + 1)
        self.names = [column.target.attname for column, *_ in select[self.fields]]

    def filled(self, values: Iterable[Value]) -> list[Any]:
        known = _flat(values)
        return [_adapted(known[place]) for place in self.places]

    def made(self, rows: Iterable[Sequence[Any]]) -> list[Any]:
        return [*map(self._model, self.compiler.apply_converters(rows, self.converters))]

    def _model(self, row: Sequence[Any]) -> Any:
        made = self.compiler.query.model.from_db(connection.alias, self.names, row[self.fields])
        for name, place in self.compiler.annotation_col_map.items():
            setattr(made, name, row[place])
        return made


def _shape(value: Value) -> Any:
    """What the statement depends on: the type of `value`, or those of what is in it."""
    return type(value) if isinstance(value, One) else tuple(map(type, value))


def _flat(values: Iterable[Any]) -> list[Any]:
    return [one for each in values for one in (each if isinstance(each, list | tuple) else [each])]


def _adapted(value: One) -> Any:
    """As Django hands it to the database."""
    if isinstance(value, datetime):
        return connection.ops.adapt_datetimefield_value(value)
    if isinstance(value, UUID) and not connection.features.has_native_uuid_field:
        return value.hex
    return value


def _written(write: Callable[..., Any], *shapes: Any) -> _Written:
    """What `write` makes of values of such `shapes`. Raises ValueError where it cannot be kept."""
    marks = [_mark(kind, n) for n, kind in enumerate(_flat(shapes))]
    left, passed_on = iter(marks), [_adapted(each) for each in marks]
    query = write(
        *([next(left) for _ in each] if isinstance(each, tuple) else next(left) for each in shapes)
    )
    compiler = _compiler(query)
    try:
        text, params = compiler.as_sql()
    except EmptyResultSet:
        if () not in shapes:
            raise ValueError("A query that is kept has to be able to find something.") from None
        return _Written(compiler, "", [])
    statement, *others = SLOT.split(text)
    places = []
    for param, other in zip(params, others, strict=True):
        if param in passed_on:
            places.append(passed_on.index(param))
            statement += "%s" + other
        else:
            statement += _literal(param) + other
    if set(places) != {n for n, each in enumerate(marks) if each is not None}:
        raise ValueError("A query that is kept has to pass on all of its values.")
    return _Written(compiler, statement, places)


def _compiler(query: Any) -> Any:
    """Django's, for rows or for rows and what they become."""
    if not isinstance(query, tuple):
        return query.query.get_compiler(connection=connection)
    rows, changes = query
    update = rows.query.chain(UpdateQuery)
    update.add_update_values(changes)
    return update.get_compiler(connection=connection)


def _mark(kind: type, n: int) -> One:
    """What no row has, to find in the statement where the value of that kind belongs."""
    if issubclass(kind, NoneType):
        return None
    if issubclass(kind, UUID):
        return UUID(int=n)
    if issubclass(kind, datetime):
        return datetime(1900, 1, 1, tzinfo=UTC) + timedelta(days=n)
    # Even a column of two bytes could hold such a number: Django asks no other for what cannot be.
    return NUMBERS + n if issubclass(kind, int) else f"\0{n}"


def _literal(value: object) -> str:
    """As SQL writes it. Raises ValueError for what may be another one next time, such as a date."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(int(value))  # psycopg has integers of its own
    if isinstance(value, str) and WORD.fullmatch(value):
        return f"'{value}'"
    raise ValueError(f"A query that is kept cannot hold {value!r}.")
