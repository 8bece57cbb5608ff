"""manage.py worker"""

import asyncio
from typing import Any

from orchestrator import worker
from orchestrator.commands import DeskCommand
from orchestrator.priority import give_way


class Command(DeskCommand):
    help = (
        "Run the worker: workflows, activities, the relay of decisions and the reconciler. "
        "Run as many as you like, on any machine that reaches the database and Temporal. "
        "SIGTERM and Ctrl-C stop it after it has finished what runs."
    )

    def work(self, **options: Any) -> None:
        give_way()
        asyncio.run(worker.run())
