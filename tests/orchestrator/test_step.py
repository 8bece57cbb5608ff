"""The waiting step on a real server: everything that can become of an approval."""

import threading
import time
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest import mock

import pytest
from django.db import connections
from django.utils import timezone
from temporalio import activity

from approvals import activities
from approvals.delivery import relay
from approvals.models import Approval, AuditEntry, Decision, WorkflowRun
from approvals.models.errors import AlreadyDecided, Incomplete
from orchestrator import contract
from orchestrator import worker as workers
from orchestrator.contract import Run
from orchestrator.terms import Terms
from tests.desk import a_request, envelope_for, recorded, until, working
from tests.orchestrator import flows


@pytest.fixture
def authors(desk):
    """A worker of workflow authors: their own task queue, their own code."""
    with working(flows.QUEUE, workflows=flows.ALL, activities=workers.activities()) as worker:
        yield worker


def applied(decision):
    return until(lambda: Decision.objects.filter(pk=decision.pk, acknowledged_at__isnull=False))


def refused(decision):
    standing = Decision.objects.filter(pk=decision.pk, refused_at__isnull=False)
    return until(standing.first, "the decision is refused").refusal


def relayed(decision):
    """The decision's delivery, after another turn of the relay."""
    relay()
    return _fresh(decision).delivery


class TestApprove:
    def test_the_agent_runs_with_what_was_approved(self, desk, worker, people):
        payload = {"amount": "48200.00", "to": {"iban": "SE35"}, "n": 7}
        flow = desk.task(task="Pay Norrland Timber AB", payload=payload)
        row = flow.approval()
        assert flow.agent_runs() == 0
        decision = row.decide(people.mei, "approve", "Invoice checked.")
        answer = flow.result()
        assert answer["outcome"] == "approved"
        assert answer["policy"]["verdict"] == "ask"
        assert answer["result"] == {
            "agent": "built-in",
            "done": "Pay Norrland Timber AB",
            "payload_sha256": contract.sha256(payload),
        }
        assert answer["approval"]["payload"] == payload
        assert flow.agent_runs() == 1
        applied(decision)
        assert flow.closed().state == "approved"

    def test_the_outcome_is_as_the_contract_says(self, desk, worker, people):
        flow = desk.approval()
        row = flow.approval()
        decision = row.decide(people.mei, "approve", " Fine. ", channel="shell")
        assert flow.result() == {
            "outcome": "approved",
            "approval_id": str(row.pk),
            "run_id": flow.run_id,
            "payload": {"amount": "120.00"},
            "payload_sha256": contract.sha256({"amount": "120.00"}),
            "decisions": [
                {
                    "id": str(decision.pk),
                    "reviewer": "mei",
                    "verdict": "approve",
                    "comment": "Fine.",
                    "decided_at": decision.decided_at.isoformat(),
                    "channel": "shell",
                }
            ],
            "form": None,
            "reason": "",
            "verdict": "",
            "rule": "",
        }

    def test_every_step_is_in_the_audit(self, desk, worker, people):
        flow = desk.approval()
        flow.approval().decide(people.mei, "approve")
        row = flow.closed()
        actions = list(row.audit.order_by("pk").values_list("action", "actor_name"))
        assert actions == [
            ("opened", "workflow"),
            ("approve", "mei"),
            ("applied", "workflow"),
            ("approved", "workflow"),
        ]

    def test_queue_and_run_are_those_of_the_request(self, desk, worker, people):
        flow = desk.task(requester="amira", key="INV-1", risk="high", links=[])
        row = flow.approval()
        assert (row.requester_user, row.key, row.risk) == (people.amira, "INV-1", "high")
        run = WorkflowRun.objects.get(run_id=flow.run_id)
        assert (run.verdict, run.rule) == ("ask", "ask-people")


