"""Every address: who may open it, what it answers, and that reading changes nothing."""

import json
import re
import uuid

import pytest
from django.apps import apps
from django.conf import settings
from django.contrib.auth.models import User
from django.db import OperationalError
from django.http import QueryDict
from django.test import Client
from django.urls import URLPattern, get_resolver

from approvals.models import Approval, WorkflowRun
from orchestrator import client as temporal
from orchestrator.contract import Request, Run
from tests.desk import a_row

pytestmark = pytest.mark.usefixtures("away")

# Who: a reviewer of the queue, who asked, a stranger, an admin, nobody.
EVERYBODY = {"reviewer": 200, "asker": 200, "stranger": 200, "admin": 200, "anonymous": 302}
VISIBLE = EVERYBODY | {"stranger": 404}
POST_ONLY = dict.fromkeys(EVERYBODY, 405) | {"anonymous": 302}
ADMINS = dict.fromkeys(EVERYBODY, 403) | {"admin": 200, "anonymous": 302}
PUBLIC = dict.fromkeys(EVERYBODY, 200)

# name: (path arguments, answers to GET). A new address without a row here fails a test below.
ADDRESSES = {
    "home": ([], dict.fromkeys(EVERYBODY, 302)),
    "inbox": ([], EVERYBODY),
    "rows": ([], EVERYBODY),
    "bulk": ([], EVERYBODY),
    "receipt": (["approval"], VISIBLE),
    "saved_views": ([], POST_ONLY),
    "saved_view": (["view"], POST_ONLY),
    "palette": ([], EVERYBODY),
    "inbox_pane": (["approval"], VISIBLE),
    "next": (["approval"], VISIBLE | dict.fromkeys(("reviewer", "asker", "admin"), 302)),
    "previous": (["approval"], VISIBLE | dict.fromkeys(("reviewer", "asker", "admin"), 302)),
    "approval": (["approval"], VISIBLE),
    "panel": (["approval"], VISIBLE),
    "payload": (["approval"], VISIBLE),
    "file": (["approval", "sha256"], dict.fromkeys(EVERYBODY, 404) | {"anonymous": 302}),
    "decision": (["approval"], POST_ONLY),
    "undo": (["approval"], POST_ONLY),
    "comments": (["approval"], POST_ONLY),
    "claim": (["approval"], POST_ONLY),
    "handover": (["approval"], POST_ONLY),
    "withdrawal": (["approval"], POST_ONLY),
    "nudge": (["approval"], POST_ONLY),
    "answer": (["approval"], POST_ONLY),
    "requests": ([], EVERYBODY),
    "history": ([], EVERYBODY),
    "export": ([], EVERYBODY),
    "workflows": ([], EVERYBODY),
    "workflow": (["workflow", "run"], VISIBLE),
    "events": (["workflow", "run"], VISIBLE | dict.fromkeys(("reviewer", "asker", "admin"), 503)),
    "start": ([], EVERYBODY),
    "preview": ([], POST_ONLY),
    "profile": ([], EVERYBODY),
    "policy": ([], ADMINS),
    "policy_draft": ([], ADMINS),
    "policy_simulator": ([], ADMINS),
    "policy_version": (["version"], ADMINS),
    "absences": ([], EVERYBODY),
    "absence": (["view"], POST_ONLY),
    "queues": ([], ADMINS),
    "new_queue": ([], ADMINS),
    "queue": (["queue"], ADMINS),
    "queue_deletion": (["queue"], ADMINS),
    "healthz": ([], PUBLIC),
    "readyz": ([], dict.fromkeys(EVERYBODY, 503)),
    "login": ([], dict.fromkeys(EVERYBODY, 302) | {"anonymous": 200}),
    "logout": ([], POST_ONLY),
}
AUDITED = {"export"}  # who took what away is written down
# A session is kept alive, and sign-ins are counted: not what anybody decided.
KEPT = {"sessions.Session", "axes.AccessAttempt", "axes.AccessLog", "axes.AccessFailureLog"}


@pytest.fixture
def row(people):
    row = a_row(people, requester="amira", requester_user=people.amira, requester_identity="amira")
    request = Request.read({"title": row.title, "requester": "amira"})
    WorkflowRun.note(Run(row.workflow_id, row.run_id, row.workflow_type), request)
    return row


