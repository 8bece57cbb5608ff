"""My requests: the list, where one is, and what who asked can do about it."""

import re
import uuid
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from approvals.models import Approval, Comment, Decision, Queue, WorkflowRun
from approvals.templatetags.requester import people as named
from approvals.templatetags.times import timed
from orchestrator import signing
from orchestrator.contract import Request, Run, Snapshot
from tests.approvals.policy.tables import deny, use
from tests.desk import a_row, an_opened

pytestmark = pytest.mark.usefixtures("away")

__all__ = ["use"]

ACTIONS = ("withdrawal", "nudge", "answer")


@pytest.fixture
def row(people):
    return asked(people)


@pytest.fixture
def amira(people, client):
    client.force_login(people.amira, "approvals.accounts.Accounts")
    return client


def asked(people, **values) -> Approval:
    mine = {"requester": "amira", "requester_user": people.amira, "requester_identity": "amira"}
    return a_row(people, **{**mine, **values})


def closed(people, state="rejected", **values) -> Approval:
    now = timezone.now()
    return asked(people, state=state, closed_at=now, settled_at=now, **values)


def text(answer) -> str:
    return " ".join(answer.content.decode().split())


def here(row, action="") -> str:
    return f"/approvals/{row.pk}/" + (f"{action}/" if action else "")


class TestList:
    def test_is_of_ones_own(self, amira, people):
        asked(people, title="Mine")
        a_row(people, title="Of somebody else")
        page = text(amira.get("/requests/"))
        assert "Mine" in page
        assert "Of somebody else" not in page

    def test_can_be_narrowed(self, amira, people):
        asked(people, title="Open one")
        closed(people, title="Closed one")
        page = text(amira.get("/requests/?show=waiting"))
        assert "Open one" in page
        assert "Closed one" not in page
        page = text(amira.get("/requests/?show=closed"))
        assert "Open one" not in page
        assert "Closed one" in page
        assert text(amira.get("/requests/?show=x")).count(" one</a>") == 2

    def test_says_that_somebody_asks(self, amira, people, row):
        Comment.add(row, people.mei, "Which account?", Comment.Kind.QUESTION)
        assert "mei asks you something" in text(amira.get("/requests/"))
        Comment.add(row, people.amira, "The old one.", Comment.Kind.ANSWER)
        assert "asks you something" not in text(amira.get("/requests/"))

    def test_shows_what_policy_settled(self, amira, people, row):
        request = Request.read({"title": "forbidden: all", "requester": "amira"})
        run = Run("task-1", str(uuid.uuid4()), "GuardedTask")
        WorkflowRun.note(run, request, verdict="deny", rule="no", reason="It is forbidden.")
        page = text(amira.get("/requests/"))
        assert "forbidden: all" in page
        assert "Denied by policy" in page
        assert "forbidden: all" not in text(amira.get("/requests/?show=waiting"))

    def test_tells_withdrawn_from_cancelled(self, amira, people, row):
        amira.post(here(row, "withdrawal"), {"key": "k1"})
        Approval.objects.filter(pk=row.pk).update(state="cancelled", closed_at=timezone.now())
        closed(people, "cancelled")
        page = text(amira.get("/requests/"))
        assert page.count("Withdrawn</span>") == 1
        assert page.count("Cancelled by workflow</span>") == 1
        assert "General: Withdrawn" in text(amira.get(here(row)))

    def test_costs_the_same_however_long(self, amira, people, django_assert_max_num_queries):
        for _ in range(30):
            Comment.add(asked(people), people.mei, "Why?", Comment.Kind.QUESTION)
        with django_assert_max_num_queries(12):
            assert text(amira.get("/requests/")).count("asks you something") == 30

    def test_is_empty_at_first(self, amira):
        page = text(amira.get("/requests/"))
        assert "You have not asked for anything yet." in page
        assert "Nothing of yours is waiting." in text(amira.get("/requests/?show=waiting"))


