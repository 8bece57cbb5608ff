"""When something broke: a page that needs nothing else, with a reference to find in the log."""

import json
import logging
import secrets

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

logger = logging.getLogger(__name__)

PAGE = settings.BASE_DIR / "templates" / "500.html"


def broken(request: HttpRequest) -> HttpResponse:
    """500. What broke may be the database, the templates or the session: none of them is used."""
    reference = secrets.token_hex(4)
    logger.error("Reference %s: %s %s", reference, request.method, request.path)
    response = HttpResponse(PAGE.read_text().replace("{reference}", reference), status=500)
    if request.headers.get("HX-Request"):
        words = _("That did not work. Reload to see what was recorded. Reference %s.") % reference
        response["HX-Trigger"] = json.dumps({"problem": words})
    return response
