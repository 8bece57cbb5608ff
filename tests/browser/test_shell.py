"""The frame around pages: ways past it, what it says without scripts, and what goes wrong in it."""

import re

import pytest
from django.db.models import F
from playwright.sync_api import expect

from approvals.models import Decision, Queue
from tests.browser.hands import PHONE, heading, refresh
from tests.desk import a_row

pytestmark = pytest.mark.usefixtures("away")

# What has the focus and is wholly behind something else (WCAG 2.2, 2.4.11).
HIDDEN = """() => {
    const it = document.activeElement, box = it.getBoundingClientRect();
    if (it === document.body || !box.width || it.matches(".skip")) return "";
    const points = [0.1, 0.5, 0.9].flatMap((x) => [0.1, 0.5, 0.9].map((y) => [x, y]));
    const seen = points.some(([x, y]) => {
        const hit = document.elementFromPoint(box.x + x * box.width, box.y + y * box.height);
        return it.contains(hit) || hit?.closest("label")?.control === it;
    });
    return seen ? "" : it.outerHTML.slice(0, 120);
}"""


def test_the_first_key_leads_past_the_frame(inbox):
    inbox.keyboard.press("Tab")
    skip = inbox.get_by_role("link", name="Skip to content")
    expect(skip).to_be_focused()
    assert skip.bounding_box()["y"] >= 0
    inbox.keyboard.press("Enter")
    expect(inbox.locator("#main")).to_be_focused()


def test_without_scripts_the_list_says_how_to_update_it(opened, rows):
    page = opened("mei", java_script_enabled=False).new_page()
    page.goto("/inbox/")
    expect(page.locator("#live")).to_have_text("Reload to update")


def test_a_wrong_password_is_read_out(page, people):
    page.goto("/accounts/login/")
    page.fill("[name=username]", "mei")
    page.fill("[name=password]", "wrong")
    page.get_by_role("button", name="Sign in").click()
    expect(page.locator("#wrong")).to_be_focused()
    expect(page.locator("#wrong")).to_have_text("Username or password is wrong.")
    assert page.title().startswith("Error: ")


def test_what_is_not_open_any_more_is_said_above_what_is(inbox, people, rows):
    inbox.get_by_role("link", name="Request A").click()
    heading(inbox, "Request A")
    people.general.reviewers.clear()
    inbox.get_by_role("link", name="Request B").click()
    expect(inbox.locator("#problem")).to_have_text("This does not exist or is not open to you.")
    heading(inbox, "Request A")


def test_what_one_may_only_look_at_is_said_so(inbox, people, rows):
    inbox.get_by_role("link", name="Request A").click()
    heading(inbox, "Request A")
    people.general.reviewers.remove(people.mei)
    people.general.viewers.add(people.mei)
    inbox.locator("#panel .approve").click()
    expect(inbox.locator("#problem")).to_have_text(re.compile("^Nothing was recorded. "))
    heading(inbox, "Request A")
    assert not Decision.objects.exists()


def test_a_fault_under_the_list_leaves_it_as_it_is(inbox, monkeypatch):
    def fail(*args, **more):
        raise RuntimeError("gone")

    Queue.objects.update(revision=F("revision") + 1)
    with monkeypatch.context() as patched:
        patched.setattr("approvals.views.inbox.listed", fail)
        assert refresh(inbox) == 500
        expect(inbox.locator("#live")).to_have_text("Reconnecting")
    expect(inbox.locator("#list .row")).to_have_count(5)
    assert refresh(inbox) == 200
    expect(inbox.locator("#live")).to_have_text("Live")


@pytest.mark.parametrize("place", ["inbox", "approvals"])
@pytest.mark.parametrize("options", [{"viewport": {"width": 1280, "height": 600}}, PHONE])
def test_no_bar_covers_what_has_the_focus(opened, people, rows, place, options):
    links = [{"title": f"Paper {n}", "url": f"https://example.com/{n}"} for n in range(25)]
    row = a_row(people, requester_user=people.amira, links=links)
    page, hidden = opened("mei", **options).new_page(), []
    page.goto(f"/{place}/{row.pk}/")
    page.locator("#main").focus()
    for _ in range(70):
        page.keyboard.press("Tab")
        hidden.append(page.evaluate(HIDDEN))
    assert not [each for each in hidden if each]
