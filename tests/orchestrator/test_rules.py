"""The rules of an approval, end to end on a real server: terms, votes, time, corrections."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Group, User
from django.utils import timezone

from approvals.models import (
    Approval,
    AuditEntry,
    Decision,
    Delegation,
    LinkedIdentity,
    Queue,
    QueueEscalation,
)
from approvals.models.errors import AlreadyDecided, Incomplete, NotYours
from orchestrator import contract
from tests.desk import envelope_for, recorded, until, working


@pytest.fixture
def finance(people):
    group = Group.objects.create(name="Finance")
    people.mei.groups.add(group)
    people.lena.groups.add(group)
    return group


@pytest.fixture
def security(people):
    group = Group.objects.create(name="Security")
    people.tomasz.groups.add(group)
    people.lena.groups.add(group)
    return group


@pytest.fixture
def board(people):
    queue = Queue.objects.create(slug="board", name="Board")
    people.reviewer("ines", queue)
    people.ines = User.objects.get(username="ines")
    return queue


def change(queue, **values):
    for name, value in values.items():
        setattr(queue, name, value)
    queue.full_clean()
    queue.save()


def fresh(row):
    return Approval.objects.get(pk=row.pk)


class TestGroups:
    def test_each_must_be_represented(self, desk, worker, people, finance, security):
        people.general.required_groups.add(finance, security)
        flow = desk.approval()
        row = flow.waiting()
        assert row.quorum == 2
        row.decide(people.mei, "approve")
        row = until(lambda: (now := fresh(row)).version and now)
        row.decide(people.tomasz, "approve")
        assert flow.result()["outcome"] == "approved"

    def test_nobody_stands_for_two(self, desk, worker, people, finance, security):
        """Two of finance are a quorum, and one of them is of security as well."""
        people.general.required_groups.add(finance, security)
        anna = people.reviewer("anna")
        flow = desk.approval(quorum=2)
        row = flow.waiting()
        row.decide(anna, "approve")
        row.decide(people.lena, "approve")
        until(lambda: len(flow.snapshot().counted) == 2)
        assert flow.status == "running"
        assert fresh(row).is_open
        fresh(row).decide(people.mei, "approve")
        assert flow.result()["outcome"] == "approved"

    def test_one_that_nobody_is_in_cannot_be_asked(self, desk, worker, people):
        Group.objects.create(name="Empty")
        flow = desk.approval(groups=["Empty"])
        assert "nobody stands for" in flow.failure().message

    def test_an_unknown_one_cannot_be_asked(self, desk, worker, people):
        assert "no group Legal" in desk.approval(groups=["Legal"]).failure().message


class TestRejectQuorum:
    def test_one_rejection_is_not_enough(self, desk, worker, people):
        change(people.general, reject_quorum=2, due_seconds=3600)
        flow = desk.approval()
        row = flow.waiting()
        row.decide(people.mei, "reject", "No.")
        until(lambda: flow.snapshot().counted)
        assert fresh(row).is_open
        fresh(row).decide(people.lena, "reject", "No, never.")
        answer = flow.result()
        assert (answer["outcome"], answer["reason"]) == ("rejected", "No, never.")

    def test_the_quorum_outweighs_one_rejection(self, desk, worker, people):
        change(people.general, reject_quorum=2, due_seconds=3600, quorum=2)
        flow = desk.approval()
        row = flow.waiting()
        row.decide(people.mei, "reject", "No.")
        fresh(row).decide(people.lena, "approve")
        fresh(row).decide(people.tomasz, "approve")
        answer = flow.result()
        assert (answer["outcome"], answer["reason"]) == ("approved", "")

    def test_it_needs_people_enough_to_come_to_an_end(self, desk, worker, people):
        change(people.general, reject_quorum=3, due_seconds=3600)
        flow = desk.approval(quorum=2)
        assert "3 may decide this, and 4 must" in flow.failure().message


class TestVerdicts:
    def test_changes_requested_is_an_outcome(self, desk, worker, people):
        change(people.general, offers_changes=True)
        flow = desk.task()
        row = flow.waiting()
        with pytest.raises(Incomplete, match="what should change"):
            row.decide(people.mei, "request_changes")
        row.decide(people.mei, "request_changes", "Split it in two.")
        answer = flow.result()
        assert (answer["outcome"], answer["reason"]) == ("changes_requested", "Split it in two.")
        assert flow.agent_runs() == 0
        assert flow.closed().state == "changes_requested"

    def test_changes_can_be_asked_only_where_the_queue_says_so(self, desk, worker, people):
        with pytest.raises(Incomplete):
            desk.approval().waiting().decide(people.mei, "request_changes", "Split it.")

    def test_an_answer_of_ones_own_is_in_the_outcome(self, desk, worker, people):
        half = {"name": "half", "label": "Refund half of it", "means": "approve"}
        flow = desk.approval(verdicts=[half])
        flow.waiting().decide(people.mei, "approve", option="half")
        answer = flow.result()
        assert (answer["outcome"], answer["verdict"]) == ("approved", "half")
        assert answer["decisions"][0]["option"] == "half"

    def test_people_must_agree_on_what_they_approve(self, desk, worker, people):
        half = {"name": "half", "label": "Refund half of it", "means": "approve"}
        flow = desk.approval(verdicts=[half], quorum=2)
        row = flow.waiting()
        row.decide(people.mei, "approve", option="half")
        fresh(row).decide(people.lena, "approve")
        until(lambda: len(flow.snapshot().counted) == 2)
        assert fresh(row).is_open
        fresh(row).decide(people.tomasz, "approve", option="half")
        assert flow.result()["verdict"] == "half"

    def test_an_answer_means_what_it_says(self, desk, worker, people):
        later = {"name": "later", "label": "Not now", "means": "reject"}
        row = desk.approval(verdicts=[later]).waiting()
        with pytest.raises(Incomplete):
            row.decide(people.mei, "approve", option="later")

    def test_a_reason_to_approve_where_the_queue_wants_one(self, desk, worker, people):
        change(people.general, comment_to_approve=True)
        row = desk.approval().waiting()
        with pytest.raises(Incomplete, match="why you approve"):
            row.decide(people.mei, "approve")


class TestFourEyes:
    def test_a_second_account_of_who_asked_does_not_count(self, desk, worker, people):
        LinkedIdentity.objects.create(user=people.amira, name="mei")
        row = desk.approval(requester="amira").waiting()
        with pytest.raises(NotYours):
            row.decide(people.mei, "approve")
        assert not Approval.objects.waiting().decidable_by(people.mei).exists()

    def test_two_accounts_of_one_person_are_one_vote(self, desk, worker, people):
        twin = people.reviewer("mei-2")
        LinkedIdentity.objects.create(user=people.mei, name="mei-2")
        flow = desk.approval(quorum=2)
        row = flow.waiting()
        row.decide(people.mei, "approve")
        with pytest.raises(AlreadyDecided):
            fresh(row).decide(twin, "approve")
        body = envelope_for(row, twin, accounts=[str(people.mei.pk), str(twin.pk)])
        flow.signal(body)
        until(lambda: flow.snapshot().refused)
        assert "same person" in flow.snapshot().refused[0].refusal

    def test_whoever_corrected_it_approves_under_no_name(self, desk, worker, people):
        twin = people.reviewer("lena-2")
        LinkedIdentity.objects.create(user=people.lena, name="lena-2")
        row = desk.approval(quorum=2, editable=["amount"]).waiting()
        row.decide(people.lena, "correct", "Typo.", edits={"amount": "12.00"})
        row = until(lambda: (now := fresh(row)).as_asked and now)
        with pytest.raises(NotYours):
            row.decide(twin, "approve")

    def test_accounts_that_are_linked_by_a_third_one(self, desk, worker, people):
        for name in ("b2", "c2"):
            people.reviewer(name)
            LinkedIdentity.objects.create(user=people.mei, name=name)
        row = desk.approval(requester="b2").waiting()
        for name in ("mei", "c2"):
            assert not row.may_be_decided_by(User.objects.get(username=name))

    def test_whoever_asks_under_a_linked_name_is_that_person(self, desk, worker, people):
        LinkedIdentity.objects.create(user=people.mei, name="mei-bot")
        row = desk.approval(requester="Mei-Bot").waiting()
        assert row.requester_user == people.mei
        with pytest.raises(NotYours):
            row.decide(people.mei, "approve")

    def test_an_unverified_requester_costs_one_more(self, desk, worker, people):
        change(people.general, unverified_costs_one_more=True)
        assert desk.approval(requester="amira").waiting().quorum == 2


class TestStages:
    def test_one_after_the_other(self, desk, worker, people, board):
        flow = desk.approval(stages=["board"])
        row = flow.waiting()
        with pytest.raises(NotYours):
            row.decide(people.ines, "approve")
        row.decide(people.mei, "approve")
        row = until(lambda: (now := fresh(row)).stage == 1 and now)
        assert (row.queue, row.approvals, row.is_open) == (board, 0, True)
        assert Approval.objects.visible_to(people.mei).filter(pk=row.pk).exists()
        with pytest.raises(NotYours):
            row.decide(people.lena, "approve")
        assert flow.status == "running"
        row.decide(people.ines, "approve")
        answer = flow.result()
        assert answer["outcome"] == "approved"
        assert [each["reviewer"] for each in answer["decisions"]] == ["mei", "ines"]

    def test_nobody_counts_twice(self, desk, worker, people, board):
        board.reviewers.add(people.mei)
        flow = desk.approval(stages=["board"])
        row = flow.waiting()
        row.decide(people.mei, "approve")
        row = until(lambda: (now := fresh(row)).stage == 1 and now)
        with pytest.raises(AlreadyDecided):
            row.decide(people.mei, "approve")

    def test_a_rejection_at_any_stage_ends_it(self, desk, worker, people, board):
        flow = desk.approval(stages=["board"])
        row = flow.waiting()
        row.decide(people.mei, "approve")
        until(lambda: fresh(row).stage == 1)
        fresh(row).decide(people.ines, "reject", "Too much.")
        assert flow.result()["outcome"] == "rejected"

    def test_a_vote_for_an_earlier_stage_is_refused(self, desk, worker, people, board):
        flow = desk.approval(stages=["board"])
        row = flow.waiting()
        row.decide(people.mei, "approve")
        until(lambda: fresh(row).stage == 1)
        with pytest.raises((AlreadyDecided, NotYours)):
            row.decide(people.lena, "approve")  # as read before

    def test_too_late_to_take_back_once_others_are_asked(self, desk, worker, people, board):
        row = desk.approval(stages=["board"]).waiting()
        row.decide(people.mei, "approve")
        until(lambda: fresh(row).stage == 1)
        with pytest.raises(AlreadyDecided, match="Too late"):
            fresh(row).take_back(people.mei)


class TestTime:
    def test_others_are_asked_when_nobody_decides(self, desk, worker, people, board):
        group = Group.objects.create(name="Heads")
        people.ines.groups.add(group)
        change(people.general, on_timeout="escalate", due_seconds=1)
        QueueEscalation.objects.create(queue=people.general, group=group, seconds=3600)
        flow = desk.approval()
        row = flow.waiting()
        with pytest.raises(NotYours):
            row.decide(people.ines, "approve")
        row = until(lambda: (now := fresh(row)).escalated and now)
        assert row.is_overdue
        assert row.is_open
        assert Approval.objects.waiting().decidable_by(people.ines).exists()
        assert Approval.objects.visible_to(people.ines).exists()
        row.decide(people.ines, "approve")
        assert flow.result()["outcome"] == "approved"

    def test_it_ends_when_the_last_ones_do_not_decide_either(self, desk, worker, people, board):
        group = Group.objects.create(name="Heads")
        change(people.general, on_timeout="escalate", due_seconds=1)
        QueueEscalation.objects.create(queue=people.general, group=group, seconds=1)
        flow = desk.approval()
        assert flow.result()["outcome"] == "rejected"
        assert flow.closed().escalated == 1

    def test_silence_is_yes_only_in_an_admins_words(self, desk, worker, people):
        people.general.on_timeout, people.general.due_seconds = "approve", 1
        with pytest.raises(Exception, match="in words"):
            people.general.full_clean()
        change(people.general, silence_words="Reports go out unless somebody objects.")
        answer = desk.approval().result()
        assert answer["outcome"] == "approved"
        assert answer["decisions"] == []
        assert answer["reason"].endswith("Reports go out unless somebody objects.")

    def test_a_request_can_refuse_such_a_yes(self, desk, worker, people):
        change(people.general, on_timeout="approve", due_seconds=1, silence_words="It is fine.")
        assert desk.approval(on_timeout="reject").result()["outcome"] == "rejected"

    def test_a_no_that_has_not_arrived_is_heard_before_silence(self, desk, worker, people):
        change(people.general, on_timeout="approve", due_seconds=2, silence_words="It is fine.")
        flow = desk.approval()
        recorded(flow.waiting(), people.mei, "reject", comment="No.")
        answer = flow.result()
        assert answer["outcome"] == "rejected"
        assert "mei said no before the deadline." in answer["reason"]

    def test_nobody_shortens_the_time_to_say_no(self, desk, worker, people):
        change(people.general, on_timeout="approve", due_seconds=3600, silence_words="It is fine.")
        row = desk.approval(due_seconds=1).waiting()
        assert row.due_at - row.opened_at == timedelta(seconds=3600)

    def test_silence_is_no_yes_where_more_is_asked_than_the_queue_does(
        self, desk, worker, people, board
    ):
        change(people.general, on_timeout="approve", due_seconds=3600, silence_words="It is fine.")
        assert desk.approval().waiting().on_timeout == "approve"
        for more in ({"stages": ["board"]}, {"quorum": 2}):
            assert desk.approval(**more).waiting().on_timeout == "reject"

    @pytest.mark.parametrize("ahead", [timedelta(hours=2), timedelta(hours=-2)])
    def test_the_deadline_is_kept_where_clocks_disagree(
        self, desk, worker, people, ahead, monkeypatch
    ):
        """The desk's clock is simulated: its `timezone.now` is two hours off, Temporal's is not."""
        real = timezone.now
        monkeypatch.setattr(timezone, "now", lambda: real() + ahead)
        flow = desk.approval(due_seconds=2)
        assert flow.result()["outcome"] == "rejected"
        took = flow.events("WORKFLOW_EXECUTION_COMPLETED")[0].event_time.ToDatetime()
        began = flow.events("WORKFLOW_EXECUTION_STARTED")[0].event_time.ToDatetime()
        assert timedelta(seconds=1) < took - began < timedelta(seconds=10)

    def test_reminders_and_escalation_survive_a_worker(self, desk, people, board):
        heads = Group.objects.create(name="Heads")
        people.ines.groups.add(heads)
        change(people.general, on_timeout="escalate", due_seconds=3, remind_every_seconds=1)
        QueueEscalation.objects.create(queue=people.general, group=heads, seconds=3600)
        with working():
            flow = desk.approval()
            row = flow.waiting()
        until(lambda: timezone.now() > row.due_at)
        assert not fresh(row).escalated
        with working():
            until(lambda: fresh(row).escalated)
            assert fresh(row).reminded >= 1
            fresh(row).decide(people.ines, "approve")
            assert flow.result()["outcome"] == "approved"

    def test_a_reminder_is_told(self, desk, worker, people):
        change(people.general, remind_every_seconds=1, due_seconds=3600)
        flow = desk.approval()
        row = flow.waiting()
        until(lambda: fresh(row).reminded >= 2)
        assert AuditEntry.objects.filter(approval=row, action="reminded").count() >= 2
        fresh(row).decide(people.mei, "approve")
        assert flow.result()["outcome"] == "approved"


class TestDelegation:
    @pytest.fixture
    def stand_in(self, people):
        other = User.objects.create(username="ola")
        now = timezone.now()
        Delegation.objects.create(
            away=people.mei, to=other, starts=now - timedelta(1), ends=now + timedelta(1)
        )
        return other

    def test_decides_on_behalf_of_who_is_away(self, desk, worker, people, stand_in):
        flow = desk.approval()
        row = flow.waiting()
        assert Approval.objects.waiting().decidable_by(stand_in).exists()
        decision = row.decide(stand_in, "approve")
        assert decision.on_behalf_of == people.mei
        (said,) = flow.result()["decisions"]
        assert (said["reviewer"], said["behalf"]) == ("ola", "mei")

    def test_one_vote_for_both(self, desk, worker, people, stand_in):
        row = desk.approval(quorum=2).waiting()
        row.decide(people.mei, "approve")
        with pytest.raises(AlreadyDecided):
            fresh(row).decide(stand_in, "approve")

    def test_not_for_who_asked(self, desk, worker, people, stand_in):
        row = desk.approval(requester="mei").waiting()
        with pytest.raises(NotYours):
            row.decide(stand_in, "approve")

    def test_of_two_who_are_away_one_after_the_other(self, desk, worker, people, stand_in):
        now = timezone.now()
        Delegation.objects.create(
            away=people.lena, to=stand_in, starts=now - timedelta(1), ends=now + timedelta(1)
        )
        row = desk.approval(quorum=2).waiting()
        row.decide(people.mei, "approve")
        assert fresh(row).decide(stand_in, "approve").on_behalf_of == people.lena

    def test_not_when_the_time_is_over(self, desk, worker, people, stand_in):
        Delegation.objects.update(ends=timezone.now())
        with pytest.raises(NotYours):
            desk.approval().waiting().decide(stand_in, "approve")

    def test_not_in_other_queues(self, desk, worker, people, stand_in, board):
        Delegation.objects.get().queues.add(board)
        with pytest.raises(NotYours):
            desk.approval().waiting().decide(stand_in, "approve")


FORM = {
    "type": "object",
    "properties": {"ticket": {"type": "string", "minLength": 5}},
    "required": ["ticket"],
}


class TestForm:
    def test_its_answers_are_in_the_outcome(self, desk, worker, people):
        flow = desk.approval(form=FORM)
        flow.waiting().decide(people.mei, "approve", form={"ticket": "CHG-7"})
        assert flow.result()["form"] == {"ticket": "CHG-7"}

    def test_an_approve_without_them_is_refused(self, desk, worker, people):
        row = desk.approval(form=FORM).waiting()
        for form in (None, {}, {"ticket": "7"}, {"ticket": 7}):
            with pytest.raises(Incomplete):
                row.decide(people.mei, "approve", form=form)

    def test_the_workflow_checks_them_too(self, desk, worker, people, monkeypatch):
        flow = desk.approval(form=FORM)
        row = flow.waiting()
        with monkeypatch.context() as desk_only:
            desk_only.setattr("approvals.models.answerable.faults_of", lambda body, terms: "")
            decision = row.decide(people.mei, "approve", form={"ticket": "no"})
        refused = Decision.objects.filter(pk=decision.pk, refused_at__isnull=False)
        assert "do not fit" in until(refused.first).refusal
        assert flow.status == "running"

    def test_a_rejection_needs_them_only_where_the_form_says_so(self, desk, worker, people):
        flow = desk.approval(form=FORM)
        flow.waiting().decide(people.mei, "reject", "No.")
        assert flow.result()["form"] is None

    def test_what_is_no_schema_cannot_be_asked(self, desk, worker, people):
        flow = desk.approval(form={"type": "object", "properties": 7})
        assert "`form` does not fit" in flow.failure().message


class TestCorrection:
    def test_of_who_decides_alone_is_in_the_outcome(self, desk, worker, people):
        payload = {"amount": "120.00", "vendor": "Acme"}
        flow = desk.approval(payload=payload, editable=["amount"])
        flow.waiting().decide(people.mei, "approve", edits={"amount": "100.00"})
        answer = flow.result()
        assert answer["payload"] == {"amount": "100.00", "vendor": "Acme"}
        assert answer["payload_sha256"] == contract.sha256(answer["payload"])
        row = flow.closed()
        assert (row.payload, row.as_asked) == (answer["payload"], payload)

    def test_an_undo_takes_it_back_as_well(self, desk, worker, people):
        change(people.general, undo_seconds=30)
        flow = desk.approval(editable=["amount"])
        row = flow.waiting()
        row.decide(people.mei, "approve", edits={"amount": "9.00"})
        until(lambda: flow.snapshot().held)
        assert fresh(row).payload == {"amount": "120.00"}
        fresh(row).take_back(people.mei)
        until(lambda: not flow.snapshot().counted)
        until(lambda: fresh(row).is_open)
        vote = fresh(row).decide(people.lena, "approve")
        until(lambda: Decision.objects.get(pk=vote.pk).acknowledged_at)

    def test_only_of_what_is_editable(self, desk, worker, people):
        row = desk.approval(editable=["amount"]).waiting()
        with pytest.raises(Incomplete, match="nobody may correct"):
            row.decide(people.mei, "approve", edits={"iban": "SE35"})

    def test_voids_earlier_votes_where_more_must_agree(self, desk, worker, people):
        anna = people.reviewer("anna")
        flow = desk.approval(quorum=2, editable=["amount"])
        row = flow.waiting()
        first = row.decide(people.mei, "approve")
        until(lambda: Decision.objects.get(pk=first.pk).acknowledged_at)
        fresh(row).decide(people.lena, "correct", "Typo.", edits={"amount": "12.00"})
        row = until(lambda: (now := fresh(row)).payload == {"amount": "12.00"} and now)
        assert (row.is_open, row.approvals) == (True, 0)
        assert Decision.objects.get(pk=first.pk).refusal.startswith("Void")
        with pytest.raises(NotYours):
            row.decide(people.lena, "approve")
        row.decide(people.mei, "approve")
        fresh(row).decide(anna, "approve")
        answer = flow.result()
        assert answer["payload"] == {"amount": "12.00"}
        assert [each["reviewer"] for each in answer["decisions"]] == ["mei", "anna"]

    def test_a_vote_for_what_was_asked_before_is_refused(self, desk, worker, people):
        flow = desk.approval(quorum=2, editable=["amount"])
        row = flow.waiting()
        late = recorded(row, people.tomasz)
        fresh(row).decide(people.lena, "correct", "Typo.", edits={"amount": "12.00"})
        until(lambda: fresh(row).as_asked)
        late.deliver()
        refused = Decision.objects.filter(pk=late.pk, refused_at__isnull=False)
        assert until(refused.first).refusal == "It was made for another payload."
        assert fresh(row).approvals == 0


class TestViewers:
    def test_see_and_do_not_decide(self, desk, worker, people):
        ola = User.objects.create(username="ola")
        people.general.viewers.add(ola)
        row = desk.approval().waiting()
        assert Approval.objects.visible_to(ola).filter(pk=row.pk).exists()
        assert not Approval.objects.decidable_by(ola).exists()
        with pytest.raises(NotYours):
            row.decide(ola, "approve")


class TestTerms:
    def test_an_edit_of_the_queue_changes_nothing_that_waits(self, desk, worker, people, finance):
        change(people.general, quorum=2, comment_to_approve=True, confirm_risk="low")
        people.general.required_groups.add(finance)
        flow = desk.approval()
        row = flow.waiting()
        change(people.general, quorum=1, comment_to_approve=False, confirm_risk="never")
        people.general.required_groups.clear()
        row = fresh(row)
        assert row.asks_twice
        with pytest.raises(Incomplete):
            row.decide(people.tomasz, "approve")
        row.decide(people.tomasz, "approve", "Fine.")
        until(lambda: flow.snapshot().counted)
        fresh(row).decide(people.mei, "approve", "Fine.")
        assert flow.result()["outcome"] == "approved"


class TestPolicy:
    """Rules look at every approval, also at one that a workflow started itself."""

    def rule(self, **rule):
        from approvals.models import PolicyVersion

        number = PolicyVersion.objects.count()
        PolicyVersion.make([{"name": "x", **rule}], after=number, by=None, note="", changes=[])

    def test_what_it_asks_becomes_terms(self, desk, worker, people, board, finance):
        self.rule(then="ask", quorum=2, groups=["Finance"], stages=["board"], risk="high")
        row = desk.approval().waiting()
        assert (row.quorum, row.risk, row.asks_twice) == (2, "high", True)
        terms = row.terms()
        assert (terms.groups, [each.queue for each in terms.stages]) == (["Finance"], ["board"])
        assert terms.policy["version"] == 1
        assert terms.policy["rules"] == ["x"]
        assert len(terms.policy["sha256"]) == 64

    def test_the_same_for_a_guarded_task(self, desk, worker, people, board):
        self.rule(then="ask", queue="board", warning="Look twice.")
        flow = desk.task()
        row = flow.waiting()
        assert row.queue == board
        assert row.terms().policy["warnings"] == ["Look twice."]

    def test_what_it_allows_asks_nobody(self, desk, worker, people):
        self.rule(then="allow", reason="It is small.")
        flow = desk.approval()
        answer = flow.result()
        assert (answer["outcome"], answer["rule"], answer["decisions"]) == ("approved", "x", [])
        row = flow.closed()
        assert row.state == "approved"
        assert AuditEntry.objects.filter(approval=row, action="allow", actor_name="rule x").exists()

    def test_what_it_denies_is_rejected(self, desk, worker, people):
        self.rule(then="deny", reason="Never on a Friday.")
        answer = desk.approval().result()
        assert (answer["outcome"], answer["reason"]) == ("rejected", "Never on a Friday.")

    def test_nobody_decides_what_it_has_settled(self, desk, people):
        """The row is there, and the workflow has not gone on yet."""
        from tests.desk import an_opened

        self.rule(then="allow")
        row = an_opened()
        assert not Approval.objects.waiting().exists()
        with pytest.raises(AlreadyDecided):
            row.decide(people.mei, "reject", "No.")
