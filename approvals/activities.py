"""What workflows ask of the people's side. Everything here may happen twice."""

import functools
import itertools
import logging
from collections.abc import Callable
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import connection
from django.utils import timezone
from temporalio import activity
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from approvals import policy
from approvals.answering import faults_of
from approvals.delivery import relay as relay_decisions
from approvals.models import Approval, AuditEntry, Decision, PolicyCheck, WorkflowRun
from approvals.models.opening import Asker
from approvals.policy import Finding
from approvals.reconciler import reconcile as reconcile_rows
from orchestrator import contract, signing
from orchestrator.contract import (
    TITLE_LENGTH,
    InvalidRequest,
    PolicyVerdict,
    Request,
    Ruling,
    Run,
    Snapshot,
)
from orchestrator.periodic import every
from orchestrator.terms import Terms

log = logging.getLogger(__name__)

SKEW = 5  # seconds: less is the time that a task takes to arrive
POLICY_TRIES = 6  # 6 seconds and more: an engine that is just being restarted denies nothing


def final_if_invalid(run: Callable[..., Any]) -> Callable[..., Any]:
    """What cannot be asked fails the workflow in words, at once, instead of being tried again."""

    @functools.wraps(run)
    def wrapped(*args: Any) -> Any:
        try:
            return run(*args)
        except InvalidRequest as error:
            log.warning("Workflow %s asks what cannot be asked: %s", _asker(), error)
            raise ApplicationError(
                str(error),
                type="InvalidRequest",
                non_retryable=True,
                category=ApplicationErrorCategory.BENIGN,  # no traceback: the line above says all
            ) from error

    return wrapped


@activity.defn(name=contract.CHECK_POLICY)
@final_if_invalid
def check_policy(task: Any, run: Run) -> PolicyVerdict:
    """Read a guarded task, and say what the rules say. Raises InvalidRequest."""
    name, request = _read_task(task)
    run = _here(run)
    finding = _judged(name, request, run)
    said = {"verdict": finding.verdict, "rule": finding.rule, "reason": finding.reason}
    noted = WorkflowRun.note(run, request, **said)
    PolicyCheck.note(noted, finding, name, request)
    if finding.verdict != contract.ASK and not _recorded(finding.verdict, noted):
        log.info("Policy: %s “%s”. %s", finding.verdict, name, finding.reason)
        AuditEntry.record(
            finding.verdict,
            by=f"rule {finding.rule}",
            workflow_id=run.workflow_id,
            run_id=run.run_id,
            reason=finding.reason,
            title=request.title,
            version=finding.version,
            sha256=finding.sha256,
        )
    # As it came: what the rules ask becomes terms, when the approval opens.
    asked = asdict(request)
    return PolicyVerdict(finding.verdict, finding.rule, finding.reason, run.run_id, name, asked)


def _judged(task: str, request: Request, run: Run) -> Finding:
    """What policy says; where it could not be asked, a few more tries before it stays closed."""
    finding = policy.judge(
        task,
        request,
        workflow_type=run.workflow_type,
        requester_verified=Asker.of(request, run).verified,
    )
    if not finding.checked and activity.info().attempt < POLICY_TRIES:
        raise ApplicationError(finding.reason, type="NotChecked")
    return finding


def _read_task(task: Any) -> tuple[str, Request]:
    if not isinstance(task, dict):
        raise InvalidRequest("A guarded task must be a JSON object with `task`.")
    rest = dict(task)
    name = rest.pop("task", None)
    if not isinstance(name, str) or not name.strip():
        raise InvalidRequest("`task` is missing: say what is to be done, verb first.")
    if len(name) > contract.DETAILS_LENGTH:
        raise InvalidRequest(f"`task` has {len(name)} characters; 20000 are allowed.")
    title = name if len(name) <= TITLE_LENGTH else name[: TITLE_LENGTH - 1] + "…"
    return name, Request.read({"title": title, **rest})


def _recorded(action: str, noted: WorkflowRun) -> bool:
    return AuditEntry.objects.filter(run_id=noted.run_id, action=action, approval=None).exists()


@activity.defn(name=contract.OPEN_APPROVAL)
@final_if_invalid
def open_approval(approval_id: str, request: Any, run: Run) -> Terms:
    """Give a waiting step its row, and its terms. Raises InvalidRequest."""
    skew = _skew()
    asked, run = Request.read(request), _here(run)
    finding = _judged(PolicyCheck.task_of(run, asked), asked, run)
    approval = Approval.open(approval_id, asked, run, finding)
    log.info(
        "Approval %s is waiting for %s, %s: %s",
        approval.reference,
        approval.queue.slug,
        f"due {approval.due_at:%Y-%m-%d %H:%M} UTC" if approval.due_at else "no deadline",
        approval.title,
    )
    return replace(approval.terms(), skew_seconds=skew)


def _skew() -> int:
    """Seconds that Temporal's clock is ahead of this machine's; 0 where they agree well enough."""
    ahead = (activity.info().started_time - timezone.now()).total_seconds()
    return round(ahead) if abs(ahead) >= SKEW else 0


