"""Several requests beside the list: read together, decided each on its own."""

import json
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods

from approvals.bulk import Answer, Mark, Selection
from approvals.views.inbox import with_list
from approvals.views.receipt import without_receipt
from orchestrator import contract

MOST_SPOKEN = 3  # reasons; the page shows all of them
VERDICTS = (contract.APPROVE, contract.REJECT, "each")


@require_http_methods(["GET", "HEAD", "POST"])
def bulk(request: HttpRequest) -> HttpResponse:
    """GET looks, POST decides: each that is named, if it is this person's to decide."""
    user: Any = request.user
    given = request.POST if request.method == "POST" else request.GET
    selection = Selection(user, given.getlist("sel"))
    if request.method != "POST":
        return with_list(request, {"bulk": selection})
    verdict, comment = given.get("verdict", ""), given.get("comment", "").strip()
    marks = {each.named: _mark(request, each.named) for each in selection.items}
    problem = _problem(selection, marks, verdict, comment)
    if problem:
        for each in selection.items:
            each.key, each.mark = marks[each.named].key or each.key, marks[each.named].verdict
        context = {"bulk": selection, "problem": problem, "comment": comment}
        return with_list(request, context, status=422)
    return _answered(request, selection.decide(marks, verdict, comment))


def _mark(request: HttpRequest, name: str) -> Mark:
    given = request.POST
    return Mark(
        sha=given.get(f"sha-{name}", ""),
        key=given.get(f"key-{name}", ""),
        verdict=given.get(f"verdict-{name}", "").replace("skip", ""),
    )


def _problem(selection: Selection, marks: dict[str, Mark], verdict: str, comment: str) -> str:
    """Why nothing at all is recorded."""
    wanted = [each.verdict for each in marks.values()] if verdict == "each" else [verdict]
    if verdict not in VERDICTS or not any(each in VERDICTS[:2] for each in wanted):
        return _("Choose approve or reject.")
    if contract.REJECT in wanted and not comment:
        return _("Say why you are rejecting.")
    if len(comment) > contract.COMMENT_LENGTH:
        return _("The reason has %(n)d characters; %(most)d are allowed.") % {
            "n": len(comment),
            "most": contract.COMMENT_LENGTH,
        }
    return ""


def _answered(request: HttpRequest, answers: list[Answer]) -> HttpResponse:
    said = _in_words(answers)
    response = with_list(request, {"answers": answers, "said": said, "receipt": None})
    response = without_receipt(request, response)
    left = [f"{each.item.reference}: {each.why}" for each in answers if not each.decision]
    spoken = " ".join([said, *left[:MOST_SPOKEN]])
    response["HX-Trigger"] = json.dumps({"say": spoken, "inbox:refresh": True})
    return response


def _in_words(answers: list[Answer]) -> str:
    """2 approved. 1 not."""
    made = [each.decision.verdict for each in answers if each.decision]
    yes, no = made.count(contract.APPROVE), made.count(contract.REJECT)
    left = len(answers) - len(made)
    words = (
        (yes, ngettext("%d approved.", "%d approved.", yes)),
        (no, ngettext("%d rejected.", "%d rejected.", no)),
        (left, ngettext("%d not.", "%d not.", left)),
    )
    return " ".join(sentence % count for count, sentence in words if count)
