"""manage.py reject"""

from approvals.commands import DecideCommand
from orchestrator import contract


class Command(DecideCommand):
    help = "Reject what a workflow asks for; --comment says why. Same rules as a click."
    verdict = contract.REJECT
    done = "Rejected"
