"""Every state of the page of an approval: what it says, and what it lets one do."""

import json
import re
from datetime import UTC, datetime, timedelta
from html import unescape

import pytest
from django.contrib.auth.models import Group, User
from django.utils import timezone

from approvals.models import Approval, Claim, Comment, Decision, Kind, Queue
from approvals.templatetags.drawings import scale
from approvals.templatetags.times import timed
from tests.desk import a_row, an_opened

pytestmark = pytest.mark.usefixtures("away")

APPROVE, REJECT = 'name="verdict" value="approve"', 'name="verdict" value="reject"'


@pytest.fixture
def row(people):
    return asked(people)


def asked(people, **values):
    mine = {"requester": "amira", "requester_user": people.amira, "requester_identity": "amira"}
    return a_row(people, **{**mine, **values})


@pytest.fixture
def see(client):
    def seen(user, row, query=""):
        client.force_login(user, "approvals.accounts.Accounts")
        answer = client.get(f"/approvals/{row.pk}/{query}")
        assert answer.status_code == 200
        return " ".join(answer.content.decode().split())

    return seen


def part(page, name):
    return page.partition(f'id="{name}"')[2].partition("</section>")[0]


def clock_of(page):
    return part(page, "clock")


class TestOpen:
    def test_the_button_says_what_it_does(self, see, people):
        for title, button in [
            ("Pay €1.00 to Acme", "Approve payment"),
            ("Deploy 4.18 to production", "Approve deploy"),
            ("Refund $5 on order 7", "Approve refund"),
            ("Contemplate the sea", "Approve"),
        ]:
            assert f"</svg>{button} <kbd>" in see(people.mei, asked(people, title=title))

    @pytest.mark.parametrize(
        ("quorum", "undo", "words"),
        [
            (1, 0, "Yours completes it and the workflow goes on at once."),
            (1, 10, "the workflow goes on in 10 seconds, until then you can undo."),
            (2, 0, "After yours, 1 more is needed."),
            (3, 10, "After yours, 2 more are needed."),
        ],
    )  # fmt: skip
    def test_the_consequence_is_said(self, see, people, quorum, undo, words):
        assert words in see(people.mei, asked(people, quorum=quorum, undo_seconds=undo))

    def test_who_has_voted_and_who_may(self, see, people):
        row = asked(people, quorum=2)
        row.decide(people.lena, "approve")
        page = see(people.mei, row)
        assert "lena approved at" in page
        assert "One more of: you and tomasz" in page
        assert "1 of 2" in page

    def test_all_who_may_are_counted_and_none_who_has_had_a_say(self, see, people):
        people.reviewers(9)
        row = asked(people, quorum=3)
        row.decide(people.lena, "approve")
        named = "you, tomasz, reviewer-0, reviewer-1, reviewer-2, reviewer-3 and 5 others"
        assert f"2 more of: {named}" in see(people.mei, row)

    def test_who_has_rejected_is_not_asked_to_approve(self, see, people):
        Queue.objects.update(reject_quorum=2, due_seconds=300)
        row = an_opened(quorum=2)
        row.decide(people.lena, "reject", "No.")
        assert "2 more of: you and tomasz" in see(people.mei, row)

    def test_enough_approved_and_not_for_every_group(self, see, people):
        finance, legal = (Group.objects.create(name=name) for name in ("Finance", "Legal"))
        for each in (people.mei, people.lena):
            each.groups.add(finance)
        people.tomasz.groups.add(legal)
        row = an_opened(groups=["Finance", "Legal"])
        row.decide(people.mei, "approve")
        row.decide(people.lena, "approve")
        page = see(people.mei, row)
        assert "You approved." in page
        assert "It still needs others" in page
        assert "0 more" not in page
        assert "One more of: you" in see(people.tomasz, row)

    def test_temporal_is_away(self, see, people, row):
        asked(people).decide(people.mei, "approve")
        assert "goes on at once." in see(people.mei, row)
        Decision.objects.update(tries=3)
        page = see(people.mei, row)
        assert "Temporal does not answer at the moment: it is recorded now" in page
        assert "goes on at once." not in page

    def test_claimed_by_another(self, see, people, row):
        Claim.take(row, people.tomasz)
        page = see(people.mei, row)
        assert "tomasz is on it since" in page
        assert "Take over" in page
        assert APPROVE in page

    def test_a_question_is_open(self, see, people, row):
        Comment.add(row, people.lena, "Why twice?", Comment.Kind.QUESTION)
        page = see(people.mei, row)
        assert "lena asked amira at" in page
        assert APPROVE in page


