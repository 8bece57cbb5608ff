"""The workflow's page and the form that starts one; Temporal itself is replaced at its door."""

import json
import uuid
from pathlib import Path

import pytest
from temporalio.client import WorkflowHistory

from approvals.models import WorkflowRun
from orchestrator import client as temporal
from orchestrator.contract import Request, Run
from tests.desk import a_row

HISTORIES = Path(__file__).parents[1] / "histories" / "timeline"
ODD_IDS = ["a/b", "a/../b", "..", "/", "//x", "pay 50%", "ä?b#c", "a\nb", "a\\b", "x" * 1000, "-"]


@pytest.fixture
def history(monkeypatch):
    """What Temporal answers: a stored history, or an error."""

    def answer(name="approved", error=None):
        text = (HISTORIES / f"{name}.json").read_text()

        def told(workflow_id, run_id):
            if error:
                raise error
            return list(WorkflowHistory.from_json("any", text).events)

        monkeypatch.setattr(temporal, "history", told)

    answer()
    return answer


def a_run(row):
    run = Run(row.workflow_id, row.run_id, row.workflow_type)
    WorkflowRun.note(run, Request.read({"title": row.title}))
    return f"/workflows/{row.workflow_id}/{row.run_id}/"


class TestWorkflow:
    @pytest.mark.parametrize("tab", ["", "timeline", "events", "input", "json", "nonsense"])
    @pytest.mark.parametrize("name", ["approved", "failed", "running", "terminated", "continued"])
    def test_every_history_can_be_read(self, mei, people, history, name, tab):
        history(name)
        answer = mei.get(a_run(a_row(people)), {"tab": tab})
        assert answer.status_code == 200

    def test_says_what_happened_in_sentences(self, mei, people, history):
        page = mei.get(a_run(a_row(people))).content.decode()
        assert "Lena Ortiz approved through signal decide" in page
        assert "Workflow task scheduled" not in page

    def test_shows_workflow_tasks_on_demand(self, mei, people, history):
        page = mei.get(a_run(a_row(people)), {"inner": "1"}).content.decode()
        assert "Workflow task scheduled" in page

    def test_failure_comes_first(self, mei, people, history):
        history("failed")
        assert "Stack trace" in mei.get(a_run(a_row(people))).content.decode()

    def test_says_whom_it_waits_for(self, mei, people, history):
        history("running")
        page = mei.get(a_run(a_row(people))).content.decode()
        assert "Waiting on people since" in page
        assert "0 of 1 approvals" in page

    @pytest.mark.parametrize(
        ("error", "words"),
        [
            (temporal.Unreachable("x"), "Temporal does not answer."),
            (temporal.NotFound("x"), "keeps its history no longer"),
        ],
    )
    def test_our_own_records_stay(self, mei, people, history, error, words):
        history(error=error)
        row = a_row(people)
        row.decide(people.lena, "approve")
        page = mei.get(a_run(row)).content.decode()
        assert words in page
        assert "lena" in page

    @pytest.mark.parametrize("name", ODD_IDS)
    def test_any_id_has_a_page_that_its_links_reach(self, mei, people, history, name):
        row = a_row(people, workflow_id=name)
        a_run(row)
        for page in ("/workflows/", f"/approvals/{row.pk}/"):
            text = mei.get(page).content.decode()
            link = text.partition('class="mono" href="/workflows/')[2].partition('"')[0]
            answer = mei.get(f"/workflows/{link}")
            assert answer.status_code == 200, (page, link)
            assert answer.context["run"].workflow_id == name

    def test_another_workflows_id_is_not_found(self, mei, people, history):
        row = a_row(people)
        a_run(row)
        assert mei.get(f"/workflows/other/{row.run_id}/").status_code == 404

    def test_history_is_a_file(self, mei, people, history):
        answer = mei.get(a_run(a_row(people)) + "history.json")
        assert "attachment" in answer["Content-Disposition"]
        assert json.loads(answer.content)["events"][0]["kind"] == "WorkflowExecutionStarted"

    def test_a_denied_one_says_so_in_the_list(self, client, people):
        client.force_login(people.amira, "approvals.accounts.Accounts")
        run = Run("task-1", str(uuid.uuid4()), "GuardedTask")
        request = Request.read({"title": "forbidden: all", "requester": "amira"})
        WorkflowRun.note(run, request, verdict="deny", rule="no", reason="It is forbidden.")
        assert "Denied by policy" in client.get("/workflows/").content.decode()

    def test_the_list_costs_the_same_however_long(self, mei, people, django_assert_max_num_queries):
        for _ in range(30):
            a_run(a_row(people))
        with django_assert_max_num_queries(12):
            mei.get("/workflows/")


