"""The tally of one approval: which decisions count, and what they come to."""

from dataclasses import asdict
from typing import Any

from orchestrator import contract
from orchestrator.contract import Outcome, Ruling, Run, Snapshot, Terms


class Tally:
    """Counts each decision once, in the order of the signals. Deterministic, and without a clock.

    `held` is the outcome that takes effect when the time for undo is over; empty otherwise.
    """

    def __init__(self, terms: Terms, request: Any) -> None:
        self.terms = terms
        self.request = request
        self.version = 0
        self.state = contract.WAITING
        self.reason = ""
        self.held = ""
        self.counted: dict[str, Ruling] = {}
        # Of the last batch only: what was refused, and what took effect without being a vote.
        self.refused: list[Ruling] = []
        self.accepted: list[Ruling] = []

    @property
    def settled(self) -> bool:
        return self.state != contract.WAITING

    def settle(self, state: str, reason: str) -> None:
        self.state, self.reason, self.held = state, reason, ""
        self.version += 1
        self.refused, self.accepted = [], []

    def time_out(self) -> None:
        self.settle(contract.ON_TIMEOUT[self.terms.on_timeout], "Nobody decided in time.")

    def release(self) -> None:
        """The time for undo is over: what was held takes effect."""
        self.settle(self.held, self._why())

    def count(self, rulings: list[Ruling]) -> bool:
        """Take what `verify` said. True if there is news to publish."""
        self.refused, self.accepted = [], []
        before = dict(self.counted)
        for ruling in rulings:
            if ruling.decision_id in self.counted:
                continue
            if refusal := ruling.refusal or self._refusal(ruling):
                self.refused.append(Ruling(ruling.decision_id, ruling.signature, refusal))
            else:
                self._take(ruling)
        news = self.counted != before or bool(self.refused or self.accepted)
        self.version += news
        return news

    def _refusal(self, ruling: Ruling) -> str:
        if ruling.verdict == contract.RETRACT:
            return self._retract_refusal(ruling)
        if self.settled:
            return f"It came too late: {self.words()}"
        if ruling.verdict == contract.WITHDRAW:
            return ""
        if self.held:
            return f"It came too late: {self.held.capitalize()} already, and held for undo."
        if any(each.reviewer_id == ruling.reviewer_id for each in self.counted.values()):
            return "An earlier decision of the same person already counted."
        return ""

    def _retract_refusal(self, ruling: Ruling) -> str:
        if self.settled:
            return "Too late to undo. The workflow already has it."
        vote = self.counted.get(ruling.retracts)
        if vote is None or vote.reviewer_id != ruling.reviewer_id:
            return "There is nothing to take back."
        return ""

    def _take(self, ruling: Ruling) -> None:
        if ruling.verdict == contract.WITHDRAW:
            self.state, self.held = contract.CANCELLED, ""
            self.reason = f"Withdrawn by {ruling.reviewer}. {ruling.comment}".strip()
            self.accepted.append(ruling)
            return
        if ruling.verdict == contract.RETRACT:
            del self.counted[ruling.retracts]
            self.accepted.append(ruling)
        else:
            self.counted[ruling.decision_id] = ruling
        self.held = self._result()
        if self.held and not self.terms.undo_seconds:
            self.state, self.reason, self.held = self.held, self._why(), ""

    def _result(self) -> str:
        if self._rejection():
            return contract.REJECTED
        return contract.APPROVED if self._approvals() >= self.terms.quorum else ""

    def _rejection(self) -> Ruling | None:
        votes = self.counted.values()
        return next((each for each in votes if each.verdict == contract.REJECT), None)

    def _why(self) -> str:
        rejection = self._rejection()
        return rejection.comment if rejection else ""

    def _approvals(self) -> int:
        return sum(each.verdict == contract.APPROVE for each in self.counted.values())

    def words(self) -> str:
        """What Temporal's own pages say of it."""
        people = " and ".join(each.reviewer for each in self.counted.values())
        if self.held:
            return f"{self.held.capitalize()} by {people}, held for undo: {self.terms.title}"
        if not self.settled:
            return (
                f"Waiting for {self._approvals()} of {self.terms.quorum} approvals "
                f"in {self.terms.queue}: {self.terms.title}"
            )
        if self.state in (contract.APPROVED, contract.REJECTED) and people:
            return f"{self.state.capitalize()} by {people}."
        return f"{self.state.capitalize()}. {self.reason}"

    def snapshot(self, run: Run, noise: int, complete: bool = False) -> Snapshot:
        return Snapshot(
            approval_id=self.terms.approval_id,
            run=run,
            version=self.version,
            state=self.state,
            reason=self.reason,
            held=self.held,
            counted=list(self.counted.values()),
            accepted=self.accepted,
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


def _public(ruling: Ruling) -> dict[str, str]:
    given = asdict(ruling)
    names = ("reviewer", "verdict", "comment", "decided_at", "channel")
    return {"id": ruling.decision_id, **{name: given[name] for name in names}}