class TestClock:
    @pytest.mark.parametrize(
        ("on_timeout", "words"),
        [
            ("reject", "Rejected automatically at {due} if nobody decides."),
            ("approve", "Approved automatically at {due} if nobody decides."),
            ("expire", "Expires at {due} if nobody decides."),
            ("escalate", "Others are asked as well at {due} if nobody decides."),
        ],
    )
    def test_says_what_comes_of_silence(self, see, people, on_timeout, words):
        due = timezone.now() + timedelta(minutes=43)
        row = asked(people, due_at=due, on_timeout=on_timeout)
        told = clock_of(see(people.mei, row))
        assert words.format(due=timed(due)) in told
        assert "42 minutes left" in told
        assert 'data-urg="now"' in told

    def test_says_that_others_are_asked_by_now(self, see, people):
        now = timezone.now()
        ends = now + timedelta(hours=1)
        row = asked(people, due_at=now - timedelta(hours=1), ends_at=ends, on_timeout="escalate")
        row.decide(people.lena, "approve")  # one of one: but what follows is of the clock alone
        Approval.objects.update(settled_at=None)
        told = clock_of(see(people.mei, row))
        assert "It was not decided in time, so others are asked as well." in told
        assert f"Rejected automatically at {timed(ends)}." in told

    @pytest.mark.parametrize(
        ("ago", "words"),
        [
            (timedelta(seconds=5), "Waiting for less than a minute."),
            (timedelta(minutes=5), "Waiting for 5 minutes."),
            (timedelta(days=3), "Waiting for 3 days."),
        ],
    )
    def test_without_a_deadline_says_how_long_it_waits(self, see, people, ago, words):
        told = clock_of(see(people.mei, asked(people, opened_at=timezone.now() - ago)))
        assert "No deadline." in told
        assert f">{words}</time>" in told
        assert 'data-over="Waiting for {time}."' in told
        assert "data-urg" not in told  # app.js would call it urgent
        assert '<svg class="scale"' not in told


