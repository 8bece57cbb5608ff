"""A process that evaluates CEL and nothing else: what cannot be stopped runs where it can die.

Started by evaluator.py. Each line it reads is a question, and each line it writes the answer to
one expression. It imports no Django and has no secrets in its environment.
"""

import json
import resource
import signal
import sys
import types
from datetime import datetime
from typing import Any

# The package imports its command line, which takes half a second and is not needed.
sys.modules["cel.cli"] = types.ModuleType("cel.cli")

import cel  # noqa: E402

from approvals.amounts import amount as amount_of  # noqa: E402

MEMORY = 512 * 1024 * 1024  # bytes of address space
KEPT = 1000  # compiled expressions

_programs: dict[str, Any] = {}


def main() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for line in sys.stdin:
        question = json.loads(line)
        # Time that this process computes, so that a busy machine makes no rule too slow. What is
        # over it ends the process, whatever it does: Rust code never looks at a Python signal.
        signal.setitimer(signal.ITIMER_PROF, question["seconds"])
        if "variables" in question:
            evaluate(question)
        else:
            for expression in question["expressions"]:
                say(look(expression))
        signal.setitimer(signal.ITIMER_PROF, 0)


def evaluate(question: dict[str, Any]) -> None:
    given = question["variables"]
    given["now"] = datetime.fromisoformat(given["now"])
    context = cel.Context(given, {"amount": amount, "currency": currency})
    for expression in question["expressions"]:
        try:
            said = compiled(expression).execute(context)
        except Exception as error:
            say(failed(error))
            continue
        is_word = isinstance(said, bool)
        say({"value": said} if is_word else {"error": "NotBool", "text": repr(said)[:60]})


def look(expression: str) -> dict[str, Any]:
    """What an expression refers to."""
    try:
        program = compiled(expression)
    except Exception as error:
        return failed(error)
    return {"variables": program.variables(), "functions": program.functions()}


def compiled(expression: str) -> Any:
    if expression not in _programs:
        if len(_programs) >= KEPT:
            _programs.clear()
        _programs[expression] = cel.compile(expression)
    return _programs[expression]


def failed(error: Exception) -> dict[str, Any]:
    text = str(error.args[0] if isinstance(error, KeyError) and error.args else error)
    return {"error": type(error).__name__, "text": text[:1000]}


def say(answer: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


# Functions of our own.


def amount(value: Any) -> float:
    """The number of an amount: 48200.0 of "€48,200.00", of 48200, or of a payload's `amount`."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    return float(_money(value)[0])


def currency(value: Any) -> str:
    """As it is written: "€" of "€48,200.00", "EUR" of "EUR 48200"; "" where there is none."""
    return _money(value)[1]


NONE = "XXX"  # ISO 4217: no currency


def _money(value: Any) -> tuple[Any, str]:
    payload = value if isinstance(value, dict) else {"amount": value}
    found = amount_of(payload) or amount_of({**payload, "currency": NONE})
    if found is None:
        raise ValueError(f"{str(payload.get('amount'))[:40]!r} is no amount")
    return found[0], "" if found[1] == NONE else found[1]


if __name__ == "__main__":
    main()
