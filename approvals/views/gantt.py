"""The timeline as bars: each group's place and width in percent of the time that is drawn."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone

from orchestrator.timeline import Group

LEAST = timedelta(seconds=1)
THINNEST = 0.4  # percent; a bar that nobody sees says nothing
MOST = 200  # rows

Share = Callable[[datetime], float]


@dataclass(frozen=True)
class Bar:
    """One row. `shape` is the CSS class of its bar; `at` and `width` are percents."""

    group: Group
    shape: str
    at: float
    width: float


@dataclass(frozen=True)
class Gantt:
    """The bars, the axis below them, and where now is (None once it has ended)."""

    bars: list[Bar]
    left: datetime
    middle: datetime
    right: datetime
    now: float | None
    more: int

    @property
    def seconds(self) -> bool:
        return self.right - self.left < timedelta(minutes=10)


def draw(groups: list[Group], running: bool) -> Gantt:
    now = timezone.now()
    left = min(each.began for each in groups)
    right = max(max(each.ended or each.began for each in groups), left + LEAST)
    if running:
        # A deadline far away must not press what happened into the first pixel.
        farthest = now + max(now - left, timedelta(minutes=1))
        dues = [min(each.due, farthest) for each in groups if each.due and not each.ended]
        right = max([right, now, *dues])
    whole = (right - left) / timedelta(seconds=1)

    def share(moment: datetime) -> float:
        return round(min(max((moment - left) / timedelta(seconds=whole), 0), 1) * 100, 2)

    bars = [_bar(each, share, now if running else right) for each in groups[:MOST]]
    return Gantt(
        bars=bars,
        left=left,
        middle=left + (right - left) / 2,
        right=right,
        now=share(now) if running else None,
        more=max(len(groups) - MOST, 0),
    )


def _bar(group: Group, share: Share, until: datetime) -> Bar:
    at = share(group.began)
    if group.state == "instant":
        return Bar(group, "sig", at, 0)
    open_end = group.due if group.category == "timer" and group.due else until
    width = max(share(group.ended or open_end) - at, THINNEST)
    return Bar(group, _shape(group), min(at, 100 - THINNEST), width)


def _shape(group: Group) -> str:
    if group.state in ("failed", "timed out"):
        return "bad"
    return {"timer": "tim", "approval": "hum"}.get(group.category, "act")
