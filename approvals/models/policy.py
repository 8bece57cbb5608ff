"""Policy: versions of the table of rules, and what was said of each request that it looked at."""

from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import IntegrityError, models, transaction
from django.db.models import Count
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from approvals.models.audit import AppendOnly, AuditEntry
from approvals.models.run import WorkflowRun
from orchestrator import contract
from orchestrator.contract import Request, Run

SAVED = "policy changed"  # in the audit trail
NOTE_LENGTH = 500
KEPT_ELSEWHERE = ("payload", "previous", "details")


class Superseded(Exception):
    """Somebody else saved a version in the meantime, so the difference was not what was seen."""


class PolicyVersion(AppendOnly):
    """The whole ordered table of rules as it once was. The newest is in force."""

    number = models.PositiveIntegerField(unique=True)
    rules = models.JSONField()
    sha256 = models.CharField(max_length=64)
    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+"
    )
    made_by_name = models.CharField(
        max_length=200, help_text=gettext_lazy("As it was at the time.")
    )
    made_at = models.DateTimeField(default=timezone.now)
    note = models.CharField(max_length=NOTE_LENGTH, blank=True)

    class Meta:
        ordering = ["-number"]

    def __str__(self) -> str:
        return f"version {self.number}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if self.pk:
            raise TypeError("Versions of the policy are never changed.")
        super().save(*args, **kwargs)

    @classmethod
    def make(
        cls, rules: list[dict[str, Any]], *, after: int, by: Any, note: str, changes: list[str]
    ) -> "PolicyVersion":
        """The version that follows number `after`, and its audit entry. Raises Superseded."""
        newest = cls.objects.values_list("number", flat=True).first() or 0
        if newest != after:
            raise Superseded(_("Version %(number)d was saved meanwhile.") % {"number": newest})
        try:
            with transaction.atomic():
                version = cls.objects.create(
                    number=after + 1,
                    rules=rules,
                    sha256=contract.sha256(rules),
                    made_by=by,
                    made_by_name=by.get_username() if by else "shell",
                    note=note,
                )
                said = {"version": version.number, "sha256": version.sha256, "note": note}
                AuditEntry.record(SAVED, actor=by, by="shell", changes=changes, **said)
        except IntegrityError:
            raise Superseded(_("Another version was saved meanwhile.")) from None
        return version


@dataclass(frozen=True)
class Line:
    """What one rule said of a request: `mark` is no (it denies), warn (it asks for more) or ok."""

    words: str
    name: str = ""
    source: str = ""
    expired: bool = False
    mark: str = "ok"
    asks: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, said: dict[str, Any]) -> "Line":
        asks = said.get("asks", {})
        mark = "no" if said["then"] == contract.DENY else "warn" if asks or said["error"] else "ok"
        words = said["error"] or said["words"] or said["name"]
        return cls(words, said["name"], said["source"], said["expired"], mark, asks)


