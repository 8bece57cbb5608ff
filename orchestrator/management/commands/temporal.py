"""`manage.py temporal` runs the embedded Temporal server, its data in var/temporal.db."""

import os
import sys
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from orchestrator import embedded
from orchestrator.priority import give_way


class Command(BaseCommand):
    help = "Run the embedded Temporal server on 127.0.0.1 (for development and small set-ups)."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            port = embedded.wanted_port()
            line = embedded.command(
                port, ui_port=self.ui_port(port), database=settings.VAR / "temporal.db"
            )
        except embedded.EmbeddedServerError as error:
            raise CommandError(str(error)) from error
        give_way()
        sys.stdout.flush()
        sys.stderr.flush()
        # Taking this process's place, the server gets SIGTERM and SIGINT itself.
        os.execv(line[0], line)  # noqa: S606 - no shell is wanted

    def ui_port(self, port: int) -> int | None:
        if not embedded.is_free(port):
            raise CommandError(
                f"Port {port} is taken, so Temporal cannot listen there: stop what uses it "
                "(another make run?), or set TEMPORAL_ADDRESS to the server that should be used."
            )
        if embedded.is_free(embedded.UI_PORT):
            return embedded.UI_PORT
        self.stderr.write(
            f"Port {embedded.UI_PORT} is taken: Temporal runs without its own web pages."
        )
        return None
