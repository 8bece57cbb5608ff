"""The inbox under real fingers: keys, ticked boxes, search and filters."""

import json
import re
from contextlib import suppress
from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import Error, expect

from approvals.models import Approval, Preference
from tests.browser.hands import PHONE, REFRESH, box, heading, refresh, verdicts
from tests.desk import a_row, recorded

pytestmark = pytest.mark.usefixtures("away")


class TestMoving:
    def test_j_and_k_open_the_next_and_the_previous(self, inbox, rows):
        inbox.keyboard.press("j")
        heading(inbox, "Request A")
        inbox.keyboard.press("j")
        heading(inbox, "Request B")
        expect(inbox.locator("#pane h1")).to_be_focused()
        expect(inbox).to_have_url(re.compile(str(rows[1].pk)))
        expect(inbox.locator(f"#row-{rows[1].pk}")).to_have_attribute("aria-current", "true")
        inbox.keyboard.press("k")
        heading(inbox, "Request A")

    def test_arrows_beside_the_title_lead_on(self, inbox, rows):
        inbox.goto("/inbox/?risk=low")
        inbox.keyboard.press("j")
        heading(inbox, "Request A")
        for title, row in zip("BCE", (rows[1], rows[2], rows[4]), strict=True):
            inbox.get_by_role("link", name="Next request").click()
            heading(inbox, f"Request {title}")
            expect(inbox).to_have_url(re.compile(rf"/inbox/{row.pk}/\?risk=low$"))
            expect(inbox.locator("#list [aria-current]")).to_contain_text(f"Request {title}")
        inbox.get_by_role("link", name="Next request").click()
        expect(inbox.locator("#pane .note")).to_have_text("This is the last request in the list.")
        inbox.get_by_role("link", name="Previous request").click()
        heading(inbox, "Request C")
        inbox.go_back()
        heading(inbox, "Request E")

    def test_the_page_has_one_main_heading_whatever_is_open(self, inbox, rows):
        main = inbox.locator("h1")
        expect(main).to_have_text(["Inbox"])
        inbox.keyboard.press("j")
        expect(main).to_have_text(["Request A"])
        box(inbox, "A").check()
        expect(main).to_have_text(["1 request"])
        inbox.goto("/inbox/")
        box(inbox, "A").check()
        expect(main).to_have_text(["1 request"])
        inbox.keyboard.press("Escape")
        expect(main).to_have_text(["Inbox"])

    def test_pressed_quickly_the_last_one_wins(self, inbox):
        for _ in range(4):
            inbox.keyboard.press("j")
        heading(inbox, "Request D")

    def test_arrows_move_in_the_list(self, inbox):
        inbox.keyboard.press("ArrowDown")
        heading(inbox, "Request A")

    def test_o_opens_the_full_page(self, inbox, rows):
        inbox.keyboard.press("j")
        heading(inbox, "Request A")
        inbox.keyboard.press("o")
        inbox.wait_for_url(f"**/approvals/{rows[0].pk}/")

    def test_o_opens_the_row_that_has_the_focus_where_nothing_is_open(self, inbox, rows):
        inbox.locator(f"#row-{rows[1].pk} a.t").focus()
        inbox.keyboard.press("o")
        heading(inbox, "Request B")

    @pytest.mark.parametrize(
        ("key", "path"),
        [("i", "/inbox/"), ("m", "/requests/"), ("h", "/history/"), ("w", "/workflows/")],
    )
    def test_g_goes_to_a_page(self, inbox, key, path):
        inbox.goto("/profile/")
        inbox.keyboard.press("g")
        inbox.keyboard.press(key)
        inbox.wait_for_url(f"**{path}")

    def test_question_mark_lists_the_keys(self, inbox):
        inbox.keyboard.press("?")
        expect(inbox.get_by_role("dialog", name="Keyboard shortcuts")).to_be_visible()
        inbox.keyboard.press("j")
        expect(inbox.locator("#pane h1")).to_have_count(0)
        inbox.keyboard.press("Escape")
        expect(inbox.get_by_role("dialog")).to_have_count(0)


