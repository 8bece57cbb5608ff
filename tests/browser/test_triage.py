"""A whole morning at the desk: with the keyboard alone, with Back, and with one thumb."""

import re

import pytest
from playwright.sync_api import expect

from approvals.models import Approval, Comment, Preference
from tests.browser.hands import PHONE, REFRESH, box, heading, verdicts
from tests.desk import a_row

pytestmark = pytest.mark.usefixtures("away")

WIDTHS = (390, 320)


class TestWithTheKeyboardAlone:
    def test_everything_that_waits_is_dealt_with(self, inbox, rows):
        Approval.objects.update(undo_seconds=600)
        keys = inbox.keyboard
        keys.press("?")
        expect(inbox.get_by_role("dialog", name="Keyboard shortcuts")).to_be_visible()
        keys.press("Escape")
        keys.press("j")
        heading(inbox, "Request A")
        keys.press("j")
        heading(inbox, "Request B")
        keys.press("k")
        heading(inbox, "Request A")
        # Say something first.
        keys.press("c")
        keys.type("Which order? jkaru")
        keys.press("Control+Enter")
        expect(inbox.locator("#activity")).to_contain_text("Which order? jkaru")
        keys.press("Escape")
        self.approve(inbox, "B")
        # Think again, and say yes after all.
        keys.press("u")
        heading(inbox, "Request A")
        expect(inbox.locator("#panel .approve")).to_be_visible()
        self.approve(inbox, "B")
        # Say no.
        inbox.wait_for_timeout(450)
        keys.press("r")
        expect(inbox.locator("#panel.rejecting #why")).to_be_focused()
        keys.press("Escape")
        expect(inbox.locator("#panel.rejecting")).to_have_count(0)
        keys.press("r")
        expect(inbox.locator("#panel.rejecting #why")).to_be_focused()
        keys.type("Not needed.")
        keys.press("Control+Enter")
        heading(inbox, "Request C")
        # Two at once, one of which is to be looked at alone.
        keys.press("x")
        heading(inbox, "1 request")
        keys.press("j")
        keys.press("Shift+X")
        heading(inbox, "2 requests")
        expect(inbox.locator("#pane .note")).to_contain_text("KEY-D: High risk")
        keys.press("Escape")
        heading(inbox, "Request C")
        # High risk asks once more, and the answer is within reach.
        keys.press("/")
        keys.type("key-d")
        expect(inbox.locator("#hits a").first).to_contain_text("Request D")
        keys.press("Enter")
        inbox.wait_for_url(f"**/approvals/{rows[3].pk}/")
        keys.press("a")
        expect(inbox.locator("dialog#confirm")).to_be_visible()
        inbox.wait_for_timeout(650)
        self.tab_to(inbox, "dialog#confirm .approve")
        keys.press("Enter")
        expect(inbox.locator("#panel .outcome")).to_contain_text("Approved")
        keys.press("g")
        keys.press("i")
        inbox.wait_for_url("**/inbox/")
        expect(inbox.locator("#count")).to_have_text("2")
        made = ["A approve", "A retract", "A approve", "B reject", "D approve"]
        assert [" ".join(each) for each in verdicts()] == made
        assert Comment.objects.get(text="Which order? jkaru").approval == rows[0]

    def approve(self, page, following):
        page.wait_for_timeout(450)
        page.keyboard.press("a")
        heading(page, f"Request {following}")
        expect(page.locator("#pane h1")).to_be_focused()

    def tab_to(self, page, selector):
        for _ in range(60):
            if page.evaluate("it => document.activeElement.matches(it)", selector):
                return
            page.keyboard.press("Tab")
        raise AssertionError(f"Tab never leads to {selector}")

    def test_tab_and_enter_do_without_single_keys(self, inbox, people, rows):
        Preference.objects.create(user=people.mei, shortcuts=False)
        inbox.reload()
        self.tab_to(inbox, f"#row-{rows[1].pk} a.t")
        inbox.keyboard.press("Enter")
        heading(inbox, "Request B")
        expect(inbox.locator("#pane h1")).to_be_focused()
        self.tab_to(inbox, "#panel .approve")
        inbox.keyboard.press("Enter")
        heading(inbox, "Request C")
        assert verdicts() == [("B", "approve")]

    def test_enter_opens_the_full_page_of_what_is_open(self, inbox, rows):
        inbox.keyboard.press("j")
        heading(inbox, "Request A")
        expect(inbox.locator("#pane h1")).to_be_focused()
        inbox.keyboard.press("Enter")
        inbox.wait_for_url(f"**/approvals/{rows[0].pk}/")


