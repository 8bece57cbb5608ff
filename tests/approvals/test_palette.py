"""Search from anywhere leads only to what one may see; saved views are one's own."""

import html
import re
import uuid

import pytest
from django.contrib.auth.models import User

from approvals.models import Queue, SavedView, WorkflowRun
from approvals.views.saved import MOST
from orchestrator.contract import Request, Run
from tests.desk import a_row, recorded


def hits(client, q):
    """(words, address) of each result."""
    part = client.get("/palette/", {"q": q}, headers={"HX-Request": "true"}).content.decode()
    found = re.findall(r'<li><a href="([^"]*)">(.*?)</a></li>', part, re.DOTALL)
    return [
        (" ".join(re.sub(r"<[^>]+>", " ", words).split()), html.unescape(href))
        for href, words in found
    ]


def leads(client, q):
    """Without the two that lead on to searches for anything at all."""
    return [words for words, _href in hits(client, q) if not words.startswith("Search ")]


class TestHits:
    def test_an_approval_by_key_title_and_ids(self, mei, people):
        row = a_row(people, key="PAY-1042", title="Pay Norrland", workflow_id="wf-1",
                    parent_workflow_id="wf-0")  # fmt: skip
        found = [("PAY-1042 Pay Norrland Waiting", f"/approvals/{row.pk}/")]
        for q in ("pay-1", "PAY-1042", "norrl", "wf-1", "wf-0", str(row.pk), str(row.pk)[:8]):
            assert [each for each in hits(mei, q) if "/approvals/" in each[1]] == found, q

    def test_a_closed_one_by_its_key(self, mei, people):
        row = a_row(people, key="PAY-1")
        type(row).objects.filter(pk=row.pk).update(state="approved")
        assert leads(mei, "pay-1") == ["PAY-1 Pay €120.00 to Acme Approved"]

    def test_a_run_by_its_workflow_id(self, mei, people):
        row = a_row(people, workflow_id="wf/7")
        WorkflowRun.note(Run("wf/7", row.run_id, "Approval"), Request.read({"title": "T"}))
        assert ("wf/7 Workflow", f"/workflows/wf/7/{row.run_id}/") in hits(mei, "wf/7")

    def test_a_queue_a_view_and_pages(self, mei, people):
        SavedView.objects.create(owner=people.mei, name="General, low", query="risk=low")
        found = hits(mei, "GENERAL")
        assert ("General Queue", "/inbox/?queue=general") in found
        assert any(words == "General, low Saved view" for words, _href in found)
        assert ("History Page", "/history/") in hits(mei, "hist")

    def test_leads_on_to_the_searches(self, mei, people):
        assert hits(mei, "a&b")[-2:] == [
            ("Search the inbox for “a&amp;b”", "/inbox/?q=a%26b"),
            ("Search History for “a&amp;b”", "/history/?q=a%26b"),
        ]

    def test_an_empty_search_shows_places(self, mei, people):
        a_row(people)
        assert "Inbox Page" in leads(mei, "")
        assert not any("Acme" in each for each in leads(mei, ""))

    def test_hidden_characters_are_shown(self, mei, people):
        a_row(people, title="Pay \u202eAcme")
        page = mei.get("/palette/", {"q": "Pay"}).content.decode()
        assert "\u202e" not in page
        assert '<span class="esc">\\u202e</span>' in page

    @pytest.mark.parametrize("q", ["\x00", "%", "'\"<", "0" * 500, "é" * 9])
    def test_survives_anything(self, mei, people, q):
        assert mei.get("/palette/", {"q": q}).status_code == 200


class TestPermissions:
    @pytest.fixture
    def hidden(self, people):
        other = Queue.objects.create(slug="hidden-queue", name="Hidden queue")
        row = a_row(people, queue=other, key="HID-1", title="Hidden title", workflow_id="hid-wf")
        WorkflowRun.note(
            Run("hid-wf", row.run_id, "Approval"), Request.read({"title": "Hidden title"})
        )
        SavedView.objects.create(owner=people.lena, name="Hidden view", query="risk=low")
        return row

    @pytest.mark.parametrize("q", ["hid", "HID-1", "Hidden", "hid-wf"])
    def test_what_one_may_not_see_is_not_found(self, mei, hidden, q):
        assert leads(mei, q) == []

    def test_nor_by_its_ids(self, mei, hidden):
        for q in (str(hidden.pk), str(hidden.pk)[:8], hidden.run_id):
            assert leads(mei, q) == []

    def test_who_asked_finds_it(self, client, people, hidden):
        type(hidden).objects.filter(pk=hidden.pk).update(requester_user=people.amira)
        client.force_login(people.amira, "approvals.accounts.Accounts")
        assert leads(client, "HID-1") == ["HID-1 Hidden title Waiting"]

    def test_an_admin_finds_all_but_the_views_of_others(self, client, hidden):
        kim = User.objects.create(username="kim", is_superuser=True, is_staff=True)
        client.force_login(kim, "approvals.accounts.Accounts")
        assert leads(client, "hid") == ["HID-1 Hidden title Waiting", "Hidden queue Queue"]
        assert "Admin Page" in leads(client, "admin")

    def test_nobody_else_is_led_to_the_admin(self, mei):
        assert leads(mei, "admin") == []