class TestTime:
    def test_goes_on_without_a_reload(self, opened, rows):
        page = opened("mei").new_page()
        page.clock.install()
        page.goto("/inbox/")
        first = page.locator(f"#row-{rows[0].pk}")
        expect(first).to_have_attribute("data-urg", "ok")
        page.clock.fast_forward("02:15:00")
        expect(first.locator("time")).to_have_text(re.compile(r"4[345]min"))
        expect(first).to_have_attribute("data-urg", "now")
        page.clock.fast_forward("01:00:00")
        expect(first.locator("time")).to_have_text(re.compile(r"1[56]min"))
        expect(page.locator("#status")).to_be_empty()  # time is not read out


class TestWhereKeysAreOff:
    def test_in_fields(self, inbox):
        inbox.keyboard.press("j")
        heading(inbox, "Request A")
        inbox.locator("#why").fill("")
        inbox.keyboard.type("jakrux? a")
        expect(inbox.locator("#why")).to_have_value("jakrux? a")
        heading(inbox, "Request A")
        assert verdicts() == []

    def test_with_other_keys_held(self, inbox):
        inbox.keyboard.press("j")
        heading(inbox, "Request A")
        for chord in ("Control+a", "Alt+a", "Meta+a", "Shift+A"):
            inbox.keyboard.press(chord)
        inbox.wait_for_timeout(300)
        assert verdicts() == []

    def test_while_a_key_is_held_down_or_a_word_is_composed(self, inbox):
        inbox.keyboard.press("j")
        heading(inbox, "Request A")
        inbox.evaluate(
            "for (const key of 'ajj') document.body.dispatchEvent("
            "new KeyboardEvent('keydown', {key, repeat: true, bubbles: true}));"
            "for (const key of 'ajj') document.body.dispatchEvent("
            "new KeyboardEvent('keydown', {key, isComposing: true, bubbles: true}))"
        )
        inbox.wait_for_timeout(300)
        heading(inbox, "Request A")
        assert verdicts() == []

    def test_where_a_person_has_switched_them_off(self, inbox, people):
        Preference.objects.create(user=people.mei, shortcuts=False)
        inbox.reload()
        for key in "jax?":
            inbox.keyboard.press(key)
        inbox.wait_for_timeout(300)
        expect(inbox.locator("#pane h1")).to_have_count(0)
        expect(inbox.get_by_role("dialog")).to_have_count(0)
        inbox.keyboard.press("Control+k")  # no single key
        expect(inbox.locator("#palette-q")).to_be_focused()


