"""No link leads astray: whatever a page offers to somebody is open to them."""

from html.parser import HTMLParser
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from approvals.models import (
    Approval,
    Claim,
    Comment,
    Kind,
    PolicyVersion,
    Queue,
    SavedView,
    WorkflowRun,
)
from orchestrator.contract import Request, Run
from tests.desk import a_row, recorded

pytestmark = pytest.mark.usefixtures("away")

ASTRAY = {400, 403, 404, 405, 500}
PEOPLE = ("mei", "amira", "zoe", "kim")  # who reviews, who asks, who does neither, who administers
MOST = 1000


@pytest.fixture
def visitors(db):
    User.objects.create(username="zoe")
    User.objects.create(username="kim", is_superuser=True, is_staff=True)


@pytest.fixture
def busy(people, visitors):
    """A desk with something of everything."""
    Kind.objects.create(slug="refund", name="Refund", queue=people.general, schema={})
    Queue.objects.create(slug="other", name="Other").reviewers.add(people.lena)
    asked = {"requester": "amira", "requester_user": people.amira}
    first = a_row(people, title="Revised", state="rejected", closed_at=timezone.now(), **asked)
    rows = {
        "open": a_row(people, previous={"amount": "1.00"}, revises=first, kind="refund", **asked),
        "long": a_row(people, payload={"text": "long " * 9000}, risk="high", **asked),
        "done": a_row(people, undo_seconds=600, **asked),
        "approved": a_row(people, state="approved", closed_at=timezone.now(), kind="refund"),
        "elsewhere": a_row(people, queue=Queue.objects.get(slug="other")),
    }
    recorded(rows["done"], people.mei)
    Claim.take(rows["long"], people.mei)
    Comment.add(rows["open"], people.lena, "Why?", Comment.Kind.QUESTION)
    for row in Approval.objects.all():
        note = Request.read({"title": row.title, "requester": row.requester or "bot"})
        WorkflowRun.note(Run(row.workflow_id, row.run_id, row.workflow_type), note)
    rule = {"name": "x", "then": "ask", "when": "true", "quorum": 1}
    PolicyVersion.make([rule], after=0, by=None, note="", changes=[])
    for owner in User.objects.all():
        SavedView.objects.create(owner=owner, name="Low", query="risk=low")


class Ways(HTMLParser):
    """Where a page leads without changing anything: its links, and its forms as they stand."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.form: tuple[str, list[tuple[str, str]]] | None = None
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        if tag == "a":
            self.found += [given.get("href") or ""]
        if "hx-get" in given:
            self.found += [given["hx-get"] or ""]
        if tag == "form" and given.get("method", "get") == "get":
            self.form = (given.get("action") or "", [])
        is_left = given.get("type") in ("checkbox", "radio") and "checked" not in given
        if self.form and tag in ("input", "button") and given.get("name") and not is_left:
            self.form[1].append((given["name"], given.get("value") or ""))

    def handle_endtag(self, tag):
        if tag == "form" and self.form:
            self.found += [f"{self.form[0]}?{urlencode(self.form[1])}"]
            self.form = None


def walked(client, who) -> dict[str, int]:
    """What every address answers that can be reached from the first page; of filters one each."""
    client.force_login(User.objects.get(username=who), "approvals.accounts.Accounts")
    answers, seen, left = {}, set(), ["/"]
    while left:
        address = left.pop()
        parts = urlsplit(address)
        shape = (parts.path, tuple(sorted({name for name, _value in parse_qsl(parts.query)})))
        if shape in seen or parts.netloc or parts.scheme:
            continue
        seen.add(shape)
        answer = client.get(address)
        answers[address] = answer.status_code
        assert len(answers) < MOST
        if answer.status_code in (301, 302):
            left.append(answer["Location"])
        elif "html" in answer["Content-Type"] and not parts.path.startswith("/admin/"):
            ways = Ways(answer.content.decode()).found
            left += [urljoin(address, each).partition("#")[0] for each in ways]
    return answers


@pytest.mark.parametrize("who", PEOPLE)
def test_at_a_busy_desk(client, busy, who):
    answers = walked(client, who)
    assert len(answers) > 25
    assert {each: code for each, code in answers.items() if code in ASTRAY} == {}


@pytest.mark.parametrize("who", ["zoe", "kim"])
def test_before_there_is_a_queue(client, visitors, who):
    answers = walked(client, who)
    assert {each: code for each, code in answers.items() if code in ASTRAY} == {}
    assert ("/queues/new/" in answers) == (who == "kim")