class PolicyCheck(models.Model):
    """What policy said of one request, rule by rule; of one that asked nobody, the request too.

    A workflow may ask several times: each of its approvals has a check of its own. That of a
    guarded task is made before its approval opens, or instead of it.
    """

    run = models.ForeignKey(WorkflowRun, models.CASCADE, related_name="checks")
    approval = models.OneToOneField(
        "approvals.Approval", models.CASCADE, null=True, related_name="policy"
    )
    at = models.DateTimeField(default=timezone.now, db_index=True)
    verdict = models.CharField(max_length=10)
    rule = models.CharField(max_length=100, blank=True)
    reason = models.CharField(max_length=500, blank=True)
    version = models.PositiveIntegerField()
    sha256 = models.CharField(max_length=64)
    task = models.TextField()
    request = models.JSONField(help_text=gettext_lazy("As it came, before the rules changed it."))
    asks = models.JSONField(default=dict)
    rules = models.JSONField(default=list)

    class Meta:
        ordering = ["-at"]

    def __str__(self) -> str:
        return f"{self.verdict} {self.run}"

    @classmethod
    def note(
        cls, run: WorkflowRun, finding: Any, task: str, request: Request, approval: Any = None
    ) -> "PolicyCheck":
        """Remember what was said; said twice of the same, the last word holds."""
        said, asked = finding.stored(), asdict(request)
        if finding.verdict == contract.ASK:  # the approval keeps the rest
            asked = {name: each for name, each in asked.items() if name not in KEPT_ELSEWHERE}
        known = cls.objects.filter(run=run)
        with transaction.atomic():
            earlier = known.filter(approval=None).first() if approval else known.first()
            check, made = cls.objects.update_or_create(
                pk=earlier.pk if earlier else None,
                defaults={
                    "run": run,
                    **({"approval": approval} if approval else {}),
                    **finding.said,
                    "version": finding.version,
                    "sha256": finding.sha256,
                    "asks": said["asks"],
                    "rules": [each for each in said["rules"] if each["matched"] or each["error"]],
                    "task": task,
                    "request": asked,
                },
            )
            if not made:
                check.matches.all().delete()
            names = dict.fromkeys(finding.decisive())
            PolicyMatch.objects.bulk_create(
                PolicyMatch(check_of=check, rule=name, at=check.at) for name in names
            )
        return check

    @classmethod
    def of(cls, approval: Any) -> "PolicyCheck | None":
        """That of `approval`; of one that is older than terms are, what its run remembers."""
        check: PolicyCheck | None = getattr(approval, "policy", None)
        if check or approval.rules:
            return check
        run = WorkflowRun.objects.filter(run_id=approval.run_id).first()
        return run.policy if run else None

    @classmethod
    def task_of(cls, run: Run, request: Request) -> str:
        """What rules see as the task: what a guarded task named, else the request's title.

        A workflow of its own may ask several times, so what was noted of its run is another's.
        """
        if run.workflow_type != contract.GUARDED_TASK:
            return request.title
        noted = cls.objects.filter(run__run_id=run.run_id).values_list("task", flat=True).first()
        return noted or request.title

    @property
    def words(self) -> str:
        """How often the rule that decided has done so: "Approved by rule x, 312 times …"."""
        same = PolicyMatch.objects.filter(rule=self.rule, at__gte=month_began())
        return times_words(self.rule, self.verdict, same.count())

    @property
    def version_words(self) -> str:
        """Of the rules that spoke."""
        return _("version %d") % self.version if self.version else _("built-in rules")

    @property
    def is_default(self) -> bool:
        """Whether people decide because no rule matched."""
        return self.rule == contract.NO_RULE

    @property
    def lines(self) -> list[Line]:
        """What it comes to, and by which rule; then what the others said that matched."""
        said = {each["name"]: each for each in self.rules}
        decisive = said.pop(self.rule, None)
        reason = self.reason or _("People decide.")
        if decisive:
            first = replace(Line.of(decisive), words=reason)
        else:
            name = "" if self.is_default else self.rule
            first = Line(reason, name, mark="no" if self.verdict == contract.DENY else "ok")
        return [first, *(Line.of(each) for each in said.values())]


class PolicyMatch(models.Model):
    """That a rule said what the verdict of one check is; there to be counted."""

    check_of = models.ForeignKey(PolicyCheck, models.CASCADE, related_name="matches")
    rule = models.CharField(max_length=100)
    at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["at", "rule"], name="policy_match_counted")]

    def __str__(self) -> str:
        return self.rule

    @classmethod
    def counts(cls, since: datetime) -> dict[str, int]:
        """How often each rule decided since then."""
        found = cls.objects.filter(at__gte=since).values("rule").annotate(times=Count("pk"))
        return {each["rule"]: each["times"] for each in found}


def month_began() -> datetime:
    """Midnight of the first, where the reader is."""
    now = timezone.localtime()
    return now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def times_words(rule: str, verdict: str, number: int) -> str:
    """How often a rule decided this month, in a sentence."""
    if not number:
        return _("Not this month.")
    said = {"rule": rule, "number": number}
    if verdict == contract.ALLOW:
        words = ngettext(
            "Approved by rule %(rule)s, once this month.",
            "Approved by rule %(rule)s, %(number)d times this month.",
            number,
        )
    elif verdict == contract.DENY:
        words = ngettext("Denied once this month.", "Denied %(number)d times this month.", number)
    else:
        words = ngettext("Asked once this month.", "Asked %(number)d times this month.", number)
    return words % said
