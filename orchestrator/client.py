"""The one door to Temporal: plain functions that wait for their answer, at most so long."""

import asyncio
import os
import threading
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar, cast

from temporalio.api.common.v1 import Payloads, WorkflowExecution
from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import (
    DescribeTaskQueueRequest,
    SignalWorkflowExecutionRequest,
)
from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleAlreadyRunningError,
    ScheduleIntervalSpec,
    ScheduleOverlapPolicy,
    SchedulePolicy,
    ScheduleSpec,
    WorkflowQueryFailedError,
)
from temporalio.client import (
    WorkflowExecution as Listed,
)
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.envconfig import ClientConfig
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from orchestrator import contract
from orchestrator.contract import Run, Snapshot

Answer = TypeVar("Answer")

PATIENCE = 2.0  # seconds a page waits for Temporal
LONGER = 10.0  # seconds for lists, starts and the worker's own questions


class Unreachable(Exception):
    """Temporal did not answer in time; what was asked may or may not have happened."""


class NotFound(Exception):
    """Temporal knows no such workflow, or it has ended."""


class Refused(Exception):
    """Temporal answered no, for good; the message says why."""


class Bridge:
    """One lazily connected client on one event-loop thread per process.

    A client does not survive a fork and is not made for several loops, hence one thread for it,
    started at the first call and forgotten in a forked child.
    """

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._client: Client | None = None

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                threading.Thread(
                    target=self._loop.run_forever, name="temporal", daemon=True
                ).start()
            return self._loop

    def call(
        self, ask: Callable[[Client], Coroutine[Any, Any, Answer]], patience: float = PATIENCE
    ) -> Answer:
        """The answer of `ask(client)`. Raises Unreachable, NotFound or Refused.

        The limit is put around everything: the SDK's own is per attempt, and 1 s became 9.7 s.
        """

        async def bounded() -> Answer:
            return await asyncio.wait_for(self._ask(ask), patience)

        future = asyncio.run_coroutine_threadsafe(bounded(), self.loop)
        try:
            return future.result(patience + 1)
        except RPCError as error:
            raise _in_words(error) from error
        except (RuntimeError, TimeoutError) as error:
            future.cancel()
            raise Unreachable(f"Temporal at {address()} does not answer.") from error

    async def _ask(self, ask: Callable[[Client], Coroutine[Any, Any, Answer]]) -> Answer:
        if self._client is None:  # only this loop's thread comes here
            self._client = await connect(lazy=True)
        return await ask(self._client)


bridge = Bridge()
os.register_at_fork(after_in_child=bridge.forget)


def address() -> str:
    """host:port of Temporal, from the SDK's own environment variables and configuration file."""
    return str(_config().get("target_host"))


def authenticated() -> bool:
    """Whether the desk shows Temporal a key or a certificate."""
    config = _config()
    return bool(config.get("api_key") or config.get("tls"))


async def connect(lazy: bool = False) -> Client:
    """A client as the environment says: TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE, …"""
    return await Client.connect(**_config(), lazy=lazy, connect_timeout=timedelta(seconds=2))


def _config() -> Any:
    config: dict[str, Any] = {"target_host": "127.0.0.1:7233"}
    config.update(ClientConfig.load_client_connect_config())
    return config


def _in_words(error: RPCError) -> Exception:
    if error.status == RPCStatusCode.NOT_FOUND:
        # A wrong TEMPORAL_NAMESPACE says nothing of the workflow.
        lacks_namespace = error.message.startswith("Namespace ")
        return (Refused if lacks_namespace else NotFound)(error.message)
    final = (
        RPCStatusCode.INVALID_ARGUMENT,
        RPCStatusCode.PERMISSION_DENIED,
        RPCStatusCode.UNAUTHENTICATED,
        RPCStatusCode.FAILED_PRECONDITION,
        RPCStatusCode.ALREADY_EXISTS,
    )
    if error.status in final:
        return Refused(error.message)
    return Unreachable(f"Temporal at {address()} does not answer: {error.message[:200]}")


# Starting.


def start_guarded_task(task: dict[str, Any], key: str) -> Run:
    """Start the pipeline for `task`; the same `key` again finds the one that runs."""
    name = contract.workflow_id("task", key)

    async def start(client: Client) -> Run:
        handle = await client.start_workflow(
            contract.GUARDED_TASK,
            task,
            id=name,
            task_queue=contract.TASK_QUEUE,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
            static_summary=_summary(task),
        )
        return Run(name, handle.first_execution_run_id or "", contract.GUARDED_TASK)

    try:
        return bridge.call(start, LONGER)
    except WorkflowAlreadyStartedError:  # it ran, and has ended already
        return Run(name, execution(name).run_id, contract.GUARDED_TASK)


def _summary(task: dict[str, Any]) -> str:
    return str(task.get("title") or task.get("task") or "")[:200]


# Deciding.


def send_decision(envelope: dict[str, Any]) -> None:
    """Signal the run that `envelope` names. Temporal drops the second with the same request id.

    Raises NotFound where that run has ended, Unreachable, or Refused.
    """
    body = envelope["body"]

    async def send(client: Client) -> None:
        payloads = await client.data_converter.encode([envelope])
        await client.workflow_service.signal_workflow_execution(
            SignalWorkflowExecutionRequest(
                namespace=client.namespace,
                workflow_execution=WorkflowExecution(
                    workflow_id=body["workflow_id"], run_id=body["run_id"]
                ),
                signal_name=contract.DECIDE,
                input=Payloads(payloads=payloads),
                request_id=body["decision_id"],
                identity="countersign",
            )
        )

    bridge.call(send)


