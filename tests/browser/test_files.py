"""Files in a real browser: a picture is drawn on a click, a file is chosen and sent."""

import base64
import re
import uuid

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from approvals.models import Kind
from approvals.views import start as views
from orchestrator import client as temporal
from orchestrator.contract import Run
from tests.approvals.test_files import PDF, PNG, SCHEMA, a_file
from tests.desk import a_row


@pytest.fixture
def kind(transactional_db, people) -> Kind:
    return Kind.objects.create(
        slug="bill", name="Bill", schema=SCHEMA, title_template="Pay it", queue=people.general
    )


def test_a_picture_is_drawn_on_a_click(opened, people, kind):
    scan = base64.b64encode(PNG).decode()
    row = a_row(people, kind="bill", payload={"invoice": a_file(), "scan": scan})
    page = opened("mei").new_page()
    refused: list[str] = []
    page.on("console", lambda said: refused.append(said.text) if said.type == "error" else None)
    page.goto(f"/approvals/{row.pk}/")
    picture = page.get_by_alt_text("scan")
    expect(picture).to_be_hidden()
    page.get_by_text("Show the picture").click()
    expect(picture).to_be_visible()
    page.wait_for_function("() => document.querySelector('#asked img').naturalWidth === 1")
    with page.expect_download() as download:
        page.get_by_role("link", name="Download invoice.pdf").click()
    assert download.value.suggested_filename == "invoice.pdf"
    assert download.value.path().read_bytes() == PDF
    assert not refused
    found = Axe().run(page).response["violations"]
    assert [each["id"] for each in found] == []


def test_a_file_is_chosen_and_sent(opened, people, kind, monkeypatch):
    tasks: list[dict] = []

    def start(task, key):
        tasks.append(task)
        return Run(f"task-{key}", str(uuid.uuid4()), "GuardedTask")

    monkeypatch.setattr(temporal, "start_guarded_task", start)
    monkeypatch.setattr(temporal, "history", lambda *_: [])
    monkeypatch.setattr(views, "PATIENCE", 0)
    page = opened("amira").new_page()
    page.goto("/start/?kind=bill")
    outlook = page.locator("#outlook")
    expect(outlook).to_contain_text("Still to fill in: Invoice.")
    field = page.get_by_label("Invoice")
    field.set_input_files({"name": "a.txt", "mimeType": "text/plain", "buffer": b"hello"})
    expect(outlook).to_contain_text("Invoice: This file is text/plain; it must be")
    page.get_by_role("button", name="Start workflow").click()
    expect(page.locator("#id_p-invoice_error")).to_contain_text("This file is text/plain")
    sent = {"name": "invoice.pdf", "mimeType": "application/pdf", "buffer": PDF}
    page.get_by_label("Invoice").set_input_files(sent)
    expect(outlook).to_contain_text("It would need 1 approval in General")
    page.get_by_role("button", name="Write JSON instead").click()
    expect(page.get_by_label("Payload")).to_have_value(re.compile("invoice.pdf"))
    page.get_by_role("button", name="Fill in fields instead").click()
    expect(page.locator("#start")).to_contain_text("invoice.pdf stays unless you choose another")
    assert not Axe().run(page).response["violations"]
    page.get_by_role("button", name="Start workflow").click()
    expect(page.locator("main")).to_contain_text("Started “Pay it”.")
    assert tasks[0]["payload"] == {"invoice": a_file()}
