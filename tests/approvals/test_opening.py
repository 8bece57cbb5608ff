"""The terms that an approval opens on: never weaker than its queue, its request or policy asks."""

import random
from datetime import timedelta

import pytest
from django.contrib.auth.models import Group, User
from django.utils import timezone

from approvals.models import Queue
from approvals.models.opening import Asker, terms_for
from approvals.policy import Asks, Finding
from orchestrator import contract, signing
from orchestrator.contract import InvalidRequest, Request
from tests.desk import a_request, an_opened

GROUPS = ("Finance", "Security", "Legal")


@pytest.fixture
def crowd(people):
    """Enough people of every group for any terms."""
    for name in GROUPS:
        group = Group.objects.create(name=name)
        for number in range(6):
            user = User.objects.create(username=f"{name}-{number}")
            user.groups.add(group)
            people.general.reviewers.add(user)
    return people


def some(pick, values):
    return pick.sample(values, pick.randint(0, len(values)))


@pytest.mark.parametrize("seed", range(40))
def test_are_the_strictest_of_all(crowd, seed):
    pick, queue, now = random.Random(seed), crowd.general, timezone.now()
    queue.quorum = pick.randint(1, 3)
    queue.due_seconds = pick.choice([None, 60, 3600])
    queue.on_timeout = pick.choice(["reject", "expire"])
    queue.confirm_risk = pick.choice(contract.RISKS)
    queue.unverified_costs_one_more = pick.random() < 0.5
    queue.save()
    own = some(pick, GROUPS)
    queue.required_groups.set(Group.objects.filter(name__in=own))
    asked = {
        "quorum": pick.choice([None, 1, 2, 4]),
        "groups": some(pick, GROUPS),
        "due_seconds": pick.choice([None, 30, 7200]),
        "risk": pick.choice(contract.RISKS),
        "on_timeout": pick.choice([None, "reject", "expire"]),
        "requester": pick.choice(["", "amira", "mei"]),
    }
    asks = Asks(
        quorum=pick.choice([None, 1, 5]),
        groups=tuple(some(pick, GROUPS)),
        risk=pick.choice([None, *contract.RISKS]),
        due_seconds=pick.choice([None, 10, 9000]),
    )
    request = Request.read(a_request(**asked))
    finding = Finding(contract.ASK, "x", "", asks=asks)
    terms = terms_for("id", "run", request, Asker.of(request, None), finding, now)

    for quorum in (queue.quorum, asked["quorum"], asks.quorum):
        assert terms.quorum >= (quorum or 1)
    assert set(terms.groups) == {*own, *asked["groups"], *asks.groups}
    assert terms.quorum >= len(terms.groups) + queue.unverified_costs_one_more
    for seconds in filter(None, (queue.due_seconds, asked["due_seconds"], asks.due_seconds)):
        assert terms.due_at <= (now + timedelta(seconds=seconds)).isoformat()
    order = contract.RISKS.index
    assert order(terms.risk) >= max(order(asked["risk"]), order(asks.risk or "low"))
    assert terms.confirm == (order(terms.risk) >= order(queue.confirm_risk))
    if request.requester:
        assert terms.requester_id in terms.excluded


class TestWhoAsks:
    def proof(self, user, **changes):
        from django.conf import settings

        said = {
            "v": 1,
            "workflow_id": "w",
            "requester": user.username,
            "requester_id": str(user.pk),
            "starter_id": str(user.pk),
        }
        return signing.Signer.load(settings.VAR).sign(said | changes)

    @pytest.fixture
    def opened(self, people):
        from approvals.models import Approval
        from orchestrator.contract import Run

        def opened(number, **request):
            run = Run("w", f"run-{number}", contract.APPROVAL)
            key = f"00000000-0000-4000-8000-00000000000{number}"
            return Approval.open(key, Request.read(a_request(**request)), run)

        return opened

    def test_is_verified_where_the_desk_signed_it(self, opened, people):
        Queue.objects.update(unverified_costs_one_more=True)
        seen = opened(1, requester="amira", proof=self.proof(people.amira))
        assert (seen.verified, seen.quorum) == (True, 1)

    def test_another_starter_does_not_count_either(self, opened, people):
        proof = self.proof(people.amira, starter_id=str(people.mei.pk))
        row = opened(1, requester="amira", proof=proof)
        assert not row.may_be_decided_by(people.mei)
        assert row.may_be_decided_by(people.lena)

    @pytest.mark.parametrize(
        "changes", [{"workflow_id": "another"}, {"requester": "lena"}, {"requester_id": "999"}]
    )
    def test_a_proof_of_something_else_proves_nothing(self, opened, people, changes):
        row = opened(1, requester="amira", proof=self.proof(people.amira, **changes))
        assert not row.verified

    def test_a_forged_proof_proves_nothing(self, opened, people):
        proof = self.proof(people.amira)
        proof["body"]["starter_id"] = "1"
        assert not opened(1, requester="amira", proof=proof).verified


def test_a_stage_in_a_queue_that_nobody_knows_cannot_be_asked(people):
    with pytest.raises(InvalidRequest, match="no queue `board`"):
        an_opened(stages=["board"])


def test_a_stage_without_people_enough_cannot_be_asked(people):
    Queue.objects.create(slug="board", name="Board")
    with pytest.raises(InvalidRequest, match="0 may decide this"):
        an_opened(stages=["board"])


STRICT = {
    "quorum": 3,
    "reject_quorum": 1,
    "due_seconds": 3600,
    "on_timeout": "reject",
    "comment_to_approve": True,
    "confirm_risk": "low",
    "password_risk": "low",
    "undo_seconds": 30,
    "offers_changes": False,
    "unverified_costs_one_more": True,
}
WEAK = {
    "quorum": 1,
    "reject_quorum": 3,
    "due_seconds": None,
    "on_timeout": "expire",
    "comment_to_approve": False,
    "confirm_risk": "never",
    "password_risk": "never",
    "undo_seconds": 0,
    "offers_changes": True,
    "unverified_costs_one_more": False,
}


@pytest.mark.parametrize("name", [*STRICT, "required_groups", "policy"])
def test_an_edit_of_a_rule_changes_nothing_that_waits(crowd, name):
    from approvals.models import Approval, PolicyVersion

    Queue.objects.update(**STRICT)
    finance = Group.objects.get(name="Finance")
    crowd.general.required_groups.add(finance)
    ask = {"name": "all", "then": "ask", "quorum": 5, "groups": ["Legal"]}
    PolicyVersion.make([ask], after=0, by=None, note="", changes=[])
    row = an_opened(requester="amira")
    before = (row.terms(), row.asks_twice, row.asks_password, row.verdicts)
    assert (row.quorum, set(row.terms().groups)) == (6, {"Finance", "Legal"})

    if name == "policy":
        allow = {"name": "all", "then": "allow"}
        PolicyVersion.make([allow], after=1, by=None, note="", changes=[])
    elif name == "required_groups":
        crowd.general.required_groups.clear()
    else:
        Queue.objects.update(**{name: WEAK[name]})
    now = Approval.objects.get(pk=row.pk)
    assert (now.terms(), now.asks_twice, now.asks_password, now.verdicts) == before
    assert now.due_at == row.due_at
    assert not now.may_be_decided_by(crowd.amira)
