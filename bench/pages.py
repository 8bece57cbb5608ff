"""What the inbox costs with few and with very many waiting approvals."""

import json
from dataclasses import dataclass

from bench.browser import Browser
from bench.processes import BenchError, Desk

INBOX = "/inbox/"
ROWS = "/inbox/rows/"


@dataclass(frozen=True)
class Inbox:
    """Seconds a request with `waiting` approvals, and the SQL queries of the page."""

    waiting: int
    page: list[float]
    poll: list[float]  # of the rows, with nothing new: 204
    served: list[float]  # of these, in the site itself
    queries: int


def measure(desk: Desk, sizes: list[int], requests: int) -> list[Inbox]:
    """One Inbox for each of the growing `sizes`; no worker may run, which would close the rows."""
    browser = Browser(desk, 0)
    return [_with(desk, browser, size, requests) for size in sizes]


def _with(desk: Desk, browser: Browser, size: int, requests: int) -> Inbox:
    seeded = desk.ask("seed", str(size), INBOX)
    revision = _revision(browser)
    for _warm_up in range(10):
        _get(browser, INBOX, 200)
    page = [_get(browser, INBOX, 200) for _ in range(requests)]
    poll = [_get(browser, ROWS, 204, **{"X-Rev": revision}) for _ in range(requests)]
    served = desk.served(ROWS, 204)[-requests:]
    return Inbox(seeded["waiting"], page, poll, served, seeded["queries"])


def _revision(browser: Browser) -> str:
    """The number by which an open page asks for news."""
    answer = browser.get(ROWS, **{"HX-Request": "true"})
    return str(json.loads(answer.headers["HX-Trigger"])["inbox:rev"])


def _get(browser: Browser, path: str, status: int, **headers: str) -> float:
    answer = browser.get(path, **headers)
    if answer.status != status:
        raise BenchError(f"GET {path} answered {answer.status} instead of {status}.")
    return answer.seconds
