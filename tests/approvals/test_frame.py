"""What every page asks first: which queues a person reviews; and what banners it carries."""

import contextlib
import itertools
import json
import re
from datetime import timedelta
from urllib.parse import quote

import pytest
from django.conf import settings
from django.contrib.auth.models import AnonymousUser, Group, User
from django.contrib.sessions.models import Session
from django.db import connection
from django.http import Http404, QueryDict
from django.test import RequestFactory
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from approvals.context import queues
from approvals.inbox_filter import InboxFilter
from approvals.models import Approval, Decision, Delegation, Queue
from approvals.views import panel
from orchestrator import client as temporal
from tests.desk import a_row


@pytest.fixture
def people_of_all_kinds(people) -> list[User]:
    payments, empty = (
        Queue.objects.create(slug=slug, name=slug.title()) for slug in ("payments", "empty")
    )
    team, others = (Group.objects.create(name=name) for name in ("team", "others"))
    payments.groups.add(team)
    empty.groups.add(others)
    people.lena.groups.add(team)
    people.tomasz.groups.add(team)
    payments.reviewers.add(people.tomasz)  # in two ways, and once all the same
    gone = people.reviewer("gone")
    gone.is_active = False
    admin = User.objects.create(username="kim", is_superuser=True)
    return [people.mei, people.lena, people.tomasz, people.amira, gone, admin]


def asked(user) -> list[Queue]:
    request = RequestFactory().get("/")
    request.user = user
    return queues(request)


@pytest.mark.postgresql
def test_everybody_reviews_what_the_model_says(people_of_all_kinds):
    found = {each.username: asked(each) for each in people_of_all_kinds}
    said = {each.username: list(Queue.objects.reviewed_by(each)) for each in people_of_all_kinds}
    assert found == said
    assert [each.slug for each in found["tomasz"]] == ["general", "payments"]
    assert found["gone"] == found["kim"] == asked(AnonymousUser()) == []


@pytest.mark.postgresql
def test_a_page_lets_nobody_see_or_decide_more_than_the_model(people_of_all_kinds, people):
    """It reads what holds for its user once, and does not ask again."""
    User.objects.filter(username="gone").update(is_active=False)
    payments, now = Queue.objects.get(slug="payments"), timezone.now()
    viewer, deputy = User.objects.create(username="vera"), User.objects.create(username="dora")
    payments.viewers.add(viewer)
    away = Delegation.objects.create(
        away=people.tomasz, to=deputy, starts=now, ends=now + timedelta(hours=1)
    )
    away.queues.add(payments)
    rows = [
        a_row(people, queue=payments),
        a_row(people, queue=payments, requester_user=people.tomasz),  # not by deputy either
        a_row(people, queue=payments, rules={"excluded": [str(people.lena.pk)]}),
        a_row(people, requester_user=people.mei),
    ]
    decided = {}
    for one in User.objects.order_by("pk"):
        for number, row in enumerate(rows):
            request = RequestFactory().get("/")
            request.user = User.objects.get(pk=one.pk)  # as every request reads it anew
            sees = Approval.objects.visible_to(one).filter(pk=row.pk).exists()
            with contextlib.nullcontext() if sees else pytest.raises(Http404):
                found = panel.find(request, row.pk)
                assert found.may_be_decided_by(request.user) == row.may_be_decided_by(one)
            if row.may_be_decided_by(one):
                assert sees
                decided.setdefault(one.username, []).append(number)
            assert queues(request) == list(Queue.objects.reviewed_by(one))
            assert row.may_be_decided_by(request.user) == row.may_be_decided_by(one)
    assert decided == {"lena": [0, 1, 3], "tomasz": [0, 2, 3], "dora": [0, 2]}


def test_one_query_answers_for_a_page(people, django_assert_num_queries):
    request = RequestFactory().get("/")
    request.user = people.mei
    with django_assert_num_queries(1):
        assert queues(request) == queues(request) == [people.general]


