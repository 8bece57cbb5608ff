"""Real requests of the past, as the rules saw them or would have seen them."""

import heapq
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Any

from approvals.models import Approval, PolicyCheck, WorkflowRun
from approvals.policy.finding import Asks
from orchestrator.contract import ALLOW, ASK, DENY, Request

CHUNK = 50  # a payload may have 256 KiB
KNOWN = {each.name for each in fields(Request)}
ASKED = {each.name for each in fields(Asks)}


@dataclass(frozen=True)
class Past:
    """One request, what became of it, and where it can be looked at."""

    at: datetime
    task: str
    request: Request
    workflow_type: str
    workflow_id: str
    run_id: str
    verdict: str
    asks: Asks
    direct: bool = False  # the workflow asked people, and no rule was asked

    @classmethod
    def of_approval(cls, approval: Approval, check: PolicyCheck | None) -> "Past":
        request = Request(
            title=approval.title,
            payload=approval.payload,
            previous=approval.previous,
            queue=approval.queue.slug,
            requester=approval.requester,
            quorum=approval.quorum,
            risk=approval.risk,
            kind=approval.kind,
            links=approval.links,
        )
        past = cls._of(approval, request, approval.opened_at)
        if check is None:
            return replace(past, direct=True)
        asked = {**check.request, "payload": approval.payload, "previous": approval.previous}
        return replace(past, task=check.task, request=_request(asked), asks=_asks(check))

    @classmethod
    def of_check(cls, check: PolicyCheck) -> "Past":
        """One that asked nobody."""
        past = cls._of(check.run, _request(check.request), check.at)
        return replace(past, task=check.task, verdict=check.verdict)

    @classmethod
    def _of(cls, run: Any, request: Request, at: datetime) -> "Past":
        known = (run.workflow_type, run.workflow_id, run.run_id)
        return cls(at, request.title, request, *known, verdict=ASK, asks=Asks())


def requests(last: int) -> Iterator[Past]:
    """The newest `last`, newest first."""
    both = heapq.merge(_asked(last), _settled(last), key=lambda each: each.at, reverse=True)
    yield from (past for _n, past in zip(range(last), both, strict=False))


def left_out() -> int:
    """Runs that were settled by a rule before the desk kept what they asked for."""
    return WorkflowRun.objects.filter(verdict__in=(ALLOW, DENY), checks=None).count()


def _asked(last: int) -> Iterator[Past]:
    # Those that a rule has settled come with the checks.
    newest = Approval.objects.exclude(policy__verdict__in=(ALLOW, DENY))
    newest = newest.order_by("-opened_at", "pk")
    pks = list(newest.values_list("pk", flat=True)[:last])
    for at in range(0, len(pks), CHUNK):
        rows = newest.filter(pk__in=pks[at : at + CHUNK])
        for each in rows.select_related("queue", "policy"):
            yield Past.of_approval(each, getattr(each, "policy", None))


def _settled(last: int) -> Iterator[Past]:
    newest = PolicyCheck.objects.exclude(verdict=ASK).order_by("-at", "pk")
    pks = list(newest.values_list("pk", flat=True)[:last])
    for at in range(0, len(pks), CHUNK):
        for each in newest.filter(pk__in=pks[at : at + CHUNK]).select_related("run"):
            yield Past.of_check(each)


def _request(stored: dict[str, Any]) -> Request:
    return Request(**{name: each for name, each in stored.items() if name in KNOWN})


def _asks(check: PolicyCheck) -> Asks:
    stored = {name: each for name, each in check.asks.items() if name in ASKED}
    lists = {name: tuple(each) for name, each in stored.items() if isinstance(each, list)}
    return Asks(**{**stored, **lists})
