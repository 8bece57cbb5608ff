"""The page of an approval under real fingers: sheets, dialogs, and what is half typed."""

import re
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.utils import timezone

from approvals.models import Approval, Comment, Decision, Kind
from tests.desk import a_row

pytestmark = pytest.mark.usefixtures("away")

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
SETTLED = 700  # ms; before that a dialog takes no press
# What is drawn on paper with a time of day and no zone.
CLOCKS = """() => {
    const walker = document.createTreeWalker(document.querySelector("main"), NodeFilter.SHOW_TEXT);
    const found = [];
    while (walker.nextNode()) {
        const { textContent, parentElement } = walker.currentNode;
        if (!/\\d:\\d\\d/.test(textContent) || /\\d:\\d\\d:\\d\\d \\S/.test(textContent)) continue;
        if (!parentElement.checkVisibility() || parentElement.closest(".vh")) continue;
        if (parseFloat(getComputedStyle(parentElement).fontSize)) found.push(textContent);
    }
    return found;
}"""


@pytest.fixture
def ask(transactional_db, people):
    def asked(**values) -> Approval:
        mine = {"requester": "amira", "requester_user": people.amira}
        due = timezone.now() + timedelta(minutes=40)
        return a_row(people, **{"due_at": due, **mine, **values})

    return asked


def places(row):
    return [f"/approvals/{row.pk}/", f"/inbox/{row.pk}/"]


def is_on_top(page, selector):
    """Whether a finger on the middle of it would hit it."""
    return page.locator(selector).evaluate(
        """it => {
            const box = it.getBoundingClientRect();
            const hit = document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2);
            return it.contains(hit);
        }"""
    )


def active(page):
    return page.evaluate("document.activeElement.id")


class TestAboveTheFold:
    def test_is_all_that_a_decision_needs(self, opened, ask):
        """As much is asked as a payment asks, with a changed account and a first approval."""
        names = ("vendor", "amount", "iban", "reference", "pay_on", "cost_centre", "order")
        before = dict.fromkeys(names, "SE45 5000 0000 0583 9825 7466")
        after = before | {"iban": "SE80 8000 0810 0583 9825 3242", "amount": "€48,200.00"}
        row = ask(payload=after, previous=before, quorum=2, details="Invoice of October.")
        row.decide(User.objects.get(username="lena"), "approve", "Matches.")
        page = opened("mei", viewport={"width": 1280, "height": 900}).new_page()
        for place in places(row):
            page.goto(place)
            needed = ("h1", "#clock", ".note", ".kv .chg", "#panel .approve", "#panel .reject")
            for each in needed:
                box = page.locator(f"#main {each}").last.bounding_box()
                assert box["y"] >= 0, (place, each)
                assert box["y"] + box["height"] <= 900, (place, each)


class TestOnPaper:
    def test_all_is_unfolded_and_nothing_is_there_to_press(self, opened, ask):
        row = ask(previous={"amount": "120.00", "gone": 1}, quorum=2)
        row.decide(User.objects.get(username="lena"), "approve", "Matches.")
        page = opened("mei").new_page()
        page.emulate_media(media="print")
        for place in places(row):
            page.goto(place)
            said = page.locator("main").inner_text()
            assert str(row.pk) in said
            assert said.count(row.payload_sha256) >= 1
            assert page.locator(".kv", has_text="120.00").first.is_visible()
            assert page.locator("pre.json").is_visible()
            for pressed in ("button", "textarea", "summary", ".tabbar", ".top"):
                there = page.locator(f"{pressed}:visible").all_inner_texts()
                assert not there, (place, there)

    def test_every_time_is_absolute(self, opened, ask):
        row = ask(quorum=2)
        row.decide(User.objects.get(username="lena"), "approve", "Matches.")
        Decision.objects.update(tries=2)
        for who in ("mei", "amira"):
            page = opened(who).new_page()
            page.emulate_media(media="print")
            for place in places(row)[: 2 if who == "mei" else 1]:
                page.goto(place)
                titles = page.locator("main time").evaluate_all(
                    "all => all.filter(e => e.checkVisibility()).map(e => e.title)"
                )
                assert len(titles) > 6
                assert all(re.search(r"20\d\d.*\d\d:\d\d:\d\d \S", each) for each in titles)
                assert page.evaluate(CLOCKS) == [], place

    def test_nothing_is_cut_off(self, opened, ask):
        row = ask(payload={"letter": "\n".join(f"Line {n}" for n in range(200))})
        page = opened("mei").new_page()
        page.emulate_media(media="print")
        for place in places(row):
            page.goto(place)
            cut = page.locator("main *").evaluate_all(
                """all => all.filter(each => each.scrollHeight > each.clientHeight + 1
                    && !["visible", "clip"].includes(getComputedStyle(each).overflowY)
                    && each.checkVisibility() && !each.closest(".vh"))
                    .map(each => each.className)"""
            )
            assert cut == [], place
            assert page.locator(".lines").last.inner_text().endswith("Line 199")

    def test_what_is_folded_unfolds_for_paper_alone_in_every_browser(self, opened, ask):
        page = opened("mei").new_page()
        page.goto(f"/approvals/{ask(previous={'amount': '120.00'}).pk}/")
        folded = page.locator("main details:not(.menu, [open])")
        folded.first.locator("summary").first.click()
        before = folded.count()
        assert before > 0
        page.evaluate("dispatchEvent(new Event('beforeprint'))")
        assert folded.count() == 0
        page.evaluate("dispatchEvent(new Event('afterprint'))")
        assert folded.count() == before  # and what was open still is


