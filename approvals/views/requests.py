"""My requests: what the signed-in person asked for, with stage and clock."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from approvals.models import Approval
from approvals.views.inbox import HEAVY
from approvals.views.paging import paged


@require_safe
def requests(request: HttpRequest) -> HttpResponse:
    mine = Approval.objects.asked_by(request.user).select_related("queue", "requester_user")
    return render(
        request, "requests.html", {"page": paged(request, mine.defer(*HEAVY), "opened_at")}
    )
