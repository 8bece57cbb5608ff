"""Moments and lengths of time: protobuf allows some that Python does not."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def time_of(stamp: Timestamp) -> datetime:
    """The moment in UTC; one that Python cannot hold is the epoch."""
    return later(EPOCH, _seconds(stamp.seconds, stamp.nanos)) or EPOCH


def length_of(duration: Duration) -> timedelta:
    """The length, zero if it is negative or longer than Python can hold."""
    return max(_seconds(duration.seconds, duration.nanos), timedelta(0))


def later(moment: datetime, length: timedelta) -> datetime | None:
    """The moment so much later, None beyond the last one that Python knows."""
    try:
        return moment + length
    except OverflowError:
        return None


def moment_of(text: str) -> datetime | None:
    """An ISO 8601 moment as UTC; without an offset it is taken as UTC."""
    try:
        moment = datetime.fromisoformat(text)
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None


def clock(moment: datetime, since: datetime) -> str:
    """Day and time in UTC, with the year if it is another than that of `since`."""
    year = f" {moment.year}" if moment.year != since.year else ""
    return f"{moment.day} {moment:%b}{year} {moment:%H:%M} UTC"


def span(length: timedelta) -> str:
    """A length of time in its one or two largest units: 31 ms, 2.1 s, 4 h 36 min, 3 d 2 h."""
    seconds = length.total_seconds()
    if seconds < 0.0005:
        return "under 1 ms"
    if seconds < 0.9995:
        return f"{round(seconds * 1000)} ms"
    if seconds < 59.95:
        return f"{seconds:.1f}".removesuffix(".0") + " s"
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    parts = [(days, "d"), (hours, "h"), (minutes, "min"), (seconds, "s")]
    first = next(index for index, (count, _) in enumerate(parts) if count)
    return " ".join(f"{count} {unit}" for count, unit in parts[first : first + 2] if count)


def local_length(data: Mapping[str, Any], longest: timedelta) -> timedelta:
    """How long a local activity took; zero when its own clocks disagree, as they often do."""
    began, ended = _nanos(data.get("original_schedule_time")), _nanos(data.get("complete_time"))
    if began is None or ended is None:
        return timedelta(0)
    took = _seconds(0, ended - began)
    return took if timedelta(0) < took <= longest else timedelta(0)


def _nanos(stamp: Any) -> int | None:
    """`{"seconds": …, "nanos": …}`, as the SDK's core writes a moment, in nanoseconds."""
    if not isinstance(stamp, dict):
        return None
    seconds, nanos = stamp.get("seconds"), stamp.get("nanos")
    if not isinstance(seconds, int) or not isinstance(nanos, int):
        return None
    return seconds * 1_000_000_000 + nanos


def _seconds(seconds: int, nanos: int) -> timedelta:
    try:
        return timedelta(seconds=seconds, microseconds=nanos // 1000)
    except OverflowError:
        return timedelta(0)
