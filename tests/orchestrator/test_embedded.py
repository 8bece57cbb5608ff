"""The embedded Temporal server starts tuned, says what is wrong, and leaves nothing behind."""

import os
import signal
import socket

import pytest

from orchestrator import embedded


def answers(address: str) -> bool:
    host, _, port = address.partition(":")
    with socket.socket() as client:
        return client.connect_ex((host, int(port))) == 0


def test_runs_on_a_free_port_and_is_gone_afterwards():
    with embedded.running() as server:
        assert answers(server.address)
        os.kill(server.pid, 0)
    assert not answers(server.address)
    with pytest.raises(ProcessLookupError):
        os.kill(server.pid, 0)


def test_survives_a_test_that_kills_it(tmp_path):
    database = tmp_path / "temporal.db"
    with embedded.running(database=database) as server:
        os.kill(server.pid, signal.SIGKILL)
    port = int(server.address.partition(":")[2])
    with embedded.running(port, database=database) as again:
        assert again.address == server.address


def test_a_taken_port_is_said():
    with socket.socket() as taken:
        taken.bind((embedded.HOST, 0))
        taken.listen()
        port = taken.getsockname()[1]
        problem = pytest.raises(embedded.EmbeddedServerError, match=f"Port {port} is taken")
        with problem, embedded.running(port):
            pass


def test_listens_on_this_machine_only_and_is_tuned(tmp_path):
    line = embedded.command(7000, ui_port=8000, database=tmp_path / "temporal.db")
    text = " ".join(line)
    assert "--ip 127.0.0.1 --port 7000" in text
    assert "history.transferProcessorMaxPollRPS=2000" in text
    assert "--sqlite-pragma journal_mode=WAL" in text
    assert "--headless" not in line
    assert "--headless" in embedded.command()


def test_another_machine_is_no_place_for_the_embedded_server(monkeypatch):
    monkeypatch.setenv("TEMPORAL_ADDRESS", "temporal.example.com:7233")
    with pytest.raises(embedded.EmbeddedServerError, match=r"temporal\.example\.com:7233"):
        embedded.wanted_port()
