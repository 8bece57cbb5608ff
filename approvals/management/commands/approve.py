"""manage.py approve"""

from approvals.commands import DecideCommand
from orchestrator import contract


class Command(DecideCommand):
    help = "Approve what a workflow asks for. Same rules and same record as a click."
    verdict = contract.APPROVE
    done = "Approved"
