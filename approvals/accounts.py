"""Accounts: people sign in by name and password, as Django has it."""

from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import User
from django.db.models import QuerySet

from approvals.kept import Kept


class Accounts(ModelBackend):
    """Django's own, whose row every request reads."""

    def get_user(self, user_id: Any) -> User | None:
        for user in _row.rows(int(user_id)):
            if self.user_can_authenticate(user):
                return user
        return None


@Kept
def _row(user: int) -> QuerySet[User]:
    return User.objects.filter(pk=user)
