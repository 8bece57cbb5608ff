"""What a caller, a reviewer or a slip could turn into a yes that nobody gave, or into no end."""

import pytest
from django.contrib.auth.models import Group, User

from approvals.models import (
    Approval,
    Decision,
    PolicyCheck,
    PolicyVersion,
    Queue,
    QueueEscalation,
    WorkflowRun,
)
from approvals.models.errors import Incomplete
from orchestrator import contract
from orchestrator.contract import InvalidRequest, Request, Run, Snapshot
from tests.desk import a_request, an_opened

pytestmark = pytest.mark.usefixtures("away")


def policy(**rule):
    number = PolicyVersion.objects.count()
    PolicyVersion.make([{"name": "x", **rule}], after=number, by=None, note="", changes=[])


class TestCorrections:
    def test_rules_look_at_what_it_becomes(self, people):
        policy(then="deny", when="double(payload.amount) > 1000.0")
        row = an_opened(payload={"amount": 5}, editable=["amount"])
        with pytest.raises(Incomplete, match="Policy denies"):
            row.decide(people.mei, "approve", edits={"amount": 1_000_000})
        row.decide(people.mei, "approve", edits={"amount": 6})

    def test_what_would_need_more_people_is_not_made_of_it(self, people):
        policy(then="ask", quorum=2, when="double(payload.amount) > 1000.0")
        row = an_opened(payload={"amount": 5}, editable=["amount"])
        with pytest.raises(Incomplete, match="more people"):
            row.decide(people.mei, "approve", edits={"amount": 1_000_000})

    def test_somebody_is_left_to_approve_it(self, people):
        people.general.reviewers.set([people.mei])
        row = an_opened(editable=["amount"])
        with pytest.raises(Incomplete, match="Nobody would be left"):
            row.decide(people.mei, "correct", "Typo.", edits={"amount": "1.00"})

    def test_the_same_value_corrects_nothing(self, people):
        row = an_opened(editable=["amount"], quorum=2)
        with pytest.raises(Incomplete, match="corrects nothing"):
            row.decide(people.mei, "correct", "Typo.", edits={"amount": "120.00"})


class TestForms:
    @pytest.mark.parametrize(
        "form",
        [
            {"type": "object", "properties": {"a": {"type": "string", "pattern": "^(a+)+$"}}},
            {"type": "object", "patternProperties": {"^(a+)+$": {}}},
            {"type": "object", "properties": {"a": {"$dynamicRef": "#a"}}},
            {"type": "object", "allOf": [{"properties": {"a": {"pattern": "x"}}}]},
            {"type": "object", "x-verdicts": ["retract"]},
            {"type": "object", "x-verdicts": 5},
            {"type": "object", "x-verdicts": None},
        ],
    )
    def test_hold_nothing_that_hangs_or_hinders(self, people, form):
        with pytest.raises(InvalidRequest, match="`form`"):
            an_opened(form=form)

    def test_may_have_a_field_called_pattern(self, people):
        an_opened(form={"type": "object", "properties": {"pattern": {"type": "string"}}})

    def test_make_no_rejection_harder(self, people):
        form = {"type": "object", "required": ["never"], "x-verdicts": ["approve", "reject"]}
        row = an_opened(form={**form, "properties": {"never": {"enum": []}}})
        row.decide(people.mei, "reject", "No.")


def test_a_caller_renames_no_answer_of_the_queue(people):
    own = {"name": "decline", "label": "Decline", "means": "reject"}
    Queue.objects.update(answers=[own])
    with pytest.raises(InvalidRequest, match="one of the queue's own"):
        an_opened(verdicts=[{**own, "means": "approve"}])


def test_nobody_is_needed_at_two_stages(people):
    treasury = Queue.objects.create(slug="treasury", name="Treasury")
    people.general.reviewers.set([people.mei])
    treasury.reviewers.add(people.mei)
    with pytest.raises(InvalidRequest, match="Nobody counts at two stages"):
        an_opened(stages=["treasury"])
    treasury.reviewers.add(people.lena)
    an_opened(stages=["treasury"])


def test_every_step_of_a_workflow_is_judged_by_its_own_title(people):
    run = Run("w", "run-1", "PayInvoice")
    first = Request.read(a_request(title="Pay lunch"))
    Approval.open("00000000-0000-4000-8000-000000000001", first, run)
    assert PolicyCheck.objects.get(run=WorkflowRun.objects.get()).task == "Pay lunch"
    second = Request.read(a_request(title="forbidden: wire everything"))
    assert PolicyCheck.task_of(run, second) == second.title
    row = Approval.open("00000000-0000-4000-8000-000000000002", second, run)
    assert row.terms().ruled == contract.REJECTED


def test_who_decided_because_others_had_not_sees_what_became_of_it(people, client):
    heads, ola = Group.objects.create(name="Heads"), User.objects.create(username="ola")
    ola.groups.add(heads)
    Queue.objects.update(on_timeout="escalate", due_seconds=60)
    QueueEscalation.objects.create(queue=people.general, group=heads, seconds=60)
    row = an_opened()
    run = Run(row.workflow_id, row.run_id, row.workflow_type)
    Approval.publish(Snapshot(str(row.pk), run, 1, "waiting", escalated=1))
    Approval.objects.get(pk=row.pk).decide(ola, "approve")
    Approval.publish(Snapshot(str(row.pk), run, 2, "approved"))
    seen = User.objects.get(pk=ola.pk)
    assert Approval.objects.visible_to(seen).filter(pk=row.pk).exists()
    assert Approval.objects.history_of(seen).filter(pk=row.pk).exists()


def test_nobody_approves_faster_in_bulk_than_one_by_one(people):
    from approvals.bulk import Selection

    Queue.objects.update(most_a_minute=2)
    rows = [an_opened() for _number in range(4)]
    looks = [each.look for each in Selection(people.mei, [str(each.pk) for each in rows]).items]
    assert [bool(each) for each in looks] == [False, False, True, True]
    assert "need your password" in looks[-1]
    assert not Decision.objects.exists()
