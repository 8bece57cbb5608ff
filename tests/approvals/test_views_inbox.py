"""The inbox and the lists: what is shown to whom, in which order, at what price."""

import json
import re
import uuid
from datetime import timedelta
from urllib.parse import quote

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from approvals.models import Approval, Claim, Comment, Kind, Preference, Queue, SavedView
from orchestrator import client as temporal
from orchestrator import contract
from tests.desk import a_row, an_opened, recorded


def due(people, minutes, **more):
    at = timezone.now() + timedelta(minutes=minutes)
    return a_row(people, due_at=at, due_sort=at, **more)


def titles(answer):
    return re.findall(r'<a class="t"[^>]*>([^<]*)</a>', answer.content.decode())


class TestInbox:
    def test_shows_what_is_most_urgent_first(self, mei, people):
        a_row(people, title="Whenever")
        due(people, 60 * 24 * 5, title="Next week")
        due(people, -3, title="Too late")
        due(people, 30, title="Soon")
        answer = mei.get("/inbox/")
        assert titles(answer) == ["Too late", "Soon", "Next week", "Whenever"]
        groups = re.findall(r'<h2 class="grp"[^>]*><span>([^<]*)', answer.content.decode())
        assert groups == ["Overdue", "Due within the hour", "Later", "No deadline"]

    def test_leaves_out_what_is_not_mine_to_decide(self, mei, people):
        a_row(people, title="Mine", requester_user=people.mei)
        a_row(people, title="Voted", quorum=2).decide(people.mei, "approve")
        a_row(people, title="Decided").decide(people.lena, "approve")
        other = Queue.objects.create(slug="other", name="Other")
        a_row(people, title="Of another queue", queue=other)
        a_row(people, title="Of mine")
        assert titles(mei.get("/inbox/")) == ["Of mine"]

    def test_costs_at_most_twelve_queries_however_much_waits(
        self, mei, people, django_assert_max_num_queries
    ):
        rows = [
            due(people, 30 + n, requester="amira", requester_user=people.amira, quorum=2)
            for n in range(60)
        ]
        with django_assert_max_num_queries(12):
            page = mei.get("/inbox/").content.decode()
        assert page.count('class="row') == 50
        assert '<span id="count">60</span>' in page
        with django_assert_max_num_queries(30):  # with one of them open beside the list
            mei.get(f"/inbox/{rows[3].pk}/")

    def test_does_not_read_payloads_for_the_list(self, mei, people, django_assert_max_num_queries):
        a_row(people)
        with django_assert_max_num_queries(12) as asked:
            mei.get("/inbox/")
        assert not any('"payload"' in each["sql"] for each in asked.captured_queries)

    def test_a_filter_without_a_choice_says_so(self, mei, people):
        a_row(people)
        words = "Nothing to choose from yet."
        assert mei.get("/inbox/").content.decode().count(words) == 1  # of kinds
        Kind.objects.create(slug="refund", name="Refund", queue=people.general, schema={})
        a_row(people, kind="refund")
        assert words not in mei.get("/inbox/").content.decode()

    def test_shows_more_by_key(self, mei, people):
        for n in range(51):
            due(people, 10 + n, title=f"Number {n}")
        page = mei.get("/inbox/").content.decode()
        more = re.search(r'href="(/inbox/\?after=[^"]+)"', page)[1]
        assert titles(mei.get(more)) == ["Number 50"]

    @pytest.mark.parametrize("after", ["", "x", "2026-01-01", "2026-01-01T00:00:00+00:00,x", "é,é"])
    def test_survives_a_made_up_key(self, mei, people, after):
        a_row(people)
        assert mei.get("/inbox/", {"after": after, "since": after}).status_code == 200

    def test_says_who_asks_and_whether_it_is_a_program(self, mei, people):
        a_row(people, requester="support-agent")
        page = mei.get("/inbox/").content.decode()
        assert '<span class="vh">agent</span>' in page
        assert "support-agent" in page

    def test_the_title_counts(self, mei, people):
        a_row(people)
        assert "<title>(1) Inbox – Countersign</title>" in mei.get("/inbox/").content.decode()

    def test_a_part_is_sent_to_htmx(self, mei, people):
        row = a_row(people)
        answer = mei.get(f"/inbox/{row.pk}/", headers={"HX-Request": "true"})
        assert "<html" not in answer.content.decode()
        assert 'id="list"' not in answer.content.decode()
        assert "HX-Request" in answer["Vary"]

    def test_without_script_the_same_page_has_the_pane_open(self, mei, people):
        row = a_row(people)
        page = mei.get(f"/inbox/{row.pk}/").content.decode()
        assert "split has-open" in page
        assert page.count("<h1") == 1

    def test_every_page_and_part_has_one_heading(self, mei, people):
        row = a_row(people)
        for address in ("/inbox/", f"/inbox/{row.pk}/", f"/inbox/bulk/?sel={row.pk}",
                        "/inbox/bulk/"):  # fmt: skip
            assert mei.get(address).content.decode().count("<h1") == 1, address
            part = mei.get(address, headers={"HX-Request": "true"}).content.decode()
            assert part.count("<h1") == 1, address
            assert re.search(r'<h[12][^>]* id="title" hx-swap-oob="true">Inbox', part), address