class TestReadAhead:
    """The next request is fetched while one is read, and shown where nothing has changed."""

    @pytest.fixture
    def ahead(self, inbox, rows):
        with inbox.expect_response(f"**/inbox/{rows[1].pk}/"):
            inbox.keyboard.press("j")
            heading(inbox, "Request A")
        inbox.wait_for_timeout(100)  # it is read to its end

    def approve(self, inbox):
        with inbox.expect_response("**/decision/**") as answer:
            inbox.keyboard.press("a")
        heading(inbox, "Request B")
        return answer.value.headers.get("x-ahead")

    def test_it_is_there_at_once_and_can_be_decided(self, inbox, rows, ahead):
        assert self.approve(inbox) == "1"
        expect(inbox.locator("#receipt")).to_contain_text("Approved KEY-A.")
        expect(inbox.locator("#pane h1")).to_be_focused()
        inbox.wait_for_timeout(450)
        inbox.keyboard.press("a")
        heading(inbox, "Request C")
        assert verdicts() == [("A", "approve"), ("B", "approve")]

    def test_what_was_said_meanwhile_is_seen(self, inbox, people, rows, ahead):
        Comment.objects.create(approval=rows[1], author=people.lena, text="Wait for me.")
        assert self.approve(inbox) is None
        expect(inbox.locator("#activity")).to_contain_text("Wait for me.")

    def test_without_a_line_for_it_nothing_is_lost(self, inbox, rows):
        inbox.route(f"**/inbox/{rows[1].pk}/", lambda route: route.abort())
        with inbox.expect_request(f"**/inbox/{rows[1].pk}/"):
            inbox.keyboard.press("j")
            heading(inbox, "Request A")
        assert self.approve(inbox) is None
        expect(inbox.locator("#problem")).to_be_empty()

    def test_it_is_left_alone_where_a_person_stays(self, inbox, people):
        Preference.objects.create(user=people.mei, auto_advance=False)
        inbox.reload()
        asked = []
        inbox.on("request", lambda request: asked.append(request.url))
        inbox.keyboard.press("j")
        heading(inbox, "Request A")
        inbox.wait_for_timeout(600)
        assert len([each for each in asked if re.search(r"/inbox/[0-9a-f]{8}-", each)]) == 1


class TestBack:
    def test_leads_through_what_was_open(self, inbox, rows):
        for name in "AB":
            inbox.keyboard.press("j")
            heading(inbox, f"Request {name}")
        inbox.go_back()
        heading(inbox, "Request A")
        expect(inbox).to_have_url(re.compile(str(rows[0].pk)))
        expect(inbox.locator(f"#row-{rows[0].pk}")).to_have_attribute("aria-current", "true")
        expect(inbox.locator("#list .row")).to_have_count(5)
        inbox.go_back()
        expect(inbox.locator("#pane h1")).to_have_count(0)
        inbox.go_forward()
        heading(inbox, "Request A")

    def test_to_what_was_decided_shows_what_became_of_it(self, inbox):
        inbox.keyboard.press("j")
        heading(inbox, "Request A")
        inbox.locator("#panel .approve").click()
        heading(inbox, "Request B")
        inbox.go_back()
        heading(inbox, "Request A")
        expect(inbox.locator("#panel .outcome")).to_contain_text("Approved by you at")
        assert verdicts() == [("A", "approve")]


