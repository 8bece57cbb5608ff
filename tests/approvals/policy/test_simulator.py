"""The simulator: what a draft would have made of real requests, and that nothing is changed."""

import json
from datetime import UTC, datetime

import pytest
from django.apps import apps
from django.core.management import call_command

from approvals import policy
from approvals.models import Approval, PolicyCheck, Queue, WorkflowRun
from approvals.policy import simulator
from approvals.policy.simulator import Simulation
from approvals.policy.table import Table
from orchestrator.contract import Request, Run
from tests.approvals.policy.tables import allow, ask, deny
from tests.desk import a_row, an_opened


def everything() -> str:
    """All rows of the desk."""
    models = [
        *apps.get_app_config("approvals").get_models(),
        *apps.get_app_config("auth").get_models(),
    ]
    rows = {each.__name__: list(each.objects.order_by("pk").values()) for each in models}
    return json.dumps(rows, default=str)


def simulated(*rules, last=500) -> Simulation:
    return Simulation.of(Table(rules), last)


def a_check(
    run_id: str, task: str = "Pay", approval: Approval | None = None, **request
) -> PolicyCheck:
    """What `check_policy` leaves of a run; with an `approval`, what its opening does."""
    read = Request.read({"title": task, **request})
    finding = policy.judge(task, read, workflow_type="GuardedTask")
    said = {"verdict": finding.verdict, "rule": finding.rule, "reason": finding.reason}
    run = WorkflowRun.note(Run(f"w-{run_id}", run_id, "GuardedTask"), read, **said)
    return PolicyCheck.note(run, finding, task, read, approval)


@pytest.fixture
def payments(people) -> Queue:
    return Queue.objects.create(slug="payments", name="Payments", quorum=2)


