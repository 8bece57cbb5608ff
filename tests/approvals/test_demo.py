"""The demo fills a desk, can be repeated, and can be taken away again without a trace of others."""

from datetime import timedelta
from io import StringIO

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from approvals import demo
from approvals.demo import clear, history, requests
from approvals.models import (
    Approval,
    AuditEntry,
    Claim,
    Comment,
    Decision,
    Kind,
    Queue,
    WorkflowRun,
)
from orchestrator import client, contract, signing
from orchestrator.contract import Request, Run
from tests.desk import a_row, until, working

pytestmark = [pytest.mark.postgresql, pytest.mark.usefixtures("keys")]


def run(*words: str, **options) -> str:
    out = StringIO()
    call_command("demo", *words, stdout=out, **options)
    return out.getvalue()


@pytest.fixture
def seeded(db) -> list[Approval]:
    run("history")
    return list(Approval.objects.order_by("opened_at"))


class TestHistory:
    def test_is_two_weeks_in_several_queues_with_every_kind_of_end(self, seeded):
        assert len(seeded) > 100
        days = seeded[-1].opened_at - seeded[0].opened_at
        assert 12 <= days.days <= 14
        assert {each.queue.slug for each in seeded} == set(demo.people.QUEUES)
        assert {each.state for each in seeded} == {"approved", "rejected", "expired", "cancelled"}
        assert {each.quorum for each in seeded} == {1, 2}
        assert Decision.objects.exclude(comment="").count() > 10
        assert Comment.objects.exists()

    def test_ends_with_one_that_nobody_decided_in_time(self, seeded):
        last = max(seeded, key=lambda each: each.closed_at)
        assert last.state == "expired"
        assert last.closed_at == last.due_at
        assert timedelta() < timezone.now() - last.closed_at < timedelta(minutes=15)
        assert not last.decisions.exists()

    def test_ends_so_at_every_hour_of_the_week(self, seeded):
        for hour in range(0, 7 * 24, 17):
            now = timezone.now() + timedelta(hours=hour)
            rows = history.Story(now).tell().approvals
            *others, last = sorted(rows, key=lambda each: each.closed_at)
            assert (last.state, last.closed_at) == ("expired", last.due_at)
            assert all(each.closed_at <= now - timedelta(minutes=10) for each in others)
            assert len(rows) > 90

    def test_is_marked_as_demo_data(self, seeded):
        assert all(each.workflow_id.startswith("demo-history-") for each in seeded)
        assert set(Decision.objects.values_list("channel", flat=True)) == {"demo"}
        assert AuditEntry.objects.filter(action="seeded").count() == len(seeded)

    def test_is_true_to_the_rules(self, seeded):
        for row in seeded:
            votes = list(row.decisions.all())
            assert row.closed_at is not None
            assert row.opened_at <= row.closed_at
            assert row.due_at is None or row.closed_at <= row.due_at
            assert row.payload_sha256 == contract.sha256(row.payload)
            assert len({each.reviewer_id for each in votes}) == len(votes)
            for vote in votes:
                assert row.opened_at < vote.decided_at <= row.closed_at
                withdraws = vote.verdict == contract.WITHDRAW
                assert withdraws == row.asked_for_by(vote.reviewer)
                assert withdraws or row.may_be_decided_by(vote.reviewer)
            given = [each for each in votes if each.verdict == contract.APPROVE]
            assert len(given) == row.approvals
            assert (row.state == "approved") == (row.approvals >= row.quorum)

    def test_is_signed_by_the_key_of_the_desk(self, seeded):
        ring = signing.KeyRing.load(settings.VAR)
        for decision in Decision.objects.select_related("approval"):
            body = ring.verify(decision.envelope)
            assert body["decision_id"] == str(decision.pk)
            assert body["decided_at"] == decision.decided_at.isoformat()
            assert body["payload_sha256"] == decision.approval.payload_sha256
        assert not Decision.objects.undelivered().exists()

    def test_is_seeded_once(self, seeded, django_assert_max_num_queries):
        with django_assert_max_num_queries(2):
            assert "already" in run("history")
        assert Approval.objects.count() == len(seeded)

    def test_can_be_read_on_its_pages(self, seeded, client):
        client.force_login(User.objects.get(username="kim"), "approvals.accounts.Accounts")
        assert b"decisions" in client.get("/history/").content
        assert client.get(f"/approvals/{seeded[-1].pk}/").status_code == 200


