"""The one click: POST decides, nothing else does. And the one that takes it back."""

from typing import Any
from uuid import UUID

from django.contrib.auth import authenticate
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST

from approvals.answer_form import AnswerForm
from approvals.forms import DecisionForm
from approvals.models import Approval, Decision
from approvals.models.errors import Incomplete
from approvals.views import answers, panel, receipt
from approvals.views.asked import is_shown
from orchestrator import contract


@sensitive_post_parameters("password")
@require_POST
def decision(request: HttpRequest, pk: UUID) -> HttpResponse:
    """404 not visible · 403 not theirs · 422 incomplete, or to be confirmed · 409 too late or
    changed · 503 not now.
    """
    approval = panel.find(request, pk)
    if not approval.may_be_decided_by(request.user):
        return answers.forbidden(request, approval.why_not(request.user))  # type: ignore[arg-type]
    form, extra = DecisionForm(request.POST), AnswerForm(approval, request.POST)
    if not (form.is_valid() and extra.is_valid()):
        return answers.typed_again(request, approval, form)
    try:
        made = _decided(request, approval, form, extra)
    except answers.REFUSALS as error:
        return answers.refused(request, approval, error, form)
    # Outside: what fails from here on must not be called “not recorded”.
    return answers.decided(request, approval, made) if isinstance(made, Decision) else made


def _decided(
    request: HttpRequest, approval: Approval, form: DecisionForm, extra: AnswerForm
) -> Decision | HttpResponse:
    """What was recorded; or the question that comes first, and then nothing was."""
    given = form.cleaned_data
    user: Any = request.user
    said = {"option": given["option"], "form": extra.answers, "edits": extra.edits}
    own = [each for each in approval.decisions.all() if each.reviewer_id == user.pk]
    # This very form was recorded already: then the same answer comes again.
    repeated = any(each.key == given["key"] for each in own)
    if given["verdict"] == contract.APPROVE and not repeated:
        approval.require(
            user, given["verdict"], given["comment"].strip(), given["sha"], own, answers=said
        )
        if not given["shown"] and not is_shown(approval):
            raise Incomplete(_("Show all of it before you approve it."))
        if (approval.asks_twice or approval.is_too_fast(user)) and not _is_confirmed(
            request, approval, form
        ):
            return answers.asked_twice(request, approval, form)
    return approval.decide(
        request.user,  # type: ignore[arg-type]
        given["verdict"],
        given["comment"],
        seen_sha256=given["sha"],
        key=given["key"],
        own=own,
        wait=False,
        **said,
    )


def _is_confirmed(request: HttpRequest, approval: Approval, form: DecisionForm) -> bool:
    """High risk: confirmed. Critical: and with the password, whose failures are counted."""
    if form.cleaned_data["confirmed"] != "1":
        return False
    user: Any = request.user
    if not approval.asks_password_of(user):
        return True
    name, password = request.user.get_username(), form.cleaned_data["password"]
    if not password:
        form.add_error("password", _("Type your password."))
        return False
    now = authenticate(request, username=name, password=password)
    if now == request.user:
        request.user = now  # to hash takes a while, and what was known of them may be over
        return True
    form.add_error("password", _("This is not your password. Nothing was recorded."))
    return False


@require_POST
def undo(request: HttpRequest, pk: UUID) -> HttpResponse:
    """404 not visible · 403 not a reviewer's · 409 too late, or nothing to take back · 503 not now.

    The workflow has the last word: a retraction that comes too late is refused, and shown as that.
    """
    approval = panel.find(request, pk)
    user: Any = request.user
    own = Decision.objects.standing().filter(approval=approval, reviewer=user)
    if not own.exists() and not approval.may_be_decided_by(user):
        return answers.forbidden(request, approval.why_not(user))
    try:
        approval.take_back(user, key=request.POST.get("key"))
    except answers.REFUSALS as error:
        return answers.refused(request, approval, error)
    said = _("Taken back: %s.") % approval.reference
    response = answers.recorded(request, panel.again(request, approval), said)
    in_pane = answers.place_of(request) == "pane"
    return receipt.without_receipt(request, response) if in_pane else response