class TestSimulation:
    def test_says_what_would_have_gone_another_way(self, people, payments):
        a_row(people, title="Small", payload={"amount": "€12.00"})
        a_row(people, title="Large", payload={"amount": "€900.00"})
        a_row(people, title="Middle", payload={"amount": "€100.00"})
        found = simulated(
            allow("amount(payload.amount) < 50.0", "small"),
            ask("amount(payload.amount) > 500.0", "large", queue="payments", stages=("general",)),
        )
        titles = {each.past.request.title: each for each in found.differences}
        assert set(titles) == {"Small", "Large"}
        assert str(titles["Small"].before) == "asked: 1 of general"
        assert (str(titles["Small"].after), titles["Small"].rule) == ("allowed", "small")
        assert str(titles["Large"].after) == "asked: 2 of payments, then general"
        assert found.changed_verdicts == [("asked", "allowed", 1)]
        assert found.lengths == [("general", 3, 2), ("payments", 0, 1)]
        assert found.rules == {"small": 1, "large": 1}
        assert found.words() == "2 of 3 requests would have gone another way."

    def test_says_who_would_have_been_asked(self, people):
        a_row(people)
        found = simulated(ask(quorum=3, groups=("Finance", "Security")))
        words = "asked: 3 of general, one each of Finance, Security"
        assert str(found.differences[0].after) == words

    def test_sees_what_the_rules_saw_then(self, people, payments, use):
        use(ask("true", queue="payments", quorum=3))
        row = a_row(people, run_id="r1", queue=payments, quorum=3, payload={"amount": "9"},
                    opened_at=datetime(2026, 1, 3, 3, tzinfo=UTC))  # fmt: skip
        check = a_check("r1", "Pay the whole of it", row, requester="amira")
        assert check.request["queue"] == "general"
        same = simulated(ask("queue == 'general' && task == 'Pay the whole of it' && "
                             "payload.amount == '9' && now.getHours() == 3 && requester == 'amira'",
                             queue="payments", quorum=3))  # fmt: skip
        assert (same.seen, same.differences) == (1, [])
        other = simulated()
        assert str(other.differences[0].before) == "asked: 3 of payments"
        assert str(other.differences[0].after) == "asked: 1 of general"

    def test_looks_at_what_asked_nobody(self, people, use):
        use(allow("payload.amount == '5'"), deny("payload.amount == '6'"))
        a_check("r1", payload={"amount": "5"})
        a_check("r2", payload={"amount": "6"})
        found = simulated(ask("payload.amount == '5'"), allow("payload.amount == '6'"))
        assert sorted(found.changed_verdicts) == [("allowed", "asked", 1), ("denied", "allowed", 1)]
        assert found.lengths == [("general", 0, 1)]

    def test_looks_once_at_an_approval_that_a_rule_settled(self, people, use):
        use(allow("true"))
        an_opened()
        found = simulated(ask("true"))
        assert found.changed_verdicts == [("allowed", "asked", 1)]

    def test_counts_what_could_not_be_evaluated(self, people):
        for _n in range(3):
            a_row(people)
        found = simulated(deny("payload.amonut > 5.0", "oops"))
        why = "payload.amonut does not exist. Use has(payload.amonut) first."
        words = f"Rule oops cannot be evaluated: {why}"
        assert f"{words} (3 ×)" in found.notes()
        assert found.stored()["errors"] == {words: 3}
        assert found.changed_verdicts == [("asked", "denied", 3)]

    def test_leaves_out_runs_whose_payload_was_not_kept(self, people):
        WorkflowRun.note(Run("w", "r", "GuardedTask"), Request.read({"title": "x"}), verdict="deny")
        found = simulated(allow("true"))
        assert (found.seen, found.left_out) == (0, 1)
        assert "1 older runs are left out: the desk kept no payload of them." in found.notes()

    def test_says_of_which_no_rule_was_asked(self, people, use):
        a_check("r1", approval=a_row(people, run_id="r1"))
        a_row(people)
        found = simulated(deny())
        assert sorted(each.past.direct for each in found.differences) == [False, True]

    def test_looks_at_the_newest(self, people):
        for day in (1, 2, 3):
            a_row(people, title=f"Day {day}", opened_at=datetime(2026, 1, day, tzinfo=UTC))
        found = simulated(deny(), last=2)
        titles = [each.past.request.title for each in found.differences]
        assert titles == ["Day 3", "Day 2"]
        assert "Only the first 2 were looked at, newest first." in found.notes()

    def test_asks_no_other_engine_and_says_so(self, people, settings):
        settings.OPA_URL = "http://127.0.0.1:9"
        a_row(people)
        found = simulated(allow())
        assert found.changed_verdicts == [("asked", "allowed", 1)]
        assert "OPA was not asked: these are the rules alone." in found.notes()

    def test_ends_in_time(self, people, monkeypatch):
        monkeypatch.setattr(simulator, "SECONDS", 0.0)
        for _n in range(3):
            a_row(people)
        found = simulated(deny())
        assert not found.in_time
        assert found.seen < 3
        assert any("it took longer than 0 seconds" in each for each in found.notes())

    def test_reads_many_in_few_queries(self, people, django_assert_max_num_queries):
        for _n in range(60):
            a_row(people)
        with django_assert_max_num_queries(12):
            assert simulated(deny()).seen == 60

    def test_changes_nothing(self, people, payments, use):
        use(allow("payload.amount == '5'"))
        a_check("r1", payload={"amount": "5"})
        a_row(people)
        before = everything()
        simulated(deny("payload.amount == '5'"), ask("true", queue="payments"), allow("1/0 == 1"))
        assert everything() == before


class TestCommand:
    YAML = 'rules:\n  - {name: small, then: allow, when: "amount(payload.amount) < 50.0"}\n'

    @pytest.fixture
    def file(self, tmp_path):
        path = tmp_path / "policy.yaml"
        path.write_text(self.YAML)
        return str(path)

    def test_says_what_a_file_would_have_decided(self, people, file, capsys):
        a_row(people, title="Small", payload={"amount": "€12.00"})
        before = everything()
        call_command("policy", "simulate", file)
        said = capsys.readouterr().out
        assert "1 of 1 requests would have gone another way." in said
        assert "asked: 1 of general → allowed  [small]" in said
        assert said.endswith("Nothing was changed.\n")
        assert everything() == before

    def test_answers_in_json(self, people, file, capsys):
        a_row(people, title="Small", payload={"amount": "€12.00"})
        call_command("policy", "simulate", file, "--json", "--last", "10")
        said = json.loads(capsys.readouterr().out)
        assert said["verdicts"] == [{"before": "ask", "after": "allow", "number": 1}]
        assert said["queues"] == [{"queue": "general", "before": 1, "after": 0}]
        assert said["differences"][0]["rule"] == "small"

    def test_without_a_file_takes_the_rules_in_force(self, people, use, capsys):
        use(deny("true"))
        a_row(people)
        assert Approval.objects.count() == 1
        call_command("policy", "simulate")
        assert "asked → denied" in capsys.readouterr().out
