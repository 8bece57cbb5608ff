"""The worker: runs workflows, every app's activities and periodic work, until told to stop."""

import asyncio
import contextlib
import functools
import importlib
import inspect
import logging
import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from types import ModuleType
from typing import Any

from django.apps import apps
from django.db import close_old_connections, connections
from django.utils.module_loading import module_has_submodule
from temporalio.client import Client
from temporalio.service import RPCError
from temporalio.worker import (
    ActivityInboundInterceptor,
    ExecuteActivityInput,
    Interceptor,
    UnsandboxedWorkflowRunner,
    Worker,
)

from orchestrator import agent, client, contract, garbage, periodic
from orchestrator.workflows.approval import ApprovalWorkflow
from orchestrator.workflows.guarded_task import GuardedTask

log = logging.getLogger(__name__)

THREADS = 16
GRACE = timedelta(seconds=20)  # for activities that run when the stop comes
PAUSE = 2.0  # seconds between two tries to reach Temporal


def activities() -> list[Callable[..., Any]]:
    """The agent, and what each app's activities.py defines with @activity.defn."""
    found = [each for module in _modules() for each in _marked(module, _DEFINITION)]
    return [agent.run_agent, *found]


def periodic_work() -> list[Callable[[], None]]:
    """What each app's activities.py marks with @every."""
    return [each for module in _modules() for each in _marked(module, periodic.INTERVAL)]


_DEFINITION = "__temporal_activity_definition"


def _modules() -> Iterator[ModuleType]:
    for config in apps.get_app_configs():
        if config.module and module_has_submodule(config.module, "activities"):
            yield importlib.import_module(f"{config.name}.activities")


def _marked(module: ModuleType, mark: str) -> list[Callable[..., Any]]:
    functions = vars(module).values()
    return [
        each
        for each in functions
        if inspect.isfunction(each) and hasattr(each, mark) and each.__module__ == module.__name__
    ]


class FreshConnections(Interceptor):
    """Sync activities begin and end with usable database connections, in their own thread.

    Workers live outside Django's requests, so nothing else closes what a database restart broke.
    """

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:
        return _FreshConnections(next)


class _FreshConnections(ActivityInboundInterceptor):
    async def execute_activity(self, input: ExecuteActivityInput) -> Any:
        if not inspect.iscoroutinefunction(input.fn):
            input.fn = _fresh(input.fn)
        return await self.next.execute_activity(input)


def _fresh(work: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(work)
    def run(*args: Any) -> Any:
        close_old_connections()
        try:
            return work(*args)
        finally:
            close_old_connections()

    return run


def make_worker(temporal: Client, threads: ThreadPoolExecutor, **options: Any) -> Worker:
    """A worker for the desk's task queue; `options` go to temporalio's Worker.

    Without the SDK's sandbox: it costs a third of the worker's time and memory. The tests run these
    workflows in it, and replay every stored history.
    """
    options.setdefault("workflow_runner", UnsandboxedWorkflowRunner())
    return Worker(
        temporal,
        task_queue=contract.TASK_QUEUE,
        workflows=[ApprovalWorkflow, GuardedTask],
        activities=activities(),
        activity_executor=threads,
        max_concurrent_activities=THREADS,
        max_concurrent_local_activities=THREADS,
        # What waits for weeks need not sit in memory.
        max_cached_workflows=500,
        interceptors=[FreshConnections()],
        graceful_shutdown_timeout=GRACE,
        **options,
    )


async def run() -> None:
    """Work until SIGTERM or SIGINT; Temporal may come later, go away and come back."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    stopping = threading.Event()
    beside = [_beside(work, stopping) for work in periodic_work()]
    told = ""
    while not stop.is_set():
        try:
            await _work(stop)
        except Exception as error:
            if str(error) != told:  # once, not every two seconds
                told = str(error)
                log.warning("No work yet, trying again until it works: %s", _why(error))
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), PAUSE)
    stopping.set()
    for thread in beside:
        await asyncio.to_thread(thread.join, 5)
    log.info("Worker stopped.")


def _why(error: Exception) -> str:
    if isinstance(error, RuntimeError) and "connect" in str(error):
        return f"Temporal at {client.address()} does not answer."
    return f"{type(error).__name__}: {error}"


async def _work(stop: asyncio.Event) -> None:
    temporal = await client.connect()
    with ThreadPoolExecutor(2 * THREADS, thread_name_prefix="activity") as threads:
        worker = make_worker(temporal, threads)
        working = asyncio.create_task(worker.run())
        watching = asyncio.create_task(_watch(temporal))
        garbage.look_seldom()
        stopped = asyncio.create_task(stop.wait())
        log.info("Worker is ready: task queue %s at %s.", contract.TASK_QUEUE, client.address())
        await asyncio.wait((working, stopped), return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
        watching.cancel()
        if stop.is_set():
            log.info("Worker is stopping: it finishes what runs.")
            asyncio.get_running_loop().call_later(GRACE.total_seconds() + 3, _leave)
            await worker.shutdown()
        await working


def _leave() -> None:
    """The SDK waits for a server that is away, for ever. Temporal gives the work to others."""
    log.warning("Worker leaves without a word from Temporal.")
    os._exit(0)


async def _watch(temporal: Client) -> None:
    """The SDK waits for a server that went away in silence; a person wants to know."""
    here = True
    while True:
        await asyncio.sleep(PAUSE)
        try:
            answers = await asyncio.wait_for(temporal.service_client.check_health(), 5)
        except (RPCError, RuntimeError, TimeoutError):
            answers = False
        if answers != here:
            here = answers
            if here:
                log.info("Temporal at %s is back.", client.address())
            else:
                log.warning("Temporal at %s went away. Waiting for it.", client.address())


def _beside(work: Callable[[], None], stopping: threading.Event) -> threading.Thread:
    """Call `work` again and again in a thread of its own; an error costs one turn."""
    seconds = getattr(work, periodic.INTERVAL)

    def again() -> None:
        while not stopping.wait(seconds):
            close_old_connections()
            try:
                work()
            except Exception as error:
                log.warning("%s failed and will be tried again: %s", work.__name__, error)
        connections.close_all()

    thread = threading.Thread(target=again, name=work.__name__, daemon=True)
    thread.start()
    return thread
