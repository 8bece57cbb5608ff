"""What the tests of policy share."""

from tests.approvals.policy.tables import use
from tests.desk import clock, desk, keys, noon, people, worker

__all__ = ["clock", "desk", "keys", "noon", "people", "use", "worker"]
