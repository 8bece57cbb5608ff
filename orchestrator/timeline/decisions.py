"""Decisions that arrived as signals, and what the workflow's own `verify` ruled on each."""

from collections.abc import Mapping, Sequence
from typing import Any

from temporalio.api.history.v1 import HistoryEvent

from orchestrator import contract
from orchestrator.timeline.kinds import LOCAL_ACTIVITY
from orchestrator.timeline.payloads import ENVELOPE_BYTES, detail, values_of
from orchestrator.timeline.text import NAME_LENGTH, text_of, visible

# By decision id and signature, in order: the same signal may come more than once.
Rulings = dict[tuple[str, str], list[dict[str, Any]]]

_VERDICTS = {
    contract.APPROVE: "approved",
    contract.REJECT: "rejected",
    contract.REQUEST_CHANGES: "asked for changes",
    contract.CORRECT: "corrected the request",
}


def sentence_and_note(arguments: list[Any], rulings: Rulings) -> tuple[str, str]:
    """What one `decide` says: a claim, until `verify` ruled on it. Each ruling is used once."""
    envelope = _envelope(arguments)
    if envelope is None:
        return f"Signal {contract.DECIDE} that carries no decision", "Signal"
    body, who = envelope["body"], _reviewer(envelope["body"])
    claim = f"Signal {contract.DECIDE}: {body['verdict']}, signed as {who}"
    waiting = rulings.get(_ruling_key(body, envelope))
    ruling = waiting.pop(0) if waiting else {}
    if refusal := text_of(ruling.get("refusal")):
        return f"{claim}, refused: {visible(refusal, NAME_LENGTH)}", f"Signal signed as {who}"
    reviewer = visible(text_of(ruling.get("reviewer")), NAME_LENGTH)
    if not reviewer or ruling.get("verdict") != body["verdict"]:
        return claim, f"Signal signed as {who}"
    verb = _VERDICTS[body["verdict"]]
    return f"{reviewer} {verb} through signal {contract.DECIDE}", f"Signal from {reviewer}"


def rulings_of(history: Sequence[HistoryEvent]) -> Rulings:
    """What the local activity `verify` said of each decision; only workers write markers."""
    rulings: Rulings = {}
    for event in history:
        marker = event.marker_recorded_event_attributes
        if marker.marker_name not in LOCAL_ACTIVITY:
            continue
        if detail(marker, "data").get("activity_type") != contract.VERIFY:
            continue
        has = "result" in marker.details
        result = values_of(marker.details["result"], ENVELOPE_BYTES) if has else []
        for ruling in result[0] if result and isinstance(result[0], list) else []:
            if isinstance(ruling, dict):
                rulings.setdefault(_ruling_key(ruling, ruling), []).append(ruling)
    return rulings


def _envelope(arguments: list[Any]) -> dict[str, Any] | None:
    """The one argument of `decide` if it has a signed decision's shape, whoever signed it."""
    envelope = arguments[0] if len(arguments) == 1 else None
    if not isinstance(envelope, dict) or not isinstance(envelope.get("body"), dict):
        return None
    if not text_of(envelope.get("key_id")) or not text_of(envelope.get("signature")):
        return None
    body = envelope["body"]
    known = text_of(body.get("verdict")) in _VERDICTS and text_of(body.get("decision_id"))
    return envelope if known and _reviewer(body) else None


def _reviewer(body: Mapping[str, Any]) -> str:
    who = body.get("reviewer")
    who = who if isinstance(who, dict) else {}
    return visible(text_of(who.get("name")) or text_of(who.get("username")), NAME_LENGTH).strip()


def _ruling_key(ruling: Mapping[str, Any], signed: Mapping[str, Any]) -> tuple[str, str]:
    return text_of(ruling.get("decision_id")), text_of(signed.get("signature"))
