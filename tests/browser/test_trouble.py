"""No line, no session, a fault of ours: what was typed stays, and no word is untrue."""

import re

import pytest
from django.contrib.sessions.models import Session
from playwright.sync_api import expect

from approvals.models import Comment, Decision
from tests.browser.hands import REFRESH, box, heading, refresh, verdicts

pytestmark = pytest.mark.usefixtures("away")


def problem(page):
    return page.locator("#problem")


def answer_with(page, status, **headers):
    """The next decision is answered so by whatever stands before the site; then all is well."""
    page.route(
        "**/decision/**",
        lambda route: route.fulfill(status=status, headers=headers),
        times=1,
    )


@pytest.fixture
def typed(inbox, rows):
    """A is open, and a reason half typed."""
    inbox.keyboard.press("j")
    heading(inbox, "Request A")
    inbox.locator("#why").fill("The order is there.")
    return inbox


class TestOffline:
    def test_in_the_middle_of_a_decision_nothing_is_recorded_and_all_stays(self, typed):
        typed.context.set_offline(True)
        typed.locator("#panel .approve").click()
        expect(problem(typed)).to_have_text("No connection. Nothing was recorded.")
        expect(typed.locator("#why")).to_have_value("The order is there.")
        expect(typed.locator("#panel .approve")).to_be_enabled()
        heading(typed, "Request A")
        assert verdicts() == []

        typed.context.set_offline(False)
        typed.locator("#panel .approve").click()
        heading(typed, "Request B")
        expect(problem(typed)).to_be_empty()
        assert verdicts() == [("A", "approve")]
        assert Decision.objects.get().comment == "The order is there."

    def test_an_answer_that_is_lost_is_not_called_unrecorded_and_counts_once(self, typed):
        def lose(route):
            route.fetch()  # the site has it
            route.abort("connectionreset")

        typed.route("**/decision/**", lose, times=1)
        typed.locator("#panel .approve").click()
        expect(problem(typed)).to_contain_text("No answer came. Send it again")
        assert verdicts() == [("A", "approve")]
        expect(typed.locator("#why")).to_have_value("The order is there.")
        typed.locator("#panel .approve").click()
        heading(typed, "Request B")
        expect(problem(typed)).to_be_empty()
        assert verdicts() == [("A", "approve")]

    def test_the_list_stays_where_it_is_and_says_since_when(self, inbox, rows):
        row = inbox.locator(f"#row-{rows[1].pk}")
        row.hover()
        before = row.bounding_box()
        inbox.context.set_offline(True)
        inbox.evaluate(REFRESH)
        again = inbox.get_by_role("button", name="Refresh")
        expect(again).to_have_text(re.compile(r"^Last update \d\d:\d\d\. Trying again\. Refresh$"))
        expect(inbox.locator("#live")).to_have_text("Reconnecting")
        assert row.bounding_box() == before
        expect(inbox.locator("#list .row")).to_have_count(5)
        expect(problem(inbox)).to_be_empty()
        inbox.context.set_offline(False)
        again.click()
        expect(inbox.locator("#live")).to_have_text("Live")
        expect(again).not_to_be_visible()

    def test_several_at_once_are_kept_as_well(self, inbox):
        for name in "AB":
            box(inbox, name).check()
        heading(inbox, "2 requests")
        inbox.locator("#bulk-why").fill("Not needed.")
        inbox.context.set_offline(True)
        inbox.get_by_role("button", name="Reject 2").click()
        expect(problem(inbox)).to_have_text("No connection. Nothing was recorded.")
        expect(inbox.locator("#bulk-why")).to_have_value("Not needed.")
        expect(box(inbox, "B")).to_be_checked()
        inbox.context.set_offline(False)
        inbox.get_by_role("button", name="Reject 2").click()
        heading(inbox, "2 rejected.")
        assert sorted(verdicts()) == [("A", "reject"), ("B", "reject")]


