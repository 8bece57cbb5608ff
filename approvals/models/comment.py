"""What people say about an approval: comments, questions, answers, reminders. Never altered."""

from collections.abc import Iterable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.contrib.auth.models import Group, User
from django.db import models, transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from approvals.models.audit import AppendOnly, AuditEntry
from approvals.models.errors import Incomplete, NotYours, TooSoon
from orchestrator import contract

if TYPE_CHECKING:
    from approvals.models.approval import Approval

NUDGE_PAUSE = timedelta(hours=1)


class Comment(AppendOnly):
    """One sentence in the activity of an approval. It never changes what becomes of it."""

    class Kind(models.TextChoices):
        COMMENT = "comment", _("commented")
        QUESTION = "question", _("asked")
        ANSWER = "answer", _("answered")
        NUDGE = "nudge", _("reminded the reviewers")
        CLAIM = "claim", _("claimed it")
        RELEASE = "release", _("released it")
        HAND_OVER = "hand_over", _("handed it over")

    approval = models.ForeignKey("approvals.Approval", models.PROTECT, related_name="comments")
    author = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="comments")
    recipient = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+"
    )
    group = models.ForeignKey(Group, models.PROTECT, null=True, blank=True, related_name="+")
    kind = models.CharField(max_length=10, choices=Kind, default=Kind.COMMENT)
    text = models.TextField(blank=True)
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["at", "pk"]
        indexes = [models.Index(fields=["approval", "at"], name="comment_of_approval")]

    def __str__(self) -> str:
        return f"{self.author} {self.get_kind_display()}"

    @classmethod
    def add(
        cls,
        approval: "Approval",
        by: User,
        text: str,
        kind: str = Kind.COMMENT,
        to: "User | Group | None" = None,
        *,
        key: str = "",
    ) -> "Comment":
        """Say it, audit it, tell open pages. The caller has checked that `by` may see it.

        The same `key` of the same author again is the same comment, which makes a form that was
        sent twice harmless.
        Raises Incomplete for empty or overlong text, NotYours, or TooSoon for a second nudge.
        """
        text = text.strip()
        with transaction.atomic():
            if key:
                approval.queue.touch()  # holds its row: of two at once, the second one waits
                if earlier := cls._said_before(approval, by, key):
                    return earlier
            cls._require(approval, by, text, kind)
            comment = cls.objects.create(
                approval=approval,
                author=by,
                text=text,
                kind=kind,
                recipient=to if isinstance(to, User) else None,
                group=to if isinstance(to, Group) else None,
            )
            detail: dict[str, Any] = {"comment": comment.pk}
            if key:
                detail["key"] = key
            if to:
                detail["to"] = str(to)
            AuditEntry.record(kind, approval, by, **detail)
            approval.queue.touch()
        return comment

    @classmethod
    def _said_before(cls, approval: "Approval", by: User, key: str) -> "Comment | None":
        audited = AuditEntry.objects.filter(approval=approval, actor=by, detail__key=key).first()
        return cls.objects.get(pk=audited.detail["comment"]) if audited else None

    @classmethod
    def _require(cls, approval: "Approval", by: User, text: str, kind: str) -> None:
        spoken = (cls.Kind.COMMENT, cls.Kind.QUESTION, cls.Kind.ANSWER)
        if kind in spoken and not text:
            raise Incomplete(_("Write something first."))
        if len(text) > contract.COMMENT_LENGTH:
            raise Incomplete(
                _("The comment has %(n)d characters; %(most)d are allowed.")
                % {"n": len(text), "most": contract.COMMENT_LENGTH}
            )
        if kind == cls.Kind.QUESTION and not approval.may_be_decided_by(by):
            raise NotYours(approval.why_not(by))
        if kind in (cls.Kind.ANSWER, cls.Kind.NUDGE) and not approval.asked_for_by(by):
            raise NotYours(_("Only who asked may do this."))
        if kind == cls.Kind.NUDGE:
            cls._require_pause(approval)

    @classmethod
    def _require_pause(cls, approval: "Approval") -> None:
        since = timezone.now() - NUDGE_PAUSE
        if cls.objects.filter(approval=approval, kind=cls.Kind.NUDGE, at__gt=since).exists():
            raise TooSoon(_("The reviewers were reminded less than an hour ago."))

    @classmethod
    def open_question(cls, said: "Iterable[Comment]") -> "Comment | None":
        """The last question in `said` without an answer, whatever clocks have said."""
        kinds = (cls.Kind.QUESTION, cls.Kind.ANSWER)
        among = [each for each in said if each.kind in kinds]
        last = max(among, key=lambda each: each.pk, default=None)
        return last if last and last.kind == cls.Kind.QUESTION else None

    @classmethod
    def calling(cls, approvals: "list[Approval]") -> "dict[Any, set[str]]":
        """Which of those that still wait have an open question or a reminder, with one query."""
        waiting = [each.pk for each in approvals if each.is_open]
        kinds = (cls.Kind.QUESTION, cls.Kind.ANSWER, cls.Kind.NUDGE)
        said = cls.objects.filter(approval__in=waiting, kind__in=kinds).order_by("pk")
        found: dict[Any, set[str]] = {}
        for pk, kind in said.values_list("approval", "kind"):
            found.setdefault(pk, set()).add(str(kind))
            if kind == cls.Kind.ANSWER:
                found[pk].discard(cls.Kind.QUESTION)
        return found

    @classmethod
    def open_questions(cls, approvals: "list[Approval]") -> "dict[Any, Comment]":
        """The same for many that still wait, by their keys, with one query."""
        waiting = [each.pk for each in approvals if each.is_open]
        kinds = (cls.Kind.QUESTION, cls.Kind.ANSWER)
        said = cls.objects.filter(approval__in=waiting, kind__in=kinds).select_related("author")
        last = {each.approval_id: each for each in said.order_by("pk")}
        return {pk: each for pk, each in last.items() if each.kind == cls.Kind.QUESTION}
