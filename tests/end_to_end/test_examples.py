"""The programs in examples/ do what their pages say."""

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
from django.conf import settings

from approvals.models import Approval, Queue
from tests.desk import until

A_START = 40  # seconds for a new Python with a worker of its own, on a busy machine


@pytest.fixture
def program(desk, people, child_environment) -> Callable[..., str]:
    """Run one, decide what it asks; what it printed."""
    for slug in ("payments", "deploys"):
        Queue.objects.create(slug=slug, name=slug.title()).reviewers.add(people.mei, people.lena)

    def run(line: str, by: Any, verdict: str, comment: str = "", times: int = 1) -> str:
        running = subprocess.Popen(
            [sys.executable, *line.split()],
            cwd=settings.BASE_DIR,
            env=child_environment(),
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            for _ in range(times):
                approval = until(lambda: Approval.objects.waiting().first(), "asked", A_START)
                approval.decide(by, verdict, comment)
            said, _ = running.communicate(timeout=A_START)
        finally:
            running.kill()
            running.wait()
        assert running.returncode == 0
        return said

    return run


class TestFirstWorkflow:
    def test_pays_what_was_approved(self, worker, people, program):
        said = program("examples/first_workflow.py", people.mei, "approve")
        assert "Paid €120.00 to Halcyon Freight Ltd" in said

    def test_does_not_pay_what_was_rejected(self, worker, people, program):
        said = program("examples/first_workflow.py", people.mei, "reject", "No order for it.")
        assert "Not paid, rejected: No order for it." in said


class TestOwnStep:
    def test_asks_twice_without_the_desks_worker(self, people, program):
        said = program("-m examples.own_step", people.lena, "approve", times=2)
        assert "shop 4.19.0 is in production." in said
