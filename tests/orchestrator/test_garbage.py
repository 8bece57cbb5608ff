"""Processes that live long look for garbage seldom."""

import gc
import runpy

import pytest
from django.conf import settings

from orchestrator import garbage


@pytest.fixture(autouse=True)
def as_before():
    thresholds = gc.get_threshold()
    yield
    gc.set_threshold(*thresholds)
    gc.unfreeze()


def test_what_is_loaded_is_not_looked_through_again():
    garbage.look_seldom()
    assert gc.get_freeze_count() > 10_000
    assert gc.get_threshold()[0] == garbage.NEW_OBJECTS
    assert gc.isenabled()


def test_the_site_does_so_once_it_is_loaded(monkeypatch):
    calls = []
    monkeypatch.setattr(garbage, "look_seldom", lambda: calls.append("looked"))
    runpy.run_path(str(settings.BASE_DIR / "gunicorn.conf.py"))["post_worker_init"](None)
    assert calls == ["looked"]
