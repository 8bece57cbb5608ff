"""Deciding from the shell: the same rules as a click, one clear sentence when it does not work."""

import io
import json
import stat
import subprocess
import sys

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

from approvals.models import Approval, Decision
from orchestrator import client, contract, embedded, signing
from orchestrator import worker as workers
from tests.desk import a_request, a_row, working
from tests.orchestrator import flows


def manage(*args):
    said = io.StringIO()
    call_command(*args, stdout=said)
    return said.getvalue().strip()


def refused(*args):
    with pytest.raises(CommandError) as refusal:
        manage(*args)
    return str(refusal.value)


@pytest.fixture
def row(people, monkeypatch):
    monkeypatch.setattr(client, "send_decision", lambda envelope: None)
    return a_row(people)


class TestApprove:
    def test_by_the_approvals_id(self, desk, worker, people):
        flow = desk.task()
        row = flow.approval()
        said = manage("approve", str(row.pk), "--as", "mei", "--comment", "Fine.")
        assert said == "Approved: Pay €120.00 to Acme. Sent to the workflow."
        assert flow.result()["outcome"] == "approved"
        decision = Decision.objects.get()
        assert (decision.channel, decision.comment, decision.reviewer) == (
            "shell", "Fine.", people.mei,
        )  # fmt: skip

    def test_by_the_workflows_id(self, desk, worker, people):
        flow = desk.task()
        flow.approval()
        answer = json.loads(manage("approve", flow.id, "--as", "mei", "--json"))
        assert answer.keys() >= {"decision_id", "approval_id", "workflow_id", "delivery"}
        assert answer["workflow_id"] == flow.id
        assert flow.result()["approval"]["decisions"][0]["channel"] == "shell"

    def test_by_the_parents_id(self, desk, worker, people):
        with working(flows.QUEUE, workflows=flows.ALL, activities=workers.activities()):
            parent = desk.start("Parent", a_request(), queue=flows.QUEUE)
            desk.child_of(parent)
            manage("approve", parent.id, "--as", "mei")
            assert parent.result()["outcome"] == "approved"

    def test_an_unknown_id(self, people):
        message = "No approval and no workflow has the id nowhere. See: manage.py pending"
        assert refused("approve", "nowhere", "--as", "mei") == message

    def test_an_id_with_several_that_wait_lists_them(self, row, people):
        other = a_row(people, parent_workflow_id="parent", title="Second")
        Approval.objects.filter(pk=row.pk).update(parent_workflow_id="parent")
        message = refused("approve", "parent", "--as", "mei")
        assert message.startswith("parent waits for several approvals; name one of them:")
        assert str(row.pk) in message
        assert f"{other.pk}  Second" in message
        assert not Decision.objects.exists()

    def test_an_unknown_user(self, row, people):
        message = refused("approve", str(row.pk), "--as", "nobody")
        assert message == "There is no active user nobody. Say who decides: --as USER"

    def test_somebody_else(self, row, people):
        assert "General reviewers decide this" in refused("approve", str(row.pk), "--as", "amira")
        assert not Decision.objects.exists()

    def test_what_was_decided(self, row, people):
        manage("approve", str(row.pk), "--as", "mei")
        message = refused("approve", str(row.pk), "--as", "lena")
        assert "mei approved it at" in message

    def test_what_is_over(self, row, people):
        row.end("cancelled", "The workflow was terminated.")
        message = refused("approve", row.workflow_id, "--as", "mei")
        assert "waits for nothing" in message
        assert "terminated" in message

    def test_temporal_away_is_recorded_and_said(self, people, monkeypatch, transactional_db):
        def away(envelope):
            raise client.Unreachable("away")

        monkeypatch.setattr(client, "send_decision", away)
        said = manage("approve", str(a_row(people).pk), "--as", "mei")
        assert said.endswith("It will be sent by the worker.")

    def test_a_workflow_that_is_gone(self, desk, people):
        message = refused("approve", str(a_row(people).pk), "--as", "mei")
        assert message.startswith("Recorded, but refused:")


class TestReject:
    def test_needs_a_comment(self, row, people):
        assert "Say why you are rejecting" in refused("reject", str(row.pk), "--as", "mei")

    def test_with_one(self, desk, worker, people):
        flow = desk.task()
        flow.approval()
        said = manage("reject", flow.id, "--as", "mei", "--comment", "Wrong IBAN.")
        assert said == "Rejected: Pay €120.00 to Acme. Sent to the workflow."
        assert flow.result()["reason"] == "Wrong IBAN."


