"""What others do meanwhile: news in the list and in what is open, and two people at once."""

import re
from datetime import timedelta

import pytest
from django.contrib.sessions.models import Session
from django.utils import timezone
from playwright.sync_api import expect

from approvals.models import Decision
from approvals.views import listing
from tests.browser.hands import REFRESH, box, heading, refresh, verdicts
from tests.desk import a_row, recorded

pytestmark = pytest.mark.usefixtures("away")


class TestNews:
    def test_nothing_new_is_no_content(self, inbox):
        assert refresh(inbox) == 204

    def test_new_rows_wait_while_the_pointer_is_in_the_list(self, inbox, people, rows):
        inbox.locator(f"#row-{rows[2].pk}").hover()
        before = inbox.locator(f"#row-{rows[2].pk}").bounding_box()
        soon = timezone.now() + timedelta(minutes=5)
        a_row(people, title="Urgent", due_at=soon, due_sort=soon)
        people.general.touch()
        refresh(inbox)
        expect(inbox.get_by_role("button", name="1 new request. Show")).to_be_visible()
        assert inbox.locator(f"#row-{rows[2].pk}").bounding_box() == before
        inbox.get_by_role("button", name="1 new request. Show").click()
        expect(inbox.get_by_role("link", name="Urgent")).to_be_visible()

    def test_new_rows_wait_while_the_focus_is_in_the_list(self, inbox, people, rows):
        inbox.mouse.move(900, 400)
        inbox.locator(f"#row-{rows[1].pk} a.t").focus()
        before = inbox.locator(f"#row-{rows[1].pk}").bounding_box()
        soon = timezone.now() + timedelta(minutes=5)
        for title in ("First", "Second"):
            a_row(people, title=title, due_at=soon, due_sort=soon)
        people.general.touch()
        refresh(inbox)
        show = inbox.get_by_role("button", name="2 new requests. Show")
        expect(show).to_be_visible()
        expect(inbox.locator("#status")).to_have_text("2 new requests.")
        expect(inbox.locator(f"#row-{rows[1].pk} a.t")).to_be_focused()
        assert inbox.locator(f"#row-{rows[1].pk}").bounding_box() == before
        show.press("Enter")
        expect(inbox.get_by_role("link", name="Second")).to_be_visible()
        expect(show).to_have_count(0)

    def test_what_is_held_back_is_opened_once_all_else_is_done(self, inbox, people, rows):
        inbox.keyboard.press("j")
        heading(inbox, "Request A")
        inbox.locator(f"#row-{rows[1].pk}").hover()
        a_row(people, title="Held back", risk="low")
        people.general.touch()
        refresh(inbox)
        expect(inbox.get_by_role("button", name="1 new request. Show")).to_be_visible()
        for row in rows[1:]:
            recorded(row, people.lena)
        refresh(inbox)
        expect(inbox.locator("#list .row.done")).to_have_count(4)
        inbox.keyboard.press("a")
        heading(inbox, "Held back")
        expect(inbox.get_by_role("link", name="Held back")).to_be_visible()
        expect(inbox.locator("#list [aria-current]")).to_contain_text("Held back")

    def test_they_come_by_themselves_once_the_list_is_left(self, inbox, people, rows):
        inbox.locator(f"#row-{rows[1].pk}").hover()
        a_row(people, title="Patient")
        people.general.touch()
        refresh(inbox)
        expect(inbox.get_by_role("button", name="1 new request. Show")).to_be_visible()
        inbox.mouse.move(900, 400)
        refresh(inbox)
        expect(inbox.get_by_role("link", name="Patient")).to_be_visible()
        expect(inbox.locator(".fresh:not(#again)")).to_have_count(0)

    def test_nothing_moves_where_one_has_scrolled_to(self, inbox, people):
        for n in range(30):
            a_row(people, title=f"Later {n}")
        inbox.reload()
        inbox.mouse.move(900, 400)
        row = inbox.locator(".row a.t").last  # without a deadline they come in any order
        row.scroll_into_view_if_needed()
        before = row.bounding_box()
        soon = timezone.now() + timedelta(minutes=5)
        a_row(people, title="Urgent", due_at=soon, due_sort=soon)
        people.general.touch()
        refresh(inbox)
        expect(inbox.get_by_role("button", name="1 new request. Show")).to_be_visible()
        assert row.bounding_box() == before

    def test_a_row_under_the_pointer_greys_out_in_its_place(self, inbox, people, rows):
        row = inbox.locator(f"#row-{rows[2].pk}")
        row.hover()
        before = row.bounding_box()
        recorded(rows[2], people.lena, "reject", comment="No")
        refresh(inbox)
        expect(row).to_contain_text("Rejected by lena")
        expect(row).to_have_class("row done")
        assert row.bounding_box() == before

    def test_what_is_being_typed_keeps_its_place_and_the_caret(self, inbox, people, rows):
        inbox.keyboard.press("j")
        heading(inbox, "Request A")
        why = inbox.locator("#why")
        why.fill("Half a reason")
        why.evaluate("it => { it.setSelectionRange(4, 6); window.typing = it; }")
        recorded(rows[1], people.lena)
        assert refresh(inbox) == 200
        expect(inbox.locator(f"#row-{rows[1].pk}")).to_contain_text("Approved by lena")
        expect(why).to_be_focused()
        expect(why).to_have_value("Half a reason")
        caret = "it => [it === window.typing, it.selectionStart, it.selectionEnd]"
        assert why.evaluate(caret) == [True, 4, 6]

    def test_a_banner_comes_to_a_quiet_list_and_moves_nothing(self, inbox, rows):
        row, banner = (
            inbox.locator(f"#row-{rows[1].pk}"),
            inbox.get_by_text("You will be signed out"),
        )
        row.hover()
        before = row.bounding_box()
        Session.objects.update(expire_date=timezone.now() + timedelta(minutes=14))
        assert refresh(inbox) == 200
        assert row.bounding_box() == before
        inbox.mouse.move(900, 400)
        assert refresh(inbox) == 200
        expect(banner).to_be_visible()
        assert refresh(inbox) == 204

    def test_they_come_at_once_where_nobody_is_in_the_list(self, inbox, people):
        inbox.mouse.move(900, 400)
        a_row(people, title="Quiet")
        people.general.touch()
        refresh(inbox)
        expect(inbox.get_by_role("link", name="Quiet")).to_be_visible()

    def test_what_comes_at_once_is_told_once_a_minute(self, inbox, people):
        inbox.mouse.move(900, 400)
        a_row(people, title="Quiet")
        people.general.touch()
        refresh(inbox)
        expect(inbox.locator("#status")).to_have_text("1 new request.")
        inbox.evaluate("document.getElementById('status').textContent = ''")
        for title in ("One more", "And one"):
            a_row(people, title=title)
            people.general.touch()
            refresh(inbox)
            expect(inbox.get_by_role("link", name=title)).to_be_visible()
        inbox.wait_for_timeout(100)
        expect(inbox.locator("#status")).to_be_empty()

    def test_what_has_only_moved_up_is_not_called_new(self, inbox, people, rows):
        for n in range(50):
            due = timezone.now() + timedelta(days=2, minutes=n)
            a_row(people, title=f"Later {n}", due_at=due, due_sort=due)
        inbox.reload()
        inbox.locator(f"#row-{rows[2].pk}").hover()
        recorded(rows[1], people.lena)
        refresh(inbox)
        expect(inbox.locator(f"#row-{rows[1].pk}")).to_contain_text("Approved by lena")
        expect(inbox.locator(".fresh:not(#again)")).to_have_count(0)
        inbox.mouse.move(900, 400)
        assert refresh(inbox) == 200
        expect(inbox.get_by_role("link", name="Later 45")).to_have_count(1)
        expect(inbox.locator("#status")).to_be_empty()

    def test_a_filtered_list_shows_no_other_news(self, inbox, people):
        inbox.goto("/inbox/?risk=high")
        inbox.mouse.move(900, 400)
        a_row(people, title="Low one", risk="low")
        a_row(people, title="High one", risk="high")
        people.general.touch()
        refresh(inbox)
        expect(inbox.get_by_role("link", name="High one")).to_be_visible()
        expect(inbox.get_by_role("link", name="Low one")).to_have_count(0)


