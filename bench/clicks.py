"""From a click to the agent: one after another, with samples of the raw floor between them."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from temporalio.api.enums.v1 import EventType
from temporalio.client import Client, WorkflowHandle

from bench import floor
from bench.browser import Browser
from bench.processes import BenchError, Desk
from orchestrator import contract

BLOCK = 20  # samples of one kind before the other kind's turn: machines are noisy
AT_ONCE = 16
WARM_UP = 5  # of each kind, not counted: processes have loaded what they need


@dataclass(frozen=True)
class Path:
    """When one signal or click passed where: seconds since it began."""

    signalled: float  # Temporal has the signal in its history
    resumed: float  # a worker took the workflow task
    scheduled: float  # the workflow asked for the activity
    started: float  # a worker took the activity


@dataclass(frozen=True)
class Clicks:
    """Samples, in seconds."""

    floor: list[Path]
    click: list[Path]
    answered: list[float]  # the HTTP round trip of each click


async def start_tasks(temporal: Client, count: int, prefix: str) -> None:
    """Start `count` guarded tasks, which then wait for an approval."""

    async def start(number: int) -> None:
        task = {
            "task": f"Pay €{number}.00 to Norrland Timber AB",
            "details": "The invoice was checked against the **delivery note**.",
            "payload": {"invoice": f"INV-{number}", "amount": f"{number}.00", "currency": "EUR"},
            "queue": "payments",
            "requester": "billing",
        }
        await temporal.start_workflow(
            contract.GUARDED_TASK, task, id=f"{prefix}-{number}", task_queue=contract.TASK_QUEUE
        )

    await _all(start, count)


async def start_floor(temporal: Client, count: int) -> None:
    async def start(number: int) -> None:
        await temporal.start_workflow(
            floor.WORKFLOW, id=f"floor-{number}", task_queue=floor.TASK_QUEUE
        )

    await _all(start, count)


async def _all(start: Callable[[int], Awaitable[None]], count: int) -> None:
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(number: int) -> None:
        async with gate:
            await start(number)

    await asyncio.gather(*(one(number) for number in range(count)))


async def measure(desk: Desk, samples: int) -> Clicks:
    """`samples` signals of the floor and as many clicks, in turn."""
    temporal = await Client.connect(desk.temporal)
    await start_floor(temporal, samples + WARM_UP)
    await start_tasks(temporal, samples + WARM_UP, "click")
    approvals = desk.ask("waiting", str(samples + WARM_UP))
    browser = Browser(desk, 0)
    await _block(temporal, browser, range(WARM_UP), approvals)
    blocks = []
    for start in range(WARM_UP, samples + WARM_UP, BLOCK):
        numbers = range(start, min(start + BLOCK, samples + WARM_UP))
        blocks.append(await _block(temporal, browser, numbers, approvals))
    return _together(blocks)


async def _block(
    temporal: Client, browser: Browser, numbers: range, approvals: list[dict[str, str]]
) -> Clicks:
    floor = [await _signal(temporal, number) for number in numbers]
    browser.get("/inbox/")
    clicks = [await _click(temporal, browser, approvals[number]) for number in numbers]
    return Clicks(floor, [path for path, _ in clicks], [answered for _, answered in clicks])


def _together(blocks: list[Clicks]) -> Clicks:
    return Clicks(
        floor=[each for block in blocks for each in block.floor],
        click=[each for block in blocks for each in block.click],
        answered=[each for block in blocks for each in block.answered],
    )


async def _signal(temporal: Client, number: int) -> Path:
    handle = temporal.get_workflow_handle(f"floor-{number}")
    began = time.time()
    await handle.signal(floor.SIGNAL)
    await handle.result()
    return await _path(handle, began, floor.ACTIVITY)


async def _click(
    temporal: Client, browser: Browser, approval: dict[str, str]
) -> tuple[Path, float]:
    handle = temporal.get_workflow_handle(approval["workflow_id"], run_id=approval["run_id"])
    began = time.time()
    answer = browser.approve(approval)
    result = await handle.result()
    if result["outcome"] != contract.APPROVED:
        raise BenchError(f"{approval['workflow_id']} ended as {result}.")
    return await _path(handle, began, contract.RUN_AGENT), answer.seconds


async def _path(handle: WorkflowHandle[Any, Any], began: float, activity: str) -> Path:
    """Read from the history when what happened; Temporal's clock is this machine's."""
    events = (await handle.fetch_history()).events

    def at(kind: int, true: Callable[[Any], bool] = lambda event: True) -> Any:
        return next(event for event in events if event.event_type == kind and true(event))

    signalled = at(EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED)
    resumed = at(
        EventType.EVENT_TYPE_WORKFLOW_TASK_STARTED,
        lambda event: event.event_id > signalled.event_id,
    )
    scheduled = at(
        EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED,
        lambda event: event.activity_task_scheduled_event_attributes.activity_type.name == activity,
    )
    started = at(
        EventType.EVENT_TYPE_ACTIVITY_TASK_STARTED,
        lambda event: (
            event.activity_task_started_event_attributes.scheduled_event_id == scheduled.event_id
        ),
    )
    moments = (signalled, resumed, scheduled, started)
    return Path(*(event.event_time.ToNanoseconds() / 1e9 - began for event in moments))