class TestTabs:
    def test_are_links_with_counts(self, mei, people):
        a_row(people)
        a_row(people, requester_user=people.mei)
        page = mei.get("/inbox/?risk=medium").content.decode()
        tabs = re.findall(
            r'<a href="(/inbox/[^"]*)"[^>]*>[^<]*<span data-count="(\w+)">(\d+)', page
        )
        assert tabs == [
            ("/inbox/?risk=medium", "decide", "1"),
            ("/inbox/?tab=claimed&amp;risk=medium", "claimed", "0"),
            ("/inbox/?tab=others&amp;risk=medium", "others", "1"),
        ]

    def test_only_what_one_can_decide_can_be_ticked(self, mei, people):
        a_row(people, requester_user=people.mei, title="Own")
        page = mei.get("/inbox/?tab=others")
        assert titles(page) == ["Own"]
        assert 'type="checkbox" name="sel"' not in page.content.decode()

    def test_say_who_else_is_on_a_row(self, mei, people):
        Claim.take(a_row(people), people.lena)
        assert re.search(r'class="tag">.*</svg>lena<', mei.get("/inbox/").content.decode(), re.S)

    @pytest.mark.parametrize("tab", ["decide", "claimed", "others", "x", "\x00"])
    @pytest.mark.parametrize("who", ["mei", "zoe", "kim"])
    def test_never_show_rows_of_others(self, client, people, tab, who):
        User.objects.create(username="zoe")
        User.objects.create(username="kim", is_superuser=True)
        other = Queue.objects.create(slug="other", name="Other")
        a_row(people, queue=other, title="Elsewhere", key="ELSE-1")
        user = User.objects.get(username=who)
        client.force_login(user, "approvals.accounts.Accounts")
        for path in ("/inbox/", "/inbox/rows/", "/inbox/bulk/"):
            answer = client.get(path, {"tab": tab, "q": "else", "queue": "other"})
            sees = who == "kim" and tab == "others"
            assert ("Elsewhere" in titles(answer)) == sees, path
            assert ("ELSE-1" in answer.content.decode()) == sees, path


class TestFilters:
    def test_are_in_every_address_of_the_page(self, mei, people):
        row = a_row(people, risk="low")
        page = mei.get("/inbox/?risk=low&sort=newest").content.decode()
        assert f'href="/inbox/{row.pk}/?risk=low&amp;sort=newest"' in page
        assert re.search(r'hx-get="/inbox/rows/\?since=[^"]+&amp;risk=low&amp;sort=newest"', page)

    def test_are_kept_by_the_form_of_another(self, mei, people):
        a_row(people, risk="low")
        page = mei.get("/inbox/?risk=low&queue=general").content.decode()
        queue = page.partition('name="queue" value="general" checked')[0].rpartition("<form")[2]
        assert '<input type="hidden" name="risk" value="low">' in queue
        assert 'name="queue"' not in queue

    def test_count_what_waits(self, mei, people):
        a_row(people, risk="low", kind="refund", requester="bot")
        a_row(people, risk="low")
        page = mei.get("/inbox/").content.decode()
        low = re.search(r'value="low"><span>Low</span><small class="mut">(\d*)', page)
        assert low[1] == "2"
        assert "<span>refund</span>" in page
        assert "<span>bot</span>" in page

    def test_a_search_is_not_markup(self, mei, people):
        page = mei.get("/inbox/", {"q": '"><b>x'}).content.decode()
        assert "<b>x" not in page

    def test_an_empty_list_names_them_and_clears_them(self, mei, people):
        a_row(people)
        page = mei.get("/inbox/?queue=general&risk=high&q=zzz&sort=newest&tab=decide")
        words = page.content.decode()
        assert "No request matches these filters." in words
        for each in ("Queue: General", "Risk: High", "Search: zzz"):
            assert f"<li>{each}</li>" in words
        assert 'href="/inbox/?sort=newest">Clear filters' in words

    @pytest.mark.parametrize("is_open", [True, False])
    def test_draw_the_list_alone_and_leave_what_is_open(self, mei, people, is_open):
        one, _two = a_row(people, risk="low", title="Low"), a_row(people, risk="high")
        path = f"/inbox/{one.pk}/" if is_open else "/inbox/"
        headers = {
            "HX-Request": "true",
            "HX-Target": "found",
            "HX-Trigger": "chip-risk",
            "HX-Current-URL": f"http://testserver{path}?risk=high&sort=newest",
        }
        answer = mei.get("/inbox/?risk=low&sort=newest", headers=headers)
        page = answer.content.decode()
        assert titles(answer) == ["Low"]
        assert answer["HX-Push-Url"] == f"{path}?risk=low&sort=newest"
        assert json.loads(answer["HX-Trigger"]) == {"say": "1 request found."}
        assert "<html" not in page
        assert 'id="pane"' not in page
        assert ("<h1" in page) != is_open
        assert (f'id="row-{one.pk}" data-urg="none" aria-current="true"' in page) == is_open
        # The menu that one is in stays open, and no other one is.
        menus = re.findall(r'<details class="menu"( open)?>.*?id="(chip-\w+)"', page, re.S)
        assert [name for is_unfolded, name in menus if is_unfolded] == ["chip-risk"]
        assert re.search(r'hx-get="/inbox/rows/\?since=[^"]+&amp;risk=low&amp;sort=newest"', page)

    def test_dim_only_what_they_would_show(self, mei, people):
        low, high = a_row(people, risk="low", title="L"), a_row(people, risk="high", title="H")
        since = timezone.now().isoformat()
        for row in (low, high):
            row.decide(people.lena, "approve")
        answer = mei.get("/inbox/rows/", {"since": since, "risk": "low"})
        assert titles(answer) == ["L"]


