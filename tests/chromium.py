"""Debian's Chromium without its windows, as tests, screenshots and the benchmark start it."""

import shutil

from playwright.sync_api import Browser, Playwright

# The first that is installed. The shell is the same engine without tabs and address bar, which
# nobody sees and which have to be drawn all the same.
PROGRAMS = ["chromium-headless-shell", "chromium"]
ARGUMENTS = [
    "--no-sandbox",  # Chromium's sandbox does not work for root, as in CI
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    # It talks to nobody but the site under test.
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def program() -> str:
    """Its path; "" where it is not installed."""
    return next(filter(None, map(shutil.which, PROGRAMS)), "")


def launch(playwright: Playwright) -> Browser:
    return playwright.chromium.launch(executable_path=program() or PROGRAMS[0], args=ARGUMENTS)
