"""Queues: what holds in each, and changing it: form, difference, confirmation."""

from typing import Any

from django.contrib import messages
from django.db.models import Count, ProtectedError, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from approvals.forms_queue import QueueForm
from approvals.models import AuditEntry, Queue
from approvals.models.change import Change, remove
from approvals.models.errors import Changed
from approvals.models.queue_rules import doubts, is_hopeless
from approvals.queue_sentences import in_short
from approvals.views.admins import admins_only
from approvals.views.answers import SeeOther
from approvals.views.queue_told import InTheWay, Told, in_words
from orchestrator.contract import WAITING

LONGEST_REASON = 500
OURS = {"csrfmiddlewaretoken", "do", "seen", "reason", "anyway"}  # what is not the queue's


@require_safe
@admins_only
def queues(request: HttpRequest) -> HttpResponse:
    wait = Count("approvals", Q(approvals__state=WAITING, approvals__settled_at=None))
    rows = [Told.of(each) for each in Queue.objects.annotate(waiting=wait)]
    return render(request, "queues.html", {"rows": rows})


@require_http_methods(["GET", "HEAD", "POST"])
@admins_only
def new_queue(request: HttpRequest) -> HttpResponse:
    return _edited(request, None)


@require_http_methods(["GET", "HEAD", "POST"])
@admins_only
def queue(request: HttpRequest, slug: str) -> HttpResponse:
    return _edited(request, get_object_or_404(Queue, slug=slug))


@require_http_methods(["GET", "HEAD", "POST"])
@admins_only
def queue_deletion(request: HttpRequest, slug: str) -> HttpResponse:
    found = get_object_or_404(Queue, slug=slug)
    in_the_way = InTheWay.of(found)
    if request.method == "POST" and not in_the_way:
        try:
            remove(found, request.user)  # type: ignore[arg-type]
        except ProtectedError:  # a moment ago something came
            in_the_way = InTheWay.of(found)
        else:
            messages.success(request, _("The queue %s is deleted.") % found.name)
            return SeeOther(reverse("queues"))
    status = 409 if request.method == "POST" else 200
    context = {"queue": found, "in_the_way": in_the_way}
    return render(request, "queue_deletion.html", context, status=status)


def _edited(request: HttpRequest, queue: Queue | None) -> HttpResponse:
    form = QueueForm(request.POST or None, instance=queue or Queue())
    verb = request.POST.get("do", "")
    if request.method != "POST" or verb == "back":
        return _form(request, queue, form)
    if not form.is_valid():
        return _form(request, queue, form, 422)
    change = Change.of(queue, form.rules())
    if not change.differences:
        messages.info(request, _("Nothing differs, so nothing was saved."))
        return SeeOther(_here(queue))
    if request.POST.get("seen") != change.seen:
        return _compared(request, change, 409)
    if verb != "confirm":
        return _compared(request, change)
    if is_hopeless(change.now) and "anyway" not in request.POST:
        return _compared(request, change, 422)
    return _confirmed(request, change)


def _confirmed(request: HttpRequest, change: Change) -> HttpResponse:
    reason = request.POST.get("reason", "").strip()[:LONGEST_REASON]
    try:
        saved = change.apply(request.user, reason, change.seen)  # type: ignore[arg-type]
    except Changed:  # between our look at it and the lock
        return _compared(request, Change.of(change.queue, change.now), 409)
    messages.success(request, _("Saved. It holds for approvals that open from now on."))
    return SeeOther(reverse("queue", args=[saved.slug]))


def _form(
    request: HttpRequest, queue: Queue | None, form: QueueForm, status: int = 200
) -> HttpResponse:
    seen = request.POST.get("seen") or Change.of(queue, {}).seen
    context: dict[str, Any] = {
        "form": form,
        "failed": status != 200,
        "seen": seen,
        "here": _here(queue),
    }
    if queue:
        context |= {"told": Told.of(Queue.objects.get(pk=queue.pk)), "changes": _changes(queue)}
    return render(request, "queue.html", context, status=status)


def _compared(request: HttpRequest, change: Change, status: int = 200) -> HttpResponse:
    context = {
        "change": change,
        "rows": [in_words(change, each.field) for each in change.differences],
        "doubts": doubts(change.now),
        "is_hopeless": is_hopeless(change.now),
        "in_short": in_short(change.now),
        "keeping": change.queue.open_requests().count() if change.queue else 0,
        "here": _here(change.queue),
        "carried": [
            (name, value)
            for name, values in request.POST.lists()
            if name not in OURS
            for value in values
        ],
        "reason": request.POST.get("reason", ""),
        "overtaken": status == 409,
        "unticked": status == 422,
    }
    if status == 409 and change.queue:
        context["last"] = _changes(change.queue).first()
    return render(request, "queue_change.html", context, status=status)


def _here(queue: Queue | None) -> str:
    if queue is None:
        return reverse("new_queue")
    # A refused form may have written another slug on the object.
    return reverse("queue", args=[Queue.objects.values_list("slug", flat=True).get(pk=queue.pk)])


def _changes(queue: Queue) -> Any:
    made = AuditEntry.objects.filter(action__in=["queue made", "queue changed"])
    return made.filter(detail__queue=queue.slug).select_related("actor")