class TestReject:
    def test_is_an_outcome_with_the_reviewers_reason(self, desk, worker, people):
        flow = desk.task()
        flow.approval().decide(people.mei, "reject", "Wrong IBAN.")
        answer = flow.result()
        assert (answer["outcome"], answer["reason"]) == ("rejected", "Wrong IBAN.")
        assert answer["result"] is None
        assert flow.agent_runs() == 0
        assert flow.closed().state == "rejected"

    def test_needs_a_reason(self, desk, worker, people):
        row = desk.task().approval()
        for empty in ("", "   ", "\n"):
            with pytest.raises(Incomplete):
                row.decide(people.mei, "reject", empty)
        assert not Decision.objects.exists()


class TestQuorum:
    def test_of_two_needs_two_people(self, desk, worker, people):
        flow = desk.task(quorum=2)
        row = flow.approval()
        applied(row.decide(people.mei, "approve"))
        assert flow.status == "running"
        assert flow.details == "Waiting for 1 of 2 approvals in general: Pay €120.00 to Acme"
        row.decide(people.lena, "approve")
        answer = flow.result()
        assert answer["outcome"] == "approved"
        assert [each["reviewer"] for each in answer["approval"]["decisions"]] == ["mei", "lena"]

    def test_the_same_person_is_told_that_once_is_enough(self, desk, worker, people):
        row = desk.task(quorum=2).approval()
        applied(row.decide(people.mei, "approve"))
        with pytest.raises(AlreadyDecided):
            row.decide(people.mei, "approve")

    def test_the_same_person_counts_once_even_when_signed_twice(self, desk, worker, people):
        flow = desk.task(quorum=2)
        row = flow.approval()
        for _ in range(3):
            flow.signal(envelope_for(row, people.mei))
        flow.signal(envelope_for(row, people.mei, verdict="reject", comment="No."))

        def not_counted():
            entries = AuditEntry.objects.filter(action="forged")
            return sum(each.detail["signals"] for each in entries)

        until(lambda: not_counted() == 3)
        assert flow.status == "running"
        assert len(flow.snapshot().counted) == 1

    def test_one_reject_is_a_veto(self, desk, worker, people):
        flow = desk.task(quorum=3)
        row = flow.approval()
        row.decide(people.mei, "approve")
        row.decide(people.lena, "reject", "No budget.")
        assert flow.result()["outcome"] == "rejected"
        with pytest.raises(AlreadyDecided):
            row.decide(people.tomasz, "approve")
        assert flow.agent_runs() == 0

    def test_a_request_cannot_lower_the_queues(self, desk, worker, people):
        people.general.quorum = 2
        people.general.save()
        row = desk.task(quorum=1).approval()
        assert row.quorum == 2

    def test_lowering_the_queues_does_not_touch_what_waits(self, desk, worker, people):
        flow = desk.task(quorum=2)
        row = flow.approval()
        people.general.reviewers.remove(people.lena, people.tomasz)
        applied(row.decide(people.mei, "approve"))
        assert flow.status == "running"


