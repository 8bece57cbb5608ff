"""What payloads hold, as far as it is JSON and short enough to be shown."""

import json
from typing import Any

from temporalio.api.common.v1 import Payload, Payloads
from temporalio.api.history.v1 import HistoryEvent

from orchestrator import contract
from orchestrator.timeline.text import NAME_LENGTH, text_of, visible

PAYLOAD_BYTES = 4096  # a larger payload is shown as its size
ENVELOPE_BYTES = 2 * contract.PAYLOAD_BYTES  # more than any decision or terms of ours


def summary_of(event: HistoryEvent) -> str:
    """What the workflow calls this event in its own words, empty if it does not."""
    if not event.user_metadata.HasField("summary"):
        return ""
    return visible(text_of(value_of(event.user_metadata.summary)), NAME_LENGTH).strip()


def field_of(payloads: Payloads, name: str) -> str:
    """The text `name` of the JSON object that these payloads begin with, empty if there is none."""
    first = next(iter(values_of(payloads, ENVELOPE_BYTES)), None)
    return text_of(first.get(name)) if isinstance(first, dict) else ""


def detail(marker: Any, name: str) -> dict[str, Any]:
    """The JSON object that a marker keeps as `name`, empty if there is none."""
    values = values_of(marker.details[name]) if name in marker.details else []
    return values[0] if values and isinstance(values[0], dict) else {}


def detail_text(marker: Any, name: str) -> str:
    """The text that a marker keeps as `name`, empty if there is none."""
    values = values_of(marker.details[name]) if name in marker.details else []
    return text_of(values[0]) if values else ""


def values_of(payloads: Payloads, most: int = PAYLOAD_BYTES) -> list[Any]:
    """The first hundred values, each as `value_of` has it."""
    return [value_of(payload, most) for payload in payloads.payloads[:100]]


def value_of(payload: Payload, most: int = PAYLOAD_BYTES) -> Any:
    """A payload's JSON value, or in brackets why there is none to show."""
    has = "encoding" in payload.metadata  # reading an absent key of a protobuf map would add it
    written = payload.metadata["encoding"].decode("utf-8", "replace") if has else ""
    encoding = visible(written, 40)
    if encoding == "binary/null":
        return None
    if len(payload.data) > most:
        return f"({size(len(payload.data))})"
    if not encoding.startswith("json/"):
        return f"({size(len(payload.data))}, {encoding or 'no encoding'})"
    try:
        return json.loads(payload.data, parse_constant=str)
    except (ValueError, RecursionError):
        return f"({size(len(payload.data))}, not JSON)"


def size(count: int) -> str:
    """So many bytes in words: 512 bytes, 4.1 KB, 2.0 MB."""
    if count < 1000:
        return f"{count} bytes"
    return f"{count / 1000:.1f} KB" if count < 1_000_000 else f"{count / 1_000_000:.1f} MB"
