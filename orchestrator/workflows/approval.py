"""The approval step as a workflow of its own, which a parent in any SDK starts as a child."""

from typing import Any

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from orchestrator import contract
    from orchestrator.contract import Outcome
    from orchestrator.workflows.step import ApprovalStep


@workflow.defn(name=contract.APPROVAL)
class ApprovalWorkflow(ApprovalStep):
    """Input: one request (contract.Request). Result: its outcome (contract.Outcome)."""

    @workflow.run
    async def run(self, *args: Any) -> Outcome:
        # Any number of arguments: a signature that does not fit would fail the workflow task in a
        # loop, where `open_approval` says in words what is wrong.
        return await self.approval(args[0] if args else None)
