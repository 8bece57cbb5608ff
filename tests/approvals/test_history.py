"""The history finds what was decided, for those who may see it, and gives it away as CSV."""

import csv
import io
import json
import re
from dataclasses import asdict
from datetime import timedelta

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client
from django.utils import timezone

from approvals import export
from approvals.models import Approval, AuditEntry, Decision, Kind, Queue
from orchestrator import contract
from tests.approvals.policy.tables import deny, use
from tests.desk import a_row, an_opened, recorded

__all__ = ["use"]

WHO = 'Müller "A" \\ 1'

pytestmark = pytest.mark.postgresql


def browser(user: User) -> Client:
    client = Client()
    client.force_login(user, "approvals.accounts.Accounts")
    return client


@pytest.fixture
def mei(people) -> Client:
    return browser(people.mei)


@pytest.fixture
def close(people):
    """An approval that closed `ago` minutes before now; `by` made its only decision."""

    def closed(
        title="Number", state="approved", ago=0, by=None, verdict="", groups=(), **values
    ) -> Approval:
        row = a_row(people, title=title, **values)
        if groups:  # that are each to be represented
            row.rules = asdict(row.terms()) | {"groups": groups}
            Approval.objects.filter(pk=row.pk).update(rules=row.rules)
        if by:
            words = {"approved": "approve", "rejected": "reject"}
            recorded(row, by, verdict or words[state], comment="Because.")
        at = timezone.now() - timedelta(minutes=ago)
        Approval.objects.filter(pk=row.pk).update(
            state=state, closed_at=at, settled_at=at, opened_at=at - timedelta(minutes=5)
        )
        return Approval.objects.get(pk=row.pk)

    return closed


def titles(answer) -> list[str]:
    return re.findall(r'<th scope="row"><a [^>]*>([^<]*)', answer.content.decode())


def search(client, **query) -> list[str]:
    return titles(client.get("/history/", query))


class TestSearch:
    @pytest.fixture(autouse=True)
    def rows(self, close, people):
        self.found = close(
            "Pay €48,200.00 to Norrland",
            key="PAY-1042",
            workflow_id="task-77",
            parent_workflow_id="order/9",
            payload={"to": [{"iban": "SE72 8000 0810"}], "50%_off": True, "who": WHO},
            requester="amira",
            requester_user=people.amira,
        )  # fmt: skip
        close("Something else", payload={"amount": "1.00"})

    @pytest.mark.parametrize(
        "text",
        ["norrland", "€48,200", "pay-1042", "task-77", "order/9", "8000 0810", "amira",
         "Müller", 'LLER "a" \\ 1', "  norrland\x00 "],
    )  # fmt: skip
    def test_finds_title_key_ids_requester_and_values(self, mei, text):
        assert search(mei, q=text) == [self.found.title]

    @pytest.mark.parametrize("text", ["iban", "50%_off", "%", "_", "nothing", "' OR 1=1 --", "\\"])
    def test_finds_neither_names_of_fields_nor_patterns(self, mei, text):
        found = search(mei, q=text)
        assert found == ([self.found.title] if text == "\\" else [])

    def test_finds_the_ids_that_people_see(self, mei):
        for text in (str(self.found.pk), str(self.found.pk)[:8], self.found.run_id):
            assert search(mei, q=text) == [self.found.title]

    def test_finds_a_full_name(self, mei, people):
        User.objects.filter(pk=people.amira.pk).update(first_name="Amira", last_name="Haddad")
        assert search(mei, q="mira hadd") == [self.found.title]


