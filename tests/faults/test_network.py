"""Answers that never come: what was recorded takes effect once, whoever asks again."""

import os
import time

import httpx
import pytest

from approvals.models import Decision
from tests.desk import until
from tests.faults.proxy import Proxy

ANSWERED = 6  # seconds: 2 for Temporal, the rest for a busy machine


@pytest.fixture
def proxy():
    made: list[Proxy] = []

    def between(target: str) -> Proxy:
        made.append(Proxy(target))
        return made[-1]

    yield between
    for each in made:
        each.close()


class TestTemporals:
    """The network between the site and Temporal."""

    @pytest.fixture
    def asked(self, desk, run_worker):
        """Two flows that wait, and nobody who works on them."""
        flows = [desk.task(), desk.task()]
        worker = run_worker()
        for flow in flows:
            flow.waiting()
        worker.kill()
        return flows

    @pytest.mark.parametrize(("fault", "arrived"), [("lose", 1), ("silent", 0)])
    def test_never_comes(self, people, asked, site, proxy, run_worker, ledger, fault, arrived):
        between = proxy(os.environ["TEMPORAL_ADDRESS"])
        clicked = site(TEMPORAL_ADDRESS=between.address)
        first, second = asked
        assert clicked.click(first.approval(), people.mei).status_code == 303
        between.fault = fault
        began = time.monotonic()
        assert clicked.click(second.approval(), people.mei).status_code == 303
        assert time.monotonic() - began < ANSWERED
        decision = Decision.objects.get(approval=second.approval())
        assert (decision.delivery, decision.tries) == ("recorded", 1)
        assert "does not answer" in decision.trouble
        assert second.signals() == arrived
        assert decision.deliver()  # as the relay does it
        run_worker()
        for flow in asked:
            assert flow.result(40)["outcome"] == "approved"
            assert flow.signals() == 1
        assert sorted(ledger.keys) == sorted(str(flow.approval().pk) for flow in asked)


class TestTheSites:
    """The network between a browser and the site."""

    def test_is_cut_after_the_record(self, desk, people, site, proxy, run_worker, ledger):
        run_worker()
        flow = desk.task()
        row, clicked = flow.waiting(), site()
        between = proxy(clicked.address.removeprefix("http://"))
        clicked.address = f"http://{between.address}"
        between.fault = "cut"
        with pytest.raises(httpx.TransportError):
            clicked.click(row, people.mei, key="the form")
        decision = until(lambda: Decision.objects.first(), "it was recorded all the same")
        between.fault = ""
        again = clicked.click(row, people.mei, key="the form")
        assert (again.status_code, again.headers["Location"]) == (303, f"/approvals/{row.pk}/")
        late = clicked.click(row, people.lena, "reject", comment="No.")
        assert late.status_code == 409
        assert "mei approved it" in late.text
        assert flow.result(30)["outcome"] == "approved"
        assert Decision.objects.get() == decision
        assert (flow.signals(), ledger.keys) == (1, [str(row.pk)])
