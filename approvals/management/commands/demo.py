"""manage.py demo"""

from typing import Any

from django.core.management.base import CommandParser

from approvals import demo
from orchestrator.commands import DeskCommand


class Command(DeskCommand):
    help = (
        "Fill a desk to try out. `people` makes demo people and queues, `requests` starts a "
        "handful of workflows that wait (needs Temporal), `password` prints the demo password; "
        "without an argument: people, then requests. Safe to repeat."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("what", nargs="?", choices=["people", "requests", "password"])

    def work(self, **options: Any) -> None:
        what = options["what"]
        if what == "password":
            self.stdout.write(demo.password())
        if what in ("people", None):
            demo.make_people()
            self.stdout.write(f"Demo people: {', '.join(demo.PEOPLE)}.")
        if what in ("requests", None):
            started = demo.start_requests()
            self.stdout.write(f"Started {started} requests." if started else "Already started.")