@pytest.fixture
def visitor(people):
    users = {
        "reviewer": people.mei,
        "asker": people.amira,
        "stranger": User.objects.create(username="zoe"),
        "admin": User.objects.create(username="kim", is_superuser=True, is_staff=True),
    }

    def signed_in(who: str) -> Client:
        client = Client()
        if who in users:
            client.force_login(users[who], "approvals.accounts.Accounts")
        return client

    return signed_in


def address(name: str, row: Approval) -> str:
    values = {
        "approval": row.pk,
        "view": 1,
        "version": 0,
        "queue": row.queue.slug,
        "workflow": row.workflow_id,
        "run": row.run_id,
        "sha256": "0" * 64,
    }
    from django.urls import reverse

    return reverse(name, args=[values[each] for each in ADDRESSES[name][0]])


def named() -> set[str]:
    """All names of the site's own addresses, the admin's apart."""

    def walk(patterns):
        for each in patterns:
            if isinstance(each, URLPattern):
                yield each.name
            elif each.app_name != "admin":
                yield from walk(each.url_patterns)

    return set(walk(get_resolver().url_patterns))


def contents() -> dict[str, list]:
    models = [each for each in apps.get_models() if each._meta.label not in KEPT]
    return {
        each._meta.label: sorted(map(str, each._default_manager.values_list())) for each in models
    }


class TestEveryAddress:
    def test_is_in_the_matrix(self):
        assert named() == set(ADDRESSES)

    @pytest.mark.parametrize("who", EVERYBODY)
    @pytest.mark.parametrize("name", ADDRESSES)
    def test_answers_each_person_as_it_should(self, name, who, row, visitor):
        answer = visitor(who).get(address(name, row))
        assert answer.status_code == ADDRESSES[name][1][who]
        if answer.status_code == 302 and who == "anonymous" and name != "login":
            assert answer["Location"].startswith("/accounts/login/?next=")

    @pytest.mark.parametrize("method", ["get", "head", "options"])
    @pytest.mark.parametrize("name", ADDRESSES)
    def test_changes_nothing_when_it_is_only_read(self, name, method, row, visitor):
        reader = visitor("reviewer")
        User.objects.update(last_login=None)
        before = contents()
        getattr(reader, method)(address(name, row), {"verdict": "approve", "key": "x"})
        after = contents()
        if name in AUDITED and method == "get":
            assert (
                len(after.pop("approvals.AuditEntry"))
                == len(before.pop("approvals.AuditEntry")) + 1
            )
        assert after == before

    @pytest.mark.parametrize("name", ADDRESSES)
    def test_keeps_to_itself(self, name, row, visitor):
        for who in ("reviewer", "stranger", "anonymous"):
            headers = visitor(who).get(address(name, row)).headers
            assert "default-src 'none'" in headers["Content-Security-Policy"]
            assert "unsafe" not in headers["Content-Security-Policy"]
            assert headers["X-Content-Type-Options"] == "nosniff"
            assert headers["X-Frame-Options"] == "DENY"
            assert headers["Referrer-Policy"] == "same-origin"
            assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
            assert "no-" in headers["Cache-Control"]

    @pytest.mark.parametrize("name", ADDRESSES)
    def test_refuses_a_post_that_was_not_sent_from_here(self, name, row, visitor):
        reviewer = visitor("reviewer")
        reviewer.handler.enforce_csrf_checks = True
        before = contents()
        answer = reviewer.post(address(name, row), {"verdict": "approve"})
        assert answer.status_code in (403, 405)
        assert contents() == before

    @pytest.mark.parametrize("htmx", [False, True], ids=["page", "part"])
    @pytest.mark.parametrize(
        "name", [name for name in ADDRESSES if ADDRESSES[name][1] == POST_ONLY and name != "logout"]
    )
    def test_leads_from_a_form_that_was_refused_to_a_page(self, name, htmx, row, visitor):
        stood = f"http://testserver{address(name, row)}?compare=previous"
        headers = {"HX-Request": "true", "HX-Current-URL": stood} if htmx else {"Referer": stood}
        answer = visitor("anonymous").post(address(name, row), headers=headers)
        back = answer["HX-Redirect" if htmx else "Location"].partition("?")[2]
        assert visitor("reviewer").get(QueryDict(back)["next"]).status_code == 200


