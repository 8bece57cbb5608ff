"""Deadlines in working time, also where clocks change."""

from datetime import datetime, time
from zoneinfo import ZoneInfo

import pytest

from approvals.working_hours import WorkingHours

OFFICE = WorkingHours(frozenset({1, 2, 3, 4, 5}), time(9), time(17), "Europe/Stockholm")
NIGHTS = WorkingHours(frozenset({6, 7}), time(0), time(6), "Europe/Stockholm")
HOUR = 3600


def at(text, zone="Europe/Stockholm"):
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone))


@pytest.mark.parametrize(
    ("start", "hours", "ends"),
    [
        ("2026-11-26 10:00", 1, "2026-11-26 11:00"),  # a Thursday
        ("2026-11-26 16:00", 1, "2026-11-26 17:00"),
        ("2026-11-26 16:00", 2, "2026-11-27 10:00"),
        ("2026-11-27 16:00", 2, "2026-11-30 10:00"),  # over the weekend
        ("2026-11-28 12:00", 1, "2026-11-30 10:00"),  # on a Saturday
        ("2026-11-26 03:00", 8, "2026-11-26 17:00"),
        ("2026-11-26 09:00", 40, "2026-12-02 17:00"),
        ("2026-03-27 16:00", 2, "2026-03-30 10:00"),  # clocks go forward that Sunday
        ("2026-10-23 16:00", 2, "2026-10-26 10:00"),  # and back
    ],
)
def test_counts_working_time_only(start, hours, ends):
    assert OFFICE.after(at(start), hours * HOUR) == at(ends)


def test_a_night_without_its_third_hour_is_an_hour_shorter():
    assert NIGHTS.after(at("2026-03-29 00:00"), 5 * HOUR) == at("2026-03-29 06:00")


def test_a_night_with_its_third_hour_twice_is_an_hour_longer():
    assert NIGHTS.after(at("2026-10-25 00:00"), 7 * HOUR) == at("2026-10-25 06:00")


def test_is_the_same_moment_whatever_zone_the_start_is_told_in():
    start = at("2026-11-26 16:00")
    assert OFFICE.after(start.astimezone(ZoneInfo("Asia/Tokyo")), HOUR) == at("2026-11-26 17:00")
