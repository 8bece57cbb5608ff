"""Delivery: a recorded decision reaches its workflow once, however often and late it is sent."""

import json
import os
import signal
import threading
from datetime import timedelta
from unittest import mock

import pytest
from django.db import DatabaseError, connections
from django.utils import timezone

from approvals.delivery import relay
from approvals.models import AuditEntry, Decision
from approvals.reconciler import reconcile
from approvals.views import panel
from orchestrator import client, embedded
from orchestrator import client as temporal
from tests.desk import Desk, a_row, recorded, until, working


def fresh(decision):
    return Decision.objects.get(pk=decision.pk)


def relay_now():
    """A turn of the relay, as if every pause were over."""
    Decision.objects.undelivered().update(next_try_at=timezone.now())
    return relay()


class TestWords:
    """Recorded, sent, applied, refused: never more than is committed."""

    def test_at_each_stage(self, desk, people):
        with working():
            flow = desk.task()
            row = flow.waiting()
        decision = recorded(row, people.mei)
        assert decision.delivery == "recorded"
        decision.deliver()
        assert fresh(decision).delivery == "sent"
        with working():
            flow.result(30)
        assert fresh(decision).delivery == "applied"

    def test_of_the_signal_alone_is_not_applied(self, desk, people):
        """Temporal takes a signal that no workflow will ever understand, and says OK."""
        with working():
            row = desk.task().waiting()
        decision = row.decide(people.mei, "approve")
        assert (decision.delivery, decision.acknowledged_at) == ("sent", None)
        row.refresh_from_db()
        assert row.state == "waiting"


class TestTemporalAway:
    @pytest.fixture
    def away(self, monkeypatch):
        def unreachable(envelope):
            raise client.Unreachable("Temporal at 127.0.0.1:7233 does not answer.")

        monkeypatch.setattr(client, "send_decision", unreachable)

    def test_the_decision_is_recorded_and_says_why_it_waits(self, transactional_db, people, away):
        decision = a_row(people).decide(people.mei, "approve")
        assert decision.delivery == "recorded"
        assert fresh(decision).trouble == "Temporal at 127.0.0.1:7233 does not answer."
        assert fresh(decision).tries == 1

    def test_the_pauses_grow_to_a_minute(self, people, away):
        decision = recorded(a_row(people), people.mei)
        pauses = []
        for _ in range(9):
            before = timezone.now()
            assert not decision.deliver()
            pauses.append(round((decision.next_try_at - before).total_seconds()))
        assert pauses == [1, 2, 4, 8, 16, 32, 60, 60, 60]

    def test_what_had_been_sent_before_stays_sent(self, people, away):
        sent_at = timezone.now() - timedelta(minutes=1)
        decision = recorded(a_row(people), people.mei)
        Decision.objects.update(sent_at=sent_at)
        decision.refresh_from_db()
        assert not decision.deliver()
        for each in (decision, fresh(decision)):
            assert (each.sent_at, each.delivery, each.tries) == (sent_at, "sent", 1)
            assert each.trouble

    def test_a_relay_does_not_knock_for_each_of_them(self, people, away):
        for _ in range(5):
            recorded(a_row(people), people.mei)
        assert relay_now() == 1

    def test_the_relay_leaves_what_is_not_due(self, people, away):
        recorded(a_row(people), people.mei)
        assert relay() == 0

    def test_a_refusal_for_good_is_kept_and_shown(self, people, monkeypatch):
        def refuse(envelope):
            raise client.Refused("namespace is read-only")

        monkeypatch.setattr(client, "send_decision", refuse)
        decision = recorded(a_row(people), people.mei)
        decision.deliver()
        assert (decision.delivery, decision.trouble) == ("recorded", "namespace is read-only")

    def test_one_bad_one_does_not_hold_up_the_others(self, people, monkeypatch):
        rows = [recorded(a_row(people), people.mei) for _ in range(3)]
        sent = []

        def send(envelope):
            if envelope["body"]["decision_id"] == str(rows[0].pk):
                raise client.Refused("no")
            sent.append(envelope["body"]["decision_id"])

        monkeypatch.setattr(client, "send_decision", send)
        assert relay_now() == 3
        assert sorted(sent) == sorted(str(each.pk) for each in rows[1:])