class TestAddresses:
    """Tab, filters and the saved view go wherever a page of the inbox leads."""

    QUERY = "tab=claimed&risk=medium&sort=newest"

    @pytest.fixture
    def row(self, mei, people):
        row = a_row(people, previous={"amount": "1.00"}, undo_seconds=60)
        Claim.take(row, people.mei)
        return row

    def leads_on(self, page, query):
        """Every address in the inbox that `page` names, tabs and ways out of filters apart."""
        page = re.sub(r"(?s)<nav (class=\"tabs\"|aria-label=\"Main).*?</nav>", "", page)
        page = re.sub(r'<a (class="brand"|[^>]*data-go).*?>', "", page)
        found = re.findall(r'(?:href|hx-get|hx-push-url)="(/inbox/[^"]+)"', page)
        assert found
        return [each for each in found if query not in each.replace("&amp;", "&")]

    @pytest.mark.parametrize("htmx", [True, False])
    def test_of_a_request_that_is_open(self, mei, row, htmx):
        headers = {"HX-Request": "true"} if htmx else {}
        page = mei.get(f"/inbox/{row.pk}/?{self.QUERY}", headers=headers).content.decode()
        assert "compare=none" in page
        pane = page.partition('id="pane"')[2] or page
        assert self.leads_on(pane, self.QUERY) == []

    def test_of_one_that_is_drawn_again_by_a_click_or_by_news(self, mei, row):
        headers = {
            "HX-Request": "true",
            "HX-Current-URL": f"http://testserver/inbox/{row.pk}/?{self.QUERY}",
        }
        stale = {"place": "pane", "verdict": "approve", "sha": "0" * 64, "key": "1"}
        refused = mei.post(f"/approvals/{row.pk}/decision/", stale, headers=headers)
        assert refused.status_code == 409
        news = mei.get(f"/approvals/{row.pk}/panel/?place=pane", headers=headers)
        asked = {**stale, "verdict": "reject", "sha": row.payload_sha256}
        begun = mei.post(f"/approvals/{row.pk}/decision/", asked, headers=headers)
        assert begun.status_code == 422
        for page in (refused, begun):
            assert self.leads_on(page.content.decode(), self.QUERY) == []
        here = f'name="here" value="{self.QUERY}"'.replace("&", "&amp;")
        for page in (refused, begun, news):
            assert here in page.content.decode()

    def test_of_the_line_about_what_was_decided(self, mei, row):
        recorded(row, Queue.objects.get(slug="general").reviewers.get(username="mei"))
        page = mei.get(f"/inbox/receipt/{row.pk}/?{self.QUERY}").content.decode()
        assert "undo/" in page
        assert self.leads_on(page, self.QUERY) == []

    def test_of_several_that_are_chosen(self, mei, row):
        chosen = f"sel={row.pk}&{self.QUERY}"
        for headers in ({}, {"HX-Request": "true"}):
            page = mei.get(f"/inbox/bulk/?{chosen}", headers=headers).content.decode()
            assert self.leads_on(page.partition('id="bulk"')[2], self.QUERY) == []

    def test_of_several_without_scripts(self, mei, people, row):
        a_row(people, title="Elsewhere", risk="low")
        page = mei.get(f"/inbox/?{self.QUERY}").content.decode()
        form = page.partition('id="selection"')[2].partition("</form>")[0]
        fields = re.findall(r'type="hidden" name="([^"]+)" value="([^"]+)"', form)
        page = mei.get("/inbox/bulk/", [*fields, ("sel", row.pk)])
        assert titles(page) == [row.title]
        form = page.content.decode().partition('id="bulk"')[2]
        given = dict(re.findall(r'type="hidden" name="([^"]+)" value="([^"]+)"', form))
        given |= {"verdict": "approve", "here": given["here"].replace("&amp;", "&")}
        page = mei.post("/inbox/bulk/", given)
        assert "1 approved." in page.content.decode()
        assert "Elsewhere" not in titles(page)
        pane = page.content.decode().partition('id="pane"')[2]
        assert self.leads_on(pane, self.QUERY) == []

    def test_of_rows_that_come_later(self, mei, people):
        a_row(people)
        view = SavedView.objects.create(owner=people.mei, name="Middle", query="risk=medium")
        page = mei.get(f"/inbox/?risk=medium&view={view.pk}").content.decode()
        rows = re.search(r'hx-get="(/inbox/rows/[^"]+)"', page)[1].replace("&amp;", "&")
        page = mei.get(rows).content.decode()
        assert self.leads_on(page, f"risk=medium&view={view.pk}") == []

    @pytest.mark.parametrize("page", ["/history/?risk=medium", "/approvals/?risk=medium"])
    def test_no_other_page_adds_to_them(self, mei, row, page):
        headers = {"HX-Request": "true", "HX-Current-URL": f"http://testserver{page}"}
        news = mei.get(f"/approvals/{row.pk}/panel/?place=pane", headers=headers)
        assert "risk=medium" not in news.content.decode()

    @pytest.mark.parametrize("view", ["x", "1&evil=1", "9" * 400, "²"])
    def test_a_made_up_view_is_carried_nowhere(self, mei, row, view):
        page = mei.get("/inbox/", {"view": view}).content.decode()
        assert "view=" not in page


class TestOrder:
    @pytest.fixture(autouse=True)
    def rows(self, people):
        now = timezone.now()
        for n in range(60):
            risk = ("low", "medium", "high", "critical")[n % 4]
            due(people, 60 - n, title=f"{n:02}", opened_at=now - timedelta(hours=n), risk=risk)

    @pytest.mark.parametrize(
        ("sort", "first", "last"),
        [("due", "59", "00"), ("newest", "00", "59"), ("oldest", "59", "00"), ("risk", "59", "00")],
    )
    def test_pages_follow_each_other(self, mei, sort, first, last):
        one = mei.get("/inbox/", {"sort": sort})
        more = re.search(r'href="(/inbox/\?after=[^"]+)">Show more', one.content.decode())[1]
        two = mei.get(more.replace("&amp;", "&"))
        seen = titles(one) + titles(two)
        assert len(seen) == len(set(seen)) == 60
        assert (seen[0], seen[-1]) == (first, last)

    def test_groups_are_asked_for(self, mei, people):
        Approval.objects.filter(title__lt="30").update(kind="refund")
        page = mei.get("/inbox/", {"group": "kind"}).content.decode()
        groups = re.findall(r'<h2 class="grp"[^>]*><span>([^<]*)', page)
        assert groups == ["Of no kind", "refund"]
        page = mei.get("/inbox/", {"sort": "newest"}).content.decode()
        assert re.findall(r'<h2 class="grp"[^>]*><span>([^<]*)', page) == ["All"]

    @pytest.mark.parametrize("sort", ["due", "newest", "oldest"])
    def test_a_dimmed_row_stays_where_it_was(self, mei, people, sort):
        since = timezone.now().isoformat()
        before = titles(mei.get("/inbox/rows/", {"since": since, "sort": sort}))
        Approval.objects.get(title=before[7]).decide(people.lena, "approve")
        after = titles(mei.get("/inbox/rows/", {"since": since, "sort": sort}))
        assert after[:50] == before  # and one more has moved up


