"""Absences: who is away, who decides for them meanwhile, and what was decided so."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from approvals.forms_absence import AbsenceForm
from approvals.models import Approval, Decision, Delegation, Queue
from approvals.models.people import name_of
from approvals.views.answers import SeeOther

MOST = 30  # of what is over, and of what was decided for somebody


@require_http_methods(["GET", "HEAD", "POST"])
def absences(request: HttpRequest) -> HttpResponse:
    form = AbsenceForm(request.user, request.POST or None, initial={"starts": timezone.now()})
    if request.method == "POST" and form.is_valid():
        made = Delegation.make(form.instance, form.cleaned_data["queues"])
        messages.success(request, _("Noted. %s decides for you.") % name_of(made.to))
        return SeeOther(reverse("absences"))
    failed = request.method == "POST"
    context = {"form": form, "failed": failed, **_known(request.user)}
    return render(request, "absences.html", context, status=422 if failed else 200)


@require_POST
def absence(request: HttpRequest, pk: int) -> HttpResponse:
    """End it; of one that has not begun nothing remains but the audit trail."""
    found = get_object_or_404(_visible_to(request.user), pk=pk)
    if not found.may_be_ended_by(request.user):
        raise PermissionDenied(_("Whoever is away ends it, or an administrator."))
    coming = found.is_coming
    found.end(request.user)
    messages.success(request, _("It is deleted.") if coming else _("It has ended."))
    return SeeOther(reverse("absences"))


def _visible_to(user: Any) -> Any:
    mine = Q() if user.is_superuser else Q(away=user) | Q(to=user)
    return Delegation.objects.filter(mine).select_related("away", "to").prefetch_related("queues")


def _known(user: Any) -> dict[str, Any]:
    known = _visible_to(user)
    others = known.exclude(Q(away=user) | Q(to=user)) if user.is_superuser else known.none()
    return {
        "reviews": Queue.objects.staffed_by(user).exists(),
        "mine": known.filter(away=user).ending(),
        "for_others": known.filter(to=user).ending(),
        "over": known.filter(Q(away=user) | Q(to=user)).over()[:MOST],
        "others": others.ending(),
        "decided": _decided_for(user),
    }


def _decided_for(user: Any) -> Any:
    """What others decided on behalf of `user`, as far as `user` may see it."""
    seen = Approval.objects.visible_to(user).values("pk")
    made = Decision.objects.filter(on_behalf_of=user, approval__in=seen)
    return made.select_related("approval", "reviewer").order_by("-decided_at")[:MOST]