class TestOnAPhone:
    def test_nothing_covers_what_the_menu_offers(self, opened, ask):
        page = opened("mei", **PHONE).new_page()
        page.goto("/history/")
        page.locator("summary.avatar").tap()
        for part in ("a[href='/profile/']", "form[action='/accounts/logout/'] button"):
            assert is_on_top(page, f".top .menu {part}")

    def test_nothing_covers_the_decision(self, opened, ask):
        row = ask()
        page = opened("mei", **PHONE).new_page()
        for place in places(row):
            page.goto(place)
            for selector in ("#panel .approve", "#panel .reject", "#why"):
                assert is_on_top(page, selector), (place, selector)

    def test_nothing_covers_the_bar_where_nothing_is_decided(self, opened, ask):
        ask()
        page = opened("mei", **PHONE).new_page()
        page.goto("/inbox/")
        assert is_on_top(page, ".tabbar a >> nth=0")
        page.locator("#list a.t").first.tap()
        page.locator("#panel .approve").wait_for()
        assert not page.locator(".tabbar").is_visible()

    def test_a_reason_can_be_given_before_anything_fails(self, opened, ask):
        row = ask()
        page = opened("mei", **PHONE).new_page()
        page.goto(f"/approvals/{row.pk}/")
        page.get_by_label("Reason").fill("Wrong account.")
        page.locator("#panel .reject").tap()
        page.get_by_text("by you at").wait_for()
        assert Decision.objects.get().comment == "Wrong account."

    def test_a_rejection_without_a_reason_opens_the_sheet(self, opened, ask):
        row = ask()
        page = opened("mei", **PHONE).new_page()
        page.goto(f"/approvals/{row.pk}/")
        page.locator("#panel .reject").tap()
        page.get_by_role("heading", name="Reject ").wait_for()
        assert active(page) == "why"
        page.get_by_role("button", name="Wrong amount").tap()
        assert page.locator("#why").input_value() == "Wrong amount"
        assert is_on_top(page, "#panel .noSolid")
        page.locator("#panel .noSolid").tap()
        page.get_by_text("by you at").wait_for()
        assert Decision.objects.get().comment == "Wrong amount"


class TestEvidence:
    def test_stays_where_it_is_while_a_reason_is_typed(self, opened, ask):
        row = ask(details="Why. " * 400, payload={f"field {n}": n for n in range(40)})
        page = opened("mei", viewport={"width": 1280, "height": 700}).new_page()
        page.goto(f"/inbox/{row.pk}/")
        pane = page.locator("#pane")
        pane.evaluate("pane => { pane.scrollTop = 120; }")
        page.keyboard.press("r")
        page.locator("#panel.rejecting").wait_for()
        page.wait_for_timeout(300)
        assert active(page) == "why"
        page.keyboard.type("Not needed.")
        assert pane.evaluate("pane => pane.scrollTop") == 120


