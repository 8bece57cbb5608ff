"""Debian's Chromium, as tests and screenshots start it."""

import shutil

from playwright.sync_api import Browser, Playwright

# The popup of the address bar, which nobody sees: a process with each context, 0.1 s to start.
UNSEEN = ["WebUIOmniboxPopup", "WebUIOmniboxAimPopup"]
# Chromium heeds the last such list alone, so what Playwright switches off stands in it, too.
PLAYWRIGHTS_OWN = [
    *("AvoidUnnecessaryBeforeUnloadCheckSync", "DestroyProfileOnBrowserClose", "HttpsUpgrades"),
    *("HttpsFirstBalancedModeAutoEnable", "LensOverlay", "MediaRouter", "PaintHolding"),
    *("ThirdPartyStoragePartitioning", "AvoidCorsURLLoaderRestartOnRedirect", "AimEnabled"),
    *("OptimizationHints", "NetworkTimeServiceQuerying", "PreconnectToSearch"),
]
ARGUMENTS = [
    "--no-sandbox",  # Chromium's sandbox does not work for root, as in CI
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    # It talks to nobody but the site under test.
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    f"--disable-features={','.join([*UNSEEN, *PLAYWRIGHTS_OWN])}",
]


def launch(playwright: Playwright) -> Browser:
    program = shutil.which("chromium") or "/usr/bin/chromium"
    return playwright.chromium.launch(executable_path=program, args=ARGUMENTS)
