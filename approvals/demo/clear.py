"""Takes the demo away again: what it seeded, what its workflows left, its people and queues.

What was decided cannot be deleted, not even by this: database triggers refuse it. Within one
transaction they are dropped and made again, and only rows of the demo are touched.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from django.contrib.auth.models import Group, User
from django.db import connection, transaction
from django.db.models import Model, ProtectedError, Q, QuerySet

from approvals.demo import history, requests
from approvals.demo.kinds import KINDS
from approvals.demo.people import PEOPLE, QUEUES, address, groups
from approvals.models import (
    Approval,
    AuditEntry,
    Claim,
    Comment,
    Decision,
    Kind,
    PolicyCheck,
    PolicyMatch,
    Queue,
    WorkflowRun,
)
from orchestrator import client

triggers = import_module("approvals.migrations.0002_append_only")
OURS = Q(workflow_id__startswith=history.PREFIX) | Q(workflow_id__startswith=requests.PREFIX)
MOST = 10_000


def terminate_workflows() -> int:
    """End the demo's workflows that still run. Raises Unreachable where there may be some."""
    if not WorkflowRun.objects.filter(workflow_id__startswith=requests.PREFIX).exists():
        return 0
    query = f"WorkflowId STARTS_WITH '{requests.PREFIX}' AND ExecutionStatus = 'Running'"
    running = client.executions(query, MOST)
    for each in running:
        client.terminate(each.workflow_id, each.run_id, "The demo was cleared.")
    return len(running)


def clear_rows() -> dict[str, int]:
    """Delete the demo's rows; how many of each kind. What other rows refer to stays."""
    with transaction.atomic(), _without_triggers():
        gone = _removed(_removable())
        AuditEntry.record("cleared", by="demo", **gone)
    return gone | {"people, queues and kinds": _remove_people()}


def _removable() -> list[str]:
    """Run ids, without those of approvals that somebody's own request revises."""
    mine = Approval.objects.filter(OURS)
    kept = {pk for pk in Approval.objects.exclude(OURS).values_list("revises", flat=True) if pk}
    known = dict(mine.values_list("pk", "revises"))
    while grown := {earlier for pk in kept if (earlier := known.get(pk))} - kept:
        kept |= grown
    runs = set(WorkflowRun.objects.filter(OURS).values_list("run_id", flat=True))
    runs |= set(mine.values_list("run_id", flat=True))
    return sorted(runs - set(mine.filter(pk__in=kept).values_list("run_id", flat=True)))


def _removed(runs: list[str]) -> dict[str, int]:
    # In this order: each refers to those below it.
    for field in (Approval.barred, Approval.escalated_to):
        _delete(field.through.objects.filter(approval__run_id__in=runs))
    return {
        "claims": _delete(Claim.objects.filter(approval__run_id__in=runs)),
        "comments": _delete(Comment.objects.filter(approval__run_id__in=runs)),
        "audit entries": _delete(AuditEntry.objects.filter(run_id__in=runs)),
        "decisions": _delete(Decision.objects.filter(approval__run_id__in=runs)),
        "rules that decided": _delete(PolicyMatch.objects.filter(check_of__run__run_id__in=runs)),
        "policy checks": _delete(PolicyCheck.objects.filter(run__run_id__in=runs)),
        "approvals": _delete(Approval.objects.filter(run_id__in=runs)),
        "workflows": _delete(WorkflowRun.objects.filter(run_id__in=runs)),
    }


def _delete(rows: QuerySet[Any]) -> int:
    return int(rows._raw_delete(rows.db))


@contextmanager
def _without_triggers() -> Iterator[None]:
    sqlite = connection.vendor == "sqlite"
    with connection.cursor() as cursor:
        for statement in triggers.UNDO_SQLITE if sqlite else triggers.UNDO_POSTGRESQL:
            cursor.execute(statement)
        yield
        # PostgreSQL alters no table whose foreign keys are still to be checked.
        connection.check_constraints()
        for statement in triggers.SQLITE if sqlite else triggers.POSTGRESQL:
            cursor.execute(statement)


def _remove_people() -> int:
    """Those that nothing refers to any more; whoever acted elsewhere stays."""
    mine = [
        *Kind.objects.filter(slug__in=KINDS),
        *Queue.objects.filter(slug__in=QUEUES),
        *User.objects.filter(username__in=PEOPLE, email__in=[address(name) for name in PEOPLE]),
    ]
    removed = sum(_is_removed(each) for each in mine)
    for group in Group.objects.filter(name__in=groups(), user=None, queue=None):
        _is_removed(group)  # a queue that stays may ask it after a deadline
    return removed


def _is_removed(row: Model) -> bool:
    try:
        row.delete()
    except ProtectedError:
        return False
    return True
