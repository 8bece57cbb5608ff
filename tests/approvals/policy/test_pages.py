"""The pages of the policy: for administrators, with a difference before anything is saved."""

import re
import uuid
from datetime import timedelta
from html import unescape
from importlib import import_module

import pytest
from django.apps import apps
from django.contrib.auth.models import Group, User
from django.utils import timezone

from approvals import policy
from approvals.models import (
    Approval,
    AuditEntry,
    PolicyCheck,
    PolicyMatch,
    PolicyVersion,
    WorkflowRun,
)
from approvals.policy.table import BUILT_IN
from approvals.policy.written import written
from orchestrator import client
from orchestrator.contract import Request, Run
from tests.approvals.policy.tables import allow, ask, deny
from tests.approvals.policy.test_simulator import a_check, everything
from tests.desk import a_row, an_opened

BACKEND = "approvals.accounts.Accounts"
PAGES = ["/policy/", "/policy/draft/", "/policy/simulator/", "/policy/versions/0/"]
SMALL = written((allow("amount(payload.amount) < 50.0", "small", reason="Small."),))


@pytest.fixture
def kim(people, client):
    user = User.objects.create(username="kim", is_superuser=True)
    client.force_login(user, BACKEND)
    return client


def seen_in(page: str) -> str:
    return re.search(r'name="seen" value="([^"]*)"', page)[1]


def text_of(answer) -> str:
    return unescape(answer.content.decode())


class TestWhoMay:
    @pytest.mark.parametrize("path", PAGES)
    def test_administrators_look(self, kim, path):
        assert kim.get(path).status_code == 200

    @pytest.mark.parametrize("path", PAGES)
    def test_others_are_told_who_may(self, people, client, path):
        client.force_login(people.mei, BACKEND)
        answer = client.get(path)
        assert answer.status_code == 403
        assert "Only administrators see and change this." in text_of(answer)

    @pytest.mark.parametrize("path", PAGES)
    def test_strangers_sign_in(self, db, client, path):
        answer = client.get(path)
        assert answer.status_code == 302
        assert answer["Location"].startswith("/accounts/login/")

    @pytest.mark.parametrize("path", ["/policy/draft/", "/policy/simulator/"])
    def test_others_post_nothing(self, people, client, path):
        given = {"text": SMALL, "save": "1", "seen": "0:x"}
        assert client.post(path, given).status_code == 302
        for each in (people.mei, User.objects.create(username="staff", is_staff=True)):
            client.force_login(each, BACKEND)
            assert client.post(path, given).status_code == 403
        assert not PolicyVersion.objects.exists()

    def test_only_administrators_find_the_way(self, kim, people, client):
        assert 'href="/policy/"' in text_of(kim.get("/history/"))
        client.force_login(people.mei, BACKEND)
        assert 'href="/policy/"' not in text_of(client.get("/history/"))

    @pytest.mark.parametrize("path", ["/policy/", "/policy/versions/0/"])
    def test_pages_to_read_take_no_post(self, kim, path):
        assert kim.post(path).status_code == 405


class TestRulesInForce:
    def test_are_built_in_at_first(self, kim):
        page = text_of(kim.get("/policy/"))
        assert "Nobody has saved rules yet: these are built in." in page
        assert "no-forbidden-tasks" in page
        assert "Not this month." in page

    def test_are_shown_with_all_that_they_say(self, kim, use):
        yesterday = str(timezone.now().date() - timedelta(days=1))
        use(
            ask("payload.x > 1", "ask-two", description="Two look.", owner="finance", quorum=2,
                source="https://example.com/rules", groups=("Finance", "Security"), risk="high",
                stages=("legal",), due_seconds=3600, warning="Call.", expires=yesterday),
            allow(name="pass", expires=yesterday, source="limits.md:14"),
            note="Because.",
        )  # fmt: skip
        page = text_of(kim.get("/policy/"))
        for words in (
            "Two look.", "finance", "payload.x > 1", "2 approvals", "one each of Finance, Security",
            "then legal", "risk high", "within 1 hour", "Warning: Call.", "expired: it still holds",
            "expired: it allows nothing", "limits.md:14", 'href="https://example.com/rules"',
            "Version 1, saved by shell", "Because.", 'href="/policy/versions/1/"',
        ):  # fmt: skip
            assert words in page, words

    def test_are_counted_this_month(self, noon, kim, use):
        use(allow("title == 'a'", "small"), deny("title == 'b'", "no"), ask("title == 'c'", "two"))
        for n in range(3):
            a_check(f"a{n}", "a")
        a_check("b", "b")
        a_check("c", "c")
        PolicyMatch.objects.create(
            check_of=PolicyCheck.objects.first(), rule="no", at=timezone.now() - timedelta(days=32)
        )
        page = text_of(kim.get("/policy/"))
        assert "Approved by rule small, 3 times this month." in page
        assert "Denied once this month." in page
        assert "Asked once this month." in page

    def test_may_be_none(self, kim, use):
        use()
        assert "There is no rule, so people are asked about everything." in text_of(
            kim.get("/policy/")
        )

    def test_hide_no_character(self, kim, use):
        use(deny("title == 'a\u202eb'", "<b>", owner="<script>"))
        page = kim.get("/policy/").content.decode()
        assert "\\u202e" in page
        assert "<script>" not in page.partition("<main")[2].partition("</main")[0]

    def test_name_opa(self, kim, settings):
        settings.OPA_URL = "http://127.0.0.1:8181"
        assert "Open Policy Agent is asked as well, at http://127.0.0.1:8181" in text_of(
            kim.get("/policy/")
        )


