"""From the shell to the effect: server, worker and commands as an operator runs them."""

import json
import subprocess
import sys
import time

import pytest
from django.conf import settings

from approvals.models import Approval, AuditEntry, Decision
from tests.desk import Flow, until


@pytest.fixture
def manage(child_environment):
    """Runs a command in a process of its own: (exit code, what it printed, what it complained)."""

    def run(*args):
        done = subprocess.run(
            [sys.executable, "manage.py", *args],
            cwd=settings.BASE_DIR,
            env=child_environment(),
            capture_output=True,
            text=True,
            timeout=60,
        )
        return done.returncode, done.stdout.strip(), done.stderr.strip()

    return run


@pytest.fixture
def worker_process(desk, child_environment, tmp_path):
    log = tmp_path / "worker.log"
    with open(log, "wb") as file:
        process = subprocess.Popen(
            [sys.executable, "manage.py", "worker"],
            cwd=settings.BASE_DIR,
            env=child_environment(),
            stdout=file,
            stderr=file,
        )
    yield process
    process.terminate()
    assert process.wait(30) == 0, log.read_text()


class TestPipeline:
    def test_started_approved_and_done(self, desk, worker_process, people, manage):
        code, said, _trouble = manage(
            "start", "Pay €120.00 to Acme", "--payload", '{"amount": "120.00"}', "--json"
        )
        assert code == 0
        started = json.loads(said)
        flow = Flow(started["workflow_id"], started["run_id"])
        desk.flows.append(flow)
        row = flow.approval()
        code, said, _trouble = manage("approve", flow.id, "--as", "mei", "--json")
        assert code == 0
        assert json.loads(said)["approval_id"] == str(row.pk)
        answer = flow.result(20)
        assert answer["outcome"] == "approved"
        assert answer["result"]["payload_sha256"] == row.payload_sha256
        assert flow.closed().state == "approved"
        decision = Decision.objects.get()
        assert (decision.channel, decision.delivery) == ("shell", "applied")

    def test_every_effect_traces_back_to_a_signature(self, desk, worker_process, people):
        """What the agent did ← the outcome ← a recorded, signed decision ← the audit."""
        flows = [desk.task(payload={"n": number}) for number in range(8)]
        began = time.monotonic()
        for number, flow in enumerate(flows):
            verdict = "reject" if number % 4 == 3 else "approve"
            flow.approval().decide(people.mei, verdict, "Because.")
        for number, flow in enumerate(flows):
            answer = flow.result(20)
            row = flow.closed()
            decision = row.decisions.get()
            assert flow.agent_runs() == (number % 4 != 3)
            assert answer["approval"]["decisions"][0]["id"] == str(decision.pk)
            assert decision.envelope["body"]["payload_sha256"] == row.payload_sha256
            entries = AuditEntry.objects.filter(approval=row)
            names = list(entries.order_by("pk").values_list("action", flat=True))
            assert names == ["opened", decision.verdict, "applied", row.state]
        assert time.monotonic() - began < 20
        until(lambda: not Decision.objects.undelivered().exists())
        assert not Approval.objects.filter(state="waiting").exists()