class TestWhereItIs:
    def test_names_who_can_decide(self, amira, people, row):
        page = text(amira.get(here(row)))
        assert "Where it is" in page
        assert "mei, lena and tomasz can decide." in page
        assert "Usually" not in page

    def test_counts_the_approvals(self, amira, people):
        row = asked(people, quorum=2)
        row.decide(people.lena, "approve")
        page = text(amira.get(here(row)))
        assert "(1 of 2)" in page
        assert "mei and tomasz can decide." in page

    def test_says_how_long_it_takes(self, amira, people, row):
        for minutes in (5, 21, 21, 21, 600):
            opened = timezone.now() - timedelta(minutes=minutes)
            closed(people, state="approved", opened_at=opened)
        assert "Usually 21 minutes." in text(amira.get(here(row)))

    @pytest.mark.parametrize("state", ["cancelled", "lost"])
    def test_what_nobody_decided_says_nothing_of_how_long_it_takes(self, people, state):
        for _ in range(5):
            closed(people, state=state)
        assert people.general.usual_time() is None

    def test_is_for_who_asked_alone(self, client, people, row):
        client.force_login(people.mei, "approvals.accounts.Accounts")
        page = text(client.get(here(row)))
        assert "Where it is" not in page
        assert "Withdraw" not in page

    def test_tells_the_end(self, amira, people):
        assert "The workflow went on:" in text(amira.get(here(closed(people, "approved"))))
        assert "It does not run." in text(amira.get(here(closed(people, "expired"))))

    def test_tells_who_ended_it_and_on_which_day(self, amira, people):
        row = asked(people)
        row.decide(people.mei, "approve")
        then = timezone.now().replace(year=2025, month=3, day=9, hour=14, minute=5)
        Approval.objects.filter(pk=row.pk).update(state="approved", closed_at=then)
        assert f"Approved<small>mei, {timed(then)}</small>" in text(amira.get(here(row)))
        assert ">9 Mar 2025, 14:05</time>" in timed(then)

    def test_tells_every_stage(self, amira, people):
        for slug, name in (("finance", "Finance"), ("legal", "Legal")):
            queue = Queue.objects.create(slug=slug, name=name)
            people.reviewer(f"of-{slug}", queue)
        row = an_opened(requester="amira", stages=["finance", "legal"])
        assert self.steps(amira, row) == [
            ("General", "mei, lena and tomasz can decide."),
            ("Finance", "decides next, once those before have agreed"),
            ("Legal", "decides after that"),
            ("Runs", "once it is approved"),
        ]
        row.decide(people.mei, "approve").acknowledge()
        run = Run(row.workflow_id, row.run_id, row.workflow_type)
        Approval.publish(Snapshot(str(row.pk), run, 2, "waiting", stage=1))
        assert self.steps(amira, row)[:3] == [
            ("General: Approved", "mei"),
            ("Finance", "of-finance can decide."),
            ("Legal", "decides next, once those before have agreed"),
        ]
        by_finance = User.objects.get(username="of-finance")
        Approval.objects.get().decide(by_finance, "reject", "No.").acknowledge()
        Approval.publish(Snapshot(str(row.pk), run, 3, "rejected", "No.", stage=1))
        titles = [title for title, _more in self.steps(amira, row)]
        assert titles == ["General: Approved", "Finance: Rejected", "It does not run."]

    def steps(self, client, row) -> list[tuple[str, str]]:
        """What the list says after Asked and Policy: each step, and what stands below it."""
        part = text(client.get(here(row))).partition("<h2>Where it is</h2>")[2]
        items = part.partition("</ol>")[0].split("<li")[3:]
        found = [each.partition("<div")[2].partition(">")[2].partition("<small>") for each in items]
        return [
            (re.sub("<[^>]+>", "", title).strip(), re.sub("<.*", "", more))
            for title, _small, more in found
        ]

    def test_of_what_a_rule_denied_marks_the_policy(self, amira, people, use):
        use(deny("true", reason="Not that."))
        page = text(amira.get(here(an_opened(requester="amira"))))
        assert re.search(r'<li class="no"><svg.{,400}</svg><div>Policy<small>Not that\.', page)

    def test_is_kept_fresh(self, amira, row):
        page = text(amira.get(here(row, "panel")))
        assert 'id="whereabouts" hx-swap-oob="true"' in page

    def test_of_many_only_some_are_named(self):
        assert named([]) == ""
        assert named(["Lena"]) == "Lena"
        assert named([str(n) for n in range(9)]) == "0, 1, 2, 3, 4, 5 and 3 others"