class TestVersion:
    def test_says_what_it_changed(self, kim, use):
        use(deny("title == 'a'", "no"), note="First")
        use(deny("title == 'b'", "no"))
        page = text_of(kim.get("/policy/versions/2/"))
        assert "Changed no: when was title == 'a', now title == 'b'" in page
        assert "in force" in page
        page = text_of(kim.get("/policy/versions/1/"))
        assert "Removed no-forbidden-tasks" in page
        assert "version 2 is in force" in page
        assert "when: title == 'a'" in page

    @pytest.mark.parametrize("number", [1, 99, 2**31, 10**30])
    def test_that_does_not_exist(self, kim, number):
        assert kim.get(f"/policy/versions/{number}/").status_code == 404
        assert kim.get(f"/policy/draft/?from={number}").status_code in (404, 200)


class TestDraft:
    def test_begins_with_what_is_in_force(self, kim, use):
        assert "no-forbidden-tasks" in text_of(kim.get("/policy/draft/"))
        use(deny("title == 'a'", "one"))
        use(deny("title == 'b'", "two"))
        assert "title == 'b'" in text_of(kim.get("/policy/draft/"))
        assert "title == 'a'" in text_of(kim.get("/policy/draft/?from=1"))
        assert "title == 'b'" in text_of(kim.get("/policy/draft/?from=x"))

    def test_shows_the_difference_and_saves_nothing(self, kim):
        before = everything()
        answer = kim.post("/policy/draft/", {"text": SMALL})
        page = text_of(answer)
        assert answer.status_code == 200
        assert "Added small: allow when amount(payload.amount) < 50.0" in page
        assert "Removed no-forbidden-tasks" in page
        assert "The built-in rule no-forbidden-tasks no longer holds then." in page
        assert 'name="save"' in page
        assert everything() == before

    def test_is_saved_once_it_was_seen(self, kim):
        seen = seen_in(text_of(kim.post("/policy/draft/", {"text": SMALL})))
        given = {"text": SMALL.replace("\n", "\r\n"), "seen": seen, "save": "1", "note": "Why"}
        answer = kim.post("/policy/draft/", given)
        assert (answer.status_code, answer["Location"]) == (303, "/policy/")
        assert "Version 1 is in force." in text_of(kim.get("/policy/"))
        version = PolicyVersion.objects.get()
        assert (version.made_by.username, version.note) == ("kim", "Why")
        entry = AuditEntry.objects.get(action="policy changed")
        assert (entry.actor, entry.detail["version"]) == (version.made_by, 1)
        assert entry.detail["changes"][0].startswith("Added small: allow when")
        finding = policy.judge("t", Request.read({"title": "t", "payload": {"amount": "5"}}))
        assert finding.verdict == "allow"

    @pytest.mark.parametrize("seen", ["", "0:abc", "1:" + "0" * 64])
    def test_is_not_saved_before_it_was_seen(self, kim, seen):
        answer = kim.post("/policy/draft/", {"text": SMALL, "seen": seen, "save": "1"})
        assert answer.status_code == 409
        page = text_of(answer)
        assert "Look at the difference again." in page
        assert "Added small" in page
        assert not PolicyVersion.objects.exists()

    def test_is_not_saved_over_somebody_elses(self, kim, use):
        seen = seen_in(text_of(kim.post("/policy/draft/", {"text": SMALL})))
        use(deny("title == 'a'", "other"))
        answer = kim.post("/policy/draft/", {"text": SMALL, "seen": seen, "save": "1"})
        assert answer.status_code == 409
        assert "Removed other" in text_of(answer)
        assert PolicyVersion.objects.count() == 1

    def test_with_faults_names_their_lines_and_keeps_the_text(self, kim):
        text = "rules:\n  - name: a\n    then: maybe\n  - {name: b, then: deny, when: paylod.x}\n"
        answer = kim.post("/policy/draft/", {"text": text, "save": "1"})
        page = text_of(answer)
        assert answer.status_code == 422
        assert "<title>Error: Draft" in page
        assert "Line 3: `then` must be one of deny, ask, allow." in page
        assert "Line 4: b: There is no `paylod`." in page
        assert text in page
        assert not PolicyVersion.objects.exists()

    @pytest.mark.parametrize("verb", ["check", "save"])
    def test_with_faults_says_each_once_and_what_was_asked_of_it(self, kim, verb):
        text = "rules:\n  - name: a\n    then: maybe\n  - {name: b, then: deny, colour: red}\n"
        page = text_of(kim.post("/policy/draft/", {"text": text, verb: "1"}))
        assert page.count("Line 3: `then` must be one of deny, ask, allow.") == 1
        assert page.count("Line 4: A rule has no field `colour`.") == 1
        assert ("The check found 2 faults" in page) == (verb == "check")
        assert ("It was not saved" in page) == (verb == "save")
        # Who hears the page is led from the field to them.
        assert 'aria-describedby="id_text_helptext id_text_error"' in page
        assert page.count('id="id_text_error"') == 1

    def test_that_keeps_what_is_built_in_is_told_of_no_loss(self, kim):
        text = written((*BUILT_IN, allow("title == 'x'", "small")))
        page = text_of(kim.post("/policy/draft/", {"text": text}))
        assert "Added small" in page
        assert "no longer holds" not in page

    def test_that_says_the_same_offers_nothing_to_save(self, kim, use):
        use(deny("title == 'a'", "one"))
        page = text_of(
            kim.post("/policy/draft/", {"text": written((deny("title == 'a'", "one"),))})
        )
        assert "Nothing differs." in page
        assert 'name="save"' not in page


