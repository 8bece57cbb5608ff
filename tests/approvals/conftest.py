"""The desk's fixtures."""

import pytest

from tests.desk import away, clock, desk, keys, noon, people, worker

__all__ = ["away", "clock", "desk", "keys", "noon", "people", "worker"]


@pytest.fixture
def mei(people, client):
    """Django's test client, signed in as a reviewer."""
    client.force_login(people.mei, "approvals.accounts.Accounts")
    return client
