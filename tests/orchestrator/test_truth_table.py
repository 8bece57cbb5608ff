"""Who counts, and what it comes to: a table of cases, and properties over random ones.

Every vote is signed, held against the terms by `verify`'s own rule, and counted by the tally: what
a workflow does, without the server around it.
"""

import itertools
import re
import uuid
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from approvals.activities import rule_on
from orchestrator import contract, signing
from orchestrator.counting import represented
from orchestrator.terms import Answer, Escalation, Stage, Terms
from orchestrator.workflows.tally import Tally

PAYLOAD = {"amount": "120.00"}
DUE = datetime(2026, 12, 1, 12, tzinfo=UTC)
KEY = Ed25519PrivateKey.generate()
SIGNER = signing.Signer(KEY)
RING = signing.KeyRing({signing.key_id(KEY.public_key()): (KEY.public_key(), None)})

# a asks, s starts; m, l, t, n review; o stands in.
VOTE = re.compile(
    r"(?P<who>\w)(?P<verb>[-+~*<!])(?P<groups>[A-Z]*)(?:>(?P<behalf>\w))?(?:@(?P<stage>\d))?"
    r"(?:/(?P<option>\w+))?(?P<late>late)?"
)
VERBS = {
    "+": "approve",
    "-": "reject",
    "~": "request_changes",
    "*": "correct",
    "<": "retract",
    "!": "withdraw",
}


def terms(**changes):
    given = {
        "approval_id": "approval",
        "run_id": "run",
        "queue": "general",
        "title": "Pay",
        "payload": PAYLOAD,
        "payload_sha256": contract.sha256(PAYLOAD),
        "quorum": 1,
        "due_at": DUE.isoformat(),
        "on_timeout": "reject",
        "excluded": ["a", "s"],
        "requester_id": "a",
        "changes": True,
        "editable": ["amount"],
        "answers": [Answer("half", "Half of it", "approve")],
    }
    return Terms(**{**given, **changes})


class Case:
    """One approval, and the votes that come to it in their order."""

    def __init__(self, of):
        self.tally = Tally(of, None)
        self.last = {}
        self.numbers = itertools.count()

    def play(self, story):
        for token in story.split():
            self.passes() if token == "T" else self.vote(token)
        return self.tally.state

    def passes(self):
        """The deadline, and every escalation before it."""
        for _bell in self.tally.terms.bells:
            self.tally.ring()
        if not self.tally.settled:
            self.tally.time_out()

    def vote(self, token):
        found = VOTE.fullmatch(token)
        body = self.body(found["who"], VERBS[found["verb"]])
        body["groups"] = list(found["groups"])
        body["stage"] = int(found["stage"] or 0)
        body["option"] = found["option"] or ""
        if found["behalf"]:
            body["on_behalf_of"] = {"id": found["behalf"], "name": found["behalf"]}
        if found["late"]:
            body["decided_at"] = (DUE + timedelta(seconds=1)).isoformat()
        if body["verdict"] == "correct":
            body["edits"] = {"amount": f"{next(self.numbers)}.00"}
        if body["verdict"] == "retract":
            body["retracts"] = self.last.get(found["who"], "")
        self.last[found["who"]] = body["decision_id"]
        self.tally.count([rule_on(SIGNER.sign(body), self.tally.terms, "run", RING)])

    def body(self, who, verdict):
        return {
            "v": 1,
            "decision_id": str(uuid.uuid4()),
            "approval_id": "approval",
            "workflow_id": "workflow",
            "run_id": "run",
            "verdict": verdict,
            "retracts": "",
            "reviewer": {"id": who, "username": who, "name": who},
            "comment": "Because.",
            "decided_at": (DUE - timedelta(hours=1)).isoformat(),
            "channel": "web",
            "payload_sha256": self.tally.terms.payload_sha256,
        }


ONE: dict = {}
TWO = {"quorum": 2}
VETOES = {"quorum": 2, "reject_quorum": 2}
GROUPS = {"quorum": 2, "groups": ["F", "S"]}
THREE_GROUPS = {"quorum": 3, "groups": ["F", "S", "L"]}
BOARD = {"stages": [Stage("board", "Board")]}
LONG = {"stages": [Stage("board", "Board", 2), Stage("owners", "Owners", 1, ["O"])]}
HELD = {"undo_seconds": 10}
SILENT = {"on_timeout": "approve"}
EXPIRING = {"on_timeout": "expire"}
ESCALATING = {
    "on_timeout": "escalate",
    "ends_at": (DUE + timedelta(hours=1)).isoformat(),
    "escalations": [Escalation(DUE.isoformat(), "Heads")],
}
CLOSED = {"changes": False}

