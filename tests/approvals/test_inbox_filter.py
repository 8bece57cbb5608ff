"""What the inbox's address asks for: filters, search, order, groups."""

import itertools
import uuid
from datetime import timedelta

import pytest
from django.db import connection
from django.http import QueryDict
from django.utils import timezone

from approvals import tabs
from approvals.amounts import amount, total
from approvals.inbox_filter import InboxFilter
from approvals.models import Approval, Claim, Queue
from approvals.ordering import ORDERS, Place
from tests.desk import a_row, recorded


def asked(query):
    return InboxFilter(QueryDict(query))


def found(query):
    rows = asked(query).found(Approval.objects.waiting())
    return sorted(rows.values_list("title", flat=True))


class TestAddress:
    @pytest.mark.parametrize(
        ("given", "kept"),
        [
            ("", ""),
            ("tab=decide&sort=due&group=due&q=", ""),
            ("queue=b&queue=a&queue=b", "queue=b&queue=a"),
            ("risk=low&risk=critical&risk=purple", "risk=critical&risk=low"),
            ("sort=newest", "sort=newest"),
            ("sort=newest&group=none", "sort=newest"),
            ("sort=newest&group=due", "sort=newest&group=due"),
            ("tab=nowhere&sort=x&group=y&age=z&due=w", ""),
            ("q=%00a%E2%80%AEb", "q=ab"),
            ("q=one&tab=others", "tab=others&q=one"),
            ("nonsense=1&sel=2&after=3", ""),
        ],
    )
    def test_has_one_spelling(self, given, kept):
        assert asked(given).query() == kept
        assert asked(kept).query() == kept

    def test_is_bounded(self):
        many = "&".join(f"queue={n}" for n in range(500))
        assert len(asked(many).chosen["queue"]) == 20
        assert len(asked("q=" + "x" * 5000).q) == 200

    def test_says_what_filters_in_words(self):
        names = {"queue": {"refunds": "Refunds"}, "risk": {"low": "Low"}}
        words = asked("queue=refunds&queue=gone&risk=low&q=Acme").words(names)
        assert words == ["Queue: Refunds, gone", "Risk: Low", "Search: Acme"]


class TestFilters:
    @pytest.fixture(autouse=True)
    def rows(self, people):
        refunds = Queue.objects.create(slug="refunds", name="Refunds")
        now = timezone.now()

        def due(minutes):
            return {"due_at": now + timedelta(minutes=minutes)} | {
                "due_sort": now + timedelta(minutes=minutes)
            }

        asker = {
            "requester": "Amira",
            "requester_identity": "amira",
            "requester_user": people.amira,
        }
        a_row(people, title="A", queue=refunds, kind="refund", risk="low", **due(-5), key="REF-1")
        a_row(people, title="B", risk="high", **due(30), **asker)
        a_row(people, title="C", risk="critical", **due(60 * 24 * 3), requester="support-agent")
        a_row(people, title="D", opened_at=now - timedelta(days=2),
              payload={"to": {"iban": 'SE80 8000 0810 "0583"'}})  # fmt: skip
        a_row(people, title="E", quorum=2, workflow_id="wf-e")

    @pytest.mark.parametrize(
        ("query", "titles"),
        [
            ("", "ABCDE"),
            ("queue=refunds", "A"),
            ("queue=refunds&queue=general", "ABCDE"),
            ("queue=nowhere", ""),
            ("kind=refund", "A"),
            ("risk=high&risk=critical", "BC"),
            ("risk=high&queue=refunds", ""),
            ("requester=amira", "B"),
            ("requester=AMIRA&requester=support-agent", "BC"),
            ("requester=ami", ""),
            ("due=overdue", "A"),
            ("due=overdue&due=hour", "AB"),
            ("due=later", "C"),
            ("due=never", "DE"),
            ("age=1d", "D"),
            ("age=7d", ""),
            ("age=7d&age=1h", "D"),
            ("q=ref-1", "A"),
            ("q=amira", "B"),
            ("q=SUPPORT", "C"),
            ("q=0810", "D"),
            ("q=iban", ""),
            ('q="0583', "D"),
            ("q=%25", ""),
            ("q=wf-e", "E"),
        ],
    )
    def test_find(self, query, titles):
        assert "".join(found(query)) == titles

    def test_find_by_an_id_and_its_first_digits(self):
        row = Approval.objects.get(title="C")
        assert found(f"q={row.pk}") == ["C"]
        assert found(f"q={str(row.pk)[:8]}") == ["C"]


