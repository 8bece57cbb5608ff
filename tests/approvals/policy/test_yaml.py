"""Tables of rules as YAML: read strictly, with the line of each fault, and written to read back."""

import pytest
from django.contrib.auth.models import Group
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from approvals.models import Kind, Queue
from approvals.policy.differences import changes
from approvals.policy.draft import Draft
from approvals.policy.rules import Rule, Unfit, value
from approvals.policy.written import LONGEST, tree, written
from orchestrator.contract import LONGEST_WAIT, RISKS
from tests.approvals.policy.tables import allow, ask, deny

WHOLE = """\
# Reviewed by finance.
rules:
  - name: large-payments
    description: Two people look at large payments.
    owner: finance
    source: payments/limits.md:14
    expires: 2027-01-31
    queues: [payments]
    kinds: [vendor-payment]
    when: |
      has(payload.amount) &&
      amount(payload.amount) > 10000.0
    then: ask
    quorum: 2
    groups: [Finance, "Security"]
    risk: high
    queue: payments
    stages: [legal]
    due_seconds: 3600
    warning: Call the vendor.
  - name: no-nights
    then: deny
    reason: "Nobody pays at night: wait."
    when: now.getHours() < 6
"""


@pytest.fixture
def desk_of_two(db) -> None:
    payments = Queue.objects.create(slug="payments", name="Payments")
    Queue.objects.create(slug="legal", name="Legal")
    Kind.objects.create(slug="vendor-payment", name="V", queue=payments, schema={})
    Group.objects.create(name="Finance")
    Group.objects.create(name="Security")


def test_no_rule_is_named_as_what_holds_where_none_matches(db):
    draft = Draft.read("rules:\n  - then: ask\n    name: ask-people\n")
    words = "Line 3: `ask-people` is what it is called where no rule matches."
    assert [str(each) for each in draft.faults] == [words]


def test_everything_a_rule_can_say_is_read(desk_of_two):
    draft = Draft.read(WHOLE)
    assert draft.faults == []
    assert draft.rules == [
        Rule(
            name="large-payments",
            then="ask",
            description="Two people look at large payments.",
            owner="finance",
            source="payments/limits.md:14",
            expires="2027-01-31",
            queues=("payments",),
            kinds=("vendor-payment",),
            when="has(payload.amount) &&\namount(payload.amount) > 10000.0",
            queue="payments",
            quorum=2,
            groups=("Finance", "Security"),
            risk="high",
            stages=("legal",),
            due_seconds=3600,
            warning="Call the vendor.",
        ),
        deny("now.getHours() < 6", "no-nights", reason="Nobody pays at night: wait."),
    ]


@pytest.mark.parametrize("text", ["rules: []", "rules:", "rules: ~\n"])
def test_a_table_may_be_empty(text):
    assert Draft.read(text) == Draft()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("", 1, "It must be a list under “rules:”"),
        ("- name: a\n", 1, "It must be a list under “rules:”"),
        ("rules: 5", 1, "It must be a list under “rules:”"),
        ("rules: []\nmore: 1", 1, "It must be a list under “rules:”"),
        ("rules:\n  - [", 2, "It is no YAML"),
        ("rules:\n\t- a", 2, "It is no YAML"),
        ("rules: []\n---\nrules: []", 3, "more than one document"),
        ("rules:\n  - &a {name: a}\n  - *a", 2, "Anchors and aliases"),
        ("rules:\n  - *a", 2, "Anchors and aliases"),
        ("rules: !!python/object/apply:os.system [ls]", 1, "Tags (!) are not allowed."),
        ("rules: !!binary aGk=", 1, "Tags (!) are not allowed."),
        ("[" * 5000, 1, "It is nested too deeply."),
        ("a: " * 2, 1, "It is no YAML"),
        ("\x00", 1, "It is no YAML"),
        ("#" * (LONGEST + 1), 1, f"{LONGEST} are allowed."),
        ("rules:\n" + "  - {name: a, then: deny}\n" * 201, 1, "It has 201 rules; 200 are allowed."),
        ("rules:\n  - text", 2, "A rule must be fields"),
        ("rules:\n  - then: deny", 2, "A rule needs `name`."),
        ("rules:\n  - name: a", 2, "A rule needs `then`."),
        ("rules:\n  - name: ~\n    then: deny", 2, "A rule needs `name`."),
        ("rules:\n  - name: A b\n    then: deny", 2, "`name` must be like `refunds-over-50`"),
        ("rules:\n  - name: a\n    then: yes", 3, "`then` must be one of deny, ask, allow."),
        ("rules:\n  - name: a\n    then: ask\n    qorum: 2", 4, "A rule has no field `qorum`."),
        ("rules:\n  - name: a\n    name: b\n    then: ask", 3, "`name` is there twice."),
        ("rules:\n  - name: a\n    then: ask\n    quorum: two", 4, "from 1 to 50."),
        ("rules:\n  - name: a\n    then: ask\n    quorum: 51", 4, "from 1 to 50."),
        ("rules:\n  - name: a\n    then: ask\n    quorum: ٢", 4, "from 1 to 50."),
        ("rules:\n  - name: a\n    then: ask\n    due_seconds: 0", 4, f"from 1 to {LONGEST_WAIT}"),
        ("rules:\n  - name: a\n    then: ask\n    groups: Finance", 4, "must be a list of names"),
        ("rules:\n  - name: a\n    then: ask\n    groups: [{a: b}]", 4, "must be a list of names"),
        ("rules:\n  - name: a\n    then: ask\n    groups: [x, x]", 4, "names something twice"),
        ("rules:\n  - name: a\n    then: ask\n    risk: extreme", 4, "one of low, medium, high"),
        ("rules:\n  - name: a\n    then: ask\n    expires: soon", 4, "must be a day such as"),
        ("rules:\n  - name: a\n    then: deny\n    quorum: 2", 4, "`quorum` is for rules that ask"),
        ("rules:\n  - name: a\n    then: allow\n    warning: x", 4, "is for rules that ask"),
        ("rules:\n  - name: a\n    then: deny\n    reason: [x]", 4, "`reason` must be text."),
        (f"rules:\n  - name: a\n    then: deny\n    when: {'x' * 2001}", 4, "2000 are allowed."),
        ("rules:\n  - name: a\n    then: deny\n    owner: \"a\\u202eb\"", 4, "\\u202e"),
        ("rules:\n  - name: a\n    then: ask\n    queue: z", 4, "There is no queue `z`."),
        ("rules:\n  - name: a\n    then: ask\n    stages: [x]", 4, "There is no queue `x`."),
        ("rules:\n  - name: a\n    then: ask\n    groups: [x]", 4, "There is no group `x`."),
        ("rules:\n  - name: a\n    then: ask\n    kinds: [x]", 4, "no kind of request `x`."),
        ("rules:\n  - {name: a, then: ask}\n  - {name: a, then: deny}", 3, "two rules `a`."),
        ("rules:\n  - name: a\n    then: deny\n    when: 1 +", 4, "It is no CEL at line 1"),
        ("rules:\n  - name: a\n    then: deny\n    when: paylod.x", 4, "There is no `paylod`."),
        ("rules:\n  - name: a\n    then: deny\n    when: f(1)", 4, "There is no function `f`."),
        (f"rules:\n  - name: a\n    then: deny\n    when: {'(' * 31}1{')' * 31}", 4, "too deeply"),
    ],
)  # fmt: skip
def test_a_fault_is_named_with_its_line(text, line, words):
    faults = Draft.read(text).faults
    assert faults
    assert faults[0].line == line
    assert words in str(faults[0])


