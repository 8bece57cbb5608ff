"""Comments and questions: who may say what, and that saying decides nothing."""

import json
import uuid

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from approvals.models import Approval, AuditEntry, Comment, Decision
from tests.desk import a_row

HTMX = {"HX-Request": "true"}
EVIL = "<script>alert(1)</script> \u202e"


@pytest.fixture
def row(people):
    return a_row(people, requester="amira", requester_user=people.amira, requester_identity="amira")


@pytest.fixture
def sign_in(client, people):
    def signed_in(name):
        user = getattr(people, name, None) or User.objects.get(username=name)
        client.force_login(user, "approvals.accounts.Accounts")
        return client

    return signed_in


def say(client, row, text="Looks right to me.", kind="comment", htmx=False, **more):
    given = {"text": text, "kind": kind, "key": str(uuid.uuid4()), "place": "page", **more}
    headers = HTMX if htmx else {}
    return client.post(f"/approvals/{row.pk}/comments/", given, headers=headers)


def see(client, row):
    return " ".join(client.get(f"/approvals/{row.pk}/").content.decode().split())


class TestComment:
    @pytest.mark.parametrize("who", ["mei", "amira"])
    def test_is_open_to_whoever_sees_the_approval(self, sign_in, row, who):
        answer = say(sign_in(who), row)
        assert (answer.status_code, answer["Location"]) == (303, f"/approvals/{row.pk}/")
        said = Comment.objects.get()
        assert (said.author.username, said.kind, said.text) == (
            who,
            "comment",
            "Looks right to me.",
        )

    def test_is_in_the_activity_and_in_the_audit(self, sign_in, row):
        mei = sign_in("mei")
        say(mei, row)
        assert "<b>mei</b> commented <blockquote>Looks right to me.</blockquote>" in see(mei, row)
        assert AuditEntry.objects.filter(action="comment", approval=row).count() == 1

    def test_does_not_exist_for_a_stranger(self, sign_in, row, db):
        User.objects.create(username="zoe")
        assert say(sign_in("zoe"), row).status_code == 404
        assert not Comment.objects.exists()

    def test_the_same_form_twice_is_one_comment(self, sign_in, row):
        mei, key = sign_in("mei"), str(uuid.uuid4())
        assert [say(mei, row, key=key).status_code for _ in range(3)] == [303] * 3
        assert Comment.objects.count() == 1

    def test_another_persons_key_is_another_form(self, sign_in, row):
        key = str(uuid.uuid4())
        say(sign_in("mei"), row, key=key)
        say(sign_in("lena"), row, key=key)
        assert Comment.objects.count() == 2

    @pytest.mark.parametrize(
        ("changes", "words"),
        [
            ({"text": "  "}, "Write something first."),
            ({"text": "x" * 4001}, "4000 are allowed"),
            ({"kind": "nudge"}, "not complete"),
            ({"kind": "claim"}, "not complete"),
            ({"key": ""}, "not complete"),
            ({"text": "a\x00b"}, "not complete"),
        ],
    )
    def test_that_is_not_whole_is_not_recorded_and_stays_typed(self, sign_in, row, changes, words):
        answer = say(sign_in("mei"), row, **changes)
        page = answer.content.decode()
        assert answer.status_code == 422
        assert words in page
        assert 'id="talk-err"' in page
        assert changes.get("text", "Looks right").strip("\x00") in page or "\x00" in changes["text"]
        assert not Comment.objects.exists()

    def test_with_htmx_the_live_parts_come_and_a_typed_reason_stays(self, sign_in, row):
        answer = say(sign_in("mei"), row, htmx=True)
        page = answer.content.decode()
        assert answer.status_code == 200
        assert page.strip().startswith('<div id="news"')
        assert 'id="activity" hx-swap-oob="true"' in page
        assert 'id="why"' not in page
        assert json.loads(answer["HX-Trigger"])["say"] == "Recorded."

    def test_with_htmx_a_faulty_one_comes_back_alone(self, sign_in, row):
        answer = say(sign_in("mei"), row, text="", htmx=True)
        assert answer.status_code == 422
        assert (answer["HX-Retarget"], answer["HX-Reswap"]) == ("#talk", "outerHTML")
        assert answer.content.decode().strip().startswith("<form")

    def test_is_only_text(self, sign_in, row):
        mei = sign_in("mei")
        say(mei, row, text=EVIL)
        page = see(mei, row)
        assert "<script>alert" not in page
        assert "\u202e" not in page
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page

    def test_may_come_after_the_end(self, sign_in, row):
        now = timezone.now()
        Approval.objects.update(state="rejected", closed_at=now, settled_at=now)
        assert say(sign_in("mei"), row).status_code == 303

    def test_decides_nothing(self, sign_in, row):
        say(sign_in("mei"), row, verdict="approve", sha=row.payload_sha256, confirmed="1")
        row.refresh_from_db()
        assert not Decision.objects.exists()
        assert (row.state, row.settled_at, row.approvals) == ("waiting", None, 0)


class TestQuestion:
    def test_waits_for_who_asked_and_shows_it(self, sign_in, row):
        mei = sign_in("mei")
        say(mei, row, "Which contract is this?", "question")
        page = see(mei, row)
        assert "<b>mei</b> asked amira" in page
        assert "mei asked amira at" in page
        assert "no answer yet" in page
        assert 'value="approve"' in page
        page = see(sign_in("amira"), row)
        assert "mei asks" in page
        assert "Which contract is this?" in page

    def test_is_closed_by_an_answer(self, sign_in, row, people):
        say(sign_in("mei"), row, "Which contract is this?", "question")
        answer = sign_in("amira").post(f"/approvals/{row.pk}/answer/", {"text": "The second one."})
        assert answer.status_code == 303
        page = see(sign_in("mei"), row)
        assert "no answer yet" not in page
        assert "<b>amira</b> answered mei" in page

    @pytest.mark.parametrize("who", ["amira", "kim"])
    def test_is_for_its_reviewers(self, sign_in, row, who):
        User.objects.get_or_create(username="kim", defaults={"is_superuser": True})
        assert say(sign_in(who), row, kind="question").status_code == 403
        answer = say(sign_in(who), row, kind="question", htmx=True)
        assert answer.status_code == 403
        assert json.loads(answer["HX-Trigger"])["problem"].startswith("Nothing was recorded.")
        assert not Comment.objects.exists()

    def test_is_not_put_to_a_program(self, sign_in, people):
        row = a_row(people, requester="support-agent")
        mei = sign_in("mei")
        assert 'value="question"' not in see(mei, row)
        answer = say(mei, row, kind="question")
        assert answer.status_code == 422
        assert "support-agent has no account here and could not answer." in answer.content.decode()

    def test_is_too_late_once_it_is_decided(self, sign_in, row, people):
        Approval.objects.update(settled_at=timezone.now())
        assert say(sign_in("mei"), row, kind="question").status_code == 409
        assert not Comment.objects.exists()