class TestWhoMay:
    @pytest.mark.parametrize("action", ACTIONS)
    def test_a_stranger_finds_nothing(self, client, row, action):
        zoe = User.objects.create(username="zoe")
        client.force_login(zoe, "approvals.accounts.Accounts")
        assert client.post(here(row, action), {"text": "x"}).status_code == 404

    @pytest.mark.parametrize("who", ["mei", "kim"])
    @pytest.mark.parametrize("action", ACTIONS)
    def test_others_may_not(self, client, people, row, action, who):
        kim = User.objects.create(username="kim", is_superuser=True)
        user = {"mei": people.mei, "kim": kim}[who]
        client.force_login(user, "approvals.accounts.Accounts")
        assert client.post(here(row, action), {"text": "x"}).status_code == 403
        assert not Comment.objects.exists()
        assert not Decision.objects.exists()

    @pytest.mark.parametrize("action", ACTIONS)
    def test_nobody_signed_in_may(self, client, row, action):
        assert client.post(here(row, action), {"text": "x"}).status_code == 302
        assert not Comment.objects.exists()

    def test_who_only_bears_the_requesters_name_may_not_withdraw(self, client, people):
        row = a_row(people, requester="mei", requester_identity="mei")
        client.force_login(people.mei, "approvals.accounts.Accounts")
        assert "Withdraw it" not in text(client.get(here(row)))
        assert client.post(here(row, "withdrawal")).status_code == 403


class TestWithdrawal:
    def test_is_recorded_with_its_reason(self, amira, people, row):
        answer = amira.post(here(row, "withdrawal"), {"reason": " A mistake. ", "key": "k1"})
        assert (answer.status_code, answer["Location"]) == (303, here(row))
        decision = row.decisions.get()
        assert (decision.verdict, decision.comment) == ("withdraw", "A mistake.")
        assert decision.reviewer == people.amira
        page = text(amira.get(here(row)))
        assert "You withdrew the request." in page
        assert "Withdraw it" not in page

    def test_twice_by_the_same_form_is_once(self, amira, row):
        for _ in range(2):
            assert amira.post(here(row, "withdrawal"), {"key": "k1"}).status_code == 303
        assert row.decisions.count() == 1

    def test_comes_too_late(self, amira, people, row):
        row.decide(people.lena, "approve")
        answer = amira.post(here(row, "withdrawal"), {"key": "k1"})
        assert answer.status_code == 409
        assert "lena approved it at" in text(answer)
        assert row.decisions.count() == 1

    def test_with_a_reason_too_long_is_typed_again(self, amira, row):
        answer = amira.post(here(row, "withdrawal"), {"reason": "x" * 4001, "key": "k1"})
        assert answer.status_code == 422
        page = text(answer)
        assert "The reason is too long." in page
        assert "x" * 4001 in page
        assert "<title>Error: " in page
        assert not row.decisions.exists()

    def test_needs_a_key_to_sign_with(self, amira, row, monkeypatch):
        def nothing(var):
            raise signing.NoKey("none")

        monkeypatch.setattr(signing.Signer, "load", nothing)
        answer = amira.post(here(row, "withdrawal"), {"key": "k1"})
        assert answer.status_code == 503
        assert "Nothing was recorded." in text(answer)


