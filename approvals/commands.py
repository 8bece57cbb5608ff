"""Deciding from the shell: the same way in as a click."""

import getpass
import json
from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import CommandError, CommandParser

from approvals.characters import line
from approvals.models import Approval
from approvals.models.errors import NotDecided
from orchestrator import signing
from orchestrator.commands import DeskCommand, add_json, refuse_if_read_only


class DecideCommand(DeskCommand):
    """`verdict` is what the command decides."""

    verdict: str
    done: str

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "id", help="of the approval, of its workflow, or of the workflow that asked"
        )
        parser.add_argument("--comment", default="", help="your reason; a rejection needs one")
        parser.add_argument(
            "--as",
            dest="user",
            metavar="USER",
            default="",
            help="who decides (default: your login name)",
        )
        parser.add_argument(
            "--answer", default="", metavar="NAME", help="one of the request's own answers"
        )
        parser.add_argument(
            "--form", type=json.loads, metavar="JSON", help="what the request's form asks for"
        )
        add_json(parser)

    def work(self, **options: Any) -> None:
        refuse_if_read_only()
        user = reviewer(options["user"])
        try:
            approval = Approval.objects.find(options["id"])
            decision = approval.decide(
                user,
                self.verdict,
                options["comment"],
                channel="shell",
                option=options["answer"],
                form=options["form"],
            )
        except (LookupError, NotDecided, signing.NoKey) as error:
            raise CommandError(str(error.args[0] if error.args else error)) from error
        decision.refresh_from_db()
        if decision.refused_at:
            raise CommandError(f"Recorded, but refused: {decision.refusal}")
        sent = "Sent to the workflow." if decision.sent_at else "It will be sent by the worker."
        self.say(
            f"{self.done}: {line(approval.title)}. {sent}",
            options["as_json"],
            decision_id=str(decision.pk),
            approval_id=str(approval.pk),
            workflow_id=approval.workflow_id,
            delivery=decision.delivery,
        )


def reviewer(name: str) -> User:
    """The active user who decides. Raises CommandError."""
    name = name or getpass.getuser()
    user = User.objects.filter(username=name, is_active=True).first()
    if user is None:
        raise CommandError(f"There is no active user {name}. Say who decides: --as USER")
    return user