class TestStart:
    @pytest.fixture
    def started(self, monkeypatch):
        """What was started, by key; the same key is the same run."""
        runs: dict[str, tuple[dict, Run]] = {}

        def start(task, key):
            run = Run(f"task-{key}", str(uuid.uuid4()), "GuardedTask")
            return runs.setdefault(key, (task, run))[1]

        monkeypatch.setattr(temporal, "start_guarded_task", start)
        monkeypatch.setattr("approvals.views.start.PATIENCE", 0)
        return runs

    def form(self, **changes):
        return {
            "task": "Pay €120.00 to Acme",
            "details": "",
            "payload": '{"amount": "120.00"}',
            "previous": "",
            "queue": "general",
            "risk": "low",
            "due_seconds": "3600",
            "quorum": "2",
            "key": str(uuid.uuid4()),
            **changes,
        }

    def test_starts_what_was_asked_in_ones_own_name(self, mei, people, started, history):
        answer = mei.post("/start/", self.form(requester="lena"))
        ((task, run),) = started.values()
        assert task.pop("proof")["body"]["requester"] == "mei"
        assert task == {
            "task": "Pay €120.00 to Acme",
            "details": "",
            "payload": {"amount": "120.00"},
            "queue": "general",
            "risk": "low",
            "due_seconds": 3600,
            "quorum": 2,
            "requester": "mei",
        }
        assert answer["Location"] == f"/workflows/{run.workflow_id}/{run.run_id}/?started=1"
        page = mei.get(answer["Location"]).content.decode()
        assert "Started “Pay €120.00 to Acme”." in page

    def test_the_same_form_twice_is_one_workflow(self, mei, people, started):
        form = self.form()
        assert mei.post("/start/", form)["Location"] == mei.post("/start/", form)["Location"]
        assert len(started) == 1

    def test_the_same_key_of_another_person_is_another_workflow(self, mei, people, started):
        form = self.form()
        mei.post("/start/", form)
        mei.force_login(people.amira, "approvals.accounts.Accounts")
        mei.post("/start/", form)
        assert len(started) == 2

    @pytest.mark.parametrize(
        ("changes", "words"),
        [
            ({"task": ""}, "This field is required."),
            ({"task": "x" * 201}, "at most 200 characters"),
            ({"payload": '{\n "a": 1,}'}, "Line 2, column 9"),
            ({"payload": "[1]"}, "Write a JSON object"),
            ({"payload": '{"a": 1, "a": 2}'}, "“a” is there twice."),
            ({"payload": '{"a": 1e999}'}, "not JSON that every program reads alike"),
            ({"payload": '{"a": 9007199254740993}'}, "not JSON that every program reads alike"),
            ({"payload": "[" * 100_000}, "recursion"),
            ({"payload": json.dumps({"a": "x" * 300_000})}, "256 KiB are allowed"),
            ({"previous": "null"}, "Write a JSON object"),
            ({"queue": "nowhere"}, "Select a valid choice"),
            ({"risk": "none"}, "Select a valid choice"),
            ({"due_seconds": "12"}, "Select a valid choice"),
            ({"quorum": "3"}, "2 people besides you may decide; 3 must approve"),
            ({"quorum": "-1"}, "greater than or equal to 1"),
            ({"key": "not a key"}, "valid UUID"),
        ],
    )
    def test_says_what_to_change_and_keeps_the_rest(self, mei, people, started, changes, words):
        answer = mei.post("/start/", self.form(details="Kept as typed", **changes))
        page = answer.content.decode()
        assert answer.status_code == 422
        assert words in page
        assert "Kept as typed" in page
        assert "<title>Error: " in page
        assert not started

    def test_temporal_is_away(self, mei, people, monkeypatch):
        def unreachable(task, key):
            raise temporal.Unreachable("away")

        monkeypatch.setattr(temporal, "start_guarded_task", unreachable)
        answer = mei.post("/start/", self.form())
        assert answer.status_code == 503
        assert "Temporal does not answer." in answer.content.decode()
        assert not WorkflowRun.objects.exists()

    def test_nobody_who_is_not_signed_in_starts_anything(self, client, people, started):
        assert client.post("/start/", self.form()).status_code == 302
        assert not started
