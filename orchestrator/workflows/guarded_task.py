"""The ready-made pipeline: policy looks at a task, people decide, the agent acts."""

from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.common import RetryPolicy

with workflow.unsafe.imports_passed_through():
    from orchestrator import contract
    from orchestrator.contract import AgentTask, Outcome, PolicyVerdict
    from orchestrator.workflows.step import PATIENTLY, ApprovalStep, answer_of, this_run


@workflow.defn(name=contract.GUARDED_TASK)
class GuardedTask(ApprovalStep):
    """Input: one object, `task` (text) beside any field of a request; the title defaults to `task`.

    Result: {"outcome", "reason", "policy", "approval", "result"}; `outcome` is denied, or that of
    the approval; `result` is what the agent answered, and null unless the outcome is approved.
    """

    @workflow.run
    async def run(self, *args: Any) -> dict[str, Any]:
        policy = await self._policy(args[0] if args else None)
        if policy.verdict == contract.DENY:
            workflow.set_current_details(f"Denied by policy: {policy.reason}")
            return _result(contract.DENIED, policy.reason, policy)
        if policy.verdict == contract.ALLOW:
            agent = await self._agent(_allowed(policy))
            return _result(contract.APPROVED, policy.reason, policy, result=agent)
        try:
            return await self._ask_people(policy)
        finally:
            await self.published()

    async def _ask_people(self, policy: PolicyVerdict) -> dict[str, Any]:
        outcome = await self.approval(policy.request, beside=True)
        if outcome.outcome != contract.APPROVED:
            return _result(outcome.outcome, outcome.reason, policy, outcome)
        agent = await self._agent(_approved(policy, outcome))
        return _result(contract.APPROVED, outcome.reason, policy, outcome, agent)

    async def _policy(self, task: Any) -> PolicyVerdict:
        return await answer_of(
            workflow.execute_activity(
                contract.CHECK_POLICY,
                args=[task, this_run()],
                result_type=PolicyVerdict,
                start_to_close_timeout=timedelta(seconds=60),
                retry_policy=PATIENTLY,
            )
        )

    async def _agent(self, task: AgentTask) -> Any:
        return await answer_of(
            workflow.execute_activity(
                contract.RUN_AGENT,
                task,
                start_to_close_timeout=timedelta(minutes=30),
                heartbeat_timeout=timedelta(seconds=30),
                retry_policy=RetryPolicy(maximum_interval=timedelta(minutes=5)),
            )
        )


def _approved(policy: PolicyVerdict, outcome: Outcome) -> AgentTask:
    return AgentTask(
        task=policy.task,
        payload=outcome.payload,
        payload_sha256=outcome.payload_sha256,
        idempotency_key=outcome.approval_id,
        approved_run_id=outcome.run_id,
    )


def _allowed(policy: PolicyVerdict) -> AgentTask:
    payload = policy.request.get("payload") or {}
    return AgentTask(
        task=policy.task,
        payload=payload,
        payload_sha256=contract.sha256(payload),
        idempotency_key=policy.run_id,
        approved_run_id=policy.run_id,
    )


def _result(
    outcome: str,
    reason: str,
    policy: PolicyVerdict,
    approval: Outcome | None = None,
    result: Any = None,
) -> dict[str, Any]:
    said = {"verdict": policy.verdict, "rule": policy.rule, "reason": policy.reason}
    return {
        "outcome": outcome,
        "reason": reason,
        "policy": said,
        "approval": approval,
        "result": result,
    }