class TestOrders:
    @pytest.fixture
    def rows(self, people):
        now = timezone.now()
        risks = itertools.cycle(["low", "critical", "medium", "high"])
        for n, risk in zip(range(24), risks, strict=False):
            # Ties, so that the key has to decide.
            at = now + timedelta(hours=n % 3)
            a_row(people, risk=risk, due_at=at, due_sort=at, opened_at=now - timedelta(days=n % 4))
        return Approval.objects.waiting()

    @pytest.mark.parametrize("name", ORDERS)
    @pytest.mark.parametrize("size", [1, 5, 24])
    def test_pages_hold_every_row_once_in_order(self, rows, name, size):
        order = ORDERS[name]
        seen, after = [], None
        while page := order.page(rows, after, size):
            seen += page
            after = Place.read(str(order.place(page[-1])))
        assert len(seen) == len({each.pk for each in seen}) == 24
        assert seen == sorted(seen, key=lambda each: order.rank(order.place(each)))

    def test_the_highest_risk_comes_first(self, rows):
        risks = [each.risk for each in ORDERS["risk"].page(rows, None, 24)]
        groups = [name for name, _rows in itertools.groupby(risks)]
        assert groups == ["critical", "high", "medium", "low"]

    @pytest.mark.parametrize("name", ORDERS)
    def test_are_read_backwards_too(self, rows, name):
        order = ORDERS[name]
        seen = order.page(rows, None, 24)
        assert order.backwards.page(rows, None, 24) == seen[::-1]
        for at in (0, 7, 13, 23):
            before = order.backwards.page(rows, order.place(seen[at]), 24)
            assert before == seen[:at][::-1]

    @pytest.mark.parametrize(
        "cursor",
        ["", "x", "0,x,y", "0,2026-01-01,x", f"0,2026-01-01T00:00:00,{uuid.UUID(int=1)}", "é,é,é"],
    )
    def test_a_made_up_place_is_none(self, cursor):
        assert Place.read(cursor) is None

    @pytest.mark.parametrize("step", [-(10**9), -1, 4, 10**30])
    def test_a_place_beyond_all_steps_is_none(self, step):
        assert Place.read(f"{step},2026-01-01T00:00:00+00:00,{uuid.UUID(int=1)}") is None


