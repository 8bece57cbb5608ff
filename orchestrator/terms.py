"""Terms: the rules of one approval, fixed when it opens and kept in its workflow's history."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Stage:
    """People who are asked in their turn; the approval goes on to the next ones when they agree.

    Each of `groups` must be represented among who approves, by a person of its own.
    """

    queue: str
    name: str
    quorum: int = 1
    groups: list[str] = field(default_factory=list)
    reject_quorum: int = 1  # so many rejections end it; 1: each one is a veto


@dataclass(frozen=True)
class Escalation:
    """From `at` on (ISO 8601, UTC) the people of `group` may decide as well."""

    at: str
    group: str


@dataclass(frozen=True)
class Answer:
    """A verdict with a label of its own. `means` is approve, reject or request_changes."""

    name: str
    label: str
    means: str


@dataclass(frozen=True)
class Terms:
    """The rules that hold for one approval. What is not there holds as its default says.

    A history keeps the terms as they were recorded, so a new field needs a default under which
    older approvals go on as before.
    """

    approval_id: str
    run_id: str  # the run that it was opened for; a reset run has another
    queue: str
    title: str
    payload: dict[str, Any]
    payload_sha256: str
    quorum: int
    due_at: str | None  # ISO 8601, UTC
    on_timeout: str
    excluded: list[str]  # primary keys of users who never count, as text
    requester_id: str = ""  # the primary key of the user who asked, as text
    risk: str = ""
    skew_seconds: int = 0  # how far Temporal's clock is ahead of the desk's, which set the times
    undo_seconds: int = 0  # how long an outcome is held before it takes effect
    queue_name: str = ""
    groups: list[str] = field(default_factory=list)
    reject_quorum: int = 1
    ends_at: str | None = None  # where it goes on after `due_at`: escalated, and overdue
    stages: list[Stage] = field(default_factory=list)  # who is asked after the first ones
    reminders: list[str] = field(default_factory=list)  # ISO 8601, UTC
    escalations: list[Escalation] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)  # beside a plain approve and reject
    changes: bool = False  # whether people may ask for changes
    comment_to_approve: bool = False
    confirm: bool = False  # the desk asks twice before an approve
    password: bool = False  # and for the password
    form: dict[str, Any] | None = None  # JSON Schema of what is asked with a verdict
    editable: list[str] = field(default_factory=list)  # fields of the payload to be corrected
    ruled: str = ""  # the outcome, where policy settled it without people
    reason: str = ""  # and why; or why nobody deciding means yes
    policy: dict[str, Any] = field(default_factory=dict)  # version, sha256, rules that matched

    @classmethod
    def read(cls, value: dict[str, Any]) -> "Terms":
        """The terms that `dataclasses.asdict` made `value` of."""
        parts = {"stages": Stage, "escalations": Escalation, "answers": Answer}
        made = {name: [part(**each) for each in value[name]] for name, part in parts.items()}
        return cls(**{**value, **made})

    @property
    def end(self) -> str | None:
        """When the workflow ends it if nobody decides; None: never."""
        return self.ends_at or self.due_at

    def stage(self, number: int) -> Stage:
        """The people whose turn it is; 0 are the first."""
        if number:
            return self.stages[number - 1]
        name = self.queue_name or self.queue
        return Stage(self.queue, name, self.quorum, self.groups, self.reject_quorum)

    @property
    def decides_alone(self) -> bool:
        """Whether one approval settles it, so that who corrects it may approve it at once."""
        return self.quorum == 1 and not self.stages and len(self.groups) < 2

    @property
    def bells(self) -> list[tuple[str, Escalation | None]]:
        """Reminders (None) and escalations, in the order in which they are due."""
        rings: list[tuple[str, Escalation | None]] = [(each, None) for each in self.reminders]
        rings += [(each.at, each) for each in self.escalations]
        return sorted(rings, key=lambda ring: ring[0])
