"""What deserves a second look before anybody decides: facts, each with what it asks for."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from approvals.addresses import LINK, host_doubt
from approvals.characters import visible
from approvals.kept import Kept
from approvals.models import Approval
from approvals.models.people import name_of
from approvals.pairing import MISSING, Pair, pairs
from orchestrator import contract

MOST = 2
MOST_ALIKE = 20
LATELY = timedelta(days=7)
ACCOUNT = re.compile(r"iban|bic|swift|account|sort.?code|routing", re.IGNORECASE)


@dataclass(frozen=True)
class Caution:
    """Of an earlier rejection, `of` is what was rejected, `by` whom and `at` when."""

    fact: str
    asks: str
    of: Approval | None = None
    by: str = ""
    at: datetime | None = None


def cautions(
    approval: Approval, user: Any, schema: Any = None, others: Iterable[Any] = ()
) -> list[Caution]:
    """At most two of what `user` may know: an administrator's word, then the gravest facts.

    `others` are schemas that hide.
    """
    found = list(pairs(_or_missing(approval.previous), approval.payload, schema, others))
    checks = (
        _of_policy(approval),
        rejected_before(approval, user),
        _new_account(approval, found),
        _strange_address(approval, found),
        _hidden_characters(approval, found),
    )
    return [each for each in checks if each][:MOST]


def _of_policy(approval: Approval) -> Caution | None:
    """What administrators want people to know: all of it as one, so that a fact stands beside."""
    warnings: list[str] = approval.rules.get("policy", {}).get("warnings", [])
    if not warnings:
        return None
    return Caution(warnings[0], " ".join([*warnings[1:], _("A rule of policy says so.")]))


def _or_missing(value: Any) -> Any:
    return MISSING if value is None else value


def rejected_before(approval: Approval, user: Any) -> Caution | None:
    """The same payload again, although somebody said no to it."""
    if not approval.payload:
        return None
    until = approval.closed_at or timezone.now()  # later, the page still says what it said
    # Nearly always none: who may see what is asked only of those that there are.
    alike = (approval.payload_sha256, approval.queue_id, until - LATELY, approval.opened_at)
    keys = [each.pk for each in _rejected.rows(*alike)]
    visible = Approval.objects.visible_to(user).filter(pk__in=keys) if keys else None
    earlier = visible.order_by("-closed_at").first() if visible is not None else None
    if earlier is None:
        return None
    became = earlier.became()
    return Caution(
        _("The very same was rejected before."),
        _("Nothing in it has changed. Ask why it comes again."),
        of=earlier,
        by=name_of(became.by.reviewer) if became.by else became.cause,
        at=earlier.closed_at,
    )


@Kept
def _rejected(sha256: str, queue: int, since: datetime, before: datetime) -> QuerySet[Approval]:
    alike = Approval.objects.filter(state=contract.REJECTED, payload_sha256=sha256, queue=queue)
    lately = alike.filter(closed_at__gt=since, opened_at__lt=before)
    return lately.order_by("-closed_at").only("pk")[:MOST_ALIKE]


def _new_account(approval: Approval, found: list[Pair]) -> Caution | None:
    """Money that goes where it has not gone before is how most payment fraud begins."""
    if approval.previous is None:
        return None
    new = [each for each in found if each.differs and each.now is not MISSING and _is_account(each)]
    if not new:
        return None
    return Caution(
        _("The bank account is new."),
        _("It is not the one that holds today. Before you approve, call the payee on a number "
          "that you had before."),
    )  # fmt: skip


def _is_account(pair: Pair) -> bool:
    names = [each for each in pair.path if isinstance(each, str)]
    return pair.hint.format == "iban" or bool(names and ACCOUNT.search(names[-1]))


def _strange_address(approval: Approval, found: list[Pair]) -> Caution | None:
    """A host that reads like another one."""
    addresses = [each.now for each in found if _is_address(each)]
    addresses += [each["url"] for each in approval.links]
    doubts = [doubt for doubt in map(host_doubt, addresses) if doubt]
    if not doubts:
        return None
    return Caution(_("An address may not be what it seems."), _("%s. Check it letter by letter.")
                   % doubts[0].rstrip("."))  # fmt: skip


def _is_address(pair: Pair) -> bool:
    return isinstance(pair.now, str) and (
        pair.hint.format == "uri" or bool(LINK.fullmatch(pair.now))
    )


def _hidden_characters(approval: Approval, found: list[Pair]) -> Caution | None:
    """Characters that nobody sees can turn a text into another one."""
    count = sum(visible(each) != each for each in _texts(approval, found))
    if not count:
        return None
    fact = ngettext(
        "%d text holds hidden characters.", "%d texts hold hidden characters.", count
    ) % count  # fmt: skip
    return Caution(fact, _("They are shown as \\u… and marked. Ask why they are there."))


def _texts(approval: Approval, found: list[Pair]) -> Iterator[str]:
    yield from (approval.title, approval.details)
    for pair in found:
        yield from (each for each in pair.path[-1:] if isinstance(each, str))
        if isinstance(pair.now, str):
            yield pair.now
        elif pair.now and isinstance(pair.now, dict | list):
            yield from _deep_texts(pair.now)


def _deep_texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for each in value:
            yield from _deep_texts(each)
    elif isinstance(value, dict):
        for name, each in value.items():
            yield name
            yield from _deep_texts(each)
