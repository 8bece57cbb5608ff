"""A database that cannot write: refused in words, nothing half-written, nothing to repair."""

import contextlib
import os
import resource
from pathlib import Path

import pytest
from django.db import connection
from django.test import Client

from approvals.models import Approval, AuditEntry, Decision
from orchestrator import client
from tests.desk import a_row

IN_LOG = 24 + 4096  # bytes by which SQLite's log grows for a page that changed


def state() -> list:
    """All that a decision changes."""
    return [list(each.objects.order_by("pk").values()) for each in (Approval, Decision, AuditEntry)]


class TestDiskFull:
    """No file of the site grows beyond a limit, which is what a full disk is to SQLite."""

    @contextlib.contextmanager
    def full(self, site, size: int):
        pids = [site.process.process.pid, *children(site.process.process.pid)]
        assert len(pids) > 1
        before = [resource.prlimit(pid, resource.RLIMIT_FSIZE) for pid in pids]
        for pid, (_soft, hard) in zip(pids, before, strict=True):
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, hard))
        yield
        for pid, limits in zip(pids, before, strict=True):
            resource.prlimit(pid, resource.RLIMIT_FSIZE, limits)

    def test_at_whatever_page_it_fills_up(self, transactional_db, people, site):
        # One thread, whose connection is open already: on a full disk SQLite opens none.
        row, clicked = a_row(people), site(GUNICORN_CMD_ARGS="--threads 1")
        assert clicked.click(row, people.amira).status_code == 404
        before, refused = state(), 0
        for pages in range(100):
            with connection.cursor() as cursor:
                cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            with self.full(clicked, pages * IN_LOG):
                answer = clicked.click(row, people.mei)
            if answer.status_code == 303:
                break
            refused += 1
            assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
            assert "Nothing was recorded." in answer.text
            assert state() == before, f"after {pages} pages"
        assert refused > 5
        assert Decision.objects.count() == AuditEntry.objects.filter(action="approve").count() == 1
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA integrity_check")
            assert cursor.fetchall() == [("ok",)]


def children(pid: int) -> list[int]:
    return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@pytest.mark.usefixtures("transactional_db")
class TestBusy:
    @pytest.fixture
    def click(self, people, monkeypatch):
        def away(envelope):
            raise client.Unreachable("Temporal does not answer.")

        monkeypatch.setattr(client, "send_decision", away)
        row, mei = a_row(people), Client()
        mei.force_login(people.mei, "approvals.accounts.Accounts")
        given = {"verdict": "approve", "sha": row.payload_sha256, "key": os.urandom(16).hex()}
        return lambda: mei.post(f"/approvals/{row.pk}/decision/", given)

    @pytest.fixture
    def another(self):
        """A connection of somebody else's. Ours waits for it 200 ms, so that a test is quick."""
        with connection.cursor() as cursor:
            if connection.vendor == "sqlite":
                cursor.execute("PRAGMA busy_timeout = 200")
            else:
                cursor.execute("SET lock_timeout = '200ms'")
        other = connection.copy()
        yield other
        other.close()
        connection.close()

    @pytest.mark.postgresql
    def test_with_somebody_elses_lock(self, click, another):
        lock = "BEGIN IMMEDIATE"
        if connection.vendor == "postgresql":
            lock = "BEGIN; LOCK TABLE approvals_approval IN SHARE MODE"
        before = state()
        with another.cursor() as cursor:
            cursor.execute(lock)
        answer = click()
        assert (answer.status_code, answer["Retry-After"]) == (503, "5")
        assert "Nothing was recorded." in answer.content.decode()
        assert state() == before
        with another.cursor() as cursor:
            cursor.execute("ROLLBACK")
        assert click().status_code == 303
        assert Decision.objects.count() == 1

    @pytest.mark.postgresql(only=True)
    def test_or_gone_in_the_middle(self, click, another):
        """The server ends the connection when all but the audit entry is written."""

        def end(execute, sql, params, many, context):
            if sql.startswith('INSERT INTO "approvals_auditentry"'):
                with another.cursor() as cursor:
                    pid = connection.connection.info.backend_pid
                    cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])
            return execute(sql, params, many, context)

        before = state()
        with connection.execute_wrapper(end):
            answer = click()
        assert answer.status_code == 503
        assert "Nothing was recorded." in answer.content.decode()
        assert state() == before
        assert click().status_code == 303
        assert Decision.objects.count() == 1