class TestAdvancing:
    """After a decision in the pane: the next request, and a line about the last one."""

    @pytest.fixture(autouse=True)
    def away(self, monkeypatch):
        def unreachable(*args, **more):
            raise temporal.Unreachable("Temporal does not answer.")

        monkeypatch.setattr(temporal, "send_decision", unreachable)

    def decide(self, client, row, *following, path="/inbox/", query="", **more):
        data = {
            **{"verdict": "approve", "comment": "", "sha": row.payload_sha256},
            **{"key": str(row.pk), "place": "pane", "next": [str(each) for each in following]},
            **more,
        }
        headers = {"HX-Request": "true", "HX-Current-URL": f"http://testserver{path}"}
        return client.post(f"/approvals/{row.pk}/decision/{query}", data, headers=headers)

    def heading(self, answer):
        return re.search(r"<h1[^>]*>([^<]*)", answer.content.decode())[1]

    def test_the_first_that_still_waits_is_opened(self, mei, people):
        rows = [a_row(people, title=each) for each in "ABCD"]
        rows[1].decide(people.lena, "approve")
        answer = self.decide(mei, rows[0], rows[1].pk, rows[2].pk, rows[3].pk)
        assert self.heading(answer) == "C"
        assert answer["HX-Push-Url"] == f"/inbox/{rows[2].pk}/"
        assert "Approved " in answer["HX-Trigger"]

    def test_one_that_has_ones_own_vote_already_is_passed_over(self, mei, people):
        one, voted, two = (a_row(people, title=each, quorum=2) for each in "ABC")
        voted.decide(people.mei, "approve")
        assert self.heading(self.decide(mei, one, voted.pk, two.pk)) == "C"

    def test_it_is_compared_as_itself_and_not_as_the_last_one_was(self, mei, people):
        one, two = a_row(people), a_row(people, previous={"amount": "1.00"})
        answer = self.decide(mei, one, two.pk, query="?compare=none&all=1").content.decode()
        assert 'id="compare-previous" tabindex="-1" aria-current="true"' in answer
        assert "compare=none&amp;all=1" not in answer

    def ahead(self, client, row):
        return client.get(f"/inbox/{row.pk}/", headers={"HX-Request": "true"})["X-Rev"]

    def test_what_was_read_ahead_and_holds_is_not_drawn_again(self, mei, people):
        one, two = a_row(people), a_row(people)
        answer = self.decide(mei, one, two.pk, ahead=self.ahead(mei, two))
        assert answer["X-Ahead"] == "1"
        assert answer["HX-Push-Url"] == f"/inbox/{two.pk}/"
        page = answer.content.decode().strip()
        assert page.startswith('<div class="receipt"')
        assert "<h1" not in page

    @pytest.mark.parametrize("what", ["escalated", "reminded"])
    def test_what_the_workflow_did_since_is_drawn(self, mei, people, what):
        one, two = a_row(people), a_row(people, title="Two")
        ahead = self.ahead(mei, two)
        Approval.objects.filter(pk=two.pk).update(**{what: 1})
        answer = self.decide(mei, one, two.pk, ahead=ahead)
        assert not answer.has_header("X-Ahead")
        assert self.heading(answer) == "Two"

    @pytest.mark.parametrize("what", ["comment", "vote", "claim", "correction"])
    def test_what_has_changed_since_is_drawn(self, mei, people, what):
        one = a_row(people)
        two = an_opened(payload={"to": "Acme"}, editable=["to"], quorum=3, title="Two")
        ahead = self.ahead(mei, two)
        if what == "comment":
            Comment.objects.create(approval=two, author=people.lena, text="Wait.")
        elif what == "claim":
            Claim.take(two, people.lena)
        elif what == "vote":
            recorded(two, people.lena)
        else:
            Approval.objects.filter(pk=two.pk).update(payload_sha256="0" * 64)
        answer = self.decide(mei, one, two.pk, ahead=ahead)
        assert not answer.has_header("X-Ahead")
        assert self.heading(answer) == "Two"

    def test_a_caution_that_came_since_is_drawn(self, mei, people):
        twin, one, two = a_row(people), a_row(people, payload={"other": 1}), a_row(people)
        ahead = self.ahead(mei, two)
        recorded(twin, people.lena, "reject", comment="No.")
        closed = {"state": "rejected", "settled_at": timezone.now(), "closed_at": timezone.now()}
        Approval.objects.filter(pk=twin.pk).update(**closed)
        answer = self.decide(mei, one, two.pk, ahead=ahead)
        assert not answer.has_header("X-Ahead")
        assert "The very same was rejected before." in answer.content.decode()
        assert self.decide(mei, two, ahead=self.ahead(mei, two)).status_code == 200

    def test_what_was_read_ahead_of_one_is_not_taken_for_another(self, mei, people):
        one, two, three = (a_row(people, title=each) for each in "ABC")
        ahead = self.ahead(mei, two)
        two.decide(people.lena, "approve")
        answer = self.decide(mei, one, two.pk, three.pk, ahead=ahead)
        assert not answer.has_header("X-Ahead")
        assert self.heading(answer) == "C"

    def test_costs_few_queries(self, mei, people, django_assert_max_num_queries):
        one, two, three = (a_row(people) for _ in range(3))
        self.decide(mei, one, two.pk)  # what is only asked once in a process
        with django_assert_max_num_queries(30):
            self.decide(mei, two, three.pk)

    def test_the_filters_stay_in_the_address(self, mei, people):
        one, two = a_row(people), a_row(people)
        here = f"/inbox/{one.pk}/?risk=medium&evil=1"
        answer = self.decide(mei, one, two.pk, path=here)
        assert answer["HX-Push-Url"] == f"/inbox/{two.pk}/?risk=medium"

    def test_the_line_says_what_was_done_and_how_far_it_got(self, mei, people):
        one, two = a_row(people, key="REF-1", undo_seconds=30), a_row(people)
        page = self.decide(mei, one, two.pk).content.decode()
        line = page.partition('id="receipt"')[2]
        assert 'hx-swap-oob="true"' in line
        assert "Approved REF-1." in line
        assert "Recorded" in line
        assert f'action="/approvals/{one.pk}/undo/"' in line
        assert f'hx-get="/inbox/receipt/{one.pk}/"' in line

    @pytest.mark.parametrize(
        ("verdict", "words"),
        [("request_changes", "Asked for changes to REF-1."), ("correct", "Corrected REF-1.")],
    )
    def test_nothing_but_an_approve_is_called_one(self, mei, people, verdict, words):
        Queue.objects.update(offers_changes=True)
        row = an_opened(key="REF-1", quorum=2, payload={"to": "Acme"}, editable=["to"])
        more = {"e-to": "Acme Ltd"} if verdict == "correct" else {}
        answer = self.decide(mei, row, verdict=verdict, comment="The name.", **more)
        assert words in json.loads(answer["HX-Trigger"])["say"]
        later = mei.get(f"/inbox/receipt/{row.pk}/").content.decode()
        for page in (answer.content.decode(), later):
            line = page.partition('id="receipt"')[2]
            assert f"<b>{words}</b>" in line
            assert "Rejected" not in line
            assert "Approved" not in line

    def test_a_correction_that_is_asked_anew_has_no_undo(self, mei, people):
        row = an_opened(quorum=2, payload={"to": "Acme"}, editable=["to"])
        self.decide(mei, row, verdict="correct", comment="The name.", **{"e-to": "Acme Ltd"})
        Approval.objects.update(settled_at=None)  # as the workflow takes it up
        assert "undo/" not in mei.get(f"/inbox/receipt/{row.pk}/").content.decode()

    @pytest.mark.parametrize(("held", "words"), [(8, "8 seconds"), (600, "10 minutes")])
    def test_the_line_says_how_long_undo_lasts(self, mei, people, held, words):
        row = a_row(people, undo_seconds=held)
        recorded(row, people.mei).acknowledge()
        until = timezone.now() + timedelta(seconds=held + 0.4)
        Approval.objects.update(held_until=until)
        line = mei.get(f"/inbox/receipt/{row.pk}/").content.decode()
        assert "holds it for undo" in line
        assert f"It takes effect in {words}." in line
        Approval.objects.update(held_until=timezone.now())
        assert "takes effect" not in mei.get(f"/inbox/receipt/{row.pk}/").content.decode()

    def test_the_line_is_silent_once_nothing_can_change(self, mei, people):
        row = a_row(people)
        recorded(row, people.mei).acknowledge()
        line = mei.get(f"/inbox/receipt/{row.pk}/").content.decode()
        assert "Applied by the workflow." in line
        assert "hx-get" not in line
        assert "undo/" not in line

    def test_the_line_calls_nothing_approved_that_the_workflow_refused(self, mei, people):
        row = a_row(people, key="REF-1")
        recorded(row, people.mei).refuse("It came too late.")
        line = mei.get(f"/inbox/receipt/{row.pk}/").content.decode()
        assert "Not counted: REF-1." in line
        assert 'data-k="no"' in line
        assert "Approved" not in line

    def test_the_line_is_about_ones_own_decision_only(self, mei, people):
        row = a_row(people)
        recorded(row, people.lena)
        line = mei.get(f"/inbox/receipt/{row.pk}/").content.decode()
        assert line.strip() == '<div class="receipt" id="receipt"></div>'

    def test_one_stays_where_none_is_named_or_none_waits(self, mei, people):
        other = Queue.objects.create(slug="other", name="Other")
        hidden = a_row(people, title="Hidden", queue=other)
        own = a_row(people, title="Own", requester_user=people.mei)
        for following in ([], ["x", ""], [uuid.uuid4()], [hidden.pk, own.pk]):
            row = a_row(people, title="Stays")
            answer = self.decide(mei, row, *following)
            assert self.heading(answer) == "Stays"
            assert "HX-Push-Url" not in answer

    def test_another_one_is_opened_where_all_that_were_named_are_done(self, mei, people):
        rows = [a_row(people, title=f"Request {n}", risk="low") for n in range(3)]
        recorded(rows[1], people.lena)
        answer = self.decide(mei, rows[0], rows[1].pk, "any")
        assert answer["HX-Push-Url"] == f"/inbox/{rows[2].pk}/"
        answer = self.decide(mei, rows[2], "any")
        assert "HX-Push-Url" not in answer

    def test_a_refused_decision_advances_nowhere(self, mei, people):
        one, two = a_row(people, title="One"), a_row(people, title="Two")
        answer = self.decide(mei, one, two.pk, sha="0" * 64)
        assert answer.status_code == 409
        assert self.heading(answer) == "One"

    def test_the_full_page_shows_the_outcome(self, mei, people):
        one, two = a_row(people, title="One"), a_row(people, title="Two")
        assert self.heading(self.decide(mei, one, two.pk, place="page")) == "One"


