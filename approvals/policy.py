"""What policy says of a task before people see it: the seam where rules plug in."""

from dataclasses import dataclass, field

from orchestrator.contract import ASK, DENY, Request


@dataclass(frozen=True)
class Asks:
    """What rules ask beyond the queue's own rules. None and empty ask nothing."""

    queue: str | None = None
    quorum: int | None = None
    groups: tuple[str, ...] = ()
    risk: str | None = None
    stages: tuple[str, ...] = ()
    due_seconds: int | None = None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Finding:
    """One rule's word: deny, ask or allow, and why."""

    verdict: str
    rule: str
    reason: str
    version: int = 0
    sha256: str = ""
    asks: Asks = field(default_factory=Asks)
    rules: tuple = ()


def judge(task: str, request: Request) -> Finding:
    """The first rule that has something to say decides; otherwise people are asked."""
    return _forbidden(task) or Finding(ASK, "ask-people", f"People of {request.queue} decide.")


def _forbidden(task: str) -> Finding | None:
    if task.strip().casefold().startswith("forbidden"):
        return Finding(DENY, "no-forbidden-tasks", "Tasks that begin with “forbidden” are denied.")
    return None