AWAY = "Temporal does not answer. Decisions are recorded and sent as soon as it does."
BACKEND = "approvals.accounts.Accounts"


@pytest.mark.parametrize("address", ["/inbox/", "/inbox/{}/", "/approvals/{}/"])
def test_a_banner_says_that_temporal_is_away_and_goes_again(client, people, address):
    client.force_login(people.mei, BACKEND)
    a_row(people).decide(people.lena, "approve")
    address = address.format(a_row(people).pk)
    assert AWAY not in client.get(address).content.decode()
    Decision.objects.update(tries=3)
    assert AWAY in client.get(address).content.decode()
    Decision.objects.update(sent_at=timezone.now())
    assert AWAY not in client.get(address).content.decode()


def test_news_of_the_list_bring_the_banner_and_take_it_away(client, people):
    client.force_login(people.mei, BACKEND)
    a_row(people).decide(people.lena, "approve")
    Decision.objects.update(tries=3)
    assert AWAY in client.get("/inbox/rows/").content.decode()
    Decision.objects.update(sent_at=timezone.now())
    page = client.get("/inbox/rows/").content.decode()
    assert re.search(r'id="away" role="status" hx-swap-oob="true">\s*</div>', page)


def test_the_words_of_the_clocks_in_the_list_are_the_servers(client, people):
    client.force_login(people.mei, BACKEND)
    page = client.get("/inbox/").content.decode()
    assert 'data-d="d" data-h="h" data-min="min" data-just="just now" data-most="1,000+"' in page
    script = (settings.BASE_DIR / "static" / "app.js").read_text()
    assert "1,000+" not in script
    assert 'words(byId("problem"), name)' in script


@pytest.mark.parametrize(("minutes", "is_said"), [(16, False), (14, True)])
def test_the_end_of_a_session_is_said_before_it_comes(client, people, minutes, is_said):
    client.force_login(people.mei, BACKEND)
    end = timezone.now() + timedelta(minutes=minutes)
    Session.objects.update(expire_date=end)
    words = f"You will be signed out at {timezone.localtime(end):%H:%M}."
    kept, lost = "Reasons and comments that you type are kept.", "Send what you type before that."
    row = a_row(people)
    # News of the list bring it along.
    for address in ("/history/", "/start/", "/inbox/", f"/approvals/{row.pk}/", "/inbox/rows/"):
        page = client.get(address).content.decode()
        assert page.count(words) == is_said
        keeps = not address.startswith(("/history/", "/start/"))
        assert (page.count(kept), page.count(lost)) == (is_said and keeps, is_said and not keeps)
    assert Session.objects.get().expire_date == end  # looking does not put it off


def test_a_quiet_list_says_it_too_and_once(client, people, django_assert_max_num_queries):
    client.force_login(people.mei, BACKEND)
    shown = re.search(r'data-rev="([^"]*)"', client.get("/inbox/").content.decode())[1]
    asked = {"HX-Request": "true", "X-Rev": shown}
    assert client.get("/inbox/rows/", headers=asked).status_code == 204
    Session.objects.update(expire_date=timezone.now() + timedelta(minutes=14))
    answer = client.get("/inbox/rows/", headers=asked)
    assert "You will be signed out at" in answer.content.decode()
    asked["X-Rev"] = json.loads(answer["HX-Trigger"])["inbox:rev"]
    with django_assert_max_num_queries(3):
        assert client.get("/inbox/rows/", headers=asked).status_code == 204


def test_a_quiet_page_says_it_too_and_once(client, people):
    client.force_login(people.mei, BACKEND)
    row, found = a_row(people), re.compile(r"\?rev=(\w+)&amp;place=page&amp;form=1")
    address = f"/approvals/{row.pk}/panel/?place=page&form=1&rev="
    shown = found.search(client.get(f"/approvals/{row.pk}/").content.decode())[1]
    soon = timezone.now() + timedelta(minutes=14)
    a_row(people).decide(people.lena, "approve")
    for words, change in (
        ("", lambda: None),
        ("You will be signed out at", lambda: Session.objects.update(expire_date=soon)),
        (AWAY, lambda: Decision.objects.update(tries=3)),
    ):
        change()
        if words:
            news = client.get(address + shown).content.decode()
            assert words in news
            shown = found.search(news)[1]
        assert client.get(address + shown).status_code == 204