class TestBeside:
    """The arrows of the pane: which request they lead to is looked up once they are followed."""

    @pytest.fixture
    def rows(self, people):
        return [
            due(people, 10 + n, title=each, risk="low" if each == "C" else "high")
            for n, each in enumerate("ABCD")
        ]

    @pytest.mark.parametrize(
        ("query", "at", "way", "to"),
        [
            ("", 1, "next", 2),
            ("", 1, "previous", 0),
            ("?risk=high", 1, "next", 3),
            ("?risk=high", 3, "previous", 1),
            ("?risk=high", 2, "next", 3),  # from one that the filters hide
            ("?sort=risk", 3, "next", 2),
            ("?sort=risk", 2, "previous", 3),
            ("", 3, "next", 3),
            ("", 0, "previous", 0),
        ],
    )
    def test_they_follow_the_list_as_it_is_filtered(self, mei, rows, query, at, way, to):
        page = mei.get(f"/inbox/{rows[at].pk}/{query}").content.decode()
        address = f"/inbox/{rows[at].pk}/{way}/{query}"
        assert f'href="{address}" hx-get="{address}"' in page
        answer = mei.get(address)
        assert answer.status_code == 302
        assert answer["Location"] == f"/inbox/{rows[to].pk}/{query}"
        told = f"This is the {'first' if way == 'previous' else 'last'} request in the list."
        assert (told in mei.get(answer["Location"]).content.decode()) == (at == to)

    def test_they_say_so_where_the_list_ends(self, mei, rows):
        for at, way, words in ((3, "next", "last"), (0, "previous", "first")):
            headers = {"HX-Request": "true", "HX-Target": "pane"}
            answer = mei.get(f"/inbox/{rows[at].pk}/{way}/?risk=low", headers=headers)
            said = f"This is the {words} request in the list."
            assert json.loads(answer["HX-Trigger"]) == {"say": said}
            assert answer["HX-Push-Url"] == f"/inbox/{rows[at].pk}/?risk=low"
            assert answer.content.decode().count(said) == 1

    def test_they_pass_over_what_is_decided(self, mei, people, rows):
        rows[2].decide(people.lena, "approve")
        answer = mei.get(f"/inbox/{rows[2].pk}/next/")
        assert answer["Location"] == f"/inbox/{rows[3].pk}/"
        answer = mei.get(f"/inbox/{rows[3].pk}/previous/")
        assert answer["Location"] == f"/inbox/{rows[1].pk}/"


