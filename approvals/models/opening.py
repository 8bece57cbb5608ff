"""Opening: which terms an approval gets from its queue, its request and policy; the strictest."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth.models import Group, User
from django.core.exceptions import ValidationError

from approvals.answering import ASKED_WITH
from approvals.models.kind import valid_schema
from approvals.models.people import person, same_person
from approvals.models.queue import Queue
from approvals.policy.finding import Asks, Finding
from orchestrator import contract, signing
from orchestrator.contract import InvalidRequest, Request, Run
from orchestrator.counting import represented
from orchestrator.terms import Answer, Escalation, Stage, Terms

MOST_REMINDERS = 10  # keeps a year's history small
RULED = {contract.ALLOW: contract.APPROVED, contract.DENY: contract.REJECTED}


@dataclass(frozen=True)
class Asker:
    """Who asks. `verified`: the desk itself saw them; else a workflow only says so."""

    user: User | None
    verified: bool = False
    starter_id: str = ""

    @classmethod
    def of(cls, request: Request, run: Run) -> "Asker":
        """Who `request` says, verified where the desk signed that for this very `run`."""
        user, proof = person(request.requester), _proof(request, run)
        if proof is None or user is None or proof.get("requester_id") != str(user.pk):
            return cls(user)
        return cls(user, verified=True, starter_id=str(proof.get("starter_id", "")))

    @property
    def excluded(self) -> list[str]:
        """Primary keys, as text, of whom four eyes bar: asker, starter, their other accounts."""
        starter = User.objects.filter(pk=self.starter_id or 0).first()
        accounts = [same_person(each) for each in (self.user, starter) if each]
        return sorted(str(pk) for pk in set().union(*accounts))


def terms_for(
    approval_id: str,
    run_id: str,
    request: Request,
    asker: Asker,
    finding: Finding,
    now: datetime,
) -> Terms:
    """The terms of an approval that opens at `now`.

    What a caller asks, and what policy asks, can only make the queue's rules stricter.
    Raises InvalidRequest where a queue or group does not exist, or nobody could meet the terms.
    """
    return _Opening(request, asker, finding, now).terms(approval_id, run_id)


@dataclass
class _Opening:
    request: Request
    asker: Asker
    finding: Finding
    now: datetime

    def __post_init__(self) -> None:
        self.asks: Asks = self.finding.asks
        self.queue = _queue(self.asks.queue or self.request.queue)

    def terms(self, approval_id: str, run_id: str) -> Terms:
        request, queue = self.request, self.queue
        _require_form(request.form)
        due_at = self._due_at()
        escalations, ends_at = self._escalations(due_at)
        terms = Terms(
            approval_id=approval_id,
            run_id=run_id,
            queue=queue.slug,
            queue_name=queue.name,
            title=request.title,
            payload=request.payload,
            payload_sha256=contract.sha256(request.payload),
            quorum=self._quorum(),
            groups=self._groups(),
            reject_quorum=queue.reject_quorum,
            due_at=_iso(due_at),
            ends_at=_iso(ends_at),
            on_timeout=self._on_timeout(),
            excluded=self.asker.excluded,
            requester_id=str(self.asker.user.pk) if self.asker.user else "",
            risk=self.risk,
            undo_seconds=queue.undo_seconds,
            stages=self._stages(),
            reminders=self._reminders(due_at, ends_at),
            escalations=escalations,
            answers=self._answers(),
            changes=queue.offers_changes,
            comment_to_approve=queue.comment_to_approve,
            confirm=Queue.is_risky(self.risk, queue.confirm_risk),
            password=Queue.is_risky(self.risk, queue.password_risk),
            form=request.form,
            editable=request.editable,
            ruled=RULED.get(self.finding.verdict, ""),
            reason=self._reason(),
            policy=self._policy(),
        )
        if not terms.ruled:
            require_able(terms)
        return terms

    @property
    def risk(self) -> str:
        return max(self.request.risk, self.asks.risk or "low", key=contract.RISKS.index)

    # How many.

    def _groups(self) -> list[str]:
        asked = [*self.request.groups, *self.asks.groups]
        known = set(Group.objects.filter(name__in=asked).values_list("name", flat=True))
        if missing := [each for each in asked if each not in known]:
            raise InvalidRequest(f"There is no group {', '.join(missing)}.")
        own = self.queue.required_groups.values_list("name", flat=True)
        return list(dict.fromkeys([*own, *asked]))

    def _quorum(self) -> int:
        asked = max(self.queue.quorum, self.request.quorum or 1, self.asks.quorum or 1)
        unverified = self.queue.unverified_costs_one_more and not self.asker.verified
        return max(asked, len(self._groups())) + unverified

    def _stages(self) -> list[Stage]:
        slugs = dict.fromkeys([*self.asks.stages, *self.request.stages])
        return [_stage(_queue(each)) for each in slugs if each != self.queue.slug]

    def _answers(self) -> list[Answer]:
        own, asked = self.queue.answers, self.request.verdicts
        names = [each["name"] for each in (*own, *asked)]
        if len(set(names)) < len(names):
            raise InvalidRequest("`verdicts` names an answer twice, or one of the queue's own.")
        return [Answer(**each) for each in (*own, *asked)]

    # By when.

    def _due_at(self) -> datetime | None:
        limits = [self.queue.due_seconds, self.request.due_seconds, self.asks.due_seconds]
        if self._on_timeout() == "approve":
            limits = limits[:1]  # nobody shortens the time to say no
        seconds = min(filter(None, limits), default=None)
        return self.queue.after(self.now, seconds) if seconds else None

    def _on_timeout(self) -> str:
        said = self.request.on_timeout or self.queue.on_timeout
        if said == "approve" and self._is_stricter():
            return "reject"  # an administrator spoke of this queue's rules, not of more than these
        return said if said in contract.ON_TIMEOUT or self.queue.due_seconds else "reject"

    def _is_stricter(self) -> bool:
        """Whether the request or policy asks more than the queue does."""
        own = set(self.queue.required_groups.values_list("name", flat=True))
        least = max(self.queue.quorum, len(own))
        more = set(self._groups()) - own or self._stages() or self._quorum() > least
        return bool(more or self.asks.queue or self.asks.risk or self.asks.warnings)

    def _reason(self) -> str:
        """Why it is settled without people: by policy, or by their silence."""
        if self.finding.verdict in RULED:
            return self.finding.reason
        return self.queue.silence_words if self._on_timeout() == "approve" else ""

    def _escalations(self, due_at: datetime | None) -> tuple[list[Escalation], datetime | None]:
        """Whom it goes on to after the deadline, and when it ends then."""
        if due_at is None or self._on_timeout() != "escalate":
            return [], None
        found, at = [], due_at
        for step in self.queue.escalations.select_related("group"):
            found.append(Escalation(at.isoformat(), step.group.name))
            at = self.queue.after(at, step.seconds)
        return found, at

    def _reminders(self, due_at: datetime | None, ends_at: datetime | None) -> list[str]:
        queue, found, end = self.queue, [], ends_at or due_at
        if queue.remind_every_seconds:
            at = self.now
            for _number in range(MOST_REMINDERS):
                at = queue.after(at, queue.remind_every_seconds)
                found.append(at)
        if queue.remind_before_seconds and due_at:
            found.append(due_at - timedelta(seconds=queue.remind_before_seconds))
        timely = {each for each in found if each > self.now and (not end or each < end)}
        return [each.isoformat() for each in sorted(timely)][:MOST_REMINDERS]

    def _policy(self) -> dict[str, Any]:
        return {
            "version": self.finding.version,
            "sha256": self.finding.sha256,
            "rules": self.finding.decisive(),
            "warnings": list(self.asks.warnings),
        }


def require_able(terms: Terms) -> None:
    """Raises InvalidRequest where too few people could agree, or none of a group.

    Nobody counts at two stages, so every vote that is needed has to find a person of its own.
    """
    places: list[str] = []
    able: dict[int, set[str]] = {}
    for number in range(len(terms.stages) + 1):
        stage = terms.stage(number)
        people = _queue(stage.queue).people().exclude(pk__in=map(int, terms.excluded))
        groups = {each.pk: set(each.groups.values_list("name", flat=True)) for each in people}
        needed = stage.quorum + stage.reject_quorum - 1  # else it might never come to an end
        if len(groups) < needed or not represented(stage.groups, list(groups.values())):
            raise InvalidRequest(_too_few(stage, len(groups), needed))
        free = [f"{number}.{n}" for n in range(stage.quorum - len(stage.groups))]
        places += [*free, *(f"{number}:{group}" for group in stage.groups)]
        for pk, of in groups.items():
            fits = {f"{number}:{group}" for group in of}
            able.setdefault(pk, set()).update({*free, *fits})
    if not represented(places, list(able.values())):
        raise InvalidRequest("Nobody counts at two stages, and too few people are left for all.")


def frozen(terms: Terms) -> dict[str, Any]:
    """`terms` as a row keeps them: all but the payload, which has a column of its own."""
    return {name: each for name, each in asdict(terms).items() if name not in ("payload", "title")}


def _proof(request: Request, run: Run) -> dict[str, Any] | None:
    """Who asks, where the desk itself signed it for this very workflow; else None."""
    if request.proof is None:
        return None
    try:
        body = signing.KeyRing.load(settings.VAR).verify(request.proof)
    except (signing.BadSignature, signing.NoKey):
        return None
    ours = body.get("workflow_id") in (run.workflow_id, run.parent_workflow_id)
    return body if ours and body.get("requester") == request.requester else None


def _queue(slug: str) -> Queue:
    found = Queue.objects.filter(slug=slug).first()
    if found is None:
        known = ", ".join(Queue.objects.values_list("slug", flat=True)) or "none yet"
        raise InvalidRequest(f"There is no queue `{slug}`. Queues: {known}.")
    return found


def _stage(queue: Queue) -> Stage:
    groups = list(queue.required_groups.values_list("name", flat=True))
    quorum = max(queue.quorum, len(groups))
    return Stage(queue.slug, queue.name, quorum, groups, queue.reject_quorum)


def _too_few(stage: Stage, able: int, needed: int) -> str:
    if able < needed:
        return f"In queue `{stage.queue}` {able} may decide this, and {needed} must approve."
    return f"In queue `{stage.queue}` nobody stands for each of: {', '.join(stage.groups)}."


def _require_form(form: dict[str, Any] | None) -> None:
    if form is None:
        return
    try:
        valid_schema(form)
    except ValidationError as error:
        raise InvalidRequest(f"`form` does not fit: {' '.join(error.messages)}") from error
    verdicts = form.get(ASKED_WITH, [])
    if not isinstance(verdicts, list) or not all(each in contract.VOTES for each in verdicts):
        raise InvalidRequest(f"`form`: {ASKED_WITH} must be a list of {', '.join(contract.VOTES)}.")
    if unfit := next(_unfit(form), ""):
        raise InvalidRequest(f"`form` may not hold `{unfit}`: nothing bounds how long it takes.")


def _unfit(schema: Any) -> Iterator[str]:
    """What a form of a caller's may not make the desk do: run their patterns, follow references."""
    if isinstance(schema, list):
        for each in schema:
            yield from _unfit(each)
    if not isinstance(schema, dict):
        return
    for name, value in schema.items():
        if name in ("pattern", "patternProperties") or (name[:1] == "$" and name != "$schema"):
            yield name
        elif name == "properties" and isinstance(value, dict):
            yield from _unfit(list(value.values()))
        else:
            yield from _unfit(value)


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None