@pytest.mark.parametrize("command", ["pending", "explain", "approve"])
def test_no_title_writes_over_the_terminal(people, command):
    row = a_row(people, title="Pay \x1b[2J\u202eemca\nAll is well")
    given = {"pending": [], "explain": [str(row.pk)], "approve": [str(row.pk), "--as", "mei"]}
    said = manage(command, *given[command])
    assert "Pay \\u001b[2J\\u202eemca\\nAll is well" in said


def test_nor_does_one_among_several(people):
    for title in ("Pay \x1b[2J", "Another"):
        a_row(people, title=title, parent_workflow_id="parent")
    assert "Pay \\u001b[2J" in refused("approve", "parent", "--as", "mei")


class TestPending:
    def test_as_json(self, people):
        row = a_row(people, parent_workflow_id="parent")
        (found,) = json.loads(manage("pending", "--json"))
        assert found == {
            "approval_id": str(row.pk),
            "workflow_id": row.workflow_id,
            "run_id": row.run_id,
            "parent_workflow_id": "parent",
            "title": row.title,
            "queue": "general",
            "due_at": None,
        }

    def test_nothing(self, people):
        assert manage("pending") == "Nothing is waiting."
        assert json.loads(manage("pending", "--json")) == []

    def test_for_people(self, people):
        row = a_row(people)
        said = manage("pending")
        assert str(row.pk) in said
        assert "no deadline" in said

    def test_of_a_queue(self, people):
        a_row(people)
        assert json.loads(manage("pending", "--queue", "other", "--json")) == []

    def test_without_what_is_decided(self, row, people):
        row.decide(people.mei, "approve")
        assert manage("pending") == "Nothing is waiting."


class TestKeys:
    @pytest.fixture
    def empty(self, settings, tmp_path):
        settings.VAR = tmp_path
        return tmp_path

    def test_made_once(self, empty):
        assert manage("keys").startswith("Made signing key ")
        assert stat.S_IMODE((empty / signing.PRIVATE_FILE).stat().st_mode) == 0o600
        before = (empty / signing.PRIVATE_FILE).read_bytes()
        assert manage("keys") == "There is a signing key already; --rotate makes a new one."
        assert (empty / signing.PRIVATE_FILE).read_bytes() == before

    def test_rotated_listed_and_revoked(self, empty):
        manage("keys")
        (old,) = signing.read_ring(empty)
        manage("keys", "--rotate")
        assert len(signing.read_ring(empty)) == 2
        said = manage("keys", "--revoke", old)
        assert said == f"Key {old} is revoked: workers refuse what it signed."
        lines = manage("keys", "--list").splitlines()
        assert [line.split()[0] for line in lines] == list(signing.read_ring(empty))
        assert "revoked" in lines[0]
        assert lines[1].endswith("valid")

    def test_an_unknown_one(self, empty):
        manage("keys")
        assert (
            refused("keys", "--revoke", "x") == "The ring has no key x. See: manage.py keys --list"
        )


class TestExitCodes:
    """In a process of its own: exit code 1, one sentence, and no traceback."""

    def run(self, environment, *args):
        done = subprocess.run(
            [sys.executable, "manage.py", *args],
            cwd=settings.BASE_DIR,
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
        )
        return done.returncode, done.stdout, done.stderr

    def test_of_an_error(self, transactional_db, people, child_environment):
        code, said, trouble = self.run(child_environment(), "approve", "nowhere", "--as", "mei")
        assert (code, said) == (1, "")
        assert trouble.strip() == (
            "CommandError: No approval and no workflow has the id nowhere. See: manage.py pending"
        )

    def test_of_temporal_away(self, transactional_db, people, child_environment):
        address = f"{embedded.HOST}:{embedded.free_port()}"
        environment = child_environment(TEMPORAL_ADDRESS=address)
        code, said, trouble = self.run(environment, "start", "Pay Acme")
        assert (code, said) == (1, "")
        lines = trouble.strip().splitlines()
        assert len(lines) == 1, trouble
        assert f"Temporal at {address} does not answer." in lines[0]
        assert "manage.py temporal" in lines[0]

    def test_of_success(self, desk, people, child_environment):
        code, said, _trouble = self.run(child_environment(), "start", "Pay Acme", "--id", "e1")
        assert (code, said.strip()) == (0, "Started workflow with ID: task-e1")
        assert contract.workflow_id("task", "e1") == "task-e1"
