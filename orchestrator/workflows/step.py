"""The waiting step: a base class for workflows that ask people before they go on."""

import asyncio
from collections.abc import Awaitable
from datetime import datetime, timedelta
from typing import Any, TypeVar

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError, is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    from orchestrator import contract
    from orchestrator.contract import Outcome, Ruling, Run, Snapshot
    from orchestrator.terms import Terms
    from orchestrator.workflows.tally import Tally

Answer = TypeVar("Answer")

# The server takes 10,000 signals a run at most (history.maximumSignalsPerExecution), so this bound
# never drops one: a dropped decision could not be sent again, for Temporal remembers request ids.
INBOX = 10_000
BATCH = 100  # signals verified at once; keeps one marker below 64 KiB

# What was taken back in the last moment still has to arrive.
ON_ITS_WAY = timedelta(seconds=2)

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
        self._tally: Tally | None = None  # of the step that waits, or waited last
        self._tallies: dict[str, Tally] = {}  # of all steps of this run, by approval id
        self._deadline: asyncio.Task[None] | None = None
        self._hold: asyncio.Task[None] | None = None
        self._bell: asyncio.Task[None] | None = None  # the next reminder or escalation
        self._late: asyncio.Task[None] | None = None
        self._was_reset = False
        self._beside = False
        self._publishing: asyncio.Task[Any] | None = None
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
        if self._tally is None:
            return None
        return self._tally.snapshot(this_run(), self._noise, complete=True)

    async def approval(self, request: Any, *, beside: bool = False) -> Outcome:
        """Ask people; come back with what became of it.

        With `beside` it comes back while the desk is still being told; then await `published()`
        before the run ends. That saves the next step a round trip.
        """
        if self._late:
            self._late.cancel()
        await self.published()
        self._beside, self._publishing = beside, None
        try:
            tally = await self._ask(request)
        except BaseException as error:
            # Around everything, not around the wait: a signal and a cancel in one workflow task
            # pass by an `except` that stands around the wait alone.
            if is_cancelled_exception(error) and self._tally:
                await self._cancelled(self._tally, "The workflow was cancelled.")
            raise
        finally:
            self._stop_timers()
        self._late = asyncio.create_task(self._refuse_late())
        return tally.outcome()

    async def published(self) -> None:
        """Come back when the desk knows the outcome."""
        if self._publishing:
            await _whatever_comes(self._publishing)

    async def _ask(self, request: Any) -> Tally:
        tally = await self._open(request)
        while not tally.settled:
            await workflow.wait_condition(self._has_news)
            if self._inbox:
                await self._weigh()
            elif self._was_reset:
                await self._cancelled(tally, "The workflow was reset and asks again.")
                tally = await self._open(request)
            else:
                await self._act_on_time(tally)
                await self._publish(tally)
        return tally

    async def _act_on_time(self, tally: Tally) -> None:
        if tally.held:
            tally.release()
        elif self._deadline and self._deadline.done():
            tally.time_out(await self._objection(tally) if tally.silence_is_yes else "")
        else:
            tally.ring()
            self._set_bell(tally)

    async def _objection(self, tally: Tally) -> str:
        """What was recorded in time and has not arrived: before silence is taken for a yes."""
        objection: str = await workflow.execute_local_activity(
            contract.OBJECTION,
            tally.terms.approval_id,
            result_type=str,
            start_to_close_timeout=timedelta(seconds=30),
            retry_policy=PATIENTLY,
        )
        return objection

    def _has_news(self) -> bool:
        # While an outcome is held for undo, the deadline has been met.
        held = self._tally is not None and bool(self._tally.held)
        timers = [self._hold] if held else [self._deadline, self._bell]
        rang = any(timer is not None and timer.done() for timer in timers)
        return bool(self._inbox) or self._was_reset or rang

    async def _open(self, request: Any) -> Tally:
        self._was_reset, self._tally = False, None
        self._stop_timers()
        opening = asyncio.create_task(self._terms(request))
        try:
            await _whatever_comes(opening)
        finally:
            # Also after a cancel: the row may be there already, and has to hear of it.
            if opening.done() and not opening.cancelled() and not opening.exception():
                self._tally = tally = Tally(opening.result(), request)
                self._tallies[tally.terms.approval_id] = tally
        if tally.terms.ruled:
            tally.settle(tally.terms.ruled, tally.terms.reason)
            await self._publish(tally)
            return tally
        if tally.terms.end:
            self._deadline = _timer(_until(tally.terms.end, tally.terms), "Deadline")
        self._set_bell(tally)
        workflow.set_current_details(tally.words())
        return tally

    def _set_bell(self, tally: Tally) -> None:
        bells = tally.terms.bells[tally.escalated + tally.reminded :]
        if not bells:
            self._bell = None
            return
        at, escalation = bells[0]
        self._bell = _timer(_until(at, tally.terms), "Escalation" if escalation else "Reminder")

    async def _terms(self, request: Any) -> Terms:
        return await answer_of(
            workflow.execute_activity(
                contract.OPEN_APPROVAL,
                args=[str(workflow.uuid4()), request, this_run()],
                result_type=Terms,
                start_to_close_timeout=timedelta(seconds=60),
                retry_policy=PATIENTLY,
            )
        )

    async def _weigh(self) -> None:
        """Hold what came against the approvals of this run; those that are over refuse it."""
        batch, self._inbox = self._inbox[:BATCH], self._inbox[BATCH:]
        for approval_id, tally in list(self._tallies.items()):
            ours = [each for each in batch if each["body"].get("approval_id") == approval_id]
            batch = [each for each in batch if each not in ours]
            if ours and tally.count(await self._verify(ours, tally)):
                self._mind_undo(tally)
                await self._publish(tally)
        self._noise += len(batch)

    async def _verify(self, envelopes: list[Any], tally: Tally) -> list[Ruling]:
        # A local activity: its answer stays in history, so replay holds after a key rotation.
        rulings: list[Ruling] = await workflow.execute_local_activity(
            contract.VERIFY,
            args=[envelopes, tally.terms],
            result_type=list[Ruling],
            start_to_close_timeout=timedelta(seconds=10),
            retry_policy=PATIENTLY,
        )
        return rulings

    def _mind_undo(self, tally: Tally) -> None:
        """Run the time for undo while an outcome is held, and only then."""
        if tally is not self._tally:
            return
        if tally.held and self._hold is None:
            self._hold = _timer(timedelta(seconds=tally.terms.undo_seconds) + ON_ITS_WAY, "Undo")
        elif not tally.held and self._hold is not None:
            self._hold.cancel()
            self._hold = None

    def _stop_timers(self) -> None:
        for timer in (self._deadline, self._hold, self._bell):
            if timer:
                timer.cancel()
        self._deadline = self._hold = self._bell = None

    async def _publish(self, tally: Tally) -> None:
        if tally is self._tally:
            workflow.set_current_details(tally.words())
        snapshot = tally.snapshot(this_run(), self._noise)
        if tally.settled and self._beside and not self._publishing:
            # An ordinary activity: a local one would hold back the workflow's next command.
            self._publishing = asyncio.create_task(
                workflow.execute_activity(
                    contract.PUBLISH,
                    snapshot,
                    start_to_close_timeout=timedelta(seconds=30),
                    retry_policy=PATIENTLY,
                )
            )
            return
        publishing = asyncio.create_task(
            workflow.execute_local_activity(
                contract.PUBLISH,
                snapshot,
                start_to_close_timeout=timedelta(seconds=30),
                retry_policy=PATIENTLY,
                local_retry_threshold=timedelta(seconds=5),
            )
        )
        await _whatever_comes(publishing)

    async def _cancelled(self, tally: Tally, reason: str) -> None:
        if not tally.settled:
            tally.settle(contract.CANCELLED, reason)
            await self._publish(tally)

    async def _refuse_late(self) -> None:
        """Answer those whose decision comes while the workflow is already at its next step."""
        while True:
            await workflow.wait_condition(lambda: bool(self._inbox))
            await self._weigh()


async def _whatever_comes(task: asyncio.Task[Any]) -> None:
    """Await `task` to its end, even if the workflow is cancelled meanwhile."""
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await task
        raise


def _timer(left: timedelta, summary: str) -> asyncio.Task[None]:
    return asyncio.create_task(
        workflow.sleep(max(left, timedelta(seconds=1)), summary=summary), name=summary
    )


def _until(moment: str, terms: Terms) -> timedelta:
    """How long it is until `moment` on the desk's clock; the workflow's is Temporal's."""
    skew = timedelta(seconds=terms.skew_seconds)
    return datetime.fromisoformat(moment) + skew - workflow.now()


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
