"""What policy says of a task before people see it: rules of the desk's own, written in CEL."""

from approvals.policy.finding import Asks, Finding, Said
from approvals.policy.judging import judge

__all__ = ["Asks", "Finding", "Said", "judge"]
