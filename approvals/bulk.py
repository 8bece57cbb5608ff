"""Several approvals at once: what they share, and which of them need their own look."""

import uuid
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from django.contrib.auth.models import User
from django.db import OperationalError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from approvals import payload
from approvals.amounts import total
from approvals.cautions import cautions
from approvals.export import HEAVY
from approvals.filters import as_uuid
from approvals.forms import RISKS
from approvals.hidden import veiled, veils
from approvals.models import Approval, Claim, Decision, Kind, Queue
from approvals.models.errors import NotDecided
from approvals.payload import Sheet
from orchestrator import contract
from orchestrator.signing import NoKey

MOST = 50
UNSEEN = gettext_lazy("It does not exist or is not open to you.")


@dataclass
class Item:
    """One approval of a selection; `named` is how the selection called it.

    `barred` says why nothing can be decided here, `look` why it cannot be approved here.
    """

    named: str
    approval: Approval | None = None
    barred: str = ""
    look: str = ""
    sheet: Sheet | None = None
    key: str = field(default_factory=lambda: str(uuid.uuid4()))
    mark: str = ""

    @property
    def reference(self) -> str:
        return self.approval.reference if self.approval else self.named[:36]


@dataclass(frozen=True)
class Answer:
    """What became of one item: a decision, or why there is none."""

    item: Item
    decision: Decision | None = None
    why: str = ""


