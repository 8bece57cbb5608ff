"""Looking for a text among the values of a JSON column, on SQLite and PostgreSQL alike."""

import json
from collections.abc import Sequence
from typing import Any

from django.db.models import BooleanField, Func

LIKE = r"LIKE %s ESCAPE '\'"


class PayloadSays(Func):
    """Whether a value in a JSON column, however deep, holds `text`; capitals do not matter.

    Fields of the names in `apart` are not looked into.
    """

    output_field = BooleanField()

    def __init__(self, *columns: Any, text: str, apart: Sequence[str] = (), **more: Any) -> None:
        super().__init__(*columns, **more)
        self.text, self.apart = text, list(apart)

    def as_sqlite(  # type: ignore[override]
        self, compiler: Any, connection: Any, **more: Any
    ) -> tuple[str, list[Any]]:
        column, parameters = compiler.compile(self.source_expressions[0])
        # The text of the column first: taking every payload apart costs ten times as much.
        tree, names = column, [f"$.{json.dumps(each, ensure_ascii=False)}" for each in self.apart]
        if names:
            tree = f"json_remove({column}{', %s' * len(names)})"
        sql = f"({column} {LIKE} AND EXISTS (SELECT 1 FROM json_tree({tree}) WHERE atom {LIKE}))"  # noqa: S608 - a column, and placeholders
        searched = [*parameters, *names, _like(self.text)]
        return sql, [*parameters, _like(_escaped(self.text)), *searched]

    def as_postgresql(self, compiler: Any, connection: Any, **more: Any) -> tuple[str, list[Any]]:
        column, parameters = compiler.compile(self.source_expressions[0])
        tree = f"({column} - %s::text[])" if self.apart else column
        sql = (
            f"({column}::text ILIKE %s AND EXISTS (SELECT 1 "  # noqa: S608 - the same
            f"FROM jsonb_path_query({tree}, 'strict $.**') AS value WHERE "
            "jsonb_typeof(value) NOT IN ('object', 'array') AND value #>> '{}' ILIKE %s))"
        )
        plain = _escaped(self.text, ensure_ascii=False)
        searched = [*parameters, *([self.apart] if self.apart else []), _like(self.text)]
        return sql, [*parameters, _like(plain), *searched]


def _escaped(text: str, ensure_ascii: bool = True) -> str:
    """`text` as it stands inside a JSON document."""
    return json.dumps(text, ensure_ascii=ensure_ascii)[1:-1]


def _like(text: str) -> str:
    for each in ("\\", "%", "_"):
        text = text.replace(each, "\\" + each)
    return f"%{text}%"