class TestScale:
    """From asked to deadline: what was spent, a tick for each vote, where it stands."""

    START = datetime(2026, 3, 9, 10, 0, tzinfo=UTC)

    @pytest.fixture
    def row(self, people, clock):
        clock.set(self.START + timedelta(minutes=50))
        return asked(people, quorum=3, opened_at=self.START, due_at=self.START + timedelta(hours=2))

    def voted(self, row, *minutes):
        people = row.queue.reviewers.all()
        return [
            Decision(reviewer=by, decided_at=self.START + timedelta(minutes=at))
            for by, at in zip(people, minutes, strict=False)
        ]

    def test_is_spent_up_to_now(self, row):
        drawn = scale(row, [])
        assert '<rect class="spent" y="6" width="41.7%"' in drawn
        assert '<rect class="left" x="41.7%" y="6" width="58.3%"' in drawn
        assert texts(drawn) == ["10:00 asked", "now", "12:00"]
        assert ticks(drawn) == ["0", "41.7%"]

    def test_has_a_tick_for_each_vote_and_a_name_where_there_is_room(self, row, clock):
        clock.set(self.START + timedelta(minutes=80))
        drawn = scale(row, self.voted(row, 42, 44))
        assert ticks(drawn) == ["0", "35.0%", "36.7%", "66.7%"]
        assert texts(drawn) == ["10:00 asked", "now", "10:42 mei", "12:00"]

    def test_names_none_where_it_would_cover_another(self, row, clock):
        assert texts(scale(row, self.voted(row, 6, 48))) == ["10:00 asked", "now", "12:00"]
        clock.set(self.START + timedelta(minutes=20))
        assert texts(scale(row, [])) == ["10:00 asked", "12:00"]

    def test_is_told_to_who_does_not_see_it(self, row):
        words = "Asked 10:00, deadline 12:00, 2 approvals so far"
        assert f'role="img" aria-label="{words}"' in scale(row, self.voted(row, 24, 48))

    def test_stands_where_it_was_decided_or_closed(self, row):
        row.settled_at = self.START + timedelta(minutes=48)
        assert texts(scale(row, [])) == ["10:00 asked", "decided", "12:00"]
        assert ticks(scale(row, [])) == ["0", "40.0%"]
        row.closed_at = self.START + timedelta(minutes=60)
        assert texts(scale(row, [])) == ["10:00 asked", "closed", "12:00"]
        assert ticks(scale(row, [])) == ["0", "50.0%"]

    def test_ends_at_the_deadline(self, row):
        row.due_at = self.START + timedelta(minutes=10)
        drawn = scale(row, [])
        assert ticks(drawn) == ["0", "100.0%"]
        assert texts(drawn) == ["10:00 asked", "10:10"]

    def test_is_none_without_a_deadline(self, row):
        row.due_at = None
        assert scale(row, []) == ""


def ticks(drawn: str) -> list[str]:
    return re.findall(r'<line x1="([^"]*)"', drawn)


def texts(drawn: str) -> list[str]:
    return re.findall(r"<text[^>]*>([^<]*)</text>", drawn)


class TestAsked:
    def test_what_is_unchanged_is_folded_away(self, see, people):
        same = {f"field-{n}": n for n in range(4)}
        row = asked(people, payload={"amount": "2", **same}, previous={"amount": "1", **same})
        page = part(see(people.mei, row), "asked")
        assert "4 more fields are unchanged. Show all</summary>" in page
        first, folded = page.split("<details>", 1)
        assert "field-1" not in first.replace("Field", "field")
        assert folded.count("<tr") >= 4

    def test_one_that_is_unchanged(self, see, people):
        row = asked(people, payload={"a": 1, "b": 2}, previous={"a": 1, "b": 3})
        assert "1 more field is unchanged. Show it</summary>" in see(people.mei, row)

    def test_nothing_differs(self, see, people):
        row = asked(people, payload={"a": 1}, previous={"a": 1})
        assert "Nothing differs from what holds today." in see(people.mei, row)
        assert "Nothing differs" not in see(people.mei, row, "?compare=none")

    def test_there_is_nothing_in_it(self, see, people):
        assert "The payload is empty." in see(people.mei, asked(people, payload={}))

    def test_the_json_is_there_as_it_is(self, see, people):
        row = asked(people, payload={"to": "<b>Acme</b>", "n": 1})
        shown = part(see(people.mei, row), "asked").partition("See the JSON</summary>")[2]
        code = re.search(r"<code>(.*?)</code>", shown)
        assert json.loads(unescape(code.group(1))) == {"to": "<b>Acme</b>", "n": 1}
        assert f'SHA-256 <code class="mono">{row.payload_sha256}</code>' in shown


