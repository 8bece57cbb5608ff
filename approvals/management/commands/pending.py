"""manage.py pending"""

import json
from typing import Any

from django.core.management.base import CommandParser

from approvals.characters import line
from approvals.models import Approval
from orchestrator.commands import DeskCommand, add_json

MOST = 1000


class Command(DeskCommand):
    help = "List what waits for a decision, the most urgent first."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--queue", default="", help="only this queue")
        add_json(parser)

    def work(self, **options: Any) -> None:
        waiting = Approval.objects.waiting().select_related("queue").order_by("due_sort", "pk")
        if options["queue"]:
            waiting = waiting.filter(queue__slug=options["queue"])
        rows = [_row(each) for each in waiting[:MOST]]
        if options["as_json"]:
            self.stdout.write(json.dumps(rows))
            return
        for row in rows:
            due = row["due_at"][:16].replace("T", " ") if row["due_at"] else "no deadline"
            self.stdout.write(
                f"{row['approval_id']}  {row['queue']:<12} {due:<16}  {line(row['title'])}"
            )
        if not rows:
            self.stdout.write("Nothing is waiting.")


def _row(approval: Approval) -> dict[str, Any]:
    return {
        "approval_id": str(approval.pk),
        "workflow_id": approval.workflow_id,
        "run_id": approval.run_id,
        "parent_workflow_id": approval.parent_workflow_id or None,
        "title": approval.title,
        "queue": approval.queue.slug,
        "due_at": approval.due_at.isoformat() if approval.due_at else None,
    }
