"""manage.py doctor"""

from dataclasses import asdict
from typing import Any

from django.core.management.base import CommandError, CommandParser

from approvals.doctor import examine
from orchestrator.commands import DeskCommand, add_json


class Command(DeskCommand):
    help = "Check the whole set-up and say what to do. Exit code 1 if the desk cannot work."

    def add_arguments(self, parser: CommandParser) -> None:
        add_json(parser)

    def work(self, **options: Any) -> None:
        findings = list(examine())
        if options["as_json"]:
            self.say("", True, findings=[asdict(each) for each in findings])
        else:
            for each in findings:
                mark = "ok   " if not each.advice else "WRONG" if each.fatal else "note "
                self.stdout.write(f"{mark}  {each.about}" + f"  {each.advice}" * bool(each.advice))
        if any(each.advice and each.fatal for each in findings):
            raise CommandError("The desk cannot work like this.")
