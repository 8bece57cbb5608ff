"""CEL as rules use it: what it may refer to, and errors in words that an admin understands."""

import re
from typing import Any

from django.utils.translation import gettext as _

from approvals.policy.evaluator import STOPPED, TOO_LARGE, Answer, look

DEPTH = 30  # of brackets
VARIABLES = (
    "title", "task", "payload", "previous", "queue", "kind", "requester", "requester_verified",
    "risk", "links", "now", "workflow_type",
)  # fmt: skip
FUNCTIONS = (
    "amount", "currency", "size", "contains", "startsWith", "endsWith", "matches", "int", "uint",
    "double", "string", "bytes", "timestamp", "duration", "type", "dyn", "getFullYear", "getMonth",
    "getDate", "getDayOfMonth", "getDayOfWeek", "getDayOfYear", "getHours", "getMinutes",
    "getSeconds", "getMilliseconds",
)  # fmt: skip
TYPES = ("bool", "int", "uint", "double", "string", "bytes", "list", "map", "null_type")
MACROS = "all|exists|exists_one|map|filter"
BOUND = re.compile(rf"\.(?:{MACROS})\(\s*([A-Za-z_]\w*)\s*,")
TEXTS = re.compile(
    r'"""(?:.|\n)*?"""|\'\'\'(?:.|\n)*?\'\'\'|"(?:\\.|[^"\\])*"|\'(?:\\.|[^\'\\])*\''
)


def faults(expressions: list[str]) -> list[str]:
    """What is wrong with each, in a sentence; "" where nothing is. Raises Unavailable."""
    found = [_("It is nested too deeply.") if too_deep(each) else "" for each in expressions]
    fit = [at for at, fault in enumerate(found) if not fault]
    while fit:
        # One that ends the process is answered last, and the others are asked about again.
        answers = look([expressions[at] for at in fit])
        for at, answer in zip(fit, answers, strict=False):
            found[at] = _fault(expressions[at], answer)
        fit = fit[len(answers) :]
    return found


def too_deep(expression: str) -> bool:
    depth = deepest = 0
    for each in TEXTS.sub("", expression):
        depth += (each in "([{") - (each in ")]}")
        deepest = max(deepest, depth)
    return deepest > DEPTH


def _fault(expression: str, answer: Answer) -> str:
    if "error" in answer:
        return explained(expression, answer)
    known = {*VARIABLES, *TYPES, *BOUND.findall(TEXTS.sub("''", expression))}
    for name in answer["variables"]:
        if name not in known:
            said = {"name": name, "known": ", ".join(VARIABLES)}
            return _("There is no `%(name)s`. Rules know: %(known)s.") % said
    for name in answer["functions"]:
        if name not in FUNCTIONS and not re.search(r"[^A-Za-z]", name):
            return _("There is no function `%(name)s`.") % {"name": name}
    return ""


def explained(expression: str, answer: Answer) -> str:
    """An error as a sentence that says what to do about it."""
    kind, text = answer["error"], answer.get("text", "")
    if kind == "KeyError":
        said = {"path": _path(expression, text)}
        return _("%(path)s does not exist. Use has(%(path)s) first.") % said
    sentences = {
        STOPPED: _("It takes too long and was stopped."),
        TOO_LARGE: _("It is too large to evaluate."),
        "MemoryError": _("It is too large to evaluate."),
        "NotBool": _("It gives %(text)s, which is neither true nor false.") % {"text": text},
        "TypeError": _("It compares or combines what does not fit together, such as text and a "
                       "number. amount(…) and double(…) make numbers of text."),
        "ZeroDivisionError": _("It divides by zero."),
        "OverflowError": _("A number becomes too large."),
        "IndexError": _("A list is shorter than it expects. Use size(…) first."),
    }  # fmt: skip
    return sentences.get(kind) or _plain(kind, text)


def _path(expression: str, key: str) -> str:
    """The path that ends in `key` where the expression has just one; else `key`."""
    last = rf"(?:\.{re.escape(key)}|\[(['\"]){re.escape(key)}\1\])(?!\w)"
    found = {each[0] for each in re.finditer(rf"[A-Za-z_]\w*(?:\.\w+)*?{last}", expression)}
    return found.pop() if len(found) == 1 else key


def _plain(kind: str, text: str) -> str:
    """What the library says, without what only its authors need."""
    if kind == "ValueError" and (found := re.search(r"ERROR: <input>:(\d+):(\d+): (.*)", text)):
        problem = re.sub(r", expecting .*|expecting \{.*", "", found[3])
        said = {"column": found[2], "row": found[1], "problem": problem[:200]}
        return _("It is no CEL at line %(row)s, column %(column)s: %(problem)s") % said
    called = re.search(r"Python function call failed: \w+: (.*?)\. Check function", text)
    if called:
        return called[1][:1].upper() + called[1][1:] + "."
    undefined = re.search(r"Undefined variable or function: '(\w+)'", text)
    if undefined:
        return _("There is no `%(name)s`.") % {"name": undefined[1]}
    return text.partition(". Check ")[0].splitlines()[0][:200] if text else kind


def variables_of(request: Any, task: str, **more: Any) -> dict[str, Any]:
    """What an expression sees of a request."""
    return {
        "title": request.title,
        "task": task,
        "payload": request.payload,
        "previous": request.previous or {},
        "queue": request.queue,
        "kind": request.kind,
        "requester": request.requester,
        "risk": request.risk,
        "links": request.links,
        **more,
    }
