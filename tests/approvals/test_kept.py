"""Kept statements: the same rows as the query that they were written from, for whoever asks."""

import uuid
from datetime import timedelta

import pytest
from django.contrib.auth.models import Group, User
from django.contrib.sessions.models import Session
from django.db import IntegrityError, connection, transaction
from django.db.models import F
from django.test import RequestFactory
from django.utils import timezone

from approvals import context
from approvals.kept import Kept, KeptUpdate
from approvals.models import Approval, Decision, Delegation, LinkedIdentity, Queue
from tests.desk import a_row

pytestmark = pytest.mark.postgresql


def named(*titles):
    return Approval.objects.filter(title__in=titles).order_by("title")


def titles(rows):
    return [each.title for each in rows]


def columns(row):
    return {name: value for name, value in vars(row).items() if name != "_state"}


def said(queues):
    return [(each.pk, each.staffed, each.stands_in, each.seen, each.asked) for each in queues]


@pytest.fixture
def three(people):
    return [a_row(people, title=each) for each in ("a", "b", "c")]


class TestKept:
    def test_finds_what_the_query_finds(self, three):
        kept = Kept(lambda title: named(title))
        assert titles(kept.rows("b")) == ["b"]
        assert titles(kept.rows("a")) == ["a"]
        assert kept.rows("z") == []
        assert kept.count("b") == 1

    def test_reads_every_column_as_the_query_does(self, people, away):
        row = a_row(people, due_at=timezone.now() + timedelta(hours=1), payload={"n": [1.5]})
        row.decide(people.mei, "approve")

        def voted(pk):
            rows = Decision.objects.filter(approval=pk).select_related("reviewer")
            return rows.annotate(twice=F("tries") * 2, asked=F("approval__opened_at"))

        for write in (lambda pk: Approval.objects.filter(pk=pk), voted):
            assert columns(Kept(write).rows(row.pk)[0]) == columns(write(row.pk)[0])

    def test_leaves_for_later_what_the_query_leaves(self, three, django_assert_num_queries):
        (found,) = Kept(lambda title: named(title).only("state")).rows("b")
        assert found.get_deferred_fields() >= {"title", "payload"}
        with django_assert_num_queries(0):
            assert found.state == "waiting"
        with django_assert_num_queries(1):
            assert found.title == "b"

    def test_takes_lists_of_any_length(self, three, django_assert_num_queries):
        kept = Kept(lambda titles: named(*titles))
        assert titles(kept.rows(["a", "c"])) == ["a", "c"]
        assert titles(kept.rows(["c", "b"])) == ["b", "c"]
        assert kept.count(["a", "b", "c"]) == 3
        with django_assert_num_queries(0):
            assert kept.rows([]) == []
            assert kept.count([]) == 0

    def test_takes_keys_and_numbers(self, three):
        kept = Kept(
            lambda keys, queue, no: Approval.objects.filter(pk__in=keys, queue=queue).exclude(pk=no)
        )
        keys, queue = [each.pk for each in three], three[0].queue_id
        assert {each.pk for each in kept.rows(keys, queue, keys[1])} == {keys[0], keys[2]}
        assert kept.rows(keys, queue + 1, uuid.uuid4()) == []

    def test_takes_times(self, three):
        now = timezone.now()
        kept = Kept(
            lambda since, until: named("a", "b", "c").filter(opened_at__range=(since, until))
        )
        assert kept.count(now - timedelta(hours=1), now) == 3
        assert kept.count(now, now + timedelta(hours=1)) == 0

    def test_is_written_once(self, three):
        asked = []

        def write(title):
            asked.append(title)
            return named(title)

        kept = Kept(write)
        assert [kept.count(each.title) for each in three] == [1, 1, 1]
        assert len(asked) == 1

    def test_takes_every_value_for_what_it_is(self, three):
        kept = Kept(lambda title: named(title))
        assert kept.rows("a' OR '1'='1") == []
        assert kept.rows("%s") == kept.rows("\x01") == []

    def test_writes_out_what_does_not_change(self, three, django_assert_num_queries):
        kept = Kept(lambda title: named(title).filter(state="waiting"))
        with django_assert_num_queries(1) as queries:
            assert kept.count("a") == 1
        assert "= 'waiting'" in queries[0]["sql"]

    def test_holds_nothing_that_would_be_another_next_time(self, three):
        kept = Kept(lambda title: named(title).filter(opened_at__lt=timezone.now()))
        with pytest.raises(ValueError, match="cannot hold"):
            kept.rows("a")

    def test_refuses_what_never_finds_anything(self, three):
        kept = Kept(lambda title: named(title).filter(pk__in=[]))
        with pytest.raises(ValueError, match="find something"):
            kept.rows("a")

    def test_finds_by_a_number_in_two_bytes(self, three):
        kept = Kept(lambda stage: named("a").filter(stage=stage))
        assert titles(kept.rows(0)) == ["a"]
        assert kept.rows(1) == []

    def test_refuses_a_query_that_leaves_a_value_out(self, three):
        kept = Kept(lambda title, other: named(title))
        with pytest.raises(ValueError, match="pass on all"):
            kept.rows("a", "b")


