"""The one journey: a click in a real browser, and a workflow on a real server goes on."""

import pytest
from playwright.sync_api import expect

from orchestrator import client, contract
from tests.desk import until, working


@pytest.fixture
def mei(people):
    people.mei.set_password("a long password")
    people.mei.save()
    return people.mei


def sign_in(page) -> None:
    page.goto("/")
    page.fill("[name=username]", "mei")
    page.fill("[name=password]", "a long password")
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/inbox/")


@pytest.mark.usefixtures("worker")
def test_a_click_lets_the_workflow_go_on(page, desk, mei, people):
    flow = desk.task(task="Pay €120.00 to Acme", requester="amira")
    flow.waiting()
    sign_in(page)
    page.get_by_role("link", name="Pay €120.00 to Acme").click()
    expect(page.locator("#pane h1")).to_be_focused()
    page.locator("#pane button[value=approve]").click()
    # The next request would open; there is none, so what became of it is told here or in the list.
    result = flow.result()
    assert result["outcome"] == contract.APPROVED
    assert flow.agent_runs() == 1
    row = flow.closed()
    decision = row.decisions.get()
    assert (decision.reviewer, decision.channel) == (people.mei, "web")
    page.goto(f"/approvals/{row.pk}/")
    expect(page.locator("main")).to_contain_text("Applied by the workflow.")
    page.goto("/inbox/")
    expect(page.locator("main")).to_contain_text("Nothing is waiting for you")


def test_the_page_says_recorded_sent_applied_and_never_more(page, desk, mei, monkeypatch):
    """Temporal is away at first, then there is no worker: each word comes once it is true."""
    flow = desk.task(requester="amira")
    with working():
        row = flow.waiting()
    send = client.send_decision

    def away(envelope):
        raise client.Unreachable("Temporal does not answer.")

    monkeypatch.setattr(client, "send_decision", away)
    sign_in(page)
    page.goto(f"/approvals/{row.pk}/")
    page.locator("button[value=approve]").first.click()
    expect(page.locator("#panel")).to_contain_text("Recorded, but the workflow was not reached")
    assert flow.signals() == 0

    monkeypatch.setattr(client, "send_decision", send)
    assert row.decisions.get().deliver()
    expect(page.locator("#panel")).to_contain_text("Sent. Waiting for the workflow.")
    assert flow.signals() == 1
    assert flow.status == "running"

    with working():
        expect(page.locator("#panel")).to_contain_text("Applied by the workflow.", timeout=30_000)
        assert flow.result()["outcome"] == contract.APPROVED
        until(lambda: flow.status == "completed", "the workflow has ended")


@pytest.mark.usefixtures("worker")
def test_a_rejection_ends_it_with_its_reason(page, desk, mei):
    flow = desk.task(requester="amira")
    row = flow.waiting()
    sign_in(page)
    page.goto(f"/inbox/{row.pk}/")
    page.fill("#pane [name=comment]", "The amount is wrong.")
    page.locator("#pane button[value=reject]").click()
    result = flow.result()
    assert (result["outcome"], result["reason"]) == (contract.REJECTED, "The amount is wrong.")
    assert flow.agent_runs() == 0