class TestPace:
    @pytest.fixture
    def polls(self, inbox):
        asked = []
        inbox.clock.install()
        inbox.reload()
        inbox.on("request", lambda each: asked.append(each) if "/inbox/rows/" in each.url else None)
        return asked

    def test_is_five_seconds_in_use_and_a_minute_otherwise(self, inbox, polls):
        inbox.clock.run_for(31_000)
        assert 5 <= len(polls) <= 7
        inbox.clock.run_for(30_000)
        polls.clear()
        inbox.clock.run_for(300_000)
        assert 4 <= len(polls) <= 6
        polls.clear()
        inbox.keyboard.press("Shift")
        inbox.clock.run_for(11_000)
        assert 2 <= len(polls) <= 3

    @pytest.mark.parametrize("more", [0, 8])
    def test_decisions_put_it_off_unless_rows_run_out(self, inbox, polls, people, more):
        for n in range(more):
            a_row(people, title=f"More {n}")
        inbox.reload()
        inbox.get_by_role("link", name="Request A").click()
        with inbox.expect_response("**/inbox/rows/**"):
            inbox.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
        inbox.clock.pause_at(timezone.now() + timedelta(seconds=4))  # soon the next look is due
        polls.clear()
        for name in "BCD":
            inbox.locator("#panel .approve").click()
            heading(inbox, f"Request {name}")
            inbox.clock.run_for(700)
        assert bool(polls) is (more == 0)
        polls.clear()
        inbox.clock.run_for(400)
        assert len(polls) == 1

    def test_a_decision_is_counted_at_once(self, inbox, polls):
        before = int(inbox.locator("#count").inner_text())
        inbox.get_by_role("link", name="Request A").click()
        heading(inbox, "Request A")
        inbox.clock.pause_at(timezone.now() + timedelta(seconds=1))
        polls.clear()
        inbox.locator("#panel .approve").click()
        heading(inbox, "Request B")
        left = str(before - 1)
        expect(inbox.locator("#count")).to_have_text(left)
        expect(inbox.locator("[data-count=decide]")).to_have_text(left)
        expect(inbox.locator("[data-count=others]")).to_have_text("0")
        expect(inbox).to_have_title(re.compile(rf"^\({left}\) Request B"))
        assert polls == []

    def test_the_last_of_many_rows_are_followed_by_others_in_time(
        self, inbox, polls, people, monkeypatch
    ):
        monkeypatch.setattr(listing, "SIZE", 7)
        inbox.set_viewport_size({"width": 1280, "height": 400})  # so that the list can scroll
        for n in range(9):
            a_row(people, title=f"More {n}")
        inbox.reload()
        inbox.get_by_role("link", name="Request A").click()
        with inbox.expect_response("**/inbox/rows/**"):
            inbox.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
        inbox.clock.pause_at(timezone.now() + timedelta(seconds=1))
        polls.clear()
        inbox.locator("#panel .approve").click()
        heading(inbox, "Request B")
        inbox.clock.run_for(900)
        assert polls == []
        inbox.locator("#panel .approve").click()
        heading(inbox, "Request C")
        # Within a second, though decisions go on and the list is scrolled.
        scroll = "document.querySelector('.list').scrollTop"
        assert inbox.evaluate(f"{scroll} = 99, {scroll}") == 99
        inbox.clock.run_for(900)
        assert len(polls) == 1
        expect(inbox.locator("#list .row:not(.done)")).to_have_count(7)
        expect(inbox.locator("#list .row[aria-current]")).to_contain_text("Request C")
        assert inbox.evaluate(scroll) == 0

    def test_all_rows_come_every_five_minutes_for_time_has_passed(self, inbox, polls):
        inbox.clock.run_for(290_000)
        assert all(each.headers.get("x-rev") for each in polls)
        polls.clear()
        inbox.clock.run_for(70_000)
        assert not all(each.headers.get("x-rev") for each in polls)

    def test_is_none_while_nobody_can_see_it(self, inbox, polls):
        turn = """hidden => {
            Object.defineProperty(document, "hidden", {get: () => hidden, configurable: true});
            document.dispatchEvent(new Event("visibilitychange"));
        }"""
        inbox.evaluate(turn, True)
        inbox.clock.run_for(300_000)
        assert polls == []
        expect(inbox.locator("#live")).to_have_text("Paused")
        inbox.evaluate(turn, False)  # at once
        expect(inbox.locator("#live")).to_have_text("Live")
        assert len(polls) == 1


