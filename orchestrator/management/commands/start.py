"""manage.py start"""

import uuid
from typing import Any

from django.core.management.base import CommandError, CommandParser

from orchestrator import client
from orchestrator.commands import DeskCommand, add_json, read_json, refuse_if_read_only
from orchestrator.contract import InvalidRequest, Request


class Command(DeskCommand):
    help = (
        "Start a guarded task: policy looks at it, people decide, the agent acts. "
        'Example: manage.py start "Pay €120.00 to Acme" --queue payments '
        '--payload \'{"amount": "120.00"}\''
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("task", help="what is to be done, verb first")
        parser.add_argument("--payload", default="{}", metavar="JSON", help="exactly what it needs")
        parser.add_argument("--queue", default="general", help="who decides (default: general)")
        parser.add_argument("--requester", default="", help="who asks: a user name")
        parser.add_argument("--quorum", type=int, help="how many must approve, at least")
        parser.add_argument("--due", type=int, metavar="SECONDS", help="decide within so long")
        parser.add_argument("--risk", default="medium", help="low, medium, high or critical")
        parser.add_argument("--id", default="", help="the same id again finds the same workflow")
        add_json(parser)

    def work(self, **options: Any) -> None:
        refuse_if_read_only()
        run = client.start_guarded_task(
            guarded_task(options), options["id"] or uuid.uuid4().hex[:12]
        )
        self.say(
            f"Started workflow with ID: {run.workflow_id}",
            options["as_json"],
            workflow_id=run.workflow_id,
            run_id=run.run_id,
        )


def guarded_task(options: dict[str, Any]) -> dict[str, Any]:
    """The workflow's input. Raises CommandError for what the workflow would refuse anyhow."""
    request = {
        "title": options["task"][:200],
        "payload": read_json(options["payload"], "--payload"),
        "queue": options["queue"],
        "requester": options["requester"],
        "quorum": options.get("quorum"),
        "due_seconds": options.get("due"),
        "risk": options.get("risk") or "medium",
    }
    given = {name: value for name, value in request.items() if value is not None}
    try:
        Request.read(given)
    except InvalidRequest as error:
        raise CommandError(str(error)) from error
    return {"task": options["task"], **given}
