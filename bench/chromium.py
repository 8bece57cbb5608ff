"""What a reviewer waits for: from the click in a real browser to the next request on the screen."""

import importlib.util
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from bench.processes import BenchError, Desk

if TYPE_CHECKING:
    from playwright.sync_api import Page

WARM_UP = 3  # decisions, not counted
CALM = 500  # ms between decisions: the page asks for its rows, and nobody reads faster
# In the page: the time of a click on Approve, and of the first picture with another request.
CLOCK = """() => {
  window.took = [];
  let began = 0;
  addEventListener("click", ({target}) => {
    if (target.closest("#panel .approve")) began = performance.now();
  }, true);
  document.addEventListener("htmx:afterSettle", ({detail}) => {
    if (detail.target.id !== "pane" || !began) return;
    const since = began;
    began = 0; // each part that was drawn settles
    requestAnimationFrame(() => setTimeout(() => {
      took.push(performance.now() - since);
      window.drawn?.();
    }));
  });
}"""
# Until there are so many times. To look again and again would keep the browser busy meanwhile.
ENOUGH = "n => took.length >= n || new Promise((done) => { window.drawn = done; })"


def missing() -> str:
    """Why there is nothing to measure with; "" where there is."""
    if not importlib.util.find_spec("playwright"):
        return "Playwright is not installed: make reqs."
    # For development only; the rest of the benchmark does without.
    from tests import chromium

    return "" if chromium.program() else "Chromium is not installed: tests/system."


def measure(desk: Desk, decisions: int) -> list[float]:
    """Seconds of each of `decisions`; more approvals than these must be waiting."""
    with _page(desk) as page:
        page.goto("/inbox/")
        page.evaluate(CLOCK)
        page.locator("#list a.t").first.click()
        for number in range(1, decisions + WARM_UP + 1):
            page.wait_for_timeout(CALM)
            page.locator("#panel .approve").click()
            page.evaluate(ENOUGH, number)
        took: list[float] = page.evaluate("took")
        if "/inbox/" not in page.url:
            raise BenchError(f"The browser ended at {page.url}.")
    return [each / 1000 for each in took[WARM_UP:]]


@contextmanager
def _page(desk: Desk) -> "Iterator[Page]":
    from playwright.sync_api import sync_playwright

    from tests import chromium

    name, session = desk.people["session_cookie"], desk.people["sessions"][0]
    with sync_playwright() as playwright:
        browser = chromium.launch(playwright)
        context = browser.new_context(
            base_url=desk.address, viewport={"width": 1280, "height": 900}
        )
        context.add_cookies([{"name": name, "value": session, "url": desk.address}])
        yield context.new_page()
        browser.close()