class TestTwoPeople:
    def test_what_is_open_becomes_the_outcome_by_itself(self, opened, inbox, rows):
        inbox.goto(f"/inbox/{rows[0].pk}/")
        inbox.locator("#why").fill("I would not")
        lena = opened("lena").new_page()
        lena.goto(f"/inbox/{rows[0].pk}/")
        lena.locator("#panel .approve").click()
        expect(inbox.locator("#panel .outcome")).to_contain_text("by lena at", timeout=20_000)
        heading(inbox, "Request A")
        expect(inbox.locator("#panel button")).to_have_count(0)
        expect(inbox.locator(f"#row-{rows[0].pk}")).to_contain_text("Approved by lena")
        expect(inbox.locator("#clock")).to_contain_text("Approved")

    def test_the_second_sees_who_was_first_and_loses_nothing(self, opened, inbox, rows):
        lena = opened("lena").new_page()
        for page in (inbox, lena):
            page.goto(f"/inbox/{rows[0].pk}/")
        inbox.locator("#why").fill("I would not")
        lena.locator("#panel .approve").click()
        heading(lena, "Request B")
        inbox.locator("#panel .reject").click()
        expect(inbox.locator("#panel")).to_contain_text("Your decision was not recorded.")
        expect(inbox.locator("#panel")).to_contain_text("by lena at")
        heading(inbox, "Request A")
        assert verdicts() == [("A", "approve")]

    def test_a_row_that_another_decided_stays_dimmed(self, opened, inbox, rows):
        lena = opened("lena").new_page()
        lena.goto(f"/inbox/{rows[1].pk}/")
        lena.locator("#panel .approve").click()
        heading(lena, "Request C")
        inbox.evaluate(REFRESH)
        row = inbox.locator(f"#row-{rows[1].pk}")
        expect(row).to_contain_text("Approved by lena")
        expect(row.locator("input")).to_be_disabled()

    def test_what_another_has_ticked_is_not_offered_twice(self, opened, inbox, rows):
        lena = opened("lena", viewport={"width": 1280, "height": 900}).new_page()
        lena.goto("/inbox/")
        for page in (inbox, lena):
            for name in "ABC":
                box(page, name).check()
            heading(page, "3 requests")
        inbox.get_by_role("button", name="Approve 3 low-risk").click()
        heading(inbox, "3 approved.")
        lena.get_by_role("button", name="Approve 3 low-risk").click()
        heading(lena, "3 not.")
        expect(lena.locator(".answered")).to_contain_text("mei approved it at")
        assert Decision.objects.count() == 3
