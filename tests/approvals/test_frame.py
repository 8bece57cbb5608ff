"""What every page asks first: which queues a person reviews; and what banners it carries."""

import contextlib
import re
from datetime import timedelta

import pytest
from django.conf import settings
from django.contrib.auth.models import AnonymousUser, Group, User
from django.contrib.sessions.models import Session
from django.http import Http404
from django.test import RequestFactory
from django.utils import timezone

from approvals.context import queues
from approvals.models import Approval, Decision, Delegation, Queue
from approvals.views import panel
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
BACKEND = "django.contrib.auth.backends.ModelBackend"


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
