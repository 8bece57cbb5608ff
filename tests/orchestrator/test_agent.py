"""The agent: what was approved is POSTed to it, under one key however often it is tried."""

import json
import threading
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from orchestrator import agent, contract
from orchestrator.contract import AgentTask
from tests.desk import on_loop, until


class Agent:
    """A real HTTP server that gives the answers it was told to give, the last one for ever."""

    def __init__(self):
        self.answers = [(200, "application/json", b'{"done": true}')]
        self.requests = []
        self.closing = threading.Event()
        agent = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                agent.requests.append((dict(self.headers), json.loads(body)))
                several = len(agent.answers) > 1
                answer = agent.answers.pop(0) if several else agent.answers[0]
                if isinstance(answer, int):
                    agent.closing.wait(answer)
                    return
                if answer is None:  # the network fails
                    self.connection.close()
                    return
                status, kind, content = answer
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *args):
                pass

            def finish(self):
                with suppress(OSError, ValueError):
                    super().finish()

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.handle_error = lambda *args: None
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server.server_port}/run"

    def answer(self, *answers):
        self.answers = [
            each if each is None or isinstance(each, tuple) else (each, "text/plain", b"no")
            for each in answers
        ]

    def close(self):
        self.closing.set()
        self.server.shutdown()
        self.server.server_close()

    def keys(self):
        return [headers["Idempotency-Key"] for headers, _body in self.requests]


DONE = (200, "application/json", b'{"receipt": "R-1"}')


@pytest.fixture
def server(monkeypatch):
    server = Agent()
    monkeypatch.setenv("AGENT_URL", server.url)
    yield server
    server.close()


def approved(desk, people, **task):
    flow = desk.task(**task)
    flow.approval().decide(people.mei, "approve")
    return flow


class TestSuccess:
    def test_it_gets_what_was_approved_and_its_answer_is_the_result(
        self, desk, worker, people, server
    ):
        server.answer(DONE)
        flow = approved(desk, people, task="Pay Acme", payload={"amount": "1.00"})
        assert flow.result()["result"] == {"receipt": "R-1"}
        ((headers, body),) = server.requests
        assert body == {
            "task": "Pay Acme",
            "payload": {"amount": "1.00"},
            "payload_sha256": contract.sha256({"amount": "1.00"}),
            "workflow_id": flow.id,
        }
        assert headers["Idempotency-Key"] == str(flow.approval().pk)
        assert headers["Content-Type"] == "application/json"

    @pytest.mark.parametrize(
        ("content", "result"),
        [
            (b"done", {"text": "done"}),
            (b"", {"text": ""}),
            (b"<html>ok</html>", {"text": "<html>ok</html>"}),
            (b"[1]", [1]),
            (b"null", None),
        ],
        ids=repr,
    )
    def test_whatever_it_answers(self, desk, worker, people, server, content, result):
        server.answer((200, "text/plain", content))
        assert approved(desk, people).result()["result"] == result

    def test_a_novel_is_cut(self, desk, worker, people, server):
        server.answer((200, "text/plain", b"x" * 300_000))
        result = approved(desk, people).result()["result"]
        assert (result["truncated"], result["bytes"]) == (True, 300_000)


class TestFailure:
    @pytest.mark.parametrize("status", [400, 403, 404, 409, 422, 429])
    def test_no_is_final(self, desk, worker, people, server, status):
        server.answer(status)
        error = approved(desk, people).failure()
        assert error.message == f"The agent refused with {status}: no"
        assert len(server.requests) == 1

    def test_its_own_trouble_is_tried_again_under_the_same_key(self, desk, worker, people, server):
        server.answer(500, 503, DONE)
        flow = approved(desk, people)
        assert flow.result(30)["result"] == {"receipt": "R-1"}
        assert server.keys() == [str(flow.approval().pk)] * 3

    def test_so_is_a_cut_connection(self, desk, worker, people, server):
        server.answer(None, DONE)
        flow = approved(desk, people)
        assert flow.result(30)["result"] == {"receipt": "R-1"}
        assert server.keys() == [str(flow.approval().pk)] * 2

    def test_and_an_agent_that_is_not_there_yet(self, desk, worker, people, monkeypatch):
        monkeypatch.setenv("AGENT_URL", "http://127.0.0.1:9/run")
        flow = approved(desk, people)
        until(lambda: flow.describe().raw_description.pending_activities)
        server = Agent()
        monkeypatch.setenv("AGENT_URL", server.url)
        assert flow.result(30)["result"] == {"done": True}
        server.close()


class TestCancel:
    def test_while_it_works_leaves_the_approval_approved(
        self, desk, worker, people, server, monkeypatch
    ):
        monkeypatch.setattr(agent, "HEARTBEAT", 0.1)
        server.answers = [60]  # seconds
        flow = approved(desk, people)
        until(lambda: server.requests)
        flow.cancel()
        until(lambda: flow.status == "canceled")
        assert flow.closed().state == "approved"
        assert len(server.requests) == 1


class TestRun:
    """An approval belongs to one run."""

    def run(self, approved_run_id):
        task = AgentTask("Pay", {}, contract.sha256({}), "key", approved_run_id)

        async def perform():
            return await ActivityEnvironment().run(agent.run_agent, task)

        return on_loop(perform())

    def test_of_another_it_is_refused_before_anything_is_sent(self, server):
        with pytest.raises(ApplicationError, match="given to an earlier run") as refusal:
            self.run("another-run")
        assert refusal.value.non_retryable
        assert server.requests == []

    def test_of_its_own_it_is_used(self, server):
        here = ActivityEnvironment().info.workflow_run_id
        assert self.run(here) == {"done": True}

    def test_steps_side_by_side_have_keys_of_their_own(self, desk, worker, people, server):
        flows = [approved(desk, people) for _ in range(3)]
        for flow in flows:
            flow.result()
        assert len(set(server.keys())) == 3


class TestWithoutAddress:
    def test_a_built_in_one_answers(self, desk, worker, people, monkeypatch):
        monkeypatch.delenv("AGENT_URL", raising=False)
        result = approved(desk, people).result()["result"]
        assert result["agent"] == "built-in"
