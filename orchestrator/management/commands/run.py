"""`manage.py run` prepares everything and runs the Procfile, for a first look and development."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterable
from contextlib import suppress
from io import StringIO
from pathlib import Path
from typing import Any

import httpx
from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import connections
from honcho.environ import parse_procfile
from honcho.manager import Manager
from honcho.printer import Message, Printer

from orchestrator import embedded

READY_SECONDS = 60
STOP_SECONDS = 8
TEMPORAL = "temporal"
SIGN_INS = {
    "mei": "reviews",
    "lena": "reviews",
    "tomasz": "reviews",
    "amira": "asks",
    "kim": "administers",
}


class Output(Printer):
    """What the processes print; a closed terminal must not keep them from being stopped."""

    def write(self, message: Message) -> None:
        with suppress(OSError):
            super().write(message)


class Processes(Manager):
    """Honcho's manager, which stops Temporal last and also ends what ignores SIGTERM."""

    _terminating: bool

    def __init__(self) -> None:
        super().__init__(printer=Output())

    def terminate(self) -> None:
        if not self._all_started():
            # Honcho does not know the processes yet: a signal in the first moments comes again.
            self.later(0.1, self.terminate)
        elif not self._terminating:
            self._terminating = True
            self.later(STOP_SECONDS, self.kill)
            self.stop(name for name in self.running() if name != TEMPORAL)
            self.stop_temporal()

    def stop_temporal(self) -> None:
        """Once the others have ended: a worker that lost its server waits for it in vain."""
        if self.running() - {TEMPORAL}:
            self.later(0.1, self.stop_temporal)
        else:
            self.stop(self.running())

    def stop(self, names: Iterable[str]) -> None:
        for name in names:
            self._procmgr.terminate(self._processes[name]["pid"])

    def running(self) -> set[str]:
        return {name for name, seen in self._processes.items() if "returncode" not in seen}

    def later(self, seconds: float, act: Any) -> None:
        timer = threading.Timer(seconds, act)
        timer.daemon = True
        timer.start()


class Command(BaseCommand):
    help = "Prepare everything, then run Temporal, the site and a worker until Ctrl-C."
    samples: subprocess.Popen[bytes] | None = None

    def handle(self, *args: Any, **options: Any) -> None:
        own_temporal = not os.environ.get("TEMPORAL_ADDRESS")
        try:
            check_ports(own_temporal)
            self.prepare()
        except KeyboardInterrupt:
            sys.exit(130)
        processes = Processes()
        for name, line in procfile().items():
            if name != TEMPORAL or own_temporal:
                processes.add_process(
                    name, f"exec {line}", env=environment(), cwd=str(settings.BASE_DIR)
                )
        sys.exit(self.supervise(processes))

    def prepare(self) -> None:
        self.stdout.write("Preparing the database, the keys and the demo people …")
        unread = StringIO()
        call_command("migrate", verbosity=0, interactive=False)
        call_command("keys", verbosity=0, stdout=unread)
        if not settings.READ_ONLY:
            call_command("demo", "people", verbosity=0, stdout=unread)
            call_command("demo", "history", verbosity=0, stdout=unread)
        call_command("collectstatic", verbosity=0, interactive=False)
        # The processes are forked from this one, and no connection survives that.
        connections.close_all()

    def supervise(self, processes: Processes) -> int:
        """Run until a process ends or a signal comes; the exit code, 0 after a signal."""
        # A closed terminal ends everything too: the processes are in sessions of their own.
        signal.signal(signal.SIGHUP, lambda *_: os.kill(os.getpid(), signal.SIGTERM))
        threading.Thread(target=self.welcome, daemon=True).start()
        try:
            processes.loop()
        finally:
            processes.kill()
            if self.samples and self.samples.poll() is None:
                self.samples.kill()
        if processes.returncode in (130, 143):
            return 0
        self.stderr.write("One of them ended, so all were stopped; nothing is lost. Run it again.")
        return 1

    def welcome(self) -> None:
        """Once the site is ready: start the sample requests, say where to go."""
        if not is_ready():
            self.stderr.write(f"The site is not ready after {READY_SECONDS} s; its log says why.")
            return
        if not settings.READ_ONLY:
            self.samples = subprocess.Popen(
                [sys.executable, "manage.py", "demo", "requests"],
                cwd=settings.BASE_DIR,
                stdout=subprocess.DEVNULL,
            )
            self.samples.wait()
        self.stdout.write(greeting())
        self.stdout.flush()


def check_ports(own_temporal: bool) -> None:
    """Raise CommandError when a port is taken, before anything is started."""
    if not embedded.is_free(settings.PORT):
        raise CommandError(
            f"Port {settings.PORT} is taken: stop what uses it, or choose another one, "
            f"such as PORT={settings.PORT + 1} make run."
        )
    if own_temporal and not embedded.is_free(embedded.PORT):
        raise CommandError(
            f"Port {embedded.PORT} is taken: stop what uses it; or, if it is a Temporal server "
            f"to be used, TEMPORAL_ADDRESS={embedded.HOST}:{embedded.PORT} make run."
        )


def procfile() -> dict[str, str]:
    """The Procfile's processes: name → command line."""
    return dict(parse_procfile((settings.BASE_DIR / "Procfile").read_text()).processes)


def environment() -> dict[str, str]:
    """Ours, with this Python's programs found first, and output shown as it comes."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    return {**os.environ, "PATH": path, "PORT": str(settings.PORT), "PYTHONUNBUFFERED": "1"}


def is_ready() -> bool:
    """Whether /readyz says yes within READY_SECONDS."""
    url = f"http://127.0.0.1:{settings.PORT}/readyz"
    until = time.monotonic() + READY_SECONDS
    while time.monotonic() < until:
        time.sleep(0.5)
        try:
            if httpx.get(url, timeout=5, trust_env=False).status_code == httpx.codes.OK:
                return True
        except httpx.TransportError:
            continue
    return False


def greeting() -> str:
    secret = settings.VAR / "demo-password"
    password = os.environ.get("DEMO_PASSWORD") or secret.read_text().strip()
    lines = [f"  {name:<8} {what}" for name, what in SIGN_INS.items()]
    rule = "─" * 64
    return "\n".join(
        [
            "",
            rule,
            f"  Countersign: {settings.SITE_URL}/",
            f"  The password of all of them: {password}",
            "",
            *lines,
            "",
            "  Ctrl-C stops everything.",
            rule,
        ]
    )
