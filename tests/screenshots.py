"""Pictures of every page and state: `make screenshots` writes them to build/screenshots/.

They are for looking at; nothing compares them. The README's picture is made with them.
"""

import re
import secrets
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, BrowserContext, Error, Page, sync_playwright

from tests import chromium, whole_desk
from tests.whole_desk import ROOT, Desk

FOLDER = ROOT / "build" / "screenshots"
README = ROOT / "docs" / "images" / "inbox.png"
README_BYTES = 200_000
SIZES = {1280: 900, 1024: 768, 390: 844, 320: 640}
THEMES = ("light", "dark")
PAYMENT = "Pay €48,200.00 to Norrland Timber AB"
COLUMN = "Drop column legacy_notes from prod.orders"
VENDOR = "Add vendor Halcyon Freight Ltd"
MAIL = "Email “November renewals” to 18,430 contacts"


@dataclass(frozen=True)
class View:
    """One picture: who looks, where, and what they do first."""

    name: str
    who: str
    path: str
    act: Callable[[Page], object] = lambda page: None
    whole: bool = False  # of the page, however long


def main() -> None:
    only = sys.argv[1] if len(sys.argv) > 1 else ""
    with whole_desk.running() as desk, sync_playwright() as playwright:
        browser = chromium.launch(playwright)
        sessions = {who: _sign_in(browser, desk, who) for who in ("mei", "lena", "amira", "kim")}
        _decide(browser, desk, sessions)
        views = [view for view in _views(desk, browser, sessions) if re.search(only, view.name)]
        _readme(browser, desk, sessions["mei"])
        failed = [view.name for view in views if not _pictured(browser, desk, sessions, view)]
        browser.close()
    print(f"Pictures in {FOLDER.relative_to(ROOT)}/, and {README.relative_to(ROOT)}")
    if failed:
        sys.exit(f"These could not be reached: {', '.join(failed)}")


def _views(desk: Desk, browser: Browser, sessions: dict[str, dict]) -> list[View]:
    waiting = {title: row["approval_id"] for title, row in desk.pending().items()}
    payment, column = waiting[PAYMENT], waiting[COLUMN]
    run = desk.pending()[PAYMENT]
    workflow = f"/workflows/{run['workflow_id']}/{run['run_id']}/"
    closed = _closed(browser, desk, sessions["kim"])
    return [
        View("sign-in", "", "/accounts/login/"),
        View("sign-in-next", "", f"/approvals/{payment}/"),
        View("sign-in-ended", "", f"/accounts/login/?next=/approvals/{payment}/&ended=1"),
        View("sign-in-wrong", "", "/accounts/login/", _wrong_password),
        View("sign-in-locked", "", "/accounts/login/", _locked),
        View("inbox", "mei", "/inbox/"),
        View("inbox-pane", "mei", f"/inbox/{payment}/"),
        View("inbox-pane-plain", "mei", f"/inbox/{column}/"),
        View("inbox-selected", "mei", "/inbox/", _select_three),
        View("inbox-rejecting", "mei", f"/inbox/{column}/", lambda page: page.keyboard.press("r")),
        View("inbox-keys", "mei", "/inbox/", lambda page: page.keyboard.press("?")),
        View("inbox-no-queue", "kim", "/inbox/"),
        View("inbox-nothing-matches", "mei", "/inbox/?q=nothing+like+it"),
        View("approval-form", "mei", f"/approvals/{payment}/", whole=True),
        View("approval-all-fields", "mei", f"/approvals/{payment}/", _open_details, whole=True),
        View("approval-confirm", "mei", f"/approvals/{payment}/?confirm=approve"),
        View("approval-compared", "mei", f"/approvals/{payment}/?compare=approved", whole=True),
        View("approval-no-reason", "mei", f"/approvals/{column}/", _reject_without_reason),
        View("approval-voted", "lena", f"/approvals/{payment}/", whole=True),
        View("approval-own", "amira", f"/approvals/{payment}/", whole=True),
        View("approval-outsider", "kim", f"/approvals/{payment}/", whole=True),
        *(View(f"approval-{n}", "kim", path, whole=True) for n, path in closed.items()),
        View("requests", "amira", "/requests/"),
        View("requests-empty", "kim", "/requests/"),
        View("start", "amira", "/start/"),
        View("start-kind", "amira", "/start/?kind=vendor-payment", whole=True),
        View("start-json", "amira", "/start/?kind=vendor-payment&mode=json", whole=True),
        View("start-wrong", "amira", "/start/?kind=vendor-payment", _submit_empty, whole=True),
        View("profile", "amira", "/profile/", whole=True),
        View("history", "mei", "/history/"),
        View("history-filters", "mei", "/history/?closed_by=deadline"),
        View("history-wrong-date", "mei", "/history/?since=2026-11-20&until=2026-11-01"),
        View("history-nothing-matches", "mei", "/history/?q=nothing+like+it"),
        View("workflows", "kim", "/workflows/"),
        View("workflow", "kim", workflow, whole=True),
        View("workflow-events", "kim", f"{workflow}?tab=events", whole=True),
        View("workflow-input", "kim", f"{workflow}?tab=input", whole=True),
        View("not-found", "mei", "/nowhere/"),
        View("forbidden", "mei", f"/start/?revises={payment}"),
        View("menu", "mei", "/history/", _open_menu),
    ]


# What people do before the picture.


