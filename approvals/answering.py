"""What a decision answers beyond yes and no, held against its terms: at the desk and later."""

from typing import Any

from approvals.schema_words import faults
from orchestrator import contract
from orchestrator.terms import Terms

# In the form's schema: the verdicts that it is asked with; approve where nothing is said.
ASKED_WITH = "x-verdicts"


def faults_of(body: dict[str, Any], terms: Terms) -> str:
    """Why the answers of a decision do not fit its terms, in a sentence; empty where they do.

    `body` holds verdict, option, form and edits as they are signed; absent ones were not given.
    """
    verdict, option = body["verdict"], body.get("option", "")
    if option and (option, verdict) not in {(each.name, each.means) for each in terms.answers}:
        return f"There is no answer {option!r} that means {verdict}."
    if fault := _fault_of_form(terms, verdict, body.get("form")):
        return fault
    return _fault_of_edits(terms, verdict, body.get("edits"))


def asks_with(terms: Terms, verdict: str) -> dict[str, Any] | None:
    """The JSON Schema of what is asked with `verdict`; None where nothing is."""
    asked = (terms.form or {}).get(ASKED_WITH, [contract.APPROVE])
    return terms.form if verdict in contract.VOTES and verdict in asked else None


def _fault_of_form(terms: Terms, verdict: str, answers: Any) -> str:
    schema = asks_with(terms, verdict)
    if schema is None:
        return "" if answers is None else "Nothing was asked that it could answer."
    if answers is None and verdict != contract.APPROVE:
        return ""  # nobody's form makes a no harder
    if not isinstance(answers, dict):
        names = ", ".join(schema.get("required", [])) or "all"
        return f"It lacks the answers that are asked for: {names}."
    for path, words in faults(schema, answers).items():
        return f"Its answers do not fit: {' › '.join(map(str, path)) or 'all'}: {words}"
    return ""


def _fault_of_edits(terms: Terms, verdict: str, edits: Any) -> str:
    if edits is None:
        return "It corrects nothing." if verdict == contract.CORRECT else ""
    if not isinstance(edits, dict) or verdict not in (contract.APPROVE, contract.CORRECT):
        return "It cannot correct anything."
    if closed := [name for name in edits if name not in terms.editable]:
        return f"It changes what nobody may correct: {', '.join(closed)}."
    same = all(terms.payload.get(name) == value for name, value in edits.items())
    if verdict == contract.CORRECT and same:
        return "It corrects nothing."
    try:
        contract.Request.read({"title": terms.title, "payload": {**terms.payload, **edits}})
    except contract.InvalidRequest as error:
        return f"It cannot be corrected so: {error}"
    return ""
