"""What every answer carries, and how a session that has ended says so to a part of a page."""

import functools
import zoneinfo
from collections.abc import Callable
from datetime import tzinfo
from urllib.parse import urlencode

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import resolve_url
from django.utils import timezone
from django.utils.functional import SimpleLazyObject
from django_htmx.http import HttpResponseClientRedirect

from approvals.models import Preference
from approvals.models.preference import zones
from approvals.zone import LateZone

GetResponse = Callable[[HttpRequest], HttpResponse]

NOTHING_ALLOWED = ", ".join(
    f"{feature}=()"
    for feature in ("camera", "geolocation", "microphone", "payment", "usb", "display-capture")
)


def content_security_policy(get_response: GetResponse) -> GetResponse:
    """Send settings.SECURE_CSP, as Django 6 will, and what else keeps pages to themselves."""
    policy = "; ".join(f"{name} {sources}" for name, sources in settings.SECURE_CSP.items())

    def respond(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        response.headers.setdefault("Content-Security-Policy", policy)
        response.headers.setdefault("Permissions-Policy", NOTHING_ALLOWED)
        response.headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")
        response.headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        # Payloads stay out of browser and proxy caches.
        response.headers.setdefault("Cache-Control", "no-store")
        return response

    return respond


def sign_in_again(get_response: GetResponse) -> GetResponse:
    """Where a session has ended, have the sign-in page say so; for htmx, as the whole page.

    Followed by the browser, the redirect would put it into the part that asked.
    """

    def respond(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        if response.status_code != 302:
            return response
        sign_in = resolve_url(settings.LOGIN_URL)
        if response["Location"].partition("?")[0] != sign_in:
            return response
        if request.htmx:  # type: ignore[attr-defined]
            here = request.htmx.current_url_abs_path or "/"  # type: ignore[attr-defined]
            return HttpResponseClientRedirect(f"{sign_in}?{urlencode({'next': here, 'ended': 1})}")
        if "?" in response["Location"] and settings.SESSION_COOKIE_NAME in request.COOKIES:
            response["Location"] += "&ended=1"
        return response

    return respond


class OwnTimeZone:
    """Dates and times in the reader's own zone: as set in the profile, else as the browser says."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        mine = SimpleLazyObject(functools.partial(Preference.of, request.user))
        request.preference = mine  # type: ignore[attr-defined]
        timezone.activate(LateZone(functools.partial(_zone, request)))
        try:
            return self.get_response(request)
        finally:
            timezone.deactivate()  # threads are used again


def _zone(request: HttpRequest) -> tzinfo:
    wanted = ""
    if request.user.is_authenticated:
        wanted = request.preference.time_zone or request.COOKIES.get("tz", "")  # type: ignore[attr-defined]
    known = wanted in zones()
    return zoneinfo.ZoneInfo(wanted) if known else timezone.get_default_timezone()