class TestUnreadable:
    @pytest.fixture
    def kind(self, people):
        schema = {
            "type": "object",
            "properties": {"amount": {"type": "string"}},
            "required": ["to"],
        }
        return Kind.objects.create(
            slug="vendor-payment", name="Vendor payment", schema=schema, queue=people.general,
            title_template="Pay {amount}",
        )  # fmt: skip

    def test_can_be_rejected_and_asked_about_and_not_approved(self, see, people, kind):
        row = asked(people, kind=kind.slug, payload={"amount": 5})
        page = see(people.mei, row)
        assert "We cannot read this payload as “Vendor payment”." in page
        assert "<code>to</code>: This field is required." in page
        assert APPROVE not in page
        assert "Yours completes it" not in page
        assert REJECT in page
        assert 'value="question"' in page

    def test_a_kind_that_nobody_defined_cannot_be_read_either(self, see, people):
        page = see(people.mei, asked(people, kind="unheard-of"))
        assert "We cannot read this payload as “unheard-of”." in page
        assert APPROVE not in page

    def test_a_payload_as_its_kind_promises_can_be_approved(self, see, people, kind):
        row = asked(people, kind=kind.slug, payload={"amount": "5", "to": "Acme"})
        assert APPROVE in see(people.mei, row)


class TestMayNot:
    def test_ones_own(self, see, people, row):
        page = see(people.amira, row)
        assert "You asked for this, so someone else decides." in page
        assert APPROVE not in page
        assert REJECT not in page
        assert 'value="claim"' not in page

    def test_not_a_reviewer(self, see, people, row):
        kim = User.objects.create(username="kim", is_superuser=True)
        page = see(kim, row)
        assert "General reviewers decide this: mei, lena and tomasz." in page
        assert APPROVE not in page

    def test_of_those_who_decide_only_who_may_is_named(self, see, people):
        kim = User.objects.create(username="kim", is_superuser=True)
        heads = Group.objects.create(name="Heads")
        User.objects.create(username="ola").groups.add(heads)
        people.general.reviewers.add(people.amira)
        row = asked(people, rules={"excluded": [str(people.lena.pk)]}, escalated=1)
        row.escalated_to.add(heads)
        assert row.why_not(kim) == "General reviewers decide this: mei, tomasz and ola."
        people.reviewers(6)
        assert row.why_not(kim).endswith("reviewer-1, reviewer-2 and 3 others.")
        people.general.reviewers.clear()
        heads.user_set.clear()
        assert row.why_not(kim).startswith("Nobody is left who may decide this.")

    def test_the_time_is_over(self, see, people):
        row = asked(people, due_at=timezone.now() - timedelta(minutes=8))
        page = see(people.mei, row)
        assert "8 minutes over" in clock_of(page)
        assert "The time is over, so nothing can be decided any more." in page
        assert APPROVE not in page


class TestVoted:
    def test_one_can_take_it_back_while_the_quorum_is_open(self, see, people, client):
        row = asked(people, quorum=2)
        row.decide(people.mei, "approve", "Fine.")
        page = see(people.mei, row)
        assert "You approved." in page
        assert "1 more approval is needed." in page
        assert "Take back my approval" in page
        answer = client.post(f"/approvals/{row.pk}/undo/", {"key": "k"})
        assert (answer.status_code, answer["Location"]) == (303, f"/approvals/{row.pk}/")
        page = see(people.mei, row)
        assert APPROVE in page
        assert "approved, and took it back" in page

    def test_others_cannot(self, see, people, client):
        row = asked(people, quorum=3)
        row.decide(people.mei, "approve")
        assert "Take back" not in see(people.lena, row)
        assert client.post(f"/approvals/{row.pk}/undo/").status_code == 409