TABLE = [
    # Quorum and order.
    (ONE, "", "waiting"),
    (ONE, "m+", "approved"),
    (ONE, "m-", "rejected"),
    (ONE, "m~", "changes_requested"),
    (ONE, "m+ l-", "approved"),
    (ONE, "m- l+", "rejected"),
    (TWO, "m+", "waiting"),
    (TWO, "m+ m+", "waiting"),
    (TWO, "m+ l+", "approved"),
    (TWO, "m+ l-", "rejected"),
    (TWO, "l- m+", "rejected"),
    (TWO, "m+ l~", "changes_requested"),
    (TWO, "m~ l+", "changes_requested"),
    (CLOSED, "m~", "waiting"),
    (CLOSED, "m~ m+", "approved"),
    # Rejections that are no veto.
    (VETOES, "m-", "waiting"),
    (VETOES, "m- m-", "waiting"),
    (VETOES, "m- l-", "rejected"),
    (VETOES, "m- l+ t+", "approved"),
    (VETOES, "m+ l- t-", "rejected"),
    (VETOES, "m+ l- t+", "approved"),
    (VETOES, "m- l~", "changes_requested"),
    # Four eyes.
    (ONE, "a+", "waiting"),
    (ONE, "s+", "waiting"),
    (ONE, "a+ s+ m+", "approved"),
    (ONE, "a-", "waiting"),
    (ONE, "s~", "waiting"),
    (TWO, "a+ m+", "waiting"),
    (TWO, "m+ s+", "waiting"),
    (TWO, "a+ s+", "waiting"),
    # Answers of its own.
    (ONE, "m+/half", "approved"),
    (ONE, "m+/all", "waiting"),
    (ONE, "m-/half", "waiting"),
    (TWO, "m+/half l+", "waiting"),
    (TWO, "m+/half l+ t+/half", "approved"),
    (TWO, "m+/half l+ t+", "approved"),
    # Groups.
    (GROUPS, "m+F l+F", "waiting"),
    (GROUPS, "m+F l+S", "approved"),
    (GROUPS, "m+S l+F", "approved"),
    (GROUPS, "m+FS l+", "waiting"),
    (GROUPS, "m+FS l+S", "approved"),
    (GROUPS, "m+FS l+F", "approved"),
    (GROUPS, "m+F l+F t+S", "approved"),
    (GROUPS, "m+F l-S", "rejected"),
    (GROUPS, "m+ l+ t+ n+", "waiting"),
    (THREE_GROUPS, "m+FS l+F t+SL", "approved"),
    (THREE_GROUPS, "m+FS l+FS t+F", "waiting"),
    # Stages.
    (BOARD, "m+", "waiting"),
    (BOARD, "m+ n+@1", "approved"),
    (BOARD, "n+@1", "waiting"),
    (BOARD, "m+ m+@1", "waiting"),
    (BOARD, "m+ l+", "waiting"),
    (BOARD, "m+ n-@1", "rejected"),
    (BOARD, "m- n+@1", "rejected"),
    (BOARD, "m+ n~@1", "changes_requested"),
    (BOARD, "m+ m< n+@1", "approved"),
    (LONG, "m+ l+@1 t+@1", "waiting"),
    (LONG, "m+ l+@1 t+@1 n+@2", "waiting"),
    (LONG, "m+ l+@1 t+@1 n+O@2", "approved"),
    (LONG, "m+ l+@1 n+O@2", "waiting"),
    # Deputies.
    (ONE, "o+>m", "approved"),
    (ONE, "o+>a", "waiting"),
    (ONE, "a+>m", "waiting"),
    (ONE, "s+>m", "waiting"),
    (TWO, "o+>m m+", "waiting"),
    (TWO, "m+ o+>m", "waiting"),
    (TWO, "o+>m o+>l", "waiting"),
    (TWO, "o+>m l+", "approved"),
    (GROUPS, "o+F>m l+S", "approved"),
    # Corrections.
    (ONE, "m*", "waiting"),
    (ONE, "m* m+", "waiting"),
    (ONE, "m* l+", "approved"),
    (TWO, "m+ l* m+", "waiting"),
    (TWO, "m+ l* t+", "waiting"),
    (TWO, "m+ l* m+ t+", "approved"),
    (TWO, "m+ l* l+ t+", "waiting"),
    (TWO, "m* l* t+ n+", "approved"),
    (TWO, "m* l* m+ t+", "waiting"),
    (BOARD, "m+ n*@1 t+ l+@1", "approved"),
    (TWO, "o*>m m+ l+", "waiting"),
    ({"editable": []}, "m* l+", "approved"),
    # Taking back, withdrawing.
    (TWO, "m+ m< l+", "waiting"),
    (TWO, "m+ m< l+ m+", "approved"),
    (TWO, "m+ l< t+", "approved"),
    (TWO, "m+ a!", "cancelled"),
    (TWO, "m+ m!", "waiting"),
    (ONE, "m+ a!", "approved"),
    (ONE, "a! m+", "cancelled"),
    (HELD, "m+ m< l-", "waiting"),
    # Time.
    (ONE, "T", "rejected"),
    (ONE, "T m+", "rejected"),
    (ONE, "m+late", "waiting"),
    (ONE, "m+late T", "rejected"),
    (TWO, "m+ T", "rejected"),
    (EXPIRING, "T", "expired"),
    (EXPIRING, "m+ T", "approved"),
    (SILENT, "T", "approved"),
    (SILENT, "m- T", "rejected"),
    (SILENT, "m* T", "rejected"),
    (SILENT | TWO, "m+ T", "approved"),
    (SILENT | VETOES, "m- T", "rejected"),
    (SILENT | VETOES, "m- l+ T", "rejected"),
    (ESCALATING, "m+late", "approved"),
    (ESCALATING, "T", "rejected"),
    (BOARD, "m+ T", "rejected"),
]  # fmt: skip


