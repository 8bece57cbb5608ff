"""Two weeks of the demo's history: approvals that were never asked, and say so.

They are written straight into the database. Their workflows' ids begin with `demo-history-`, their
decisions came by the channel `demo`, and each has an audit entry `seeded`. The decisions are signed
like all others, so that whatever reads them has nothing to make an exception for.
"""

import random
import uuid
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from approvals.demo.asks import ASKS, Ask, database
from approvals.demo.people import PEOPLE, QUEUES, REVIEWERS, make_people
from approvals.models import Approval, AuditEntry, Comment, Decision, Queue, WorkflowRun
from approvals.models.people import identity
from orchestrator import contract, signing
from orchestrator.contract import Run

PREFIX = "demo-history-"
CHANNEL = "demo"
DAYS, MOST_A_DAY = 14, 16
FATES = {"approved": 80, "rejected": 12, "late": 5, "withdrawn": 3}  # of a hundred
EXPIRED_AGO = timedelta(hours=2, minutes=8)  # when the one was asked that expired a moment ago
QUIET = timedelta(minutes=10)  # before now, in which nothing else was closed

THANKS = ("", "", "", "Looks right.", "Matches the order.", "Checked against the contract.",
          "Fine by me, staging has run it.")  # fmt: skip
WHY_NOT = (
    "The IBAN differs from the one on the invoice.",
    "Not before the freeze ends on Monday.",
    "This was refunded last week already; see the ticket.",
    "Please attach the rollback plan and ask again.",
    "The amount is above what the contract allows.",
)


@dataclass
class Rows:
    """What is to be written, kind by kind."""

    approvals: list[Approval] = field(default_factory=list)
    decisions: list[Decision] = field(default_factory=list)
    comments: list[Comment] = field(default_factory=list)
    runs: list[WorkflowRun] = field(default_factory=list)


def seed_history() -> int:
    """Write the history, once in the life of a database. Returns how many approvals."""
    if Approval.objects.filter(workflow_id__startswith=PREFIX).exists():
        return 0
    make_people()
    rows = Story(timezone.now()).tell()
    with transaction.atomic():
        Approval.objects.bulk_create(rows.approvals)
        Decision.objects.bulk_create(rows.decisions)
        Comment.objects.bulk_create(rows.comments)
        WorkflowRun.objects.bulk_create(rows.runs)
        AuditEntry.objects.bulk_create(_marks(rows.approvals))
        for queue in Queue.objects.filter(slug__in=QUEUES):
            queue.touch()
    return len(rows.approvals)


def _marks(approvals: list[Approval]) -> list[AuditEntry]:
    return [
        AuditEntry(
            action="seeded",
            actor_name="demo",
            approval=each,
            workflow_id=each.workflow_id,
            run_id=each.run_id,
            detail={"reason": "Demo data: nobody asked for it, and no workflow ran."},
        )
        for each in approvals
    ]