@pytest.mark.parametrize("width", WIDTHS)
class TestOnAPhone:
    @pytest.fixture
    def phone(self, opened, rows, width):
        page = opened("mei", **PHONE | {"viewport": {"width": width, "height": 700}}).new_page()
        page.goto("/inbox/")
        return page

    def fits(self, page, width):
        assert page.evaluate("document.scrollingElement.scrollWidth") <= width

    def is_at_the_bottom(self, page, selector):
        box = page.locator(selector).bounding_box()
        assert box["x"] >= 0
        assert box["y"] + box["height"] == pytest.approx(700, abs=1)

    def test_the_list_leads_to_the_request_and_back(self, phone, rows, width):
        self.fits(phone, width)
        phone.locator(f"#row-{rows[2].pk} a.t").tap()
        heading(phone, "Request C")
        expect(phone.locator("#list")).not_to_be_visible()
        self.fits(phone, width)
        self.is_at_the_bottom(phone, "#panel")
        phone.go_back()
        expect(phone.locator("#list")).to_be_visible()
        expect(phone.locator("#pane h1")).to_have_count(0)

    def test_a_thumb_decides_one_after_another(self, phone, rows, width):
        phone.locator(f"#row-{rows[0].pk} a.t").tap()
        heading(phone, "Request A")
        for selector in ("#panel .approve", "#panel .reject"):
            assert phone.locator(selector).bounding_box()["height"] >= 44
        phone.locator("#panel .reject").tap()
        expect(phone.locator("#panel.rejecting #why")).to_be_focused()
        self.fits(phone, width)
        self.is_at_the_bottom(phone, "#panel")
        phone.locator("#why").fill("Not needed.")
        phone.locator("#panel .noSolid").tap()
        heading(phone, "Request B")
        self.fits(phone, width)
        phone.wait_for_timeout(450)
        phone.locator("#panel .approve").tap()
        heading(phone, "Request C")
        assert verdicts() == [("A", "reject"), ("B", "approve")]

    def test_high_risk_asks_in_a_dialog_that_fits(self, phone, rows, width):
        phone.locator(f"#row-{rows[3].pk} a.t").tap()
        heading(phone, "Request D")
        phone.locator("#panel .approve").tap()
        expect(phone.locator("dialog#confirm .approve")).to_be_in_viewport(ratio=1)
        self.fits(phone, width)

    def test_several_at_once_fit(self, phone, width):
        for name in "AB":
            box(phone, name).tap()
        self.fits(phone, width)
        phone.locator("#review").tap()
        heading(phone, "2 requests")
        self.fits(phone, width)
        phone.get_by_role("button", name="Approve 2 low-risk").tap()
        heading(phone, "2 approved.")
        self.fits(phone, width)

    def test_a_lost_line_fits(self, phone, rows, width):
        before = phone.locator(f"#row-{rows[0].pk}").bounding_box()
        phone.context.set_offline(True)
        phone.evaluate(REFRESH)
        expect(phone.get_by_role("button", name="Refresh")).to_be_in_viewport(ratio=1)
        assert phone.locator(f"#row-{rows[0].pk}").bounding_box() == before
        self.fits(phone, width)
        phone.context.set_offline(False)
        phone.locator(f"#row-{rows[0].pk} a.t").tap()
        heading(phone, "Request A")
        phone.context.set_offline(True)
        phone.locator("#panel .approve").tap()
        expect(phone.locator("#problem")).to_have_text("No connection. Nothing was recorded.")
        expect(phone.locator("#problem")).to_be_in_viewport()
        self.fits(phone, width)
        self.is_at_the_bottom(phone, "#panel")

    def test_news_wait_while_one_has_scrolled(self, phone, people, width):
        for n in range(20):
            a_row(people, title=f"Later {n}")
        phone.reload()
        row = phone.locator(".row a.t").last  # without a deadline they come in any order
        row.scroll_into_view_if_needed()
        before = row.bounding_box()
        a_row(people, title="New one")
        people.general.touch()
        with phone.expect_response("**/inbox/rows/**"):
            phone.evaluate(REFRESH)
        show = phone.get_by_role("button", name="1 new request. Show")
        expect(show).to_be_in_viewport()
        assert row.bounding_box() == before
        self.fits(phone, width)


def test_a_form_that_was_open_does_not_go_along_to_the_next_request(inbox, rows):
    inbox.locator("#list a.t").first.click()
    heading(inbox, "Request A")
    inbox.get_by_text("Hand over", exact=True).first.click()
    inbox.keyboard.press("j")
    heading(inbox, "Request B")
    form = inbox.locator("#work details form")
    expect(form).to_have_attribute("action", f"/approvals/{rows[1].pk}/handover/")
    expect(form).to_be_hidden()
