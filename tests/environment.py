"""What the settings see during tests, as a pytest plugin that is loaded before they are."""

import contextlib
import os
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator import embedded
from tests import postgresql

# Left over in a shell, these would point the tests at something real, or to another time of day.
OURS = (
    *("AGENT", "ALLOWED_HOSTS", "BEHIND_PROXY", "COUNTERSIGN", "DATABASE", "DEBUG", "DEMO"),
    *(
        "DJANGO_SETTINGS_MODULE",
        "OPA",
        "PORT",
        "SECRET_KEY",
        "SITE_URL",
        "SSL_REDIRECT",
        "TEMPORAL",
        "TIME_ZONE",
    ),
)

ON_POSTGRESQL = os.environ.get("COUNTERSIGN_TEST_DB") == "postgresql"
_cleanup = contextlib.ExitStack()


def prepare() -> None:
    # A time limit's SIGTERM is handled as Ctrl-C: fixtures stop the servers that they started.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    for name in [name for name in os.environ if name.startswith(OURS)]:
        if name != "COUNTERSIGN_TEST_DB":
            del os.environ[name]
    var = Path(_cleanup.enter_context(tempfile.TemporaryDirectory(prefix="countersign-")))
    os.environ["COUNTERSIGN_VAR"] = str(var)
    # Nobody listens there until the fixture `temporal` is used.
    os.environ["TEMPORAL_ADDRESS"] = f"{embedded.HOST}:{embedded.free_port()}"
    if ON_POSTGRESQL:
        os.environ["DATABASE_URL"] = _cleanup.enter_context(postgresql.cluster()).url


prepare()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out, rather than skip, what only PostgreSQL can show."""
    if ON_POSTGRESQL:
        return
    elsewhere = [item for item in items if _only_postgresql(item)]
    if elsewhere:
        config.hook.pytest_deselected(items=elsewhere)
        items[:] = [item for item in items if item not in elsewhere]


def _only_postgresql(item: pytest.Item) -> bool:
    return any(mark.kwargs.get("only") for mark in item.iter_markers("postgresql"))


# A skipped test proves nothing: in CI it fails.


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    return _unskipped((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector: pytest.Collector) -> Iterator[None]:
    return _unskipped((yield))


def _unskipped(report):
    if os.environ.get("CI") == "true" and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"Skipped, which counts as a failure in CI: {report.longrepr}"
    return report


# The Temporal SDK crashes about one in ten processes that used it at their very end (its bug
# 300), after everything was printed: this process leaves before that, with pytest's own code.

_status: list[int] = []


@pytest.hookimpl(wrapper=True)
def pytest_sessionfinish(session: pytest.Session) -> Iterator[None]:
    result = yield
    _status.append(int(session.exitstatus))
    return result


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_unconfigure(config: pytest.Config) -> Iterator[None]:
    result = yield
    _cleanup.close()
    if _status and not hasattr(config, "workerinput"):
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(_status[-1])
    return result
