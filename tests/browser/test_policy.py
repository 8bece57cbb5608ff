"""An administrator writes a rule in a real browser: faults, difference, simulation, saving."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect

from approvals.models import PolicyVersion
from tests.desk import a_row

RULE = """rules:
  - name: small-ones
    then: allow
    when: amount(payload.amount) < 500.0
    reason: It is small.
"""


@pytest.fixture
def kim(transactional_db, people) -> User:
    a_row(people)
    return User.objects.create(username="kim", is_superuser=True)


def seen_by_axe(page: Page) -> list[str]:
    found = Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
    return [f"{each['id']}: {each['nodes'][0]['html'][:160]}" for each in found]


@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without"])
@pytest.mark.parametrize("width", [1280, 390])
def test_a_rule_is_written_tried_and_saved(kim, opened, width, scripts):
    size = {"width": width, "height": 900}
    page = opened("kim", viewport=size, java_script_enabled=scripts).new_page()
    page.goto("/policy/")
    page.get_by_role("link", name="Change the rules").click()
    check = page.get_by_role("button", name="Check, and show the difference")

    page.get_by_label("Rules").fill(RULE.replace("allow", "maybe"))
    check.click()
    expect(page).to_have_title("Error: Draft – Policy – Countersign")
    expect(page.get_by_role("alert").filter(has_text="The check found 1 fault")).to_contain_text(
        "Line 3: `then` must be one of deny, ask, allow."
    )
    assert not scripts or seen_by_axe(page) == []

    page.get_by_label("Rules").fill(RULE)
    check.click()
    expect(page.locator("main")).to_contain_text("Added small-ones: allow when")
    assert not scripts or seen_by_axe(page) == []

    page.get_by_role("button", name="Simulate it").click()
    expect(page.locator("main")).to_contain_text("1 of 1 requests would have gone another way.")
    expect(page.locator("main")).to_contain_text("Nothing was changed.")
    assert not scripts or seen_by_axe(page) == []
    assert not PolicyVersion.objects.exists()

    page.get_by_role("button", name="Go on with the draft").click()
    page.get_by_label("Note").fill("Small ones pass.")
    page.get_by_role("button", name="Save as a new version").click()
    expect(page.locator("main")).to_contain_text("Version 1 is in force.")
    expect(page.locator("main")).to_contain_text("Small ones pass.")
    assert not scripts or seen_by_axe(page) == []
    assert PolicyVersion.objects.get().made_by == kim
    page.get_by_role("link", name="Version 1").click()
    expect(page.locator("main")).to_contain_text("Removed no-forbidden-tasks")
    wide = page.locator("main").evaluate("main => main.scrollWidth") if scripts else 0
    assert wide <= width
