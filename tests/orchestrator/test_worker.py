"""The worker process: finds its work, waits for Temporal, and stops without dropping anything."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.conf import settings
from django.db import connection, connections
from temporalio import activity

from approvals import activities
from approvals.models import Decision
from orchestrator import client, contract, embedded, periodic, priority, signing
from orchestrator import worker as workers
from tests.desk import Desk, a_row, recorded, until, working


class Process:
    """`manage.py worker` as an operator runs it."""

    def __init__(self, environment, tmp_path, name="worker"):
        self.log = tmp_path / f"{name}.log"
        with open(self.log, "wb") as file:
            self.process = subprocess.Popen(
                [sys.executable, "manage.py", "worker"],
                cwd=settings.BASE_DIR,
                env=environment,
                stdout=file,
                stderr=file,
            )

    def said(self, words):
        return words in self.log.read_text()

    def stop(self, how=signal.SIGTERM):
        self.process.send_signal(how)
        return self.process.wait(30)


@pytest.fixture
def run_worker(transactional_db, people, child_environment, tmp_path):
    started = []

    def run(**environment):
        given = {k: v for k, v in os.environ.items() if k.startswith(("COUNTERSIGN_VAR", "TEMP"))}
        more = {**given, **environment}
        name = f"worker-{len(started)}"
        started.append(Process(child_environment(**more), tmp_path, name))
        return started[-1]

    yield run
    for each in started:
        if each.process.poll() is None:
            each.process.kill()
            each.process.wait(10)


class TestDiscovery:
    def test_every_activity_that_workflows_name_is_there(self):
        found = {activity._Definition.from_callable(each).name for each in workers.activities()}
        assert found >= {
            contract.CHECK_POLICY, contract.OPEN_APPROVAL, contract.VERIFY,
            contract.PUBLISH, contract.RUN_AGENT,
        }  # fmt: skip

    def test_periodic_work_is_there(self):
        found = {each.__name__: getattr(each, periodic.INTERVAL)
                 for each in workers.periodic_work()}  # fmt: skip
        assert found["relay"] <= 2
        assert found["reconcile"] <= 30

    def test_what_a_module_only_imports_is_not_its_own(self):
        assert activities.relay_decisions not in workers.periodic_work()


@pytest.mark.postgresql(only=True)
class TestFreshConnections:
    def test_a_connection_that_broke_is_replaced(self, transactional_db):
        """As after a restart of the database, in a thread that worked before and works on."""

        def backend():
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_backend_pid()")
                return cursor.fetchone()[0]

        with ThreadPoolExecutor(1) as thread:
            first = thread.submit(workers._fresh(backend)).result()
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_terminate_backend(%s)", [first])
            second = thread.submit(workers._fresh(backend)).result()
            thread.submit(connections.close_all).result()
        assert second != first


class TestStop:
    def test_what_runs_is_finished(self, desk, people):
        """An activity that has begun when the stop comes still ends, and its answer counts."""
        began, ended = threading.Event(), []

        def slowly(snapshot: contract.Snapshot) -> str:
            began.set()
            time.sleep(1)
            ended.append(snapshot.state)
            return activities.publish(snapshot)

        defined = activity.defn(name=contract.PUBLISH)(slowly)
        real = workers.activities()
        others = [each for each in real if each is not activities.publish]
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(workers, "activities", lambda: [*others, defined])
            with working():
                flow = desk.task()
                flow.waiting().decide(people.mei, "approve")
                began.wait(10)
        assert ended == ["approved"]
        with working():
            assert flow.result(30)["outcome"] == "approved"
        assert flow.closed().state == "approved"

    @pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
    def test_the_process_leaves_with_code_zero(self, desk, run_worker, how):
        process = run_worker()
        until(lambda: process.said("Worker is ready"), process.log)
        assert process.stop(how) == 0
        assert process.said("Worker stopped.")
        assert "Traceback" not in process.log.read_text()


class TestProcess:
    def test_people_go_first(self, people, run_worker):
        process = run_worker()
        lower = os.getpriority(os.PRIO_PROCESS, 0) or priority.NICE
        until(lambda: os.getpriority(os.PRIO_PROCESS, process.process.pid) == lower, process.log)

    def test_the_whole_way_with_its_relay(self, desk, people, run_worker):
        """A decision whose sender died after the commit is sent by the worker's relay."""
        process = run_worker()
        flow = desk.task()
        decision = recorded(flow.approval(), people.mei)
        Decision.objects.update(next_try_at=decision.decided_at)
        assert flow.result(20)["outcome"] == "approved"
        until(lambda: Decision.objects.get().delivery == "applied")
        assert process.stop() == 0

    def test_two_at_once(self, desk, people, run_worker):
        both = [run_worker(), run_worker()]
        for process in both:
            until(lambda p=process: p.said("Worker is ready"), process.log)
        flows = [desk.task() for _ in range(6)]
        decisions = [recorded(flow.approval(), people.mei) for flow in flows]
        Decision.objects.update(next_try_at=decisions[0].decided_at)
        assert {flow.result(30)["outcome"] for flow in flows} == {"approved"}
        assert {flow.signals() for flow in flows} == {1}
        assert {flow.agent_runs() for flow in flows} == {1}
        assert [process.stop() for process in both] == [0, 0]

    def test_killed_in_the_middle_another_goes_on(self, desk, people, run_worker):
        first = run_worker()
        flow = desk.task(quorum=2)
        row = flow.approval()
        row.decide(people.mei, "approve")
        first.process.kill()
        first.process.wait(10)
        row.decide(people.lena, "approve")
        run_worker()
        assert flow.result(40)["outcome"] == "approved"
        assert flow.agent_runs() == 1

    def test_temporal_comes_later(self, people, run_worker, monkeypatch):
        port = embedded.free_port()
        address = f"{embedded.HOST}:{port}"
        process = run_worker(TEMPORAL_ADDRESS=address)
        until(lambda: process.said(f"Temporal at {address} does not answer."), process.log, 30)
        assert process.process.poll() is None
        monkeypatch.setenv("TEMPORAL_ADDRESS", address)
        monkeypatch.setattr(client, "bridge", client.Bridge())
        with embedded.running(port):
            until(lambda: process.said("Worker is ready"), process.log, 30)
            flow = Desk().task()
            flow.approval().decide(people.mei, "approve")
            assert flow.result()["outcome"] == "approved"
            assert process.stop() == 0

    def test_temporal_away_it_still_stops_at_once(self, people, run_worker):
        process = run_worker(TEMPORAL_ADDRESS=f"{embedded.HOST}:{embedded.free_port()}")
        until(lambda: process.said("does not answer"), process.log, 30)
        began = time.monotonic()
        assert process.stop() == 0
        assert time.monotonic() - began < 10

    def test_its_log_has_one_line_an_event_and_no_secret(self, desk, people, run_worker):
        process = run_worker()
        flow = desk.task(title="Pay\nFAKE LINE\x1b[31m")
        row = flow.approval()
        row.decide(people.mei, "reject", "No.\nAnother line")
        flow.result(20)
        until(lambda: process.said("is rejected"), process.log)
        process.stop()
        lines = process.log.read_text().splitlines()
        assert all(re.match(r"\d\d:\d\d:\d\d (INFO|WARNING)", line) for line in lines), lines
        secret = (settings.VAR / signing.PRIVATE_FILE).read_text().split("\n")[1]
        assert secret not in process.log.read_text()


class TestPeriodic:
    def test_an_error_costs_one_turn(self, transactional_db):
        turns = []

        @periodic.every(seconds=0.01)
        def failing():
            turns.append(1)
            raise RuntimeError("no")

        stopping = threading.Event()
        thread = workers._beside(failing, stopping)
        until(lambda: len(turns) > 2)
        stopping.set()
        thread.join(5)
        assert not thread.is_alive()


def test_a_row_of_nobody_is_not_in_the_workers_way(desk, worker, people):
    """Rows from elsewhere, with workflows that nobody knows, hold up no other."""
    for _ in range(3):
        recorded(a_row(people), people.mei)
    flow = desk.task()
    flow.approval().decide(people.mei, "approve")
    assert flow.result()["outcome"] == "approved"