class TestDeadline:
    @pytest.mark.parametrize(
        ("on_timeout", "outcome"), [("reject", "rejected"), ("expire", "expired")]
    )
    def test_nobody_decided(self, desk, worker, people, on_timeout, outcome):
        flow = desk.task(due_seconds=1, on_timeout=on_timeout)
        answer = flow.result()
        assert (answer["outcome"], answer["reason"]) == (outcome, "Nobody decided in time.")
        assert flow.closed().state == outcome
        assert flow.agent_runs() == 0

    def test_of_the_queue_is_the_longest(self, desk, worker, people):
        people.general.due_seconds = 60
        people.general.save()
        row = desk.approval(due_seconds=3600).approval()
        assert row.due_at - row.opened_at == timedelta(seconds=60)
        row = desk.approval(due_seconds=30).approval()
        assert row.due_at - row.opened_at == timedelta(seconds=30)

    def test_a_click_afterwards_is_refused_in_the_transaction(self, desk, people):
        with working():
            flow = desk.task(due_seconds=1)
            row = flow.waiting()
        until(lambda: timezone.now() > row.due_at)
        assert row.state == "waiting"
        with pytest.raises(AlreadyDecided, match="not decided in time"):
            row.decide(people.mei, "approve")
        with (
            mock.patch.object(Approval, "is_over", False),
            pytest.raises(AlreadyDecided),  # the update itself knows, whatever was read before
        ):
            row.decide(people.mei, "approve")
        assert not Decision.objects.exists()

    def test_a_late_yes_is_refused_by_a_workflow_that_was_not_there(self, desk, people):
        with working():
            flow = desk.task(due_seconds=1)
            row = flow.waiting()
        until(lambda: timezone.now() > row.due_at)
        late = (row.due_at + timedelta(milliseconds=1)).isoformat()
        flow.signal(envelope_for(row, people.mei, decided_at=late))
        with working():
            assert flow.result(30)["outcome"] == "rejected"
        assert flow.agent_runs() == 0

    def test_a_yes_in_time_counts_though_the_worker_came_late(self, desk, people):
        with working():
            flow = desk.task(due_seconds=2)
            row = flow.waiting()
        row.decide(people.mei, "approve")
        until(lambda: timezone.now() > row.due_at)
        time.sleep(0.2)  # the timer fires, too
        with working():
            assert flow.result(30)["outcome"] == "approved"

    def test_click_and_timer_agree_whoever_is_first(self, desk, worker, people):
        """Everybody clicks within a few milliseconds of the deadline: both sides say the same."""
        started = [desk.approval(due_seconds=2) for _ in range(20)]
        rows = [flow.approval() for flow in started]
        clicked = {}

        def click(row, shift):
            left = row.due_at - datetime.now(UTC) + shift
            time.sleep(max(left.total_seconds(), 0))
            try:
                clicked[row.pk] = row.decide(people.mei, "approve")
            except AlreadyDecided:
                pass
            finally:
                connections.close_all()

        threads = [
            threading.Thread(target=click, args=(row, timedelta(milliseconds=number - 14)))
            for number, row in enumerate(rows)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for flow, row in zip(started, rows, strict=True):
            outcome = flow.result(30)["outcome"]
            assert flow.closed().state == outcome
            decision = clicked.get(row.pk)
            if decision is None:
                assert outcome == "rejected"
                continue
            until(lambda d=decision: relayed(d) in ("applied", "refused"))
            assert (_fresh(decision).delivery == "applied") == (outcome == "approved")

    def test_a_past_one_is_as_good_as_none(self, desk, worker, people):
        for seconds in (0, -1):
            error = desk.approval(due_seconds=seconds).failure()
            assert "`due_seconds` must be a whole number from 1" in error.message


def _fresh(decision):
    return Decision.objects.get(pk=decision.pk)


class TestBeforeTheWait:
    def test_a_decision_is_kept(self, desk, people, monkeypatch):
        """It arrives while the activity that opens the approval still runs."""

        def decides_at_once(approval_id: str, request: Any, run: Run) -> Terms:
            terms = activities.open_approval(approval_id, request, run)
            Approval.objects.get(pk=approval_id).decide(people.mei, "approve")
            return terms

        with opened_by(decides_at_once, monkeypatch):
            flow = desk.task()
            assert flow.result()["outcome"] == "approved"
        assert flow.agent_runs() == 1

    def test_a_cancel_is_heeded(self, desk, people, monkeypatch):
        started = threading.Event()
        go = threading.Event()

        def slowly(approval_id: str, request: Any, run: Run) -> Terms:
            terms = activities.open_approval(approval_id, request, run)
            started.set()
            go.wait(10)
            return terms

        with opened_by(slowly, monkeypatch):
            flow = desk.task()
            started.wait(10)
            flow.cancel()
            until(lambda: flow.events("WORKFLOW_EXECUTION_CANCEL_REQUESTED"))
            go.set()
            until(lambda: flow.status == "canceled")
        assert flow.agent_runs() == 0
        assert flow.approval().state == "cancelled"


@contextmanager
def opened_by(open_approval, monkeypatch):
    """A worker whose `open_approval` is another one."""
    defined = activity.defn(name=contract.OPEN_APPROVAL)(open_approval)
    others = [each for each in workers.activities() if each is not activities.open_approval]
    monkeypatch.setattr(workers, "activities", lambda: [*others, defined])
    with working():
        yield


class TestCancel:
    def test_while_waiting_is_published(self, desk, worker, people):
        flow = desk.task()
        flow.waiting()
        flow.cancel()
        row = flow.closed()
        assert (row.state, row.reason) == ("cancelled", "The workflow was cancelled.")
        until(lambda: flow.status == "canceled")
        with pytest.raises(AlreadyDecided):
            row.decide(people.mei, "approve")

    def test_together_with_a_decision_wins(self, desk, people):
        """Both wait for a worker that was down: one workflow task gets both."""
        with working():
            flow = desk.task()
            row = flow.waiting()
        decision = row.decide(people.mei, "approve")
        flow.cancel()
        with working():
            until(lambda: flow.status == "canceled", seconds=30)
            assert flow.closed().state == "cancelled"
        assert flow.agent_runs() == 0
        until(lambda: relayed(decision) == "refused")

    def test_before_a_decision_wins(self, desk, people):
        with working():
            flow = desk.task()
            row = flow.waiting()
        flow.cancel()
        decision = row.decide(people.mei, "approve")
        with working():
            until(lambda: flow.status == "canceled", seconds=30)
            assert flow.closed().state == "cancelled"
        assert flow.agent_runs() == 0
        until(lambda: relayed(decision) == "refused")

    def test_after_half_a_quorum(self, desk, worker, people):
        flow = desk.task(quorum=2)
        decision = flow.approval().decide(people.mei, "approve")
        applied(decision)
        flow.cancel()
        assert flow.closed().state == "cancelled"
        assert _fresh(decision).delivery == "applied"


class TestPolicy:
    def test_deny_ends_it_at_once_and_asks_nobody(self, desk, worker, people):
        flow = desk.task(task="forbidden: delete all customers")
        answer = flow.result()
        assert answer["outcome"] == "denied"
        assert answer["policy"]["rule"] == "no-forbidden-tasks"
        assert answer["result"] is None
        assert not Approval.objects.exists()
        assert flow.agent_runs() == 0
        assert AuditEntry.objects.get().action == "deny"
        assert WorkflowRun.objects.get().verdict == "deny"

    def test_spelling_does_not_help(self, desk, worker, people):
        answer = desk.task(task="  ForBidden things").result()
        assert answer["outcome"] == "denied"


class TestChild:
    def test_the_outcome_reaches_the_parent(self, desk, worker, authors, people):
        parent = desk.start("Parent", a_request(), queue=flows.QUEUE)
        child = desk.child_of(parent)
        child.approval().decide(people.mei, "approve")
        answer = parent.result()
        assert answer["outcome"] == "approved"
        assert answer["decisions"][0]["reviewer"] == "mei"

    def test_a_rejection_does_not_fail_the_parent(self, desk, worker, authors, people):
        parent = desk.start("Parent", a_request(), queue=flows.QUEUE)
        desk.child_of(parent).approval().decide(people.mei, "reject", "No.")
        assert parent.result()["outcome"] == "rejected"

    @pytest.mark.parametrize("end", ["cancel", "terminate"])
    def test_the_parents_end_is_the_childs(self, desk, worker, authors, people, end):
        parent = desk.start("Parent", a_request(), queue=flows.QUEUE)
        child = desk.child_of(parent)
        child.approval()
        getattr(parent, end)()
        assert child.closed().state == "cancelled"
        until(lambda: child.status == "canceled")

    def test_side_by_side(self, desk, worker, authors, people):
        asked = [a_request(title=f"Step {n}", payload={"n": n}) for n in range(3)]
        parent = desk.start("SideBySide", asked, queue=flows.QUEUE)
        for number in (3, 2, 1):
            desk.child_of(parent, number)
        for row in Approval.objects.filter(parent_workflow_id=parent.id):
            verdict = "reject" if row.payload["n"] == 1 else "approve"
            row.decide(people.mei, verdict, "Because.")
        outcomes = [each["outcome"] for each in parent.result()]
        assert outcomes == ["approved", "rejected", "approved"]

    def test_what_cannot_be_asked_is_said_to_the_parent(self, desk, worker, authors, people):
        parent = desk.start("Parent", a_request(queue="nowhere"), queue=flows.QUEUE)
        assert "There is no queue `nowhere`. Queues: general." in parent.failure().message


class TestOneAfterTheOther:
    def test_both_decided_within_ten_milliseconds(self, desk, worker, authors, people):
        asked = [a_request(title="First"), a_request(title="Second")]
        flow = desk.start("OneAfterTheOther", asked, queue=flows.QUEUE)
        first = flow.approval(1)
        began = time.monotonic()
        first.decide(people.mei, "approve")
        second = flow.approval(2)
        # The second signal is on its way before the workflow has been told that it waits again.
        second.decide(people.mei, "approve")
        assert flow.result() == ["approved", "approved"]
        assert time.monotonic() - began < 5
        assert [flow.closed(n).state for n in (1, 2)] == ["approved", "approved"]

    def test_a_decision_of_the_first_does_not_settle_the_second(
        self, desk, worker, authors, people
    ):
        asked = [a_request(title="First"), a_request(title="Second")]
        flow = desk.start("OneAfterTheOther", asked, queue=flows.QUEUE)
        first = flow.approval(1)
        first.decide(people.mei, "approve")
        flow.approval(2)
        flow.signal(envelope_for(first, people.lena))
        flow.signal(first.decisions.get().envelope)
        flow.approval(2).decide(people.mei, "reject", "Not this one.")
        assert flow.result() == ["approved", "rejected"]

    def test_who_comes_between_two_steps_is_told_at_once(self, desk, worker, authors, people):
        asked = [a_request(title="First"), a_request(title="Second")]
        flow = desk.start("OneAfterTheOther", asked, True, queue=flows.QUEUE)
        row = flow.approval(1)
        late = recorded(row, people.lena)
        Approval.objects.filter(pk=row.pk).update(settled_at=None, approvals=0)
        row.decide(people.mei, "approve")
        flow.closed(1)
        late.deliver()
        assert "too late" in refused(late)
        flow.signal(name="after")
        flow.approval(2).decide(people.mei, "approve")
        flow.closed(2)
        flow.signal(name="after")
        assert flow.result() == ["approved", "approved"]

    def test_a_late_one_is_told_while_the_second_step_waits(self, desk, worker, authors, people):
        """The first step is over, the second waits: the relay must not knock for ever."""
        asked = [a_request(title="First"), a_request(title="Second")]
        flow = desk.start("OneAfterTheOther", asked, queue=flows.QUEUE)
        row = flow.approval(1)
        late = recorded(row, people.lena)
        Approval.objects.filter(pk=row.pk).update(settled_at=None, approvals=0)
        row.decide(people.mei, "approve")
        flow.approval(2)
        late.deliver()
        assert refused(late)
        assert flow.status == "running"

    def test_a_cancel_in_the_second_leaves_the_first_approved(self, desk, worker, authors, people):
        asked = [a_request(title="First"), a_request(title="Second")]
        flow = desk.start("OneAfterTheOther", asked, queue=flows.QUEUE)
        flow.approval(1).decide(people.mei, "approve")
        flow.approval(2)
        flow.cancel()
        assert [flow.closed(n).state for n in (1, 2)] == ["approved", "cancelled"]


class TestSnapshot:
    def test_is_nothing_before_and_enough_to_write_the_row_again(self, desk, worker, people):
        flow = desk.task(quorum=2, due_seconds=600)
        row = flow.approval()
        applied(row.decide(people.mei, "approve", "Fine."))
        seen = flow.snapshot()
        assert (seen.approval_id, seen.state) == (str(row.pk), "waiting")
        assert seen.run.run_id == flow.run_id
        assert seen.terms.quorum == 2
        assert datetime.fromisoformat(seen.terms.due_at) == row.due_at
        assert seen.request["payload"] == {"amount": "120.00"}
        assert [each.reviewer for each in seen.counted] == ["mei"]

    def test_of_a_workflow_that_asks_nothing_is_none(self, desk, worker, people):
        flow = desk.task(task="forbidden")
        flow.result()
        assert flow.snapshot() is None

    def test_temporals_own_pages_say_the_same(self, desk, worker, people):
        flow = desk.task(title="Pay Acme")
        row = flow.approval()
        until(lambda: flow.details == "Waiting for 0 of 1 approvals in general: Pay Acme")
        row.decide(people.mei, "reject", "No.")
        flow.result()
        assert flow.details == "Rejected by mei."


class TestInvalidRequest:
    """The workflow fails with a sentence that says what to change, and leaves no row."""

    cases = {
        "unknown-queue": ({"queue": "nowhere"}, "There is no queue `nowhere`. Queues: general."),
        "unknown-field": ({"aproval": 1}, "A request has unknown fields: aproval. Known:"),
        "payload-a-list": ({"payload": [1]}, "`payload` must be a JSON object, not a list."),
        "payload-too-large": ({"payload": {"x": "y" * 262_144}}, "256 KiB; 256 KiB are allowed."),
        "quorum-unmeetable": ({"quorum": 4}, "3 may decide this, and 4 must"),
        "quorum-without-asker": ({"quorum": 3, "requester": "mei"}, "2 may decide this, and 3"),
        "deadline-negative": ({"due_seconds": -5}, "`due_seconds` must be a whole number"),
        "title-missing": ({"title": ""}, "`title` is missing: say what is asked"),
        "later-version": ({"v": 2}, "`v` is 2; this desk speaks version 1."),
        "huge-number": ({"payload": {"n": 2**60}}, "not JSON that every program reads alike"),
    }

    @pytest.mark.parametrize(("changes", "message"), cases.values(), ids=cases)
    @pytest.mark.parametrize("kind", ["approval", "task"])
    def test_fails_clearly(self, desk, worker, people, changes, message, kind):
        flow = getattr(desk, kind)(**changes)
        error = flow.failure()
        assert message in error.message
        assert error.type == "InvalidRequest"
        assert flow.status == "failed"
        assert not Approval.objects.exists()

    @pytest.mark.parametrize("args", [(), (None,), ("text",), (1,), ([],)], ids=repr)
    @pytest.mark.parametrize("kind", ["Approval", "GuardedTask"])
    def test_wrong_arguments(self, desk, worker, people, kind, args):
        error = desk.start(kind, *args).failure()
        assert "must be a JSON object" in error.message
        assert not Approval.objects.exists()

    @pytest.mark.parametrize("kind", ["Approval", "GuardedTask"])
    def test_an_argument_too_many_is_no_reason_to_hang(self, desk, worker, people, kind):
        given = a_request() | ({"task": "Pay"} if kind == "GuardedTask" else {})
        flow = desk.start(kind, given, "and more", 3)
        flow.approval().decide(people.mei, "approve")
        assert flow.result()["outcome"] == "approved"

    def test_a_payload_of_just_256_kib_is_asked(self, desk, worker, people):
        payload = {"x": "y" * (contract.PAYLOAD_BYTES - len('{"x":""}'))}
        flow = desk.task(payload=payload)
        flow.approval().decide(people.mei, "approve")
        answer = flow.result()
        assert answer["approval"]["payload"] == payload

    def test_a_queue_made_meanwhile_helps_the_next_one(self, desk, worker, people):
        assert "nowhere" in desk.approval(queue="nowhere").failure().message
        people.general.slug = "nowhere"
        people.general.save()
        assert desk.approval(queue="nowhere").approval().queue == people.general
