"""The tally of one approval: which decisions count, and what they come to."""

from dataclasses import asdict, replace
from typing import Any

from orchestrator import contract
from orchestrator.contract import Outcome, Ruling, Run, Snapshot
from orchestrator.counting import result
from orchestrator.terms import Stage, Terms


class Tally:
    """Counts each decision once, in the order of the signals. Deterministic, and without a clock.

    `held` is the outcome that takes effect when the time for undo is over; empty otherwise.
    A correction changes the terms' payload and voids what was counted before.
    """

    def __init__(self, terms: Terms, request: Any) -> None:
        self.terms = terms
        self.request = request
        self.version = 0
        self.state = contract.WAITING
        self.reason = ""
        self.held = ""
        self.stage_number = 0
        self.escalated = 0
        self.reminded = 0
        self.corrected = False
        self.counted: dict[str, Ruling] = {}
        # Of the last batch only: what was refused, and what took effect without being a vote.
        self.refused: list[Ruling] = []
        self.accepted: list[Ruling] = []
        self.voided: list[Ruling] = []  # counted, until a correction came

    @property
    def settled(self) -> bool:
        return self.state != contract.WAITING

    @property
    def stage(self) -> Stage:
        return self.terms.stage(self.stage_number)

    def settle(self, state: str, reason: str) -> None:
        self.state, self.reason, self.held = state, reason, ""
        self.version += 1
        self._forget()

    @property
    def silence_is_yes(self) -> bool:
        """Whether nobody deciding means yes: the queue says so, and nobody has said otherwise."""
        agreed = all(each.verdict == contract.APPROVE for each in self.counted.values())
        return self.terms.on_timeout == "approve" and agreed and not self.corrected

    def time_out(self, objection: str = "") -> None:
        """`objection`: what somebody said in time that has not arrived; it makes silence a no."""
        if self.silence_is_yes and not objection:
            self.settle(contract.APPROVED, f"Nobody decided in time. {self.terms.reason}".strip())
        elif self.terms.on_timeout == "approve":
            self.settle(
                contract.REJECTED, objection or "Nobody decided in time, and not all agreed."
            )
        else:
            self.settle(contract.SILENCE[self.terms.on_timeout], "Nobody decided in time.")

    def ring(self) -> None:
        """The next of the terms' bells: a reminder, or others may decide as well."""
        if self.terms.bells[self.escalated + self.reminded][1]:
            self.escalated += 1
        else:
            self.reminded += 1
        self.version += 1
        self._forget()

    def release(self) -> None:
        """The time for undo is over: what was held takes effect."""
        self.settle(self.held, self._why())

    def count(self, rulings: list[Ruling]) -> bool:
        """Take what `verify` said. True if there is news to publish."""
        self._forget()
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

    def _forget(self) -> None:
        self.refused, self.accepted, self.voided = [], [], []

    def _refusal(self, ruling: Ruling) -> str:
        if ruling.verdict == contract.RETRACT:
            return self._retract_refusal(ruling)
        if self.settled:
            return f"It came too late: {self.words()}"
        if ruling.verdict == contract.WITHDRAW:
            return ""
        if self.held:
            return f"It came too late: {self.held.capitalize()} already, and held for undo."
        return self._vote_refusal(ruling)

    def _vote_refusal(self, ruling: Ruling) -> str:
        if ruling.payload_sha256 not in ("", self.terms.payload_sha256):
            return "It was made for another payload."  # another signal corrected it a moment ago
        if ruling.people & set(self.terms.excluded):
            return "Its author started or corrected it, or is the same person."
        if any(ruling.people & each.people for each in self.counted.values()):
            return "An earlier decision of the same person already counted."
        if ruling.stage != self.stage_number:
            return "It was made for another stage."
        alone = self.terms.decides_alone
        if ruling.edits and ruling.verdict == contract.APPROVE and not alone:
            return "A correction that others have to approve as well is not an approval."
        return ""

    def _retract_refusal(self, ruling: Ruling) -> str:
        if self.settled:
            return "Too late to undo. The workflow already has it."
        vote = self.counted.get(ruling.retracts)
        if vote is None or vote.reviewer_id != ruling.reviewer_id:
            return "There is nothing to take back."
        if vote.stage != self.stage_number:
            return "Too late to undo. Others have been asked since."
        return ""

    def _take(self, ruling: Ruling) -> None:
        if ruling.verdict == contract.WITHDRAW:
            self.state, self.held = contract.CANCELLED, ""
            self.reason = f"Withdrawn by {ruling.reviewer}. {ruling.comment}".strip()
            self.accepted.append(ruling)
            return
        if ruling.verdict == contract.CORRECT:
            self._correct(ruling)
            return
        if ruling.verdict == contract.RETRACT:
            del self.counted[ruling.retracts]
            self.accepted.append(ruling)
        else:
            self.counted[ruling.decision_id] = ruling
        self.held = self._result()
        if self.held and not self.terms.undo_seconds:
            self.state, self.reason, self.held = self.held, self._why(), ""

    def _correct(self, ruling: Ruling) -> None:
        """What is asked is another thing now: earlier votes are void, all begins again."""
        payload = {**self.terms.payload, **(ruling.edits or {})}
        self.terms = replace(
            self.terms,
            payload=payload,
            payload_sha256=contract.sha256(payload),
            excluded=[*self.terms.excluded, *sorted(ruling.people)],
        )
        for each in self.counted.values():
            void = f"Void: {ruling.reviewer} corrected the request afterwards."
            self.voided.append(Ruling(each.decision_id, each.signature, void))
        self.counted, self.stage_number, self.corrected = {}, 0, True
        self.accepted.append(ruling)

    def _result(self) -> str:
        """What the votes come to; on the way the approval goes on to the next people."""
        votes = [each for each in self.counted.values() if each.stage == self.stage_number]
        found = result(votes, self.stage)
        if found == contract.APPROVED and self.stage_number < len(self.terms.stages):
            self.stage_number += 1
            return ""
        return found

    def _why(self) -> str:
        """The words of the last one who did not approve."""
        against = (contract.REJECT, contract.REQUEST_CHANGES)
        said = [each.comment for each in self.counted.values() if each.verdict in against]
        return said[-1] if said and self._outcome != contract.APPROVED else ""

    @property
    def _outcome(self) -> str:
        return self.held or self.state

    def _approvals(self) -> int:
        votes = [each for each in self.counted.values() if each.stage == self.stage_number]
        return sum(each.verdict == contract.APPROVE for each in votes)

    def words(self) -> str:
        """What Temporal's own pages say of it."""
        people = " and ".join(each.reviewer for each in self.counted.values())
        if self.held:
            return f"{self.held.capitalize()} by {people}, held for undo: {self.terms.title}"
        if not self.settled:
            return (
                f"Waiting for {self._approvals()} of {self.stage.quorum} approvals "
                f"in {self.stage.queue}: {self.terms.title}"
            )
        state = self.state.replace("_", " ").capitalize()
        if self.state in contract.BY_PEOPLE and people:
            return f"{state} by {people}."
        return f"{state}. {self.reason}"

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
            voided=self.voided,
            noise=noise,
            stage=self.stage_number,
            escalated=self.escalated,
            reminded=self.reminded,
            # What is corrected with an approval holds once that takes effect, not while undo may.
            payload=self.payload if self._is_other else None,
            payload_sha256=contract.sha256(self.payload) if self._is_other else "",
            request=self.request if complete else None,
            terms=self.terms if complete else None,
        )

    @property
    def _edits(self) -> dict[str, Any]:
        """What the one who approved corrected with it."""
        approvals = [e for e in self.counted.values() if e.verdict == contract.APPROVE]
        return {name: value for each in approvals for name, value in (each.edits or {}).items()}

    @property
    def _is_other(self) -> bool:
        """Whether something else is asked, or was approved, than was asked at first."""
        return self.corrected or (self.settled and bool(self._edits))

    @property
    def payload(self) -> dict[str, Any]:
        """What is approved: the request's, with what people corrected."""
        return {**self.terms.payload, **(self._edits if self.settled else {})}

    def outcome(self) -> Outcome:
        votes = list(self.counted.values())
        last = votes[-1] if votes and self.state in contract.BY_PEOPLE else None
        payload = self.payload
        return Outcome(
            outcome=self.state,
            approval_id=self.terms.approval_id,
            run_id=self.terms.run_id,
            payload=payload,
            payload_sha256=contract.sha256(payload) if self._edits else self.terms.payload_sha256,
            decisions=[_public(each) for each in votes],
            form=last.form if last else None,
            reason=self.reason,
            verdict=last.option if last else "",
            rule=", ".join(self.terms.policy.get("rules", [])) if self.terms.ruled else "",
        )


def _public(ruling: Ruling) -> dict[str, Any]:
    given = asdict(ruling)
    names = ["reviewer", "verdict", "comment", "decided_at", "channel"]
    names += [name for name in ("behalf", "option", "form", "edits") if given[name]]
    if ruling.stage:
        names.append("stage")
    return {"id": ruling.decision_id, **{name: given[name] for name in names}}