class TestFilters:
    def test_kind_and_queue(self, mei, people, close):
        Kind.objects.create(
            slug="refund", name="Refund", schema={}, title_template="x", queue=people.general
        )
        other = Queue.objects.create(slug="other", name="Other")
        other.reviewers.add(people.mei)
        close("Here", kind="refund")
        close("There", queue=other)
        assert search(mei, kind="refund") == search(mei, queue="general") == ["Here"]
        assert search(mei, queue="other") == ["There"]
        assert search(mei, kind="unknown") == []

    def test_whatever_the_column_says_can_be_found(self, mei, people, close):
        Kind.objects.create(
            slug="refund", name="Refund", schema={}, title_template="x", queue=people.general
        )
        other = Queue.objects.create(slug="other", name="Other")
        close("Of a kind", kind="refund", workflow_type="Release")
        close("Of a kind that nobody defined", kind="gone")
        close("Of none", workflow_type="Release")
        close("Of another queue", workflow_type="Secret", queue=other)
        page = mei.get("/history/")
        assert page.context["form"].fields["kind"].choices == [
            ("", "Any"), ("refund", "Refund"), ("gone", "gone"), ("workflow:Release", "Release"),
        ]  # fmt: skip
        assert search(mei, kind="workflow:Release") == ["Of none"]
        assert search(mei, kind="gone") == ["Of a kind that nobody defined"]
        assert search(mei, kind="refund") == ["Of a kind"]
        page = mei.get("/history/", {"kind": "workflow:Old"}).content.decode()
        assert '<option value="workflow:Old" selected>Old</option>' in page

    def test_requester_and_decider(self, mei, people, close):
        close("By Lena", by=people.lena)
        close("By Tomasz", by=people.tomasz, requester="support-agent")
        assert search(mei, decider="lena") == ["By Lena"]
        assert search(mei, requester="support") == ["By Tomasz"]
        assert search(mei, decider="mei") == []

    def test_one_who_took_it_back_did_not_decide(self, mei, people, close):
        row = close("Taken back", by=people.lena)
        row.decisions.update(retracted_at=timezone.now())
        assert search(mei, decider="lena") == []

    def test_a_withdrawal_is_told_apart_from_a_cancellation(self, mei, people, close):
        close("Cancelled", "cancelled")
        row = a_row(people, title="Withdrawn", requester_user=people.amira)
        row.withdraw(people.amira)
        now = timezone.now()
        Approval.objects.filter(pk=row.pk).update(state="cancelled", closed_at=now)
        assert search(mei, outcome="withdrawn") == ["Withdrawn"]
        assert search(mei, outcome="cancelled") == ["Cancelled"]
        assert "</svg>Withdrawn</span>" in mei.get("/history/").content.decode()

    @pytest.mark.parametrize(
        ("who", "found"),
        [
            ("people", {"Approved", "Rejected", "Withdrawn"}),
            ("deadline", {"Expired", "Rejected late", "Half approved", "Silence", "Half silence"}),
            ("rule", {"Cancelled", "Lost", "Allowed", "Denied"}),
        ],
    )
    def test_who_or_what_closed_it(self, mei, people, close, use, who, found):
        due = {"due_at": timezone.now() + timedelta(hours=1)}
        close("Approved", by=people.lena)
        close("Rejected", "rejected", by=people.lena, **due)
        withdrawn = a_row(people, title="Withdrawn", requester_user=people.amira)
        withdrawn.withdraw(people.amira)
        Approval.objects.filter(pk=withdrawn.pk).update(state="cancelled", closed_at=timezone.now())
        close("Expired", "expired", **due)
        close("Rejected late", "rejected", **due)
        close("Half approved", "rejected", by=people.lena, verdict="approve", quorum=2, **due)
        close("Cancelled", "cancelled")
        close("Lost", "lost")
        close("Allowed")
        close("Silence", on_timeout="approve", **due)
        close("Half silence", by=people.lena, quorum=2, on_timeout="approve", **due)
        use(deny("true"))
        denied = an_opened(title="Denied", due_seconds=60)
        Approval.objects.filter(pk=denied.pk).update(state="rejected", closed_at=timezone.now())
        answer = mei.get("/history/", {"closed_by": who})
        assert set(titles(answer)) == found
        words = {"people": "Lena", "deadline": "the deadline", "rule": "a rule"}[who]
        assert words.lower() in answer.content.decode().lower()

    def test_days_are_whole_and_in_the_local_zone(self, noon, mei, close):
        today = timezone.localdate()
        close("Today")
        close("Two days ago", ago=2 * 1440)
        day = (today - timedelta(days=2)).isoformat()
        assert search(mei, until=day, since=day) == ["Two days ago"]
        assert search(mei, since=today.isoformat()) == ["Today"]

    @pytest.mark.parametrize(
        ("query", "words"),
        [
            ({"since": "23.11.2026"}, "This is not a date."),
            ({"until": "2026-02-30"}, "This is not a date."),
            ({"since": "2026-02-02", "until": "2026-02-01"}, "This is before the first day."),
        ],
    )
    def test_bad_dates_are_said_beside_the_field(self, mei, close, query, words):
        close()
        answer = mei.get("/history/", query)
        html = answer.content.decode()
        field = list(query)[-1]
        assert re.search(rf'<p class="err" id="{field}_error"[^>]*>{re.escape(words)}', html)
        assert "<title>Error: History" in html.replace("\n", "")
        assert "<details open" in html
        assert f'value="{query[field]}"' in html
        assert "/history/export.csv" not in html
        assert mei.get("/history/export.csv", query).status_code == 422

    def test_what_filters_is_named_where_nothing_is_found(self, mei, close):
        close()
        html = mei.get("/history/", {"outcome": "rejected", "q": "<b>"}).content.decode()
        assert "Search: &lt;b&gt;, Outcome: Rejected" in html
        assert "Clear filters" in html

    def test_the_others_unfold_where_one_of_them_is_set(self, mei, close):
        assert "<details>" in mei.get("/history/", {"q": "x"}).content.decode()
        assert "<details open>" in mei.get("/history/", {"decider": "x"}).content.decode()

    def test_for_a_part_of_the_page_the_address_is_kept_short(self, mei, close):
        close()
        query = {"q": "num", "outcome": "", "since": "nonsense"}
        answer = mei.get("/history/", query, headers={"HX-Request": "true"})
        html = answer.content.decode()
        assert "<html" not in html
        assert answer["HX-Push-Url"] == "/history/?q=num&since=nonsense"
        assert json.loads(answer["HX-Trigger"]) == {"say": "1 decision"}
        assert 'id="since_error" hx-swap-oob="true">This is not' in html
        assert 'id="q_error" hx-swap-oob="true" hidden' in html