@pytest.mark.parametrize(
    ("address", "is_beyond"),
    [("/inbox/", False), ("/history/", False), ("/workflows/", True), ("/profile/", True)],
)
def test_more_is_marked_where_one_is_beyond_it(client, people, address, is_beyond):
    client.force_login(people.mei, BACKEND)
    page = client.get(address).content.decode()
    assert ('<summary aria-current="true">' in page) == is_beyond


@pytest.mark.parametrize(
    ("address", "title"),
    [
        ("/inbox/?after=", "Inbox, further on – Countersign"),
        ("/workflows/?older=", "Workflows – older – Countersign"),
        ("/workflows/?newer=", "Workflows – Countersign"),  # there is nothing newer
        ("/requests/?older=", "My requests – older – Countersign"),
        ("/requests/?newer=", "My requests – Countersign"),
        ("/history/?newer=", "History – Countersign"),
    ],
)
def test_titles_tell_pages_apart(client, people, address, title):
    client.force_login(people.mei, BACKEND)
    last = InboxFilter(QueryDict()).order.place(a_row(people))
    page = client.get(address + quote(str(last))).content.decode()
    assert re.search(r"<title>(?:\(1\) )?([^<]*)</title>", page)[1] == title


def test_a_banner_says_that_one_acts_for_somebody(client, people):
    deputy, now = User.objects.create(username="dora"), timezone.now()
    deploys = Queue.objects.create(slug="deploys", name="Deploys")
    deploys.reviewers.add(people.mei)
    words = "You decide for somebody who is away, in: Deploys."
    client.force_login(deputy, BACKEND)
    assert words not in client.get("/profile/").content.decode()
    away = Delegation.objects.create(
        away=people.mei, to=deputy, starts=now, ends=now + timedelta(hours=1)
    )
    away.queues.add(deploys)
    for address in ("/profile/", "/inbox/", "/inbox/rows/"):
        assert words in client.get(address).content.decode(), address
    with CaptureQueriesContext(connection) as said:
        client.get("/profile/")
    deploys.reviewers.add(deputy)  # then they decide for themselves
    with CaptureQueriesContext(connection) as unsaid:
        assert words not in client.get("/profile/").content.decode()
    assert len(said) == len(unsaid)


def test_that_temporal_goes_away_and_comes_back_is_news_to_lists(people, monkeypatch):
    def unreachable(envelope):
        raise temporal.Unreachable("Temporal does not answer.")

    made = a_row(people).decide(people.lena, "approve")
    seen = []

    def delivered():
        made.deliver()
        people.general.refresh_from_db()
        seen.append(people.general.revision)

    monkeypatch.setattr(temporal, "send_decision", unreachable)
    delivered()
    delivered()  # away for more than a moment
    delivered()
    monkeypatch.setattr(temporal, "send_decision", lambda envelope: None)
    delivered()
    delivered()
    steps = [after - before for before, after in itertools.pairwise(seen)]
    assert steps == [1, 0, 1, 0]


def test_what_came_too_late_is_news_to_lists(people, monkeypatch):
    def gone(envelope):
        raise temporal.NotFound("There is no such workflow.")

    made = a_row(people).decide(people.lena, "approve")
    Decision.objects.update(tries=3)
    made.refresh_from_db()
    people.general.refresh_from_db()
    before = people.general.revision
    monkeypatch.setattr(temporal, "send_decision", gone)
    made.deliver()
    people.general.refresh_from_db()
    assert people.general.revision == before + 1
