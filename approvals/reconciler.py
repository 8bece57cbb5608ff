"""Rows that wait for a workflow that is gone, and workflows that wait without a row, are mended.

Nothing here ever resumes a workflow: only a recorded, signed decision does.
"""

import logging
from collections.abc import Iterable, Iterator
from datetime import timedelta

from django.utils import timezone

from approvals.models import Approval
from orchestrator import client, contract
from orchestrator.client import Execution

log = logging.getLogger(__name__)

OURS = f'TaskQueue = "{contract.TASK_QUEUE}"'
# Visibility lags by a second or so, and a sweep may be late.
LOOK_BACK = timedelta(minutes=15)
# Rows asked about one by one in a sweep, those not asked about for longest first: 1.5 ms each.
ONE_BY_ONE = 300
MOST = 5000

CANCELLED = {
    "canceled": "The workflow was cancelled.",
    "terminated": "The workflow was terminated.",
}


def reconcile(everything: bool = False) -> None:
    """One sweep. `everything` looks at all running workflows, not only at recent ones."""
    try:
        end_closed()
        end_missing()
        adopt_waiting(everything)
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


def end_missing() -> None:
    """Rows whose workflow Temporal does not know, or closed long ago, one by one."""
    waiting = Approval.objects.filter(state=contract.WAITING)
    now = timezone.now()
    asked = []
    for approval in waiting.order_by("checked_at")[:ONE_BY_ONE]:
        asked.append(approval.pk)
        try:
            found = client.execution(approval.workflow_id, approval.run_id)
        except client.NotFound:
            approval.end(contract.LOST, "Temporal knows nothing of this workflow any more.")
            log.warning("Approval %s is lost: its workflow is gone.", approval.reference)
            continue
        if found.status != "running":
            _end(approval, found)
    Approval.objects.filter(pk__in=asked).update(checked_at=now)


def _end(approval: Approval, found: Execution) -> None:
    state = contract.CANCELLED if found.status in CANCELLED else contract.LOST
    ended = f"The workflow ended ({found.status}) without saying what became of this."
    if approval.end(state, CANCELLED.get(found.status, ended)):
        log.warning("Approval %s is %s: %s", approval.reference, state, approval.title)


def adopt_waiting(everything: bool = False) -> None:
    """Workflows that wait but have no row get one, from what they themselves remember."""
    types = f'WorkflowType IN ("{contract.APPROVAL}", "{contract.GUARDED_TASK}")'
    recent = f' AND StartTime > "{(timezone.now() - LOOK_BACK).isoformat()}"'
    query = f'{OURS} AND {types} AND ExecutionStatus = "Running"'
    running = client.executions(query + ("" if everything else recent), MOST)
    known = _known(each.run_id for each in running)
    for each in running:
        if each.run_id in known:
            continue
        snapshot = client.snapshot(each.workflow_id, each.run_id)
        if snapshot and snapshot.state == contract.WAITING and Approval.adopt(snapshot):
            log.warning("Approval %s had no row and has one again.", snapshot.approval_id[:8])


def _waiting_for(runs: Iterable[str]) -> list[Approval]:
    waiting = Approval.objects.filter(state=contract.WAITING)
    return [row for chunk in _chunks(runs) for row in waiting.filter(run_id__in=chunk)]


def _known(runs: Iterable[str]) -> set[str]:
    rows = Approval.objects.values_list("run_id", flat=True)
    return {run for chunk in _chunks(runs) for run in rows.filter(run_id__in=chunk)}


def _chunks(runs: Iterable[str]) -> Iterator[list[str]]:
    """Five hundred at a time: databases limit the parameters of one query."""
    names = list(runs)
    return (names[start : start + 500] for start in range(0, len(names), 500))
