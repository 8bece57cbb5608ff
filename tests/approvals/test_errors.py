"""What the browser gets where no view answers: in words, and with the truth about the decision."""

import json
from urllib.parse import urlsplit

import pytest
from django.conf import settings
from django.contrib.sessions.models import Session
from django.http import QueryDict
from django.test import Client

from approvals.models import Approval, Decision
from tests.desk import a_row

BACKEND = "approvals.accounts.Accounts"


@pytest.fixture
def row(people) -> Approval:
    return a_row(people)


def browser(user, **options) -> Client:
    client = Client(**options)
    client.force_login(user, BACKEND)
    return client


def words(answer) -> str:
    return json.loads(answer["HX-Trigger"])["problem"]


@pytest.mark.parametrize("headers", [{}, {"HX-Request": "true"}], ids=["page", "part"])
def test_a_form_from_before_the_sign_in_records_nothing(people, row, headers):
    mei = browser(people.mei, enforce_csrf_checks=True)
    given = {"verdict": "approve", "sha": row.payload_sha256, "key": "0" * 32}
    answer = mei.post(f"/approvals/{row.pk}/decision/", given, headers=headers)
    assert answer.status_code == 403
    assert "Nothing was recorded." in (words(answer) if headers else answer.content.decode())
    assert not Decision.objects.exists()


class TestAFaultOfOurs:
    @pytest.fixture
    def broken(self, people, monkeypatch) -> Client:
        def fail(*args, **more):
            raise RuntimeError("the disk is gone")

        monkeypatch.setattr("approvals.views.panel.decision_area", fail)
        return browser(people.mei, raise_request_exception=False)

    def test_has_a_reference_that_the_log_has_too(self, broken, row, caplog):
        answer = broken.get(f"/inbox/{row.pk}/", headers={"HX-Request": "true"})
        assert answer.status_code == 500
        said, _dot, reference = words(answer).rpartition("Reference ")
        assert said == "That did not work. Reload to see what was recorded. "
        assert f"Reference {reference.rstrip('.')}: GET /inbox/{row.pk}/" in caplog.text

    def test_is_a_page_that_asks_for_nothing(self, broken, row, django_assert_num_queries):
        page = broken.get(f"/inbox/{row.pk}/").content.decode()
        assert 'by this reference: <code class="mono">' in page
        assert "{reference}" not in page
        assert "the disk is gone" not in page

    def test_after_the_record_does_not_say_that_nothing_was_recorded(self, broken, row):
        given = {"verdict": "approve", "sha": row.payload_sha256, "key": "0" * 32}
        answer = broken.post(
            f"/approvals/{row.pk}/decision/", given, headers={"HX-Request": "true"}
        )
        assert answer.status_code == 500
        assert Decision.objects.count() == 1
        assert "Nothing was recorded" not in words(answer)

    def test_on_a_page_of_its_own_says_how_to_find_out(self, broken, row):
        given = {"verdict": "approve", "sha": row.payload_sha256, "key": "0" * 32}
        address = f"/approvals/{row.pk}/decision/"
        page = broken.post(address, given, follow=True).content.decode()
        assert Decision.objects.count() == 1
        assert "Nothing was recorded" not in page
        assert "Open it again to see what was recorded" in page


class TestMoreThanIsRead:
    @pytest.fixture
    def sent(self, people, row):
        mei = browser(people.mei)

        def send(**headers):
            given = f"verdict=reject&comment={'x' * settings.DATA_UPLOAD_MAX_MEMORY_SIZE}"
            kind = "application/x-www-form-urlencoded"
            address = f"/approvals/{row.pk}/decision/"
            return mei.post(address, given, content_type=kind, headers=headers)

        return send

    def test_is_a_page_in_words(self, sent):
        answer = sent()
        assert answer.status_code == 413
        page = answer.content.decode()
        assert "What you sent is larger than 1024 KB. Nothing was recorded." in page
        assert "Sign out" in page  # in the frame, as any other page
        assert not Decision.objects.exists()

    def test_is_a_sentence_above_the_page_for_htmx(self, sent):
        answer = sent(**{"HX-Request": "true"})
        assert answer.status_code == 413
        assert words(answer) == "What you sent is larger than 1024 KB. Nothing was recorded."

    def test_is_told_from_what_makes_no_sense(self, client, db):
        answer = client.get("/accounts/login/", headers={"host": "not a host"})
        assert answer.status_code == 400


