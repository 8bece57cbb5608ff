"""An event's attributes as what JSON can hold, cut in length, depth and number."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from temporalio.api.common.v1 import Payload, Payloads
from temporalio.api.history.v1 import HistoryEvent

from orchestrator.timeline.failures import CAUSES
from orchestrator.timeline.payloads import PAYLOAD_BYTES, size, value_of, values_of
from orchestrator.timeline.text import NAME_LENGTH, visible
from orchestrator.timeline.times import length_of, span, time_of


def attributes_of(event: HistoryEvent) -> dict[str, Any]:
    """Whatever attributes the event has, by the names that Temporal gives them."""
    name = event.WhichOneof("attributes")
    shown = _shown(getattr(event, name), 0) if name else {}
    return shown if isinstance(shown, dict) else {"value": shown}


def _shown(value: Any, depth: int) -> Any:
    """`value` as what JSON can hold, cut in length, depth and number."""
    if depth > CAUSES:
        return "…"
    if isinstance(value, Payload):
        return _shown(value_of(value), depth + 1)
    if isinstance(value, Payloads):
        return _shown(values_of(value), depth + 1)
    if isinstance(value, Timestamp):
        return time_of(value).isoformat()
    if isinstance(value, Duration):
        return span(length_of(value))
    if isinstance(value, Message):
        return {each.name: _field(each, part, depth) for each, part in value.ListFields()}
    if isinstance(value, Mapping):
        pairs = list(value.items())[:100]
        return {visible(str(key), NAME_LENGTH): _shown(each, depth + 1) for key, each in pairs}
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return [_shown(each, depth + 1) for each in value[:100]]
    return _scalar(value)


def _field(descriptor: Any, value: Any, depth: int) -> Any:
    if descriptor.enum_type is not None and isinstance(value, int):
        known = descriptor.enum_type.values_by_number.get(value)
        return known.name if known else value
    return _shown(value, depth + 1)


def _scalar(value: Any) -> Any:
    if isinstance(value, str):
        return visible(value, PAYLOAD_BYTES, keep="\n\t")
    if isinstance(value, bytes):
        return f"({size(len(value))})"
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value
