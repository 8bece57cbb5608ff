"""Read-only mode: everything can be read, nothing is recorded, and what was goes on its way."""

import json

import pytest
from django.contrib.sessions.models import Session
from django.core.management import CommandError, call_command
from django.test import Client

from approvals.doctor import examine
from approvals.models import Approval, AuditEntry, Claim, Comment, Decision, Preference, Queue
from orchestrator import client as temporal
from orchestrator.management.commands import run
from tests.desk import a_row

BACKEND = "approvals.accounts.Accounts"
BANNER = "The desk is read-only at the moment: nothing can be decided, started or changed."
WORDS = "The desk is read-only at the moment. Nothing was recorded."
RECORDS = (Decision, Comment, AuditEntry, Preference, Queue)


@pytest.fixture
def row(people) -> Approval:
    return a_row(people)


@pytest.fixture
def mei(people, settings) -> Client:
    settings.READ_ONLY = True
    client = Client()
    client.force_login(people.mei, BACKEND)
    return client


def records() -> list[int]:
    return [each.objects.count() for each in RECORDS]


@pytest.mark.parametrize(
    "address",
    [
        "/approvals/{}/decision/",
        "/approvals/{}/comments/",
        "/approvals/{}/claim/",
        "/approvals/{}/withdrawal/",
        "/inbox/bulk/",
        "/inbox/views/",
        "/start/?kind=refund",
        "/profile/",
        "/absences/",
        "/queues/new/",
        "/policy/draft/",
        "/admin/auth/user/add/",
    ],
)
def test_nothing_that_is_sent_is_recorded(mei, row, address):
    address, before = address.format(row.pk), records()
    given = {
        "verdict": "approve",
        "sha": row.payload_sha256,
        "key": "0" * 32,
        "text": "Why?",
        "verb": "claim",
        "theme": "dark",
    }
    page = mei.post(address, given)
    part = mei.post(address, given, headers={"HX-Request": "true"})
    assert page.status_code == part.status_code == 503
    assert f"<p>{WORDS}</p>" in page.content.decode()
    assert "Retry-After" not in page  # nobody knows for how long
    assert json.loads(part["HX-Trigger"]) == {"problem": WORDS}
    assert records() == before
    assert not hasattr(Approval.objects.get(pk=row.pk), "claim")


def test_people_sign_in_and_out(client, people, settings):
    settings.READ_ONLY = True
    people.mei.set_password("a long password")
    people.mei.save()
    given = {"username": "mei", "password": "a long password"}
    assert client.post("/accounts/login/", given).status_code == 302
    assert client.get("/inbox/").status_code == 200
    assert client.post("/accounts/logout/").status_code == 302
    assert not Session.objects.exists()


def test_every_page_says_so(mei, row):
    for address in ("/inbox/", f"/approvals/{row.pk}/", "/history/", "/start/", "/nowhere/"):
        assert mei.get(address).content.decode().count(BANNER) == 1, address
    assert BANNER in Client().get("/accounts/login/").content.decode()


def test_nothing_is_said_where_all_is_open(client, people):
    client.force_login(people.mei, BACKEND)
    assert BANNER not in client.get("/inbox/").content.decode()


def test_open_pages_are_told_once(client, people, settings, row):
    client.force_login(people.mei, BACKEND)
    people.general.refresh_from_db()
    asked = {"HX-Request": "true", "X-Rev": str(people.general.revision)}
    assert client.get("/inbox/rows/", headers=asked).status_code == 204
    settings.READ_ONLY = True
    news = client.get("/inbox/rows/", headers=asked)
    assert BANNER in news.content.decode()
    asked["X-Rev"] = json.loads(news["HX-Trigger"])["inbox:rev"]
    assert client.get("/inbox/rows/", headers=asked).status_code == 204


@pytest.mark.parametrize("address", ["/approvals/{}/", "/inbox/{}/", "/approvals/{}/panel/"])
def test_the_decision_area_offers_nothing(mei, row, address):
    page = mei.get(address.format(row.pk)).content.decode()
    assert "The desk is read-only at the moment, so nothing can be decided." in page
    assert 'name="verdict"' not in page
    assert 'id="claim-verb"' not in page


