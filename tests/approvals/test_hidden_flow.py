"""A guarded task whose kind hides something, on a real Temporal: nothing on any page says it."""

import pytest

from approvals.models import Approval, Kind, WorkflowRun
from tests.approvals.test_hidden import PAYLOAD, SCHEMA, WORDS
from tests.desk import until


@pytest.mark.parametrize("verdict", ["approve", "reject"])
def test_a_whole_flow_keeps_it_to_itself(desk, worker, people, client, verdict):
    Kind.objects.create(
        slug="card", name="Card", schema=SCHEMA, title_template="Pay {amount}", queue=people.general
    )
    flow = desk.task(task="Pay with a card", payload=PAYLOAD, kind="card", requester="amira")
    row = until(Approval.objects.filter(run_id=flow.run_id).first, "the approval")
    assert row.payload == PAYLOAD
    row.decide(people.mei, verdict, "So be it.")
    result = flow.result()
    assert result["approval"]["payload"] == PAYLOAD  # what is done is the whole of it
    assert WorkflowRun.objects.filter(run_id=flow.run_id).exists()

    client.force_login(people.mei, "approvals.accounts.Accounts")
    here = f"/workflows/{flow.id}/{flow.run_id}/"
    pages = [f"{here}?tab={tab}&inner=1" for tab in ("timeline", "events", "input", "json")]
    for page in (*pages, here + "history.json", f"/approvals/{row.pk}/", "/history/"):
        text = client.get(page).content.decode()
        assert "hush" not in text, page
    assert WORDS in client.get(pages[2]).content.decode()
