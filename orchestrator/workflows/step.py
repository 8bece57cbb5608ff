"""The waiting step: a base class for workflows that ask people before they go on."""

import asyncio
from collections.abc import Awaitable
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any, TypeVar

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError, is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    from orchestrator import contract
    from orchestrator.contract import Outcome, Ruling, Run, Snapshot, Terms

Answer = TypeVar("Answer")

# The server takes 10,000 signals a run at most (history.maximumSignalsPerExecution), so this bound
# never drops one: a dropped decision could not be sent again, for Temporal remembers request ids.
INBOX = 10_000
BATCH = 100  # signals verified at once; keeps one marker below 64 KiB

# A database that is away for long: at first retried within the workflow task, later by a timer.
PATIENTLY = RetryPolicy(
    initial_interval=timedelta(milliseconds=200), maximum_interval=timedelta(seconds=60)
)


class ApprovalStep:
    """Inherit from it, and ask: `outcome = await self.approval(request)`.

    `request` is a JSON object (contract.Request says which fields). Steps of one run come one after
    the other; steps side by side are child workflows of type `Approval`.

    Raises ApplicationError (type InvalidRequest, not retryable) for what cannot be asked.
    A rejection, a deadline and the like are outcomes, not errors.
    """

    def __init__(self) -> None:
        self._inbox: list[Any] = []
        self._noise = 0
        self._waiting: _Waiting | None = None
        self._late: asyncio.Task[None] | None = None
        self._was_reset = False
        workflow.register_random_seed_callback(self._reset)

    def _reset(self, seed: int) -> None:
        # Temporal reset this workflow into a new run. The seed changes at the same event in every
        # replay, which the run id of workflow.info() does not.
        self._was_reset = True

    @workflow.signal(name=contract.DECIDE, description="A signed decision from the desk")
    def decide(self, *args: Any) -> None:
        """Take anything, raise never: a handler that raises wedges its workflow for good."""
        if len(args) == 1 and _is_envelope(args[0]) and len(self._inbox) < INBOX:
            self._inbox.append(args[0])
        else:
            self._noise += 1

    @workflow.query(name=contract.SNAPSHOT, description="What this workflow waits for")
    def snapshot(self) -> Snapshot | None:
        if self._waiting is None:
            return None
        return self._waiting.snapshot(self._noise, complete=True)

    async def approval(self, request: Any) -> Outcome:
        """Ask people; come back with what became of it."""
        if self._late:
            self._late.cancel()
        try:
            waiting = await self._ask(request)
        except BaseException as error:
            # Around everything, not around the wait: a signal and a cancel in one workflow task
            # pass by an `except` that stands around the wait alone.
            if is_cancelled_exception(error) and self._waiting:
                await self._cancelled(self._waiting)
            raise
        self._late = asyncio.create_task(self._refuse_late(waiting))
        return waiting.outcome()

    async def _ask(self, request: Any) -> "_Waiting":
        waiting = await self._open(request)
        while not waiting.settled:
            await workflow.wait_condition(self._has_news)
            if self._inbox:
                await self._weigh(waiting)
            elif self._was_reset:
                await self._cancelled(waiting, "The workflow was reset and asks again.")
                waiting = await self._open(request)
            else:
                waiting.time_out()
                await self._publish(waiting)
        waiting.stop_clock()
        return waiting

    def _has_news(self) -> bool:
        overdue = self._waiting is not None and self._waiting.overdue()
        return bool(self._inbox) or self._was_reset or overdue

    async def _open(self, request: Any) -> "_Waiting":
        self._was_reset, self._waiting = False, None
        terms = await answer_of(
            workflow.execute_activity(
                contract.OPEN_APPROVAL,
                args=[str(workflow.uuid4()), request, this_run()],
                result_type=Terms,
                start_to_close_timeout=timedelta(seconds=60),
                retry_policy=PATIENTLY,
            )
        )
        self._waiting = waiting = _Waiting(terms, request)
        workflow.set_current_details(waiting.words())
        return waiting

    async def _weigh(self, waiting: "_Waiting") -> None:
        batch, self._inbox = self._inbox[:BATCH], self._inbox[BATCH:]
        ours = [
            each for each in batch if each["body"].get("approval_id") == waiting.terms.approval_id
        ]
        self._noise += len(batch) - len(ours)
        if not ours:
            return
        # A local activity: its answer stays in history, so replay holds after a key rotation.
        rulings = await workflow.execute_local_activity(
            contract.VERIFY,
            args=[ours, waiting.terms],
            result_type=list[Ruling],
            start_to_close_timeout=timedelta(seconds=10),
            retry_policy=PATIENTLY,
        )
        if waiting.count(rulings):
            await self._publish(waiting)

    async def _publish(self, waiting: "_Waiting") -> None:
        workflow.set_current_details(waiting.words())
        publishing = asyncio.ensure_future(
            workflow.execute_local_activity(
                contract.PUBLISH,
                waiting.snapshot(self._noise),
                start_to_close_timeout=timedelta(seconds=30),
                retry_policy=PATIENTLY,
                local_retry_threshold=timedelta(seconds=5),
            )
        )
        try:
            await asyncio.shield(publishing)
        except asyncio.CancelledError:
            await publishing
            raise

    async def _cancelled(
        self, waiting: "_Waiting", reason: str = "The workflow was cancelled."
    ) -> None:
        if waiting.settled:
            return
        waiting.stop_clock()
        waiting.settle(contract.CANCELLED, reason)
        await self._publish(waiting)

    async def _refuse_late(self, waiting: "_Waiting") -> None:
        """Answer those whose decision comes while the workflow is already at its next step."""
        while True:
            await workflow.wait_condition(lambda: bool(self._inbox))
            await self._weigh(waiting)


