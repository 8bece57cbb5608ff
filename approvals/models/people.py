"""Who is meant: users by the names that workflows call them."""

import unicodedata
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from approvals.kept import Kept

MOST_NAMED = 6


def identity(text: str) -> str:
    """One spelling for all that look alike to a person: case, spaces, Unicode twins."""
    return unicodedata.normalize("NFKC", text).strip().casefold()


class LinkedIdentity(models.Model):
    """Another name of a person: a second account, a service account, a login elsewhere.

    Whoever asks under it is this person, and whoever decides under it has decided as this person.
    """

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="linked_identities"
    )
    name = models.CharField(
        _("name"), max_length=150, unique=True, help_text=_("A user name or e-mail address.")
    )

    class Meta:
        verbose_name_plural = "linked identities"

    def __str__(self) -> str:
        return self.name

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.name = identity(self.name)
        super().save(*args, **kwargs)

    def clean(self) -> None:
        self.name = identity(self.name)
        if not self.name:
            raise ValidationError({"name": _("Write a name.")})


def identities(user: User) -> set[str]:
    """Every spelling under which `user` may be named as requester."""
    if "linked_identities" in getattr(user, "_prefetched_objects_cache", ()):
        linked = [each.name for each in user.linked_identities.all()]
    elif hasattr(user, "_linked"):
        linked = user._linked
    else:  # once for each object
        linked = [each.name for each in _linked.rows(user.pk)]
        user._linked = linked  # type: ignore[attr-defined]
    return {identity(each) for each in (user.username, user.email, *linked) if each}


@Kept
def _linked(user: int) -> models.QuerySet[LinkedIdentity]:
    return LinkedIdentity.objects.filter(user=user)


def same_person(user: User) -> set[int]:
    """Primary keys of all accounts of the person whose account `user` is, its own among them.

    Also those that are linked with a linked one, and so on.
    """
    found, names, known = {user.pk}, identities(user), 0
    while known < len(found):
        known = len(found)
        named = Q(pk__in=found)
        for each in names:
            named |= Q(username__iexact=each) | Q(email__iexact=each)
            named |= Q(linked_identities__name=each)
        accounts = User.objects.filter(named).prefetch_related("linked_identities").distinct()
        found |= {each.pk for each in accounts}
        names = {name for each in accounts for name in identities(each)}
    return found


def person(name: str) -> User | None:
    """The user whom `name`, a workflow's claim, means: by user name or e-mail, however spelt."""
    if not name.strip():
        return None
    exact = User.objects.filter(username=name).first()
    if exact:
        return exact
    meant = identity(name)
    named = Q(username__iexact=meant) | Q(email__iexact=meant) | Q(linked_identities__name=meant)
    return User.objects.filter(named).order_by("pk").first()


def name_of(user: Any) -> str:
    """How a person is called on pages: full name, else user name."""
    return str(user.get_full_name() or user.get_username())


def several(names: list[str]) -> str:
    """Lena, Mei and Tomasz; of many the first ones and how many more."""
    more = len(names) - MOST_NAMED
    if more > 0:
        names = [*names[:MOST_NAMED], ngettext("%d other", "%d others", more) % more]
    if len(names) < 2:
        return "".join(names)
    return gettext("%(names)s and %(last)s") % {"names": ", ".join(names[:-1]), "last": names[-1]}
