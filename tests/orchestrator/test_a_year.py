"""A year of waiting in seconds, on the server's own skipping of time: reminders, escalation, end.

Only the server's clock for workflows is ahead; the desk's rows keep the real time.
"""

import asyncio
import uuid
from datetime import time, timedelta

import pytest
from django.contrib.auth.models import Group
from temporalio.testing import WorkflowEnvironment

from approvals.models import Approval, QueueEscalation
from orchestrator import contract, embedded
from orchestrator import worker as workers
from tests.desk import PATIENCE, ShortConnections, a_request, on_loop

DAY = 86_400


@pytest.fixture(scope="module")
def skipping():
    env = on_loop(
        WorkflowEnvironment.start_time_skipping_v2(
            ip="127.0.0.1",
            dev_server_existing_path=str(embedded.binary()),
            dev_server_extra_args=[
                "--dynamic-config-value",
                "frontend.WorkflowTimeSkippingEnabled=true",
            ],
        )
    )
    yield env
    on_loop(env.shutdown())


@pytest.fixture
def year(skipping, transactional_db, people):
    """Runs one request to its end; answers its outcome and how many events it took."""
    threads = ShortConnections(16)

    async def lived(request):
        worker = workers.make_worker(skipping.client, threads)
        running = asyncio.create_task(worker.run())
        handle = await skipping.client.start_workflow(
            contract.APPROVAL,
            request,
            id=f"year-{uuid.uuid4().hex}",
            task_queue=contract.TASK_QUEUE,
        )
        outcome = await asyncio.wait_for(handle.result(), 4 * PATIENCE)
        events = [each async for each in handle.fetch_history_events()]
        await worker.shutdown()
        await running
        return outcome, events

    yield lambda **request: on_loop(lived(a_request(**request)), 5 * PATIENCE)
    threads.shutdown()


def change(queue, **values):
    for name, value in values.items():
        setattr(queue, name, value)
    queue.full_clean()
    queue.save()


def skipped(events):
    return events[-1].event_time.ToDatetime() - events[0].event_time.ToDatetime()


def test_nobody_decides_for_a_year(year, people):
    outcome, events = year(due_seconds=365 * DAY)
    assert (outcome["outcome"], outcome["reason"]) == ("rejected", "Nobody decided in time.")
    assert timedelta(days=364) < skipped(events) < timedelta(days=366)
    assert len(events) < 40


def test_with_every_reminder_and_escalation_its_history_stays_small(year, people):
    """The bound of a year: no approval ever has to continue as new."""
    for name in ("Heads", "Board", "Owners"):
        group = Group.objects.create(name=name)
        QueueEscalation.objects.create(queue=people.general, group=group, seconds=60 * DAY)
    change(
        people.general,
        on_timeout="escalate",
        due_seconds=180 * DAY,
        remind_every_seconds=7 * DAY,
        remind_before_seconds=DAY,
    )
    outcome, events = year()
    row = Approval.objects.get(pk=outcome["approval_id"])
    assert (row.state, row.escalated, row.reminded) == ("rejected", 3, 10)
    assert timedelta(days=359) < skipped(events) < timedelta(days=361)
    assert len(events) < 150


def test_weeks_of_working_hours_pass_over_the_change_of_clocks(year, people):
    change(
        people.general,
        due_seconds=40 * 3600,
        work_days="12345",
        work_starts=time(8),
        work_ends=time(16),
        time_zone="Europe/Stockholm",
    )
    outcome, events = year()
    row = Approval.objects.get(pk=outcome["approval_id"])
    # Forty working hours are five days of eight: a week at least, two days more at a weekend.
    assert timedelta(days=4, hours=8) < row.due_at - row.opened_at <= timedelta(days=9)
    assert abs(skipped(events) - (row.due_at - row.opened_at)) < timedelta(minutes=1)
