"""Replay: what waited under an earlier release goes on under this one."""

import json
from pathlib import Path

import pytest
from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer
from temporalio.workflow import NondeterminismError

from orchestrator.workflows.approval import ApprovalWorkflow
from orchestrator.workflows.guarded_task import GuardedTask
from tests.desk import on_loop
from tests.orchestrator.flows import OneAfterTheOther

FOLDER = Path(__file__).resolve().parent.parent / "histories"
RECORDED = sorted(FOLDER.glob("v[0-9]*/*.json"))
PATHS = {
    "approved", "cancelled", "child", "deadline", "denied", "expired", "hostile", "invalid",
    "late", "one-after-the-other", "quorum", "rejected", "reset", "still-waiting", "undone",
    "withdrawn", "staged", "escalated", "reminded", "corrected", "changes-requested", "denied-step",
}  # fmt: skip


def replay(history):
    replayer = Replayer(workflows=[ApprovalWorkflow, GuardedTask, OneAfterTheOther])
    return on_loop(replayer.replay_workflow(history))


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_goes_on_where_it_was(path):
    replay(WorkflowHistory.from_json("recorded", path.read_text()))


def test_every_path_is_recorded():
    assert {path.stem for path in RECORDED} >= PATHS


def test_a_workflow_that_does_something_else_is_found():
    """The tests above are able to fail."""
    path = FOLDER / "v1" / "approved.json"
    history = json.loads(path.read_text())
    for event in history["events"]:
        scheduled = event.get("activityTaskScheduledEventAttributes")
        if scheduled and scheduled["activityType"]["name"] == "open_approval":
            scheduled["activityType"]["name"] = "something_else"
    with pytest.raises(NondeterminismError):
        replay(WorkflowHistory.from_json("recorded", json.dumps(history)))