class TestOnItsWay:
    """A click draws its answer while the signal travels, and says of it only what came back."""

    @pytest.fixture
    def road(self, monkeypatch):
        """A Temporal that answers once the event is set."""
        road = threading.Event()
        monkeypatch.setattr(client, "send_decision", lambda envelope: road.wait(10))
        yield road
        road.set()

    def test_it_has_left_before_anybody_waits(self, transactional_db, people, road):
        decision = a_row(people).decide(people.mei, "approve", wait=False)
        assert (decision.delivery, decision.tries) == ("recorded", 0)
        road.set()
        assert decision.arrive()
        assert (fresh(decision).delivery, fresh(decision).tries) == ("sent", 1)

    def test_for_whom_nobody_waits_the_relay_sends_again(self, transactional_db, people, road):
        decision = a_row(people).decide(people.mei, "approve", wait=False)
        road.set()
        assert relay_now() == 1
        assert fresh(decision).delivery == "sent"

    def test_an_error_that_nobody_thought_of_is_kept_and_tried_again(
        self, people, monkeypatch, caplog
    ):
        def broken(envelope):
            raise FileNotFoundError("client.pem")

        monkeypatch.setattr(client, "send_decision", broken)
        bad, good = (recorded(a_row(people), people.mei) for _ in range(2))
        assert relay_now() == 2  # it holds up no other
        assert fresh(bad).trouble == "FileNotFoundError: client.pem"
        assert fresh(bad).tries == fresh(good).tries == 1
        assert "could not be sent" in caplog.text

    def test_that_its_way_cannot_be_written_down_changes_no_decision(
        self, transactional_db, people, road, monkeypatch, caplog
    ):
        decision = a_row(people).decide(people.mei, "approve", wait=False)
        road.set()

        def full(**values):
            raise DatabaseError("database or disk is full")

        monkeypatch.setattr(decision, "_stamp", full)
        assert not decision.arrive()
        assert "is recorded; how far it got is not" in caplog.text
        assert fresh(decision).delivery == "recorded"

    def test_a_click_is_answered_with_what_came_back(self, transactional_db, people, client):
        """The workflow had ended: the answer was drawn meanwhile, and yet it says so."""
        row, other = a_row(people, key="REF-1"), a_row(people)
        client.force_login(people.mei)
        drawn = threading.Event()

        def ended(envelope):
            assert drawn.wait(10)
            raise temporal.NotFound("workflow execution already completed")

        def draws(request, approval):
            drawn.set()
            return revision(request, approval)

        revision = panel.revision
        with (
            mock.patch.object(temporal, "send_decision", ended),
            mock.patch.object(panel, "revision", draws),
        ):
            answer = client.post(
                f"/approvals/{row.pk}/decision/",
                {"verdict": "approve", "sha": row.payload_sha256, "key": "a", "place": "pane"}
                | {"next": [str(other.pk)]},
                headers={"HX-Request": "true"},
            )
        assert json.loads(answer["HX-Trigger"])["say"].startswith("Not counted: REF-1.")


