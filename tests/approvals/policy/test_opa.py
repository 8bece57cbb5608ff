"""An Open Policy Agent beside the rules. A small HTTP server stands in for OPA itself."""

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from approvals import policy
from approvals.policy import opa
from orchestrator.contract import Request
from tests.approvals.policy.tables import allow, ask, deny


class StandIn(ThreadingHTTPServer):
    """Answers as it is told, and keeps what it was asked."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answering)
        self.body, self.status, self.wait, self.drip = b"{}", 200, 0.0, 0.0
        self.asked: list[tuple[str, dict]] = []

    def says(self, **result) -> None:
        self.body = json.dumps({"result": result}).encode()


class Answering(BaseHTTPRequestHandler):
    server: StandIn

    def do_POST(self) -> None:
        text = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.asked.append((self.path, json.loads(text)))
        time.sleep(self.server.wait)
        try:
            self.send_response(self.server.status)
            self.send_header("Location", "/elsewhere")
            self.end_headers()
            for at in range(0, len(self.server.body), 5000):
                self.wfile.write(self.server.body[at : at + 5000])
                time.sleep(self.server.drip)
        except OSError:
            pass  # the desk waits no longer

    def log_message(self, *_args: object) -> None:
        pass


@pytest.fixture
def server(settings) -> Iterator[StandIn]:
    with StandIn() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        settings.OPA_URL = f"http://127.0.0.1:{server.server_port}/"
        yield server
        server.shutdown()


def asked(**request) -> policy.Finding:
    return policy.judge("Pay", Request.read({"title": "Pay", **request}))


class TestAnswers:
    def test_to_what_rules_see_too(self, use, server):
        server.says(verdict="ask")
        asked(payload={"amount": "5"}, requester="amira")
        path, body = server.asked[0]
        assert path == "/v1/data/countersign/decide"
        assert body["input"]["payload"] == {"amount": "5"}
        assert body["input"]["requester"] == "amira"
        assert set(body["input"]) >= {"title", "task", "queue", "kind", "risk", "links", "now"}

    def test_deny(self, use, server):
        use(allow("true"))
        server.says(verdict="deny", rule="limits", reason="Too much.")
        finding = asked()
        assert (finding.verdict, finding.rule) == ("deny", "opa:limits")
        assert (finding.reason, finding.version) == ("Too much.", 1)
        assert finding.rules[-1].source == "opa:countersign/decide"

    def test_allow_unless_a_rule_is_stricter(self, use, server):
        server.says(verdict="allow", reason="Fine.")
        assert (asked().verdict, asked().rule) == ("allow", "opa")
        use(ask("true"))
        assert asked().verdict == "ask"
        use(deny("true"))
        assert asked().verdict == "deny"

    def test_ask_for_more_beside_the_rules(self, use, server):
        use(ask("true", quorum=2, groups=("finance",)))
        server.says(verdict="ask", quorum=3, groups=["security"], risk="high", due_seconds=60,
                    stages=["legal"], warning="Look.")  # fmt: skip
        asks = asked().asks
        assert (asks.quorum, asks.groups, asks.risk) == (3, ("finance", "security"), "high")
        assert (asks.due_seconds, asks.stages, asks.warnings) == (60, ("legal",), ("Look.",))

    def test_are_asked_for_at_the_path_that_is_set(self, use, server, settings):
        settings.OPA_PATH = "/our/desk/"
        server.says(verdict="ask")
        asked()
        assert server.asked[0][0] == "/v1/data/our/desk"


class TestSilence:
    @pytest.mark.parametrize(
        ("body", "words"),
        [
            (b"{}", "OPA has no decision at countersign/decide."),
            (b"[]", "OPA has no decision at countersign/decide."),
            (b"", "OPA's answer is not JSON."),
            (b"<html>", "OPA's answer is not JSON."),
            (b"[" * 60_000, "OPA's answer is not JSON."),
            (b'{"result": true}', "OPA's verdict is none of deny, ask, allow."),
            (b'{"result": {"verdict": "yes"}}', "OPA's verdict is none of deny, ask, allow."),
            (b'{"result": {"verdict": "allow", "unless": 1}}', "unknown fields: unless."),
            (b'{"result": {"verdict": "ask", "quorum": 0}}', "`quorum` must be a whole number"),
            (b'{"result": {"verdict": "ask", "quorum": true}}', "`quorum` must be a whole number"),
            (b'{"result": {"verdict": "ask", "groups": "x"}}', "`groups` must be a list"),
            (b" " * 70_000, "OPA's answer is too long"),
        ],
    )
    def test_and_nonsense_deny(self, use, server, body, words):
        use(allow("true"))
        server.body = body
        finding = asked()
        assert (finding.verdict, finding.rule, finding.checked) == ("deny", "not-checked", False)
        assert finding.reason.startswith("Policy was not checked: ")
        assert words in finding.reason

    @pytest.mark.parametrize("status", [302, 404, 500])
    def test_of_a_failing_server_denies(self, use, server, status):
        server.says(verdict="allow")
        server.status = status
        assert asked().reason == f"Policy was not checked: OPA answered with {status}."
        assert len(server.asked) == 1

    def test_of_no_server_denies(self, use, settings):
        settings.OPA_URL = "http://127.0.0.1:9"
        use(allow("true"))
        assert asked().reason == "Policy was not checked: OPA did not answer."

    @pytest.mark.parametrize(("wait", "drip"), [(8.0, 0.0), (0.0, 0.4)])
    def test_of_a_slow_server_denies_in_time(self, use, server, wait, drip):
        server.body = b" " * 60_000
        server.wait, server.drip = wait, drip
        began = time.monotonic()
        assert asked().verdict == "deny"
        assert time.monotonic() - began < 2 * opa.SECONDS


def test_is_not_asked_unless_it_is_set(use, settings):
    assert settings.OPA_URL == ""
    use(allow("true"))
    assert asked().verdict == "allow"
