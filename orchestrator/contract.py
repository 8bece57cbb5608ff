"""The wire contract, version 1: every name and shape that crosses between processes."""

import hashlib
import re
from dataclasses import dataclass, field, fields
from typing import Any

import rfc8785

from orchestrator.terms import Terms

VERSION = 1
TASK_QUEUE = "approvals"

# Workflow types, signal and query.
APPROVAL = "Approval"
GUARDED_TASK = "GuardedTask"
DECIDE = "decide"
SNAPSHOT = "snapshot"

# Activities.
CHECK_POLICY = "check_policy"
OPEN_APPROVAL = "open_approval"
VERIFY = "verify"
PUBLISH = "publish"
OBJECTION = "objection"
RUN_AGENT = "run_agent"

# Limits of a request. Temporal itself warns at 256 KiB a payload and refuses at 2 MiB.
PAYLOAD_BYTES = 256 * 1024
TITLE_LENGTH = 200
DETAILS_LENGTH = 20_000
COMMENT_LENGTH = 4_000
DEPTH = 32
FORM_BYTES = 32 * 1024
STAGES = 8
LONGEST_WAIT = 366 * 24 * 3600  # seconds

WAITING = "waiting"
APPROVED = "approved"
REJECTED = "rejected"
CHANGES_REQUESTED = "changes_requested"
EXPIRED = "expired"
CANCELLED = "cancelled"
LOST = "lost"
BY_PEOPLE = (APPROVED, REJECTED, CHANGES_REQUESTED)

APPROVE = "approve"
REJECT = "reject"
REQUEST_CHANGES = "request_changes"
CORRECT = "correct"  # a reviewer changes what is asked, and all have to look again
RETRACT = "retract"  # a reviewer takes an earlier decision back
WITHDRAW = "withdraw"  # the requester asks no more

VOTES = (APPROVE, REJECT, REQUEST_CHANGES)

RISKS = ("low", "medium", "high", "critical")
ON_TIMEOUT = {"reject": REJECTED, "expire": EXPIRED}  # what a request may ask for
# What only a queue may say: `approve` in an admin's own words; `escalate` asks others first.
SILENCE = ON_TIMEOUT | {"approve": APPROVED, "escalate": REJECTED}

SLUG = re.compile(r"[a-z0-9][a-z0-9-]{0,49}")


class InvalidRequest(ValueError):
    """What a caller asked for cannot be asked; the message says what to change."""


def canonical(value: Any) -> bytes:
    """`value` as RFC 8785 canonical JSON.

    Raises InvalidRequest for what two programs could read differently: NaN, infinities, integers
    beyond ±(2**53 - 1), lone surrogates.
    """
    try:
        return rfc8785.dumps(value)
    except (rfc8785.CanonicalizationError, RecursionError, UnicodeError) as error:
        raise InvalidRequest(f"This is not JSON that every program reads alike: {error}") from error


def sha256(value: Any) -> str:
    """The hex SHA-256 of `value`'s canonical JSON: what a decision binds to."""
    return hashlib.sha256(canonical(value)).hexdigest()


@dataclass(frozen=True)
class Request:
    """What a workflow asks people for. `Request.read` checks it; nothing else makes one."""

    title: str
    details: str = ""
    payload: dict[str, Any] = field(default_factory=dict)
    previous: dict[str, Any] | None = None
    queue: str = "general"
    requester: str = ""
    quorum: int | None = None
    due_seconds: int | None = None
    on_timeout: str | None = None
    risk: str = "medium"
    key: str = ""
    kind: str = ""  # slug of a kind of request: how its payload is shown
    revises: str = ""  # id of the approval that this request revises
    links: list[dict[str, str]] = field(default_factory=list)
    groups: list[str] = field(default_factory=list)  # each must be represented
    stages: list[str] = field(default_factory=list)  # slugs of queues that are asked afterwards
    verdicts: list[dict[str, str]] = field(default_factory=list)  # name, label, means
    form: dict[str, Any] | None = None  # JSON Schema of what reviewers are asked for
    editable: list[str] = field(default_factory=list)  # fields of the payload they may correct
    proof: dict[str, Any] | None = None  # who asks, signed by the desk (see `Proof`)
    v: int = VERSION

    @classmethod
    def read(cls, value: Any) -> "Request":
        """`value`, a JSON object off the wire, as a Request. Raises InvalidRequest."""
        given = read_object(value, "A request", {each.name for each in fields(cls)})
        for rule in _RULES:
            rule(given)
        return cls(**given)