class TestOnce:
    def test_sent_again_and_again_it_is_one_event(self, desk, people):
        with working():
            flow = desk.task(quorum=2)
            row = flow.waiting()
        decision = row.decide(people.mei, "approve")
        for _ in range(5):
            assert decision.deliver()
        assert flow.signals() == 1

    def test_two_relays_at_once_are_one_event(self, desk, people):
        with working():
            flow = desk.task(quorum=2)
            row = flow.waiting()
        decisions = [recorded(row, people.mei), recorded(row, people.lena)]
        Decision.objects.update(next_try_at=timezone.now())
        barrier = threading.Barrier(2)

        def run():
            barrier.wait()
            relay()
            connections.close_all()

        threads = [threading.Thread(target=run) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert flow.signals() == 2
        with working():
            assert flow.result(30)["outcome"] == "approved"
        assert {fresh(each).delivery for each in decisions} == {"applied"}

    def test_what_was_applied_is_not_sent(self, desk, worker, people):
        flow = desk.task()
        decision = flow.approval().decide(people.mei, "approve")
        flow.result()
        until(lambda: fresh(decision).delivery == "applied")
        assert relay_now() == 0


class TestGone:
    """The workflow has ended: refused, in red, and for good."""

    def test_terminated(self, desk, people):
        with working():
            flow = desk.task()
            row = flow.waiting()
        flow.terminate()
        decision = row.decide(people.mei, "approve")
        assert fresh(decision).delivery == "refused"
        assert "already ended" in fresh(decision).refusal
        assert AuditEntry.objects.filter(action="refused").count() == 1

    def test_unknown_to_temporal(self, desk, people):
        decision = a_row(people).decide(people.mei, "approve")
        assert fresh(decision).delivery == "refused"

    def test_is_never_sent_to_a_newer_run_of_the_same_name(self, desk, people):
        with working():
            flow = desk.task()
            row = flow.waiting()
            decision = recorded(row, people.mei)
            flow.terminate()
            newer = desk.start("GuardedTask", {"task": "Pay again"}, name=flow.id)
            until(lambda: len(newer.approvals) == 2)
            for _ in range(3):
                relay_now()
            assert fresh(decision).delivery == "refused"
            assert newer.signals() == 0
            assert newer.status == "running"

    def test_a_signal_that_came_but_was_never_read_is_refused_in_the_end(self, desk, people):
        """Temporal knows the decision's id, and says OK to it for ever, though the run ended."""
        with working():
            flow = desk.task()
            row = flow.waiting()
        decision = row.decide(people.mei, "approve")
        flow.terminate()

        def ended():
            relay_now()
            reconcile()
            return fresh(decision).delivery == "refused"

        until(ended)


class TestServerKilled:
    def test_while_it_is_away_decisions_wait_and_arrive_once(
        self, transactional_db, people, tmp_path, monkeypatch
    ):
        """kill -9, a click, and the same database served again."""
        port, database = embedded.free_port(), tmp_path / "temporal.db"
        monkeypatch.setenv("TEMPORAL_ADDRESS", f"{embedded.HOST}:{port}")
        monkeypatch.setattr(client, "bridge", client.Bridge())
        desk = Desk()
        with embedded.running(port, database=database) as server, working():
            flows = [desk.task() for _ in range(3)]
            rows = [flow.waiting() for flow in flows]
            os.kill(server.pid, signal.SIGKILL)
            decisions = [
                row.decide(people.mei, verdict, "Because.")
                for row, verdict in zip(rows, ("approve", "reject", "approve"), strict=True)
            ]
            assert {fresh(each).delivery for each in decisions} == {"recorded"}
            with embedded.running(port, database=database):
                until(lambda: relay_now() == 0, seconds=30)
                outcomes = [flow.result(30)["outcome"] for flow in flows]
                assert outcomes == ["approved", "rejected", "approved"]
                assert [flow.signals() for flow in flows] == [1, 1, 1]
                assert [flow.agent_runs() for flow in flows] == [1, 0, 1]
                assert {fresh(each).delivery for each in decisions} == {"applied"}


def test_a_click_waits_no_longer_than_a_person_would(transactional_db, people, monkeypatch):
    """Nothing listens there, and something that never answers does."""
    import socket
    import time

    row = a_row(people, quorum=3)
    with socket.create_server((embedded.HOST, 0)) as silent:
        for port in (silent.getsockname()[1], embedded.free_port()):
            monkeypatch.setenv("TEMPORAL_ADDRESS", f"{embedded.HOST}:{port}")
            monkeypatch.setattr(client, "bridge", client.Bridge())
            by = people.mei if row.decisions.count() == 0 else people.lena
            began = time.monotonic()
            assert row.decide(by, "approve").delivery == "recorded"
            assert time.monotonic() - began < 3.5


class TestRelay:
    def test_takes_a_hundred_at_a_time(self, people, monkeypatch):
        monkeypatch.setattr(client, "send_decision", lambda envelope: None)
        for _ in range(5):
            recorded(a_row(people), people.mei)
        Decision.objects.update(next_try_at=timezone.now() - timedelta(seconds=1))
        assert relay(most=3) == 3
        assert relay(most=3) == 2
        assert relay() == 0
