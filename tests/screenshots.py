"""Pictures of every page and state: `make screenshots` writes them to build/screenshots/.

They are for looking at; nothing compares them. The README's picture is made with them.
"""

import re
import sys
import time
from pathlib import Path

from playwright.sync_api import Browser, BrowserContext, Error, Page, sync_playwright

from tests import chromium, looks, whole_desk
from tests.looks import PAYMENT, View
from tests.whole_desk import ROOT, Desk

FOLDER = ROOT / "build" / "screenshots"
README = ROOT / "docs" / "images" / "inbox.png"
README_BYTES = 220_000
SIZES = {1280: 900, 1024: 768, 390: 844, 320: 640}
DESKS, PHONES = (1280, 1024), (390, 320)
THEMES = ("light", "dark")
VENDOR = "Add vendor Halcyon Freight Ltd"
MAIL = "Email “November renewals” to 18,430 contacts"


def main() -> None:
    only = sys.argv[1] if len(sys.argv) > 1 else ""
    with whole_desk.running() as desk, sync_playwright() as playwright:
        browser = chromium.launch(playwright)
        sessions = {who: _sign_in(browser, desk, who) for who in ("mei", "lena", "amira", "kim")}
        _decide(browser, desk, sessions)
        _readme(browser, desk, sessions["mei"])
        views = [view for view in _views(desk, browser, sessions) if re.search(only, view.name)]
        failed = [view.name for view in views if not _pictured(browser, desk, sessions, view)]
        browser.close()
    print(f"Pictures in {FOLDER.relative_to(ROOT)}/, and {README.relative_to(ROOT)}")
    if failed:
        sys.exit(f"These could not be reached: {', '.join(failed)}")


def _views(desk: Desk, browser: Browser, sessions: dict[str, dict]) -> list[View]:
    desk.manage("shell", "--no-imports", "--command", looks.MORE)
    while not {*looks.MORE_TITLES} <= (rows := desk.pending()).keys():
        time.sleep(0.5)
    run = rows[PAYMENT]
    waiting = {title: row["approval_id"] for title, row in rows.items()}
    for who, title, press in looks.PRESSES:
        page = _context(browser, desk, sessions[who]).new_page()
        page.goto(f"/approvals/{waiting[title]}/")
        press(page)
        page.context.close()
    workflow = f"/workflows/{run['workflow_id']}/{run['run_id']}/"
    return looks.views(waiting, workflow, _closed(browser, desk, sessions["kim"]))


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
    page = _context(browser, desk, sessions["mei"]).new_page()
    for title, name, comment in ((VENDOR, "Approve", ""), (MAIL, "Reject", "Not this month.")):
        # Of the mail's reviewers mei is none.
        who = "lena" if title == MAIL else "mei"
        page = _context(browser, desk, sessions[who]).new_page()
        page.goto(f"/approvals/{waiting[title]}/")
        if comment:
            page.fill("[name=comment]", comment)
        page.get_by_role("button", name=name).first.click()
        page.get_by_text("Applied by the workflow.").first.wait_for()
        page.context.close()


def _closed(browser: Browser, desk: Desk, session: dict) -> dict[str, str]:
    """An approval's path for each outcome that the history has."""
    page = _context(browser, desk, session).new_page()
    found = {}
    for outcome in ("approved", "rejected", "expired", "withdrawn"):
        page.goto(f"/history/?outcome={outcome}")
        link = page.locator("tbody th a").first
        if link.count():
            found[outcome] = str(link.get_attribute("href"))
    page.context.close()
    return found


# Pictures.


def _context(
    browser: Browser, desk: Desk, session: dict | None, width: int = 1280
) -> BrowserContext:
    return browser.new_context(
        base_url=desk.url,
        storage_state=session,  # type: ignore[arg-type]
        viewport={"width": width, "height": SIZES.get(width, 900)},
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
    """The view in every size and theme, in forced colours, and on paper.

    It is reached once at a desk and once on a phone; theme and size change under it.
    """
    FOLDER.mkdir(parents=True, exist_ok=True)
    for widths in (DESKS, PHONES):
        context = _context(browser, desk, sessions.get(view.who), widths[0])
        page = context.new_page()
        page.goto(view.path, wait_until="load")
        view.act(page)
        for width in widths:
            page.set_viewport_size({"width": width, "height": SIZES[width]})
            for theme in THEMES:
                page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
                page.wait_for_timeout(150)  # fonts and settling
                _shoot(page, FOLDER / f"{view.name}-{width}-{theme}.png", view.whole)
        if widths == DESKS:
            _special(page, view)
        context.close()


def _special(page: Page, view: View) -> None:
    page.emulate_media(color_scheme="light", forced_colors="active")
    _shoot(page, FOLDER / f"{view.name}-forced-colors.png", view.whole)
    if view.name.startswith("approval"):
        page.emulate_media(media="print", forced_colors="none")
        page.set_viewport_size({"width": 794, "height": 1123})  # A4 at 96 dots an inch
        _shoot(page, FOLDER / f"{view.name}-print.png", True)


def _shoot(page: Page, path: Path, whole: bool) -> None:
    page.screenshot(path=path, full_page=whole, animations="disabled")


def _readme(browser: Browser, desk: Desk, session: dict) -> None:
    payment = desk.pending()[PAYMENT]["approval_id"]
    context = _context(browser, desk, session)
    page = context.new_page()
    page.goto(f"/inbox/{payment}/")
    page.wait_for_timeout(500)
    page.screenshot(path=README, animations="disabled")
    context.close()
    if README.stat().st_size > README_BYTES:
        sys.exit(f"{README} is larger than {README_BYTES} bytes.")


if __name__ == "__main__":
    main()
