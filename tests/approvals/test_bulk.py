"""Several requests at once: each on its own, nothing silently, nothing that is not one's own."""

import re
import uuid
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from approvals.bulk import MOST
from approvals.models import Approval, AuditEntry, Claim, Decision, Kind, Queue
from orchestrator import client as temporal
from orchestrator import contract
from tests.desk import a_row, recorded

pytestmark = pytest.mark.usefixtures("away")


def looked(client, *rows, **headers):
    sel = [getattr(each, "pk", each) for each in rows]
    return client.get("/inbox/bulk/", {"sel": sel}, headers=headers)


def form(*rows, **more):
    """What the page's form would send for `rows`."""
    data = {"sel": [str(each.pk) for each in rows], "verdict": "approve", "comment": ""}
    for each in rows:
        data |= {f"sha-{each.pk}": each.payload_sha256, f"key-{each.pk}": uuid.uuid4().hex}
    return data | more


def sent(client, *rows, **more):
    return client.post("/inbox/bulk/", form(*rows, **more))


def text(answer):
    """The words of the pane."""
    pane = answer.content.decode().partition('id="pane"')[2] or answer.content.decode()
    return " ".join(re.sub(r"<[^>]+>", " ", pane.partition("<dialog")[0]).split())


def verdicts():
    made = Decision.objects.order_by("decided_at")
    return [(each.approval.title, each.reviewer.username, each.verdict) for each in made]


class TestLooking:
    def test_says_how_many_what_they_share_and_their_sum(self, mei, people):
        refund = {"queue": people.general, "risk": "low", "requester": "support-agent"}
        Kind.objects.create(slug="refund", name="Refund", schema={"type": "object"},
                            title_template="x", queue=people.general)  # fmt: skip
        rows = [
            a_row(people, **refund, kind="refund", payload={"amount": each})
            for each in ("$312.40", "$89.00", "$1,140.00")
        ]
        words = text(looked(mei, *rows))
        assert "3 requests, $1,541.40 in total" in words
        assert "All from support-agent, all in General, all of kind Refund." in words
        assert "Reject 3" in words
        assert "Approve 3 low-risk" in words
        assert "need" not in words.partition("Request What")[0]

    def test_names_what_needs_its_own_look_and_why(self, mei, people):
        other = Queue.objects.create(slug="other", name="Other")
        soon = timezone.now() - timedelta(minutes=1)
        claimed = a_row(people, key="CLAIMED")
        Claim.take(claimed, people.lena)
        voted = a_row(people, key="VOTED", quorum=2)
        recorded(voted, people.mei)
        decided = a_row(people, key="DECIDED")
        recorded(decided, people.lena, "reject", comment="No")
        changed = a_row(people, key="CHANGED")
        Approval.objects.filter(pk=changed.pk).update(payload={"amount": "9"})
        rows = {
            a_row(people, key="HIGH", risk="high"): "High risk is approved one by one.",
            a_row(people, key="CRIT", risk="critical"): "Critical risk is approved one by one.",
            a_row(people, key="TWO", quorum=2): "It needs 2 approvals.",
            a_row(people, key="STRANGE", kind="unknown"): "Its payload cannot be read.",
            a_row(people, key="LONG", payload={"all": list(range(30_000))}): "too long",
            a_row(people, key="HIDDEN", title="Pay\u202e Acme"): "hidden characters",
            a_row(people, key="OWN", requester_user=people.mei): "someone else decides",
            a_row(people, key="LATE", due_at=soon, due_sort=soon): "Its deadline has passed.",
            claimed: "lena is on it.",
            voted: "You have decided it already.",
            decided: "lena rejected it",
            changed: "What is shown is not what was asked.",
        }
        hidden = a_row(people, queue=other, title="Of another queue")
        good = a_row(people, key="GOOD", risk="medium")
        answer = looked(mei, *rows, hidden, "nonsense", good)
        words = text(answer)
        for row, why in rows.items():
            assert re.search(rf"{row.key} : [^:]*{re.escape(why)}", words), row.key
        assert f"{hidden.pk} : It does not exist or is not open to you." in words
        assert "nonsense : It does not exist or is not open to you." in words
        assert "Of another queue" not in words
        assert "Approve 1" in words
        assert "low-risk" not in words
        # What needs a look can be rejected; what is barred cannot be decided at all.
        assert "Reject 7" in words
        assert len(re.findall(r'type="hidden" name="sel"', answer.content.decode())) == 7

    def test_more_than_fifty_are_not_taken_silently(self, mei, people):
        rows = [a_row(people) for _ in range(MOST + 2)]
        words = text(looked(mei, *rows))
        assert "50 requests" in words
        assert "2 more were selected." in words

    def test_no_more_of_a_queue_than_it_lets_one_approve(self, mei, people):
        Queue.objects.update(bulk_limit=2)
        rows = [a_row(people, title=f"Pay €{n}.00 to Acme") for n in range(3)]
        said = text(looked(mei, *rows))
        assert "Approve 2" in said
        assert "In General at most 2 are approved at once." in said
        sent(mei, *rows)
        assert len(verdicts()) == 2
        Queue.objects.update(bulk_limit=0)
        assert "In General everything is approved one by one." in text(looked(mei, a_row(people)))

    def test_costs_little(self, mei, people, django_assert_max_num_queries):
        rows = [a_row(people, requester="amira") for _ in range(MOST)]
        with django_assert_max_num_queries(12 + 2 * MOST):
            looked(mei, *rows, **{"HX-Request": "true"})

    def test_nothing_selected_is_an_empty_pane(self, mei, people):
        assert "Select a request to read it here." in text(looked(mei))

    def test_htmx_gets_the_pane_alone(self, mei, people):
        row = a_row(people)
        part = looked(mei, row, **{"HX-Request": "true"}).content.decode()
        assert "<html" not in part
        assert f'name="key-{row.pk}"' in part

    def test_the_page_keeps_what_was_ticked(self, mei, people):
        row = a_row(people)
        page = looked(mei, row).content.decode()
        assert re.search(rf'name="sel" value="{row.pk}" checked', page)


