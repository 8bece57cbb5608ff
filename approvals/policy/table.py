"""The table of rules that is in force: the newest version, or what the desk brings with it."""

import functools
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from approvals.models.policy import PolicyVersion
from approvals.policy.rules import Rule
from orchestrator import contract
from orchestrator.contract import DENY

# While nobody has saved a version. A row made by a migration would be lost wherever tables are
# emptied, and with it what holds today.
BUILT_IN = (
    Rule(
        name="no-forbidden-tasks",
        then=DENY,
        description="Tasks that begin with “forbidden” are denied.",
        when=r"task.matches('(?i)^\\s*forbidden')",
        reason="Tasks that begin with “forbidden” are denied.",
    ),
)


@dataclass(frozen=True)
class Table:
    """Rules in their order. Number 0 is built in; a draft has none."""

    rules: tuple[Rule, ...]
    number: int = 0
    sha256: str = ""
    made_at: datetime | None = None

    @property
    def stored(self) -> list[dict[str, Any]]:
        return [each.stored() for each in self.rules]

    @classmethod
    def of(cls, version: PolicyVersion) -> "Table":
        rules = tuple(Rule.of(each) for each in version.rules)
        return cls(rules, version.number, version.sha256, version.made_at)


def built_in() -> Table:
    return Table(BUILT_IN, 0, contract.sha256([each.stored() for each in BUILT_IN]))


def in_force() -> Table:
    """Read anew each time, for a change holds at once; parsed once."""
    newest = PolicyVersion.objects.values_list("number", "sha256").first()
    return _parsed(*newest) if newest else built_in()


@functools.lru_cache(maxsize=4)
def _parsed(number: int, sha256: str) -> Table:
    return Table.of(PolicyVersion.objects.get(number=number, sha256=sha256))


def numbered(number: int) -> Table | None:
    """That version, whether it is in force or not; 0 is what the desk brings with it."""
    if number == 0:
        return built_in()
    version = PolicyVersion.objects.filter(number=number).first()
    return Table.of(version) if version else None
