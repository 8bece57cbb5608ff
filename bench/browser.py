"""A signed-in reviewer's browser: one connection, kept alive."""

import http.client
import secrets
import select
import time
import uuid
from dataclasses import dataclass
from urllib.parse import urlencode

from bench.processes import BenchError, Desk
from orchestrator.embedded import HOST


@dataclass(frozen=True)
class Answer:
    """What came back, and after how many seconds all of it had been read."""

    status: int
    seconds: float
    headers: http.client.HTTPMessage
    body: bytes


class Browser:
    """Requests one after another on one connection, with the cookies of a session."""

    def __init__(self, desk: Desk, number: int) -> None:
        self._connection = http.client.HTTPConnection(HOST, desk.port, timeout=30)
        people = desk.people
        self._token = secrets.token_hex(16)
        self._cookie = (
            f"{people['session_cookie']}={people['sessions'][number]}; "
            f"{people['csrf_cookie']}={self._token}"
        )

    def get(self, path: str, **headers: str) -> Answer:
        return self._ask("GET", path, None, headers)

    def approve(self, approval: dict[str, str]) -> Answer:
        """Click Approve beside the inbox. Raises BenchError unless the decision is recorded."""
        fields = {
            "csrfmiddlewaretoken": self._token,
            "verdict": "approve",
            "place": "pane",
            "comment": "",
            "sha": approval["sha"],
            "key": str(uuid.uuid4()),
        }
        path = f"/approvals/{approval['id']}/decision/"
        kind = {"Content-Type": "application/x-www-form-urlencoded", "HX-Request": "true"}
        answer = self._ask("POST", path, urlencode(fields).encode(), kind)
        if answer.status not in (200, 204, 302, 303):
            raise BenchError(f"POST {path} answered {answer.status}: {answer.body[:500]!r}")
        return answer

    def _ask(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> Answer:
        self._hang_up_if_closed()
        began = time.perf_counter()
        self._connection.request(method, path, body, {"Cookie": self._cookie, **headers})
        response = self._connection.getresponse()
        content = response.read()
        return Answer(response.status, time.perf_counter() - began, response.headers, content)

    def _hang_up_if_closed(self) -> None:
        """The site closes a connection that was idle for 2 s; the next request opens another."""
        socket = self._connection.sock
        if socket and select.select([socket], [], [], 0)[0]:
            self._connection.close()