class TestDeciding:
    def test_a_approves_and_the_next_opens(self, inbox, rows):
        inbox.keyboard.press("j")
        heading(inbox, "Request A")
        inbox.keyboard.press("a")
        heading(inbox, "Request B")
        expect(inbox.locator("#pane h1")).to_be_focused()
        expect(inbox.locator("#receipt")).to_contain_text("Approved KEY-A.")
        expect(inbox.locator(f"#row-{rows[0].pk}")).to_contain_text("Approved by you")
        expect(inbox.locator("#count")).to_have_text("4")
        expect(inbox.locator("[data-count=decide]")).to_have_text("4")
        expect(inbox.locator("#status")).to_contain_text("Approved KEY-A. 4 left.")
        expect(inbox).to_have_url(re.compile(str(rows[1].pk)))

    def test_a_double_press_does_not_decide_the_next_one(self, inbox):
        now = timezone.now()
        inbox.keyboard.press("j")
        heading(inbox, "Request A")
        inbox.clock.set_fixed_time(now)  # however slow the machine is
        inbox.keyboard.press("a")
        inbox.keyboard.press("a")
        heading(inbox, "Request B")
        inbox.clock.set_fixed_time(now + timedelta(milliseconds=390))
        for key in "aar":
            inbox.keyboard.press(key)
        inbox.wait_for_timeout(300)
        assert verdicts() == [("A", "approve")]
        heading(inbox, "Request B")
        expect(inbox.locator("#panel.rejecting")).to_have_count(0)
        inbox.clock.set_fixed_time(now + timedelta(milliseconds=410))
        inbox.keyboard.press("a")
        heading(inbox, "Request C")
        assert verdicts() == [("A", "approve"), ("B", "approve")]

    def test_one_stays_where_a_person_wants_to(self, inbox, people):
        Preference.objects.create(user=people.mei, auto_advance=False)
        inbox.reload()
        inbox.keyboard.press("j")
        heading(inbox, "Request A")
        inbox.keyboard.press("a")
        expect(inbox.locator("#panel .outcome")).to_contain_text("Approved")
        heading(inbox, "Request A")

    def test_high_risk_asks_once_more_and_takes_no_double_press(self, inbox):
        for title in "ABCD":
            inbox.keyboard.press("j")
            heading(inbox, f"Request {title}")
        now = timezone.now()
        inbox.clock.set_fixed_time(now)
        inbox.keyboard.press("a")
        dialog = inbox.locator("dialog#confirm")
        expect(dialog).to_be_visible()
        inbox.clock.set_fixed_time(now + timedelta(milliseconds=590))
        dialog.locator(".approve").click()
        inbox.wait_for_timeout(300)
        assert verdicts() == []
        inbox.clock.set_fixed_time(now + timedelta(milliseconds=610))
        dialog.locator(".approve").click()
        heading(inbox, "Request E")
        assert verdicts() == [("D", "approve")]

    def test_r_asks_for_the_reason_and_control_enter_sends_it(self, inbox):
        inbox.keyboard.press("j")
        heading(inbox, "Request A")
        inbox.keyboard.press("r")
        expect(inbox.locator("#panel.rejecting #why")).to_be_focused()
        assert verdicts() == []
        inbox.keyboard.type("Not needed.")
        inbox.keyboard.press("Control+Enter")
        heading(inbox, "Request B")
        assert verdicts() == [("A", "reject")]
        expect(inbox.locator("#receipt")).to_contain_text("Rejected KEY-A.")

    def test_escape_leaves_the_rejection(self, inbox):
        inbox.keyboard.press("j")
        heading(inbox, "Request A")
        inbox.keyboard.press("r")
        expect(inbox.locator("#panel.rejecting")).to_be_visible()
        inbox.keyboard.press("Escape")
        expect(inbox.locator("#panel.rejecting")).to_have_count(0)
        heading(inbox, "Request A")
        assert verdicts() == []

    def test_r_with_a_reason_typed_rejects_nothing(self, inbox):
        inbox.keyboard.press("j")
        heading(inbox, "Request A")
        inbox.locator("#why").fill("Looks good, thank you")
        inbox.keyboard.press("Escape")
        inbox.keyboard.press("r")
        expect(inbox.locator("#why")).to_be_focused()
        inbox.wait_for_timeout(300)
        assert verdicts() == []

    def test_u_takes_the_last_one_back(self, inbox, rows):
        Approval.objects.update(undo_seconds=60)
        inbox.keyboard.press("j")
        heading(inbox, "Request A")
        inbox.keyboard.press("a")
        heading(inbox, "Request B")
        inbox.keyboard.press("u")
        heading(inbox, "Request A")
        expect(inbox.locator("#pane h1")).to_be_focused()
        expect(inbox.locator("#panel .approve")).to_be_visible()
        expect(inbox.locator("#receipt")).to_be_empty()
        assert verdicts() == [("A", "approve"), ("A", "retract")]

    def test_c_goes_to_the_comment(self, inbox):
        inbox.keyboard.press("j")
        heading(inbox, "Request A")
        inbox.keyboard.press("c")
        expect(inbox.locator("#talk-text")).to_be_focused()
        expect(inbox.locator("#talk-text")).to_have_value("")

    def test_the_line_can_be_dismissed(self, inbox):
        inbox.keyboard.press("j")
        heading(inbox, "Request A")
        inbox.keyboard.press("a")
        inbox.get_by_role("button", name="Dismiss").click()
        expect(inbox.locator("#receipt")).to_be_empty()
        inbox.reload()
        expect(inbox.locator("#receipt")).to_be_empty()

    def test_the_line_outlives_a_reload(self, inbox):
        Approval.objects.update(undo_seconds=600)
        inbox.keyboard.press("j")
        heading(inbox, "Request A")
        inbox.keyboard.press("a")
        heading(inbox, "Request B")
        inbox.get_by_role("link", name="Claimed by me").click()
        inbox.wait_for_url("**/inbox/?tab=claimed")
        inbox.keyboard.press("u")
        heading(inbox, "Request A")
        expect(inbox).to_have_url(re.compile(r"/inbox/[-0-9a-f]+/\?tab=claimed$"))
        assert verdicts() == [("A", "approve"), ("A", "retract")]


