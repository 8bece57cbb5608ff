"""What the tests of policy share."""

from tests.approvals.policy.tables import use
from tests.desk import desk, keys, people, worker

__all__ = ["desk", "keys", "people", "use", "worker"]