class TestSimulator:
    def test_says_what_would_have_gone_another_way(self, kim, people):
        a_row(people, title="Refund", payload={"amount": "€12.00"})
        before = everything()
        answer = kim.post("/policy/simulator/", {"text": SMALL, "last": "10"})
        page = text_of(answer)
        assert answer.status_code == 200
        for words in ("1 of 1 requests would have gone another way.", "1 × asked → allowed",
                      "Nothing was changed.", "asked: 1 of general", "Small.",
                      "asked by a workflow of its own"):  # fmt: skip
            assert words in page, words
        assert everything() == before

    def test_says_that_nothing_would_have_differed(self, kim, people):
        page = text_of(kim.post("/policy/simulator/", {"text": SMALL, "last": "10"}))
        assert "There is no request yet to try it on." in page
        a_row(people, title="Refund", payload={"amount": "€120.00"})
        page = text_of(kim.post("/policy/simulator/", {"text": SMALL, "last": "10"}))
        assert "Nothing would have been decided differently in 1 request." in page

    def test_runs_nothing_before_it_is_asked_to(self, kim, people):
        a_row(people)
        page = text_of(kim.get("/policy/simulator/"))
        assert "would have gone another way" not in page
        assert "no-forbidden-tasks" in page

    @pytest.mark.parametrize(
        "given",
        [{"text": "rules: ["}, {"text": SMALL, "last": "501"}, {"text": SMALL, "last": "x"}],
    )
    def test_refuses_what_it_cannot_run(self, kim, given):
        answer = kim.post("/policy/simulator/", given)
        assert answer.status_code == 422
        assert "It was not simulated" in text_of(answer)


class TestWorkflow:
    @pytest.fixture(autouse=True)
    def away(self, monkeypatch):
        monkeypatch.setattr(client, "history", lambda *_: [])

    def test_says_which_rule_approved_it_and_how_often(self, noon, kim, use):
        use(allow("title == 'a'", "small", reason="It is small."))
        for n in range(3):
            a_check(f"a{n}", "a")
        page = text_of(kim.get("/workflows/w-a0/a0/"))
        assert "Approved by rule small, 3 times this month." in page
        assert "Nobody was asked. It is small." in page
        assert 'href="/policy/versions/1/"' in page
        assert "Approved by rule small" in text_of(kim.get("/workflows/"))

    def test_says_which_version_denied_it(self, kim, use):
        use(deny("title == 'b'", "no", reason="Not that."))
        a_check("b", "b")
        page = text_of(kim.get("/workflows/w-b/b/"))
        assert "Denied by policy." in page
        assert "Not that." in page
        assert 'href="/policy/versions/1/"' in page


