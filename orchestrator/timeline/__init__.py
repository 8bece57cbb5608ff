"""Temporal's history events as the groups and sentences that people read.

Whatever a history holds was written by workers and callers we may not trust: every name and
message passes through `visible`, every payload is capped, and no event, however odd, raises.
"""

from orchestrator.timeline.endings import Status, status
from orchestrator.timeline.failures import CAUSES, failure_chain, stack_trace
from orchestrator.timeline.reading import Event, events, groups
from orchestrator.timeline.rows import Group
from orchestrator.timeline.text import visible
from orchestrator.timeline.times import span

__all__ = [
    "CAUSES",
    "Event",
    "Group",
    "Status",
    "events",
    "failure_chain",
    "groups",
    "span",
    "stack_trace",
    "status",
    "visible",
]
