"""Starting a workflow in a real browser: what would happen is shown while somebody types."""

import uuid

import pytest
from playwright.sync_api import Page, expect

from approvals.models import Approval, Kind
from approvals.views import start as views
from orchestrator import client as temporal
from orchestrator.contract import Run
from tests.desk import a_row

SCHEMA = {
    "type": "object",
    "required": ["amount", "vendor"],
    "x-order": ["amount", "vendor", "note"],
    "properties": {
        "amount": {"type": "string", "format": "money"},
        "vendor": {"type": "string"},
        "note": {"type": "string"},
    },
}


@pytest.fixture
def form(opened, transactional_db, people) -> Page:
    Kind.objects.create(
        slug="payment",
        name="Vendor payment",
        schema=SCHEMA,
        title_template="Pay {amount} to {vendor}",
        queue=people.general,
    )
    page = opened("amira").new_page()
    page.goto("/start/?kind=payment")
    return page


def test_what_would_happen_follows_what_is_typed(form):
    asked: list[str] = []
    form.on("request", lambda each: asked.append(each.url) if "preview" in each.url else None)
    outlook = form.locator("#outlook")
    expect(outlook).to_contain_text("Still to fill in: Amount, Vendor.")
    form.get_by_label("Amount").press_sequentially("€120.00", delay=20)
    form.get_by_label("Vendor").press_sequentially("Acme", delay=20)
    expect(outlook).to_contain_text("Pay €120.00 to Acme")
    expect(outlook).to_contain_text("It would need 1 approval in General")
    expect(outlook).not_to_contain_text("Still to fill in")
    assert len(asked) < 5  # once somebody pauses, not with each key
    expect(form.get_by_label("Vendor")).to_be_focused()
    form.get_by_label("Amount").fill("lots")
    expect(outlook).to_contain_text("Amount: Write an amount")


def test_fields_become_json_and_fields_again(form):
    form.get_by_label("Amount").fill("€120.00")
    form.get_by_label("Vendor").fill("Acme")
    form.get_by_label("Why").fill("It is due.")
    form.get_by_role("button", name="Write JSON instead").click()
    text = form.get_by_label("Payload")
    expect(text).to_have_value('{\n  "amount": "€120.00",\n  "vendor": "Acme"\n}')
    text.fill('{"amount": "€130.00", "vendor": "Acme", "note": "by JSON"}')
    expect(form.locator("#outlook")).to_contain_text("Pay €130.00 to Acme")
    form.get_by_role("button", name="Fill in fields instead").click()
    expect(form.get_by_label("Amount")).to_have_value("€130.00")
    expect(form.get_by_label("Note")).to_have_value("by JSON")
    expect(form.get_by_label("Why")).to_have_value("It is due.")


def test_it_goes_on_to_the_request_by_itself(form, people, monkeypatch):
    run = Run("task-1", str(uuid.uuid4()), "GuardedTask")
    monkeypatch.setattr(temporal, "start_guarded_task", lambda task, key: run)
    monkeypatch.setattr(temporal, "history", lambda *_: [])
    monkeypatch.setattr(views, "PATIENCE", 0)
    form.get_by_label("Amount").fill("€120.00")
    form.get_by_label("Vendor").fill("Acme")
    form.get_by_role("button", name="Start workflow").click()
    expect(form.locator("#awaited")).to_contain_text("has not asked anybody yet")
    expect(form.locator("main")).to_contain_text("people in General can decide.")
    a_row(people, workflow_id="task-1", run_id=run.run_id, requester_user=people.amira,
          requester="amira", requester_identity="amira")  # fmt: skip
    form.wait_for_url(f"**/approvals/{Approval.objects.get().pk}/")
    another = form.get_by_role("link", name="Start another like this")
    expect(another).to_be_visible()
