"""What all tests share: the test database, a real Temporal server, fast passwords."""

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection
from django.test import override_settings

from orchestrator import embedded


@pytest.fixture(autouse=True, scope="session")
def quick_settings() -> Iterator[None]:
    """No password costs half a second, and no page needs `collectstatic` first."""
    storage = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    with override_settings(
        PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
        STORAGES={**settings.STORAGES, "staticfiles": storage},
    ):
        yield


@pytest.fixture(scope="session")
def django_db_modify_db_settings(request: pytest.FixtureRequest) -> None:
    """SQLite in a file, as in production: an in-memory database is locked differently."""
    if connection.vendor == "sqlite":
        test = connection.settings_dict.setdefault("TEST", {})
        test["NAME"] = str(settings.VAR / "test.db")
    request.getfixturevalue("django_db_modify_db_settings_parallel_suffix")


_dropped: list[str] = []


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup, django_db_blocker) -> None:
    """Without the triggers that keep the audit append-only on SQLite (`triggers` has them).

    Between tests with real transactions Django empties each table: by DELETE on SQLite, by
    TRUNCATE on PostgreSQL, which no row trigger sees.
    """
    if connection.vendor != "sqlite":
        return
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        cursor.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
        for name, sql in cursor.fetchall():
            cursor.execute(f'DROP TRIGGER "{name}"')
            _dropped.append(sql)


@pytest.fixture
def triggers(db) -> Iterator[None]:
    """The database's triggers as in production, for one test."""
    with connection.cursor() as cursor:
        for sql in _dropped:
            cursor.execute(sql)
        yield
        for sql in _dropped:
            name = sql.split()[2].strip('"')
            cursor.execute(f'DROP TRIGGER "{name}"')


@pytest.fixture(scope="session")
def temporal() -> Iterator[embedded.Server]:
    """A real Temporal server in memory, where TEMPORAL_ADDRESS has pointed from the start."""
    with embedded.running(embedded.wanted_port()) as server:
        yield server


@pytest.fixture
def child_environment() -> Callable[..., dict[str, str]]:
    """The environment for processes that a test starts: same database, folder and Temporal."""

    def environment(**more: str) -> dict[str, str]:
        bin_folder = Path(sys.executable).parent
        return {
            **os.environ,
            "PATH": f"{bin_folder}{os.pathsep}{os.environ['PATH']}",
            "DATABASE_URL": database_url(),
            **more,
        }

    return environment


def database_url() -> str:
    """The test database's own URL, which differs from the one that the settings were given."""
    now = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{now['NAME']}"
    return f"postgresql://{now['USER']}@{now['HOST']}:{now['PORT']}/{now['NAME']}"
