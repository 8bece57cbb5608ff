"""Working hours: when the time of a deadline counts."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo


@dataclass(frozen=True)
class WorkingHours:
    """`days` as ISO weekdays (1 is Monday); `starts` and `ends` on the clocks of `zone`."""

    days: frozenset[int]
    starts: time
    ends: time
    zone: str

    def after(self, start: datetime, seconds: int) -> datetime:
        """The moment (UTC) when `seconds` of working time have passed since `start`.

        Real seconds are counted, so that a day on which clocks change is as long as it is.
        """
        left = timedelta(seconds=seconds)
        day = start.astimezone(ZoneInfo(self.zone)).date()
        while True:
            opens, closes = self._on(day)
            opens = max(opens, start.astimezone(UTC))
            if day.isoweekday() in self.days and closes > opens:
                if closes - opens >= left:
                    return opens + left
                left -= closes - opens
            day += timedelta(days=1)

    def _on(self, day: date) -> tuple[datetime, datetime]:
        zone = ZoneInfo(self.zone)
        opens = datetime.combine(day, self.starts, zone).astimezone(UTC)
        return opens, datetime.combine(day, self.ends, zone).astimezone(UTC)