class TestHighRisk:
    @pytest.fixture
    def row(self, ask):
        return ask(risk="high", payload={"amount": "2.00"}, previous={"amount": "1.00"})

    @pytest.mark.parametrize("place", [0, 1])
    def test_a_double_press_does_not_approve(self, opened, row, place):
        page = opened("mei").new_page()
        page.goto(places(row)[place])
        page.locator("#why").fill("Seen it.")
        page.locator("#panel .approve").click()
        box = page.locator("dialog:modal")
        box.wait_for()
        box.locator(".approve").click()
        page.wait_for_timeout(SETTLED)
        assert not Decision.objects.exists()
        assert "1.00" in box.inner_text()
        assert "Seen it." in box.inner_text()
        box.locator(".approve").click()
        page.get_by_text("by you at").wait_for()
        assert Decision.objects.get().comment == "Seen it."
        assert page.locator("dialog[open]").count() == 0

    def test_cancel_and_escape_record_nothing_and_keep_what_was_typed(self, opened, row):
        page = opened("mei").new_page()
        page.goto(f"/approvals/{row.pk}/")
        page.locator("#why").fill("Half a thou")
        for leave in (
            lambda: page.get_by_role("button", name="Cancel").click(),
            lambda: page.keyboard.press("Escape"),
        ):
            page.locator("#panel .approve").click()
            page.locator("dialog:modal").wait_for()
            page.wait_for_timeout(SETTLED)
            leave()
            page.locator("dialog[open]").wait_for(state="detached")
            assert page.locator("#why").input_value() == "Half a thou"
        assert not Decision.objects.exists()

    def test_a_wrong_password_asks_again(self, opened, row, people):
        people.mei.set_password("a long password")
        people.mei.save()
        Approval.objects.update(risk="critical")
        page = opened("mei").new_page()
        page.goto(f"/approvals/{row.pk}/")
        page.locator("#panel .approve").click()
        for password in ("a guess", "a long password"):
            page.locator("dialog:modal").wait_for()
            page.wait_for_timeout(SETTLED)
            page.get_by_label("Your password").fill(password)
            page.locator("dialog .approve").click()
            if password == "a guess":
                page.get_by_text("This is not your password.").wait_for()
        page.get_by_text("by you at").wait_for()
        assert Decision.objects.count() == 1


class TestTalk:
    def test_a_comment_leaves_the_half_typed_reason_and_the_focus(self, opened, ask):
        row = ask()
        page = opened("mei").new_page()
        for number, place in enumerate(places(row), 1):
            page.goto(place)
            page.locator("#why").fill("Half a thou")
            page.locator("#talk-text").fill(f"What is this, {number}?")
            page.locator("#talk-comment").click()
            page.locator("#activity").get_by_text(f"What is this, {number}?").wait_for()
            assert page.locator("#why").input_value() == "Half a thou"
            assert page.locator("#talk-text").input_value() == ""
            assert active(page) == "talk-comment"
        assert Comment.objects.count() == 2

    def test_it_is_claimed_released_and_handed_over_in_place(self, opened, ask):
        row = ask()
        page = opened("mei").new_page()
        page.goto(f"/approvals/{row.pk}/")
        work = page.locator("#work")
        page.get_by_role("button", name="Claim").click()
        work.get_by_text("You, since").wait_for()
        assert active(page) == "claim-verb"
        page.get_by_role("button", name="Release").click()
        work.get_by_text("Nobody yet.").wait_for()
        work.locator("summary").click()
        work.get_by_label("To").select_option(label="lena")
        work.get_by_label("A few words").fill("You know them.")
        work.get_by_role("button", name="Hand over").click()
        work.get_by_text("lena, since").wait_for()
        page.locator("#votes").get_by_text("lena is on it since").wait_for()
        page.locator("#votes").get_by_role("button", name="Take over").click()
        work.get_by_text("You, since").wait_for()


class TestCompare:
    def test_changes_the_table_alone_and_the_address(self, opened, ask):
        row = ask(payload={"amount": "2.00"}, previous={"amount": "1.00"})
        page = opened("mei").new_page()
        for place in places(row):
            page.goto(place)
            page.locator("#why").fill("Half a thou")
            page.get_by_role("link", name="nothing").click()
            page.locator("#asked del").wait_for(state="detached")
            assert "compare=none" in page.url
            assert page.locator("#why").input_value() == "Half a thou"
            assert active(page) == "compare-none"


class TestUndo:
    def test_counts_down_under_the_focus_and_takes_it_back(self, opened, ask):
        row = ask(undo_seconds=60)
        page = opened("mei").new_page()
        page.goto(f"/approvals/{row.pk}/")
        page.locator("#panel .approve").click()
        page.locator("#undo").focus()
        before = page.locator("#countdown").inner_text()
        page.wait_for_function(
            "was => document.getElementById('countdown').innerText !== was", arg=before
        )
        assert active(page) == "undo"
        page.locator("#undo").click()
        page.locator("#panel .approve").wait_for()
        assert Decision.objects.filter(verdict="retract").count() == 1


