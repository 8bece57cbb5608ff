"""In the middle of something, too, what is shown can be read by everybody."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.utils import timezone
from playwright.sync_api import Page, expect

from approvals.models import Decision, Delegation, Queue
from tests.browser.test_accessibility import LARGE, places, violations

__all__ = ["places"]


def press(key: str, shows: str) -> Callable[[Page], None]:
    def pressed(page: Page) -> None:
        page.keyboard.press(key)
        expect(page.locator(shows)).to_be_visible()

    return pressed


def open_menu(words: str) -> Callable[[Page], None]:
    def unfold(page: Page) -> None:
        page.locator(".listhead details.menu > summary", has_text=words).click()
        expect(page.locator("details.menu[open] > :not(summary)")).to_be_visible()

    return unfold


def save_view(page: Page) -> None:
    open_menu("Views")(page)
    page.locator("#view-name").fill("Mine")
    page.get_by_role("button", name="Save view").click()
    open_menu("Mine")(page)


def approve(page: Page) -> None:
    page.locator("#panel .approve").click()
    expect(page.locator(".receipt b")).to_be_visible()


def approve_offline(page: Page) -> None:
    page.context.set_offline(True)
    page.locator("#panel .approve").click()
    expect(page.locator("#problem")).to_contain_text("No connection.")
    page.context.set_offline(False)


def reject_several(page: Page) -> None:
    page.locator("#bulk-why").fill("Not needed.")
    page.locator("#bulk .decide .reject").click()
    expect(page.locator(".answered li").first).to_be_visible()


def reject_several_without_a_reason(page: Page) -> None:
    page.locator("#bulk .decide .reject").click()
    expect(page.locator("#bulk-err")).to_be_visible()


def send_nothing(page: Page) -> None:
    page.locator("main form").last.evaluate("form => { form.noValidate = true; form.submit(); }")
    expect(page.locator(".errors, .err").first).to_be_visible()


CONDITIONS: dict[str, tuple[str, str, Callable[[Page], None] | None]] = {
    "search": ("mei", "/palette/?q=pay", None),
    "several": ("mei", "/inbox/bulk/?sel={deploy}&sel={payment}", None),
    "several, one wrong": ("mei", "/inbox/bulk/?sel={deploy}", reject_several_without_a_reason),
    "a rejection begun": ("mei", "/inbox/{deploy}/", press("r", ".rejecting")),
    "keys": ("mei", "/inbox/", press("?", "#shortcuts")),
    "search from anywhere": ("mei", "/history/", press("/", "#palette")),
    "asked once more": ("mei", "/inbox/{payment}/", press("a", "#confirm[open]")),
    "a filter": ("mei", "/inbox/", open_menu("Queue")),
    "a search": ("mei", "/inbox/", open_menu("Search")),
    "a saved view": ("mei", "/inbox/?q=deploy", save_view),
    "no connection": ("mei", "/inbox/{deploy}/", approve_offline),
    "nothing found": ("mei", "/inbox/?q=nothing+like+it", None),
    "nothing claimed": ("mei", "/inbox/?tab=claimed", None),
    "nothing asked for": ("kim", "/requests/", None),
    "fields missing": ("amira", "/start/?kind=vendor-payment", send_nothing),
    "nobody signed in": ("", "/accounts/login/", send_nothing),
    "not allowed": ("amira", "/policy/", None),
    "no page": ("mei", "/approvals/{deploy}/decision/", None),
    # They change what comes after them.
    "a receipt": ("mei", "/inbox/{deploy}/", approve),
    "several decided": ("mei", "/inbox/bulk/?sel={deploy}&sel={payment}", reject_several),
}


def test_can_be_read(opened, places):
    contexts = {who: opened(who, viewport=LARGE) for who in ("", "mei", "amira", "kim")}
    found = []
    for name, (who, path, act) in CONDITIONS.items():
        page = contexts[who].new_page()
        page.goto(path.format(**places))
        if act:
            act(page)
        found += [f"{name}: {each}" for each in violations(page)]
        page.close()
    assert not found, "\n".join(found)


@pytest.fixture
def every_banner(places, settings):
    settings.READ_ONLY = True
    Decision.objects.filter(acknowledged_at=None).update(tries=3, sent_at=None)
    tomasz, mei = (User.objects.get(username=name) for name in ("tomasz", "mei"))
    now = timezone.now()
    away = Delegation.objects.create(away=tomasz, to=mei, starts=now, ends=now + timedelta(hours=1))
    away.queues.add(Queue.objects.get(slug="comms"))


def test_can_be_read_below_every_banner(opened, places, every_banner):
    page = opened("mei", viewport=LARGE).new_page()
    Session.objects.update(expire_date=timezone.now() + timedelta(minutes=10))
    for path in ("/inbox/{deploy}/", "/approvals/{deploy}/"):
        page.goto(path.format(**places))
        assert page.locator(".banner:visible").count() == 4
        assert not violations(page)
    page.goto("/profile/")
    page.locator("main form").last.evaluate("form => form.submit()")
    expect(page.get_by_role("heading", name="That did not work")).to_be_visible()
    assert not violations(page)
