"""Rows that wait for a workflow that is gone, and workflows that wait without a row, are mended.

Nothing here ever resumes a workflow: only a recorded, signed decision does.
"""

import logging
from collections.abc import Iterable, Iterator
from datetime import timedelta

from django.utils import timezone

from approvals.models import Approval, Decision
from orchestrator import client, contract
from orchestrator.client import Execution
from orchestrator.contract import Snapshot

log = logging.getLogger(__name__)

OURS = f'TaskQueue = "{contract.TASK_QUEUE}"'
# Visibility lags by a second or so, and a sweep may be late.
LOOK_BACK = timedelta(minutes=15)
# Rows asked about one by one in a sweep, those not asked about for longest first: 1.5 ms each.
ONE_BY_ONE = 300
MOST = 5000
# So many unknown workflows and not one known: rather the wrong server than a great loss.
SUSPICIOUS = 20

CANCELLED = {
    "canceled": "The workflow was cancelled.",
    "terminated": "The workflow was terminated.",
}


def reconcile(everything: bool = False, sure: bool = False) -> None:
    """One sweep.

    `everything` looks at all running workflows, not only at recent ones; `sure` ends rows that
    Temporal does not know even where it knows none at all.
    """
    try:
        end_closed()
        end_missing(sure)
        mend_waiting(everything)
    except client.Unreachable as error:
        log.debug("Nothing reconciled: %s", error)


def end_closed() -> None:
    """Rows whose workflow closed lately without a word, by one question for all of them."""
    since = (timezone.now() - LOOK_BACK).isoformat()
    closed = client.executions(
        f'{OURS} AND ExecutionStatus != "Running" AND CloseTime > "{since}"', MOST
    )
    by_run = {each.run_id: each for each in closed}
    for approval in _waiting_for(by_run):
        _end(approval, by_run[approval.run_id])


def end_missing(sure: bool = False) -> None:
    """Rows whose workflow Temporal does not know, or closed long ago, one by one."""
    waiting = Approval.objects.filter(state=contract.WAITING)
    asked = list(waiting.order_by("checked_at")[:ONE_BY_ONE])
    now = timezone.now()
    unknown = []
    for approval in asked:
        try:
            found = client.execution(approval.workflow_id, approval.run_id)
        except client.NotFound:
            unknown.append(approval)
            continue
        if found.status != "running":
            _end(approval, found)
    Approval.objects.filter(pk__in=[each.pk for each in asked]).update(checked_at=now)
    if len(unknown) > SUSPICIOUS and len(unknown) == len(asked) and not sure:
        log.error(
            "Temporal at %s knows none of %d workflows that wait: is it the right one? Nothing was "
            "ended. If they are gone for good: manage.py reconcile --sure",
            client.address(),
            len(unknown),
        )
        return
    for approval in unknown:
        approval.end(contract.LOST, "Temporal knows nothing of this workflow any more.")
        log.warning("Approval %s is lost: its workflow is gone.", approval.reference)


def _end(approval: Approval, found: Execution) -> None:
    state = contract.CANCELLED if found.status in CANCELLED else contract.LOST
    ended = f"The workflow ended ({found.status}) without saying what became of this."
    if approval.end(state, CANCELLED.get(found.status, ended)):
        log.warning("Approval %s is %s: %s", approval.reference, state, approval.title)


def mend_waiting(everything: bool = False) -> None:
    """Workflows that wait but have no row, or one that is settled already.

    The first get their row again from what they themselves remember. The second come of a Temporal
    that was restored from a backup: what was decided is told to them again.
    """
    types = f'WorkflowType IN ("{contract.APPROVAL}", "{contract.GUARDED_TASK}")'
    recent = f' AND StartTime > "{(timezone.now() - LOOK_BACK).isoformat()}"'
    query = f'{OURS} AND {types} AND ExecutionStatus = "Running"'
    running = client.executions(query + ("" if everything else recent), MOST)
    at_peace = _at_peace(each.run_id for each in running)
    for each in running:
        if each.run_id in at_peace:
            continue
        snapshot = client.snapshot(each.workflow_id, each.run_id)
        if snapshot and snapshot.state == contract.WAITING and not snapshot.held:
            _mend(snapshot)


def _mend(snapshot: Snapshot) -> None:
    if Approval.adopt(snapshot):
        log.warning("Approval %s had no row and has one again.", snapshot.approval_id[:8])
        return
    for decision in Decision.objects.applied_to(snapshot.approval_id, snapshot.run.run_id):
        client.send_decision(decision.envelope)
        log.warning("Decision %s was told to its workflow again.", decision.pk)


def _waiting_for(runs: Iterable[str]) -> list[Approval]:
    waiting = Approval.objects.filter(state=contract.WAITING)
    return [row for chunk in _chunks(runs) for row in waiting.filter(run_id__in=chunk)]


def _at_peace(runs: Iterable[str]) -> set[str]:
    """Runs whose row waits as they do."""
    waiting = Approval.objects.filter(state=contract.WAITING).values_list("run_id", flat=True)
    return {run for chunk in _chunks(runs) for run in waiting.filter(run_id__in=chunk)}


def _chunks(runs: Iterable[str]) -> Iterator[list[str]]:
    """Five hundred at a time: databases limit the parameters of one query."""
    names = list(runs)
    return (names[start : start + 500] for start in range(0, len(names), 500))