class TestApproval:
    def test_shows_what_each_rule_said(self, people, client, use):
        use(
            ask(
                "true",
                "large",
                reason="It is large.",
                source="limits.md:14",
                quorum=2,
                warning="Call the vendor.",
            ),
            ask("true", "new", reason="The vendor is new.", source="vendors.md:3"),
            allow("payload.nothing == 1", "lost"),
        )
        people.general.reviewers.add(people.reviewer("noor"))
        row = an_opened()
        client.force_login(people.mei, BACKEND)
        page = text_of(client.get(f"/approvals/{row.pk}/"))
        for words in ("It is large.", "large", "version 1", "limits.md:14", "The vendor is new.",
                      "vendors.md:3", "Call the vendor.", "Rule lost cannot be eval"):  # fmt: skip
            assert words in page, words
        assert "/policy/versions/" not in page

    def test_marks_what_asks_for_more_and_says_what(self, people, client, use):
        finance = Group.objects.create(name="Finance")
        people.lena.groups.add(finance)
        use(
            ask("true", "seen", reason="People see it."),
            ask("true", "large", reason="It is large.", quorum=2, groups=("Finance",), risk="high"),
            allow("true", "small", reason="It is small."),
        )
        seen, large, small = lines(client, people.mei, an_opened())
        assert seen.startswith('<li class="ok">')
        assert "People see it." in seen
        assert large.startswith('<li class="warn">')
        for words in ("2 approvals", "one each of Finance", "risk high"):
            assert words in large
        assert small.startswith('<li class="ok">')

    def test_marks_what_denies(self, people, client, use):
        use(ask("true", "seen"), deny("true", reason="Not that."))
        denied, seen = lines(client, people.mei, an_opened())
        assert denied.startswith('<li class="no">')
        assert "Not that." in denied
        assert seen.startswith('<li class="ok">')

    def test_says_that_no_rule_matched(self, people, client, use):
        use(deny("false"))
        (line,) = lines(client, people.mei, an_opened())
        assert "People of General decide." in line
        assert "No rule matched, so people decide by default" in line

    def test_says_that_no_rule_was_asked(self, people, client):
        (line,) = lines(client, people.mei, a_row(people))
        assert "No rule was asked" in line

    def test_of_one_older_than_its_terms_tells_what_its_run_remembers(self, people, client):
        request, run = Request.read({"title": "Pay"}), Run("w", "r", "GuardedTask")
        WorkflowRun.note(run, request, verdict="ask", rule="large", reason="It is large.")
        (line,) = lines(client, people.mei, a_row(people, run_id="r"))
        assert "It is large." in line
        assert "version" not in line

    def test_whose_check_is_lost_tells_what_its_terms_remember(self, people, client, use):
        use(ask("true", "large"))
        row = an_opened()
        PolicyCheck.objects.all().delete()
        (line,) = lines(client, people.mei, row)
        assert "It wants people to look at it: large." in line


def lines(client, user, row) -> list[str]:
    """What the part “Policy” lists."""
    client.force_login(user, BACKEND)
    page = " ".join(client.get(f"/approvals/{row.pk}/").content.decode().split())
    part = page.partition("<h2>Policy</h2>")[2].partition("</section>")[0]
    return ["<li" + each for each in part.split("<li")[1:]]


