"""What every page asks first: which queues a person reviews, quickly and as the model says it."""

import pytest
from django.contrib.auth.models import AnonymousUser, Group, User
from django.test import RequestFactory

from approvals.context import queues
from approvals.models import Queue


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


def test_one_query_answers_for_a_page(people, django_assert_num_queries):
    request = RequestFactory().get("/")
    request.user = people.mei
    with django_assert_num_queries(1):
        assert queues(request) == queues(request) == [people.general]
