"""Whatever is signalled by whoever reaches Temporal: nothing is approved, nothing is wedged."""

import asyncio
import json
import random
import subprocess
import time
import uuid

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.conf import settings
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import SignalWorkflowExecutionRequest

from approvals.models import AuditEntry, Decision
from orchestrator import client, contract, embedded, signing
from tests.desk import a_row, envelope_for, recorded, temporal_payload, until

SIGNALS = 600
# The server takes 10,000 signals a run; some of them are left for those that are meant well.
FLOOD = 2_000
FORGED = 400


@pytest.fixture
def forger():
    """Somebody with a key, though not one of the ring."""
    return signing.Signer(Ed25519PrivateKey.generate())


class Hostile:
    """Makes signals, each of them wrong in another way; the seed makes a failure repeatable."""

    def __init__(self, row, people, forger, seed=20):
        self.row, self.people, self.forger = row, people, forger
        self.random = random.Random(seed)
        self.elsewhere = a_row(people, payload={"amount": "1.00"})
        self.good = envelope_for(row, people.mei)  # never sent as it is

    def signal(self):
        """The payloads of one signal."""
        return getattr(self, self.random.choice(KINDS))()

    def wrong_number(self):
        number = self.random.choice([0, 2, 3, 5])
        return [encoded(self.random.choice([self.good, None, "approve"])) for _ in range(number)]

    def wrong_type(self):
        strange = [None, True, 0, -1, 1e308, "", "approve", [], [self.good], {}, {"verdict": 1}]
        return [encoded(self.random.choice(strange))]

    def not_json(self):
        data = self.random.randbytes(self.random.randint(0, 300))
        encodings = [b"json/plain", b"binary/plain", b"binary/protobuf", b"json/protobuf", b"x/y"]
        encodings += [b"binary/null", b"", b"\xff\xfe"]
        return [temporal_payload(data, self.random.choice(encodings))]

    def unsigned(self):
        body = self.good["body"]
        strange = [body, {"body": body}, {**self.good, "signature": ""}]
        strange += [{**self.good, "signature": None}, {**self.good, "key_id": None}]
        strange += [{**self.good, "more": 1}]
        return [encoded(self.random.choice(strange))]

    def forged(self):
        return [encoded(self.forger.sign({**self.good["body"], "decision_id": str(uuid.uuid4())}))]

    def forged_with_our_name(self):
        envelope = self.forger.sign(self.good["body"])
        return [encoded({**envelope, "key_id": self.good["key_id"]})]

    def for_another_run(self):
        return [encoded(envelope_for(self.row, self.people.mei, run_id=str(uuid.uuid4())))]

    def for_another_approval(self):
        return [encoded(envelope_for(self.elsewhere, self.people.mei, run_id=self.row.run_id))]

    def for_another_payload(self):
        other = contract.sha256({"amount": "120000.00"})
        return [encoded(envelope_for(self.row, self.people.mei, payload_sha256=other))]

    def altered(self):
        body = dict(self.good["body"])
        name = self.random.choice(list(body))
        body[name] = self.random.choice(["reject", "x", None, 0, [], {"id": "1"}, body["run_id"]])
        changed = body != self.good["body"]
        return [encoded({**self.good, "body": body if changed else {}})]

    def altered_signature(self):
        other = self.random.choice(["AAAA", "=", "ü", "A" * 88, self.good["signature"][:-2] + "=="])
        if other == self.good["signature"]:
            other = "A" * 88
        return [encoded({**self.good, "signature": other})]

    def huge(self):
        long = "x" * self.random.choice([10_000, 60_000])
        where = self.random.choice(["comment", "decision_id", "approval_id", long[:200]])
        return [encoded({**self.good, "body": {**self.good["body"], where: long}})]

    def unknown_verdict(self):
        verdict = self.random.choice(
            ["Approve", "yes", "", "APPROVE", "approved", " approve", "ok"]
        )
        return [encoded(envelope_for(self.row, self.people.mei, verdict=verdict))]

    def half_a_body(self):
        body = dict(self.good["body"])
        for name in self.random.sample(list(body), self.random.randint(1, len(body))):
            del body[name]
        return [encoded({**self.good, "body": body})]

    def nested(self):
        value: object = "approve"
        for _ in range(self.random.randint(1, 200)):
            value = {"body": value, "key_id": value} if self.random.random() < 0.02 else [value]
        return [encoded({**self.good, "body": {"comment": value}})]


KINDS = [name for name in vars(Hostile) if name != "signal" and not name.startswith("_")]


def encoded(value):
    return temporal_payload(json.dumps(value).encode())


def send(flow, signals, at_once=16):
    """All of them, several at a time."""

    async def one(temporal, gate, payloads):
        request = SignalWorkflowExecutionRequest(
            namespace=temporal.namespace,
            workflow_execution=WorkflowExecution(workflow_id=flow.id, run_id=flow.run_id),
            signal_name=contract.DECIDE,
            request_id=str(uuid.uuid4()),
        )
        request.input.payloads.extend(payloads)
        async with gate:
            await temporal.workflow_service.signal_workflow_execution(request)

    async def everything(temporal):
        gate = asyncio.Semaphore(at_once)
        await asyncio.gather(*(one(temporal, gate, payloads) for payloads in signals))

    client.bridge.call(everything, 120)


