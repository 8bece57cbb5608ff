"""Temporal, the site and the workers in a folder of their own, gone at the end."""

import contextlib
import http.client
import json
import os
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from honcho.environ import parse_procfile

from orchestrator import embedded
from orchestrator.priority import give_way

ROOT = Path(__file__).resolve().parent.parent
START_SECONDS = 60
STOP_SECONDS = 30
SERVED = "served"  # begins a line about a request in the log of the site
REVIEWERS = 8
CHILD_SECONDS = 180


class BenchError(Exception):
    """The benchmark cannot go on; the message says why."""


@dataclass(frozen=True)
class Memory:
    """Resident memory of a process and its children in MiB, from /proc/<pid>/smaps_rollup."""

    rss: float
    pss: float


@dataclass
class Desk:
    """A running Countersign: its folder, its addresses, its processes."""

    folder: Path
    temporal: str
    port: int
    environment: dict[str, str]
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    people: dict[str, Any] = field(default_factory=dict)  # cookies of signed-in reviewers

    @property
    def address(self) -> str:
        return f"http://{embedded.HOST}:{self.port}"

    def start(self, name: str, line: list[str]) -> None:
        with open(self.folder / f"{name}.log", "ab") as log:
            self.processes[name] = subprocess.Popen(
                line,
                cwd=ROOT,
                env=self.environment,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C reaches only us, and we stop them in order
            )

    def stop(self, name: str) -> None:
        process = self.processes.pop(name)
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def ask(self, *words: str) -> Any:
        """The JSON answer of `python -m bench.desk …`, the child process that has the ORM."""
        done = subprocess.run(
            [sys.executable, "-m", "bench.desk", *words],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=CHILD_SECONDS,
            check=False,
        )
        if done.returncode:
            raise BenchError(f"bench.desk {' '.join(words)} failed:\n{done.stderr[-3000:]}")
        return json.loads(done.stdout)

    def memory(self, name: str) -> Memory | None:
        """None where there is no /proc."""
        try:
            found = [_memory(pid) for pid in _family(self.processes[name].pid)]
        except FileNotFoundError:
            return None
        return Memory(sum(each.rss for each in found), sum(each.pss for each in found))

    def wait_until_ready(self) -> None:
        """Until /readyz says that database, Temporal and worker are there."""
        until = time.monotonic() + START_SECONDS
        while time.monotonic() < until:
            for name, process in self.processes.items():
                if process.poll() is not None:
                    raise BenchError(f"The {name} ended at once:\n{self.log(name)}")
            if _answers(self.port):
                return
            time.sleep(0.1)
        raise BenchError(f"The site is not ready after {START_SECONDS} s:\n{self.log('site')}")

    def served(self, path: str, status: int) -> list[float]:
        """Seconds the site took for each such request so far, by gunicorn's own clock."""
        lines = (self.folder / "site.log").read_text(errors="replace").splitlines()
        told = [line.split()[1:] for line in lines if line.startswith(SERVED)]
        return [int(took) / 1e6 for took, *what in told if what == [str(status), path]]

    def log(self, name: str) -> str:
        """The end of what it printed; empty if it was not started."""
        path = self.folder / f"{name}.log"
        return path.read_text(errors="replace")[-3000:] if path.exists() else ""


@contextlib.contextmanager
def desk() -> Iterator[Desk]:
    """Everything that the Procfile runs, on free ports, with the worker of the floor beside it.

    The folder lies in var/, on the disk that a real desk uses: /tmp is often memory, where
    waiting for the disk costs nothing.
    """
    (ROOT / "var").mkdir(mode=0o700, exist_ok=True)
    with (
        tempfile.TemporaryDirectory(prefix="bench-", dir=ROOT / "var") as name,
        embedded.running(database=Path(name) / "temporal.db") as server,
    ):
        give_way(server.pid)  # as `manage.py temporal` does
        made = _desk(Path(name), server.address)
        try:
            _prepare(made)
            yield made
        except BenchError as error:
            raise BenchError(f"{error}\n\nThe site's log ends with:\n{made.log('site')}") from error
        finally:
            for each in list(made.processes):
                made.stop(each)


def _desk(folder: Path, temporal: str) -> Desk:
    port = embedded.free_port()
    # Nothing of the shell's: its DATABASE_URL or AGENT_URL must not be measured, nor written to.
    environment = {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        "HOME": str(folder),
        "LANG": "C.UTF-8",
        "COUNTERSIGN_VAR": str(folder),
        "DJANGO_SETTINGS_MODULE": "orchestrator.settings",
        "PORT": str(port),
        "TEMPORAL_ADDRESS": temporal,
        "GUNICORN_CMD_ARGS": f"--access-logfile=- --access-logformat='{SERVED} %(D)s %(s)s %(U)s'",
    }
    return Desk(folder, temporal, port, environment)


def _prepare(made: Desk) -> None:
    made.people = made.ask("prepare", str(REVIEWERS))
    lines = dict(parse_procfile((ROOT / "Procfile").read_text()).processes)
    for name in ("site", "worker"):
        made.start(name, shlex.split(lines[name]))
    made.start("floor", [sys.executable, "-m", "bench.floor"])
    made.wait_until_ready()


def _answers(port: int) -> bool:
    connection = http.client.HTTPConnection(embedded.HOST, port, timeout=5)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _family(pid: int) -> list[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid] + [each for child in children for each in _family(int(child))]


def _memory(pid: int) -> Memory:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    kib = {name: int(rest.split()[0]) for name, _, rest in (line.partition(":") for line in lines)}
    return Memory(kib["Rss"] / 1024, kib["Pss"] / 1024)
