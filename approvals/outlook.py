"""What would become of a request if it were started as the form has it now."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone

from approvals import policy
from approvals.forms import RequestForm
from approvals.models import Queue
from approvals.models.opening import Asker, terms_for
from approvals.models.people import name_of, same_person
from approvals.policy import Finding
from orchestrator.contract import GUARDED_TASK, InvalidRequest, Request
from orchestrator.terms import Terms

MOST_WRONG = 3  # sentences beside the form; sent, it shows all of them


@dataclass(frozen=True)
class Outlook:
    """Who decides, how many, by when, and what policy says; nothing is started for it."""

    title: str
    missing: list[str]  # labels of fields that are still empty
    wrong: list[str]  # the first sentences about what is filled in
    finding: Finding | None  # policy's word; None while the form is not complete
    queue: Queue | None
    needed: int  # 0 where what was typed is no number of approvals
    groups: list[str]  # each must be represented
    stages: list[str]  # who is asked afterwards
    deciders: list[str]
    shortage: str
    due_at: datetime | None
    due_seconds: int | None
    on_timeout: str
    usual: timedelta | None

    @classmethod
    def of(cls, form: RequestForm) -> "Outlook":
        """`form` is bound, and may hold anything."""
        finding = judged(form) if form.is_valid() else None
        now = timezone.now()
        terms, shortage = _terms(form, finding, now) if finding else (None, form.shortage())
        queue = Queue.objects.get(slug=terms.queue) if terms else form.asked_queue()
        due_at = datetime.fromisoformat(terms.due_at) if terms and terms.due_at else None
        if terms is None and (seconds := _limit(form)):
            due_at = now + timedelta(seconds=seconds)
        return cls(
            title=form.asked()["title"],
            missing=form.missing(),
            wrong=form.wrong()[:MOST_WRONG],
            finding=finding,
            queue=queue,
            needed=terms.quorum if terms else 0 if "quorum" in form.errors else form.needed(),
            groups=terms.groups if terms else [],
            stages=[each.name for each in terms.stages] if terms else [],
            deciders=_deciders(form, queue),
            shortage=shortage,
            due_at=due_at,
            due_seconds=round((due_at - now).total_seconds()) if due_at else None,
            on_timeout=terms.on_timeout if terms else queue.on_timeout if queue else "",
            usual=queue.usual_time() if queue else None,
        )


def judged(form: RequestForm) -> Finding:
    """What policy says of a form that is complete."""
    request = Request.read(form.request())
    return policy.judge(request.title, request, workflow_type=GUARDED_TASK, requester_verified=True)


def _terms(form: RequestForm, finding: Finding, now: datetime) -> tuple[Terms | None, str]:
    """The terms that it would open on; or why it could not, in a sentence."""
    asker = Asker(form.user, verified=True, starter_id=str(form.user.pk))
    try:
        return terms_for("", "", Request.read(form.request()), asker, finding, now), ""
    except InvalidRequest as error:
        return None, str(error)


def _limit(form: RequestForm) -> int | None:
    """Seconds to decide, as far as the form is filled in."""
    queue = form.asked_queue()
    limits = (queue.due_seconds if queue else None, form.asked().get("due_seconds"))
    return min(filter(None, limits), default=None)


def _deciders(form: RequestForm, queue: Queue | None) -> list[str]:
    barred = same_person(form.user)
    people = queue.people() if queue else []
    return [name_of(each) for each in people if each.pk not in barred]
