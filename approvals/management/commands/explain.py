"""manage.py explain"""

from typing import Any

from django.core.management.base import CommandError, CommandParser

from approvals.characters import line
from approvals.explain import explain
from approvals.filters import as_uuid
from approvals.models import Approval
from orchestrator.commands import DeskCommand, add_json


class Command(DeskCommand):
    help = "Say why an approval is here, whom it waits for, what comes next, and by which rules."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("id", help="of the approval, of its workflow, or of the one that asked")
        add_json(parser)

    def work(self, **options: Any) -> None:
        explanation = explain(approval := _find(options["id"]))
        parts = explanation.parts()
        words = "\n".join(
            f"{title}\n" + "\n".join(f"  {line(str(each))}" for each in said)
            for title, said in parts
        )
        self.say(
            f"{line(approval.title)}\n\n{words}",
            options["as_json"],
            approval_id=str(approval.pk),
            **explanation.stored(),
        )


def _find(name: str) -> Approval:
    """By its id whatever became of it, else what waits under that name. Raises CommandError."""
    key = as_uuid(name)
    if key and (named := Approval.objects.filter(pk=key).first()):
        return named
    try:
        return Approval.objects.find(name)
    except LookupError as error:
        raise CommandError(str(error.args[0])) from error