class TestHeld:
    @pytest.fixture
    def held(self, people):
        row = asked(people, undo_seconds=30, due_at=timezone.now() + timedelta(minutes=5))
        row.decide(people.mei, "approve")
        row.refresh_from_db()
        return row

    def test_counts_down_and_can_be_undone(self, see, people, held):
        page = see(people.mei, held)
        assert "Held for undo. " in page
        assert re.search(r"It takes effect in (30|2\d) seconds\.", page)
        assert "</svg>Undo</button>" in page
        assert "Held for undo" in clock_of(page)

    def test_a_long_time_is_told_in_minutes(self, see, people):
        row = asked(people, undo_seconds=1800)
        row.decide(people.mei, "approve")
        assert re.search(r"It takes effect in (30|29) minutes\.", see(people.mei, row))

    def test_is_never_called_applied(self, see, people, held):
        Decision.objects.get().acknowledge()
        page = see(people.mei, held)
        assert "Applied" not in page
        assert "The workflow has it, and holds it for undo." in page

    def test_is_no_running_clock(self, see, people, held):
        assert 'data-urg="none"' in clock_of(see(people.mei, held))
        assert "minutes left" not in see(people.mei, held)

    def test_the_seconds_alone_come_anew(self, people, held, see, client):
        page = see(people.mei, held)
        address = page.partition('id="news" hx-get="')[2].partition('"')[0].replace("&amp;", "&")
        answer = client.get(address)
        assert (
            answer.content.decode().strip().startswith('<span id="countdown" hx-swap-oob="true">')
        )
        assert answer["HX-Reswap"] == "none"

    def test_undo_opens_it_again(self, people, held, see, client):
        see(people.mei, held)
        assert client.post(f"/approvals/{held.pk}/undo/", {"key": "k"}).status_code == 303
        assert client.post(f"/approvals/{held.pk}/undo/", {"key": "k"}).status_code == 303
        assert Decision.objects.filter(verdict="retract").count() == 1
        assert APPROVE in see(people.mei, held)

    def test_too_late_is_said(self, people, held, see, client):
        Approval.objects.update(held_until=timezone.now() - timedelta(seconds=1))
        assert "Undo</button>" not in see(people.mei, held)
        answer = client.post(f"/approvals/{held.pk}/undo/", {"key": "k"})
        assert answer.status_code == 409
        page = answer.content.decode()
        assert "This was not recorded." in page
        assert "Your decision was not recorded." not in page
        assert "Too late to undo. The workflow already has it." in page

    @pytest.mark.parametrize(("who", "status"), [("amira", 403), ("kim", 403), ("zoe", 404)])
    def test_undo_is_for_its_reviewers(self, people, held, client, who, status):
        user = User.objects.get_or_create(
            username=who, defaults={"is_superuser": who == "kim"}
        )[0]  # fmt: skip
        client.force_login(user, "approvals.accounts.Accounts")
        assert client.post(f"/approvals/{held.pk}/undo/", {"key": "k"}).status_code == status
        assert not Decision.objects.filter(verdict="retract").exists()


