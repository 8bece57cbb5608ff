"""A time zone that is found out at its first use."""

import functools
from collections.abc import Callable
from datetime import datetime, timedelta, tzinfo


class LateZone(tzinfo):
    """The zone that `find()` answers: a poll without news shows no time, and must not ask."""

    def __init__(self, find: Callable[[], tzinfo]) -> None:
        self.find = functools.cache(find)

    def utcoffset(self, when: datetime | None) -> timedelta | None:
        return self.find().utcoffset(self._there(when))

    def dst(self, when: datetime | None) -> timedelta | None:
        return self.find().dst(self._there(when))

    def tzname(self, when: datetime | None) -> str | None:
        return self.find().tzname(self._there(when))

    def fromutc(self, when: datetime) -> datetime:
        there = when.replace(tzinfo=self.find())
        return self.find().fromutc(there).replace(tzinfo=self)

    def __str__(self) -> str:
        return str(self.find())

    def _there(self, when: datetime | None) -> datetime | None:
        return when and when.replace(tzinfo=self.find())