class TestWithoutJavaScript:
    @pytest.fixture
    def page(self, opened, ask):
        return opened("mei", java_script_enabled=False).new_page()

    def test_high_risk_is_confirmed_on_a_page(self, page, ask):
        row = ask(risk="high")
        page.goto(f"/approvals/{row.pk}/")
        page.locator("#why").fill("Seen it.")
        page.locator("#panel .approve").click()
        assert page.get_by_role("heading", level=1).inner_text() == "Approve payment?"
        page.locator(".approve").click()
        assert page.url.endswith(f"/approvals/{row.pk}/")
        assert Decision.objects.get().comment == "Seen it."

    def test_everything_else_works_as_well(self, page, ask):
        row = ask(undo_seconds=60, payload={"amount": "2.00"}, previous={"amount": "1.00"})
        page.goto(f"/approvals/{row.pk}/")
        page.get_by_role("button", name="Claim").click()
        assert "You, since" in page.locator("#work").inner_text()
        page.locator("#talk-text").fill("Which contract?")
        page.locator("#talk-question").click()
        assert "no answer yet" in page.locator("#votes").inner_text()
        page.get_by_role("link", name="nothing").click()
        assert page.locator("#asked del").count() == 0
        page.locator("#panel .reject").click()
        assert not page.locator(".quick").is_visible()
        page.locator("#why").fill("Wrong account.")
        page.locator("#panel .noSolid").click()
        page.locator("#undo").click()
        assert page.locator("#panel .approve").is_visible()
        assert Decision.objects.filter(verdict="retract").count() == 1


class TestTitle:
    def test_says_error_as_long_as_there_is_one(self, opened, ask):
        row = ask(title="Pay Acme")
        page = opened("mei").new_page()
        for place in places(row):
            page.goto(place)
            before = page.title()
            page.locator("#panel .reject").click()
            page.locator(".rejecting").wait_for()
            assert page.title() == before  # to begin is no mistake
            page.locator("#panel .noSolid").click()
            page.locator("#why-err").wait_for()
            assert re.fullmatch(r"(\(1\) )?Error: Pay Acme( – Inbox)? – Countersign", page.title())
            page.get_by_role("link", name="Cancel").click()
            page.locator("#panel:not(.rejecting)").wait_for()
            assert page.title() == before