class TestSessionEnd:
    @pytest.fixture
    def mei(self, people):
        people.mei.set_password("a long password")
        people.mei.save()

    def sign_in(self, page):
        page.wait_for_url("**/accounts/login/**")
        expect(page.locator("main")).to_contain_text("You are signed out")
        page.fill("[name=username]", "mei")
        page.fill("[name=password]", "a long password")
        page.get_by_role("button", name="Sign in").click()

    def test_leads_to_the_sign_in_and_back_with_what_was_typed(self, mei, typed, rows):
        typed.locator("#talk-text").fill("Half a comm")
        Session.objects.all().delete()
        typed.locator("#panel .approve").click()
        self.sign_in(typed)
        typed.wait_for_url(f"**/inbox/{rows[0].pk}/")
        expect(typed.locator("#why")).to_have_value("The order is there.")
        expect(typed.locator("#talk-text")).to_have_value("Half a comm")
        assert verdicts() == []
        typed.locator("#panel .approve").click()
        heading(typed, "Request B")
        assert Decision.objects.get().comment == "The order is there."
        typed.goto(f"/inbox/{rows[0].pk}/")
        kept = typed.evaluate("Object.keys(sessionStorage).filter(key => key.startsWith('why:'))")
        assert kept == [f"why:{rows[0].pk}-talk"]

    def test_is_noticed_by_the_list_too(self, mei, inbox):
        Session.objects.all().delete()
        inbox.evaluate(REFRESH)
        self.sign_in(inbox)
        inbox.wait_for_url("**/inbox/")

    def test_another_tab_from_before_the_sign_in_says_so(self, mei, typed):
        other = typed.context.new_page()
        Session.objects.all().delete()
        other.goto("/inbox/")
        other.fill("[name=username]", "mei")
        other.fill("[name=password]", "a long password")
        other.get_by_role("button", name="Sign in").click()
        other.wait_for_url("**/inbox/")
        typed.locator("#panel .approve").click()
        expect(problem(typed)).to_contain_text("This page is from before you signed in.")
        assert verdicts() == []
        typed.reload()
        expect(typed.locator("#why")).to_have_value("The order is there.")
        typed.locator("#panel .approve").click()
        heading(typed, "Request B")


class TestRefusals:
    def test_too_many_requests_count_down(self, typed):
        typed.clock.install()
        answer_with(typed, 429, **{"Retry-After": "20"})
        typed.locator("#panel .approve").click()
        expect(problem(typed)).to_have_text("Too many requests. Try again in 20 s.")
        typed.clock.run_for(5000)
        expect(problem(typed)).to_have_text(re.compile("Try again in 1[456] s"))
        expect(problem(typed)).to_have_attribute("aria-live", "off")
        typed.clock.run_for(17_000)
        expect(problem(typed)).to_be_empty()
        expect(typed.locator("#why")).to_have_value("The order is there.")

    def test_too_many_requests_without_a_time(self, typed):
        answer_with(typed, 429)
        typed.locator("#panel .approve").click()
        expect(problem(typed)).to_have_text("Too many requests. Try again in a moment.")

    def test_a_fault_of_ours_gives_a_reference_and_changes_nothing(self, typed, monkeypatch):
        def fail(*args, **more):
            raise RuntimeError("gone")

        with monkeypatch.context() as patched:
            patched.setattr("approvals.views.decision.DecisionForm", fail)
            typed.locator("#panel .approve").click()
            expect(problem(typed)).to_have_text(re.compile(r"That did not work\..*Reference \w{6}"))
        heading(typed, "Request A")
        expect(typed.locator("#why")).to_have_value("The order is there.")
        assert refresh(typed) == 204
        expect(problem(typed)).not_to_be_empty()  # the list's own success does not end it
        typed.locator("#panel .approve").click()
        heading(typed, "Request B")
        expect(problem(typed)).to_be_empty()

    def test_a_comment_does_not_cost_the_kept_reason(self, typed):
        typed.locator("#talk-text").fill("Looks odd.")
        typed.keyboard.press("Control+Enter")
        expect(typed.locator("#activity")).to_contain_text("Looks odd.")
        assert Comment.objects.get().text == "Looks odd."
        expect(typed.locator("#talk-text")).to_have_value("")
        typed.reload()
        expect(typed.locator("#why")).to_have_value("The order is there.")
        expect(typed.locator("#talk-text")).to_have_value("")
