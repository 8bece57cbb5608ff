"""Profile: what one person sets for themselves."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from approvals.forms import PreferenceForm
from approvals.models import Preference
from approvals.views.answers import SeeOther


@require_http_methods(["GET", "HEAD", "POST"])
def profile(request: HttpRequest) -> HttpResponse:
    user: Any = request.user
    form = PreferenceForm(request.POST or None, instance=Preference.of(user))
    if request.method == "POST" and form.is_valid():
        form.save()
        messages.success(request, _("Saved."))
        return SeeOther(reverse("profile"))
    failed = request.method == "POST"
    context = {"form": form, "failed": failed}
    return render(request, "profile.html", context, status=422 if failed else 200)
