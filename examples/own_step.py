"""A workflow that asks twice itself, in a worker of its own that carries the desk's activities.

Run it from the project's folder: .venv/bin/python -m examples.own_step
"""

import asyncio
import os
import sys
import uuid
from concurrent.futures import ThreadPoolExecutor

import django
from temporalio import workflow
from temporalio.worker import Worker

with workflow.unsafe.imports_passed_through():
    from orchestrator.workflows.step import ApprovalStep

TASK_QUEUE = "releases"


@workflow.defn
class Release(ApprovalStep):
    @workflow.run
    async def run(self, version: str) -> str:
        for place in ("staging", "production"):
            outcome = await self.approval(
                {
                    "title": f"Deploy {version} to {place}",
                    "payload": {"version": version, "place": place},
                    "queue": "deploys",
                }
            )
            if outcome.outcome != "approved":
                return f"Not deployed to {place}, {outcome.outcome}: {outcome.reason}"
            # Here an activity would deploy; its idempotency key is outcome.approval_id.
        return f"{version} is in production."


async def main() -> None:
    # After django.setup(), for these need the database and the key ring.
    from orchestrator import client, worker

    temporal = await client.connect()
    with ThreadPoolExecutor(16) as threads:
        async with Worker(
            temporal,
            task_queue=TASK_QUEUE,
            workflows=[Release],
            activities=worker.activities(),  # open_approval, verify, publish and the others
            activity_executor=threads,
            interceptors=[worker.FreshConnections()],
        ):
            handle = await temporal.start_workflow(
                Release.run,
                "shop 4.19.0",
                id=f"release-{uuid.uuid4().hex[:8]}",
                task_queue=TASK_QUEUE,
            )
            print(f"{handle.id} waits, twice. Each time: manage.py approve {handle.id} --as mei")
            print(await handle.result())


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "orchestrator.settings")
    django.setup()
    asyncio.run(main())
    sys.stdout.flush()
    os._exit(0)  # the SDK now and then crashes while Python shuts down, after all is done
