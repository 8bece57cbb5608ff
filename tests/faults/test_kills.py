"""kill -9 on each part: what was recorded takes effect exactly once after it is back."""

import os
import random
import signal
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from approvals.models import Approval, Decision
from orchestrator import client
from tests.desk import Desk, a_row, until

KILLED_AFTER_COMMIT = "tests/faults/killed_after_commit.py"


def settled(flows):
    """Every approval is approved, and every decision counted by its workflow."""
    rows = Approval.objects.filter(run_id__in=[flow.run_id for flow in flows])
    done = rows.filter(state="approved", decisions__acknowledged_at__isnull=False)
    return done.count() == len(flows)


class TestSite:
    def test_killed_between_commit_and_signal(self, desk, people, site, run_worker, ledger):
        run_worker()
        flow = desk.task()
        row = flow.approval()
        dying = site(KILLED_AFTER_COMMIT)
        with pytest.raises(httpx.TransportError):
            dying.click(row, people.mei)
        decision = Decision.objects.get(approval=row)
        until(lambda: settled([flow]), "the relay delivered it", 40)
        assert flow.result()["outcome"] == "approved"
        decision.refresh_from_db()
        assert (decision.delivery, flow.signals()) == ("applied", 1)
        assert ledger.keys == [str(row.pk)]

    def test_stopped_in_the_middle_of_a_click(self, transactional_db, people, site):
        """Whoever is being served gets the answer. Temporal takes connections and says nothing."""
        row = a_row(people)
        with socket.create_server(("127.0.0.1", 0)) as silent:
            clicked = site(TEMPORAL_ADDRESS=f"127.0.0.1:{silent.getsockname()[1]}")
            with ThreadPoolExecutor(1) as thread:
                click = thread.submit(clicked.click, row, people.mei)
                until(Decision.objects.exists, "it is recorded")
                assert not click.done()
                clicked.process.process.send_signal(signal.SIGTERM)
                assert click.result(20).status_code == 303
        decision = Decision.objects.get()
        assert (decision.delivery, decision.tries) == ("recorded", 1)


class TestWorker:
    def test_killed_while_decisions_come(self, desk, people, run_worker, ledger):
        flows = [desk.task() for _ in range(8)]
        worker = run_worker()
        rows = [flow.approval() for flow in flows]
        for number, row in enumerate(rows):
            row.decide(people.mei, "approve")
            if number in (2, 5):
                worker.kill()
                worker = run_worker()
        until(lambda: settled(flows), "all are applied", 60)
        for flow in flows:
            assert flow.result()["outcome"] == "approved"
            assert flow.signals() == 1
        # The agent may be asked twice, with the same idempotency key: one effect each.
        assert set(ledger.keys) == {str(row.pk) for row in rows}


class TestTemporal:
    def test_killed_in_the_moment_of_a_click(
        self, transactional_db, people, own_temporal, site, run_worker, ledger
    ):
        """Five times, up to 10 ms after the click; the server comes back on the same file."""
        server = own_temporal()
        desk = Desk()
        run_worker()
        clicked = site()
        flows = [desk.task() for _ in range(5)]
        rows = [flow.approval() for flow in flows]
        answers = []
        for row in rows:
            click = threading.Thread(
                target=lambda row=row: answers.append(clicked.click(row, people.mei))
            )
            click.start()
            time.sleep(random.uniform(0, 0.05))
            os.kill(server.pid, signal.SIGKILL)
            click.join()
            server = own_temporal()
        assert {answer.status_code for answer in answers} == {303}
        until(lambda: settled(flows), "all are applied", 60)
        for flow in flows:
            assert flow.result()["outcome"] == "approved"
            assert flow.signals() == 1
        assert sorted(ledger.keys) == sorted({str(row.pk) for row in rows})

    def test_away_for_long(self, transactional_db, people, own_temporal, site, run_worker, ledger):
        """Clicks are recorded, answered in time, and delivered when it is back."""
        server = own_temporal()
        desk = Desk()
        run_worker()
        clicked = site()
        flows = [desk.task() for _ in range(4)]
        rows = [flow.approval() for flow in flows]
        os.kill(server.pid, signal.SIGKILL)
        for row in rows:
            began = time.monotonic()
            assert clicked.click(row, people.mei).status_code == 303
            assert time.monotonic() - began < 6  # 2 s for Temporal, the rest for a busy machine
        assert not Decision.objects.exclude(acknowledged_at=None).exists()
        own_temporal()
        until(lambda: settled(flows), "all are applied", 60)
        assert sorted(ledger.keys) == sorted(str(row.pk) for row in rows)
        assert client.execution(flows[0].id).status in ("completed", "running")
