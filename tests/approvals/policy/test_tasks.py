"""Guarded tasks under rules, on a real Temporal server."""

import pytest

from approvals.models import AuditEntry, PolicyCheck, Queue, WorkflowRun
from approvals.policy import judging
from approvals.policy.evaluator import Unavailable
from tests.approvals.policy.tables import allow, ask, deny
from tests.desk import envelope_for, until

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_rule_allows_and_nobody_is_asked(desk, worker, use):
    version = use(allow("amount(payload.amount) < 500.0", "small", reason="Small."))
    flow = desk.task()
    answer = flow.result()
    assert (answer["outcome"], answer["reason"]) == ("approved", "Small.")
    assert answer["policy"] == {"verdict": "allow", "rule": "small", "reason": "Small."}
    assert (flow.approvals, flow.agent_runs()) == ([], 1)
    entry = AuditEntry.objects.get(action="allow")
    assert (entry.actor_name, entry.run_id) == ("rule small", flow.run_id)
    assert (entry.detail["version"], entry.detail["sha256"]) == (1, version.sha256)
    check = WorkflowRun.objects.get(run_id=flow.run_id).policy
    assert (check.request["payload"], check.task) == ({"amount": "120.00"}, "Pay €120.00 to Acme")


def test_a_rule_denies_and_nothing_is_done(desk, worker, use):
    use(allow("true"), deny("payload.amount == '120.00'", "large"))
    flow = desk.task()
    answer = flow.result()
    assert (answer["outcome"], answer["policy"]["rule"]) == ("denied", "large")
    assert flow.agent_runs() == 0
    assert AuditEntry.objects.get(action="deny").detail["version"] == 1


def test_a_rule_that_cannot_be_evaluated_denies(desk, worker, use):
    use(deny("payload.sum > 5.0", "sum"), allow("true"))
    answer = desk.task().result()
    assert answer["outcome"] == "denied"
    assert "Use has(payload.sum) first." in answer["reason"]


def test_a_rule_makes_the_request_stricter(desk, worker, use, people):
    payments = Queue.objects.create(slug="payments", name="Payments")
    payments.reviewers.add(people.mei, people.lena)
    use(allow("true"), ask("true", queue="payments", quorum=2, risk="high", due_seconds=600))
    flow = desk.task(requester="amira")
    approval = flow.waiting()
    assert (approval.queue, approval.quorum, approval.risk) == (payments, 2, "high")
    assert (approval.due_at - approval.opened_at).total_seconds() == 600
    check = PolicyCheck.objects.get()
    assert (check.request["queue"], check.asks["queue"]) == ("general", "payments")
    for each in (people.mei, people.lena):
        flow.signal(envelope_for(approval, each))
    assert flow.result()["outcome"] == "approved"


def test_an_edit_of_the_rules_leaves_what_waits_alone(desk, worker, use, people):
    use(ask("true", quorum=2))
    flow = desk.task()
    flow.waiting()
    use(deny("true"))
    approval = flow.waiting()
    assert (approval.quorum, approval.state) == (2, "waiting")
    assert desk.task().result()["outcome"] == "denied"


def test_what_was_not_checked_is_tried_again(desk, worker, use, monkeypatch):
    use(allow("true"))
    evaluate, tries = judging.evaluate, []

    def once(*given):
        tries.append(1)
        if len(tries) < 3:
            raise Unavailable("It is away.")
        return evaluate(*given)

    monkeypatch.setattr(judging, "evaluate", once)
    assert desk.task().result()["outcome"] == "approved"
    assert len(tries) == 3


def test_what_cannot_be_checked_is_denied_in_the_end(desk, worker, use, monkeypatch):
    use(allow("true"))

    def never(*_given):
        raise Unavailable("It is away.")

    monkeypatch.setattr(judging, "evaluate", never)
    flow = desk.task()
    answer = until(lambda: flow.result(), "denied", 60)
    assert answer["outcome"] == "denied"
    assert answer["reason"] == "Policy was not checked: It is away."
    assert answer["policy"]["rule"] == "not-checked"