class TestSelecting:
    def test_ticking_opens_the_panel_beside_the_list(self, inbox):
        box(inbox, "A").check()
        heading(inbox, "1 request")
        box(inbox, "B").check()
        heading(inbox, "2 requests")
        expect(box(inbox, "B")).to_be_focused()

    def test_shift_ticks_a_range(self, inbox):
        box(inbox, "A").click()
        box(inbox, "C").click(modifiers=["Shift"])
        heading(inbox, "3 requests")
        expect(box(inbox, "B")).to_be_checked()

    def test_x_and_shift_x_without_a_mouse(self, inbox):
        inbox.keyboard.press("j")
        heading(inbox, "Request A")
        inbox.keyboard.press("x")
        heading(inbox, "1 request")
        for name in "BC":
            inbox.keyboard.press("j")
            expect(inbox.get_by_role("link", name=f"Request {name}")).to_be_focused()
        heading(inbox, "1 request")
        inbox.keyboard.press("Shift+X")
        heading(inbox, "3 requests")

    def test_escape_clears_and_shows_the_open_request_again(self, inbox):
        inbox.keyboard.press("j")
        heading(inbox, "Request A")
        box(inbox, "B").check()
        heading(inbox, "1 request")
        inbox.keyboard.press("Escape")
        expect(box(inbox, "B")).not_to_be_checked()
        heading(inbox, "Request A")

    def test_survives_news_and_keeps_what_was_typed(self, inbox, people):
        box(inbox, "A").check()
        box(inbox, "B").check()
        heading(inbox, "2 requests")
        inbox.locator("#bulk-why").fill("Half a rea")
        people.general.touch()
        with inbox.expect_response("**/inbox/rows/**") as answer:
            inbox.evaluate(REFRESH)
        assert answer.value.status == 200
        assert str(Approval.objects.get(key="KEY-A").pk) in answer.value.url
        for name in "AB":
            expect(box(inbox, name)).to_be_checked()
        expect(inbox.locator("#bulk-why")).to_have_value("Half a rea")
        box(inbox, "C").check()
        heading(inbox, "3 requests")
        expect(inbox.locator("#bulk-why")).to_have_value("Half a rea")

    def test_each_is_decided_and_what_was_left_out_is_named(self, inbox, people):
        for name in "ABD":
            box(inbox, name).check()
        heading(inbox, "3 requests")
        expect(inbox.locator("#pane .note")).to_contain_text("KEY-D: High risk")
        expect(inbox.get_by_role("button", name="Reject 3")).to_be_visible()
        recorded(Approval.objects.get(key="KEY-B"), people.lena, "reject", comment="No")
        inbox.get_by_role("button", name="Approve 2 low-risk").click()
        heading(inbox, "1 approved. 2 not.")
        expect(inbox.locator(".answered")).to_contain_text("lena rejected it at")
        expect(inbox.locator("#status")).to_contain_text("KEY-B: lena rejected it")
        expect(inbox.locator("#list [name=sel]:checked")).to_have_count(0)
        assert verdicts() == [("B", "reject"), ("A", "approve")]

    def test_each_has_a_verdict_of_its_own(self, inbox):
        for name in "ABC":
            box(inbox, name).check()
        heading(inbox, "3 requests")
        for name, verdict in zip("AB", ("Approve", "Reject"), strict=True):
            inbox.get_by_role("group", name=f"KEY-{name}").get_by_label(verdict).check()
        inbox.locator("#bulk-why").fill("See the order.")
        inbox.keyboard.press("Control+Enter")
        heading(inbox, "1 approved. 1 rejected.")
        assert sorted(verdicts()) == [("A", "approve"), ("B", "reject")]
        expect(box(inbox, "C")).to_be_enabled()
        expect(inbox.locator("#list .row.done")).to_have_count(2)

    def test_u_takes_back_nothing_that_was_done_before(self, inbox):
        Approval.objects.update(undo_seconds=600)
        inbox.keyboard.press("j")
        heading(inbox, "Request A")
        inbox.keyboard.press("a")
        expect(inbox.locator("#receipt")).to_contain_text("Approved KEY-A.")
        box(inbox, "B").check()
        heading(inbox, "1 request")
        inbox.get_by_role("button", name="Approve 1 low-risk").click()
        heading(inbox, "1 approved.")
        expect(inbox.locator("#receipt")).to_be_empty()
        inbox.keyboard.press("u")
        inbox.wait_for_timeout(300)
        assert verdicts() == [("A", "approve"), ("B", "approve")]

    def test_escape_leaves_the_reason_first_and_clears_afterwards(self, inbox):
        box(inbox, "A").check()
        heading(inbox, "1 request")
        inbox.get_by_role("group", name="KEY-A").get_by_label("Reject").check()
        inbox.locator("#bulk-why").fill("Half a rea")
        inbox.keyboard.press("Escape")
        expect(inbox.locator("#bulk-why")).not_to_be_focused()
        inbox.wait_for_timeout(300)
        expect(box(inbox, "A")).to_be_checked()
        expect(inbox.get_by_role("group", name="KEY-A").get_by_label("Reject")).to_be_checked()
        inbox.keyboard.press("Escape")
        expect(box(inbox, "A")).not_to_be_checked()

    def test_without_a_reason_nothing_is_rejected_and_the_marks_stay(self, inbox):
        for name in "AB":
            box(inbox, name).check()
        heading(inbox, "2 requests")
        inbox.get_by_role("group", name="KEY-B").get_by_label("Approve").check()
        inbox.get_by_role("button", name="Reject 2").click()
        expect(inbox.locator("#bulk-err")).to_have_text("Say why you are rejecting.")
        expect(inbox.locator("#bulk-why")).to_be_focused()
        expect(inbox.get_by_role("group", name="KEY-B").get_by_label("Approve")).to_be_checked()
        expect(box(inbox, "A")).to_be_checked()
        assert verdicts() == []

    def test_on_a_phone_a_bar_opens_the_panel(self, opened, rows):
        page = opened("mei", **PHONE).new_page()
        page.goto("/inbox/")
        expect(page.locator("#review")).not_to_be_visible()
        for name in "AB":
            box(page, name).tap()
        expect(page.locator("#review")).to_have_text("2 selected. Review")
        page.locator("#review").tap()
        heading(page, "2 requests")
        expect(page.locator("#list")).not_to_be_visible()
        page.get_by_role("button", name="Approve 2 low-risk").tap()
        heading(page, "2 approved.")

    def test_languages_with_more_than_two_forms(self, opened, rows):
        page = opened("mei", **PHONE).new_page()
        polish = json.dumps({0: "{n} wybranych", 1: "{n} wybrany", 2: "{n} wybrane"})

        def in_polish(route):
            html = route.fetch().text().replace('<html lang="en"', '<html lang="pl"')
            html = re.sub(r'data-picked="[^"]*"', f"data-picked='{polish}'", html)
            route.fulfill(body=html, content_type="text/html")

        page.route("**/inbox/", in_polish)
        page.goto("/inbox/")
        boxes = page.locator("#list [name=sel]")
        for number, form in enumerate(["wybrany", "wybrane", "wybrane", "wybrane", "wybranych"]):
            boxes.nth(number).tap()
            expect(page.locator("#review")).to_have_text(f"{number + 1} {form}")

    def test_without_scripts_a_button_opens_the_same(self, opened, rows):
        page = opened("mei", java_script_enabled=False).new_page()
        page.goto("/inbox/")
        box(page, "A").check()
        box(page, "C").check()
        page.get_by_role("button", name="Review selected").click()
        heading(page, "2 requests")
        page.get_by_role("button", name="Approve 2 low-risk").click()
        heading(page, "2 approved.")
        assert sorted(verdicts()) == [("A", "approve"), ("C", "approve")]


