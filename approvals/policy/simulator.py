"""What a table of rules would have made of real requests; nothing is changed by it."""

import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from approvals.models import Queue
from approvals.policy import opa
from approvals.policy.finding import Asks
from approvals.policy.judging import Asking, judge_by
from approvals.policy.past import Past, left_out, requests
from approvals.policy.table import Table
from orchestrator.contract import ALLOW, ASK, DENY, Request

MOST = 500  # requests
SECONDS = 10.0
SHOWN = 200  # differences on one page
MOST_ERRORS = 20


@dataclass(frozen=True)
class Decided:
    """What policy makes of a request: the verdict, and whom it asks."""

    verdict: str
    queue: str = ""
    quorum: int = 0
    groups: tuple[str, ...] = ()
    stages: tuple[str, ...] = ()

    def __str__(self) -> str:
        if self.verdict != ASK:
            return str(WORDS[self.verdict]())
        said = {"queue": self.queue, "quorum": self.quorum}
        text = ngettext("asked: %(quorum)d of %(queue)s", "asked: %(quorum)d of %(queue)s",
                        self.quorum) % said  # fmt: skip
        if self.groups:
            text += _(", one each of %s") % ", ".join(self.groups)
        return text + "".join(_(", then %s") % each for each in self.stages)

    @property
    def queues(self) -> tuple[str, ...]:
        return (self.queue, *self.stages) if self.verdict == ASK else ()


WORDS = {DENY: lambda: _("denied"), ASK: lambda: _("asked"), ALLOW: lambda: _("allowed")}


@dataclass(frozen=True)
class Difference:
    """One request that would have gone another way."""

    past: Past
    before: Decided
    after: Decided
    rule: str
    reason: str

    def stored(self) -> dict[str, Any]:
        return {
            "title": self.past.request.title,
            "at": self.past.at.isoformat(),
            "workflow_id": self.past.workflow_id,
            "run_id": self.past.run_id,
            "direct": self.past.direct,
            "before": asdict(self.before),
            "after": asdict(self.after),
            "rule": self.rule,
            "reason": self.reason,
        }


@dataclass
class Simulation:
    """All of it: `seen` requests, those that differ, and how much each queue would have had."""

    seen: int = 0
    wanted: int = 0
    in_time: bool = True
    left_out: int = 0
    verdicts: Counter[tuple[str, str]] = field(default_factory=Counter)  # before and after
    queues: Counter[tuple[str, str]] = field(default_factory=Counter)  # queue, before or after
    rules: Counter[str] = field(default_factory=Counter)  # how often each would have decided
    errors: Counter[str] = field(default_factory=Counter)  # what could not be evaluated, in words
    differences: list[Difference] = field(default_factory=list)

    @classmethod
    def of(cls, table: Table, last: int) -> "Simulation":
        until = time.monotonic() + SECONDS
        quorums = dict(Queue.objects.values_list("slug", "quorum"))
        found = cls(wanted=last, left_out=left_out())
        for past in requests(last):
            if time.monotonic() > until:
                found.in_time = False
                break
            found._add(past, table, quorums)
        return found

    def _add(self, past: Past, table: Table, quorums: dict[str, int]) -> None:
        asking = Asking(past.workflow_type, at=past.at)
        finding = judge_by(table, past.task, past.request, asking)
        before = decided(past.verdict, past.request, past.asks, quorums)
        after = decided(finding.verdict, past.request, finding.asks, quorums)
        self.seen += 1
        self.verdicts[before.verdict, after.verdict] += 1
        self.queues.update((each, "before") for each in before.queues)
        self.queues.update((each, "after") for each in after.queues)
        self.rules.update(set(finding.decisive()))
        self.errors.update(each.error for each in finding.rules if each.error)
        if before != after:
            self.differences.append(Difference(past, before, after, finding.rule, finding.reason))

    @property
    def shown(self) -> list[Difference]:
        return self.differences[:SHOWN]

    @property
    def changed_verdicts(self) -> list[tuple[str, str, int]]:
        """(before, after, how many), most first, in words."""
        return [
            (WORDS[before](), WORDS[after](), times)
            for (before, after), times in self.verdicts.most_common()
            if before != after
        ]

    @property
    def lengths(self) -> list[tuple[str, int, int]]:
        """(queue, before, after), by name."""
        names = sorted({name for name, _when in self.queues})
        return [(each, self.queues[each, "before"], self.queues[each, "after"]) for each in names]

    def words(self) -> str:
        """How much was looked at, and how much of it differs."""
        said = {"seen": self.seen, "number": len(self.differences)}
        if not self.seen:
            return _("There is no request yet to try it on.")
        if not self.differences:
            text = ngettext(
                "Nothing would have been decided differently in %(seen)d request.",
                "Nothing would have been decided differently in %(seen)d requests.",
                self.seen,
            )
            return text % said
        text = ngettext(
            "%(number)d of %(seen)d requests would have gone another way.",
            "%(number)d of %(seen)d requests would have gone another way.",
            len(self.differences),
        )
        return text % said

    def notes(self) -> Iterator[str]:
        """What went wrong, and what these numbers do not say."""
        for error, times in self.errors.most_common(MOST_ERRORS):
            yield f"{error} ({times} ×)"
        if not self.in_time:
            said = {"seen": self.seen, "seconds": int(SECONDS)}
            yield _("Only the first %(seen)d were looked at: it took longer than %(seconds)d "
                    "seconds.") % said  # fmt: skip
        elif self.seen == self.wanted:
            yield _("Only the first %(seen)d were looked at, newest first.") % {"seen": self.seen}
        if self.left_out:
            yield _("%(number)d older runs are left out: the desk kept no payload of them."
                    ) % {"number": self.left_out}  # fmt: skip
        if opa.is_used():
            yield _("OPA was not asked: these are the rules alone.")
        yield _("Nothing was changed.")

    def lines(self) -> Iterator[str]:
        """For the shell."""
        yield self.words()
        for was, now, times in self.changed_verdicts:
            yield f"  {times:>4}  {was} → {now}"
        for queue, before, after in self.lengths:
            yield f"  {queue:<20} {before:>4} → {after}"
        for each in self.shown:
            yield each.past.request.title
            yield f"    {each.before} → {each.after}  [{each.rule}] {each.reason}".rstrip()
        yield from self.notes()

    def stored(self) -> dict[str, Any]:
        """For scripts."""
        return {
            "seen": self.seen,
            "in_time": self.in_time,
            "left_out": self.left_out,
            "verdicts": [
                {"before": before, "after": after, "number": times}
                for (before, after), times in self.verdicts.items()
            ],
            "queues": [{"queue": q, "before": b, "after": a} for q, b, a in self.lengths],
            "rules": dict(self.rules),
            "errors": dict(self.errors),
            "differences": [each.stored() for each in self.differences],
        }


def decided(verdict: str, request: Request, asks: Asks, quorums: dict[str, int]) -> Decided:
    """By the queues as they are today, before and after alike: only the rules differ."""
    if verdict != ASK:
        return Decided(verdict)
    asked = asks.applied_to(request)
    quorum = max(quorums.get(asked.queue, 1), asked.quorum or 1)
    return Decided(verdict, asked.queue, quorum, asks.groups, asks.stages)