def test_neither_is_a_vote_taken_back_nor_are_several_decided(mei, people):
    row = a_row(people, quorum=2)
    row.decide(people.mei, "approve")
    page = mei.get(f"/approvals/{row.pk}/").content.decode()
    assert "You approved." in page
    assert 'id="undo"' not in page
    page = mei.get("/inbox/bulk/", {"sel": str(a_row(people).pk)}).content.decode()
    assert "1 request" in page
    assert "btn reject" not in page


def test_the_line_about_the_last_decision_is_put_away_and_offers_no_undo(mei, people, row):
    row.decide(people.mei, "approve")
    page = mei.get("/inbox/").content.decode()
    assert f"Approved {row.reference}." in page
    assert "data-undo" not in page
    assert mei.post(f"/inbox/receipt/{row.pk}/").status_code == 303
    assert f"Approved {row.reference}." not in mei.get("/inbox/").content.decode()


def test_what_would_happen_is_told_and_nothing_can_be_started(mei):
    page = mei.get("/start/?kind=").content.decode()
    assert "read-only at the moment, so nothing can be started." in page
    assert 'btn primary big"' not in page
    told = mei.post("/start/preview/", {"title": "Ship"}, headers={"HX-Request": "true"})
    assert told.status_code == 200
    assert "What would happen" in told.content.decode()


def test_nobody_is_asked_to_write_or_send_anything(client, people, settings):
    row = a_row(people, requester="amira", requester_user=people.amira, requester_identity="amira")
    Comment.add(row, people.mei, "Why?", Comment.Kind.QUESTION)
    Claim.take(row, people.mei)
    forms = ["talk", "answer", "nudge", "withdraw", "release"]
    marks = ['id="talk"', "/answer/", "/nudge/", "/withdrawal/", 'value="release"']

    def offered() -> set[str]:
        found = set()
        for who in (people.amira, people.mei):
            client.force_login(who, BACKEND)
            page = client.get(f"/approvals/{row.pk}/").content.decode()
            assert "Why?" in page
            found |= {form for form, mark in zip(forms, marks, strict=True) if mark in page}
        return found

    assert offered() == set(forms)
    settings.READ_ONLY = True
    assert offered() == set()


@pytest.mark.parametrize(
    "command",
    [
        ("approve", "{}", "--as", "mei"),
        ("reject", "{}", "--as", "mei", "--comment", "No."),
        ("start", "Pay €1.00 to Acme"),
        ("schedule", "delete", "nightly"),
        ("reconcile",),
        ("reconcile", "--sure"),
        ("demo",),
        ("demo", "people"),
        ("demo", "clear", "--yes"),
    ],
    ids=" ".join,
)
def test_commands_refuse(people, settings, row, command):
    settings.READ_ONLY = True
    with pytest.raises(CommandError, match="read-only"):
        call_command(*[each.format(row.pk) for each in command])
    assert not Decision.objects.exists()


def test_a_desk_on_one_machine_starts_without_its_demo(settings, monkeypatch):
    called = []
    monkeypatch.setattr(run, "call_command", lambda name, *more, **options: called.append(name))
    settings.READ_ONLY = True
    run.Command().prepare()
    assert called == ["migrate", "keys", "collectstatic"]


def test_what_was_recorded_is_delivered(people, settings, row, monkeypatch):
    made, sent = row.decide(people.mei, "approve"), []
    settings.READ_ONLY = True
    monkeypatch.setattr(temporal, "send_decision", sent.append)
    assert made.deliver()
    assert made.delivery == "sent"
    assert sent == [made.envelope]


def test_the_doctor_mentions_it(people, settings):
    settings.READ_ONLY = True
    about = next(iter(examine()))
    assert about.about == "The desk is read-only: nobody can decide, start or change anything."
    assert not about.fatal
