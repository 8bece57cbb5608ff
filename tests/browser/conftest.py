"""A real browser: Debian's Chromium, driven by Playwright."""

import os
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from approvals.models import Approval
from tests import chromium
from tests.desk import a_row, away, desk, keys, people, worker

__all__ = ["away", "desk", "keys", "people", "worker"]

expect.set_options(timeout=15_000)  # ms; on a busy machine an answer may take its time


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    # Playwright keeps an event loop in this thread, where Django would refuse the database.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    try:
        with sync_playwright() as playwright:
            browser = chromium.launch(playwright)
            yield browser
            browser.close()
    finally:
        del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


@pytest.fixture
def context(browser: Browser, live_server) -> Iterator[BrowserContext]:
    """A fresh profile; addresses may be given without host ("/inbox/")."""
    context = browser.new_context(base_url=live_server.url, locale="en-GB")
    yield context
    context.close()


@pytest.fixture
def page(context: BrowserContext) -> Page:
    return context.new_page()


@pytest.fixture
def opened(browser: Browser, live_server) -> Iterator[Callable[..., BrowserContext]]:
    """`opened("mei", color_scheme="dark")`: a fresh profile, signed in as that person."""
    made: list[BrowserContext] = []

    def open_(who: str = "", **options) -> BrowserContext:
        options = {"base_url": live_server.url, "locale": "en-GB", **options}
        context = browser.new_context(**options)
        made.append(context)
        if who:
            name = settings.SESSION_COOKIE_NAME
            session = session_of(who)
            context.add_cookies([{"name": name, "value": session, "url": live_server.url}])
        return context

    yield open_
    for context in made:
        context.close()


def session_of(who: str) -> str:
    client = Client()
    client.force_login(User.objects.get(username=who), "approvals.accounts.Accounts")
    return client.cookies[settings.SESSION_COOKIE_NAME].value


@pytest.fixture
def rows(transactional_db, people) -> list[Approval]:
    """A to E, in the order of the inbox; D is of high risk."""
    now = timezone.now()
    risks = {"D": "high"}
    return [
        a_row(
            people,
            title=f"Request {name}",
            key=f"KEY-{name}",
            risk=risks.get(name, "low"),
            due_at=now + timedelta(hours=n + 3),
            due_sort=now + timedelta(hours=n + 3),
            requester="amira",
            requester_user=people.amira,
        )
        for n, name in enumerate("ABCDE")
    ]


@pytest.fixture
def inbox(opened, rows) -> Page:
    page = opened("mei", viewport={"width": 1280, "height": 900}).new_page()
    page.goto("/inbox/")
    return page