class Story:
    """The same story on every desk; only its days move."""

    def __init__(self, now: datetime) -> None:
        self.now = now
        self.chance = random.Random(1042)  # noqa: S311 - a story, not a secret
        self.rows = Rows()
        self.asked: Counter[Any] = Counter()
        self.users = {each.username: each for each in User.objects.filter(username__in=PEOPLE)}
        self.queues = {each.slug: each for each in Queue.objects.filter(slug__in=QUEUES)}
        self.signer = signing.Signer.load(settings.VAR)

    def tell(self) -> Rows:
        for day in range(DAYS, -1, -1):
            start = (self.now - timedelta(days=day)).replace(hour=7, minute=0, second=0)
            busy = MOST_A_DAY if start.weekday() < 5 else 2
            count = self.chance.randint(busy // 2, busy)
            for minute in sorted(self.chance.sample(range(600), count)):
                fate = self.chance.choices(tuple(FATES), tuple(FATES.values()))[0]
                opened = start + timedelta(minutes=minute)
                self.approval(self.chance.choice(ASKS), opened, fate, self.now - QUIET)
        # What nobody decided in time is closed at once, so no request can be waiting overdue.
        self.approval(database, self.now - EXPIRED_AGO, "late", self.now)
        return self.rows

    def approval(self, asker: Any, opened: datetime, fate: str, until: datetime) -> None:
        """Written only where it is closed by `until`."""
        number = len(self.rows.approvals) + 1
        self.asked[asker] += 1
        ask = asker(self.chance, self.asked[asker])
        if ask.queue not in self.queues:  # somebody removed it
            return
        row = self.row(ask, number, opened)
        votes = self.votes(row, fate)
        self.close(row, votes)
        if row.closed_at is None or row.closed_at > until:
            return
        self.rows.approvals.append(row)
        self.rows.decisions += votes
        self.rows.runs.append(_run(row))
        if row.quorum > 1 and votes:
            self.question(row, votes[0].reviewer)

    def row(self, ask: Ask, number: int, opened: datetime) -> Approval:
        due = opened + timedelta(hours=ask.hours) if ask.hours else None
        return Approval(
            workflow_id=f"{PREFIX}{number:03}",
            run_id=str(uuid.UUID(int=self.chance.getrandbits(128), version=4)),
            workflow_type=contract.GUARDED_TASK,
            title=ask.title,
            details=ask.details,
            payload=ask.payload,
            payload_sha256=contract.sha256(ask.payload),
            key=ask.key,
            kind=ask.kind,
            risk=ask.risk,
            requester=ask.requester,
            requester_identity=identity(ask.requester),
            requester_user=self.users.get(ask.requester),
            queue=self.queues[ask.queue],
            quorum=ask.quorum,
            due_at=due,
            **({"due_sort": due} if due else {}),
            on_timeout=ask.on_timeout,
            opened_at=opened,
        )

    # What became of it.

    def votes(self, row: Approval, fate: str) -> list[Decision]:
        """In order, all before the deadline."""
        at = row.opened_at + timedelta(seconds=min(self.chance.lognormvariate(7.3, 1.1), 6 * 3600))
        if fate == "late" and row.due_at:
            return []
        if fate == "withdrawn" and row.requester_user:
            return [self.vote(row, row.requester_user, contract.WITHDRAW, "No longer needed.", at)]
        verdict = contract.REJECT if fate == "rejected" else contract.APPROVE
        said = WHY_NOT if verdict == contract.REJECT else THANKS
        made: list[Decision] = []
        for person in self.reviewers(row)[: row.quorum if verdict == contract.APPROVE else 1]:
            if row.due_at is None or at < row.due_at:
                made.append(self.vote(row, person, verdict, self.chance.choice(said), at))
            at += timedelta(seconds=self.chance.randint(60, 3600))
        return made

    def reviewers(self, row: Approval) -> list[User]:
        group = QUEUES[row.queue.slug][2]
        able = [self.users[name] for name in REVIEWERS if not group or group in PEOPLE[name][2]]
        return self.chance.sample(able, len(able))

    def vote(self, row: Approval, by: User, verdict: str, comment: str, at: datetime) -> Decision:
        vote = row._signed(by, verdict, comment, uuid.uuid4().hex, CHANNEL)
        vote.envelope = self.signer.sign({**vote.envelope["body"], "decided_at": at.isoformat()})
        vote.decided_at = vote.sent_at = vote.next_try_at = at
        vote.acknowledged_at, vote.tries = at + timedelta(milliseconds=20), 1
        return vote

    def close(self, row: Approval, votes: list[Decision]) -> None:
        row.version = len(votes) + 1
        row.approvals = sum(each.verdict == contract.APPROVE for each in votes)
        last = votes[-1] if votes else None
        if last is None or (last.verdict == contract.APPROVE and row.approvals < row.quorum):
            row.state, row.reason = contract.ON_TIMEOUT[row.on_timeout], "Nobody decided in time."
            row.closed_at = row.due_at
        else:
            row.closed_at, (row.state, row.reason) = last.decided_at, _outcome(last)
        row.settled_at = row.closed_at

    def question(self, row: Approval, by: User) -> None:
        if row.requester_user is None or by == row.requester_user:
            return
        asked = row.opened_at + timedelta(seconds=30)
        for who, kind, text, later in (
            (by, Comment.Kind.QUESTION, "Is this the new bank account?", 0),
            (row.requester_user, Comment.Kind.ANSWER, "No, the one we always pay to.", 25),
        ):
            at = asked + timedelta(seconds=later)
            self.rows.comments.append(
                Comment(approval=row, author=who, kind=kind, text=text, at=at)
            )


def _outcome(last: Decision) -> tuple[str, str]:
    if last.verdict == contract.WITHDRAW:
        return contract.CANCELLED, f"Withdrawn by {last.reviewer.username}. {last.comment}"
    rejected = last.verdict == contract.REJECT
    return (contract.REJECTED, last.comment) if rejected else (contract.APPROVED, "")


def _run(row: Approval) -> WorkflowRun:
    run = Run(row.workflow_id, row.run_id, row.workflow_type)
    return WorkflowRun(
        workflow_id=run.workflow_id,
        run_id=run.run_id,
        workflow_type=run.workflow_type,
        title=row.title,
        requester=row.requester,
        requester_user=row.requester_user,
        started_at=row.opened_at,
        verdict=contract.ASK,
        rule=contract.NO_RULE,
        reason=f"People of {row.queue.name} decide.",
    )
