"""What people decide about, a file a subject; every rule lives on these classes."""

from approvals.models.approval import Approval, WorkflowRun
from approvals.models.audit import AuditEntry
from approvals.models.decision import Decision
from approvals.models.queue import Queue

__all__ = ["Approval", "AuditEntry", "Decision", "Queue", "WorkflowRun"]