@pytest.mark.parametrize(("of", "story", "comes_to"), TABLE)
def test_comes_to(of, story, comes_to):
    assert Case(terms(**of)).play(story) == comes_to


def test_what_is_held_takes_effect_later():
    case = Case(terms(**HELD))
    assert case.play("m+") == "waiting"
    case.tally.release()
    assert case.tally.state == "approved"


def test_the_outcome_holds_what_was_corrected():
    case = Case(terms(**TWO))
    case.play("m+ l* m+ t+")
    outcome = case.tally.outcome()
    assert outcome.payload == {"amount": "0.00"}
    assert outcome.payload_sha256 == contract.sha256(outcome.payload)


# Properties.

PEOPLE, GROUP_NAMES = "asmltno", ["F", "S", "L"]


@st.composite
def rules(draw):
    groups = draw(st.lists(st.sampled_from(GROUP_NAMES), unique=True, max_size=3))
    stage = st.builds(
        Stage,
        st.just("board"),
        st.just("Board"),
        st.integers(1, 3),
        st.lists(st.sampled_from(GROUP_NAMES), unique=True, max_size=2),
        st.integers(1, 2),
    )
    return terms(
        quorum=max(draw(st.integers(1, 3)), len(groups)),
        groups=groups,
        reject_quorum=draw(st.integers(1, 2)),
        stages=draw(st.lists(stage, max_size=2)),
        undo_seconds=draw(st.sampled_from([0, 10])),
        on_timeout=draw(st.sampled_from(["reject", "expire"])),
    )


vote = st.builds(
    lambda who, verb, groups, behalf, stage, late: (
        f"{who}{verb}{''.join(groups)}{'>' + behalf if behalf else ''}@{stage}{late}"
    ),
    st.sampled_from(PEOPLE),
    st.sampled_from("+++++-~*<!"),
    st.lists(st.sampled_from(GROUP_NAMES), unique=True, max_size=3).map(sorted),
    st.sampled_from(["", "", "", *PEOPLE]),
    st.integers(0, 2),
    st.sampled_from(["", "", "", "late"]),
)
stories = st.lists(vote, max_size=30).map(" ".join)


def played(of, story):
    case = Case(of)
    case.play(story)
    if case.tally.held:
        case.tally.release()
    return case.tally


@settings(max_examples=300, deadline=None)
@given(rules(), stories)
def test_nobody_excluded_is_in_what_counts(of, story):
    tally = played(of, story)
    for each in tally.counted.values():
        assert not each.people & set(tally.terms.excluded)


@settings(max_examples=300, deadline=None)
@given(rules(), stories)
def test_an_approval_has_its_people_at_every_stage(of, story):
    tally = played(of, story)
    if tally.state != "approved":
        return
    votes = list(tally.counted.values())
    everybody = [person for each in votes for person in each.people]
    assert len(everybody) == len(set(everybody))  # nobody had a say twice
    for number in range(len(of.stages) + 1):
        stage = tally.terms.stage(number)
        here = [each for each in votes if each.stage == number and each.verdict == "approve"]
        assert len(here) >= stage.quorum
        assert represented(stage.groups, [each.groups for each in here])
        rejections = [each for each in votes if each.stage == number and each.verdict == "reject"]
        assert len(rejections) < stage.reject_quorum


@settings(max_examples=200, deadline=None)
@given(rules(), stories)
def test_every_approval_ends(of, story):
    case = Case(of)
    case.play(story + " T")
    assert case.tally.settled
    assert case.tally.state in ("rejected", "expired", "approved", "cancelled", "changes_requested")


@settings(max_examples=200, deadline=None)
@given(rules(), stories, st.randoms())
def test_an_approval_never_comes_of_time_alone(of, story, random):
    """A queue whose silence means yes apart, and that says so in words."""
    without = " ".join(each for each in story.split() if VOTE.fullmatch(each)["verb"] != "+")
    case = Case(of)
    case.play(without + " T")
    assert case.tally.state != "approved"


@given(
    st.lists(st.sampled_from(GROUP_NAMES), unique=True),
    st.lists(st.lists(st.sampled_from(GROUP_NAMES), unique=True), max_size=5),
)
def test_represented_is_as_trying_everybody_says(groups, people):
    tried = any(
        all(group in people[person] for group, person in zip(groups, chosen, strict=True))
        for chosen in itertools.permutations(range(len(people)), len(groups))
    )
    assert represented(groups, people) == (tried or not groups)
