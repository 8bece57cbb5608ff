"""The raw floor: what Temporal itself needs from a signal to the next activity, and its worker."""

import asyncio
import os
from datetime import timedelta

from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.worker import Worker

from orchestrator.priority import give_way

TASK_QUEUE = "floor"
WORKFLOW = "Floor"
SIGNAL = "go"
ACTIVITY = "next"


@activity.defn(name=ACTIVITY)
async def next_activity() -> None:
    """Async, as run_agent is, and empty."""


@workflow.defn(name=WORKFLOW)
class Floor:
    """Wait for a signal, then run an activity: nobody can do less."""

    def __init__(self) -> None:
        self._go = False

    @workflow.signal(name=SIGNAL)
    def go(self) -> None:
        self._go = True

    @workflow.run
    async def run(self) -> None:
        await workflow.wait_condition(lambda: self._go)
        await workflow.execute_activity(ACTIVITY, start_to_close_timeout=timedelta(seconds=10))


async def work() -> None:
    temporal = await Client.connect(os.environ["TEMPORAL_ADDRESS"])
    worker = Worker(temporal, task_queue=TASK_QUEUE, workflows=[Floor], activities=[next_activity])
    await worker.run()


if __name__ == "__main__":
    give_way()  # as the desk's worker does
    asyncio.run(work())
