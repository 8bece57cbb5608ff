"""What the benchmark asks of the desk's own models, in a process of its own.

`python -m bench.desk prepare|waiting|acknowledged|seed …` answers with JSON.
"""

import json
import sys
import time
import uuid
from datetime import datetime, timedelta
from typing import Any

import django

django.setup()

from django.conf import settings  # noqa: E402
from django.contrib.auth.models import User  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import connection  # noqa: E402
from django.test import Client  # noqa: E402
from django.test.utils import CaptureQueriesContext  # noqa: E402
from django.utils import timezone  # noqa: E402

from approvals.models import Approval, Decision, Queue  # noqa: E402
from orchestrator import contract  # noqa: E402

QUEUE = "payments"
PATIENCE = 120  # seconds
MOST_A_MINUTE = 30_000  # approvals
BATCH = 1000  # rows in one transaction, so that SQLite's log stays as short as in daily use


def prepare(count: str) -> dict[str, Any]:
    """The desk as `make run` prepares it, and a queue with `count` signed-in reviewers."""
    call_command("migrate", verbosity=0, interactive=False)
    call_command("keys", verbosity=0, stdout=sys.stderr)
    call_command("collectstatic", verbosity=0, interactive=False)
    return _people(int(count))


def _people(count: int) -> dict[str, Any]:
    # Nobody is asked for the password for being quick.
    queue = Queue.objects.create(slug=QUEUE, name="Payments", most_a_minute=MOST_A_MINUTE)
    users = [User.objects.create_user(f"reviewer-{number}") for number in range(count)]
    queue.reviewers.set(users)
    name = settings.SESSION_COOKIE_NAME
    return {
        "session_cookie": name,
        "csrf_cookie": settings.CSRF_COOKIE_NAME,
        "sessions": [_signed_in(user).cookies[name].value for user in users],
    }


def _signed_in(user: User) -> Client:
    browser = Client(headers={"host": "127.0.0.1"})
    browser.force_login(user, "approvals.accounts.Accounts")
    return browser


def waiting(count: str) -> list[dict[str, str]]:
    """All waiting approvals, as soon as there are `count` of them."""
    rows = Approval.objects.waiting().order_by("opened_at")
    _until(lambda: rows.count() >= int(count), f"{count} approvals are not waiting")
    fields = rows.values_list("pk", "workflow_id", "run_id", "payload_sha256")
    names = ("id", "workflow_id", "run_id", "sha")
    return [dict(zip(names, map(str, row), strict=True)) for row in fields]


def acknowledged(since: str, count: str) -> list[float]:
    """When the workflows acknowledged the `count` decisions made since then: Unix times."""
    rows = Decision.objects.filter(decided_at__gte=datetime.fromisoformat(since))
    done = rows.exclude(acknowledged_at=None).order_by("acknowledged_at")
    _until(lambda: done.count() >= int(count), f"{count} decisions are not acknowledged")
    return [each.acknowledged_at.timestamp() for each in done if each.acknowledged_at]


def _until(true: Any, otherwise: str) -> None:
    until = time.monotonic() + PATIENCE
    while not true():
        if time.monotonic() > until:
            sys.exit(f"After {PATIENCE} s {otherwise}.")
        time.sleep(0.2)


def seed(upto: str, path: str) -> dict[str, int]:
    """Waiting approvals without workflows, straight into the database, until there are `upto`.

    With them, how many SQL queries a GET of `path` makes.
    """
    queue = Queue.objects.get(slug=QUEUE)
    have = Approval.objects.waiting().count()
    for start in range(have, int(upto), BATCH):
        numbers = range(start, min(start + BATCH, int(upto)))
        Approval.objects.bulk_create(_seeded(queue, number) for number in numbers)
    queue.touch()
    return {"waiting": Approval.objects.waiting().count(), "queries": _queries(path)}


def _seeded(queue: Queue, number: int) -> Approval:
    payload = {"invoice": f"INV-{number}", "to": "Norrland Timber AB", "amount": f"{number}.00"}
    now = timezone.now()
    due = now + timedelta(hours=1, seconds=number % 86400)
    return Approval(
        workflow_id=f"seeded-{number}",
        run_id=str(uuid.uuid4()),
        workflow_type=contract.GUARDED_TASK,
        title=f"Pay €{number}.00 to Norrland Timber AB",
        details="Seeded by the benchmark: **no workflow waits for this**.",
        payload=payload,
        payload_sha256=contract.sha256(payload),
        risk=contract.RISKS[number % len(contract.RISKS)],
        requester="billing",
        requester_identity="billing",
        queue=queue,
        quorum=1,
        due_at=due if number % 4 else None,
        **({"due_sort": due} if number % 4 else {}),
        on_timeout="reject",
        opened_at=now - timedelta(seconds=number % 86400),
    )


def _queries(path: str) -> int:
    """Those for session, user and the frame of the page included."""
    browser = _signed_in(User.objects.get(username="reviewer-0"))
    browser.get(path)  # what is only asked once a process does not count
    with CaptureQueriesContext(connection) as captured:
        answer = browser.get(path)
    if answer.status_code != 200:
        sys.exit(f"GET {path} answered {answer.status_code}.")
    return len(captured)


COMMANDS = {each.__name__: each for each in (prepare, waiting, acknowledged, seed)}

if __name__ == "__main__":
    json.dump(COMMANDS[sys.argv[1]](*sys.argv[2:]), sys.stdout)
