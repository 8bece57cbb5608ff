"""How many decisions a second eight reviewers get through, and the workflows behind them."""

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from temporalio.client import Client

from bench.browser import Browser
from bench.clicks import start_tasks
from bench.processes import REVIEWERS, Desk


@dataclass(frozen=True)
class Throughput:
    """Of `count` decisions: per second, and the HTTP round trips in seconds."""

    count: int
    recorded: float  # until the last reviewer had the last answer
    applied: float  # until the last workflow had acknowledged
    answered: list[float]


async def measure(desk: Desk, count: int) -> Throughput:
    """`count` approvals, dealt out to the reviewers, each of whom decides as fast as possible."""
    temporal = await Client.connect(desk.temporal)
    await start_tasks(temporal, count, "busy")
    approvals = desk.ask("waiting", str(count))
    browsers = [Browser(desk, number) for number in range(REVIEWERS)]
    for browser in browsers:
        browser.get("/inbox/")
    began = time.time()
    with ThreadPoolExecutor(REVIEWERS) as reviewers:
        hands = [islice(approvals, number, None, REVIEWERS) for number in range(REVIEWERS)]
        answered = [each for hand in reviewers.map(_decide, browsers, hands) for each in hand]
    recorded = time.time() - began
    since = datetime.fromtimestamp(began, UTC).isoformat()
    applied = desk.ask("acknowledged", since, str(count))[-1] - began
    return Throughput(count, count / recorded, count / applied, answered)


def _decide(browser: Browser, approvals: Any) -> list[float]:
    return [browser.approve(each).seconds for each in approvals]