class TestDeciding:
    def test_each_is_recorded_on_its_own(self, mei, people):
        rows = [a_row(people, title=f"R{n}", key=f"R-{n}") for n in range(3)]
        words = text(sent(mei, *rows, comment="Seen"))
        assert "3 approved." in words
        assert sorted(verdicts()) == [(f"R{n}", "mei", "approve") for n in range(3)]
        assert {each.comment for each in Decision.objects.all()} == {"Seen"}
        assert len(set(Decision.objects.values_list("key", flat=True))) == 3
        assert AuditEntry.objects.filter(action="approve").count() == 3

    def test_the_same_form_twice_is_recorded_once(self, mei, people):
        rows = [a_row(people), a_row(people)]
        data = form(*rows)
        first, second = (text(mei.post("/inbox/bulk/", data)) for _ in range(2))
        assert "2 approved." in first
        assert "2 approved." in second
        assert Decision.objects.count() == 2

    def test_one_that_was_decided_meanwhile_is_named_and_the_others_go_on(self, mei, people):
        rows = [a_row(people, key=f"DB-{n}", title=f"R{n}") for n in range(3)]
        recorded(rows[1], people.lena, "reject", comment="No")
        words = text(sent(mei, *rows))
        assert "2 approved. 1 not." in words
        assert re.search(r"DB-1 R1 lena rejected it at \d\d:\d\d", words)
        assert ("R1", "mei", "approve") not in verdicts()

    def test_what_is_not_ones_own_is_refused_by_name_and_changes_nothing(self, mei, people):
        other = Queue.objects.create(slug="other", name="Other")
        hidden = a_row(people, title="Hidden", key="SECRET", queue=other)
        own = a_row(people, title="Own", requester_user=people.mei)
        good = a_row(people, title="Good")
        words = text(sent(mei, hidden, own, good))
        assert "1 approved. 2 not." in words
        assert f"{hidden.pk} It does not exist or is not open to you." in words
        assert "SECRET" not in words
        assert verdicts() == [("Good", "mei", "approve")]
        assert not AuditEntry.objects.filter(approval__in=[hidden, own], actor=people.mei).exists()

    @pytest.mark.parametrize("who", ["amira", "zoe", "kim"])
    def test_whoever_may_not_decide_decides_nothing(self, client, people, who):
        User.objects.create(username="zoe")
        User.objects.create(username="kim", is_superuser=True)
        row = a_row(people, requester_user=people.amira)
        user = User.objects.get(username=who)
        client.force_login(user, "approvals.accounts.Accounts")
        for verdict in ("approve", "reject"):
            assert "1 not." in text(sent(client, row, verdict=verdict, comment="No"))
        assert verdicts() == []

    @pytest.mark.parametrize(
        "more",
        [{"risk": "high"}, {"risk": "critical"}, {"quorum": 2}, {"kind": "unknown"},
         {"title": "Pay\u202e Acme"}, {"payload": {"all": list(range(30_000))}}],
    )  # fmt: skip
    def test_what_needs_its_own_look_is_never_approved_here(self, mei, people, more):
        row = a_row(people, **more)
        words = text(sent(mei, row))
        assert "1 not." in words
        words = text(sent(mei, row, **{"verdict": "each", f"verdict-{row.pk}": "approve"}))
        assert "1 not." in words
        assert verdicts() == []

    def test_what_needs_its_own_look_may_be_rejected(self, mei, people):
        row = a_row(people, risk="high", title="R")
        assert "1 rejected." in text(sent(mei, row, verdict="reject", comment="No"))
        assert verdicts() == [("R", "mei", "reject")]

    def test_what_has_changed_since_it_was_read_is_not_decided(self, mei, people):
        row = a_row(people)
        data = form(row) | {f"sha-{row.pk}": "0" * 64}
        assert "The request changed while you were reading." in text(mei.post("/inbox/bulk/", data))
        assert verdicts() == []

    @pytest.mark.parametrize("missing", ["sha", "key"])
    def test_nothing_is_decided_without_its_hash_and_key(self, mei, people, missing):
        row = a_row(people)
        data = form(row)
        del data[f"{missing}-{row.pk}"]
        assert "This form was not complete." in text(mei.post("/inbox/bulk/", data))
        assert verdicts() == []

    def test_a_hash_and_key_count_for_their_own_request_alone(self, mei, people):
        one, other = a_row(people, title="One"), a_row(people, payload={"amount": "9"})
        data = form(one) | {"sel": [str(other.pk)]}
        mei.post("/inbox/bulk/", data)
        assert verdicts() == []

    def test_more_than_fifty_are_not_decided(self, mei, people):
        rows = [a_row(people) for _ in range(MOST + 1)]
        sent(mei, *rows)
        assert Decision.objects.count() == MOST
        assert not rows[-1].decisions.exists()