class TestGroups:
    def counts(self, client, address):
        page = client.get(address).content.decode().replace("&amp;", "&")
        heads = r'<h2 class="grp"[^>]*><span>([^<]*)</span><span>([^<]*)</span>'
        more = re.search(r'href="(/inbox/\?after=[^"]+)"', page)
        return dict(re.findall(heads, page)), more and more[1]

    def test_say_so_where_they_go_on_beyond_the_page(self, mei, people):
        for n in range(3):
            due(people, 10 + n)
        for n in range(60):
            due(people, 60 * 24 * 3 + n)
        counts, more = self.counts(mei, "/inbox/")
        assert counts == {"Due within the hour": "3", "Later": "47+"}
        assert self.counts(mei, more) == ({"Later": "13+"}, None)

    def test_that_end_with_the_page_are_counted_in_full(self, mei, people):
        for n in range(50):
            due(people, 10 + n / 10)
        due(people, 60 * 24 * 3)
        counts, more = self.counts(mei, "/inbox/")
        assert counts == {"Due within the hour": "50"}
        assert self.counts(mei, more)[0] == {"Later": "1"}

    @pytest.mark.parametrize("query", ["group=kind", "sort=newest", "sort=newest&group=due"])
    def test_that_are_scattered_may_all_go_on(self, mei, people, query):
        for n in range(51):
            due(people, 60 * 24 * 3 + n, kind="refund" if n else "")
        assert all(each.endswith("+") for each in self.counts(mei, f"/inbox/?{query}")[0].values())

    def test_count_only_what_waits(self, mei, people):
        rows = [a_row(people) for _ in range(3)]
        since = timezone.now().isoformat()
        rows[1].decide(people.lena, "approve")
        answer = mei.get("/inbox/rows/", {"since": since}).content.decode()
        assert "Approved by lena" in answer
        assert "<span>No deadline</span><span>2</span>" in answer


class TestLatest:
    """The line outlives a reload: tabs and filters are new pages, too."""

    @pytest.fixture
    def row(self, people):
        return a_row(people, key="REF-1", undo_seconds=60)

    def line(self, client, address="/inbox/"):
        line = client.get(address).content.decode().partition('id="receipt"')[2]
        return line.partition('<div class="list"')[0]

    def test_stands_on_every_page_of_the_inbox(self, mei, people, row):
        recorded(row, people.mei).acknowledge()
        other = a_row(people)
        for address in ("/inbox/", "/inbox/?tab=others", f"/inbox/{other.pk}/?risk=medium"):
            line = self.line(mei, address)
            assert "Approved REF-1." in line
            assert f'action="/approvals/{row.pk}/undo/"' in line
            assert f'hx-get="/inbox/receipt/{row.pk}/' in line

    def test_costs_one_query(self, mei, people, row, django_assert_max_num_queries):
        recorded(row, people.mei).acknowledge()
        mei.get("/inbox/")
        with django_assert_max_num_queries(12) as asked:
            assert "REF-1" in self.line(mei)
        about = [each["sql"] for each in asked if 'FROM "approvals_decision" INNER' in each["sql"]]
        assert len(about) == 1
        assert '"envelope"' not in about[0]
        assert '"payload"' not in about[0]

    def test_is_about_the_last_one_only(self, mei, people, row):
        recorded(row, people.mei).acknowledge()
        through = a_row(people, key="REF-2")
        recorded(through, people.mei).acknowledge()
        assert "REF" not in self.line(mei)

    def test_is_gone_once_it_is_through_or_taken_back(self, mei, people, row):
        recorded(row, people.mei).acknowledge()
        Approval.objects.update(held_until=timezone.now())
        assert "REF" not in self.line(mei)
        Approval.objects.update(held_until=timezone.now() + timedelta(minutes=1))
        headers = {"HX-Request": "true"}
        answer = mei.post(f"/approvals/{row.pk}/undo/", {"place": "pane"}, headers=headers)
        assert '<div class="receipt" id="receipt" hx-swap-oob="true"></div>' in (
            answer.content.decode()
        )
        assert "REF" not in self.line(mei)

    def test_is_ones_own(self, mei, people, row):
        recorded(row, people.lena).acknowledge()
        assert "REF" not in self.line(mei)

    @pytest.mark.parametrize("htmx", [True, False])
    def test_stays_away_once_it_was_dismissed(self, mei, people, row, htmx):
        recorded(row, people.mei).acknowledge()
        headers = {"HX-Request": "true"} if htmx else {}
        answer = mei.post(f"/inbox/receipt/{row.pk}/", {"here": "risk=low"}, headers=headers)
        if htmx:
            assert answer.content.decode().strip() == '<div class="receipt" id="receipt"></div>'
        else:
            assert (answer.status_code, answer["Location"]) == (303, "/inbox/?risk=low")
        assert "REF-1" not in self.line(mei)
        recorded(a_row(people, key="REF-2", undo_seconds=60), people.mei)
        assert "REF-2" in self.line(mei)

    @pytest.mark.parametrize("htmx", [True, False])
    def test_ends_with_several_at_once(self, mei, people, row, htmx):
        recorded(row, people.mei).acknowledge()
        one = a_row(people)
        given = {"sel": one.pk, f"sha-{one.pk}": one.payload_sha256, f"key-{one.pk}": "k"}
        headers = {"HX-Request": "true"} if htmx else {}
        answer = mei.post("/inbox/bulk/", given | {"verdict": "approve"}, headers=headers)
        page = answer.content.decode()
        assert "1 approved." in page
        oob = ' hx-swap-oob="true"' if htmx else ""
        assert page.count(f'<div class="receipt" id="receipt"{oob}></div>') == 1


