"""The desk as tests use it: people, a worker in this process, workflows on a real server."""

import asyncio
import itertools
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any
from unittest import mock

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.db import connections
from django.utils import timezone
from temporalio.api.common.v1 import Payload, Payloads, WorkflowExecution
from temporalio.api.enums.v1 import EventType, WorkflowTaskFailedCause
from temporalio.api.workflowservice.v1 import SignalWorkflowExecutionRequest
from temporalio.client import Client, WorkflowFailureError, WorkflowHandle
from temporalio.exceptions import ChildWorkflowError
from temporalio.service import RPCError
from temporalio.worker import Worker
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner

from approvals.models import Approval, Decision, Queue
from orchestrator import client, contract, signing
from orchestrator import worker as workers
from orchestrator.contract import Request, Run

PATIENCE = 15.0  # seconds: long enough for a busy machine, and only ever waited out by a failure


def until(true: Callable[[], Any], what: str = "", seconds: float = PATIENCE) -> Any:
    """The first true answer of `true()`; fails when there is none in time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if answer := true():
            return answer
        time.sleep(0.01)
    raise AssertionError(f"Not within {seconds} s: {what or true}")


def at_once(number: int, work: Callable[[int], Any]) -> list[Any]:
    """What `work(n)` answers or raises, all of them begun in the same moment."""
    barrier = threading.Barrier(number)
    answers: list[Any] = []

    def run(n: int) -> None:
        barrier.wait()
        try:
            answers.append(work(n))
        except Exception as error:
            answers.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=(n,)) for n in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


# A worker in this process, without the periodic work, so that a test decides what happens when.


class ShortConnections(ThreadPoolExecutor):
    """Threads that keep no database connection: one left open would block what comes after."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **more: Any) -> Future:
        def closing() -> Any:
            try:
                return fn(*args, **more)
            finally:
                connections.close_all()

        return super().submit(closing)


@contextmanager
def working(queue: str = "", **options: Any) -> Iterator[Worker]:
    """A worker on the bridge's own loop; with a `queue`, one with `options` of its own."""
    threads = ShortConnections(16)

    async def begin() -> tuple[Worker, asyncio.Task]:
        temporal = await client.connect()
        if queue:
            worker = Worker(
                temporal,
                task_queue=queue,
                activity_executor=threads,
                interceptors=[workers.FreshConnections()],
                **options,
            )
        else:
            # In the SDK's sandbox, which the real worker does without: it finds what is not
            # deterministic.
            options.setdefault("workflow_runner", SandboxedWorkflowRunner())
            worker = workers.make_worker(temporal, threads, **options)
        return worker, asyncio.create_task(worker.run())

    worker, running = on_loop(begin())
    try:
        yield worker
    finally:
        on_loop(worker.shutdown())
        on_loop(_end(running))
        threads.shutdown()


async def _end(task: asyncio.Task) -> None:
    await task


def on_loop(coroutine: Any, seconds: float = 60) -> Any:
    """Run it on the event loop that owns this process's Temporal client."""
    return asyncio.run_coroutine_threadsafe(coroutine, client.bridge.loop).result(seconds)


# Workflows.