class TestVerdicts:
    def test_a_rejection_needs_its_reason_before_anything_is_recorded(self, mei, people):
        rows = [a_row(people), a_row(people)]
        answer = sent(mei, *rows, verdict="reject", comment="  ")
        assert answer.status_code == 422
        assert "Say why you are rejecting." in text(answer)
        assert "<title>(2) Error: " in answer.content.decode()
        assert verdicts() == []

    def test_what_was_typed_and_marked_stays(self, mei, people):
        row = a_row(people)
        data = form(row, verdict="each", **{f"verdict-{row.pk}": "reject"})
        page = mei.post("/inbox/bulk/", data).content.decode()
        assert f'value="{data[f"key-{row.pk}"]}"' in page
        assert re.search(rf'name="verdict-{row.pk}" value="reject" checked', page)

    def test_one_by_one(self, mei, people):
        rows = [a_row(people, title=each) for each in ("A", "B", "C")]
        marks = {f"verdict-{rows[0].pk}": "approve", f"verdict-{rows[1].pk}": "reject"}
        words = text(sent(mei, *rows, verdict="each", comment="Seen", **marks))
        assert "1 approved. 1 rejected." in words
        assert sorted(verdicts()) == [("A", "mei", "approve"), ("B", "mei", "reject")]

    def test_what_is_marked_differently_is_left_out_and_named(self, mei, people):
        rows = [a_row(people, title="A"), a_row(people, title="B", key="B-1")]
        words = text(sent(mei, *rows, **{f"verdict-{rows[1].pk}": "reject"}))
        assert "1 approved. 1 not." in words
        assert "B-1 B You marked it differently." in words

    @pytest.mark.parametrize("verdict", ["", "each", "retract", "withdraw", "approved", "skip"])
    def test_an_unknown_verdict_decides_nothing(self, mei, people, verdict):
        row = a_row(people)
        answer = sent(mei, row, verdict=verdict)
        assert answer.status_code == 422
        assert "Choose approve or reject." in text(answer)
        assert verdicts() == []

    def test_a_reason_has_a_length(self, mei, people):
        row = a_row(people)
        assert sent(mei, row, comment="x" * (contract.COMMENT_LENGTH + 1)).status_code == 422
        assert verdicts() == []


@pytest.mark.django_db(transaction=True)
class TestDelivery:
    def test_only_the_first_waits_for_a_temporal_that_does_not_answer(
        self, mei, people, monkeypatch
    ):
        tries = []

        def unreachable(envelope):
            tries.append(envelope)
            raise temporal.Unreachable("Temporal does not answer.")

        monkeypatch.setattr(temporal, "send_decision", unreachable)
        words = text(sent(mei, *[a_row(people) for _ in range(5)]))
        assert "5 approved." in words
        assert len(tries) == 1
        assert Decision.objects.undelivered().count() == 5
        assert "Recorded, but the workflow was not reached." in words
        assert words.count("Recorded. Sending.") == 4
