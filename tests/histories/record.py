"""Record the histories of a release: `python -m tests.histories.record v2`.

One file for each path that a workflow can take, from real runs on a real server. The test
test_replay.py replays all of them with today's workflows: what waits survives a new release.
"""

import json
import os
import re
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests import environment  # first of all: it decides where the settings point

OF_THE_MACHINE = {"stackTrace", "identity"}
FOLDER = Path(__file__).resolve().parent


def main() -> None:
    if len(sys.argv) != 2 or not re.fullmatch(r"v\d+(\.\d+)*", sys.argv[1]):
        sys.exit("Say which release it is: python -m tests.histories.record v2")
    folder = FOLDER / sys.argv[1]
    folder.mkdir(exist_ok=True)
    prepare_django()
    from orchestrator import embedded
    from orchestrator import worker as workers
    from tests import desk
    from tests.orchestrator import flows

    people = desk.People()
    with (
        embedded.running(embedded.wanted_port()),
        desk.working(),
        desk.working(flows.QUEUE, workflows=flows.ALL, activities=workers.activities()),
    ):
        for name, path in paths().items():
            flow = path(desk.Desk(), people)
            (folder / f"{name}.json").write_text(history(flow))
            print(f"{folder.name}/{name}.json")


def prepare_django() -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = "orchestrator.settings"
    import django

    django.setup()
    from django.conf import settings
    from django.core.management import call_command

    from orchestrator import signing

    call_command("migrate", verbosity=0)
    signing.create_key(settings.VAR)
    assert str(settings.VAR).startswith(tempfile.gettempdir())


def history(flow: Any) -> str:
    async def ask(handle: Any) -> str:
        return (await handle.fetch_history()).to_json()

    text = re.sub(r"\d+@[\w.-]+", "worker", flow.ask(ask))
    return json.dumps(without_machine(json.loads(text)), indent=1) + "\n"


def without_machine(value: Any) -> Any:
    """Without what tells of the machine that recorded it, and is not replayed."""
    if isinstance(value, list):
        return [without_machine(each) for each in value]
    if isinstance(value, dict):
        kept = {name: each for name, each in value.items() if name not in OF_THE_MACHINE}
        return {name: without_machine(each) for name, each in kept.items()}
    return value


def paths() -> dict[str, Callable[[Any, Any], Any]]:
    functions = (
        approved, rejected, deadline, expired, cancelled, denied, quorum, hostile, late, reset,
        undone, withdrawn, still_waiting, child, one_after_the_other, invalid,
        staged, escalated, reminded, corrected, changes_requested, denied_step,
    )  # fmt: skip
    return {each.__name__.replace("_", "-"): each for each in functions}


def approved(desk: Any, people: Any) -> Any:
    return decided(desk.task(), people.mei, "approve")


def rejected(desk: Any, people: Any) -> Any:
    return decided(desk.task(), people.mei, "reject")


def decided(flow: Any, by: Any, verdict: str) -> Any:
    flow.waiting().decide(by, verdict, "Because.")
    flow.result()
    return flow


def deadline(desk: Any, people: Any) -> Any:
    flow = desk.task(due_seconds=1)
    flow.result()
    return flow


def expired(desk: Any, people: Any) -> Any:
    flow = desk.task(due_seconds=1, on_timeout="expire")
    flow.result()
    return flow


def cancelled(desk: Any, people: Any) -> Any:
    flow = desk.task()
    flow.waiting()
    flow.cancel()
    ended(flow)
    return flow


def ended(flow: Any) -> None:
    from tests.desk import until

    until(lambda: flow.status != "running")


def denied(desk: Any, people: Any) -> Any:
    flow = desk.task(task="forbidden: delete everything")
    flow.result()
    return flow


def quorum(desk: Any, people: Any) -> Any:
    flow = desk.task(quorum=2)
    flow.waiting().decide(people.mei, "approve")
    flow.approval().decide(people.lena, "approve")
    flow.result()
    return flow


def hostile(desk: Any, people: Any) -> Any:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from orchestrator.signing import Signer
    from tests.desk import envelope_for, temporal_payload

    flow = desk.task()
    row = flow.waiting()
    flow.signal()
    flow.signal("approve")
    flow.signal("approve", 2, None, [], {})
    flow.signal_raw([temporal_payload(b"\xff\x00", b"x/unknown")])
    forger = Signer(Ed25519PrivateKey.generate())
    flow.signal(forger.sign(envelope_for(row, people.mei)["body"]))
    flow.signal(envelope_for(row, people.mei, run_id="another"))
    return decided(flow, people.mei, "approve")


def late(desk: Any, people: Any) -> Any:
    from tests.desk import envelope_for

    flow = desk.task(due_seconds=1)
    row = flow.waiting()
    flow.signal(envelope_for(row, people.mei, decided_at="2999-01-01T00:00:00+00:00"))
    flow.result()
    return flow


