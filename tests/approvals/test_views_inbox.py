"""The inbox and the lists: what is shown to whom, in which order, at what price."""

import json
import re
from datetime import timedelta
from urllib.parse import quote

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from approvals.models import Approval, Queue
from orchestrator import contract
from tests.desk import a_row


@pytest.fixture
def mei(people, client):
    client.force_login(people.mei, "django.contrib.auth.backends.ModelBackend")
    return client


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


class TestNothingWaits:
    def test_for_a_reviewer_who_was_busy(self, mei, people):
        a_row(people).decide(people.mei, "approve")
        page = mei.get("/inbox/").content.decode()
        assert "Nothing is waiting for you" in page
        assert "You decided 1 request today." in page

    def test_for_somebody_without_a_queue(self, client, people):
        client.force_login(people.amira, "django.contrib.auth.backends.ModelBackend")
        page = client.get("/inbox/").content.decode()
        assert "You can follow requests but not decide them." in page

    @pytest.mark.parametrize(
        ("is_admin", "words"), [(True, "Create a queue"), (False, "Ask an administrator.")]
    )
    def test_before_there_is_a_queue(self, client, db, is_admin, words):
        user = User.objects.create(username="kim", is_superuser=is_admin, is_staff=is_admin)
        client.force_login(user, "django.contrib.auth.backends.ModelBackend")
        page = client.get("/inbox/").content.decode()
        assert "No queue exists yet." in page
        assert words in page


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
        assert json.loads(answer["HX-Trigger"]) == {"inbox:rev": 1, "inbox:count": counts}
        assert titles(answer) == ["Pay €120.00 to Acme"]

    def test_looking_for_news_is_cheap(self, mei, people, django_assert_max_num_queries):
        with django_assert_max_num_queries(3):
            assert self.ask(mei, 0).status_code == 204

    def test_what_another_decided_stays_dimmed(self, mei, people):
        row = a_row(people, title="Was here")
        since = timezone.now().isoformat()
        row.decide(people.lena, "approve")
        page = self.ask(mei, since=since).content.decode()
        assert f'class="row done" id="row-{row.pk}"' in page
        assert "Approved by lena" in page

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
        client.force_login(zoe, "django.contrib.auth.backends.ModelBackend")
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
        client.force_login(zoe, "django.contrib.auth.backends.ModelBackend")
        assert "No decision has been made yet." in client.get("/history/").content.decode()


class TestMyRequests:
    def test_shows_what_i_asked_for_with_its_stage(self, client, people):
        client.force_login(people.amira, "django.contrib.auth.backends.ModelBackend")
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
        client.force_login(people.amira, "django.contrib.auth.backends.ModelBackend")
        page = client.get("/requests/").content.decode()
        assert "You have not asked for anything yet." in page
        assert quote("/start/") in page