class Selection:
    """At most fifty approvals that one person chose, in the order of the choice."""

    def __init__(self, user: User, names: Iterable[str]) -> None:
        self.user = user
        named = list(dict.fromkeys(each.strip() for each in names if each.strip()))
        self.left_over = len(named[MOST:])
        found = self._seen(named[:MOST])
        self._kinds = {each.slug: each for each in Kind.objects.all()}
        rows = Approval.objects.filter(pk__in=[each.pk for each in found.values()])
        self._open = set(rows.decidable_by(user).values_list("pk", flat=True))
        voted = Decision.objects.standing().filter(reviewer=user, approval__in=rows)
        self._voted = set(voted.values_list("approval", flat=True))
        self._approvable: Counter[int] = Counter()  # by queue
        self._pace = Decision.pace_of(user)
        self.items = [self._item(each, found.get(each)) for each in named[:MOST]]

    def _seen(self, names: list[str]) -> dict[str, Approval]:
        """By name, those that this person may see at all."""
        keys = {name: key for name in names if (key := as_uuid(name))}
        rows = (
            Approval.objects.visible_to(self.user)
            .select_related("queue", "requester_user", "claim__holder", "claim__group", "revises")
            .defer(*(f"revises__{name}" for name in HEAVY))
            .in_bulk(keys.values())
        )
        return {name: rows[key] for name, key in keys.items() if key in rows}

    def _item(self, name: str, approval: Approval | None) -> Item:
        if approval is None:
            return Item(name, barred=str(UNSEEN))
        schema, *others = self._schemas(approval)
        sheet = payload.read(approval.payload, approval.previous, schema=schema, others=others)
        barred = self._barred(approval)
        look = "" if barred else self._look(approval, sheet)
        return Item(name, approval, barred, look, sheet)

    def _schemas(self, approval: Approval) -> list[Any]:
        """That of its kind, and that of what it revises, which may hide more; None for none."""
        slugs = [approval.kind, *([approval.revises.kind] if approval.revises else [])]
        kinds = [self._kinds.get(each) for each in slugs]
        return [each.schema if each else None for each in kinds]

    def _barred(self, approval: Approval) -> str:
        """Why nothing can be decided about it here, in a sentence."""
        claim: Claim | None = getattr(approval, "claim", None)
        if not approval.is_waiting or approval.settled_at:
            return approval.words()
        if approval.pk not in self._open:
            return approval.why_not(self.user)
        if approval.is_over:
            return _("Its deadline has passed.")
        if approval.pk in self._voted:
            return _("You have decided it already.")
        if claim and claim.is_current and not claim.is_of(self.user):
            return _("%s is on it.") % claim.who
        if contract.sha256(approval.payload) != approval.payload_sha256:
            return _("What is shown is not what was asked.")
        return ""

    def _look(self, approval: Approval, sheet: Sheet) -> str:
        """Why it is to be approved on its own page, in a sentence."""
        kind = self._kinds.get(approval.kind)
        if approval.asks_twice:
            risk = dict(RISKS).get(approval.risk, approval.risk)
            return _("%s risk is approved one by one.") % risk
        if approval.quorum > 1:
            return _("It needs %d approvals.") % approval.quorum
        if approval.rules.get("form"):
            return _("It asks for answers.")
        if approval.kind and (kind is None or kind.problems(approval.payload)):
            return _("Its payload cannot be read.")
        if not sheet.complete:
            return _("Its payload is too long to be shown here.")
        if any(each.now and each.now.shown.file for each in (*sheet.changed, *sheet.rest)):
            return _("It holds a file, to be looked at on its page.")
        schema, *others = self._schemas(approval)
        found = cautions(approval, self.user, schema, others)
        return found[0].fact if found else self._beyond(approval.queue)

    def _beyond(self, queue: Queue) -> str:
        """Why it is one too many of its queue, in a sentence; empty where it is not."""
        self._approvable[queue.pk] += 1
        if self._pace + self._approvable.total() > queue.most_a_minute:
            return _("So many approvals a minute need your password: approve it on its page.")
        if self._approvable[queue.pk] <= queue.bulk_limit:
            return ""
        if not queue.bulk_limit:
            return _("In %s everything is approved one by one.") % queue.name
        said = {"queue": queue.name, "most": queue.bulk_limit}
        return _("In %(queue)s at most %(most)d are approved at once.") % said

    # What they are.

    @property
    def query(self) -> str:
        return urlencode([("sel", each.named) for each in self.items])

    @property
    def approvals(self) -> list[Approval]:
        return [each.approval for each in self.items if each.approval]

    @property
    def rejectable(self) -> list[Item]:
        return [each for each in self.items if not each.barred]

    @property
    def approvable(self) -> list[Item]:
        return [each for each in self.rejectable if not each.look]

    @property
    def left_out(self) -> list[Item]:
        return [each for each in self.items if each.barred or each.look]

    @property
    def total(self) -> str:
        """Of amounts that are shown, that is."""
        shown = (veiled(each.payload, veils(*self._schemas(each))) for each in self.approvals)
        return total(shown) if self.approvals else ""

    @property
    def all_low(self) -> bool:
        return all(each.approval and each.approval.risk == "low" for each in self.approvable)

    @property
    def shared(self) -> list[str]:
        """What all of them have in common, as sentences' parts."""
        words = {
            "requester_name": _("all from %s"),
            "queue": _("all in %s"),
            "kind": _("all of kind %s"),
        }
        found = []
        for name, sentence in words.items():
            values = {str(getattr(each, name)) for each in self.approvals}
            if len(values) == 1 and len(self.approvals) > 1 and "" not in values:
                value = values.pop()
                found.append(
                    sentence % (self._kinds.get(value, value) if name == "kind" else value)
                )
        return found

    # Deciding.

    def decide(self, marks: "dict[str, Mark]", verdict: str, comment: str) -> list[Answer]:
        """Each on its own, by the one way in; `verdict` holds for all, "each" goes by the marks."""
        answers, away = [], False
        for item in self.items:
            mark = marks.get(item.named, Mark())
            wanted = mark.verdict if verdict == "each" else verdict
            if wanted not in (contract.APPROVE, contract.REJECT):
                continue
            why = self._hindered(item, mark, wanted)
            answer = Answer(item, None, why) if why else self._decided(item, mark, wanted, comment,
                                                                       send=not away)  # fmt: skip
            # What one does not reach, the others would wait for in vain; the relay sends it later.
            away = away or bool(answer.decision and answer.decision.trouble)
            answers.append(answer)
        return answers

    def _hindered(self, item: Item, mark: "Mark", wanted: str) -> str:
        if item.approval and self._is_repeated(item.approval, mark):
            return ""  # the same answer comes again
        if item.barred:
            return item.barred
        if mark.verdict not in ("", wanted):
            return _("You marked it differently.")
        return item.look if wanted == contract.APPROVE else ""

    def _is_repeated(self, approval: Approval, mark: "Mark") -> bool:
        return approval.decisions.filter(reviewer=self.user, key=mark.key).exists()

    def _decided(self, item: Item, mark: "Mark", verdict: str, comment: str, send: bool) -> Answer:
        assert item.approval  # noqa: S101 - for the type checker: it is not barred
        if not (mark.sha and mark.key):
            return Answer(item, None, _("This form was not complete. Reload the page."))
        try:
            decision = item.approval.decide(
                self.user, verdict, comment, seen_sha256=mark.sha, key=mark.key, send=send
            )
        except NotDecided as error:
            return Answer(item, None, str(error))
        except NoKey:
            return Answer(item, None, _("The desk has no key to sign decisions with."))
        except OperationalError:
            return Answer(item, None, _("The database is busy."))
        return Answer(item, decision)


@dataclass(frozen=True)
class Mark:
    """What the form says of one item: the payload that was shown, the key, a verdict of its own."""

    sha: str = ""
    key: str = ""
    verdict: str = ""
