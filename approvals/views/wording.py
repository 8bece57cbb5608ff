"""The words on the buttons of a decision, and the reasons that are ready for a rejection."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from django.utils.translation import gettext_lazy as _

from approvals.models import Approval


class Wording(NamedTuple):
    """Verb and object, so that the button says what it does."""

    approve: Any
    reject: Any


PLAIN = Wording(_("Approve"), _("Reject"))
PAYMENT = Wording(_("Approve payment"), _("Reject payment"))
EMAIL = Wording(_("Approve email"), _("Reject email"))
DELETION = Wording(_("Approve deletion"), _("Reject deletion"))
# By the first word of a title.
KNOWN = {
    "pay": PAYMENT,
    "refund": Wording(_("Approve refund"), _("Reject refund")),
    "transfer": Wording(_("Approve transfer"), _("Reject transfer")),
    "deploy": Wording(_("Approve deploy"), _("Reject deploy")),
    "release": Wording(_("Approve release"), _("Reject release")),
    "rollback": Wording(_("Approve rollback"), _("Reject rollback")),
    "email": EMAIL,
    "mail": EMAIL,
    "delete": DELETION,
    "drop": DELETION,
    "remove": DELETION,
    "grant": Wording(_("Approve access"), _("Reject access")),
    "publish": Wording(_("Approve publication"), _("Reject publication")),
    "order": Wording(_("Approve order"), _("Reject order")),
    "buy": Wording(_("Approve purchase"), _("Reject purchase")),
    "restart": Wording(_("Approve restart"), _("Reject restart")),
}
OF_MONEY = (
    _("Wrong amount"), _("Wrong payee or account"), _("Missing evidence"), _("Not needed"),
)  # fmt: skip
OF_ANYTHING = (_("Missing evidence"), _("Not now"), _("Not needed"))


def wording(approval: Approval) -> Wording:
    return KNOWN.get(_verb(approval), PLAIN)


def reasons(approval: Approval) -> Sequence[Any]:
    """The queue's own; else what its title says the usual ones are."""
    if own := approval.queue.quick_reasons:
        return tuple(own)
    return OF_MONEY if _verb(approval) in ("pay", "refund", "transfer") else OF_ANYTHING


def _verb(approval: Approval) -> str:
    return approval.title.partition(" ")[0].casefold()
