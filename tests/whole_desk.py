"""A whole desk for one look: Temporal, worker and site in a folder of their own, with the demo."""

import json
import os
import shlex
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from honcho.environ import parse_procfile

from orchestrator import embedded

ROOT = Path(__file__).resolve().parent.parent
PASSWORD = "a look around"
READY_SECONDS = 60
STOP_SECONDS = 15


@dataclass(frozen=True)
class Desk:
    url: str
    environment: dict[str, str]

    def manage(self, *words: str) -> str:
        """What `manage.py …` prints."""
        line = [sys.executable, "manage.py", *words]
        done = subprocess.run(
            line, cwd=ROOT, env=self.environment, check=False, capture_output=True, text=True
        )
        if done.returncode:
            sys.exit(f"manage.py {' '.join(words)} failed:\n{done.stderr[-3000:]}")
        return done.stdout

    def pending(self) -> dict[str, Any]:
        """What waits, by its title."""
        rows = json.loads(self.manage("pending", "--json"))
        return {row["title"]: row for row in rows}


@contextmanager
def running() -> Iterator[Desk]:
    """Everything runs, the demo's requests wait and its history is there."""
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="countersign-look-"))
        temporal = stack.enter_context(embedded.running())
        desk = _desk(folder, temporal.address)
        desk.manage("migrate", "--verbosity", "0")
        desk.manage("keys", "--verbosity", "0")
        desk.manage("demo", "history")
        desk.manage("collectstatic", "--no-input", "--verbosity", "0")
        lines = parse_procfile((ROOT / "Procfile").read_text()).processes
        for name in ("site", "worker"):
            stack.enter_context(_process(lines[name], desk, Path(folder, f"{name}.log")))
        _wait_until_ready(desk)
        desk.manage("demo", "requests")
        yield desk


def _desk(folder: str, temporal: str) -> Desk:
    port = embedded.free_port()
    programs = Path(sys.executable).parent
    return Desk(
        f"http://127.0.0.1:{port}",
        {
            "PATH": f"{programs}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
            "HOME": folder,
            "LANG": "C.UTF-8",
            "COUNTERSIGN_VAR": folder,
            "DEMO_PASSWORD": PASSWORD,
            "PORT": str(port),
            "TEMPORAL_ADDRESS": temporal,
        },
    )


@contextmanager
def _process(line: str, desk: Desk, log: Path) -> Iterator[None]:
    with open(log, "wb") as file:
        process = subprocess.Popen(
            shlex.split(line), cwd=ROOT, env=desk.environment, stdout=file, stderr=file,
            start_new_session=True,
        )  # fmt: skip
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_until_ready(desk: Desk) -> None:
    until = time.monotonic() + READY_SECONDS
    while time.monotonic() < until:
        with suppress(urllib.error.URLError, ConnectionError, TimeoutError):
            urllib.request.urlopen(f"{desk.url}/readyz", timeout=5).close()  # noqa: S310
            return
        time.sleep(0.2)
    sys.exit(f"The desk was not ready after {READY_SECONDS} s.")
