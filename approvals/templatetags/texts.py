"""Text that somebody else wrote, names, numbers and addresses, ready for a page."""

import json
import re
import uuid
from typing import Any

import nh3
from django import template
from django.urls import reverse
from django.utils.formats import number_format
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from markdown_it import MarkdownIt

from approvals import characters
from approvals.context import MOST_COUNTED
from approvals.models.people import name_of as full_name
from orchestrator import contract

register = template.Library()

# `js-default` escapes HTML, where the default preset lets it through.
MARKDOWN = MarkdownIt("js-default", {"linkify": False, "typographer": False})
ALLOWED = {
    "p", "br", "hr", "em", "strong", "s", "code", "pre", "blockquote", "ul", "ol", "li", "a",
    "h3", "h4", "h5", "h6", "table", "thead", "tbody", "tr", "th", "td",
}  # fmt: skip
# Browsers read "..", "." and empty parts of a path as directions.
PLAIN_PATH = re.compile(r"(?!.*(?:^|/)\.{0,2}(?:/|$))[^\x00-\x1f\x7f\\]+")

# What scripts say of a number that they alone know.
COUNTED = {
    "new": lambda n: ngettext("{n} new request.", "{n} new requests.", n),
    "picked": lambda n: ngettext("{n} selected. Review", "{n} selected. Review", n),
}
# One of each kind of whole number that some language tells apart (Unicode CLDR, plural rules).
KINDS = (0, 1, 2, 3, 5, 6, 7, 11, 20, 100)


@register.simple_tag
def counted_forms(what: str) -> str:
    """As JSON, how COUNTED[what] is said of each of KINDS."""
    return json.dumps({number: COUNTED[what](number) for number in KINDS}, ensure_ascii=False)


@register.filter
def visible(text: Any) -> SafeString:
    """Text that somebody else wrote: escaped, with hidden characters made visible."""
    return format_html_join(
        "",
        "{}",
        (
            (format_html('<span class="esc">{}</span>', piece) if escaped else piece,)
            for piece, escaped in characters.pieces(str(text))
        ),
    )


@register.filter
def plain(text: Any) -> str:
    """The same without marks, for attributes and titles."""
    return characters.visible(str(text))


@register.filter
def markdown(text: str) -> SafeString:
    """Markdown as a small set of elements: no images, no classes, no scripts, no htmx."""
    html = nh3.clean(
        MARKDOWN.render(characters.visible(text)),
        tags=ALLOWED,
        attributes={"a": {"href"}},
        url_schemes={"http", "https", "mailto"},
        link_rel="noopener noreferrer nofollow",
    )
    return mark_safe(html)  # noqa: S308 - nh3 made it


@register.filter
def name_of(user: Any) -> str:
    return full_name(user)


@register.filter
def initials(user: Any) -> str:
    words = full_name(user).split()
    return "".join(each[0] for each in (words[:1] + words[1:][-1:])).upper()


@register.filter
def verb(decision: Any) -> str:
    """What its author did, after the name."""
    return {
        contract.APPROVE: _("approved"),
        contract.REJECT: _("rejected"),
        contract.REQUEST_CHANGES: _("asked for changes"),
        contract.CORRECT: _("corrected it"),
        contract.RETRACT: _("took it back"),
        contract.WITHDRAW: _("withdrew the request"),
    }.get(decision.verdict, str(decision.verdict))


@register.filter
def next_try(decision: Any) -> str:
    """third, for a decision that was tried twice."""
    words = [_("first"), _("second"), _("third"), _("fourth"), _("fifth"), _("sixth")]
    number = decision.tries + 1
    return str(words[number - 1] if number <= len(words) else _("%dth") % number)


@register.filter
def counted(count: int) -> str:
    """1,000+ where nobody counted on."""
    return f"{counted_fully(MOST_COUNTED)}+" if count > MOST_COUNTED else counted_fully(count)


@register.filter
def counted_fully(count: int) -> str:
    """3,412"""
    return str(number_format(count, force_grouping=True))


@register.filter
def short_count(count: int) -> str:
    """9, 99+, and nothing for none: the number in the navigation."""
    return "99+" if count > 99 else str(count or "")


@register.filter
def is_agent(approval: Any) -> bool:
    """Whether a program asks: no user of the desk, and named like one."""
    name = str(approval.requester).casefold()
    return approval.requester_user_id is None and name.endswith(("agent", "bot"))


@register.simple_tag
def workflow_url(workflow_id: str, run_id: str) -> str:
    """The page of a run. An id that no path can carry is written as "-": the run id suffices."""
    name = workflow_id if PLAIN_PATH.fullmatch(workflow_id) else "-"
    return reverse("workflow", args=[name, run_id])


@register.simple_tag
def events_url(workflow_id: str, run_id: str) -> str:
    return f"{workflow_url(workflow_id, run_id)}history.json"


@register.simple_tag
def form_key() -> str:
    return str(uuid.uuid4())


@register.filter
def as_json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)


@register.filter
def unlocalized(number: float) -> str:
    """For SVG: a decimal point in every language, and no thousands separator."""
    return str(number)


@register.filter
def split(text: str) -> list[str]:
    return text.split()
