"""The clock of an approval in words, and on its row."""

import re
from datetime import timedelta

import pytest
from django.template.loader import render_to_string
from django.utils import timezone

from approvals.models import Approval
from approvals.templatetags.times import time_left


def due_in(seconds: float) -> Approval:
    now = timezone.now()
    due = now + timedelta(seconds=seconds)
    return Approval(opened_at=now - timedelta(hours=1), due_at=due, state="waiting")


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (2525, "42 minutes left"),
        (65, "1 minute left"),
        (30, "less than a minute left"),
        (-1, "time is up"),
        (-59, "time is up"),
        (-61, "1 minute over"),
        (-485, "8 minutes over"),
        (-7300, "2 hours over"),
    ],
)
def test_what_is_left_or_over(seconds, words):
    assert time_left(due_in(seconds)) == words


@pytest.mark.parametrize(
    ("seconds", "shown", "over"),
    [
        (2525, "42min", False),
        (30, "&lt;1min", False),
        (-30, "just now", True),
        (-485, "8min", True),
        (-7500, "2h", True),
    ],
)
def test_the_clock_of_a_row(seconds, shown, over):
    html = render_to_string("_when.html", {"row": due_in(seconds)})
    time = re.search(r"<time[^>]*>(.*)</time>", html)[1]
    assert re.sub(r"</?small>", "", time) == shown
    assert ('class="when" data-over' in html) == over


def test_a_row_without_a_deadline():
    html = render_to_string("_when.html", {"row": Approval(state="waiting")})
    assert "No deadline" in html
    assert "over" not in html
