"""What went wrong in systems like this one, held against the engine.

Each test names where it happened. Those about pages are beside the views.
"""

import time
from datetime import timedelta

import pytest
from django.contrib.auth.models import Group
from django.db.models import ProtectedError
from django.test import override_settings
from django.utils import timezone

from approvals.models import Approval, Decision, Queue
from approvals.models.errors import AlreadyDecided, Changed, NotYours
from approvals.reconciler import reconcile
from orchestrator import contract
from orchestrator import worker as workers
from tests.desk import a_request, a_row, at_once, recorded, until, working
from tests.orchestrator import flows


class TestWhoMay:
    def test_reading_is_not_approving(self, people):
        """Jenkins CVE-2017-1000108: permission to read was enough to approve."""
        row = a_row(people, requester_user=people.amira)
        admin = people.reviewer("admin", Queue.objects.create(slug="other", name="Other"))
        admin.is_superuser = True
        admin.save()
        for reader in (people.amira, admin):
            assert row in Approval.objects.visible_to(reader)
            with pytest.raises(NotYours):
                row.decide(reader, "approve")
        assert not Decision.objects.exists()

    def test_names_are_not_compared_by_their_bytes(self, desk, worker, people):
        """JENKINS-55181: who asked is the same person in another case, or with spaces around."""
        for twin in ("MEI", " mei", "mei\u3000", "ＭＥＩ", "Mei@Example.com"):
            row = desk.task(requester=twin).approval()
            with pytest.raises(NotYours):
                row.decide(people.mei, "approve")

    def test_what_others_wait_for_is_not_listed(self, people):
        """Airflow CVE-2026-38743: a list showed requests across the borders of permission."""
        secret = Queue.objects.create(slug="secret", name="Secret")
        a_row(people, queue=secret)
        for stranger in (people.mei, people.amira):
            assert not Approval.objects.visible_to(stranger).exists()
            assert not Approval.objects.decidable_by(stranger).exists()

    def test_deleting_reviewers_lowers_no_bar(self, desk, worker, people):
        """GitLab CVE-2026-6883: orphaned rules meant fewer approvals."""
        group = Group.objects.create(name="Treasury")
        people.amira.groups.add(group)
        people.general.groups.add(group)
        flow = desk.task(quorum=3)
        row = flow.approval()
        group.delete()
        people.general.reviewers.remove(people.lena)
        with pytest.raises(ProtectedError):
            people.general.delete()
        row.decide(people.mei, "approve")
        row.decide(people.tomasz, "approve")
        until(lambda: len(flow.snapshot().counted) == 2)
        assert flow.status == "running"
        with pytest.raises(NotYours):
            row.decide(people.lena, "approve")

    def test_a_scope_that_is_gone_is_not_everything(self, people):
        """GitHub CVE-2026-5845: a missing scope was read as all scopes."""
        nobody = Queue.objects.create(slug="nobody", name="Nobody")
        row = a_row(people, queue=nobody)
        for user in (people.mei, people.amira):
            assert not row.may_be_decided_by(user)
        empty = Group.objects.create(name="Empty")
        nobody.groups.add(empty)
        assert not row.may_be_decided_by(people.mei)


class TestWhatIsApproved:
    def test_is_what_was_seen(self, people):
        """GitLab CVE-2023-4812, Cursor CVE-2025-54136: swapped after the approval, or before it."""
        row = a_row(people)
        seen = contract.sha256({"amount": "1.00"})
        with pytest.raises(Changed):
            row.decide(people.mei, "approve", seen_sha256=seen)
        decision = row.decide(people.mei, "approve", seen_sha256=row.payload_sha256)
        assert decision.envelope["body"]["payload_sha256"] == row.payload_sha256

    def test_changed_in_the_database_the_workflow_does_not_believe_it(self, desk, people):
        """Bybit 2025: the page showed one thing, and another was signed."""
        with working():
            flow = desk.task(payload={"to": "SE35"})
            row = flow.waiting()
        forged = {"to": "XX00"}
        Approval.objects.update(payload=forged, payload_sha256=contract.sha256(forged))
        decision = Approval.objects.get(pk=row.pk).decide(people.mei, "approve")
        with working():
            until(lambda: Decision.objects.get(pk=decision.pk).refused_at, seconds=30)
        decision.refresh_from_db()
        assert decision.refusal == "It was made for another payload."
        assert flow.agent_runs() == 0

    def test_the_target_is_in_what_is_hashed(self):
        """Gitea GHSA-w5pg-649r-p6gg: an approval was kept after its target had changed."""
        one, other = ({"amount": "1.00", "to": to} for to in ("SE35", "SE36"))
        assert contract.sha256(one) != contract.sha256(other)

    def test_asking_again_under_the_same_id_replaces_nothing(self, people):
        """Airflow CVE-2025-62503: creating anew overwrote what existed."""
        row = a_row(people)
        run = contract.Run("other", "other", contract.APPROVAL)
        other = contract.Request.read(a_request(title="Other", payload={"amount": "9.00"}))
        assert Approval.open(str(row.pk), other, run) == row
        row.refresh_from_db()
        assert (row.title, row.payload) == ("Pay €120.00 to Acme", {"amount": "120.00"})

    def test_what_is_not_understood_cannot_be_approved(self, desk, worker, people):
        """Cursor CVE-2026-22708: a list of what is allowed failed open."""
        error = desk.task(auto_approve=True).failure()
        assert "unknown fields: auto_approve" in error.message
        assert not Approval.objects.exists()