class Flow:
    """One run of a workflow, seen from outside."""

    def __init__(self, workflow_id: str, run_id: str) -> None:
        self.id, self.run_id = workflow_id, run_id

    def ask(self, what: Callable[[WorkflowHandle], Any], seconds: float = PATIENCE) -> Any:
        async def asked(temporal: Client) -> Any:
            return await what(temporal.get_workflow_handle(self.id, run_id=self.run_id))

        return client.bridge.call(asked, seconds)

    def result(self, seconds: float = 2 * PATIENCE) -> Any:
        return self.ask(lambda handle: handle.result(follow_runs=False), seconds)

    def failure(self) -> Any:
        """What the workflow failed with, or its child."""
        with pytest.raises(WorkflowFailureError) as failed:
            self.result()
        error: Any = failed.value.cause
        while isinstance(error, ChildWorkflowError):
            error = error.cause
        return error

    def cancel(self) -> None:
        self.ask(lambda handle: handle.cancel())

    def terminate(self) -> None:
        self.ask(lambda handle: handle.terminate())

    def describe(self) -> Any:
        return self.ask(lambda handle: handle.describe())

    @property
    def status(self) -> str:
        return client.execution(self.id, self.run_id).status

    @property
    def details(self) -> str:
        """Temporal's current details: what its own pages show."""

        async def metadata(handle: WorkflowHandle) -> str:
            return (await handle.query("__temporal_workflow_metadata")).current_details

        return self.ask(metadata)

    def snapshot(self) -> contract.Snapshot | None:
        return client.snapshot(self.id, self.run_id)

    def events(self, kind: str) -> list[Any]:
        """The run's events of one kind, such as "WORKFLOW_EXECUTION_SIGNALED"."""
        wanted = EventType.Value(f"EVENT_TYPE_{kind}")
        return [e for e in client.history(self.id, self.run_id) if e.event_type == wanted]

    def signals(self) -> int:
        return len(self.events("WORKFLOW_EXECUTION_SIGNALED"))

    def wedged(self) -> list[Any]:
        """Workflow tasks that our code failed; the server itself ends one when signals pile up."""
        ours = [
            each.workflow_task_failed_event_attributes
            for each in self.events("WORKFLOW_TASK_FAILED")
        ]
        forced = WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_FORCE_CLOSE_COMMAND
        return [each for each in ours if each.cause != forced]

    def agent_runs(self) -> int:
        """How often the agent was handed the task."""
        scheduled = self.events("ACTIVITY_TASK_SCHEDULED")
        names = [e.activity_task_scheduled_event_attributes.activity_type.name for e in scheduled]
        return names.count(contract.RUN_AGENT)

    # Signals as anyone with access to Temporal can send them.

    def signal(self, *args: Any, name: str = contract.DECIDE) -> None:
        self.ask(lambda handle: handle.signal(name, args=list(args)))

    def signal_raw(self, payloads: list[Payload], request_id: str = "") -> None:
        async def send(temporal: Client) -> None:
            await temporal.workflow_service.signal_workflow_execution(
                SignalWorkflowExecutionRequest(
                    namespace=temporal.namespace,
                    workflow_execution=WorkflowExecution(workflow_id=self.id, run_id=self.run_id),
                    signal_name=contract.DECIDE,
                    input=Payloads(payloads=payloads),
                    request_id=request_id or str(uuid.uuid4()),
                )
            )

        client.bridge.call(send, PATIENCE)

    # The desk's side.

    @property
    def approvals(self) -> list[Approval]:
        return list(Approval.objects.filter(workflow_id=self.id).order_by("opened_at"))

    def approval(self, number: int = 1) -> Approval:
        """The row of its n-th step, once there is one."""
        rows = until(lambda: len(self.approvals) >= number and self.approvals, f"row of {self.id}")
        return rows[number - 1]

    def waiting(self) -> Approval:
        """The same, once the workflow itself knows that it waits."""
        until(self.snapshot, f"{self.id} waits")
        return self.approval()

    def closed(self, number: int = 1) -> Approval:
        """The same row, once the workflow has said what became of it."""
        return until(
            lambda: (row := self.approval(number)).state != contract.WAITING and row,
            f"{self.id} is published",
        )


class Desk:
    """Starts workflows, and ends at the close of a test those that still run."""

    def __init__(self) -> None:
        self.flows: list[Flow] = []

    def start(
        self,
        kind: str,
        *args: Any,
        queue: str = contract.TASK_QUEUE,
        name: str = "",
        **options: Any,
    ) -> Flow:
        name = name or f"{kind.lower()}-{uuid.uuid4().hex[:12]}"

        async def begin(temporal: Client) -> Flow:
            handle = await temporal.start_workflow(
                kind, args=list(args), id=name, task_queue=queue, **options
            )
            return Flow(name, handle.first_execution_run_id or "")

        self.flows.append(client.bridge.call(begin, PATIENCE))
        return self.flows[-1]

    def approval(self, **request: Any) -> Flow:
        """A step as a workflow of its own."""
        return self.start(contract.APPROVAL, a_request(**request))

    def task(self, **request: Any) -> Flow:
        """The whole pipeline: policy, people, agent."""
        given = {"task": "Pay €120.00 to Acme", "payload": {"amount": "120.00"}, **request}
        return self.start(contract.GUARDED_TASK, given)

    def child_of(self, parent: Flow, number: int = 1) -> Flow:
        """The n-th `Approval` that `parent` started."""

        def rows() -> list[Approval]:
            found = Approval.objects.filter(parent_workflow_id=parent.id).order_by("opened_at")
            return list(found)

        row = until(lambda: len(rows()) >= number and rows(), f"child of {parent.id}")[number - 1]
        self.flows.append(Flow(row.workflow_id, row.run_id))
        return self.flows[-1]

    def close(self) -> None:
        """End what still runs: a reconciler of a later test would take it for its own."""

        async def terminate(temporal: Client) -> None:
            running = temporal.list_workflows('ExecutionStatus = "Running"')
            names = {flow.id for flow in self.flows} | {each.id async for each in running}
            for name in names:
                try:
                    await temporal.get_workflow_handle(name).terminate()
                except RPCError:
                    continue  # it has ended already

        client.bridge.call(terminate, 30)


def a_request(**changes: Any) -> dict[str, Any]:
    return {"title": "Pay €120.00 to Acme", "payload": {"amount": "120.00"}, **changes}


def temporal_payload(data: bytes, encoding: bytes = b"json/plain") -> Payload:
    return Payload(metadata={"encoding": encoding}, data=data)