class TestNudge:
    def test_says_who_was_told(self, amira, people):
        row = asked(people, quorum=2)
        row.decide(people.lena, "approve")
        answer = amira.post(here(row, "nudge"))
        assert (answer.status_code, answer["Location"]) == (303, here(row))
        assert row.comments.get().kind == Comment.Kind.NUDGE
        page = text(amira.get(here(row)))
        assert "Reminded: mei and tomasz." in page
        assert "The reviewers were reminded at" in page
        assert "Remind the reviewers" not in page

    def test_is_for_once_an_hour(self, amira, row):
        amira.post(here(row, "nudge"))
        answer = amira.post(here(row, "nudge"))
        assert answer.status_code == 409
        assert "reminded less than an hour ago" in text(answer)
        assert row.comments.count() == 1

    def test_may_come_again_an_hour_later(self, amira, people, row):
        then = timezone.now() - timedelta(minutes=61)
        Comment.objects.create(approval=row, author=people.amira, kind="nudge", at=then)
        assert "Remind the reviewers" in text(amira.get(here(row)))
        assert amira.post(here(row, "nudge")).status_code == 303

    def test_is_for_what_waits(self, amira, people):
        row = closed(people)
        assert amira.post(here(row, "nudge")).status_code == 409
        assert not row.comments.exists()


class TestAnswer:
    @pytest.fixture
    def question(self, people, row):
        return Comment.add(row, people.mei, "Which account?", Comment.Kind.QUESTION)

    def test_goes_to_who_asked_the_question(self, amira, people, row, question):
        assert "mei asks" in text(amira.get(here(row)))
        answer = amira.post(here(row, "answer"), {"text": "The old one."})
        assert (answer.status_code, answer["Location"]) == (303, here(row))
        said = row.comments.get(kind="answer")
        assert (said.text, said.author, said.recipient) == (
            "The old one.", people.amira, people.mei)  # fmt: skip
        assert "mei asks" not in text(amira.get(here(row)))

    def test_is_not_empty(self, amira, row, question):
        answer = amira.post(here(row, "answer"), {"text": " "})
        assert answer.status_code == 422
        assert "Write something first." in text(answer)
        assert "autofocus" in text(answer).partition('id="answer-text"')[2][:200]

    def test_too_long_is_typed_again(self, amira, row, question):
        answer = amira.post(here(row, "answer"), {"text": "x" * 4001})
        assert answer.status_code == 422
        assert "x" * 4001 in text(answer)

    def test_without_a_question_is_none(self, amira, row):
        answer = amira.post(here(row, "answer"), {"text": "The old one."})
        assert answer.status_code == 409
        assert not row.comments.exists()


class TestAskingAgain:
    @pytest.mark.parametrize("state", ["rejected", "cancelled", "expired", "lost"])
    def test_is_offered_after_an_end_without_a_yes(self, amira, people, state):
        row = closed(people, state)
        page = text(amira.get(here(row)))
        assert f"/start/?revises={row.pk}" in page
        assert f"/start/?like={row.pk}" in page

    def test_another_one_is_offered_while_it_waits(self, amira, people, row):
        page = text(amira.get(here(row)))
        assert f"/start/?like={row.pk}" in page
        assert "revises=" not in page

    def test_is_offered_once(self, amira, people):
        row = closed(people)
        later = asked(people, revises=row, title="The second try")
        page = text(amira.get(here(row)))
        assert "revises=" not in page
        assert f'<a href="{here(later)}">The second try</a>' in page
        assert f'<a href="{here(row)}">{row.reference}</a> (Rejected)' in text(
            amira.get(here(later))
        )

    @pytest.mark.parametrize("state", ["waiting", "approved"])
    def test_is_not_offered_otherwise(self, amira, people, state):
        row = asked(people) if state == "waiting" else closed(people, state)
        assert "revises=" not in text(amira.get(here(row)))
