"""What every answer carries, and how a session that has ended says so to a part of a page."""

import functools
import zoneinfo
from collections.abc import Callable
from datetime import tzinfo
from urllib.parse import urlsplit, urlunsplit

from django.conf import settings
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render, resolve_url
from django.urls import Resolver404, resolve
from django.utils import timezone
from django.utils.functional import SimpleLazyObject
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django_htmx.http import HttpResponseClientRedirect

from approvals.models import Preference
from approvals.models.preference import zones
from approvals.views.answers import not_now
from approvals.zone import LateZone

GetResponse = Callable[[HttpRequest], HttpResponse]

READS = ("GET", "HEAD")
# To sign in and out, to see what would happen, and to put a line away: none records anything.
STILL_SENT = ("login", "logout", "admin:login", "admin:logout", "preview", "receipt")
# What takes forms alone has no page; the page that they stand on is named above it in the address.
ONLY_FORMS = {
    *("decision", "undo", "comments", "claim", "handover", "withdrawal", "nudge", "answer"),
    *("saved_views", "saved_view", "absence", "preview"),
}
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

    Followed by the browser, the redirect would put it into the part that asked. From there people
    come back to the page they were on, as what only takes forms is none.
    """

    def respond(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        if response.status_code != 302:
            return response
        sign_in, _, query = response["Location"].partition("?")
        if sign_in != resolve_url(settings.LOGIN_URL) or not query:
            return response
        about = QueryDict(query, mutable=True)
        if request.htmx:  # type: ignore[attr-defined]
            about["next"] = _page(request.htmx.current_url_abs_path or "/")  # type: ignore[attr-defined]
        elif request.method not in READS:
            about["next"] = _page_of_form(request)
        if request.htmx or settings.SESSION_COOKIE_NAME in request.COOKIES:  # type: ignore[attr-defined]
            about["ended"] = "1"
        if request.method not in READS and _view(request.path_info) != "preview":
            about["unsent"] = "1"
        address = f"{sign_in}?{about.urlencode()}"
        if request.htmx:  # type: ignore[attr-defined]
            return HttpResponseClientRedirect(address)
        response["Location"] = address
        return response

    return respond


def _page_of_form(request: HttpRequest) -> str:
    """The path of our page that a form was sent from, as the browser says; else the first one."""
    page = request.headers.get("Referer")
    secure = request.is_secure()
    if not url_has_allowed_host_and_scheme(page, {request.get_host()}, require_https=secure):
        return "/"
    return _page(str(page))


def _page(address: str) -> str:
    """Path and query of `address`, or of the page above it that can be opened again.

    A form that was refused is shown where it was sent to, and stands there from then on.
    """
    _site, _host, path, query, _at = urlsplit(address)
    while _view(path) in ONLY_FORMS:
        path = path.rstrip("/").rpartition("/")[0] + "/"
    return urlunsplit(("", "", path, query, ""))


def _view(path: str) -> str:
    try:
        return resolve(path).view_name
    except Resolver404:
        return ""


def read_only(get_response: GetResponse) -> GetResponse:
    """With settings.READ_ONLY 503 for all that is sent, but what records nothing."""

    def respond(request: HttpRequest) -> HttpResponse:
        if not settings.READ_ONLY or request.method in READS:
            return get_response(request)
        if _view(request.path_info) in STILL_SENT:
            return get_response(request)
        return not_now(request, _("The desk is read-only at the moment."), soon=False)

    return respond


def no_page(get_response: GetResponse) -> GetResponse:
    """Words where Django answers 405 with nothing at all."""

    def respond(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        if response.status_code == 405 and not response.content:
            response.content = render(request, "405.html").content
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