class TestPage:
    def test_is_the_same_full_size(self, mei, people):
        row = a_row(people, key="PAY-1")
        page = mei.get("/palette/", {"q": "pay-1"}).content.decode()
        assert page.count('id="hits"') == page.count('id="palette-q"') == 1
        assert f'href="/approvals/{row.pk}/"' in page

    def test_costs_little(self, mei, people, django_assert_max_num_queries):
        for n in range(20):
            recorded(a_row(people, key=f"PAY-{n}"), people.lena)
        with django_assert_max_num_queries(12):
            mei.get("/palette/", {"q": "pay"})


class TestSavedViews:
    def save(self, client, name="Mine", query="risk=low&queue=general"):
        return client.post("/inbox/views/", {"name": name, "query": query})

    def test_are_saved_in_one_spelling_and_applied(self, mei, people):
        answer = self.save(mei)
        view = SavedView.objects.get()
        assert (view.owner, view.name, view.query) == (people.mei, "Mine", "queue=general&risk=low")
        assert answer.status_code == 303
        assert answer["Location"] == f"/inbox/?queue=general&risk=low&view={view.pk}"

    def test_tell_that_they_were_changed(self, mei, people):
        self.save(mei)
        view = SavedView.objects.get()
        same = mei.get(f"/inbox/?risk=low&queue=general&view={view.pk}").content.decode()
        changed = mei.get(f"/inbox/?risk=high&view={view.pk}").content.decode()
        assert "changed, not saved" not in same
        assert "changed, not saved" in changed
        assert "Save “Mine”" in changed
        assert f'href="/inbox/{html.escape(view.href)}">Reset' in changed

    def test_the_address_alone_finds_the_view_again(self, mei, people):
        self.save(mei)
        page = mei.get("/inbox/?queue=general&risk=low").content.decode()
        assert 'class="chip" data-on>' in page
        assert "Rename" in page

    def test_can_be_changed_renamed_and_deleted(self, mei, people):
        self.save(mei)
        view = SavedView.objects.get()
        here = f"/inbox/views/{view.pk}/"
        mei.post(here, {"do": "save", "query": "risk=high", "name": "ignored"})
        mei.post(here, {"do": "rename", "query": "risk=medium", "name": " Other \u202e name "})
        view.refresh_from_db()
        assert (view.name, view.query) == ("Other name", "risk=high")
        assert mei.post(here, {"do": "delete", "query": "risk=high"})["Location"] == (
            "/inbox/?risk=high"
        )
        assert not SavedView.objects.exists()

    @pytest.mark.parametrize("do", ["save", "rename", "delete"])
    def test_of_others_do_not_exist(self, client, people, do):
        view = SavedView.objects.create(owner=people.lena, name="Hers", query="risk=low")
        client.force_login(people.mei, "approvals.accounts.Accounts")
        answer = client.post(f"/inbox/views/{view.pk}/", {"do": do, "name": "x", "query": ""})
        assert answer.status_code == 404
        view.refresh_from_db()
        assert (view.name, view.query) == ("Hers", "risk=low")
        assert "Hers" not in client.get(f"/inbox/?view={view.pk}").content.decode()

    @pytest.mark.parametrize(
        ("name", "words"),
        [
            ("", "Give the view a name."),
            ("\u202e", "Give the view a name."),
            ("x" * 61, "The name is too long"),
            ("Mine", "You have a view of this name."),
        ],
    )
    def test_a_name_that_cannot_be_is_refused_in_words(self, mei, people, name, words):
        SavedView.objects.create(owner=people.mei, name="Mine")
        answer = self.save(mei, name=name)
        assert words in mei.get(answer["Location"]).content.decode()
        assert SavedView.objects.count() == 1

    def test_hold_nothing_but_filters(self, mei, people):
        self.save(mei, query=f"after=1&sel={uuid.uuid4()}&next=//evil.example&risk=low")
        assert SavedView.objects.get().query == "risk=low"

    def test_are_bounded(self, mei, people):
        for n in range(MOST):
            SavedView.objects.create(owner=people.mei, name=str(n))
        self.save(mei)
        long = "&".join("queue=" + "x" * 190 + str(n) for n in range(20))
        SavedView.objects.filter(name="0").delete()
        self.save(mei, query=long)
        assert SavedView.objects.count() == MOST - 1

    def test_an_unknown_verb_changes_nothing(self, mei, people):
        view = SavedView.objects.create(owner=people.mei, name="Mine", query="risk=low")
        mei.post(f"/inbox/views/{view.pk}/", {"do": "share", "query": "risk=high"})
        view.refresh_from_db()
        assert view.query == "risk=low"