def read_object(value: Any, what: str, known: set[str]) -> dict[str, Any]:
    """`value` as a shallow copy without null fields. Raises InvalidRequest for unknown fields."""
    if not isinstance(value, dict):
        raise InvalidRequest(f"{what} must be a JSON object, not {_kind(value)}.")
    if unknown := sorted(str(name)[:40] for name in value.keys() - known):
        raise InvalidRequest(
            f"{what} has unknown fields: {', '.join(unknown)}. Known: {', '.join(sorted(known))}."
        )
    return {name: each for name, each in value.items() if each is not None}


def read_text(given: dict[str, Any], name: str, longest: int, required: bool = False) -> None:
    """Raises InvalidRequest unless `given[name]` is text of at most `longest` characters."""
    text = given.get(name, "")
    if not isinstance(text, str):
        raise InvalidRequest(f"`{name}` must be text, not {_kind(text)}.")
    if required and not text.strip():
        raise InvalidRequest(f"`{name}` is missing: say what is asked, verb first.")
    if len(text) > longest:
        raise InvalidRequest(f"`{name}` has {len(text)} characters; {longest} are allowed.")


def _version(given: dict[str, Any]) -> None:
    if given.get("v", VERSION) != VERSION:
        raise InvalidRequest(f"`v` is {given['v']!r}; this desk speaks version {VERSION}.")


def _texts(given: dict[str, Any]) -> None:
    read_text(given, "title", TITLE_LENGTH, required=True)
    read_text(given, "details", DETAILS_LENGTH)
    read_text(given, "requester", 150)
    read_text(given, "key", 64)
    read_text(given, "queue", 50)
    read_text(given, "kind", 50)
    read_text(given, "revises", 36)
    if not SLUG.fullmatch(given.get("queue", "general")):
        raise InvalidRequest("`queue` must be a slug such as `payments`.")


def _payloads(given: dict[str, Any]) -> None:
    for name in ("payload", "previous"):
        value = given.get(name, {})
        if not isinstance(value, dict):
            raise InvalidRequest(f"`{name}` must be a JSON object, not {_kind(value)}.")
        if _deeper_than(value, DEPTH):
            raise InvalidRequest(f"`{name}` is nested more than {DEPTH} levels deep.")
        if (size := len(canonical(value))) > PAYLOAD_BYTES:
            raise InvalidRequest(
                f"`{name}` is {size // 1024} KiB; {PAYLOAD_BYTES // 1024} KiB are allowed. "
                "Store the data elsewhere and ask about its address and SHA-256."
            )


def _numbers(given: dict[str, Any]) -> None:
    for name, least, most in (("quorum", 1, 50), ("due_seconds", 1, LONGEST_WAIT)):
        value = given.get(name)
        if value is None:
            continue
        if isinstance(value, float) and value.is_integer():  # what some SDKs make of an integer
            value = given[name] = int(value)
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise InvalidRequest(f"`{name}` must be a whole number from {least} to {most}.")


def _choices(given: dict[str, Any]) -> None:
    for name, choices in (("risk", RISKS), ("on_timeout", tuple(ON_TIMEOUT))):
        if name in given and given[name] not in choices:
            raise InvalidRequest(f"`{name}` must be one of {', '.join(choices)}.")


def _links(given: dict[str, Any]) -> None:
    links = given.get("links", [])
    if not isinstance(links, list) or len(links) > 20:
        raise InvalidRequest("`links` must be a list of at most 20 links.")
    for link in links:
        if not isinstance(link, dict) or link.keys() != {"title", "url"}:
            raise InvalidRequest("Each of `links` must be an object with `title` and `url`.")
        read_text(link, "title", 200, required=True)
        read_text(link, "url", 2000, required=True)
        if not re.match(r"https?://", link["url"]):
            raise InvalidRequest("Each link's `url` must begin with http:// or https://.")


def _names(given: dict[str, Any]) -> None:
    for name, most in (("groups", 10), ("stages", STAGES), ("editable", 50)):
        names = given.get(name, [])
        if not isinstance(names, list) or not all(isinstance(each, str) for each in names):
            raise InvalidRequest(f"`{name}` must be a list of names.")
        if len(names) > most or len(set(names)) < len(names):
            raise InvalidRequest(f"`{name}` may hold {most} names, each once.")
    if missing := [
        each for each in given.get("editable", []) if each not in given.get("payload", {})
    ]:
        raise InvalidRequest(f"`editable` names what the payload lacks: {', '.join(missing)}.")


def _verdicts(given: dict[str, Any]) -> None:
    answers = given.get("verdicts", [])
    if not isinstance(answers, list) or len(answers) > 8:
        raise InvalidRequest("`verdicts` must be a list of at most 8.")
    for each in answers:
        if not isinstance(each, dict) or each.keys() != {"name", "label", "means"}:
            raise InvalidRequest("Each of `verdicts` must have `name`, `label` and `means`.")
        read_text(each, "label", 60, required=True)
        if not SLUG.fullmatch(str(each["name"])) or each["means"] not in VOTES:
            raise InvalidRequest(
                f"A verdict's `name` must be a slug, and `means` one of {', '.join(VOTES)}."
            )