@pytest.mark.parametrize("path", ["/nowhere/", "/inbox/not-a-uuid/", "/workflows/a/b/c/d/"])
def test_an_unknown_address_is_a_page_of_its_own(path, visitor):
    answer = visitor("reviewer").get(path)
    assert answer.status_code == 404
    assert b"There is nothing here" in answer.content
    assert "Content-Security-Policy" in answer.headers


def test_an_unknown_approval_is_not_there_for_an_admin_either(visitor):
    assert visitor("admin").get(f"/approvals/{uuid.uuid4()}/").status_code == 404


def test_a_part_of_a_page_sends_the_whole_page_to_sign_in(row, client):
    answer = client.get(
        "/inbox/rows/",
        headers={"HX-Request": "true", "HX-Current-URL": f"http://testserver/inbox/{row.pk}/"},
    )
    assert answer.status_code == 200
    assert answer["HX-Redirect"] == f"/accounts/login/?next=%2Finbox%2F{row.pk}%2F&ended=1"


def test_a_part_of_a_page_of_another_site_is_not_gone_back_to(client, db):
    headers = {"HX-Request": "true", "HX-Current-URL": "https://evil.example/inbox/"}
    answer = client.get("/inbox/rows/", headers=headers)
    assert answer["HX-Redirect"] == "/accounts/login/?next=%2F&ended=1"


class TestBroken:
    """What nobody foresaw: here the history's filter."""

    @pytest.fixture
    def mei(self, visitor, monkeypatch):
        def breaks(*_args):
            raise RuntimeError("broken")

        monkeypatch.setattr("approvals.views.history.HistoryFilter", breaks)
        mei = visitor("reviewer")
        mei.raise_request_exception = False
        return mei

    def test_has_a_page_with_a_reference_that_the_log_has_too(self, mei, caplog):
        answer = mei.get("/history/")
        page = answer.content.decode()
        assert answer.status_code == 500
        assert "That did not work" in page
        reference = re.search(r"<code[^>]*>([0-9a-f]{8})</code>", page)[1]
        assert f"Reference {reference}: GET /history/" in caplog.text
        assert "RuntimeError: broken" in caplog.text
        assert "RuntimeError" not in page

    def test_says_so_in_a_part_of_a_page(self, mei):
        answer = mei.get("/history/", headers={"HX-Request": "true"})
        said = json.loads(answer["HX-Trigger"])["problem"]
        assert re.fullmatch(r"That did not work\. Reload .* Reference [0-9a-f]{8}\.", said)

    def test_needs_nothing(self, client, db, monkeypatch):
        def down(*_args):
            raise OperationalError("the database is down")

        client.raise_request_exception = False
        client.cookies[settings.SESSION_COOKIE_NAME] = "x" * 32
        with monkeypatch.context() as patch:
            patch.setattr("django.db.backends.utils.CursorWrapper.execute", down)
            answer = client.get("/history/")
        assert answer.status_code == 500
        assert b"Go to the inbox" in answer.content
        assert "Content-Security-Policy" in answer.headers