class TestUpdate:
    @pytest.fixture
    def rename(self):
        def write(old, new, due):
            return named(old), {"title": new, "due_at": due, "quorum": F("quorum") + 1}

        return KeptUpdate(write)

    def test_changes_what_it_is_asked_to(self, three, rename):
        now = timezone.now()
        assert rename("a", "A", now) == 1
        assert rename("b", "it's", None) == 1
        assert rename("z", "Z", None) == 0
        rows = Approval.objects.order_by("opened_at")
        assert [(each.title, each.due_at, each.quorum) for each in rows] == [
            ("A", now, 2),
            ("it's", None, 2),
            ("c", None, 1),
        ]

    def test_is_written_once(self, three):
        asked = []

        def write(old, new):
            asked.append(old)
            return named(old), {"title": new}

        rename = KeptUpdate(write)
        assert [rename(each.title, "x" + each.title) for each in three] == [1, 1, 1]
        assert len(asked) == 1

    def test_takes_back_with_the_transaction(self, three, rename):
        with transaction.atomic():
            assert rename("a", "A", None) == 1
            transaction.set_rollback(True)
        assert titles(named("a", "A")) == ["a"]

    def test_that_fails_ends_the_transaction(self, three):
        keep = KeptUpdate(lambda quorum: (named("a"), {"quorum": quorum}))
        with transaction.atomic():
            with pytest.raises(IntegrityError):
                keep(None)
            assert connection.needs_rollback
            connection.set_rollback(True)


class TestWhatIsKept:
    """For all kinds of people, one after another: each gets what the query itself has for them."""

    def test_says_the_same_of_everybody(self, people, rf: RequestFactory):
        escalated, mine = a_row(people, title="Escalated"), a_row(people, title="Mine")
        other = Queue.objects.create(slug="other", name="Other")
        far = a_row(people, title="Far away", queue=other)
        seen = Queue.objects.create(slug="seen", name="Seen")
        seen.viewers.add(people.lena)
        group = Group.objects.create(name="On call")
        group.user_set.add(people.amira)
        far.escalated_to.add(group)
        escalated.escalated_to.add(group)
        mine.requester_user = people.mei
        mine.save()
        LinkedIdentity.objects.create(user=people.lena, name="lena@elsewhere.example")
        a_row(people, title="Linked", requester="x", requester_identity="lena@elsewhere.example")
        a_row(people, title="Voted", quorum=2).decide(people.mei, "approve")
        Delegation.make(
            Delegation(
                away=people.mei,
                to=people.amira,
                starts=timezone.now(),
                ends=timezone.now() + timedelta(hours=1),
            ),
            [],
        )
        outsider = User.objects.create(username="olga")
        numbers = []
        for user in (people.mei, people.lena, people.amira, outsider):
            request = rf.get("/")
            request.user = User.objects.get(pk=user.pk)  # without what `user` remembers
            assert said(context.concerning(request)) == said(Queue.objects.concerning(user))
            assert context.waiting(request) == context.to_decide(user).count()
            numbers.append(context.waiting(request))
        assert numbers == [2, 3, 5, 0]

    def test_a_session_that_has_ended_is_none(self, client, people):
        client.force_login(people.mei, "approvals.accounts.Accounts")
        assert client.get("/inbox/").status_code == 200
        Session.objects.update(expire_date=timezone.now())
        assert client.get("/inbox/").status_code == 302
        assert not Session.objects.filter(expire_date__gt=timezone.now()).exists()

    @pytest.mark.parametrize("how", ["inactive", "another password"])
    def test_an_account_that_is_closed_ends_its_session(self, mei, people, how):
        assert mei.get("/inbox/").status_code == 200
        if how == "inactive":
            people.mei.is_active = False
        else:
            people.mei.set_password("another")
        people.mei.save()
        assert mei.get("/inbox/").status_code == 302