class TestTabs:
    def titles(self, tab, user):
        queues = list(Queue.objects.reviewed_by(user))
        return sorted(tabs.waiting(tab, user, queues).values_list("title", flat=True))

    @pytest.fixture
    def rows(self, people):
        other = Queue.objects.create(slug="other", name="Other")
        a_row(people, title="To decide")
        a_row(people, title="Claimed", requester="amira", requester_user=people.amira)
        a_row(people, title="Of Lena's")
        a_row(people, title="Voted", quorum=2).decide(people.mei, "approve")
        a_row(people, title="Own", requester_user=people.mei)
        a_row(people, title="Own by name", requester_identity="mei@example.com")
        a_row(people, title="Elsewhere", queue=other)
        a_row(people, title="Own elsewhere", queue=other, requester_user=people.mei)
        a_row(people, title="Settled").decide(people.lena, "approve")
        Claim.take(Approval.objects.get(title="Claimed"), people.mei)
        Claim.take(Approval.objects.get(title="Of Lena's"), people.lena)

    def test_what_one_can_decide(self, people, rows):
        assert self.titles("decide", people.mei) == ["Claimed", "Of Lena's", "To decide"]

    def test_what_one_has_claimed(self, people, rows):
        assert self.titles("claimed", people.mei) == ["Claimed"]
        Claim.objects.update(until=timezone.now())
        assert self.titles("claimed", people.mei) == []

    def test_what_waits_on_others(self, people, rows):
        own = ["Own", "Own by name", "Own elsewhere", "Voted"]
        assert self.titles("others", people.mei) == own
        assert self.titles("others", people.amira) == ["Claimed"]

    def test_an_admin_sees_all_that_waits_on_others(self, people, rows, django_user_model):
        kim = django_user_model.objects.create(username="kim", is_superuser=True)
        assert len(self.titles("others", kim)) == 8
        people.general.reviewers.add(kim)
        assert self.titles("others", kim) == ["Elsewhere", "Own elsewhere"]

    def test_a_vote_in_a_queue_that_one_left_is_not_shown(self, people, rows):
        people.general.reviewers.remove(people.mei)
        assert self.titles("others", people.mei) == ["Own", "Own elsewhere"]

    def test_a_stranger_sees_none(self, people, rows, django_user_model):
        zoe = django_user_model.objects.create(username="zoe")
        assert [self.titles(tab, zoe) for tab in tabs.TABS] == [[], [], []]

    def test_are_counted_with_one_query(self, people, rows, django_assert_num_queries):
        queues = list(Queue.objects.reviewed_by(people.mei))
        tabs.counts(people.mei, queues)  # from now on it is known what concerns her
        with django_assert_num_queries(1):
            assert tabs.counts(people.mei, queues) == {"decide": 3, "claimed": 1, "others": 4}

    @pytest.mark.skipif(
        connection.vendor != "sqlite", reason="PostgreSQL knows how long queues are"
    )
    @pytest.mark.parametrize("tab", ["claimed", "others"])
    def test_few_are_not_looked_for_in_all_that_waits(self, people, rows, tab):
        queues = list(Queue.objects.reviewed_by(people.mei))
        found = tabs.waiting(tab, people.mei, queues)
        for query in (found.order_by()[:1001], found.order_by("due_sort", "pk")[:51]):
            plan = query.explain()
            assert "INDEX approvals_approval_queue_id" not in plan  # as long as the queue
            assert "approval_to_check" not in plan  # as long as all queues

    def test_a_row_that_was_decided_is_known_for_what_it_was(self, people, rows):
        queues = list(Queue.objects.reviewed_by(people.mei))
        recorded(Approval.objects.get(title="Own"), people.lena)
        known = tabs.known("others", people.mei, queues)
        assert "Own" in known.values_list("title", flat=True)
        assert set(tabs.waiting("others", people.mei, queues)) < set(known)

    def test_each_has_a_number_that_changes_with_it(self, people, rows):
        queues = list(Queue.objects.reviewed_by(people.mei))
        before = tabs.revision("others", people.mei, queues)
        Queue.objects.get(slug="other").touch()
        assert tabs.revision("others", people.mei, queues) == before + 1


class TestAmounts:
    @pytest.mark.parametrize(
        ("payload", "said"),
        [
            ({"amount": "€1,140.00"}, ("1140.00", "€")),
            ({"amount": "48200.5 EUR"}, ("48200.5", "EUR")),
            ({"amount": 312.4, "currency": "USD"}, ("312.4", "USD")),
            ({"amount": "EUR 12", "currency": "EUR"}, ("12", "EUR")),
            ({"amount": "EUR 12", "currency": "USD"}, None),
            ({"amount": "12.00"}, None),
            ({"amount": "1.140,00 EUR"}, None),
            ({"amount": "1,14 EUR"}, None),
            ({"amount": "-5 EUR"}, None),
            ({"amount": True, "currency": "EUR"}, None),
            ({"amount": "12 EUR", "currency": "crowns"}, None),
            ({"amount": {"value": 1}}, None),
            ({"total": "12 EUR"}, None),
            ([], None),
        ],
    )
    def test_are_read_only_where_they_cannot_be_misread(self, payload, said):
        read = amount(payload)
        assert (read and (str(read[0]), read[1])) == said

    def test_are_summed_in_one_currency_only(self):
        dollars = [{"amount": "$312.40"}, {"amount": "$1,140.00"}, {"amount": "$89"}]
        assert total(dollars) == "$1,541.40"
        assert total([{"amount": "10 EUR"}]) == "10.00 EUR"
        assert total([*dollars, {"amount": "€1"}]) == ""
        assert total([*dollars, {"amount": "many"}]) == ""
