"""What rules say of one request, and what they say together."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from approvals import policy
from approvals.models import Queue
from approvals.policy import Asks, Said
from approvals.policy.evaluator import Child, _children
from approvals.policy.finding import combined
from approvals.policy.judging import Asking
from approvals.policy.rules import Rule
from approvals.policy.table import built_in
from orchestrator.contract import RISKS, Request
from tests.approvals.policy.tables import allow, ask, deny, judged
from tests.desk import at_once

STRICTNESS = {"allow": 0, "ask": 1, "deny": 2}
EXPIRED = "2026-09-15"


class TestExpressions:
    @pytest.mark.parametrize(
        "when",
        [
            "title == 'Refund €12.00' && task == title",
            "payload.to == 'Acme' && payload.lines[1].sku == 'B'",
            "payload.lines.exists(line, line.sku == 'B')",
            "previous.to == 'Beta' && payload.to != previous.to",
            "queue == 'general' && kind == '' && risk == 'medium'",
            "requester == 'amira' && !requester_verified",
            "size(links) == 1 && links[0].url.startsWith('https://')",
            "now == timestamp('2026-11-26T12:00:00Z') && now.getHours() == 12",
            "workflow_type == 'GuardedTask'",
            "amount(payload.amount) == 48200.0 && currency(payload.amount) == '€'",
            "amount(payload) == 48200.0 && amount(payload.count) == 3.0",
            "amount('312.4') == 312.4 && currency('312.4') == '' && currency('EUR 5') == 'EUR'",
            "!has(payload.nothing) && !has(previous.nothing)",
            "// a comment\npayload.count > 2",
        ],
    )
    def test_see_the_request(self, when):
        request = {
            "payload": {"to": "Acme", "amount": "€48,200.00", "count": 3,
                        "lines": [{"sku": "A"}, {"sku": "B"}]},
            "previous": {"to": "Beta"},
            "requester": "amira",
            "links": [{"title": "Invoice", "url": "https://example.com/1"}],
        }  # fmt: skip
        at = datetime(2026, 11, 26, 12, tzinfo=UTC)
        asking = Asking("GuardedTask", at=at)
        finding = judged(deny(when), asking=asking, **request)
        assert (finding.verdict, finding.rules[0].error) == ("deny", "")

    @pytest.mark.parametrize(
        ("when", "words"),
        [
            ("payload.sum > 5.0", "payload.sum does not exist. Use has(payload.sum) first."),
            ("payload.a.b == 1", "payload.a does not exist. Use has(payload.a) first."),
            ("payload['x'] == 1", "payload['x'] does not exist. Use has(payload['x']) first."),
            ("payload.amount > 5.0", "It compares or combines what does not fit together"),
            ("amount(title) > 5.0", "'Refund €12.00' is no amount."),
            ("amount('EUR 5 USD') > 5.0", "'EUR 5 USD' is no amount."),
            ("paylod.x", "There is no `paylod`."),
            ("whatever(1)", "There is no `whatever`."),
            ("payload.amount", "It gives '€12.00', which is neither true nor false."),
            ("1", "It gives 1, which is neither true nor false."),
            ("1 / 0 == 1", "It divides by zero."),
            ("payload.list[7] == 1", "A list is shorter than it expects."),
            ("title.matches('(')", "Function 'matches' error"),
            ("1 +", "It is no CEL at line 1, column 4: Syntax error"),
        ],
    )
    def test_that_fail_deny_in_words(self, when, words):
        finding = judged(deny(when), payload={"amount": "€12.00", "list": []})
        assert finding.verdict == "deny"
        assert finding.reason.startswith(f"Rule no cannot be evaluated: {words}")
        assert judged(ask(when), payload={"amount": "€12.00", "list": []}).verdict == "deny"

    def test_that_would_allow_and_fail_ask_people_and_tell_them_why(self):
        finding = judged(allow("payload.sum < 5.0"))
        assert finding.verdict == "ask"
        assert finding.rule == "ask-people"
        words = "payload.sum does not exist. Use has(payload.sum) first."
        assert finding.asks.warnings == (f"Rule yes cannot be evaluated: {words}",)

    def test_are_asked_only_in_their_scope(self):
        outside = deny("payload.sum > 5.0", queues=("payments",))
        assert judged(outside).verdict == "ask"
        assert judged(deny("payload.sum > 5.0", kinds=("refund",))).verdict == "ask"
        assert judged(deny(kinds=("refund",)), kind="refund").verdict == "deny"
        assert judged(deny(queues=("payments",)), queue="payments").verdict == "deny"

    def test_of_two_rules_of_one_name_are_each_asked(self):
        assert judged(allow("true", "a"), deny("true", "a")).verdict == "deny"


class TestMaliciousPolicies:
    """What no limit on text can forbid ends the process that evaluates, and denies."""

    LIST = {"list": list(range(40_000))}

    @pytest.mark.parametrize(
        "when",
        [
            "payload.list.all(a, payload.list.all(b, a + b >= 0))",
            "payload.list.map(a, a).size() > 1",
            "payload.list.map(a, payload.list.map(b, [a, b])).size() > 1",
        ],
    )
    def test_that_never_end(self, when):
        began = timezone.now()
        finding = judged(
            allow("true"), allow(when, "slow"), ask("true", "after"), payload=self.LIST
        )
        assert finding.verdict == "deny"
        assert finding.rule == "slow"
        assert finding.reason == (
            "Rule slow cannot be evaluated: It takes too long and was stopped."
        )
        assert finding.rules[2].error == "Rule after was not evaluated."
        assert timezone.now() - began < timedelta(seconds=30)

    def test_that_need_all_memory(self):
        when = "[payload.text].map(a, a + a)" + ".map(a, a + a)" * 30 + "[0].size() > 1"
        finding = judged(allow(when, "huge"), payload={"text": "x" * 100_000})
        assert finding.verdict == "deny"
        assert finding.rules[0].stopped  # for its size or, on a slow machine, for its time

    def test_leave_the_next_request_alone(self):
        judged(deny("payload.list.map(a, a).size() > 1"), payload=self.LIST)
        assert judged(deny("payload.list.size() == 40000"), payload=self.LIST).verdict == "deny"

    @pytest.mark.parametrize(
        "text",
        [
            "!" * 1999 + "true",
            "-" * 1999 + "1",
            "(" * 900 + "1",
            "[" * 1000 + "]" * 1000,
            "a" + ".a" * 999,
            "true?1:" * 285,
        ],
        ids=lambda text: text[:3],
    )
    def test_that_are_deep_or_long_come_back(self, text):
        assert judged(deny(text)).verdict in ("deny", "ask")

    def test_leave_others_alone_meanwhile(self):
        def ask_one(n: int) -> str:
            if n == 0:
                return judged(deny("payload.list.map(a, a).size() > 1"), payload=self.LIST).reason
            return judged(deny(f"payload.n == {n}", reason=f"It is {n}."), payload={"n": n}).reason

        answers = at_once(8, ask_one)
        assert sorted(answers)[:7] == [f"It is {n}." for n in range(1, 8)]
        assert "was stopped" in sorted(answers)[7]

    def test_are_outlived_by_the_desk_when_their_process_is_killed(self):
        judged(deny("true"))
        assert _children.idle
        for child in list(_children.idle):
            child.process.kill()
            child.process.wait()
        assert judged(deny("true")).checked

    def test_whose_process_is_killed_by_others_were_not_checked(self, monkeypatch):
        ended = judged(deny("true")) and _children.idle[-1]
        monkeypatch.setattr(ended, "_line", lambda _until: ended.process.kill())
        finding = judged(deny("false"))
        assert (finding.verdict, finding.checked) == ("deny", False)
        assert judged(deny("false")).verdict == "ask"

    def test_find_no_secret_in_the_environment(self, monkeypatch):
        monkeypatch.setenv("SIGNING_KEY", "secret")
        child = Child()
        try:
            child.ask({"expressions": ["true"], "variables": {"now": "2026-01-01T00:00:00Z"}})
            environment = Path(f"/proc/{child.process.pid}/environ").read_text()
        finally:
            child.end()
        assert "PYTHONPATH" in environment
        assert "SIGNING_KEY" not in environment
        assert "DATABASE_URL" not in environment


class TestExpiry:
    def test_ends_an_allow(self, noon):
        assert judged(allow(expires="2026-09-16")).verdict == "allow"
        finding = judged(allow(expires=EXPIRED))
        assert (finding.verdict, finding.rules[0].expired) == ("ask", True)

    def test_comes_at_midnight_where_the_desk_is(self, clock, settings):
        settings.TIME_ZONE = "Pacific/Auckland"
        for hour, verdict in ((11, "allow"), (13, "ask")):
            clock.set(datetime(2026, 9, 16, hour, tzinfo=UTC))  # twelve hours later, over there
            with timezone.override("America/New_York"):  # whoever looks
                assert judged(allow(expires="2026-09-16")).verdict == verdict

    def test_ends_no_deny_and_no_ask(self, noon):
        assert judged(deny(expires=EXPIRED)).verdict == "deny"
        assert judged(ask(expires=EXPIRED, quorum=3)).asks.quorum == 3
        assert judged(ask(expires=EXPIRED)).rules[0].expired


class TestAsks:
    def test_add_up_to_the_strictest(self):
        finding = judged(
            ask(name="a", quorum=2, groups=("finance",), risk="high", due_seconds=60, warning="A"),
            ask(name="b", quorum=3, groups=("security",), risk="low", due_seconds=90, warning="B"),
            ask("false", "c", quorum=9, risk="critical", warning="C"),
            ask(name="d", queue="one", stages=("three",), warning="A"),
            ask(name="e", queue="two", stages=("one", "three"), reason="Because."),
        )
        assert finding.asks == Asks(
            queue="one",
            quorum=3,
            groups=("finance", "security"),
            risk="high",
            stages=("two", "three"),
            due_seconds=60,
            warnings=("A", "B"),
        )
        assert (finding.rule, finding.reason) == ("a", "Because.")

    def test_make_a_request_stricter_and_never_weaker(self):
        strict = Request.read({"title": "x", "quorum": 5, "due_seconds": 10, "risk": "critical"})
        asks = Asks(queue="payments", quorum=2, risk="low", due_seconds=60)
        made = asks.applied_to(strict)
        assert (made.queue, made.quorum, made.due_seconds, made.risk) == (
            "payments", 5, 10, "critical",
        )  # fmt: skip
        made = asks.applied_to(Request.read({"title": "x", "risk": "low"}))
        assert (made.quorum, made.due_seconds, made.risk) == (2, 60, "low")
        plain = Request.read({"title": "x"})
        assert Asks().applied_to(plain) == plain


# Any rules, in any order: what holds for all of them.

OUTCOMES = st.sampled_from(["matched", "silent", "failed", "stopped"])
RULES = st.builds(
    Rule,
    name=st.sampled_from("abcdefgh"),
    then=st.sampled_from(["deny", "ask", "allow"]),
    quorum=st.none() | st.integers(1, 50),
    groups=st.lists(st.sampled_from(["finance", "security", "legal"]), unique=True).map(tuple),
    risk=st.sampled_from(["", *RISKS]),
    due_seconds=st.none() | st.integers(1, 999),
    queue=st.sampled_from(["", "one", "two"]),
    stages=st.lists(st.sampled_from(["one", "two", "three"]), unique=True).map(tuple),
    warning=st.sampled_from(["", "Look.", "Call."]),
)
PAIRS = st.tuples(RULES, OUTCOMES)
TABLES = st.lists(PAIRS, max_size=8)
ANY = Request.read({"title": "x"})
# A busy machine makes nothing wrong.
CALMLY = settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def together(pairs: list) -> policy.Finding:
    said = [
        Said(rule.name, rule.then, outcome == "matched", stopped=outcome == "stopped",
             error="It failed." if outcome in ("failed", "stopped") else "")
        for rule, outcome in pairs
    ]  # fmt: skip
    return combined([rule for rule, _outcome in pairs], said)


def is_as_strict(asks: Asks, than: Asks) -> bool:
    return (
        (asks.quorum or 0) >= (than.quorum or 0)
        and set(asks.groups) >= set(than.groups)
        and RISKS.index(asks.risk or "low") >= RISKS.index(than.risk or "low")
        and (asks.due_seconds or 1000) <= (than.due_seconds or 1000)
        and {asks.queue, *asks.stages} >= {than.queue, *than.stages} - {""}
        and set(asks.warnings) >= set(than.warnings)
    )


class TestAnyRules:
    @CALMLY
    @given(TABLES, PAIRS, st.integers(0, 8))
    def test_one_more_deny_or_ask_never_makes_it_weaker(self, pairs, one, at):
        if one[0].then == "allow":
            return
        before, after = together(pairs), together([*pairs[:at], one, *pairs[at:]])
        assert STRICTNESS[after.verdict] >= STRICTNESS[before.verdict]
        if after.verdict == before.verdict == "ask":
            assert is_as_strict(after.asks, before.asks)

    @CALMLY
    @given(TABLES, st.randoms(use_true_random=False))
    def test_their_order_never_changes_what_is_asked(self, pairs, random):
        other = list(pairs)
        random.shuffle(other)
        one, two = together(pairs), together(other)
        assert one.verdict == two.verdict
        assert is_as_strict(one.asks, two.asks)
        assert is_as_strict(two.asks, one.asks)

    @CALMLY
    @given(TABLES)
    def test_nothing_is_allowed_unless_a_rule_says_so_and_none_asks_or_fails(self, pairs):
        if together(pairs).verdict != "allow":
            return
        assert any(rule.then == "allow" and outcome == "matched" for rule, outcome in pairs)
        for rule, outcome in pairs:
            assert outcome != "stopped"
            assert rule.then == "allow" or outcome == "silent"


class TestRulesInForce:
    def test_are_those_of_the_desk_while_there_is_no_version(self, db):
        finding = policy.judge(" Forbidden: x", Request.read({"title": "x"}))
        assert (finding.verdict, finding.rule) == ("deny", "no-forbidden-tasks")
        assert finding.reason == "Tasks that begin with “forbidden” are denied."
        assert (finding.version, finding.sha256) == (0, built_in().sha256)
        finding = policy.judge("Not forbidden", Request.read({"title": "x"}))
        assert (finding.verdict, finding.rule) == ("ask", "ask-people")
        assert finding.is_default
        assert finding.reason == "People of general decide."

    def test_call_the_queue_by_its_name(self, db):
        Queue.objects.create(slug="general", name="The General Queue")
        finding = policy.judge("t", Request.read({"title": "t"}))
        assert finding.reason == "People of The General Queue decide."

    def test_are_the_newest_version_at_once(self, use):
        assert policy.judge("t", ANY).verdict == "ask"
        one = use(allow(reason="All is well."))
        finding = policy.judge("t", ANY)
        assert (finding.verdict, finding.version, finding.sha256) == ("allow", 1, one.sha256)
        assert finding.reason == "All is well."
        use(deny())
        assert policy.judge("t", ANY).verdict == "deny"
        assert policy.judge("t", ANY).version == 2

    def test_that_another_version_of_the_desk_made_deny(self, db):
        for rule in ({"name": "new", "then": "postpone"}, {"name": "new", "then": "allow", "x": 1}):
            finding = judged(Rule.of(rule))
            assert finding.verdict == "deny"
            assert "made by another version" in finding.reason

    def test_say_what_each_of_them_says(self, db):
        finding = judged(ask("false", "a"), ask(name="b", source="rules.md:14", reason="R"))
        assert [(each.name, each.matched) for each in finding.rules] == [("a", False), ("b", True)]
        assert (finding.rules[1].words, finding.rules[1].source) == ("R", "rules.md:14")
        json.dumps(finding.stored())
