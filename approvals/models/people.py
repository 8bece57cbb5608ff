"""Who is meant: users by the names that workflows call them."""

import unicodedata
from typing import Any

from django.contrib.auth.models import User
from django.db.models import Q


def identity(text: str) -> str:
    """One spelling for all that look alike to a person: case, spaces, Unicode twins."""
    return unicodedata.normalize("NFKC", text).strip().casefold()


def identities(user: User) -> set[str]:
    """Every spelling under which `user` may be named as requester."""
    return {identity(each) for each in (user.username, user.email) if each}


def person(name: str) -> User | None:
    """The user whom `name`, a workflow's claim, means: by user name or e-mail, however spelt."""
    if not name.strip():
        return None
    exact = User.objects.filter(username=name).first()
    if exact:
        return exact
    meant = identity(name)
    candidates = User.objects.filter(Q(username__iexact=meant) | Q(email__iexact=meant))
    return candidates.order_by("pk").first()


def name_of(user: Any) -> str:
    """How a person is called on pages: full name, else user name."""
    return str(user.get_full_name() or user.get_username())