class TestWarnings:
    """An administrator's word comes first among the warnings, and where one is asked twice."""

    @pytest.fixture
    def row(self, people, use):
        use(ask("true", "vendor", risk="high", warning="Call the vendor."))
        payload = {"iban": "SE4550000000058398257466", "note": "x\u200b"}
        return an_opened(payload=payload, previous={"iban": "SE72"})

    def warned(self, page):
        return re.findall(r'<div class="note"> <svg.*?</svg> <b>(.*?)</b>', " ".join(page.split()))

    def test_come_first(self, people, client, row):
        client.force_login(people.mei, BACKEND)
        page = client.get(f"/approvals/{row.pk}/").content.decode()
        assert self.warned(page) == ["Call the vendor.", "The bank account is new."]

    def test_are_repeated_before_a_high_risk_is_approved(self, people, client, row):
        client.force_login(people.mei, BACKEND)
        given = {"verdict": "approve", "sha": row.payload_sha256, "key": "k", "place": "pane"}
        answer = client.post(
            f"/approvals/{row.pk}/decision/", given, headers={"HX-Request": "true"}
        )
        page = answer.content.decode()
        assert "<dialog" in page
        assert self.warned(page) == ["Call the vendor.", "The bank account is new."]

    def test_of_several_rules_leave_room_for_a_fact(self, people, client, use):
        rules = (ask("true", f"rule-{n}", warning=f"Look at {n}.") for n in (1, 2, 3))
        use(*rules)
        row = an_opened(payload={"iban": "SE45"}, previous={"iban": "SE72"})
        client.force_login(people.mei, BACKEND)
        page = client.get(f"/approvals/{row.pk}/").content.decode()
        assert self.warned(page) == ["Look at 1.", "The bank account is new."]
        assert "Look at 2. Look at 3. A rule of policy says so." in page


class TestSeveralSteps:
    """A workflow that asks several times: each approval keeps what was said of it."""

    @pytest.fixture
    def rows(self, people, use):
        use(
            ask("title == 'First'", "first", reason="It comes first."),
            ask("title == 'Second'", "second", reason="It comes second."),
            allow("title == 'Third'", "third", reason="It comes third."),
        )
        run = Run("w-steps", "r-steps", "PayInvoice")
        titles = ("First", "Second", "Third")
        asked = (Request.read({"title": title, "requester": "amira"}) for title in titles)
        return [Approval.open(str(uuid.uuid4()), each, run) for each in asked]

    def test_each_page_shows_its_own(self, people, client, rows):
        reasons = ("It comes first.", "It comes second.", "It comes third.")
        for row, reason in zip(rows, reasons, strict=True):
            (line,) = lines(client, people.mei, row)
            assert reason in line
            page = text_of(client.get(f"/approvals/{row.pk}/"))
            assert [each for each in reasons if each in page] == [reason]

    def test_where_it_is_tells_its_own(self, people, client, rows):
        client.force_login(people.amira, BACKEND)
        page = text_of(client.get(f"/approvals/{rows[0].pk}/"))
        where = page.partition("Where it is")[2].partition("Withdraw")[0]
        assert "It comes first." in where
        assert "It comes third." not in where

    def test_all_are_counted(self, kim, rows):
        page = text_of(kim.get("/policy/"))
        assert page.count("Asked once this month.") == 2
        assert "Approved by rule third, once this month." in page

    def test_the_page_of_the_run_speaks_for_none_of_them(self, kim, rows, monkeypatch):
        monkeypatch.setattr(client, "history", lambda *_: [])
        page = text_of(kim.get("/workflows/w-steps/r-steps/"))
        assert "Nobody was asked." not in page
        assert "Approved by rule third" not in page

    def test_a_guarded_task_was_checked_before_it_asks_and_is_counted_once(self, people, use):
        use(ask("true", "large"))
        check = a_check("g", "Pay")
        row = Approval.open(
            str(uuid.uuid4()), Request.read({"title": "Pay"}), Run("w-g", "g", "GuardedTask")
        )
        assert PolicyCheck.objects.get() == check
        assert PolicyCheck.objects.get().approval_id == row.pk
        a_check("g", "Pay")  # an activity may run twice
        assert PolicyCheck.objects.get().approval_id == row.pk
        assert PolicyMatch.objects.count() == 1

    def test_what_was_kept_by_run_goes_to_the_approval_that_opened_last(self, people, use):
        use(ask("true", "large", reason="It is large.", quorum=2))
        run, read = Run("w", "r", "PayInvoice"), Request.read({"title": "Pay"})
        _first, last = (Approval.open(str(uuid.uuid4()), read, run) for _n in range(2))
        PolicyCheck.objects.filter(approval=last).delete()
        kept = [{**each, "asks": {}} for each in PolicyCheck.objects.get().rules]
        PolicyCheck.objects.update(approval=None, rule="", reason="", rules=kept)
        import_module("approvals.migrations.0012_policy_of_each_approval").fill(apps, None)
        check = PolicyCheck.objects.get()
        assert check.approval_id == last.pk
        assert (check.rule, check.reason) == ("large", "It is large.")
        assert check.rules[0]["asks"] == {"quorum": 2}