class TestSearch:
    def test_slash_finds_and_enter_opens_the_first(self, inbox, rows):
        inbox.keyboard.press("/")
        expect(inbox.locator("#palette-q")).to_be_focused()
        inbox.keyboard.type("key-c")
        expect(inbox.locator("#hits a").first).to_contain_text("Request C")
        inbox.keyboard.press("Enter")
        inbox.wait_for_url(f"**/approvals/{rows[2].pk}/")

    def test_arrows_walk_through_what_was_found(self, inbox):
        inbox.keyboard.press("Control+k")
        inbox.keyboard.type("request")
        expect(inbox.locator("#hits a")).to_have_count(8)
        inbox.keyboard.press("ArrowDown")
        inbox.keyboard.press("ArrowDown")
        expect(inbox.locator("#hits a").nth(1)).to_be_focused()
        inbox.keyboard.press("ArrowUp")
        inbox.keyboard.press("ArrowUp")
        expect(inbox.locator("#palette-q")).to_be_focused()
        inbox.keyboard.press("Escape")
        expect(inbox.locator("#palette")).not_to_be_visible()

    def test_what_is_found_again_keeps_the_focus(self, inbox):
        inbox.keyboard.press("Control+k")
        inbox.keyboard.type("request")
        expect(inbox.locator("#hits a")).to_have_count(8)
        inbox.keyboard.press("ArrowDown")
        with inbox.expect_response("**/palette/?q=request*"):
            inbox.evaluate("htmx.trigger('#palette form', 'palette:open')")
        inbox.wait_for_timeout(100)
        expect(inbox.locator("#hits a").first).to_be_focused()

    def test_without_scripts_the_link_opens_a_page(self, opened, rows):
        page = opened("mei", java_script_enabled=False).new_page()
        page.goto("/inbox/")
        page.locator("a[data-open=palette]").click()
        page.locator("#palette-q").fill("key-b")
        page.keyboard.press("Enter")
        expect(page.locator("#hits a").first).to_contain_text("Request B")


