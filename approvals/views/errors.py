"""What the browser gets where no view answers: too old or large a form, too many tries, a fault."""

import json
import logging
import secrets
from typing import Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.csrf import csrf_failure
from django.views.defaults import bad_request

log = logging.getLogger(__name__)

PAGE = settings.BASE_DIR / "templates" / "500.html"


def too_old(request: HttpRequest, reason: str = "") -> HttpResponse:
    """403: the page was opened before this person signed in, or the form is not from here."""
    response = csrf_failure(request, reason)
    words = _("This page is from before you signed in. Nothing was recorded. ")
    return _with_words(
        request, response, words + _("Reload it; a reason or comment you typed is kept.")
    )


def locked(request: HttpRequest, *_about: Any) -> HttpResponse:
    """429: too many wrong passwords."""
    response = render(request, "registration/locked.html", status=429)
    response["Retry-After"] = str(round(settings.AXES_COOLOFF_TIME * 3600))
    return _with_words(
        request, response, _("Too many tries. Wait 5 minutes or ask an administrator.")
    )


def unreadable(request: HttpRequest, exception: Exception) -> HttpResponse:
    """413 where more was sent than is read, and 400 for all else."""
    if not isinstance(exception, RequestDataTooBig):
        return bad_request(request, exception)
    most = (settings.DATA_UPLOAD_MAX_MEMORY_SIZE or 0) // 1024
    words = _("What you sent is larger than %d KB. Nothing was recorded.") % most
    response = render(request, "413.html", {"words": words}, status=413)
    return _with_words(request, response, words)


def broken(request: HttpRequest) -> HttpResponse:
    """500. What broke may be the database, the templates or the session: none of them is used."""
    reference = secrets.token_hex(4)
    log.error("Reference %s: %s %s", reference, request.method, request.path)
    page = PAGE.read_text().replace("{reference}", reference)
    words = _("That did not work. Reload to see what was recorded. Reference %s.") % reference
    return _with_words(request, HttpResponse(page, status=500), words)


def _with_words(request: HttpRequest, response: HttpResponse, words: str) -> HttpResponse:
    """For htmx, which draws none of these pages, the sentence above the page."""
    if request.headers.get("HX-Request"):
        response["HX-Trigger"] = json.dumps({"problem": words})
    return response