class TestWithoutScripts:
    """A decision in the pane leads on in the inbox, by whole pages."""

    HERE = "risk=medium&sort=newest"

    @pytest.fixture
    def rows(self, people):
        now = timezone.now()
        risks = zip("ABCD", ("medium", "low", "medium", "medium"), strict=True)
        return {
            title: a_row(people, title=title, risk=risk, opened_at=now - timedelta(hours=n))
            for n, (title, risk) in enumerate(risks)
        }

    def decide(self, client, row, **more):
        given = {"verdict": "approve", "comment": "", "sha": row.payload_sha256}
        given |= {"key": str(row.pk), "place": "pane", "here": self.HERE}
        return client.post(f"/approvals/{row.pk}/decision/", given | more)

    def test_the_next_of_the_list_is_opened_and_says_what_was_recorded(self, mei, rows):
        answer = self.decide(mei, rows["A"])
        assert answer.status_code == 303
        assert answer["Location"] == f"/inbox/{rows['C'].pk}/?{self.HERE}"
        page = mei.get(answer["Location"]).content.decode()
        assert f"Approved {rows['A'].reference}. 3 left." in page.partition('id="pane"')[2]

    def test_behind_the_last_comes_the_first(self, mei, rows):
        answer = self.decide(mei, rows["D"])
        assert answer["Location"] == f"/inbox/{rows['A'].pk}/?{self.HERE}"

    @pytest.mark.parametrize("is_last", [True, False])
    def test_one_stays_where_none_is_next_or_a_person_wants_to(self, mei, people, rows, is_last):
        if is_last:
            Approval.objects.exclude(title="C").update(risk="low")
        else:
            Preference.objects.create(user=people.mei, auto_advance=False)
        answer = self.decide(mei, rows["C"])
        assert answer["Location"] == f"/inbox/{rows['C'].pk}/?{self.HERE}"

    def test_what_is_missing_is_asked_beside_the_list(self, mei, rows):
        answer = self.decide(mei, rows["C"], verdict="reject")
        page = answer.content.decode()
        assert answer.status_code == 422
        assert titles(answer) == ["A", "C", "D"]
        form = page.partition('id="panel"')[2]
        assert "Say why you are rejecting." in form
        assert 'name="place" value="pane"' in form
        assert f'name="here" value="{self.HERE}"'.replace("&", "&amp;") in form

    def test_the_newer_truth_stands_beside_the_list(self, mei, rows):
        answer = self.decide(mei, rows["C"], sha="0" * 64)
        assert answer.status_code == 409
        assert titles(answer) == ["A", "C", "D"]

    def test_to_confirm_leads_on_as_well(self, mei, rows):
        Approval.objects.update(risk="high")
        page = self.decide(mei, rows["C"], here="risk=high").content.decode()
        assert 'name="place" value="pane"' in page
        assert 'name="here" value="risk=high"' in page
        assert f'href="/inbox/{rows["C"].pk}/?risk=high">Cancel' in page

    def test_a_comment_leads_back(self, mei, rows):
        given = {"text": "Hm.", "kind": "comment", "key": str(uuid.uuid4())}
        given |= {"place": "pane", "here": self.HERE}
        answer = mei.post(f"/approvals/{rows['C'].pk}/comments/", given)
        assert answer["Location"] == f"/inbox/{rows['C'].pk}/?{self.HERE}"
        answer = mei.post(f"/approvals/{rows['C'].pk}/comments/", given | {"text": "", "key": ""})
        assert answer.status_code == 422
        assert titles(answer) == ["A", "C", "D"]


class TestNothingWaits:
    def test_for_a_reviewer_who_was_busy(self, noon, mei, people):
        a_row(people).decide(people.mei, "approve")
        page = mei.get("/inbox/").content.decode()
        assert "Nothing is waiting for you" in page
        assert "You decided 1 request today." in page

    def test_for_somebody_without_a_queue(self, client, people):
        client.force_login(people.amira, "approvals.accounts.Accounts")
        page = client.get("/inbox/").content.decode()
        assert "You can follow requests but not decide them." in page
        assert "You are signed in, but no queue is open to you. Ask an administrator." in page

    @pytest.mark.parametrize(
        ("is_admin", "words"), [(True, "Create a queue"), (False, "Ask an administrator.")]
    )
    def test_before_there_is_a_queue(self, client, db, is_admin, words):
        user = User.objects.create(username="kim", is_superuser=is_admin, is_staff=is_admin)
        client.force_login(user, "approvals.accounts.Accounts")
        page = client.get("/inbox/").content.decode()
        assert "No queue exists yet." in page
        assert words in page

    @pytest.mark.parametrize("waits", [True, False])
    def test_for_an_admin_who_reviews_nothing(self, client, people, waits):
        if waits:
            a_row(people)
        kim = User.objects.create(username="kim", is_superuser=True)
        client.force_login(kim, "approvals.accounts.Accounts")
        page = client.get("/inbox/").content.decode().partition('id="empty"')[2]
        assert "Ask an administrator." not in page
        assert ('href="/inbox/?tab=others"' in page) == waits
        assert 'href="/queues/"' in page

    def test_counts_requests_that_stay_decided(self, noon, mei, people):
        one, two, back = (a_row(people, undo_seconds=600) for _ in range(3))
        one.decide(people.mei, "approve")
        two.decide(people.mei, "approve")
        two.take_back(people.mei)
        two.decide(people.mei, "reject", "No.")
        back.decide(people.mei, "approve")
        back.take_back(people.mei)
        back.decide(people.lena, "approve")
        assert "You decided 2 requests today." in mei.get("/inbox/").content.decode()


