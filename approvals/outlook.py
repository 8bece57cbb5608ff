"""What would become of a request if it were started as the form has it now."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone

from approvals import policy
from approvals.forms import RequestForm
from approvals.models import Queue
from approvals.models.people import name_of
from approvals.policy import Finding
from orchestrator.contract import Request

MOST_WRONG = 3  # sentences beside the form; sent, it shows all of them


@dataclass(frozen=True)
class Outlook:
    """Who decides, how many, by when, and what policy says; nothing is started for it."""

    title: str
    missing: list[str]  # labels of fields that are still empty
    wrong: list[str]  # the first sentences about what is filled in
    finding: Finding | None  # policy's word; None while the form is not complete
    queue: Queue | None
    needed: int
    deciders: list[str]
    shortage: str
    due_at: datetime | None
    due_seconds: int | None
    on_timeout: str
    usual: timedelta | None

    @classmethod
    def of(cls, form: RequestForm) -> "Outlook":
        """`form` is bound, and may hold anything."""
        complete = form.is_valid()
        asked, queue = form.asked(), form.asked_queue()
        limits = (queue.due_seconds if queue else None, asked.get("due_seconds"))
        seconds = min(filter(None, limits), default=None)
        return cls(
            title=asked["title"],
            missing=form.missing(),
            wrong=form.wrong()[:MOST_WRONG],
            finding=judged(form) if complete else None,
            queue=queue,
            needed=form.needed(),
            deciders=[name_of(each) for each in form.deciders()],
            shortage=form.shortage(),
            due_at=timezone.now() + timedelta(seconds=seconds) if seconds else None,
            due_seconds=seconds,
            on_timeout=queue.on_timeout if queue else "",
            usual=queue.usual_time() if queue else None,
        )


def judged(form: RequestForm) -> Finding:
    """What policy says of a form that is complete."""
    request = Request.read(form.request())
    return policy.judge(request.title, request)