class TestPage:
    def test_many_are_not_counted_to_the_end(self, mei, close, monkeypatch):
        monkeypatch.setattr("approvals.views.history.MOST_COUNTED", 50)
        rows = [close(f"Row {n}", ago=n) for n in range(53)]
        html = mei.get("/history/").content.decode()
        assert "50+ decisions" in html
        assert "Export 50+ rows" in html
        assert len(rows) == 53

    def test_one_page_has_no_pager(self, mei, close):
        close()
        assert 'class="pager"' not in mei.get("/history/").content.decode()

    def test_a_row_shows_all_who_decided(self, mei, people, close):
        row = close("Two", quorum=2)
        Approval.objects.filter(pk=row.pk).update(state="waiting", settled_at=None, closed_at=None)
        for who in (people.lena, people.tomasz):
            recorded(Approval.objects.get(pk=row.pk), who)
        now = timezone.now()
        Approval.objects.filter(pk=row.pk).update(state="approved", closed_at=now)
        html = mei.get("/history/").content.decode()
        assert ">lena</span><span class=\"who\">tomasz<" in html  # fmt: skip

    def test_rows_that_closed_in_one_moment_are_all_there(self, mei, close):
        for n in range(120):
            close(f"Row {n}")
        Approval.objects.update(closed_at=timezone.now())
        seen, query = [], ""
        for _page in range(3):
            html = mei.get(f"/history/{query}").content.decode()
            seen += re.findall(r'<th scope="row"><a [^>]*>([^<]*)', html)
            found = re.search(r'href="(\?older=[^"]+)"', html)
            query = found[1].replace("&amp;", "&") if found else ""
        assert len(seen) == len(set(seen)) == 120
        assert not query

    def test_costs_at_most_fourteen_queries_however_many_rows(self, mei, people, close):
        from django.db import connection
        from django.test.utils import CaptureQueriesContext

        close(by=people.lena)
        with CaptureQueriesContext(connection) as few:
            mei.get("/history/")
        for n in range(20):
            close(f"Row {n}", by=(people.lena, people.tomasz)[n % 2], ago=n)
        with CaptureQueriesContext(connection) as many:
            mei.get("/history/")
        assert len(many) <= len(few) <= 14

    @pytest.mark.parametrize("page", ["/history/", "/history/export.csv", "/requests/"])
    def test_no_more_queries_for_more_rows(self, mei, people, close, page):
        from django.db import connection
        from django.test.utils import CaptureQueriesContext

        def asked():
            with CaptureQueriesContext(connection) as found:
                answer = mei.get(page)
                text = b"".join(answer.streaming_content if answer.streaming else [answer.content])
            assert text.count(b"Row ") >= Approval.objects.count()
            return len(found)

        # Silence would be a yes too: whose doing it was is found by the groups they stood for.
        finance = Group.objects.create(name="Finance")
        finance.user_set.add(people.lena, people.tomasz)
        values = {"on_timeout": "approve", "groups": ["Finance"]}
        values |= {"requester_user": people.mei} if page == "/requests/" else {}
        close("Row first", by=people.lena, **values)
        few = asked()
        for n in range(20):
            close(f"Row {n}", by=(people.lena, people.tomasz)[n % 2], ago=n, **values)
        assert asked() <= few <= 18

    def test_knows_by_the_groups_who_closed_it(self, people, close):
        """Read without its envelope as with it."""
        people.lena.groups.add(Group.objects.create(name="Finance"))
        close(by=people.lena, groups=["Finance"])
        close(by=people.lena, ago=1)
        whole = {each.pk: each.groups for each in Decision.objects.all()}
        light = Decision.objects.light()
        assert {each.pk: each.groups for each in light} == whole
        assert sorted(whole.values()) == [[], ["Finance"]]
        assert all("envelope" in each.get_deferred_fields() for each in light)


