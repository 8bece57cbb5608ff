"""Workflows as authors write them around the desk; no Django here, as in any worker of theirs."""

import asyncio
from typing import Any

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from orchestrator.workflows.step import ApprovalStep

QUEUE = "tests"


@workflow.defn
class Parent:
    """Hands its approval step over, as any SDK does."""

    @workflow.run
    async def run(self, request: dict[str, Any]) -> dict[str, Any]:
        return await ask(request)


@workflow.defn
class SideBySide:
    """Asks for everything at once."""

    @workflow.run
    async def run(self, requests: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return await asyncio.gather(*(ask(each) for each in requests))


async def ask(request: dict[str, Any]) -> dict[str, Any]:
    return await workflow.execute_child_workflow(
        "Approval",
        request,
        task_queue="approvals",
        parent_close_policy=workflow.ParentClosePolicy.REQUEST_CANCEL,
    )


@workflow.defn
class OneAfterTheOther(ApprovalStep):
    """Asks again and again within one run; `after` holds it back between two steps."""

    def __init__(self) -> None:
        super().__init__()
        self.go = False

    @workflow.signal
    def after(self) -> None:
        self.go = True

    @workflow.run
    async def run(self, requests: list[Any], pause: bool = False) -> list[str]:
        outcomes = []
        for request in requests:
            outcomes.append((await self.approval(request)).outcome)
            if pause:
                await workflow.wait_condition(lambda: self.go)
                self.go = False
        return outcomes


ALL = [Parent, SideBySide, OneAfterTheOther]
