"""A workflow that asks people before it pays. Run it, decide, and see it go on."""

import asyncio
import os
import sys
import uuid
from datetime import timedelta
from typing import Any

from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.envconfig import ClientConfig
from temporalio.worker import Worker

TASK_QUEUE = "first-workflow"  # our own; the desk's workers listen on "approvals"


@activity.defn
async def pay(payment: dict[str, Any], idempotency_key: str) -> str:
    # The bank takes the same key only once, however often Temporal tries.
    return f"Paid {payment['amount']} to {payment['vendor']} ({idempotency_key})"


@workflow.defn
class PayInvoice:
    @workflow.run
    async def run(self, payment: dict[str, Any]) -> str:
        outcome = await workflow.execute_child_workflow(
            "Approval",
            {
                "title": f"Pay {payment['amount']} to {payment['vendor']}",
                "details": "The goods have arrived, and the amount fits the order.",
                "payload": payment,
                "queue": "payments",
                "requester": "amira",
                "due_seconds": 3600,
            },
            task_queue="approvals",
            # If this workflow ends, nobody is asked any longer.
            parent_close_policy=workflow.ParentClosePolicy.REQUEST_CANCEL,
        )
        if outcome["outcome"] != "approved":  # rejected, expired, cancelled
            return f"Not paid, {outcome['outcome']}: {outcome['reason']}"
        return await workflow.execute_activity(
            pay,
            args=[outcome["payload"], outcome["approval_id"]],
            start_to_close_timeout=timedelta(seconds=30),
        )


async def main() -> None:
    settings = {"target_host": "127.0.0.1:7233", **ClientConfig.load_client_connect_config()}
    client = await Client.connect(**settings)
    async with Worker(client, task_queue=TASK_QUEUE, workflows=[PayInvoice], activities=[pay]):
        handle = await client.start_workflow(
            PayInvoice.run,
            {"vendor": "Halcyon Freight Ltd", "amount": "€120.00", "invoice": "INV-7"},
            id=f"invoice-{uuid.uuid4().hex[:8]}",
            task_queue=TASK_QUEUE,
        )
        print(f"{handle.id} waits. Decide at the desk, or in another terminal:")
        print(f"  .venv/bin/python manage.py approve {handle.id} --as mei")
        print(await handle.result())


if __name__ == "__main__":
    asyncio.run(main())
    sys.stdout.flush()
    os._exit(0)  # the SDK now and then crashes while Python shuts down, after all is done
