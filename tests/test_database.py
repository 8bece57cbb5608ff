"""The suite runs on the databases that it claims to run on."""

import os

import pytest
from django.conf import settings
from django.db import connection

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.postgresql]


def test_the_database_is_the_one_asked_for():
    wanted = os.environ.get("COUNTERSIGN_TEST_DB", "sqlite")
    assert connection.vendor == wanted


def test_nothing_of_the_checkout_is_touched():
    assert not settings.VAR.is_relative_to(settings.BASE_DIR)
    if connection.vendor == "sqlite":
        assert str(settings.VAR) in str(connection.settings_dict["NAME"])


@pytest.mark.postgresql(only=True)
def test_only_on_postgresql():
    assert connection.vendor == "postgresql"