class _Waiting:
    """One approval as the workflow sees it: the tally."""

    def __init__(self, terms: Terms, request: Any) -> None:
        self.terms = terms
        self.request = request
        self.version = 0
        self.state = contract.WAITING
        self.reason = ""
        self.counted: dict[str, Ruling] = {}
        self.refused: list[Ruling] = []
        self.clock = asyncio.create_task(self._run_down()) if terms.due_at else None

    async def _run_down(self) -> None:
        due = datetime.fromisoformat(self.terms.due_at or "")
        left = max(due - workflow.now(), timedelta(seconds=1))
        await workflow.sleep(left, summary="Deadline")

    @property
    def settled(self) -> bool:
        return self.state != contract.WAITING

    def overdue(self) -> bool:
        return self.clock is not None and self.clock.done()

    def stop_clock(self) -> None:
        if self.clock:
            self.clock.cancel()

    def time_out(self) -> None:
        self.settle(contract.ON_TIMEOUT[self.terms.on_timeout], "Nobody decided in time.")

    def settle(self, state: str, reason: str) -> None:
        self.state, self.reason = state, reason
        self.version += 1
        self.refused = []

    def count(self, rulings: list[Ruling]) -> bool:
        """Take each decision once, in the order of the signals. True if there is news."""
        self.refused = []
        before = len(self.counted)
        for ruling in rulings:
            if ruling.decision_id in self.counted:
                continue
            if refusal := ruling.refusal or self._refusal(ruling):
                self.refused.append(_refuse(ruling, refusal))
            else:
                self._take(ruling)
        news = len(self.counted) > before or bool(self.refused)
        self.version += news
        return news

    def _refusal(self, ruling: Ruling) -> str:
        if self.settled:
            return f"It came too late: {self.words()}"
        if any(each.reviewer_id == ruling.reviewer_id for each in self.counted.values()):
            return "An earlier decision of the same person already counted."
        return ""

    def _take(self, ruling: Ruling) -> None:
        self.counted[ruling.decision_id] = ruling
        if ruling.verdict == contract.REJECT:
            self.state, self.reason = contract.REJECTED, ruling.comment
        elif self._approvals() >= self.terms.quorum:
            self.state = contract.APPROVED

    def _approvals(self) -> int:
        return sum(each.verdict == contract.APPROVE for each in self.counted.values())

    def words(self) -> str:
        """What Temporal's own pages say of it."""
        if not self.settled:
            return (
                f"Waiting for {self._approvals()} of {self.terms.quorum} approvals "
                f"in {self.terms.queue}: {self.terms.title}"
            )
        people = " and ".join(each.reviewer for each in self.counted.values())
        if self.state in (contract.APPROVED, contract.REJECTED) and people:
            return f"{self.state.capitalize()} by {people}."
        return f"{self.state.capitalize()}. {self.reason}"

    def snapshot(self, noise: int, complete: bool = False) -> Snapshot:
        return Snapshot(
            approval_id=self.terms.approval_id,
            run=this_run(),
            version=self.version,
            state=self.state,
            reason=self.reason,
            counted=list(self.counted.values()),
            refused=self.refused,
            noise=noise,
            request=self.request if complete else None,
            terms=self.terms if complete else None,
        )

    def outcome(self) -> Outcome:
        return Outcome(
            outcome=self.state,
            approval_id=self.terms.approval_id,
            run_id=self.terms.run_id,
            payload=self.terms.payload,
            payload_sha256=self.terms.payload_sha256,
            decisions=[_public(each) for each in self.counted.values()],
            reason=self.reason,
        )


def this_run() -> Run:
    """The run this code is in."""
    info = workflow.info()
    return Run(
        workflow_id=info.workflow_id,
        run_id=info.run_id,
        workflow_type=info.workflow_type,
        parent_workflow_id=info.parent.workflow_id if info.parent else None,
        started_at=info.start_time.isoformat(),
    )


async def answer_of(activity: Awaitable[Answer]) -> Answer:
    """The activity's answer; its final refusal fails the workflow in the same words."""
    try:
        return await activity
    except ActivityError as error:
        if isinstance(error.cause, ApplicationError):
            raise ApplicationError(
                error.cause.message, type=error.cause.type, non_retryable=True
            ) from error
        raise


def _is_envelope(value: Any) -> bool:
    """Cheap checks first, so that a flood of rubbish costs neither crypto nor history."""
    if not isinstance(value, dict) or value.keys() != {"body", "key_id", "signature"}:
        return False
    body, name, signature = value["body"], value["key_id"], value["signature"]
    return (
        isinstance(body, dict)
        and isinstance(name, str)
        and isinstance(signature, str)
        and len(name) <= 64
        and len(signature) <= 128
        and len(str(body.get("decision_id"))) <= 64
    )


def _refuse(ruling: Ruling, refusal: str) -> Ruling:
    return Ruling(ruling.decision_id, ruling.signature, refusal)


def _public(ruling: Ruling) -> dict[str, str]:
    given = asdict(ruling)
    return {
        "id": ruling.decision_id,
        **{
            name: given[name]
            for name in ("reviewer", "verdict", "comment", "decided_at", "channel")
        },
    }
