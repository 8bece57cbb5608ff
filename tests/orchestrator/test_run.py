"""`manage.py run` says clearly what is in the way, and runs what the Procfile names."""

import socket
from collections.abc import Iterator

import pytest
from django.core.management.base import CommandError

from orchestrator import embedded
from orchestrator.management.commands import run


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.socket() as server:
        server.bind((embedded.HOST, 0))
        server.listen()
        yield server.getsockname()[1]


def test_a_taken_port_of_the_site_is_said(settings, taken):
    settings.PORT = taken
    with pytest.raises(CommandError, match=f"Port {taken} is taken.*PORT={taken + 1} make run"):
        run.check_ports(own_temporal=False)


def test_a_taken_port_of_temporal_is_said(settings, monkeypatch, taken):
    settings.PORT = embedded.free_port()
    monkeypatch.setattr(embedded, "PORT", taken)
    with pytest.raises(CommandError, match=f"Port {taken} is taken.*TEMPORAL_ADDRESS="):
        run.check_ports(own_temporal=True)


def test_another_temporal_needs_no_free_port(settings, monkeypatch, taken):
    settings.PORT = embedded.free_port()
    monkeypatch.setattr(embedded, "PORT", taken)
    run.check_ports(own_temporal=False)


def test_the_procfile_runs_temporal_the_site_and_a_worker():
    assert list(run.procfile()) == ["temporal", "site", "worker"]


def test_the_greeting_has_the_address_and_the_password(settings, monkeypatch):
    monkeypatch.setenv("DEMO_PASSWORD", "open sesame")
    text = run.greeting()
    assert settings.SITE_URL in text
    assert "open sesame" in text
    assert "kim" in text