class TestRows:
    def ask(self, client, rev=None, **query):
        headers = {"HX-Request": "true"} | ({"X-Rev": str(rev)} if rev is not None else {})
        return client.get("/inbox/rows/", query, headers=headers)

    def test_nothing_new_is_no_content(self, mei, people):
        a_row(people)
        people.general.refresh_from_db()
        assert self.ask(mei, people.general.revision).status_code == 204

    def test_news_come_with_their_revision_and_count(self, mei, people):
        a_row(people)
        people.general.touch()
        answer = self.ask(mei, 0)
        assert answer.status_code == 200
        counts = {"decide": 1, "claimed": 0, "others": 0}
        assert json.loads(answer["HX-Trigger"]) == {"inbox:rev": "1", "inbox:count": counts}
        assert titles(answer) == ["Pay €120.00 to Acme"]

    def test_looking_for_news_is_cheap(self, mei, people, django_assert_max_num_queries):
        with django_assert_max_num_queries(3):
            assert self.ask(mei, 0).status_code == 204

    def test_only_what_was_asked_since_is_new(self, mei, people):
        old = a_row(people, title="Has moved up")
        since = timezone.now().isoformat()
        new = a_row(people, title="New")
        page = self.ask(mei, since=since).content.decode()
        assert re.findall(r'id="row-([^"]+)" data-new', page) == [str(new.pk)]
        assert f'id="row-{old.pk}"' in page

    def test_say_what_was_asked_or_recalled(self, mei, people):
        row = a_row(people, requester_user=people.amira)
        tags = r'class="tag">(?:(?!</span>).)*</svg>([^<]+)</span>'
        asked = Comment.add(row, people.lena, "Why?", Comment.Kind.QUESTION)
        Comment.add(row, people.amira, "", Comment.Kind.NUDGE)
        page = self.ask(mei).content.decode()
        assert re.findall(tags, page, re.S) == ["question open", "reminded"]
        Comment.add(row, people.amira, "So.", Comment.Kind.ANSWER, asked.author)
        assert re.findall(tags, self.ask(mei).content.decode(), re.S) == ["reminded"]

    def test_what_another_decided_stays_dimmed(self, mei, people):
        row = a_row(people, title="Was here")
        since = timezone.now().isoformat()
        row.decide(people.lena, "approve")
        page = self.ask(mei, since=since).content.decode()
        assert f'class="row done" id="row-{row.pk}"' in page
        assert "Approved by lena" in page

    def test_a_dimmed_row_blames_nobody_for_what_the_deadline_did(self, mei, people):
        row = a_row(people, quorum=2)
        since = timezone.now().isoformat()
        row.decide(people.lena, "approve")
        closed = {"state": "rejected", "settled_at": timezone.now(), "closed_at": timezone.now()}
        Approval.objects.filter(pk=row.pk).update(**closed, due_at=timezone.now())
        rows = mei.get("/inbox/rows/", {"since": since}).content.decode()
        assert "Approved by" not in rows
        assert "Rejected by" not in rows
        assert "Rejected" in rows

    def test_what_i_decided_stays_dimmed(self, mei, people):
        row = a_row(people, quorum=2)
        since = timezone.now().isoformat()
        row.decide(people.mei, "approve")
        page = self.ask(mei, since=since).content.decode()
        assert "Approved by you" in page

    def test_what_was_decided_before_the_page_was_opened_is_gone(self, mei, people):
        a_row(people).decide(people.lena, "approve")
        assert "Approved by" not in self.ask(mei, since=timezone.now().isoformat()).content.decode()

    def test_rows_of_others_are_never_shown(self, client, people):
        zoe = User.objects.create(username="zoe")
        client.force_login(zoe, "approvals.accounts.Accounts")
        a_row(people).decide(people.lena, "approve")
        since = (timezone.now() - timedelta(hours=1)).isoformat()
        assert titles(self.ask(client, since=since)) == []


class TestHistory:
    @pytest.fixture
    def closed(self, people):
        rows = []
        for n in range(51):
            row = a_row(people, title=f"Number {n:02}", key=f"K-{n}")
            row.state = contract.REJECTED if n == 3 else contract.APPROVED
            row.closed_at = row.settled_at = timezone.now() - timedelta(minutes=n)
            row.save()
            rows.append(row)
        return rows

    def titles(self, answer):
        return re.findall(r'<th scope="row"><a [^>]*>([^<]*)', answer.content.decode())

    def test_is_read_newest_first_and_back_again(self, mei, closed):
        first = mei.get("/history/")
        assert self.titles(first)[0] == "Number 00"
        older = re.search(r'href="(\?older=[^"]+)"', first.content.decode())[1]
        second = mei.get("/history/" + older)
        assert self.titles(second) == ["Number 50"]
        newer = re.search(r'href="(\?newer=[^"]+)"', second.content.decode())[1]
        assert self.titles(mei.get("/history/" + newer)) == self.titles(first)

    @pytest.mark.parametrize(
        ("query", "found"),
        [
            ({"outcome": "rejected"}, ["Number 03"]),
            ({"q": "number 07"}, ["Number 07"]),
            ({"q": "K-9"}, ["Number 09"]),
            ({"q": "nothing like it"}, []),
            ({"queue": "nowhere"}, []),
            ({"outcome": "\x00", "q": "\x00'\"%"}, []),
        ],
    )
    def test_is_filtered(self, mei, closed, query, found):
        answer = mei.get("/history/", query)
        assert self.titles(answer) == found
        assert found or "No decision matches." in answer.content.decode()

    def test_is_found_by_id(self, mei, closed):
        assert self.titles(mei.get("/history/", {"q": str(closed[5].pk)})) == ["Number 05"]

    def test_costs_the_same_however_many_there_are(
        self, mei, closed, django_assert_max_num_queries
    ):
        with django_assert_max_num_queries(14):
            mei.get("/history/")

    def test_is_empty_for_a_stranger(self, client, closed):
        zoe = User.objects.create(username="zoe")
        client.force_login(zoe, "approvals.accounts.Accounts")
        assert "No decision has been made yet." in client.get("/history/").content.decode()


class TestMyRequests:
    def test_shows_what_i_asked_for_with_its_stage(self, client, people):
        client.force_login(people.amira, "approvals.accounts.Accounts")
        due(people, 42, title="Waits", requester_user=people.amira)
        a_row(people, title="Of another", requester_user=people.lena)
        a_row(people, title="Done", requester_user=people.amira)
        Approval.objects.filter(title="Done").update(
            state="approved", closed_at=timezone.now(), settled_at=timezone.now()
        )
        answer = client.get("/requests/")
        assert sorted(titles(answer)) == ["Done", "Waits"]
        assert "Approved" in answer.content.decode()

    def test_is_empty_at_first(self, client, people):
        client.force_login(people.amira, "approvals.accounts.Accounts")
        page = client.get("/requests/").content.decode()
        assert "You have not asked for anything yet." in page
        assert quote("/start/") in page
