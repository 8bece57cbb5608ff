"""The desk's fixtures, and processes that a test may kill."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from django.conf import settings
from django.core.management import call_command
from django.test import Client, override_settings

from orchestrator import client, embedded
from tests.desk import clock, desk, keys, people, until, worker

__all__ = ["clock", "desk", "keys", "people", "worker"]


class Process:
    """One of ours, with a log to show when a test fails."""

    def __init__(self, line: list[str], environment: dict[str, str], log: Path) -> None:
        self.log = log
        with open(log, "ab") as file:
            self.process = subprocess.Popen(
                line,
                cwd=settings.BASE_DIR,
                env=environment,
                stdout=file,
                stderr=file,
                start_new_session=True,
            )

    def kill(self) -> None:
        """As the out-of-memory killer does it: no word, no clean-up, children too."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(10)


@pytest.fixture
def run(child_environment, tmp_path) -> Iterator[Callable[..., Process]]:
    """Starts a process by its command line; ends at the close of the test what still runs."""
    started: list[Process] = []

    def start(*line: str, **environment: str) -> Process:
        given = child_environment(**environment)
        started.append(Process(list(line), given, tmp_path / f"{len(started)}.log"))
        return started[-1]

    yield start
    for each in started:
        if each.process.poll() is None:
            each.kill()


@pytest.fixture
def run_worker(run, ledger) -> Callable[[], Process]:
    def start() -> Process:
        return run(
            sys.executable,
            "manage.py",
            "worker",
            AGENT_URL=ledger.url,
            TEMPORAL_ADDRESS=os.environ["TEMPORAL_ADDRESS"],
        )

    return start


class Ledger:
    """An agent that writes down what it was asked to do: the effects, by idempotency key."""

    def __init__(self) -> None:
        ledger = self
        self.keys: list[str] = []

        class Agent(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["Content-Length"]))
                ledger.keys.append(self.headers["Idempotency-Key"])
                self.send_response(200)
                self.end_headers()
                self.wfile.write(b'{"done": true}')

            def log_message(self, *args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Agent)
        self.url = f"http://127.0.0.1:{self.server.server_port}/"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def ledger() -> Iterator[Ledger]:
    made = Ledger()
    yield made
    made.server.shutdown()
    made.server.server_close()


class Site:
    """The site as gunicorn serves it, with one person signed in."""

    def __init__(self, run: Callable[..., Process], config: str, **environment: str) -> None:
        self.address = f"http://127.0.0.1:{embedded.free_port()}"
        port = self.address.rpartition(":")[2]
        line = (sys.executable, "-m", "gunicorn", "-c", config, "orchestrator.wsgi")
        self.process = run(*line, PORT=port, WEB_CONCURRENCY="1", **environment)
        until(self._lives, f"the site: {self.process.log}", 60)

    def _lives(self) -> bool:
        try:
            return httpx.get(f"{self.address}/healthz", timeout=2, trust_env=False).is_success
        except httpx.HTTPError:
            return False

    def click(
        self, approval: Any, by: Any, verdict: str = "approve", comment: str = "", key: str = ""
    ) -> httpx.Response:
        """POST the decision form as a browser does; with the same `key`, the same form again."""
        browser = Client()
        browser.force_login(by)
        session = browser.cookies[settings.SESSION_COOKIE_NAME].value
        token = "c" * 32
        return httpx.post(
            f"{self.address}/approvals/{approval.pk}/decision/",
            data={
                "verdict": verdict,
                "comment": comment,
                "sha": approval.payload_sha256,
                "key": key or os.urandom(16).hex(),
                "csrfmiddlewaretoken": token,
            },
            cookies={settings.SESSION_COOKIE_NAME: session, settings.CSRF_COOKIE_NAME: token},
            timeout=20,
            trust_env=False,
        )


@pytest.fixture(scope="session")
def collected() -> None:
    """What pages link to, so that a site of its own can answer with more than a redirect."""
    backend = {"BACKEND": "orchestrator.storage.OneSheet"}
    with override_settings(STORAGES={**settings.STORAGES, "staticfiles": backend}):
        call_command("collectstatic", verbosity=0, interactive=False)


@pytest.fixture
def site(run, collected) -> Callable[..., Site]:
    def start(config: str = "gunicorn.conf.py", **environment: str) -> Site:
        given = {"TEMPORAL_ADDRESS": os.environ["TEMPORAL_ADDRESS"], **environment}
        return Site(run, config, **given)

    return start


@pytest.fixture
def own_temporal(monkeypatch, tmp_path) -> Iterator[Callable[[], Any]]:
    """A server with a file that a test may kill; each call starts it again on the same file."""
    port = embedded.free_port()
    monkeypatch.setenv("TEMPORAL_ADDRESS", f"127.0.0.1:{port}")
    client.bridge.forget()
    open_ones: list[Any] = []

    def start() -> embedded.Server:
        running = embedded.running(port, database=tmp_path / "temporal.db")
        open_ones.append(running)
        server: embedded.Server = running.__enter__()
        return server

    yield start
    for each in reversed(open_ones):
        each.__exit__(None, None, None)
    client.bridge.forget()