def _objects(given: dict[str, Any]) -> None:
    for name in ("form", "proof"):
        value = given.get(name, {})
        if not isinstance(value, dict) or len(canonical(value)) > FORM_BYTES:
            raise InvalidRequest(f"`{name}` must be a JSON object of at most 32 KiB.")


_RULES = (_version, _texts, _payloads, _numbers, _choices, _links, _names, _verdicts, _objects)


def _kind(value: Any) -> str:
    names = {dict: "an object", list: "a list", str: "text", bool: "a boolean", type(None): "null"}
    return names.get(type(value), "a number")


def _deeper_than(value: Any, depth: int) -> bool:
    if not isinstance(value, dict | list):
        return False
    if depth == 0:
        return True
    children = value.values() if isinstance(value, dict) else value
    return any(_deeper_than(child, depth - 1) for child in children)


@dataclass(frozen=True)
class Run:
    """The workflow run that asks."""

    workflow_id: str
    run_id: str
    workflow_type: str
    parent_workflow_id: str | None = None
    started_at: str = ""  # ISO 8601, UTC


@dataclass(frozen=True)
class Ruling:
    """What `verify` says of one signal, in the order of the signals it was given."""

    decision_id: str
    signature: str
    refusal: str = ""  # empty: the decision counts
    reviewer_id: str = ""
    reviewer: str = ""
    verdict: str = ""
    comment: str = ""
    decided_at: str = ""
    channel: str = ""
    retracts: str = ""  # the decision that a retraction takes back
    payload_sha256: str = ""  # of what its author read
    stage: int = 0
    groups: list[str] = field(default_factory=list)  # of its author, where the stage asks for one
    behalf_id: str = ""  # for whom its author decided
    behalf: str = ""
    accounts: list[str] = field(default_factory=list)  # of both, where they have others
    option: str = ""
    form: dict[str, Any] | None = None
    edits: dict[str, Any] | None = None

    @property
    def people(self) -> set[str]:
        """Who has had their say with it: its author, for whom it was made, their other accounts."""
        return {self.reviewer_id, self.behalf_id, *self.accounts} - {""}


@dataclass(frozen=True)
class Snapshot:
    """What the workflow knows of its approval: the query's answer and `publish`'s input."""

    approval_id: str
    run: Run
    version: int  # grows by one with every change
    state: str
    reason: str = ""
    held: str = ""  # the outcome that takes effect when the time for undo is over
    counted: list[Ruling] = field(default_factory=list)
    accepted: list[Ruling] = field(default_factory=list)  # retractions, withdrawals: the last ones
    refused: list[Ruling] = field(default_factory=list)  # the last ones
    voided: list[Ruling] = field(default_factory=list)  # counted, until a correction came
    noise: int = 0  # signals that carried no decision for this approval
    stage: int = 0
    escalated: int = 0  # how many escalations have taken place
    reminded: int = 0
    payload: dict[str, Any] | None = None  # where people have corrected it
    payload_sha256: str = ""
    request: Any = None  # with the query only: enough to write a lost row again
    terms: Terms | None = None


@dataclass(frozen=True)
class Outcome:
    """What became of an approval, as the workflow that asked gets it."""

    outcome: str
    approval_id: str
    run_id: str
    payload: dict[str, Any]
    payload_sha256: str
    decisions: list[dict[str, Any]]
    form: dict[str, Any] | None = None  # what was answered to the request's `form`
    reason: str = ""
    verdict: str = ""  # the name of the answer that was given, where there were several
    rule: str = ""  # the rule of policy that settled it without people


@dataclass(frozen=True)
class PolicyVerdict:
    """What policy says of a task before people see it: deny, ask or allow."""

    verdict: str
    rule: str
    reason: str
    run_id: str
    task: str
    request: dict[str, Any]


@dataclass(frozen=True)
class AgentTask:
    """What the agent is handed once it may act."""

    task: str
    payload: dict[str, Any]
    payload_sha256: str
    idempotency_key: str
    approved_run_id: str  # the run the approval was given to; a reset run may not use it


DENY = "deny"
ASK = "ask"
ALLOW = "allow"
NO_RULE = "ask-people"  # stands for the rule where none matched, and people decide
DENIED = "denied"


def workflow_id(kind: str, key: str) -> str:
    """The id under which the desk starts a workflow: `kind`-`key`."""
    return f"{kind}-{key}"
