"""What browser tests do to the inbox, and see in it."""

import re

from playwright.sync_api import Locator, Page, expect

from approvals.models import Decision

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
REFRESH = "document.body.dispatchEvent(new CustomEvent('inbox:refresh'))"


def heading(page: Page, title: str) -> None:
    expect(page.locator("#pane h1")).to_have_text(re.compile(title))


def box(page: Page, name: str) -> Locator:
    return page.get_by_label(f"Select KEY-{name}", exact=True)


def refresh(page: Page) -> int:
    """Ask for news now; the status of the answer."""
    with page.expect_response("**/inbox/rows/**") as answer:
        page.evaluate(REFRESH)
    return answer.value.status


def verdicts() -> list[tuple[str, str]]:
    """What was recorded, in order: the last letter of each key, and the verdict."""
    made = Decision.objects.order_by("decided_at").values_list("approval__key", "verdict")
    return [(key[-1], verdict) for key, verdict in made]
