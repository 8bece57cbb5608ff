"""The page of absences: who decides for whom, from when to when, and what came of it."""

import html
import re
from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from approvals.models import AuditEntry, Delegation, Preference, Queue
from tests.desk import a_row, recorded

PATH = "/absences/"


@pytest.fixture
def signed_in(people):
    User.objects.create(username="kim", is_superuser=True, is_staff=True)

    def signed_in(who: str) -> Client:
        client = Client()
        user = User.objects.get(username=who)
        client.force_login(user, "approvals.accounts.Accounts")
        return client

    return signed_in


def text(answer) -> str:
    main = answer.content.decode().partition("<main")[2]
    return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", main)))


def local(when: datetime) -> str:
    return when.strftime("%Y-%m-%dT%H:%M")


def away(people, hours: float = 24, **changes) -> dict:
    now = timezone.now()
    given = {
        "starts": local(now),
        "ends": local(now + timedelta(hours=hours)),
        "to": people.lena.pk,
    }
    return {**given, **changes}


def absence(people, start: float, end: float, **changes) -> Delegation:
    """Of mei, whom lena stands in for, from so many hours from now."""
    now = timezone.now()
    times = {"starts": now + timedelta(hours=start), "ends": now + timedelta(hours=end)}
    return Delegation.objects.create(**{"away": people.mei, "to": people.lena, **times, **changes})


class TestSaying:
    def test_that_one_is_away_lets_somebody_decide(self, people, signed_in):
        other = Queue.objects.create(slug="other", name="Other")
        other.reviewers.add(people.mei)
        row = a_row(people, queue=other)
        assert not row.may_be_decided_by(people.lena)
        answer = signed_in("mei").post(PATH, away(people, queues=[other.pk]))
        assert (answer.status_code, answer["Location"]) == (303, PATH)
        assert row.may_be_decided_by(people.lena)
        made = Delegation.objects.get()
        assert (made.away, made.to, list(made.queues.all())) == (people.mei, people.lena, [other])
        entry = AuditEntry.objects.get(action="absence made")
        assert (entry.actor, entry.detail["to"]) == (people.mei, "lena")
        assert entry.detail["queues"] == ["other"]

    def test_times_are_in_the_readers_zone(self, people, signed_in):
        Preference.objects.create(user=people.mei, time_zone="Asia/Tokyo")
        signed_in("mei").post(
            PATH, away(people, starts="2099-03-01T09:00", ends="2099-03-02T18:00")
        )
        made = Delegation.objects.get()
        assert made.starts == datetime(2099, 3, 1, 0, 0, tzinfo=UTC)
        assert made.ends == datetime(2099, 3, 2, 9, 0, tzinfo=UTC)

    def test_nobody_was_away_before_they_said_so(self, people, signed_in):
        signed_in("mei").post(PATH, away(people, starts="2020-01-01T09:00"))
        made = Delegation.objects.get()
        assert timezone.now() - made.starts < timedelta(minutes=1)

    @pytest.mark.parametrize(
        ("changes", "field"),
        [
            ({"ends": "2020-01-02T09:00"}, "ends"),
            ({"starts": "2099-01-02T09:00", "ends": "2099-01-01T09:00"}, "ends"),
            ({"ends": "tomorrow"}, "ends"),
            ({"starts": ""}, "starts"),
            ({"to": ""}, "to"),
            ({"to": "999"}, "to"),
        ],
    )
    def test_what_makes_no_sense_is_refused(self, people, signed_in, changes, field):
        answer = signed_in("mei").post(PATH, away(people, **changes))
        assert answer.status_code == 422
        assert answer.context["form"].errors[field]
        assert "<title>Error: Absences" in answer.content.decode()
        assert not Delegation.objects.exists()

    def test_neither_oneself_nor_ones_other_account_stands_in(self, people, signed_in):
        twin = User.objects.create(username="mei-admin")
        people.mei.linked_identities.create(name="mei-admin")
        for who in (people.mei, twin):
            answer = signed_in("mei").post(PATH, away(people, to=who.pk))
            assert answer.context["form"].errors["to"]

    def test_who_may_not_sign_in_stands_in_for_nobody(self, people, signed_in):
        User.objects.filter(username="lena").update(is_active=False)
        assert signed_in("mei").post(PATH, away(people)).status_code == 422

    def test_a_queue_of_others_cannot_be_given_away(self, people, signed_in):
        other = Queue.objects.create(slug="other", name="Other")
        answer = signed_in("mei").post(PATH, away(people, queues=[other.pk]))
        assert answer.context["form"].errors["queues"]

    def test_nobody_is_away_for_somebody_else(self, people, signed_in):
        signed_in("mei").post(PATH, away(people, away=people.tomasz.pk))
        assert Delegation.objects.get().away == people.mei

    def test_who_reviews_nothing_needs_nobody(self, people, signed_in):
        assert "You review no queue" in text(signed_in("amira").get(PATH))

    def test_is_for_people_who_are_signed_in(self, people):
        assert Client().get(PATH).status_code == 302
        assert Client().post(PATH, away(people)).status_code == 302
        assert not Delegation.objects.exists()


