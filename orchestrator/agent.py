"""The activity that hands an approved task to the agent."""

import asyncio
import os
from typing import Any

import httpx
from temporalio import activity
from temporalio.exceptions import ApplicationError

from orchestrator.contract import RUN_AGENT, AgentTask

HEARTBEAT = 5.0  # seconds; the workflow gives up on a worker that is silent for 30
TIMEOUT = httpx.Timeout(300.0, connect=5.0)
LONGEST_ANSWER = 256 * 1024  # bytes, so that the answer fits into Temporal's history


@activity.defn(name=RUN_AGENT)
async def run_agent(task: AgentTask) -> Any:
    """POST the task to AGENT_URL as JSON and return its JSON answer.

    The header Idempotency-Key is the same for every try of one approval. A 4xx answer is final;
    5xx and network errors are tried again by Temporal. Without AGENT_URL a built-in agent answers.
    """
    info = activity.info()
    if info.workflow_run_id != task.approved_run_id:
        raise _final("The approval was given to an earlier run of this workflow: ask again.")
    url = os.environ.get("AGENT_URL", "")
    if not url:
        return {"agent": "built-in", "done": task.task, "payload_sha256": task.payload_sha256}
    beating = asyncio.create_task(_beat())
    try:
        return await _post(url, task, info.workflow_id or "")
    finally:
        beating.cancel()


async def _post(url: str, task: AgentTask, workflow_id: str) -> Any:
    body = {
        "task": task.task,
        "payload": task.payload,
        "payload_sha256": task.payload_sha256,
        "workflow_id": workflow_id,
    }
    headers = {"Idempotency-Key": task.idempotency_key}
    async with httpx.AsyncClient(timeout=TIMEOUT) as client:
        answer = await client.post(url, json=body, headers=headers)
    if answer.is_client_error:
        raise _final(f"The agent refused with {answer.status_code}: {answer.text[:500]}")
    answer.raise_for_status()
    if len(answer.content) > LONGEST_ANSWER:  # it did act, so this is no failure
        return {"truncated": True, "bytes": len(answer.content), "text": answer.text[:1000]}
    try:
        return answer.json()
    except ValueError:
        return {"text": answer.text}


async def _beat() -> None:
    while True:
        activity.heartbeat()
        await asyncio.sleep(HEARTBEAT)


def _final(message: str) -> ApplicationError:
    return ApplicationError(message, type="AgentRefused", non_retryable=True)