class TestSignIn:
    @pytest.fixture
    def mei(self, people):
        people.mei.set_password("a long password")
        people.mei.save()
        return people.mei

    def sign_in(self, client, password, next_page="", path="/accounts/login/"):
        given = {"username": "mei", "password": password, "next": next_page}
        return client.post(path, given)

    def test_goes_to_the_inbox(self, client, mei):
        assert self.sign_in(client, "a long password")["Location"] == "/inbox/"

    @pytest.mark.parametrize(
        "elsewhere", ["//evil.example", "/\\evil.example", "https:evil.example", "\t//evil.example"]
    )
    def test_never_leads_elsewhere(self, client, mei, elsewhere):
        assert self.sign_in(client, "a long password", elsewhere)["Location"] == "/inbox/"

    def test_says_the_same_whoever_it_was(self, client, mei):
        wrong = self.sign_in(client, "no")
        nobody = client.post("/accounts/login/", {"username": "nobody", "password": "no"})
        for answer in (wrong, nobody):
            assert b"Username or password is wrong." in answer.content
            assert b"<title>Error: Sign in" in answer.content.replace(b"\n", b"")

    @pytest.mark.parametrize("path", ["/accounts/login/", "/admin/login/"])
    def test_is_locked_after_five_wrong_passwords(self, client, mei, path):
        for _ in range(5):
            answer = self.sign_in(client, "no", path=path)
        assert answer.status_code == 429
        answer = self.sign_in(client, "a long password", path=path)
        assert answer.status_code == 429
        assert b"Too many tries</h1>" in answer.content
        assert b"Wait 5 minutes or ask an administrator." in answer.content

    def test_says_that_a_session_has_ended_and_leads_back(self, client, mei, row):
        self.sign_in(client, "a long password")
        client.session.flush()
        asked = client.get(f"/approvals/{row.pk}/")
        page = client.get(asked["Location"]).content.decode()
        assert "You are signed out. A session lasts at most 8 hours." in page
        assert f'name="next" value="/approvals/{row.pk}/"' in page

    def test_says_nothing_of_a_session_that_never_was(self, client, row):
        asked = client.get(f"/approvals/{row.pk}/")
        page = client.get(asked["Location"]).content.decode()
        assert "A session lasts" not in page
        assert "Sign in to go on to the page you asked for." in page

    def test_gives_a_new_session(self, client, mei):
        client.get("/accounts/login/")
        before = client.session.session_key
        self.sign_in(client, "a long password")
        assert client.session.session_key != before

    def test_ends_by_a_form_alone(self, client, mei):
        self.sign_in(client, "a long password")
        assert client.get("/accounts/logout/").status_code == 405
        assert client.post("/accounts/logout/")["Location"] == "/accounts/login/"
        assert client.get("/inbox/").status_code == 302


class TestHealth:
    def test_the_process_says_that_it_lives(self, client):
        assert client.get("/healthz").content == b"ok\n"

    def test_everything_answers(self, client, db, monkeypatch):
        monkeypatch.setattr(temporal, "worker_seen", lambda: True)
        answer = client.get("/readyz")
        assert answer.status_code == 200
        assert answer.json() == {"database": True, "temporal": True, "worker": True}

    def test_no_worker_asks_for_work(self, client, db, monkeypatch):
        monkeypatch.setattr(temporal, "worker_seen", lambda: False)
        answer = client.get("/readyz")
        assert answer.status_code == 503
        assert answer.json() == {"database": True, "temporal": True, "worker": False}

    def test_temporal_is_away(self, client, db):
        answer = client.get("/readyz")
        assert answer.status_code == 503
        assert answer.json() == {"database": True, "temporal": False, "worker": False}


class TestAdmin:
    READ_ONLY = ("approval", "decision", "auditentry", "workflowrun")

    @pytest.mark.parametrize("model", READ_ONLY)
    def test_looks_at_what_happened_and_never_changes_it(self, model, row, people, visitor):
        row.decide(people.mei, "approve")
        admin = visitor("admin")
        found = apps.get_model("approvals", model).objects.first()
        here = f"/admin/approvals/{model}/"
        assert admin.get(here, {"q": "Acme"}).status_code == 200
        assert b'name="_save"' not in admin.get(f"{here}{found.pk}/change/").content
        assert admin.post(f"{here}{found.pk}/change/", {}).status_code == 403
        assert admin.post(f"{here}{found.pk}/delete/", {"post": "yes"}).status_code == 403
        assert admin.get(f"{here}add/").status_code == 403

    def test_shows_queues_which_are_changed_on_a_page_of_their_own(self, people, visitor):
        here = f"/admin/approvals/queue/{people.general.pk}/change/"
        admin = visitor("admin")
        assert b'name="_save"' not in admin.get(here).content
        assert admin.post(here, {"quorum": 0}).status_code == 403

    @pytest.mark.parametrize("who", ["reviewer", "stranger", "asker", "anonymous"])
    def test_is_closed_to_everybody_else(self, who, people, visitor):
        assert visitor(who).get("/admin/")["Location"].startswith("/admin/login/")
