"""Forms and corrections of a decision in a real browser."""

from playwright.sync_api import expect

from approvals.models import Decision
from tests.desk import an_opened

FORM = {
    "type": "object",
    "properties": {"ticket": {"type": "string", "title": "Change ticket", "minLength": 3}},
    "required": ["ticket"],
}


def test_a_form_is_filled_in_and_sent_with_the_approval(inbox, people):
    row = an_opened(title="Pay with a form", form=FORM, editable=["amount"])
    refused: list[str] = []
    inbox.on("console", lambda said: refused.append(said.text) if "style" in said.text else None)
    inbox.goto(f"/inbox/{row.pk}/")
    inbox.locator("#panel .approve").click()
    expect(inbox.locator("#panel .err").first).to_have_text("This field is required.")
    inbox.get_by_label("Change ticket").fill("CHG-7")
    inbox.get_by_text("Correct it before you approve").click()
    inbox.get_by_label("Amount").fill("100.00")
    inbox.locator("#panel .approve").click()
    expect(inbox.locator("#receipt")).to_contain_text("Approved")
    made = Decision.objects.get()
    assert (made.form, made.edits) == ({"ticket": "CHG-7"}, {"amount": "100.00"})
    assert not refused
