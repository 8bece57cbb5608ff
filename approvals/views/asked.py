"""What the page of an approval shows of the request itself: its values, and what they were."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from approvals import payload
from approvals.cautions import cautions
from approvals.context import sees_all_of, visible
from approvals.files import File
from approvals.models import Approval, PolicyCheck
from orchestrator import contract

CHOICES = {
    "asked": gettext_lazy("what was asked, before it was corrected"),
    "previous": gettext_lazy("what holds today"),
    "revision": gettext_lazy("the previous revision"),
    "approved": gettext_lazy("the last approved one"),
    "none": gettext_lazy("nothing"),
}


@dataclass(frozen=True)
class Baseline:
    """One thing that a payload can be compared with; `of` where it is another approval's."""

    name: str
    title: Any
    value: Any = None
    of: Approval | None = None
    query: str = ""
    chosen: bool = False


def asked(request: HttpRequest, approval: Approval, read_sha256: str = "") -> dict[str, Any]:
    """`read_sha256`: the payload that somebody has read, where it is not the one that is asked."""
    kind = approval.kind_of_request()
    schema = kind.schema if kind else None
    everything = "all" in request.GET
    offered = baselines(request, approval, read_sha256)
    base = next(each for each in offered if each.chosen)
    others = approval.veils() if approval.revises_id else []
    if base.of and base.of.kind != approval.kind:
        others += base.of.veils()
    return {
        "sheet": payload.read(approval.payload, base.value, everything, schema, others),
        "baseline": base,
        "baselines": offered if len(offered) > 1 else [],
        "all_of_it": everything,
        "query": _query(base.name, everything),
        "everything": _query(base.name, everything=True),
        "cautions": cautions(approval, request.user, schema, others),
        "kind": kind,
        "policy": PolicyCheck.of(approval),
    }


def baselines(request: HttpRequest, approval: Approval, read_sha256: str = "") -> list[Baseline]:
    """What there is to compare with, of what this person may see; exactly one is chosen."""
    found: dict[str, tuple[Any, Approval | None]] = {}
    if read_sha256 and (read := _seen(request, payload_sha256=read_sha256)):
        found["read"] = (read.payload, read)
    if approval.as_asked is not None:
        found["asked"] = (approval.as_asked, None)
    earlier = _seen(request, pk=approval.revises_id) if approval.revises_id else None
    if approval.previous is not None and not (earlier and earlier.payload == approval.previous):
        found["previous"] = (approval.previous, None)
    if earlier:
        found["revision"] = (earlier.payload, earlier)
    if last := _last_approved(request, approval):
        found["approved"] = (last.payload, last)
    found["none"] = (None, None)
    wanted = request.GET.get("compare", "")
    implied = next(each for each in found if each != "approved")  # that one is only a likeness
    chosen = wanted if wanted in found and "read" not in found else implied
    titles = CHOICES | {"read": _("what you have read")}
    everything = "all" in request.GET
    return [
        Baseline(name, titles[name], value, of, _query(name, everything), name == chosen)
        for name, (value, of) in found.items()
    ]


def _seen(request: HttpRequest, **meant: Any) -> Approval | None:
    return visible(request).filter(**meant).first()


def _last_approved(request: HttpRequest, approval: Approval) -> Approval | None:
    """The last one of its kind in its queue; without a kind, whose title begins alike."""
    rows = Approval.objects.all() if sees_all_of(request, approval.queue_id) else visible(request)
    alike = rows.filter(queue=approval.queue_id, state=contract.APPROVED, kind=approval.kind)
    if not approval.kind:
        alike = alike.filter(title__startswith=approval.title.partition(" ")[0] + " ")
    before = alike.filter(closed_at__lt=approval.opened_at)
    return before.only("key", "payload", "kind").order_by("-closed_at").first()


def _query(name: str, everything: bool) -> str:
    kept = {"compare": name} | ({"all": "1"} if everything else {})
    return "?" + urlencode(kept)


def file_of(approval: Approval, sha256: str) -> File | None:
    """The file of this hash that the page of `approval` shows as its own."""
    kind, others = approval.kind_of_request(), approval.veils()
    for values in (approval.payload, approval.previous, approval.as_asked):
        for each in payload.files(values or {}, kind.schema, others) if kind else ():
            if each.sha256 == sha256:
                return each
    return None


def is_shown(approval: Approval) -> bool:
    """Whether the page shows all of the payload without being asked to."""
    if payload.read(approval.payload).complete:
        return True
    if not approval.kind:
        return False
    # What is hidden from everybody is not cut, nor is a file.
    kind, others = approval.kind_of_request(), approval.veils()
    schema = kind.schema if kind else None
    return payload.read(approval.payload, schema=schema, others=others).complete
