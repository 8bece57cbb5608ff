"""Whether the process lives, and whether everything it needs answers."""

from collections.abc import Callable

from django.contrib.auth.decorators import login_not_required
from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_safe

from orchestrator import client


@require_safe
@login_not_required
def healthz(request: HttpRequest) -> HttpResponse:
    """The process is alive; nothing else is asked."""
    return HttpResponse("ok\n", content_type="text/plain")


@require_safe
@login_not_required
def readyz(request: HttpRequest) -> HttpResponse:
    """200 if the database and Temporal answer and a worker asks for work; else 503."""
    database = _answers(_ask_database)
    try:
        temporal, worker = True, client.worker_seen()
    except (client.Unreachable, client.NotFound, client.Refused):
        temporal = worker = False
    ready = database and temporal and worker
    said = {"database": database, "temporal": temporal, "worker": worker}
    response = JsonResponse(said, status=200 if ready else 503)
    response._has_been_logged = True  # type: ignore[attr-defined] # a probe is no error
    return response


def _answers(ask: Callable[[], None]) -> bool:
    try:
        ask()
    except DatabaseError:
        return False
    return True


def _ask_database() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
