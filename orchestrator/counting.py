"""Counting votes: the same rule for the workflow, which decides, and the desk, which foresees."""

from collections.abc import Collection, Iterable, Sequence
from typing import Protocol

from orchestrator import contract
from orchestrator.terms import Stage


class Vote(Protocol):
    """What counts of a decision. `groups` are those of its author that the stage asks for."""

    @property
    def verdict(self) -> str: ...
    @property
    def option(self) -> str: ...
    @property
    def groups(self) -> Sequence[str]: ...


def result(votes: Iterable[Vote], stage: Stage) -> str:
    """What the votes of one stage come to: approved, rejected, changes_requested or "" (open).

    Approvals with different answers do not add up: people must agree on what they approve.
    """
    votes = list(votes)
    if sum(each.verdict == contract.REJECT for each in votes) >= stage.reject_quorum:
        return contract.REJECTED
    if any(each.verdict == contract.REQUEST_CHANGES for each in votes):
        return contract.CHANGES_REQUESTED
    approvals = [each for each in votes if each.verdict == contract.APPROVE]
    for option in dict.fromkeys(each.option for each in approvals):
        agreed = [each for each in approvals if each.option == option]
        if len(agreed) < stage.quorum:
            continue
        # Pages that list many ask too, and read no groups where none are needed.
        if not stage.groups or represented(stage.groups, [each.groups for each in agreed]):
            return contract.APPROVED
    return ""


def represented(groups: Collection[str], people: Sequence[Collection[str]]) -> bool:
    """Whether each group has a person of its own; `people` are their groups.

    A matching by augmenting paths: nobody stands for two groups at once.
    """
    stands_for: dict[int, str] = {}

    def find(group: str, tried: set[int]) -> bool:
        for number, of in enumerate(people):
            if group not in of or number in tried:
                continue
            tried.add(number)
            if number not in stands_for or find(stands_for[number], tried):
                stands_for[number] = group
                return True
        return False

    return all(find(group, set()) for group in groups)
