"""What one person set for themselves: how pages look and behave, and saved views of the inbox."""

import functools
import zoneinfo
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext_lazy as _

from approvals.kept import Kept


@functools.cache
def zones() -> frozenset[str]:
    """The names of all time zones. Kept: Python reads 600 files to answer."""
    return frozenset(zoneinfo.available_timezones())


def valid_zone(name: str) -> None:
    if name and name not in zones():
        raise ValidationError(_("There is no time zone %s.") % name)


class Preference(models.Model):
    """One row a person; none means the defaults."""

    class Theme(models.TextChoices):
        SYSTEM = "", _("As the system")
        LIGHT = "light", _("Light")
        DARK = "dark", _("Dark")

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="preference", primary_key=True
    )
    theme = models.CharField(_("theme"), max_length=5, choices=Theme, blank=True, default="")
    shortcuts = models.BooleanField(_("single-key shortcuts"), default=True)
    auto_advance = models.BooleanField(_("open the next request after a decision"), default=True)
    time_zone = models.CharField(
        _("time zone"), max_length=50, blank=True, default="", validators=[valid_zone]
    )

    def __str__(self) -> str:
        return f"Preferences of {self.user}"

    @classmethod
    def of(cls, user: Any) -> "Preference":
        """What `user` set, or the defaults, unsaved."""
        if not user.is_authenticated:
            return cls()
        found = _saved.rows(user.pk)
        return found[0] if found else cls(user=user)


@Kept
def _saved(user: int) -> models.QuerySet[Preference]:
    return Preference.objects.filter(user=user)


class SavedView(models.Model):
    """A named set of the inbox's filters, sort and grouping: the query string of its address."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="views")
    name = models.CharField(_("name"), max_length=60)
    query = models.CharField(max_length=1000, blank=True)

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(fields=["owner", "name"], name="one_view_a_name"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def href(self) -> str:
        """Behind the address of the inbox. It names the view, so that changes can be seen."""
        return f"?{self.query}{'&' if self.query else ''}view={self.pk}"