class TestSeeing:
    def test_who_stands_in_reads_for_whom_where_and_how_long(self, people, signed_in):
        absence(people, -1, 200).queues.add(people.general)
        page = text(signed_in("lena").get(PATH))
        assert "You decide for mei until" in page
        assert "in General." in page

    def test_who_is_away_reads_who_stands_in(self, people, signed_in):
        absence(people, 20, 40)
        page = text(signed_in("mei").get(PATH))
        assert "Coming lena decides for you" in page
        assert "in all queues." in page

    def test_what_is_over_stays_to_be_read(self, people, signed_in):
        absence(people, -40, -20)
        for who in ("mei", "lena"):
            assert "What is over" in text(signed_in(who).get(PATH))

    def test_a_third_person_sees_nothing_of_it(self, people, signed_in):
        absence(people, -1, 20)
        absence(people, -40, -20)
        page = text(signed_in("tomasz").get(PATH))
        assert "Now" not in page
        assert "What is over" not in page

    def test_an_admin_sees_everybodys(self, people, signed_in):
        absence(people, -1, 20)
        assert "lena decides for mei" in text(signed_in("kim").get(PATH))

    def test_a_near_day_is_called_by_its_name(self, noon, people, signed_in):
        absence(people, -1, 48)
        day = (timezone.now() + timedelta(hours=48)).strftime("%A")
        assert f"until {day} " in text(signed_in("lena").get(PATH))

    def test_what_was_decided_on_ones_behalf_is_told(self, people, signed_in):
        other = Queue.objects.create(slug="other", name="Other")
        other.reviewers.add(people.mei)
        absence(people, -1, 20)
        row = a_row(people, queue=other, title="Pay the rent")
        recorded(row, people.lena, comment="The lease says so.")
        answer = signed_in("mei").get(PATH)
        assert "lena approved: Pay the rent" in text(answer)
        assert f'href="/approvals/{row.pk}/"' in answer.content.decode()
        assert "Pay the rent" not in text(signed_in("tomasz").get(PATH))

    def test_is_linked_where_people_look(self, people, signed_in):
        page = signed_in("mei").get("/profile/").content.decode()
        assert page.count('href="/absences/"') == 3  # menu, menu on phones, the page itself


class TestEnding:
    def test_early_ends_what_somebody_may_do(self, people, signed_in):
        other = Queue.objects.create(slug="other", name="Other")
        other.reviewers.add(people.mei)
        row, made = a_row(people, queue=other), absence(people, -1, 20)
        assert row.may_be_decided_by(people.lena)
        assert signed_in("mei").post(f"{PATH}{made.pk}/").status_code == 303
        assert not row.may_be_decided_by(people.lena)
        made.refresh_from_db()
        assert made.is_over
        assert AuditEntry.objects.get().action == "absence ended"

    def test_what_has_not_begun_disappears(self, people, signed_in):
        made = absence(people, 5, 20)
        signed_in("mei").post(f"{PATH}{made.pk}/")
        assert not Delegation.objects.exists()
        entry = AuditEntry.objects.get()
        assert (entry.action, entry.detail["away"]) == ("absence cancelled", "mei")

    @pytest.mark.parametrize(
        ("who", "status"), [("mei", 303), ("kim", 303), ("lena", 403), ("tomasz", 404)]
    )
    def test_is_for_who_is_away_and_for_admins(self, people, signed_in, who, status):
        made = absence(people, -1, 20)
        assert signed_in(who).post(f"{PATH}{made.pk}/").status_code == status
        made.refresh_from_db()
        assert made.is_over == (status == 303)
        assert AuditEntry.objects.exists() == (status == 303)

    def test_of_what_is_over_changes_nothing(self, people, signed_in):
        made = absence(people, -40, -20)
        assert signed_in("mei").post(f"{PATH}{made.pk}/").status_code == 403
        assert not AuditEntry.objects.exists()

    def test_takes_a_post(self, people, signed_in):
        made = absence(people, -1, 20)
        assert signed_in("mei").get(f"{PATH}{made.pk}/").status_code == 405