class TestWhen:
    def test_click_and_deadline_have_one_winner(self, desk, worker, people):
        """airflow #55054: both at once gave a conflict, and the task failed."""
        started = [desk.task(due_seconds=1) for _ in range(8)]
        rows = [flow.approval() for flow in started]

        def click(n):
            left = rows[n].due_at - timezone.now() - timedelta(milliseconds=4 * n)
            time.sleep(max(left.total_seconds(), 0))
            return Approval.objects.get(pk=rows[n].pk).decide(people.mei, "approve")

        answers = at_once(8, click)
        assert all(isinstance(each, Decision | AlreadyDecided) for each in answers), answers
        for flow in started:
            outcome = flow.result(30)["outcome"]
            assert outcome in ("approved", "rejected")
            assert flow.closed().state == outcome
            assert flow.agent_runs() == (outcome == "approved")

    def test_what_was_ended_by_force_is_not_shown_as_waiting(self, desk, worker, people):
        """airflow #55053: it was still pending after its state had been forced."""
        flow = desk.task()
        flow.waiting()
        flow.terminate()

        def gone():
            reconcile()
            return not Approval.objects.waiting().exists()

        until(gone)

    def test_a_decision_before_the_wait_is_not_dropped(self, desk, people):
        """temporal-sa/money-transfer-demo #8; test_step.py has more of them."""
        with working():
            flow = desk.task()
            row = flow.waiting()
        row.decide(people.mei, "approve")
        with working():
            assert flow.result(30)["outcome"] == "approved"

    def test_asked_again_after_a_no_it_needs_a_new_yes(self, desk, worker, people):
        """Archon #1429: the second gate took the first one's answer, and the effect happened."""
        with working(flows.QUEUE, workflows=flows.ALL, activities=workers.activities()):
            asked = [a_request(), a_request()]
            flow = desk.start("OneAfterTheOther", asked, queue=flows.QUEUE)
            first = flow.approval(1)
            first.decide(people.mei, "reject", "Wrong IBAN.")
            second = flow.approval(2)
            assert first.payload_sha256 == second.payload_sha256
            flow.signal(first.decisions.get().envelope)
            until(lambda: flow.signals() == 2)
            assert flow.snapshot().state == "waiting"
            assert flow.status == "running"
            second.decide(people.mei, "approve")
            assert flow.result() == ["rejected", "approved"]

    def test_two_gates_in_quick_succession_both_take_effect(self, desk, worker, people):
        """dify #42103: the second form was accepted, then lost, and the workflow hung."""
        with working(flows.QUEUE, workflows=flows.ALL, activities=workers.activities()):
            flow = desk.start("SideBySide", [a_request(), a_request()], queue=flows.QUEUE)
            children = [desk.child_of(flow, n) for n in (1, 2)]
            answers = at_once(2, lambda n: children[n].approval().decide(people.mei, "approve"))
            assert all(isinstance(each, Decision) for each in answers)
            assert [each["outcome"] for each in flow.result()] == ["approved", "approved"]

    @pytest.mark.parametrize(
        "args", [(), ("approve",), ("approve", 2), ({}, {}, {}, {}), ([None],)], ids=repr
    )
    def test_a_signal_of_the_wrong_shape_wedges_nothing(self, desk, worker, people, args):
        """sdk-python #347, #355: dropped signals, and workflows stuck for good."""
        flow = desk.task()
        row = flow.waiting()
        flow.signal(*args)
        row.decide(people.mei, "approve")
        assert flow.result()["outcome"] == "approved"


class TestNothingElseIsYes:
    """Vault, Airflow and others: time-outs, errors and unknown words must not count as yes."""

    @pytest.mark.parametrize("on_timeout", ["approve", "approved", "allow", True])
    def test_no_deadline_approves(self, desk, worker, people, on_timeout):
        assert "`on_timeout` must be one of" in desk.task(on_timeout=on_timeout).failure().message

    @pytest.mark.parametrize("end", ["cancel", "terminate"])
    def test_no_end_approves(self, desk, worker, people, end):
        flow = desk.task()
        flow.waiting()
        getattr(flow, end)()
        until(lambda: flow.status != "running")
        assert flow.agent_runs() == 0

    def test_no_missing_key_ring_approves(self, desk, worker, people, tmp_path):
        """The worker cannot verify: nothing counts until it can again."""
        flow = desk.task()
        decision = recorded(flow.waiting(), people.mei)
        with override_settings(VAR=tmp_path):
            decision.deliver()
            time.sleep(1)
            assert flow.status == "running"
            assert Decision.objects.get(pk=decision.pk).delivery == "sent"
        assert flow.result(40)["outcome"] == "approved"