def test_every_fault_is_named(db):
    text = "rules:\n  - {name: A, then: x}\n  - {name: b}\n  - {name: c, then: ask, when: '('}"
    assert [each.line for each in Draft.read(text).faults] == [2, 2, 3, 4]


def test_expressions_that_end_their_process_leave_the_others_checked(db, monkeypatch):
    monkeypatch.setattr("approvals.policy.evaluator.SECONDS", 0.0001)
    text = "rules:\n" + "".join(f"  - {{name: a{n}, then: deny, when: 'f(1'}}\n" for n in range(3))
    assert len(Draft.read(text).faults) == 3


@pytest.mark.parametrize(
    "when",
    [
        "payload.l.exists(x, x > 1 && payload.l.all(y, y < x))",
        "'paylod' == \"f(1\" && type(payload) == map",
        "has(payload.a) ? payload.a == b'x' : now > timestamp('2026-01-01T00:00:00Z')",
    ],
)
def test_names_that_an_expression_makes_itself_are_known(when):
    assert Draft.read(written((deny(when),))).faults == []


# What is written reads back.

WORDS = st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "S", "Zs")), max_size=60)
LINES = st.lists(WORDS, max_size=4).map("\n".join)
NAME = st.from_regex(r"[a-z0-9][a-z0-9-]{0,20}", fullmatch=True)
NAMES = st.lists(WORDS.map(str.strip).filter(bool), max_size=3, unique=True).map(tuple)
ODD = ["", "yes", "no", "~", "null", "1", "2026-01-01", "- a", "a: b", "#", "{", "!x", "&a", "|"]
ANY = st.builds(
    Rule,
    name=NAME,
    then=st.just("ask"),
    description=LINES.map(str.strip),
    owner=WORDS.map(str.strip),
    expires=st.just("") | st.dates().map(str),
    queues=NAMES,
    when=LINES.map(str.strip),
    reason=st.sampled_from(ODD),
    quorum=st.none() | st.integers(1, 50),
    risk=st.sampled_from(["", *RISKS]),
    warning=WORDS.map(str.strip),
)  # fmt: skip


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(ANY, max_size=3))
def test_what_is_written_reads_back(rules):
    found = tree(written(tuple(rules), "Version 1")).value["rules"].value
    back = [
        Rule(**{name: _value(name, node) for name, node in each.value.items()}) for each in found
    ]
    assert back == rules


def _value(name, node):
    given = node.value
    return value(name, [each.value for each in given] if isinstance(given, list) else given)


def test_a_value_that_is_none_of_its_kind_is_refused():
    with pytest.raises(Unfit):
        value("quorum", "1.5")


class TestDifferences:
    def test_say_what_came_went_moved_and_changed(self):
        before = [deny(name="a"), ask("true", "b", quorum=1), allow(name="c"), deny(name="d")]
        after = [allow(name="c"), deny(name="a"), ask("true", "b", quorum=2, owner="me"),
                 ask("1 ==\n  1", "e", quorum=3, groups=("x", "y"))]  # fmt: skip
        assert [str(each) for each in changes(before, after)] == [
            "Added e: ask when 1 == 1; quorum 3; groups x, y",
            "Removed d: deny always",
            "Moved c from place 3 to 1",
            "Changed b: owner was nothing, now me",
            "Changed b: quorum was 1, now 2",
        ]

    def test_are_none_between_a_table_and_itself(self):
        rules = [deny(name="a"), ask(name="b")]
        assert changes(rules, list(rules)) == []