def test_too_many_wrong_passwords_are_said_with_the_time_to_wait(people, row):
    mei, critical = browser(people.mei), a_row(people, risk="critical")
    for _ in range(settings.AXES_FAILURE_LIMIT):
        given = {
            "verdict": "approve",
            "sha": critical.payload_sha256,
            "key": "0" * 32,
            "confirmed": "1",
            "password": "wrong",
        }
        answer = mei.post(
            f"/approvals/{critical.pk}/decision/", given, headers={"HX-Request": "true"}
        )
    assert answer.status_code == 429
    assert answer["Retry-After"] == "300"
    assert words(answer) == "Too many tries. Wait 5 minutes or ask an administrator."
    assert not Decision.objects.exists()


class TestASessionThatEndedUnderAForm:
    @pytest.fixture
    def sent(self, people, row):
        def send(**headers):
            mei = browser(people.mei)
            Session.objects.all().delete()
            return mei.post(f"/approvals/{row.pk}/answer/", {"text": "Yes."}, headers=headers)

        return send

    def test_leads_back_to_the_page_of_the_form(self, sent, row):
        page = f"/approvals/{row.pk}/?compare=approved"
        to = urlsplit(sent(referer=f"http://testserver{page}")["Location"])
        asked = QueryDict(to.query)
        assert (to.path, asked["next"]) == ("/accounts/login/", page)
        assert asked["ended"] == asked["unsent"] == "1"

    def test_leads_back_to_the_approval_where_the_form_stood_refused(self, sent, row):
        to = sent(referer=f"http://testserver/approvals/{row.pk}/decision/")["Location"]
        assert QueryDict(urlsplit(to).query)["next"] == f"/approvals/{row.pk}/"

    @pytest.mark.parametrize("referer", ["", "https://elsewhere.example/inbox/", "javascript:1"])
    def test_leads_nowhere_else(self, sent, referer):
        to = sent(referer=referer) if referer else sent()
        assert QueryDict(urlsplit(to["Location"]).query)["next"] == "/"

    def test_is_said_where_one_signs_in(self, sent, client, row):
        page = client.get(sent()["Location"]).content.decode()
        assert "What you sent was not recorded." in page
        part = sent(**{"HX-Request": "true", "HX-Current-URL": "http://testserver/inbox/"})
        assert "unsent=1" in part["HX-Redirect"]
        assert "unsent=1" not in client.get("/inbox/")["Location"]
        assert "unsent=1" not in client.post("/start/preview/")["Location"]  # records nothing

    def test_signing_out_is_no_such_form(self, people):
        assert browser(people.mei).post("/accounts/logout/")["Location"] == "/accounts/login/"


def test_an_address_that_only_takes_forms_says_so(people, row):
    answer = browser(people.mei).get(f"/approvals/{row.pk}/answer/")
    assert answer.status_code == 405
    assert answer["Allow"] == "POST"
    page = answer.content.decode()
    assert "This is not a page" in page
    assert "Sign out" in page  # in the frame, as any other page


def test_a_page_that_is_only_read_says_so_where_something_is_sent(people):
    answer = browser(people.mei).post("/history/")
    assert answer.status_code == 405
    page = answer.content.decode()
    assert "This page can only be read" in page
    assert "a form on another page" not in page


def test_the_sign_in_says_why_it_is_asked_for(client, db):
    page = client.get("/accounts/login/?next=/inbox/&ended=1").content.decode()
    assert "You are signed out. A session lasts at most 8 hours." in page
    assert settings.SESSION_COOKIE_AGE == 8 * 3600
