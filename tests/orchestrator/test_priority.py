"""Who goes first: what people wait for; and a priority that somebody chose stays."""

import os
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest

from orchestrator import embedded, priority
from orchestrator.priority import NICE, give_way
from tests.desk import until

# Tests may have been started with a priority of their own; then that one stays.
HERE = os.getpriority(os.PRIO_PROCESS, 0)
LOWER = HERE or NICE
SESSION = max(LOWER, 0)
GIVES_WAY = "from orchestrator.priority import give_way; give_way(); print(flush=True); input()"
WAITS = "print(flush=True); input()"


@contextmanager
def running(code, *before):
    line = [*before, sys.executable, "-c", code]
    with subprocess.Popen(
        line, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
    ) as process:
        process.stdout.readline()
        yield process.pid
        process.kill()


def nice_of(pid):
    return os.getpriority(os.PRIO_PROCESS, pid)


def session_of(pid):
    """None where Linux does not share processor time among sessions."""
    file = Path(f"/proc/{pid}/autogroup")
    return int(file.read_text().split()[-1]) if file.exists() else None


def test_this_process_and_its_session():
    with running(GIVES_WAY) as pid:
        assert nice_of(pid) == LOWER
        assert session_of(pid) in (SESSION, None)


def test_another_process_and_its_session():
    with running(WAITS) as pid:
        give_way(pid)
        assert nice_of(pid) == LOWER
        assert session_of(pid) in (SESSION, None)


def test_what_else_runs_in_a_session_keeps_its_priority():
    inner = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {GIVES_WAY!r}])"
    with running(inner) as pid:
        child = int(Path(f"/proc/{pid}/task/{pid}/children").read_text())
        assert nice_of(child) == LOWER
        assert nice_of(pid) == HERE
        assert session_of(pid) in (0, None)


@pytest.mark.parametrize("chosen", [1, 15])
def test_a_chosen_priority_stays_and_is_the_sessions(chosen):
    with running(GIVES_WAY, "nice", f"-n{chosen}") as pid:
        assert nice_of(pid) == min(HERE + chosen, 19)
        assert session_of(pid) in (max(nice_of(pid), 0), None)


def test_what_is_gone_needs_no_priority():
    with running(WAITS) as pid:
        pass
    give_way(pid)


@pytest.mark.parametrize(("refused", "shared"), [(2, str(SESSION)), (99, "")])
def test_who_is_not_root_waits_for_their_turn(monkeypatch, refused, shared):
    # Simulated: as root, which tests may be, Linux takes one change after the other.
    written, refusals = "", iter(range(refused))

    def write(path, text):
        nonlocal written
        if next(refusals, None) is not None:
            raise BlockingIOError
        written = text

    monkeypatch.setattr(priority.time, "sleep", lambda seconds: None)
    monkeypatch.setattr(Path, "write_text", write)
    with running(WAITS) as pid:
        give_way(pid)
    assert written == (shared if SESSION else "")


def test_the_embedded_server_gives_way(child_environment, settings, tmp_path, transactional_db):
    address = f"{embedded.HOST}:{embedded.free_port()}"
    line = [sys.executable, "manage.py", "temporal"]
    with subprocess.Popen(
        line,
        cwd=settings.BASE_DIR,
        env=child_environment(TEMPORAL_ADDRESS=address, COUNTERSIGN_VAR=str(tmp_path)),
        start_new_session=True,
    ) as process:
        try:
            until(lambda: nice_of(process.pid) == LOWER)
            until(lambda: session_of(process.pid) in (SESSION, None))
        finally:
            process.terminate()
