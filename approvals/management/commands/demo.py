"""manage.py demo"""

from argparse import RawDescriptionHelpFormatter
from typing import Any

from django.core.management.base import CommandError, CommandParser

from approvals import demo
from approvals.demo import clear
from orchestrator.commands import DeskCommand, refuse_if_read_only

STEPS = ["people", "history", "requests"]
WORDS = """\
what to do; without it: people, history and requests.

  people     mei, lena and tomasz who review, amira who asks, kim who administers;
             their queues, and kinds of request
  history    two weeks of closed approvals, straight into the database, so that
             lists are not empty; each is marked as demo data
  requests   real workflows that wait for a decision (needs Temporal), one of them
             with its first approval (needs a worker)
  password   print the password of the demo people
  clear      take all of it away again: end the workflows that wait, delete the rows
             of the demo and no others, audit that; needs --yes
"""


class Command(DeskCommand):
    help = "Fill a desk to try out, or empty it again. Safe to repeat."

    def create_parser(self, *args: Any, **options: Any) -> CommandParser:
        return super().create_parser(*args, formatter_class=RawDescriptionHelpFormatter, **options)

    def add_arguments(self, parser: CommandParser) -> None:
        parser.description = f"{self.help}\n\n{WORDS}"
        parser.add_argument("what", nargs="?", choices=[*STEPS, "password", "clear"])
        parser.add_argument("--yes", action="store_true", help="with clear: delete for good")

    def work(self, **options: Any) -> None:
        if options["what"] != "password":
            refuse_if_read_only()
        for step in [options["what"]] if options["what"] else STEPS:
            self.stdout.write(getattr(self, f"_{step}")(**options))

    def _people(self, **options: Any) -> str:
        demo.make_people()
        return f"Demo people: {', '.join(demo.PEOPLE)}."

    def _history(self, **options: Any) -> str:
        seeded = demo.seed_history()
        return f"Seeded {seeded} closed approvals." if seeded else "The history is there already."

    def _requests(self, **options: Any) -> str:
        started = demo.start_requests()
        demo.approve_the_first()
        return f"Started {started} requests." if started else "Already started."

    def _password(self, **options: Any) -> str:
        return demo.password()

    def _clear(self, **options: Any) -> str:
        if not options["yes"]:
            raise CommandError(
                "This deletes the demo's people, queues, requests and history with all decisions "
                "on them, for good. To do it: manage.py demo clear --yes"
            )
        ended = clear.terminate_workflows()
        gone = clear.clear_rows()
        rows = ", ".join(f"{count} {name}" for name, count in gone.items())
        return f"Ended {ended} workflows. Deleted: {rows}."