class TestDecided:
    def test_who_when_and_why_and_no_running_clock(self, see, people):
        row = asked(people, due_at=timezone.now() + timedelta(minutes=5))
        row.decide(people.lena, "reject", "Wrong account.")
        page = see(people.mei, row)
        assert "<b>Rejected</b> <span>by lena at" in page
        assert "Wrong account." in page
        assert 'data-urg="none"' in clock_of(page)
        assert "The workflow has not closed it yet." in clock_of(page)
        assert " left" not in clock_of(page)

    def test_each_word_of_the_delivery(self, see, people, row):
        made = row.decide(people.mei, "approve")
        Decision.objects.update(tries=0)
        assert "Recorded. Sending." in see(people.mei, row)
        Decision.objects.update(tries=2)
        assert "the workflow was not reached. Trying again, third try at" in see(people.mei, row)
        Decision.objects.update(sent_at=timezone.now())
        assert "Sent. Waiting for the workflow." in see(people.mei, row)
        made.refresh_from_db()
        made.acknowledge()
        assert "Applied by the workflow." in see(people.mei, row)

    def test_a_refusal_is_red_and_says_why(self, see, people, row):
        row.decide(people.mei, "approve").refuse("The workflow had already ended.")
        page = see(people.mei, row)
        assert 'data-k="refused"' in page
        assert "Not counted: The workflow had already ended." in page

    def test_withdrawn_before_the_workflow_knows_and_after(self, see, people, row):
        row.withdraw(people.amira, "Sent twice.")
        for state in ("waiting", "cancelled"):
            closed = timezone.now() if state == "cancelled" else None
            Approval.objects.update(state=state, closed_at=closed)
            page = see(people.mei, row)
            assert "<b>Withdrawn</b> <span>by amira at" in page
            assert "Sent twice." in page
            assert "<b>Withdrawn</b>" in clock_of(page)

    def test_a_reason_that_a_decision_has_told_is_not_told_again(self, see, people, row):
        row.withdraw(people.amira, "Sent twice.")
        told = {"reason": "Withdrawn by amira. Sent twice.", "closed_at": timezone.now()}
        Approval.objects.update(state="cancelled", **told)
        page = see(people.mei, row)
        activity = page.partition('id="activity"')[2].partition("</ol>")[0]
        assert activity.count("Sent twice.") == 1

    def test_the_record_has_what_proves_it(self, see, people, row):
        vote = row.decide(people.mei, "approve", "Matches.")
        vote.acknowledge()
        now = timezone.now()
        Approval.objects.update(state="approved", closed_at=now, settled_at=now)
        page = see(people.lena, row)
        record = page.partition('id="record"')[2].partition("</section>")[0]
        for proof in (vote.pk, row.pk, row.run_id, row.workflow_id, row.payload_sha256):
            assert f"<code>{proof}</code>" in record
        assert "Approved" in record
        assert "by web" in record
        assert "Applied by the workflow." in record

    @pytest.mark.parametrize(
        ("state", "words"),
        [
            ("expired", "Expired"),
            ("cancelled", "Cancelled by workflow"),
            ("lost", "Lost"),
            ("rejected", "Rejected"),
        ],
    )
    def test_closed_without_a_vote(self, see, people, row, state, words):
        now = timezone.now()
        Approval.objects.update(state=state, settled_at=now, closed_at=now, reason="It has ended.")
        page = see(people.mei, row)
        assert f"<b>{words}</b>" in page
        assert "It has ended." in page
        assert "by mei" not in page
        assert APPROVE not in page


class TestChangedWhileReading:
    def test_what_changed_is_shown_where_what_was_read_is_known(self, people, client):
        read = asked(people, payload={"amount": "100.00", "to": "Acme"})
        row = asked(people, payload={"amount": "900.00", "to": "Acme"})
        client.force_login(people.mei, "approvals.accounts.Accounts")
        given = {"verdict": "approve", "sha": read.payload_sha256, "key": "k", "place": "page"}
        answer = client.post(f"/approvals/{row.pk}/decision/", given)
        page = " ".join(answer.content.decode().split())
        assert answer.status_code == 409
        assert "The request changed while you were reading. Read it again." in page
        assert "what you have read" in page
        assert "<b>100.00</b>" in page
        assert "<b>900.00</b>" in page
        assert not Decision.objects.exists()

    def test_a_payload_that_one_may_not_see_is_not_shown(self, people, client):
        from approvals.models import Queue

        secret = Queue.objects.create(slug="secret", name="Secret")
        read = a_row(people, payload={"amount": "31337.00"}, queue=secret)
        row = asked(people)
        client.force_login(people.mei, "approvals.accounts.Accounts")
        given = {"verdict": "approve", "sha": read.payload_sha256, "key": "k", "place": "page"}
        answer = client.post(f"/approvals/{row.pk}/decision/", given)
        assert answer.status_code == 409
        assert "31337" not in answer.content.decode()