# Ending.


def terminate(workflow_id: str, run_id: str, reason: str) -> None:
    """End a run at once; it publishes nothing any more. One that has ended already is no error."""

    async def end(client: Client) -> None:
        handle = client.get_workflow_handle(workflow_id, run_id=run_id)
        await handle.terminate(reason=reason)

    with suppress(NotFound):
        bridge.call(end, LONGER)


# Looking.


@dataclass(frozen=True)
class Execution:
    """A run as Temporal describes or lists it; lists may be a second late."""

    workflow_id: str
    run_id: str
    workflow_type: str
    status: str  # running, completed, failed, canceled, terminated, timed_out, continued_as_new


def execution(workflow_id: str, run_id: str | None = None) -> Execution:
    """What Temporal says of a run, the newest where none is named. Raises NotFound."""

    async def ask(client: Client) -> Execution:
        handle = client.get_workflow_handle(workflow_id, run_id=run_id)
        return _execution(await handle.describe())

    return bridge.call(ask, LONGER)


def executions(query: str, most: int) -> list[Execution]:
    """Runs that match a visibility query, at most so many."""

    async def ask(client: Client) -> list[Execution]:
        listed = client.list_workflows(query, page_size=1000, limit=most)
        return [_execution(each) async for each in listed]

    return bridge.call(ask, 60)


def _execution(found: Listed) -> Execution:
    word = found.status.name.lower() if found.status else "unknown"
    return Execution(found.id, found.run_id, found.workflow_type, word)


def history(workflow_id: str, run_id: str) -> list[HistoryEvent]:
    """All events of a run, oldest first."""

    async def ask(client: Client) -> list[HistoryEvent]:
        handle = client.get_workflow_handle(workflow_id, run_id=run_id)
        return list((await handle.fetch_history()).events)

    return bridge.call(ask, LONGER)


def snapshot(workflow_id: str, run_id: str) -> Snapshot | None:
    """What the run itself says of its approval; needs a worker. None: it asks nothing now."""

    async def ask(client: Client) -> Snapshot | None:
        handle = client.get_workflow_handle(workflow_id, run_id=run_id)
        found: Snapshot | None = await handle.query(
            contract.SNAPSHOT, result_type=cast(Any, Snapshot | None)
        )
        return found

    try:
        return bridge.call(ask, LONGER)
    except (WorkflowQueryFailedError, Refused, NotFound):
        return None


def worker_seen() -> bool:
    """Whether a worker asked for work within the last minute."""

    async def ask(client: Client) -> bool:
        answer = await client.workflow_service.describe_task_queue(
            DescribeTaskQueueRequest(
                namespace=client.namespace,
                task_queue=TaskQueue(name=contract.TASK_QUEUE),
                task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
            )
        )
        newest = max((each.last_access_time.seconds for each in answer.pollers), default=0)
        return datetime.now(UTC).timestamp() - newest < 75

    return bridge.call(ask)


# Schedules.


@dataclass(frozen=True)
class Scheduled:
    """A schedule as a list shows it."""

    id: str
    task: str
    every: timedelta | None
    paused: bool
    next_at: datetime | None


def create_schedule(name: str, task: dict[str, Any], every: timedelta) -> None:
    """Start the pipeline for `task` again and again. Raises Refused where `name` is taken."""

    async def create(client: Client) -> None:
        await client.create_schedule(
            name,
            Schedule(
                action=ScheduleActionStartWorkflow(
                    contract.GUARDED_TASK,
                    task,
                    id=contract.workflow_id("scheduled", name),
                    task_queue=contract.TASK_QUEUE,
                    static_summary=_summary(task),
                ),
                spec=ScheduleSpec(intervals=[ScheduleIntervalSpec(every=every)]),
                # One run of yesterday that still waits must not hold up today's.
                policy=SchedulePolicy(overlap=ScheduleOverlapPolicy.ALLOW_ALL),
            ),
            memo={"task": _summary(task)},
        )

    try:
        bridge.call(create, LONGER)
    except ScheduleAlreadyRunningError:
        raise Refused(
            f"A schedule named {name} exists. Delete it first, or choose another name."
        ) from None


def schedules() -> list[Scheduled]:
    """All schedules of the namespace."""

    async def ask(client: Client) -> list[Scheduled]:
        found = []
        async for each in await client.list_schedules():
            about = each.schedule
            every = about.spec.intervals[0].every if about and about.spec.intervals else None
            following = each.info.next_action_times if each.info else []
            memo = await each.memo()
            found.append(
                Scheduled(
                    id=each.id,
                    task=str(memo.get("task", "")),
                    every=every,
                    paused=bool(about and about.state.paused),
                    next_at=following[0] if following else None,
                )
            )
        return found

    return bridge.call(ask, LONGER)


def change_schedule(name: str, verb: str) -> None:
    """`verb` is pause, resume, trigger or delete. Raises NotFound."""

    async def change(client: Client) -> None:
        handle = client.get_schedule_handle(name)
        if verb == "resume":
            await handle.unpause()
        else:
            await getattr(handle, verb)()

    bridge.call(change, LONGER)
