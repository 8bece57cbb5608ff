"""What a finger is to hit is large enough for it: 44 px, wherever the pointer is coarse."""

import pytest
from playwright.sync_api import Page

from approvals.models import Approval
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


@pytest.fixture
def shown(opened):
    def show(who: str, path: str) -> Page:
        page = opened(who, **PHONE).new_page()
        page.goto(path)
        page.wait_for_function("document.fonts.status === 'loaded'")
        return page

    return show


def small(page: Page, root: str = "body") -> list[str]:
    return [f"{page.url} {each}" for each in page.evaluate(SMALL, [root, LEAST])]


def test_on_pages(opened, places):
    found = []
    paths = {
        "": ["/accounts/login/"],
        "mei": [
            "/inbox/",
            "/inbox/{payment}/",
            "/approvals/{payment}/",
            "/approvals/{payment}/?confirm=approve",
            "/approvals/{rejected}/",
            "/history/",
            "/workflows/{workflow}/{run}/?tab=events",
            "/absences/",
            "/palette/?q=pay",
        ],
        "amira": ["/requests/", "/start/", "/start/?kind=vendor-payment", "/profile/"],
        "kim": ["/queues/", "/queues/database/", "/policy/", "/policy/draft/"],
    }
    for who, theirs in paths.items():
        page = opened(who, **PHONE).new_page()
        for path in theirs:
            page.goto(path.format(**places))
            page.wait_for_function("document.fonts.status === 'loaded'")
            found += small(page)
    assert not found, "\n".join(found)


def test_on_several_at_once(shown):
    selected = "&".join(f"sel={pk}" for pk in Approval.objects.values_list("pk", flat=True)[:9])
    page = shown("mei", f"/inbox/bulk/?{selected}")
    assert not small(page)


def test_in_what_unfolds(shown):
    page, found = shown("mei", "/inbox/"), []
    for summary in page.locator("details.menu > summary:visible").all():
        summary.tap()
        found += small(page, "details.menu[open] > :not(summary)")
        page.keyboard.press("Escape")
    assert not found, "\n".join(found)