def reset(desk: Any, people: Any) -> Any:
    """Reset to before the decision, whose signal is sent to the new run again; then approved."""
    import uuid

    from temporalio.api.common.v1 import WorkflowExecution
    from temporalio.api.workflowservice.v1 import ResetWorkflowExecutionRequest

    from orchestrator import client
    from tests.desk import Flow

    flow = approved(desk, people)
    (signalled,) = flow.events("WORKFLOW_EXECUTION_SIGNALED")
    tasks = [each.event_id for each in flow.events("WORKFLOW_TASK_COMPLETED")]

    async def ask(temporal: Any) -> str:
        answer = await temporal.workflow_service.reset_workflow_execution(
            ResetWorkflowExecutionRequest(
                namespace=temporal.namespace,
                workflow_execution=WorkflowExecution(workflow_id=flow.id, run_id=flow.run_id),
                reason="recording",
                workflow_task_finish_event_id=max(n for n in tasks if n < signalled.event_id),
                request_id=str(uuid.uuid4()),
            )
        )
        return answer.run_id

    newer = Flow(flow.id, client.bridge.call(ask, 10))
    newer.approval(2).decide(people.lena, "approve")
    newer.result()
    return newer


def undone(desk: Any, people: Any) -> Any:
    people.general.undo_seconds = 3
    people.general.save()
    try:
        flow = desk.task()
        row = flow.waiting()
        row.decide(people.mei, "approve")
        row.refresh_from_db()
        row.take_back(people.mei)
        row.refresh_from_db()
        row.decide(people.lena, "approve")
        flow.result()
    finally:
        people.general.undo_seconds = 0
        people.general.save()
    return flow


def withdrawn(desk: Any, people: Any) -> Any:
    flow = desk.task(requester="amira")
    flow.waiting().withdraw(people.amira, "Not needed.")
    flow.result()
    return flow


def still_waiting(desk: Any, people: Any) -> Any:
    """What a new release finds most of: one of two has approved, and the deadline is far."""
    from tests.desk import until

    flow = desk.task(quorum=2, due_seconds=86_400)
    flow.waiting().decide(people.mei, "approve")
    until(lambda: flow.snapshot().counted)
    return flow


def child(desk: Any, people: Any) -> Any:
    from tests.desk import a_request
    from tests.orchestrator import flows

    parent = desk.start("Parent", a_request(), queue=flows.QUEUE)
    flow = decided(desk.child_of(parent), people.mei, "approve")
    parent.result()
    return flow


def one_after_the_other(desk: Any, people: Any) -> Any:
    from tests.desk import a_request
    from tests.orchestrator import flows

    asked = [a_request(title="First"), a_request(title="Second")]
    flow = desk.start("OneAfterTheOther", asked, queue=flows.QUEUE)
    flow.approval(1).decide(people.mei, "approve")
    flow.approval(2).decide(people.mei, "reject", "No.")
    flow.result()
    return flow


def invalid(desk: Any, people: Any) -> Any:
    flow = desk.task(queue="nowhere")
    ended(flow)
    return flow


def staged(desk: Any, people: Any) -> Any:
    """The people of one queue, then those of another."""
    from tests.desk import until

    board = queue("board")
    ines = reviewer("ines", board)
    flow = desk.task(stages=[board.slug])
    flow.waiting().decide(people.mei, "approve")
    until(lambda: flow.approval().stage == 1)
    flow.approval().decide(ines, "approve")
    flow.result()
    return flow


def escalated(desk: Any, people: Any) -> Any:
    """Nobody decides in time; one of the next group does."""
    from django.contrib.auth.models import Group

    from approvals.models import QueueEscalation
    from tests.desk import until

    heads, _made = Group.objects.get_or_create(name="Heads")
    slow = queue("slow", on_timeout="escalate", due_seconds=1)
    slow.reviewers.add(people.mei)
    QueueEscalation.objects.get_or_create(queue=slow, group=heads, seconds=3600)
    head = reviewer("hedda", slow)
    slow.reviewers.remove(head)
    head.groups.add(heads)
    flow = desk.task(queue="slow")
    until(lambda: flow.approval().escalated)
    flow.approval().decide(head, "approve")
    flow.result()
    return flow


def reminded(desk: Any, people: Any) -> Any:
    from tests.desk import until

    nagging = queue("nagging", remind_every_seconds=1, due_seconds=3600)
    nagging.reviewers.add(people.mei)
    flow = desk.task(queue="nagging")
    until(lambda: flow.approval().reminded >= 2)
    return decided(flow, people.mei, "approve")


def corrected(desk: Any, people: Any) -> Any:
    from tests.desk import until

    flow = desk.task(quorum=2, editable=["amount"])
    flow.waiting().decide(people.mei, "approve")
    flow.approval().decide(people.lena, "correct", "Typo.", edits={"amount": "12.00"})
    until(lambda: flow.approval().as_asked and flow.approval().is_open)
    flow.approval().decide(people.mei, "approve")
    flow.approval().decide(people.tomasz, "approve")
    flow.result()
    return flow


def changes_requested(desk: Any, people: Any) -> Any:
    open_minded = queue("open-minded", offers_changes=True)
    open_minded.reviewers.add(people.mei)
    return decided(desk.task(queue="open-minded"), people.mei, "request_changes")


def denied_step(desk: Any, people: Any) -> Any:
    """A step of its own that policy settles without people."""
    flow = desk.approval(title="forbidden: delete everything")
    flow.result()
    return flow


def queue(slug: str, **rules: Any) -> Any:
    from approvals.models import Queue

    return Queue.objects.get_or_create(slug=slug, defaults={"name": slug.title(), **rules})[0]


def reviewer(name: str, of: Any) -> Any:
    from django.contrib.auth.models import User

    user, _made = User.objects.get_or_create(username=name)
    of.reviewers.add(user)
    return user


if __name__ == "__main__":
    assert environment.OURS
    main()
    sys.stdout.flush()
    os._exit(0)  # the SDK crashes now and then while the interpreter shuts down