class TestInterrupted:
    """Nothing that was typed is lost, and nothing is called recorded that was not."""

    def test_offline_in_the_middle_of_a_decision(self, opened, ask):
        row = ask()
        context = opened("mei")
        page = context.new_page()
        for place in places(row):
            page.goto(place)
            page.locator("#why").fill("Called them.")
            context.set_offline(True)
            page.locator("#panel .approve").click()
            page.get_by_text("No connection.").wait_for()
            assert page.locator("#why").input_value() == "Called them."
            assert page.locator("#panel .approve").is_enabled()
            assert not Decision.objects.exists()
            context.set_offline(False)
        page.locator("#panel .approve").click()
        page.get_by_text("by you at").wait_for()
        assert page.locator("#problem").inner_text() == ""
        assert Decision.objects.get().comment == "Called them."

    def test_the_session_ends_while_a_reason_is_typed(self, opened, ask):
        row, mei = ask(), User.objects.get(username="mei")
        mei.set_password("a long password")
        mei.save()
        page = opened("mei").new_page()  # the new password is in this session
        page.goto(f"/approvals/{row.pk}/")
        page.locator("#why").fill("Not before Monday.")
        Session.objects.all().delete()
        page.locator("#panel .reject").click()
        page.get_by_text("You are signed out. A session lasts at most 8 hours.").wait_for()
        assert not Decision.objects.exists()
        page.fill("[name=username]", "mei")
        page.fill("[name=password]", "a long password")
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url(f"**/approvals/{row.pk}/")
        assert page.locator("#why").input_value() == "Not before Monday."

    def test_the_session_ends_while_an_answer_is_typed(self, opened, ask):
        row, amira = ask(), User.objects.get(username="amira")
        amira.set_password("a long password")
        amira.save()
        mei = User.objects.get(username="mei")
        Comment.add(row, mei, "Which account?", Comment.Kind.QUESTION)
        page = opened("amira").new_page()
        page.goto(f"/approvals/{row.pk}/")
        answer = page.get_by_label("Your answer")
        answer.fill("The new one.")
        Session.objects.all().delete()
        page.get_by_role("button", name="Answer").click()
        page.get_by_text("What you sent was not recorded.").wait_for()
        page.fill("[name=username]", "amira")
        page.fill("[name=password]", "a long password")
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url(f"**/approvals/{row.pk}/")
        assert answer.input_value() == "The new one."
        page.get_by_role("button", name="Answer").click()
        page.get_by_text("Your answer was recorded.").wait_for()
        assert Comment.objects.last().text == "The new one."
        kept = page.evaluate("Object.keys(sessionStorage).filter(key => key.startsWith('why:'))")
        assert kept == []

    def test_something_breaks(self, opened, ask, monkeypatch):
        def breaks(*_args):
            raise RuntimeError("broken")

        row = ask()
        page = opened("mei").new_page()
        page.goto(f"/approvals/{row.pk}/")
        page.locator("#why").fill("Called them.")
        monkeypatch.setattr("approvals.views.decision.DecisionForm", breaks)
        page.locator("#panel .approve").click()
        said = page.locator("#problem", has_text="That did not work.")
        said.wait_for()
        assert re.search(r"Reference [0-9a-f]{8}\.", said.inner_text())
        assert page.locator("#why").input_value() == "Called them."


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_history_stacks_on_a_phone(opened, people, away, theme):
    row = a_row(people, title="Pay €120.00 to Acme, and a title as long as they come")
    row.decide(people.mei, "approve")
    Approval.objects.filter(pk=row.pk).update(state="approved", closed_at=timezone.now())
    page = opened("mei", color_scheme=theme, **PHONE).new_page()
    page.goto("/history/")
    box = page.locator(".scroll")
    assert box.evaluate("box => box.scrollWidth <= box.clientWidth")
    assert page.evaluate("document.scrollingElement.scrollWidth <= innerWidth")
    said = page.locator("tbody td").evaluate_all(
        "cells => cells.map(cell => getComputedStyle(cell, '::before').content)"
    )
    # The head of the table is not there: each cell says itself what it is.
    assert said == [
        f'"{name}"' for name in ("Decided", "Outcome", "By", "Took", "Queue", "Kind", "Requester")
    ]
    free = "cell => parseFloat(getComputedStyle(cell).paddingLeft)"
    assert page.locator("tbody td").first.evaluate(free) > 60


def test_the_way_to_the_full_page_shares_a_line_at_320_px(opened, people, away):
    row = a_row(people, risk="critical")
    page = opened("mei", viewport={"width": 320, "height": 640}).new_page()
    page.goto(f"/inbox/{row.pk}/")
    line, icon = page.locator(".dhead .k").bounding_box(), page.locator(".full").bounding_box()
    assert icon["y"] == line["y"]
    assert icon["x"] + icon["width"] <= 320


def test_the_password_can_be_shown_and_hidden_again(opened, people):
    page = opened().new_page()
    page.goto("/accounts/login/")
    page.fill("[name=password]", "correct horse")
    button, field = page.get_by_role("button", name="Show password"), page.locator("#id_password")
    looks = set()
    for pressed, kind in (("true", "text"), ("false", "password")):
        button.click()
        assert button.get_attribute("aria-pressed") == pressed
        assert (field.get_attribute("type"), field.input_value()) == (kind, "correct horse")
        looks.add(button.evaluate("it => getComputedStyle(it).borderTopColor"))
    assert len(looks) == 2  # pressed, and not
    assert page.url.endswith("/accounts/login/")  # nothing was sent


def test_without_scripts_no_button_offers_to_show_the_password(opened, people):
    page = opened(java_script_enabled=False).new_page()
    page.goto("/accounts/login/")
    assert page.locator("[data-reveals]").is_hidden()


@pytest.mark.parametrize("width", [1280, 390])
def test_an_icon_stands_close_to_what_it_is_for(opened, people, width):
    Kind.objects.create(slug="refund", name="Refund", queue=people.general, schema={})
    page = opened("amira", viewport={"width": width, "height": 844}).new_page()
    page.goto("/start/")
    icon = page.locator(".row .when svg").first.bounding_box()
    words = page.locator(".row .t").first.bounding_box()
    assert 8 <= words["x"] - icon["x"] - icon["width"] <= 16
    a_row(people, requester_user=people.amira, due_at=timezone.now() + timedelta(minutes=9))
    page.goto("/requests/")  # a clock with its bar keeps its column
    clock = page.locator(".row .when").first.bounding_box()
    assert 50 <= clock["width"] <= 70
