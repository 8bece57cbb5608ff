"""Versions of the policy, and what is remembered of each check."""

from datetime import timedelta

import pytest
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from approvals import policy
from approvals.models import AuditEntry, PolicyCheck, PolicyMatch, PolicyVersion, WorkflowRun
from approvals.models.policy import Superseded
from orchestrator import contract
from orchestrator.contract import Request, Run
from tests.approvals.policy.tables import allow, ask, deny
from tests.desk import at_once


class TestVersions:
    def test_leave_an_entry_in_the_audit_trail(self, people):
        rules = [deny().stored()]
        made = PolicyVersion.make(rules, after=0, by=people.mei, note="Why", changes=["Added no"])
        assert (made.number, made.sha256) == (1, contract.sha256(rules))
        entry = AuditEntry.objects.get()
        assert (entry.action, entry.actor) == ("policy changed", people.mei)
        assert entry.detail == {
            "version": 1, "sha256": made.sha256, "note": "Why", "changes": ["Added no"],
        }  # fmt: skip

    def test_are_never_changed(self, use):
        version = use(deny())
        version.note = "other"
        with pytest.raises(TypeError, match="never changed"):
            version.save()
        with pytest.raises(TypeError, match="never deleted"):
            version.delete()

    @pytest.mark.postgresql
    def test_are_kept_by_the_database_itself(self, use, triggers):
        use(deny())
        with pytest.raises(DatabaseError), transaction.atomic():
            PolicyVersion.objects.update(note="other")
        with pytest.raises(DatabaseError), transaction.atomic():
            PolicyVersion.objects.all().delete()
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("UPDATE approvals_policyversion SET rules = '[]'")
        assert PolicyVersion.objects.get().note == ""

    def test_follow_the_one_that_was_looked_at(self, use):
        use(deny())
        with pytest.raises(Superseded, match="Version 1 was saved meanwhile"):
            PolicyVersion.make([], after=0, by=None, note="", changes=[])
        assert AuditEntry.objects.count() == 1

    @pytest.mark.postgresql
    @pytest.mark.django_db(transaction=True)
    def test_of_many_saved_at_once_one_is_made(self):
        def save(_n):
            return PolicyVersion.make([], after=0, by=None, note="", changes=[])

        answers = at_once(8, save)
        assert [each for each in answers if not isinstance(each, Superseded)] == [
            PolicyVersion.objects.get()
        ]
        assert AuditEntry.objects.count() == 1


class TestChecks:
    @pytest.fixture
    def run(self, db):
        request = Request.read({"title": "Pay", "payload": {"amount": "5"}})
        return WorkflowRun.note(Run("w", "r", "GuardedTask"), request)

    def checked(self, run, **more):
        request = Request.read({"title": "Pay", "payload": {"amount": "5"}, **more})
        return PolicyCheck.note(run, policy.judge("Pay", request), "Pay it", request)

    def test_keep_the_request_of_what_asked_nobody(self, use, run):
        use(allow("true"))
        check = self.checked(run)
        assert (check.verdict, check.version, check.task) == ("allow", 1, "Pay it")
        assert check.request["payload"] == {"amount": "5"}
        assert [each["name"] for each in run.policy.rules] == ["yes"]

    def test_leave_to_the_approval_what_it_keeps(self, use, run):
        use(ask("true", quorum=2, warning="Look."), deny("false"))
        check = self.checked(run, queue="payments")
        assert "payload" not in check.request
        assert check.request["queue"] == "payments"
        assert (check.asks["quorum"], check.asks["warnings"]) == (2, ("Look.",))
        assert [each["name"] for each in check.rules] == ["ask"]

    def test_made_twice_are_counted_once(self, use, run):
        use(allow("true"))
        self.checked(run)
        self.checked(run)
        assert PolicyMatch.counts(timezone.now() - timedelta(days=1)) == {"yes": 1}
        use(ask("true"))
        self.checked(run)
        assert PolicyMatch.counts(timezone.now() - timedelta(days=1)) == {"ask": 1}
        assert PolicyCheck.objects.count() == 1

    def test_count_the_rules_that_decided(self, use, run):
        use(allow("true"), ask("true", "a"), ask("true", "b"), ask("false", "c"))
        self.checked(run)
        assert PolicyMatch.counts(timezone.now() - timedelta(days=1)) == {"a": 1, "b": 1}
        assert PolicyMatch.counts(timezone.now() + timedelta(days=1)) == {}