class TestHostileSignals:
    def test_none_of_hundreds_approves_and_none_wedges(self, desk, worker, people, forger):
        flow = desk.task()
        hostile = Hostile(flow.waiting(), people, forger)
        send(flow, [hostile.signal() for _ in range(SIGNALS)])
        assert flow.status == "running"
        assert flow.agent_runs() == 0
        assert flow.snapshot().counted == []
        began = time.monotonic()
        flow.approval().decide(people.mei, "approve")
        assert flow.result()["outcome"] == "approved"
        assert time.monotonic() - began < 5
        assert flow.agent_runs() == 1
        assert not flow.wedged()

    @pytest.mark.parametrize("kind", KINDS)
    def test_each_kind_by_itself(self, desk, worker, people, forger, kind):
        flow = desk.task()
        hostile = Hostile(flow.waiting(), people, forger)
        for _ in range(6):
            flow.signal_raw(getattr(hostile, kind)())
        flow.approval().decide(people.lena, "approve")
        answer = flow.result()
        assert [each["reviewer"] for each in answer["approval"]["decisions"]] == ["lena"]
        assert not flow.wedged()

    def test_a_replayed_decision_counts_once(self, desk, worker, people):
        flow = desk.task(quorum=2)
        row = flow.approval()
        envelope = row.decide(people.mei, "approve").envelope
        send(flow, [[encoded(envelope)]] * 50)
        assert flow.status == "running"
        row.decide(people.lena, "approve")
        decisions = flow.result()["approval"]["decisions"]
        assert [each["reviewer"] for each in decisions] == ["mei", "lena"]

    def test_a_real_one_is_not_marked_by_a_forged_one(self, desk, worker, people, forger):
        """Who knows a decision's id cannot make the desk show it as refused."""
        flow = desk.task()
        decision = recorded(flow.waiting(), people.mei)
        flow.signal(forger.sign(decision.envelope["body"]))
        until(lambda: AuditEntry.objects.filter(action="forged").exists())
        decision.refresh_from_db()
        assert decision.delivery == "recorded"
        assert decision.deliver()
        assert flow.result()["outcome"] == "approved"
        until(lambda: Decision.objects.get(pk=decision.pk).delivery == "applied")

    def test_reviewers_keys_are_not_enough(self, desk, worker, people):
        """The requester's decision is refused by the workflow too, whoever signed it."""
        flow = desk.task(requester="amira")
        row = flow.waiting()
        flow.signal(envelope_for(row, people.amira))
        until(lambda: AuditEntry.objects.filter(action="forged").exists())
        assert flow.status == "running"
        assert flow.snapshot().refused[0].refusal == "Its author asked for this."

    def test_other_signals_and_queries_do_no_harm(self, desk, worker, people):
        flow = desk.task()
        row = flow.approval()
        flow.signal("approve", name="approve")
        flow.signal({}, name="__temporal_x")
        row.decide(people.mei, "approve")
        assert flow.result()["outcome"] == "approved"

    def test_the_temporal_cli_approves_nothing(self, desk, worker, people):
        flow = desk.task()
        row = flow.waiting()
        for text in ('{"verdict": "approve"}', '"approve"', "true"):
            line = [str(embedded.binary()), "workflow", "signal", "--address", client.address()]
            line += ["--workflow-id", flow.id, "--name", "decide", "--input", text]
            subprocess.run(line, check=True, capture_output=True)
        until(lambda: flow.snapshot().noise == 3)
        assert (flow.status, flow.agent_runs()) == ("running", 0)
        row.refresh_from_db()
        assert row.state == "waiting"
        assert not Decision.objects.exists()


class TestFlood:
    def test_thousands_hold_nothing_up(self, desk, worker, people, forger):
        flow = desk.task()
        row = flow.waiting()
        rubbish = [encoded({"verdict": "approve", "n": 1})]
        forged = [encoded(forger.sign({**envelope_for(row, people.mei)["body"], "n": n}))
                  for n in range(FORGED)]  # fmt: skip
        signals = [rubbish] * (FLOOD - FORGED) + [[each] for each in forged]
        random.Random(1).shuffle(signals)
        send(flow, signals, at_once=50)
        began = time.monotonic()
        row.decide(people.mei, "approve")
        assert flow.result(30)["outcome"] == "approved"
        assert time.monotonic() - began < 5
        assert flow.agent_runs() == 1

    def test_of_forged_ones_fills_no_audit_trail(self, desk, worker, people, forger):
        flow = desk.task()
        body = envelope_for(flow.waiting(), people.mei)["body"]
        forged = [forger.sign({**body, "decision_id": str(uuid.uuid4())}) for _ in range(300)]
        send(flow, [[encoded(each)] for each in forged])
        until(lambda: self.told() >= 300)
        assert AuditEntry.objects.filter(action="forged").count() < 300

    def told(self):
        entries = AuditEntry.objects.filter(action="forged")
        return sum(each.detail["signals"] for each in entries)


def test_what_is_signed_leaves_no_trace_of_the_private_key(desk, worker, people):
    flow = desk.task()
    flow.approval().decide(people.mei, "approve")
    flow.result()
    secret = (settings.VAR / signing.PRIVATE_FILE).read_text().split("\n")[1]
    history = "".join(str(each) for each in client.history(flow.id, flow.run_id))
    assert secret not in history
    assert secret not in json.dumps(Decision.objects.get().envelope)