# People.


class People:
    """Reviewers of the queue `general`, and somebody who asks."""

    def __init__(self) -> None:
        self.general = Queue.objects.create(slug="general", name="General")
        self.mei, self.lena, self.tomasz = (self.reviewer(n) for n in ("mei", "lena", "tomasz"))
        self.amira = User.objects.create(username="amira", email="amira@example.com")

    def reviewer(self, name: str, queue: Queue | None = None) -> User:
        user = User.objects.create(username=name, email=f"{name}@example.com")
        (queue or self.general).reviewers.add(user)
        return user

    def reviewers(self, number: int) -> list[User]:
        users = User.objects.bulk_create(User(username=f"reviewer-{n}") for n in range(number))
        self.general.reviewers.add(*users)
        return users


def envelope_for(approval: Approval, by: User, **changes: Any) -> dict[str, Any]:
    """A decision as the site would sign it; `changes` to its body are signed too."""
    body = {
        "v": contract.VERSION,
        "decision_id": str(uuid.uuid4()),
        "approval_id": str(approval.pk),
        "workflow_id": approval.workflow_id,
        "run_id": approval.run_id,
        "verdict": contract.APPROVE,
        "reviewer": {"id": str(by.pk), "username": by.username, "name": by.username},
        "comment": "",
        "decided_at": "2026-01-01T00:00:00+00:00",
        "channel": "web",
        "payload_sha256": approval.payload_sha256,
    }
    return signing.Signer.load(settings.VAR).sign({**body, **changes})


def recorded(approval: Approval, by: User, verdict: str = "approve", **more: Any) -> Decision:
    """A decision that was recorded while its signal was lost: the process died after the commit."""
    with mock.patch.object(Decision, "deliver"):
        return approval.decide(by, verdict, **more)


_row = itertools.count(1)


def a_row(people: People, **values: Any) -> Approval:
    """An approval whose workflow Temporal does not know, for tests that need no workflow."""
    number = next(_row)
    given = {
        "workflow_id": f"row-{number}",
        "run_id": str(uuid.uuid4()),
        "workflow_type": contract.APPROVAL,
        "title": "Pay €120.00 to Acme",
        "payload": {"amount": "120.00"},
        "queue": people.general,
        "quorum": 1,
        "on_timeout": "reject",
        **values,
    }
    given["payload_sha256"] = contract.sha256(given["payload"])
    return Approval.objects.create(**given)


def an_opened(**request: Any) -> Approval:
    """An approval on the terms that `request` gets, whose workflow Temporal does not know."""
    run = Run(f"row-{next(_row)}", str(uuid.uuid4()), contract.APPROVAL)
    return Approval.open(str(uuid.uuid4()), Request.read(a_request(**request)), run)


class Clock:
    """What this process takes the time to be, `ahead` of the true one; it goes on from there."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def set(self, when: datetime) -> None:
        self.ahead = when - datetime.now(UTC)


# Fixtures: each conftest.py beside the tests imports what they need.


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """A clock that a test may set. Temporal's, and those of other processes, stay right."""
    clock = Clock()

    class Moved(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
            return datetime.now(tz) + clock.ahead

    # Below `timezone.now`, which models hold as the default of their columns.
    monkeypatch.setattr(timezone, "datetime", Moved)
    return clock


@pytest.fixture
def noon(clock: Clock) -> None:
    """A Wednesday in the middle of a month: no day and no month ends while the test runs."""
    clock.set(datetime(2026, 9, 16, 12, tzinfo=UTC))


@pytest.fixture
def keys() -> Iterator[None]:
    """A signing key and its ring; a test that rotates or revokes leaves none of it behind."""
    before = {
        name: (settings.VAR / name).read_bytes()
        for name in (signing.PRIVATE_FILE, signing.RING_FILE)
        if (settings.VAR / name).exists()
    }
    if not before:
        signing.create_key(settings.VAR)
    yield
    for name, content in before.items():
        (settings.VAR / name).write_bytes(content)


@pytest.fixture
def away(monkeypatch: pytest.MonkeyPatch) -> None:
    """Temporal does not answer the site: what is decided stays in the database."""

    def unreachable(*_args: Any, **_more: Any) -> None:
        raise client.Unreachable("Temporal does not answer.")

    for name in ("history", "worker_seen", "start_guarded_task", "send_decision"):
        monkeypatch.setattr(client, name, unreachable)


@pytest.fixture
def people(db: None, keys: None) -> People:
    return People()


@pytest.fixture
def desk(transactional_db: None, temporal: Any, people: People) -> Iterator[Desk]:
    """Workflows may be started; nothing works on them until `worker`."""
    desk = Desk()
    yield desk
    desk.close()


@pytest.fixture
def worker(desk: Desk) -> Iterator[Worker]:
    with working() as worker:
        yield worker