class TestFilters:
    def test_a_chip_filters_and_is_in_the_address(self, inbox):
        inbox.locator("summary", has_text="Risk").click()
        inbox.get_by_role("checkbox", name="High").check()
        inbox.get_by_role("button", name="Apply").click()
        inbox.wait_for_url("**/inbox/?risk=high")
        expect(inbox.locator("#list .row")).to_have_count(1)
        inbox.locator("#list a.t").click()
        heading(inbox, "Request D")
        expect(inbox).to_have_url(re.compile(r"/inbox/[-0-9a-f]+/\?risk=high$"))

    def test_what_is_ticked_holds_at_once_and_closes_nothing(self, inbox, rows, people):
        inbox.keyboard.press("j")
        heading(inbox, "Request A")
        inbox.locator("#why").fill("Half a rea")
        inbox.locator("summary", has_text="Risk").click()
        high = inbox.get_by_role("checkbox", name="High")
        high.check()
        expect(inbox.locator("#list .row")).to_have_count(1)
        expect(inbox).to_have_url(re.compile(rf"/inbox/{rows[0].pk}/\?risk=high$"))
        expect(inbox.locator("#status")).to_have_text("1 request found.")
        expect(high).to_be_visible()
        expect(high).to_be_focused()
        inbox.get_by_role("checkbox", name="Low").check()
        expect(inbox.locator("#list .row")).to_have_count(5)
        expect(inbox.locator("#list [aria-current]")).to_contain_text("Request A")
        high.uncheck()
        expect(inbox.locator("#list .row")).to_have_count(4)
        inbox.get_by_role("button", name="Apply").click()
        expect(high).not_to_be_visible()
        heading(inbox, "Request A")
        expect(inbox.locator("#why")).to_have_value("Half a rea")
        expect(inbox.locator("h1")).to_have_count(1)
        # News are asked for with the filters that hold now.
        inbox.mouse.move(900, 400)
        inbox.locator("#why").focus()
        a_row(people, title="Risky", risk="high")
        a_row(people, title="Harmless", risk="low")
        people.general.touch()
        assert refresh(inbox) == 200
        expect(inbox.locator("#list a.t", has_text="Harmless")).to_have_count(1)
        expect(inbox.locator("#list a.t", has_text="Risky")).to_have_count(0)

    def test_a_search_finds_while_one_types(self, inbox):
        inbox.locator(".listhead summary", has_text="Search").click()
        field = inbox.get_by_label("Search these requests")
        field.press_sequentially("request c")
        expect(inbox.locator("#list .row")).to_have_count(1)
        expect(field).to_be_focused()
        expect(field).to_have_value("request c")
        inbox.get_by_role("link", name="Clear").click()
        expect(inbox.locator("#list .row")).to_have_count(5)

    def test_what_is_typed_while_it_searches_stays(self, inbox):
        inbox.locator(".listhead summary", has_text="Search").click()
        field = inbox.get_by_label("Search these requests")
        held = []
        inbox.route("**/inbox/?**", lambda route: held.append(route), times=1)
        with inbox.expect_request("**/inbox/?**"):
            field.press_sequentially("Req")
        inbox.wait_for_timeout(100)
        field.press_sequentially("uest C", delay=0)
        held[0].continue_()
        expect(inbox.locator("#list .row")).to_have_count(1)
        expect(field).to_have_value("Request C")

    def test_rows_of_the_old_filters_do_not_come_after_the_new(self, inbox):
        held = []
        inbox.route("**/inbox/rows/**", lambda route: held.append(route), times=1)
        inbox.evaluate("document.getElementById('list').dataset.rev = ''")
        with inbox.expect_request("**/inbox/rows/**"):
            inbox.evaluate(REFRESH)
        inbox.wait_for_timeout(100)
        inbox.locator(".chips summary", has_text="Risk").click()
        inbox.get_by_role("checkbox", name="High").check()
        expect(inbox.locator("#list .row")).to_have_count(1)
        with suppress(Error):  # it was given up
            held[0].continue_()
        inbox.wait_for_timeout(600)
        expect(inbox.locator("#list .row")).to_have_count(1)

    def test_escape_closes_a_menu_and_nothing_else(self, inbox):
        box(inbox, "A").check()
        heading(inbox, "1 request")
        inbox.locator(".chips summary", has_text="Risk").click()
        inbox.keyboard.press("Escape")
        expect(inbox.locator(".chips details[open]")).to_have_count(0)
        expect(box(inbox, "A")).to_be_checked()
        heading(inbox, "1 request")

    def test_what_they_hide_is_no_longer_ticked(self, inbox):
        for name in "AD":
            box(inbox, name).check()
        heading(inbox, "2 requests")
        inbox.locator(".chips summary", has_text="Risk").click()
        inbox.get_by_role("checkbox", name="High").check()
        heading(inbox, "1 request")
        expect(inbox.locator("#bulk")).to_contain_text("KEY-D")
        expect(inbox.locator("#bulk")).not_to_contain_text("KEY-A")

    def test_a_saved_view_tells_that_it_was_changed(self, inbox):
        inbox.goto("/inbox/?risk=low")
        views = inbox.locator("summary", has_text="Views")
        views.click()
        inbox.get_by_label("Save what is shown as").fill("Small ones")
        inbox.get_by_role("button", name="Save view").click()
        view = inbox.locator("summary", has_text="Small ones")
        expect(view).to_be_visible()
        expect(view.locator(".dot")).to_have_count(0)
        saved = inbox.url
        inbox.locator("summary", has_text="Risk").click()
        inbox.get_by_role("checkbox", name="High").check()
        inbox.get_by_role("button", name="Apply").click()
        expect(view.locator(".dot")).to_be_visible()
        expect(view).to_contain_text("changed, not saved")
        view.click()
        inbox.get_by_role("link", name="Reset").click()
        inbox.wait_for_url(saved)
        expect(view.locator(".dot")).to_have_count(0)

    def test_opening_a_request_keeps_filters_and_the_view(self, inbox):
        inbox.goto("/inbox/?risk=low&sort=newest")
        inbox.keyboard.press("j")
        expect(inbox.locator("#pane h1")).to_be_visible()
        expect(inbox).to_have_url(re.compile(r"\?risk=low&sort=newest$"))
        inbox.reload()
        expect(inbox.locator("#list .row")).to_have_count(4)
        expect(inbox.locator("#pane h1")).to_be_visible()

    def test_the_browser_tells_its_time_zone(self, opened, rows):
        context = opened("mei", timezone_id="Asia/Tokyo")
        page = context.new_page()
        page.goto("/inbox/")
        assert {each["name"]: each["value"] for each in context.cookies()}["tz"] == "Asia/Tokyo"


