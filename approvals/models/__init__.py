"""What people decide about, a file a subject; every rule lives on these classes."""

from approvals.models.approval import Approval
from approvals.models.audit import AuditEntry
from approvals.models.claim import Claim
from approvals.models.comment import Comment
from approvals.models.decision import Decision
from approvals.models.delegation import Delegation
from approvals.models.kind import Kind
from approvals.models.people import LinkedIdentity
from approvals.models.policy import PolicyCheck, PolicyMatch, PolicyVersion
from approvals.models.preference import Preference, SavedView
from approvals.models.queue import Queue, QueueEscalation
from approvals.models.run import WorkflowRun

__all__ = [
    "Approval",
    "AuditEntry",
    "Claim",
    "Comment",
    "Decision",
    "Delegation",
    "Kind",
    "LinkedIdentity",
    "PolicyCheck",
    "PolicyMatch",
    "PolicyVersion",
    "Preference",
    "Queue",
    "QueueEscalation",
    "SavedView",
    "WorkflowRun",
]
