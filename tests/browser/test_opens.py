"""The site opens in a real browser, and nothing on its first page is refused or broken."""

from playwright.sync_api import Page


def test_a_stranger_is_led_to_the_sign_in(page: Page):
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", lambda said: problems.append(said.text) if said.type == "error" else None)
    page.goto("/inbox/")
    assert "/accounts/login/" in page.url
    assert page.locator("input[name=username]").is_visible()
    assert problems == []
