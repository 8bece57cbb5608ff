"""A desk to try out: its people, queues and kinds, what waits, and two weeks of history."""

from approvals.demo.history import seed_history
from approvals.demo.people import PEOPLE, make_people, password
from approvals.demo.requests import REQUESTS, approve_the_first, start_requests

__all__ = [
    "PEOPLE",
    "REQUESTS",
    "approve_the_first",
    "make_people",
    "password",
    "seed_history",
    "start_requests",
]
