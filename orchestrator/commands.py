"""What the desk's commands share: one clear sentence on error, and a safe way out."""

import contextlib
import json
import os
import sys
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError

from orchestrator import client

ENOUGH = 128 + 13  # as shells say it of who wrote to a reader that had left: `| head`


class DeskCommand(BaseCommand):
    """A command that talks to Temporal: implement `work`.

    Errors are one sentence on stderr and exit code 1. It leaves by os._exit: a process that used a
    Temporal client crashes now and then while the interpreter shuts down.
    """

    requires_system_checks: list[str] = []

    def work(self, **options: Any) -> None:
        raise NotImplementedError

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            self.work(**options)
        except client.Unreachable as error:
            raise CommandError(
                f"{error} Start it (manage.py temporal), or set TEMPORAL_ADDRESS."
            ) from error
        except DatabaseError as error:
            raise CommandError(
                f"The database does not answer as it should: {error}".strip()
                + " See: manage.py doctor"
            ) from error
        except (client.NotFound, client.Refused) as error:
            raise CommandError(str(error)) from error

    def run_from_argv(self, argv: list[str]) -> None:
        code: int | str | None = 0
        try:
            super().run_from_argv(argv)
        except SystemExit as leaving:
            code = leaving.code
        except BrokenPipeError:
            code = ENOUGH
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(BrokenPipeError):
                stream.flush()
        os._exit(code if isinstance(code, int) else bool(code))

    def say(self, sentence: str, as_json: bool, **values: Any) -> None:
        """`sentence` for a person, or `values` for a script."""
        self.stdout.write(json.dumps(values) if as_json else sentence)


def refuse_if_read_only() -> None:
    """For what records something. Raises CommandError."""
    if settings.READ_ONLY:
        raise CommandError("The desk is read-only (READ_ONLY). Nothing was recorded.")


def add_json(parser: CommandParser) -> None:
    """--json, the same everywhere."""
    parser.add_argument(
        "--json", action="store_true", dest="as_json", help="answer in JSON, for scripts"
    )


def read_json(text: str, what: str) -> Any:
    """`text` as JSON. Raises CommandError with line and column."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise CommandError(f"{what} is not JSON: {error}") from error
