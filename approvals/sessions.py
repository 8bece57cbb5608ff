"""Sessions in the database that know when they end, without asking twice."""

from datetime import datetime
from typing import Any

from django.contrib.sessions.backends import db
from django.contrib.sessions.models import Session
from django.db.models import QuerySet
from django.utils import timezone

from approvals.kept import Kept


class SessionStore(db.SessionStore):
    """Django's own, whose row every request reads."""

    ends_at: datetime | None = None

    def _get_session_from_db(self) -> Any:
        for row in _row.rows(self.session_key or ""):
            if row.expire_date > timezone.now():
                self.ends_at = row.expire_date
                return row
        self._session_key = None
        return None


@Kept
def _row(key: str) -> QuerySet[Session]:
    return Session.objects.filter(session_key=key)
