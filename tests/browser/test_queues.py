"""An admin changes the rules of a queue in a browser, with and without scripts."""

import pytest
from django.contrib.auth.models import Group, User
from playwright.sync_api import expect

from approvals.models import AuditEntry, QueueEscalation

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def heads(people) -> Group:
    User.objects.create(username="kim", is_superuser=True, is_staff=True)
    group = Group.objects.create(name="Heads")
    people.mei.groups.add(group)
    return group


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "none"])
def test_rules_are_changed_after_a_look_at_the_difference(opened, people, heads, scripts):
    page = opened("kim", java_script_enabled=scripts).new_page()
    page.goto("/queues/")
    page.get_by_role("link", name="General").click()
    page.get_by_label("How many must approve").fill("2")
    page.get_by_label("When nobody decides").select_option("escalate")
    row = page.get_by_role("group", name="Who is asked after").get_by_role("group", name="Row 2")
    row.get_by_label("Group").select_option(label="Heads")
    row.get_by_label("Time").fill("3")
    page.get_by_role("button", name="See what would change").click()

    expect(page.locator(".errors")).to_contain_text("It cannot be saved like this")
    page.get_by_role("link", name="Deadline: This needs a deadline.").click()
    page.get_by_label("Deadline", exact=True).fill("90")
    page.locator("#id_due_seconds_1").select_option(label="minutes")
    page.get_by_role("button", name="See what would change").click()

    expect(page.get_by_role("row", name="90 minutes")).to_contain_text("Deadline")
    expect(page.locator("main")).to_contain_text("then Heads are asked for 3 hours")
    page.get_by_role("button", name="Back to the form").click()
    expect(page.get_by_label("Deadline", exact=True)).to_have_value("90")
    page.get_by_role("button", name="See what would change").click()
    page.get_by_label("Why").fill("Heads want to know.")
    page.get_by_role("button", name="Save these changes").click()

    expect(page.locator("main")).to_contain_text("Saved. It holds for approvals that open from now")
    step = QueueEscalation.objects.get()
    assert (step.group, step.seconds) == (heads, 10800)
    people.general.refresh_from_db()
    assert (people.general.quorum, people.general.due_seconds) == (2, 5400)
    assert AuditEntry.objects.get().detail["reason"] == "Heads want to know."


def test_what_nobody_can_meet_is_saved_only_with_a_tick(opened, people, heads):
    page = opened("kim").new_page()
    page.goto("/queues/general/")
    page.get_by_label("How many must approve").fill("9")
    page.get_by_role("button", name="See what would change").click()
    save = page.get_by_role("button", name="Save these changes")
    save.click()  # the browser asks for the tick
    tick = page.get_by_label("Save although nobody can meet it now")
    expect(tick).to_be_focused()
    page.get_by_role("button", name="Back to the form").click()
    expect(page.get_by_label("How many must approve")).to_have_value("9")
    page.get_by_role("button", name="See what would change").click()
    tick.check()
    save.click()
    expect(page.locator("main")).to_contain_text("Saved. It holds for approvals that open from now")


def test_who_is_away_names_a_stand_in(opened, people, heads):
    page = opened("mei", timezone_id="Asia/Tokyo").new_page()
    page.goto("/absences/")
    page.get_by_label("Until").fill("2099-12-24T18:00")
    page.get_by_label("Who decides for you").select_option(label="lena (lena)")
    page.get_by_label("General").check()
    page.get_by_role("button", name="Let them decide for me").click()
    expect(page.locator("main")).to_contain_text("lena decides for you")
    expect(page.locator("main")).to_contain_text("18:00 in General.")
    page.get_by_role("button", name="End now").click()
    expect(page.locator("main")).to_contain_text("It has ended.")