def _sign_in(browser: Browser, desk: Desk, who: str) -> dict:
    """The cookies of a session."""
    context = browser.new_context(base_url=desk.url)
    page = context.new_page()
    page.goto("/accounts/login/")
    page.fill("[name=username]", who)
    page.fill("[name=password]", whole_desk.PASSWORD)
    page.locator("main form button").last.click()
    page.wait_for_url("**/inbox/")
    state = context.storage_state()
    context.close()
    return dict(state)


def _decide(browser: Browser, desk: Desk, sessions: dict[str, dict]) -> None:
    """One approved, one rejected, by clicks; both applied by their workflows."""
    waiting = {title: row["approval_id"] for title, row in desk.pending().items()}
    page = _context(browser, desk, sessions["mei"], 1280, "light").new_page()
    for title, name, comment in ((VENDOR, "Approve", ""), (MAIL, "Reject", "Not this month.")):
        # Of the mail's reviewers mei is none.
        who = "lena" if title == MAIL else "mei"
        page = _context(browser, desk, sessions[who], 1280, "light").new_page()
        page.goto(f"/approvals/{waiting[title]}/")
        if comment:
            page.fill("[name=comment]", comment)
        page.get_by_role("button", name=name).first.click()
        page.get_by_text("Applied by the workflow.").first.wait_for()
        page.context.close()


def _closed(browser: Browser, desk: Desk, session: dict) -> dict[str, str]:
    """An approval's path for each outcome that the history has."""
    page = _context(browser, desk, session, 1280, "light").new_page()
    found = {}
    for outcome in ("approved", "rejected", "expired", "cancelled"):
        page.goto(f"/history/?outcome={outcome}")
        link = page.locator("tbody th a").first
        if link.count():
            found[outcome] = str(link.get_attribute("href"))
    page.context.close()
    return found


def _wrong_password(page: Page) -> None:
    _try(page, f"zoe-{secrets.token_hex(4)}")  # a name is locked after five tries
    page.get_by_text("Username or password is wrong.").first.wait_for()


def _locked(page: Page) -> None:
    while page.locator("[name=username]").count():
        _try(page, "mallory")


def _try(page: Page, name: str) -> None:
    page.fill("[name=username]", name)
    page.fill("[name=password]", "wrong")
    page.locator("main form button").last.click()
    page.wait_for_load_state()


def _select_three(page: Page) -> None:
    boxes = page.locator(".row input[type=checkbox]")
    for number in range(min(3, boxes.count())):
        boxes.nth(number).check(force=True)
    page.wait_for_timeout(500)


def _open_details(page: Page) -> None:
    for summary in page.locator("main details:not([open]):not(.menu) > summary").all():
        if summary.is_visible():
            summary.click()


def _reject_without_reason(page: Page) -> None:
    page.locator("button[name=verdict][value=reject]").first.click()
    page.wait_for_timeout(500)


def _submit_empty(page: Page) -> None:
    page.locator("main form[method=post] .primary").click()
    page.wait_for_timeout(500)


def _open_menu(page: Page) -> None:
    for summary in page.locator("details.menu > summary").all():
        if summary.is_visible():
            summary.click()
            return


# Pictures.


def _context(
    browser: Browser, desk: Desk, session: dict | None, width: int, theme: str
) -> BrowserContext:
    return browser.new_context(
        base_url=desk.url,
        storage_state=session,  # type: ignore[arg-type]
        viewport={"width": width, "height": SIZES.get(width, 900)},
        color_scheme=theme,  # type: ignore[arg-type]
        has_touch=width < 1000,
        locale="en-GB",
        timezone_id="UTC",
    )


def _pictured(browser: Browser, desk: Desk, sessions: dict[str, dict], view: View) -> bool:
    try:
        _picture(browser, desk, sessions, view)
    except Error as error:
        print(f"{view.name}: {error.message.splitlines()[0]}")
        return False
    return True


def _picture(browser: Browser, desk: Desk, sessions: dict[str, dict], view: View) -> None:
    """The view in every size and theme, and on paper."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for width in SIZES:
        for theme in THEMES:
            context = _context(browser, desk, sessions.get(view.who), width, theme)
            page = context.new_page()
            page.goto(view.path, wait_until="load")
            view.act(page)
            page.wait_for_timeout(150)  # fonts and settling
            _shoot(page, FOLDER / f"{view.name}-{width}-{theme}.png", view.whole)
            if width == 1280 and theme == "light" and view.name.startswith("approval"):
                page.emulate_media(media="print")
                page.set_viewport_size({"width": 794, "height": 1123})  # A4 at 96 dots an inch
                _shoot(page, FOLDER / f"{view.name}-print.png", True)
            context.close()


def _shoot(page: Page, path: Path, whole: bool) -> None:
    page.screenshot(path=path, full_page=whole, animations="disabled")


def _readme(browser: Browser, desk: Desk, session: dict) -> None:
    payment = desk.pending()[PAYMENT]["approval_id"]
    context = _context(browser, desk, session, 1280, "light")
    page = context.new_page()
    page.goto(f"/inbox/{payment}/")
    page.wait_for_timeout(500)
    page.screenshot(path=README, animations="disabled")
    context.close()
    if README.stat().st_size > README_BYTES:
        sys.exit(f"{README} is larger than {README_BYTES} bytes.")


if __name__ == "__main__":
    main()
