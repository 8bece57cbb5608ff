"""Debian's Chromium, as tests and screenshots start it."""

import shutil

from playwright.sync_api import Browser, Playwright

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


def launch(playwright: Playwright) -> Browser:
    program = shutil.which("chromium") or "/usr/bin/chromium"
    return playwright.chromium.launch(executable_path=program, args=ARGUMENTS)