class TestCautions:
    def test_a_new_account(self, see, people):
        row = asked(people, payload={"iban": "SE4550000000058398257466", "n": 1}, previous={"n": 1})
        assert "The bank account is new." in see(people.mei, row)
        same = {"iban": "SE4550000000058398257466"}
        assert "The bank account" not in see(people.mei, asked(people, payload=same, previous=same))
        assert "The bank account" not in see(people.mei, asked(people, payload=same))

    def test_the_very_same_was_rejected(self, see, people, row):
        row.decide(people.lena, "reject", "No.")
        now = timezone.now()
        Approval.objects.update(state="rejected", closed_at=now - timedelta(minutes=12))
        page = see(people.mei, asked(people))
        assert "The very same was rejected before." in page
        assert "12 minutes ago</time> by lena" in page
        assert "The very same" not in see(people.mei, asked(people, payload={"amount": "121.00"}))

    def test_of_what_is_closed_are_those_of_its_time(self, see, people, row):
        row.decide(people.lena, "reject", "No.")
        then = timezone.now() - timedelta(days=30)
        Approval.objects.update(state="rejected", opened_at=then, closed_at=then)
        later = then + timedelta(days=2)
        again = asked(people, opened_at=later, closed_at=later, state="approved")
        assert "The very same was rejected before." in see(people.mei, again)
        assert "The very same was rejected" not in see(people.mei, asked(people))

    def test_that_one_may_not_see_is_not_told(self, see, people, row):
        row.decide(people.lena, "reject", "No.")
        Approval.objects.update(state="rejected", closed_at=timezone.now())
        zoe = User.objects.create(username="zoe")
        own = a_row(people, requester="zoe", requester_user=zoe, requester_identity="zoe")
        assert "The very same" not in see(zoe, own)

    def test_a_strange_host_and_hidden_characters(self, see, people):
        row = asked(people, payload={"to": "Bob\u202egnik", "at": "https://xn--pypal-4ve.com/"})
        page = see(people.mei, row)
        assert "An address may not be what it seems." in page
        assert "1 text holds hidden characters." in page

    def test_at_most_two(self, see, people):
        payload = {"iban": "x\u200b", "at": "https://xn--pypal-4ve.com/"}
        row = asked(people, payload=payload, previous={"iban": "y"})
        page = see(people.mei, row)
        cautions = page.partition("</section>")[2].partition('id="asked"')[0]
        assert cautions.count('<div class="note">') == 2
        assert "The bank account is new." in cautions

    def test_nothing_odd_is_nothing(self, see, people, row):
        assert '<div class="note">' not in see(people.mei, row)


class TestCompare:
    @pytest.fixture
    def last(self, people):
        now = timezone.now()
        return asked(
            people, payload={"amount": "77.00"}, state="approved", settled_at=now,
            closed_at=now - timedelta(hours=1), key="PAY-9",
        )  # fmt: skip

    def test_with_what_holds_today_unless_asked_otherwise(self, see, people, last):
        row = asked(people, payload={"amount": "2.00"}, previous={"amount": "1.00"})
        assert "<b>1.00</b>" in see(people.mei, row)
        page = see(people.mei, row, "?compare=approved")
        assert "<b>77.00</b>" in page
        assert "PAY-9" in page
        page = see(people.mei, row, "?compare=none")
        assert "<del>" not in page
        assert "<b>1.00</b>" in see(people.mei, row, "?compare=nonsense")

    def test_with_the_revision_before(self, see, people):
        first = asked(people, payload={"amount": "3.00"}, state="rejected", key="PAY-8",
                      closed_at=timezone.now(), settled_at=timezone.now())  # fmt: skip
        row = asked(people, payload={"amount": "2.00"}, previous=first.payload, revises=first)
        page = see(people.mei, row)
        assert "the previous revision" in page
        assert "PAY-8" in page
        assert "what holds today" not in page

    def test_with_nothing_that_one_may_not_see(self, see, people, last):
        row = asked(people, payload={"amount": "2.00"}, previous={"amount": "1.00"})
        assert "77.00" not in see(people.amira, row, "?compare=none")
        last.requester_user = None
        last.save(update_fields=["requester_user"])
        assert "77.00" not in see(people.amira, row, "?compare=approved")


class TestAmounts:
    def test_of_values_are_shown_in_part_until_asked_for(self, see, people):
        row = asked(people, payload={f"field {n}": "x" * 30 for n in range(3412)})
        page = see(people.mei, row)
        assert "Show all 3,412 values" in page
        assert "To approve it, see all of it first." in page
        assert APPROVE not in page
        page = see(people.mei, row, "?all=1")
        assert APPROVE in page
        assert 'name="shown" value="all"' in page
