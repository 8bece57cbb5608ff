"""Starting and scheduling from the shell."""

import io
import json
import os
import subprocess
import sys
import uuid

import pytest
from django.core.management import CommandError, call_command

from approvals.models import Approval
from tests.desk import Flow, until


def manage(*args):
    said = io.StringIO()
    call_command(*args, stdout=said)
    return said.getvalue().strip()


def refused(*args):
    with pytest.raises(CommandError) as refusal:
        manage(*args)
    return str(refusal.value)


@pytest.fixture
def name():
    return uuid.uuid4().hex[:12]


def started(desk, *args):
    answer = json.loads(manage("start", *args, "--json"))
    assert answer.keys() == {"workflow_id", "run_id"}
    desk.flows.append(Flow(answer["workflow_id"], answer["run_id"]))
    return desk.flows[-1]


def test_a_reader_that_leaves_early_is_no_fault():
    code = (
        "import sys; from orchestrator.commands import DeskCommand as Desk;"
        "Desk.work = lambda self, **o: [self.stdout.write('x' * 999) for _ in range(999)];"
        "import django; django.setup(); Desk().run_from_argv(['manage.py', 'long'])"
    )
    environ = os.environ | {"DJANGO_SETTINGS_MODULE": "orchestrator.settings"}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", code], env=environ, **pipes) as long:
        long.stdout.readline()
        long.stdout.close()
        assert long.stderr.read() == b""
    assert long.returncode == 141


class TestStart:
    def test_waits_for_an_approval_of_what_was_given(self, desk, worker, people):
        flow = started(
            desk, "Pay Acme", "--payload", '{"n": 1}', "--requester", "amira",
            "--quorum", "2", "--due", "600", "--risk", "high",
        )  # fmt: skip
        row = flow.approval()
        assert (row.title, row.payload, row.requester_user) == ("Pay Acme", {"n": 1}, people.amira)
        assert (row.quorum, row.risk) == (2, "high")
        assert row.due_at is not None

    def test_says_its_id_to_a_person(self, desk, name):
        said = manage("start", "Pay Acme", "--id", name)
        assert said == f"Started workflow with ID: task-{name}"
        desk.flows.append(Flow(f"task-{name}", ""))

    def test_the_same_id_again_is_the_same_workflow(self, desk, worker, people, name):
        first = started(desk, "Pay Acme", "--id", name)
        again = started(desk, "Pay Acme", "--id", name)
        assert (first.id, first.run_id) == (again.id, again.run_id)
        first.approval().decide(people.mei, "approve")
        first.result()
        ended = started(desk, "Pay Acme", "--id", name)
        assert ended.run_id == first.run_id
        assert Approval.objects.count() == 1

    @pytest.mark.parametrize(
        ("args", "sentence"),
        [
            (["--payload", "{"], "--payload is not JSON: Expecting"),
            (["--payload", "[1]"], "`payload` must be a JSON object, not a list."),
            (["--payload", '{"n": NaN}'], "not JSON that every program reads alike"),
            (["--payload", '{"n": 1e999}'], "not JSON that every program reads alike"),
            (["--queue", "No Slug"], "`queue` must be a slug such as `payments`."),
            (["--quorum", "0"], "`quorum` must be a whole number from 1 to 50."),
            (["--due", "-1"], "`due_seconds` must be a whole number from 1"),
            (["--risk", "none"], "`risk` must be one of low, medium, high, critical."),
        ],
        ids=lambda value: " ".join(value) if isinstance(value, list) else "",
    )
    def test_what_cannot_be_asked_is_said_before_it_starts(self, args, sentence):
        assert sentence in refused("start", "Pay Acme", *args)

    def test_nothing_to_do(self):
        assert "`title` is missing" in refused("start", " ")


class TestSchedule:
    def listed(self, name):
        found = json.loads(manage("schedule", "list", "--json"))["schedules"]
        return next((each for each in found if each["id"] == name), None)

    def test_a_whole_life(self, desk, worker, people, name):
        said = manage("schedule", "create", name, "--every", "1h", "Check the invoices")
        assert said == f"Schedule {name} starts “Check the invoices” every 1:00:00."
        until(lambda: self.listed(name))
        assert self.listed(name)["task"] == "Check the invoices"
        manage("schedule", "trigger", name)
        row = until(Approval.objects.first)
        assert row.title == "Check the invoices"
        desk.flows.append(Flow(row.workflow_id, row.run_id))
        manage("schedule", "pause", name)
        until(lambda: self.listed(name)["paused"])
        assert "paused" in manage("schedule", "list")
        manage("schedule", "resume", name)
        until(lambda: not self.listed(name)["paused"])
        assert manage("schedule", "delete", name) == f"Schedule {name} is deleted."
        until(lambda: self.listed(name) is None)

    def test_a_name_that_is_taken(self, desk, name):
        manage("schedule", "create", name, "--every", "1h", "Check")
        assert f"A schedule named {name} exists." in refused(
            "schedule", "create", name, "--every", "1h", "Check"
        )
        manage("schedule", "delete", name)

    @pytest.mark.parametrize("verb", ["pause", "resume", "trigger", "delete"])
    def test_an_unknown_name(self, desk, verb):
        assert refused("schedule", verb, "nowhere") == "There is no schedule named nowhere."

    @pytest.mark.parametrize("every", ["0s", "15", "1w", "-5m", "1.5h", ""])
    def test_a_strange_interval(self, every):
        message = refused("schedule", "create", "x", f"--every={every}", "Check")
        assert "15s, 10m, 2h or 1d" in message

    def test_a_task_that_cannot_be_asked(self, name):
        assert "not JSON" in refused(
            "schedule", "create", name, "--every", "1h", "Check", "--payload", "{"
        )
