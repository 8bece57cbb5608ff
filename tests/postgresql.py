"""A throw-away PostgreSQL server for tests."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from orchestrator.embedded import HOST, free_port

# Nothing here outlives the tests, so nothing waits for the disk: without fsync the suite is
# several times faster. What a power cut leaves is therefore not tested with this server.
SETTINGS = ["fsync=off", "synchronous_commit=off", "full_page_writes=off", "max_connections=300"]


@dataclass
class Cluster:
    """One server; `start` and `stop` may be called in turn, so that a test can restart it."""

    folder: Path
    port: int
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"postgresql://postgres@{HOST}:{self.port}/postgres"

    def create(self) -> None:
        line = ["initdb", "--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C"]
        self._run([*line, "--no-sync", "--pgdata=data"])

    def start(self) -> None:
        line = ["postgres", "-D", "data", "-k", str(self.folder), "-p", str(self.port)]
        for setting in [*SETTINGS, f"listen_addresses={HOST}"]:
            line += ["-c", setting]
        with open(self.folder / "log", "ab") as log:
            self.process = subprocess.Popen(
                [program(line[0]), *line[1:]], stdout=log, stderr=log, **self._as_user()
            )
        self._wait()

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """SIGINT disconnects everyone; SIGQUIT stops at once, as after a crash."""
        if self.process and self.process.poll() is None:
            self.process.send_signal(how)
            self.process.wait(20)

    def _wait(self) -> None:
        until = time.monotonic() + 20
        ready = [program("pg_isready"), "-q", "-h", HOST, "-p", str(self.port)]
        while time.monotonic() < until and self.process and self.process.poll() is None:
            if subprocess.run(ready, check=False).returncode == 0:
                return
            time.sleep(0.05)
        raise RuntimeError(f"PostgreSQL did not start: {(self.folder / 'log').read_text()}")

    def _run(self, line: list[str]) -> None:
        with open(self.folder / "log", "ab") as log:
            subprocess.run(
                [program(line[0]), *line[1:]], stdout=log, stderr=log, check=True, **self._as_user()
            )

    def _as_user(self) -> dict[str, Any]:
        """PostgreSQL refuses to run as root."""
        options: dict[str, Any] = {"cwd": self.folder, "start_new_session": True}
        if os.geteuid() != 0:
            return options
        user = unprivileged()
        return {**options, "user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


@contextmanager
def cluster() -> Iterator[Cluster]:
    """A running server in a folder of its own, gone at the end."""
    folder = Path(tempfile.mkdtemp(prefix="countersign-pg-"))
    if os.geteuid() == 0:
        os.chown(folder, unprivileged().pw_uid, unprivileged().pw_gid)
    server = Cluster(folder, free_port())
    try:
        server.create()
        server.start()
        yield server
    finally:
        server.stop(signal.SIGQUIT)
        shutil.rmtree(folder, ignore_errors=True)


def program(name: str) -> str:
    """Debian keeps PostgreSQL's programs away from PATH, in a folder for each version."""
    folders = sorted(
        Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: float(path.parent.name)
    )
    for folder in reversed(folders):
        if (folder / name).exists():
            return str(folder / name)
    if found := shutil.which(name):
        return found
    raise RuntimeError(f"PostgreSQL's {name} is missing: install Debian's package postgresql.")


def unprivileged() -> pwd.struct_passwd:
    with suppress(KeyError):
        return pwd.getpwnam("postgres")
    return pwd.getpwnam("nobody")