def test_a_row_that_runs_out_of_time_says_over_and_never_zero(opened, people):
    due = timezone.now() + timedelta(minutes=10)
    row = a_row(people, due_at=due)
    page = opened("mei").new_page()
    page.clock.install(time=due - timedelta(seconds=100))
    page.goto(f"/inbox/{row.pk}/")
    clock, left = page.locator(f"#row-{row.pk} .when"), page.locator("#clock time[data-left]")
    seen = []
    for _n in range(7):
        seen.append((clock.inner_text().replace("\n", " "), left.inner_text()))
        page.clock.run_for(30_000)
    assert seen[0] == ("1min", "1 minute left")
    assert ("<1min", "Less than a minute left") in seen
    assert ("just now over", "Time is up") in seen
    assert ("1min over", "1 minute over") in seen
    assert not re.search(r"\b0", str(seen))


@pytest.mark.parametrize(
    ("hours", "on_row", "in_words"),
    [
        (1, "1h 08", "1 hour 8 minutes left"),
        (2, "2h", "2 hours left"),
        (40, "40h", "40 hours left"),
        (71, "2d", "2 days left"),
    ],
)
def test_a_deadline_is_never_said_to_be_later_than_it_is(opened, people, hours, on_row, in_words):
    row = a_row(people, due_at=timezone.now() + timedelta(hours=hours, minutes=9))
    page = opened("mei").new_page()
    page.goto(f"/inbox/{row.pk}/")
    expect(page.locator(f"#row-{row.pk} .when time")).to_have_text(on_row)
    expect(page.locator("#clock time[data-left]")).to_have_text(in_words)