@pytest.mark.usefixtures("triggers")
class TestClear:
    @pytest.fixture
    def others(self, people) -> Approval:
        """What is not the demo's, however much it looks so."""
        row = a_row(people, workflow_id="my-demo-history-1")
        row.decide(people.tomasz, "approve")
        Comment.add(row, people.tomasz, "A comment of ours")
        WorkflowRun.note(Run(row.workflow_id, row.run_id, "Approval"), Request.read({"title": "x"}))
        return row

    def counts(self) -> dict[str, int]:
        models = (Approval, Decision, Comment, Claim, WorkflowRun, AuditEntry)
        return {each.__name__: each.objects.count() for each in models}

    @pytest.fixture(autouse=True)
    def away(self, monkeypatch):
        def unreachable(*_):
            raise client.Unreachable("Temporal does not answer.")

        monkeypatch.setattr(client, "executions", unreachable)
        monkeypatch.setattr(client, "send_decision", unreachable)

    def test_asks_for_yes(self, seeded):
        with pytest.raises(CommandError, match="--yes"):
            run("clear")
        assert Approval.objects.count() == len(seeded)

    def test_leaves_what_was_there_before(self, others):
        before = self.counts()
        run("history")
        seeded = Approval.objects.filter(workflow_id__startswith=history.PREFIX)
        Claim.take(seeded.filter(queue__slug="general").first(), _user("tomasz"))
        assert "approvals" in run("clear", yes=True)
        after = self.counts()
        assert after.pop("AuditEntry") == before.pop("AuditEntry") + 1  # that it was cleared
        assert after == before
        assert AuditEntry.objects.first().action == "cleared"
        assert not Kind.objects.filter(slug__in=demo.kinds.KINDS).exists()

    def test_keeps_people_and_queues_that_others_need(self, others):
        run("history")
        run("clear", yes=True)
        assert User.objects.filter(username="tomasz").exists()
        assert Queue.objects.filter(slug="general").exists()
        assert not Queue.objects.filter(slug="payments").exists()
        assert not User.objects.filter(username="kim").exists()

    def test_keeps_what_a_request_of_somebody_revises(self, others):
        run("history")
        first, second, third = Approval.objects.filter(workflow_id__startswith=history.PREFIX)[:3]
        Approval.objects.filter(pk=second.pk).update(revises=first)
        Approval.objects.filter(pk=others.pk).update(revises=second)
        run("clear", yes=True)
        kept = Approval.objects.filter(workflow_id__startswith=history.PREFIX)
        assert set(kept) == {first, second}
        assert third not in kept

    def test_the_database_refuses_again_afterwards(self, others):
        run("history")
        run("clear", yes=True)
        for model in (Decision, AuditEntry, Comment):
            table = model._meta.db_table
            with (
                pytest.raises(DatabaseError, match="append-only"),
                transaction.atomic(),
                connection.cursor() as cursor,
            ):
                cursor.execute(f"DELETE FROM {table}")  # noqa: S608

    def test_changes_nothing_where_it_fails_half_way(self, seeded, monkeypatch):
        before = self.counts()

        def broken(*_, **__):
            raise DatabaseError("the disk is full")

        monkeypatch.setattr(AuditEntry, "record", broken)
        with pytest.raises(DatabaseError, match="disk"), transaction.atomic():
            clear.clear_rows()
        assert self.counts() == before
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
            Decision.objects.all()._raw_delete("default")

    def test_can_be_seeded_anew(self, seeded):
        run("clear", yes=True)
        assert "Seeded" in run("history")

    def test_needs_temporal_where_its_workflows_may_run(self, seeded):
        run_ = Run(f"{requests.PREFIX}x", "r-1", "GuardedTask")
        WorkflowRun.note(run_, Request.read({"title": "x"}))
        with pytest.raises(CommandError, match="does not answer"):
            run("clear", yes=True)
        assert Approval.objects.count() == len(seeded)


def _user(name: str) -> User:
    return User.objects.get(username=name)


class TestRequests:
    def test_wait_really_are_decided_really_and_end_with_the_demo(
        self, transactional_db, temporal, monkeypatch
    ):
        monkeypatch.setattr(requests, "PATIENCE", 15.0)
        with working():
            demo.make_people()
            assert f"Started {len(demo.REQUESTS)} requests." in run("requests")
            rows = Approval.objects.filter(workflow_id__startswith=requests.PREFIX)
            until(lambda: rows.waiting().count() == len(demo.REQUESTS), "all of them wait")
            payment = rows.get(key="PAY-1042")
            vote = until(lambda: payment.decisions.exclude(acknowledged_at=None).first())
            assert (vote.reviewer.username, vote.channel) == ("lena", "demo")
            assert payment.quorum == 2
            assert payment.previous
            late = rows.get(key="DB-312")
            until(lambda: list(late.escalated_to.values_list("name", flat=True)), "it escalates")
            late.refresh_from_db()
            assert late.is_overdue
            assert late.is_open
            assert late.may_be_decided_by(_user("lena"))  # a lead, and no reviewer of the queue
            assert late.may_be_decided_by(_user("mei"))
            assert late.asks_password  # what critical means can be met
            assert rows.get(key="MKT-204").undo_seconds == 10  # and so can undo
            assert "Already started." in run("requests")
            assert payment.decisions.count() == 1
            running = client.execution(payment.workflow_id)
            assert running.status == "running"

            query = f"WorkflowId STARTS_WITH '{requests.PREFIX}' AND ExecutionStatus = 'Running'"
            until(lambda: len(client.executions(query, 99)) == len(demo.REQUESTS), "are listed")
            assert f"Ended {len(demo.REQUESTS)} workflows." in clear_without_triggers(monkeypatch)
            assert client.execution(payment.workflow_id).status == "terminated"
            assert not rows.exists()

            demo.make_people()
            assert "Started" in run("requests")  # under ids that Temporal has not seen
            until(lambda: rows.waiting().count() == len(demo.REQUESTS), "wait again")
            assert rows.get(key="PAY-1042").workflow_id == "task-demo-2-payment-norrland"
            clear.terminate_workflows()


def clear_without_triggers(monkeypatch) -> str:
    """Tests with real transactions have dropped them on SQLite."""
    if connection.vendor == "sqlite":
        monkeypatch.setattr(clear.triggers, "SQLITE", [])
        monkeypatch.setattr(clear.triggers, "UNDO_SQLITE", [])
    return run("clear", yes=True)


def test_help_teaches(capsys):
    with pytest.raises(SystemExit):
        call_command("demo", "--help")
    words = capsys.readouterr().out
    for step in ("people", "history", "requests", "password", "clear", "--yes"):
        assert step in words
