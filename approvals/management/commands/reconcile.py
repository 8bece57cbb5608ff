"""manage.py reconcile"""

from typing import Any

from django.core.management.base import CommandParser

from approvals.reconciler import reconcile
from orchestrator import client
from orchestrator.commands import DeskCommand, refuse_if_read_only


class Command(DeskCommand):
    help = (
        "Compare all rows that wait with Temporal, once: what every worker does by itself. Useful "
        "after a restore. --sure also gives up rows where Temporal knows none of them."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--sure", action="store_true", help="this is the right Temporal")

    def work(self, **options: Any) -> None:
        refuse_if_read_only()
        client.worker_seen()  # says so where Temporal does not answer
        reconcile(everything=True, sure=options["sure"])
        self.stdout.write("Reconciled.")