@activity.defn(name=contract.VERIFY)
async def verify(envelopes: list[Any], terms: Terms) -> list[Ruling]:
    """Hold each signed decision against the run, the approval, its payload and its deadline.

    Without a thread of its own: it touches no database, and takes 0.2 ms a decision.
    """
    ring = signing.KeyRing.load(settings.VAR)
    run_id = activity.info().workflow_run_id or ""
    return [rule_on(envelope, terms, run_id, ring) for envelope in envelopes]


def rule_on(envelope: Any, terms: Terms, run_id: str, ring: signing.KeyRing) -> Ruling:
    claimed = str(envelope["body"].get("decision_id"))
    signature = str(envelope["signature"])
    try:
        body = ring.verify(envelope)
    except signing.BadSignature as error:
        return Ruling(claimed, signature, f"The workflow does not believe it. {error}")
    refusal = _refusal(body, terms, run_id) or faults_of(body, terms)
    if refusal:
        return Ruling(claimed, signature, refusal)
    behalf = body.get("on_behalf_of") or {}
    return Ruling(
        claimed,
        signature,
        reviewer_id=body["reviewer"]["id"],
        reviewer=body["reviewer"]["name"],
        verdict=body["verdict"],
        comment=body["comment"],
        decided_at=body["decided_at"],
        channel=body["channel"],
        retracts=body.get("retracts", ""),
        payload_sha256=body["payload_sha256"],
        stage=body.get("stage", 0),
        groups=body.get("groups", []),
        behalf_id=behalf.get("id", ""),
        behalf=behalf.get("name", ""),
        accounts=body.get("accounts", []),
        option=body.get("option", ""),
        form=body.get("form"),
        edits=body.get("edits"),
    )


def _refusal(body: dict[str, Any], terms: Terms, run_id: str) -> str:
    if body["run_id"] != run_id:
        return "It was made for another run of the workflow."
    if body["approval_id"] != terms.approval_id:
        return "It was made for another approval."
    if body["verdict"] not in Decision.Verdict.values:
        return f"Its verdict {body['verdict']!r} is unknown."
    if body["verdict"] == contract.WITHDRAW:
        by_requester = body["reviewer"]["id"] == terms.requester_id
        return "" if by_requester else "Only who asked may withdraw."
    if body["verdict"] == contract.RETRACT:
        return ""
    return _vote_refusal(body, terms)


def _vote_refusal(body: dict[str, Any], terms: Terms) -> str:
    behalf = body.get("on_behalf_of") or {}
    if body["payload_sha256"] != terms.payload_sha256:
        return "It was made for another payload."
    people = {body["reviewer"]["id"], behalf.get("id"), *body.get("accounts", [])}
    if terms.requester_id and terms.requester_id in people:
        return "Its author asked for this."
    if people & set(terms.excluded):
        return "Its author started or corrected it, or is the same person."
    if terms.end and _time(body["decided_at"]) > _time(terms.end):
        return "It came after the deadline."
    if body["verdict"] == contract.REQUEST_CHANGES and not terms.changes:
        return "Nobody was asked whether something should change."
    return ""


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


@activity.defn(name=contract.OBJECTION)
def objection(approval_id: str) -> str:
    """What people recorded that is no approval, in a sentence; empty where nobody objects."""
    approval = Approval.objects.filter(pk=approval_id).first()
    if approval is None:
        return "Nobody can say whether somebody objected."
    return approval.objection()


@activity.defn(name=contract.PUBLISH)
def publish(snapshot: Snapshot) -> str:
    """Write what the workflow says of its approval; its state, for those who read history."""
    Approval.publish(snapshot)
    log.info(
        "Approval %s is %s%s",
        snapshot.approval_id[:8],
        snapshot.state,
        f": {snapshot.reason}" if snapshot.reason else "",
    )
    return snapshot.state


def _asker() -> str:
    return activity.info().workflow_id or "unknown"


def _here(run: Run) -> Run:
    """`run` with the ids that Temporal gives this activity: after a reset they are the new ones."""
    info = activity.info()
    given = asdict(run)
    given["run_id"] = info.workflow_run_id or run.run_id
    return Run(**given)


@every(seconds=1)
def relay() -> None:
    """Decisions that were recorded but not sent are sent."""
    relay_decisions()


_sweeps = itertools.count()


@every(seconds=20)
def reconcile() -> None:
    """Rows and workflows that lost sight of each other find each other again.

    All running workflows are looked at when the worker starts and every ten minutes.
    """
    reconcile_rows(everything=next(_sweeps) % 30 == 0)


@every(seconds=600)
def measure_tables() -> None:
    """Tell SQLite how large its tables are; PostgreSQL finds out by itself.

    Without it, it reads all of a queue to count what waits: 0.1 s at 100,000 closed approvals.
    """
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA analysis_limit=1000")  # rows an index: a few milliseconds
            cursor.execute("ANALYZE")
