"""What may be answered to an approval, and what is wrong with an answer."""

from dataclasses import replace
from typing import Any

from django.contrib.auth.models import User
from django.utils.translation import gettext_lazy as _

from approvals.answering import faults_of
from approvals.models.eligible import Eligible
from approvals.models.errors import Changed, Incomplete, NotYours
from approvals.models.opening import require_able
from approvals.models.people import same_person
from approvals.policy.judging import judge
from orchestrator import contract
from orchestrator.contract import InvalidRequest, Request


class Answerable(Eligible):
    """An approval that knows what an answer to it needs."""

    class Meta(Eligible.Meta):
        abstract = True

    @property
    def verdicts(self) -> list[str]:
        """What people may answer here."""
        found = [contract.APPROVE, contract.REJECT]
        if self.rules.get("changes"):
            found.append(contract.REQUEST_CHANGES)
        if self.rules.get("editable"):
            found.append(contract.CORRECT)
        return found

    def require_answer(
        self,
        by: User,
        verdict: str,
        comment: str,
        seen_sha256: str | None,
        said: dict[str, Any],
    ) -> None:
        """Raises NotYours, Incomplete or Changed where `by` cannot answer this, at any time.

        `said` holds the option, the form and the edits, where there are some.
        """
        if not self.may_be_decided_by(by):
            raise NotYours(self.why_not(by))
        if verdict not in self.verdicts:
            raise Incomplete(_("Choose approve or reject."))
        if fault := self._lack_of_words(verdict, comment):
            raise Incomplete(fault)
        if len(comment) > contract.COMMENT_LENGTH:
            raise Incomplete(
                _("The reason has %(n)d characters; %(most)d are allowed.")
                % {"n": len(comment), "most": contract.COMMENT_LENGTH}
            )
        if seen_sha256 is not None and seen_sha256 != self.payload_sha256:
            raise Changed(_("The request changed while you were reading. Read it again."))
        if fault := self._fault_of(by, {"verdict": verdict, **said}):
            raise Incomplete(fault)

    def _lack_of_words(self, verdict: str, comment: str) -> str:
        if comment or (verdict == contract.APPROVE and not self.rules.get("comment_to_approve")):
            return ""
        words = {
            contract.APPROVE: _("Say why you approve. Everything here needs a reason."),
            contract.REJECT: _("Say why you are rejecting. %(name)s needs it to fix the request."),
            contract.REQUEST_CHANGES: _("Say what should change. %(name)s needs it to do so."),
            contract.CORRECT: _("Say what you corrected, and why. All have to look again."),
        }
        return str(words[verdict] % {"name": self.requester_name or _("The requester")})

    def _fault_of(self, by: User, said: dict[str, Any]) -> str:
        terms = self.terms()
        corrects = said.get("edits") and said["verdict"] == contract.APPROVE
        if corrects and not terms.decides_alone:
            return str(_("You corrected it. Save the correction: others approve it then."))
        if said["verdict"] == contract.CORRECT and (lack := self._lack_of_others(by)):
            return lack
        return faults_of(said, terms) or self._fault_of_edits(said.get("edits") or {})

    def _fault_of_edits(self, edits: dict[str, Any]) -> str:
        """Why it may not become what it would: by its kind, or by policy; in a sentence."""
        if not edits:
            return ""
        payload, kind = {**self.payload, **edits}, self.kind_of_request()
        if unseen := [each for each in edits if kind and kind.hides(each)]:
            return str(_("Nobody may correct what is hidden: %s.") % ", ".join(unseen))
        problems = kind.problems(payload) if kind else {}
        for path, words in problems.items():
            return f"{path}: {words}"
        return self._fault_by_policy(payload)

    def _fault_by_policy(self, payload: dict[str, Any]) -> str:
        """Why rules want more of what it would become than the terms ask, in a sentence."""
        terms = self.terms()
        asked = {
            "title": self.title, "payload": payload, "queue": terms.queue, "kind": self.kind,
            "requester": self.requester, "risk": self.risk, "links": self.links,
            "previous": self.previous,
        }  # fmt: skip
        request = Request.read(asked)
        finding = judge(
            self.title, request, workflow_type=self.workflow_type, requester_verified=self.verified
        )
        if finding.verdict == contract.DENY:
            return str(_("Policy denies what it would become: %s") % finding.reason)
        asks, stages = finding.asks, [each.queue for each in terms.stages]
        more = (
            (asks.quorum or 0) > terms.quorum
            or set(asks.groups) - set(terms.groups)
            or set(asks.stages) - set(stages)
            or asks.queue not in ("", terms.queue)
            or contract.RISKS.index(asks.risk or "low") > contract.RISKS.index(self.risk)
        )
        if not more:
            return ""
        return str(_("Policy wants more people for what it would become. Reject it, and say why."))

    def _lack_of_others(self, by: User) -> str:
        """Why nobody could approve what `by` corrects, in a sentence."""
        terms = self.terms()
        barred = {*terms.excluded, *map(str, same_person(by))}
        try:
            require_able(replace(terms, excluded=sorted(barred)))
        except InvalidRequest:
            return str(_("Nobody would be left to approve what you correct. Reject it instead."))
        return ""
