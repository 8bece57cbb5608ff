"""manage.py schedule"""

import re
from datetime import timedelta
from typing import Any

from django.core.management.base import CommandError, CommandParser

from orchestrator import client
from orchestrator.commands import DeskCommand, add_json, refuse_if_read_only
from orchestrator.management.commands.start import guarded_task

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
DONE = {"pause": "paused", "resume": "resumed", "trigger": "triggered", "delete": "deleted"}


class Command(DeskCommand):
    help = "Start guarded tasks again and again: real Temporal schedules."

    def add_arguments(self, parser: CommandParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True, metavar="create|list|pause|…")
        create = verbs.add_parser("create", help='schedule create NAME --every 15s "TASK"')
        create.add_argument("name")
        create.add_argument("task", help="what is to be done, verb first")
        create.add_argument("--every", required=True, type=interval, metavar="15s|10m|2h|1d")
        create.add_argument("--payload", default="{}", metavar="JSON")
        create.add_argument("--queue", default="general")
        create.add_argument("--requester", default="")
        add_json(verbs.add_parser("list", help="all schedules"))
        for verb in DONE:
            verbs.add_parser(verb, help=f"{verb} one schedule").add_argument("name")

    def work(self, **options: Any) -> None:
        verb = options["verb"]
        if verb != "list":
            refuse_if_read_only()
        if verb == "create":
            task = guarded_task(options)
            client.create_schedule(options["name"], task, options["every"])
            self.stdout.write(
                f"Schedule {options['name']} starts “{options['task']}” every {options['every']}."
            )
        elif verb == "list":
            self._list(options["as_json"])
        else:
            try:
                client.change_schedule(options["name"], verb)
            except client.NotFound:
                raise CommandError(f"There is no schedule named {options['name']}.") from None
            self.stdout.write(f"Schedule {options['name']} is {DONE[verb]}.")

    def _list(self, as_json: bool) -> None:
        found = client.schedules()
        if as_json:
            rows = [vars(each) | {"every": str(each.every)} for each in found]
            self.say("", True, schedules=[_plain(row) for row in rows])
            return
        for each in found:
            state = (
                "paused"
                if each.paused
                else f"next {each.next_at:%Y-%m-%d %H:%M:%S} UTC"
                if each.next_at
                else ""
            )
            self.stdout.write(f"{each.id}  {_cadence(each)}  {state}  {each.task}")
        if not found:
            self.stdout.write(
                'No schedule yet. Make one: manage.py schedule create NAME --every 1h "TASK"'
            )


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    return row | {"next_at": row["next_at"].isoformat() if row["next_at"] else None}


def _cadence(each: client.Scheduled) -> str:
    return f"every {each.every}" if each.every else "by calendar"


def interval(text: str) -> timedelta:
    """ "15s", "10m", "2h" or "1d" as a time span. Raises CommandError."""
    found = re.fullmatch(r"([1-9]\d{0,5})([smhd])", text)
    if not found:
        raise CommandError(f"--every {text}: say for example 15s, 10m, 2h or 1d.")
    return timedelta(seconds=int(found[1]) * UNITS[found[2]])