class TestExport:
    def read(self, client, **query) -> list[dict]:
        answer = client.get("/history/export.csv", query)
        assert answer.status_code == 200
        assert answer["Content-Type"] == "text/csv; charset=utf-8"
        assert answer["Content-Disposition"].startswith('attachment; filename="countersign-')
        text = b"".join(answer.streaming_content).decode()
        assert text.startswith("\ufeff")
        return list(csv.DictReader(io.StringIO(text[1:], newline="")))

    def test_has_the_rows_of_the_page(self, mei, people, close):
        close("Old", ago=10, by=people.lena, key="K-1")
        close("New", "rejected", by=people.tomasz)
        rows = self.read(mei)
        assert [row["title"] for row in rows] == ["New", "Old"]
        assert rows[1]["reference"] == "K-1"
        assert rows[1]["seconds_to_decision"] == "300"
        assert re.match(
            r"lena approve 20\d\d-\d\d-\d\dT[\d:]+\+00:00: Because\.", rows[1]["decisions"]
        )
        assert re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", rows[0]["closed_at"])
        assert self.read(mei, outcome="rejected") == rows[:1]

    def test_calls_outcomes_as_the_filter_does(self, mei, people, close):
        row = close("Taken back", "waiting", ago=9, requester_user=people.amira)
        Approval.objects.update(settled_at=None, closed_at=None)
        Approval.objects.get().withdraw(people.amira)
        Approval.objects.update(state="cancelled", closed_at=row.closed_at)
        close("Cancelled", "cancelled")
        assert [row["outcome"] for row in self.read(mei)] == ["cancelled", "withdrawn"]
        found = self.read(mei, outcome="withdrawn")
        assert [row["title"] for row in found] == ["Taken back"]

    @pytest.mark.parametrize(
        "start", ["=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"]
    )
    def test_no_cell_is_a_formula(self, start):
        evil = f"{start}HYPERLINK(\"http://evil.example\")"  # fmt: skip
        assert export.harmless(evil) == f"'{evil}"

    def test_formulas_in_a_request_are_defused(self, mei, close):
        close('=cmd|"/c calc"!A1', key="@SUM(1)", requester="+49", reason="-1")
        row = self.read(mei)[0]
        assert row["title"] == '\'=cmd|"/c calc"!A1'
        assert (row["reference"], row["requester"], row["reason"]) == ("'@SUM(1)", "'+49", "'-1")
        assert row["risk"] == "medium"

    def test_lines_and_quotes_stay_in_their_cell(self, mei, close):
        close('He said "no",\nthen left')
        assert self.read(mei)[0]["title"] == 'He said "no",\nthen left'

    def test_comes_in_pieces_however_long_it_is(self, mei, close, monkeypatch):
        monkeypatch.setattr(export, "CHUNK", 10)
        for n in range(31):
            close(f"Row {n:02}", ago=n // 4)
        Approval.objects.filter(title__lt="Row 12").update(closed_at=timezone.now())
        pieces = list(mei.get("/history/export.csv").streaming_content)
        assert [piece.count(b"\r\n") for piece in pieces] == [1, 10, 10, 10, 1]
        names = re.findall(rb"Row \d\d", b"".join(pieces))
        assert len(set(names)) == len(names) == 31

    def test_is_written_down_once_with_its_filter(self, mei, people, close):
        close()
        close("Other", "rejected")
        self.read(mei, outcome="rejected", q="other")
        entry = AuditEntry.objects.get(action="exported")
        assert entry.actor == people.mei
        assert entry.detail == {"rows": 1, "filter": {"outcome": "rejected", "q": "other"}}
        mei.head("/history/export.csv")
        assert AuditEntry.objects.filter(action="exported").count() == 1

    def test_gives_nobody_what_they_may_not_see(self, people, close):
        zoe = User.objects.create(username="zoe")
        close("Secret")
        close("Hers", requester_user=zoe)
        assert [row["title"] for row in self.read(browser(zoe))] == ["Hers"]
        assert Client().get("/history/export.csv").status_code == 302

    def test_says_what_did_not_count(self, mei, people, close):
        close(by=people.lena)
        Decision.objects.update(refused_at=timezone.now(), refusal="late")
        assert "lena approve (not counted)" in self.read(mei)[0]["decisions"]


class TestStatistics:
    def test_sqlite_is_told_how_large_its_tables_are(self, close):
        from django.db import connection

        from approvals.activities import measure_tables

        close()
        measure_tables()
        if connection.vendor != "sqlite":
            return
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM sqlite_stat1 WHERE tbl = 'approvals_approval'")
            assert cursor.fetchone()[0] > 0


def test_every_outcome_can_be_looked_for():
    from approvals.filters import OUTCOMES

    assert contract.WAITING not in dict(OUTCOMES)
    assert {*dict(OUTCOMES)} == {*Approval.State.values, "withdrawn"} - {contract.WAITING}
