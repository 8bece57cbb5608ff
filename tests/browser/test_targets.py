"""What a finger is to hit is large enough for it: 44 px, wherever the pointer is coarse."""

from playwright.sync_api import Page

from tests.browser.hands import PHONE
from tests.browser.test_accessibility import places

__all__ = ["places"]

LEAST = 44
# By where a press lands, as the area may be larger than what is drawn. A link within a sentence is
# as high as its line (WCAG 2.2, 2.5.8).
SMALL = """([root, least]) => {
    const all = "a[href], button, summary, select, textarea, input:not([type=hidden])";
    const inSentence = (it) => getComputedStyle(it).display === "inline"
        && [...it.parentElement.childNodes].some((each) => each.data?.trim());
    const target = (it) => it.closest("label") ?? it;
    const seen = (it) => it.checkVisibility({ visibilityProperty: true })
        && it.getBoundingClientRect().width > 1 && !it.matches(".skip, :disabled");
    const shown = [...document.querySelector(root).querySelectorAll(all)].filter(seen);
    const small = [];
    for (const it of new Set(shown.map(target))) {
        if (inSentence(it)) continue;
        it.scrollIntoView({ block: "center", inline: "center" });
        const box = it.getBoundingClientRect();
        const x = box.x + box.width / 2, y = box.y + box.height / 2;
        const reach = (dx, dy) => {
            let n = 0;
            for (; n < least; n += 1) {
                const hit = document.elementFromPoint(x + n * dx, y + n * dy);
                if (!it.contains(hit) && hit?.closest("label")?.control !== it) break;
            }
            return n;
        };
        const wide = reach(1, 0) + reach(-1, 0), high = reach(0, 1) + reach(0, -1);
        if (Math.min(wide, high) < least - 1) {
            small.push(`${wide} x ${high}: ${it.outerHTML.slice(0, 120)}`);
        }
    }
    return small;
}"""


PATHS = {
    "": ["/accounts/login/"],
    "mei": [
        "/inbox/{payment}/",
        "/inbox/bulk/?sel={payment}&sel={deploy}",
        "/approvals/{payment}/",
        "/approvals/{payment}/?confirm=approve",
        "/approvals/{rejected}/",
        "/history/",
        "/workflows/",
        "/workflows/{workflow}/{run}/?tab=events",
        "/absences/",
        "/palette/?q=pay",
        "/inbox/",
    ],
    "amira": ["/requests/", "/start/", "/start/?kind=vendor-payment", "/profile/"],
    "kim": ["/queues/", "/queues/database/", "/policy/", "/policy/draft/", "/policy/simulator/"],
}


def small(page: Page, root: str = "body") -> list[str]:
    return [f"{page.url} {each}" for each in page.evaluate(SMALL, [root, LEAST])]


def test_fingers_find_what_they_press(opened, places):
    found, unfolded = [], 0
    for who, paths in PATHS.items():
        page = opened(who, **PHONE).new_page()
        for path in paths:
            page.goto(path.format(**places))
            page.wait_for_function("() => document.fonts.status === 'loaded'")
            found += small(page)
        if who != "mei":
            continue
        for summary in page.locator("details.menu > summary:visible").all():
            summary.tap()
            unfolded += 1
            found += small(page, "details.menu[open] > :not(summary)")
            page.keyboard.press("Escape")
    assert unfolded > 5
    assert not found, "\n".join(found)
