"""What somebody else wrote is shown, and does nothing."""

import re
from html.parser import HTMLParser

import pytest

from approvals.models import WorkflowRun
from orchestrator import client as temporal
from orchestrator.contract import Request, Run
from tests.desk import a_row

SCRIPT = "<script>alert(1)</script>"
HTMX = '<div hx-post="/approvals/x/decision/" hx-trigger="load" data-hx-get="/">x</div>'
QUOTES = "\"'><img src=x onerror=alert(1)>"
BIDI = "pay \u202eECILA\u202c to\u200b Bob\u2066\ufeff\x07\u3164"
CORPUS = [SCRIPT, HTMX, QUOTES, BIDI, "{{ 7|add:7 }}{% now 'Y' %}", "</textarea></title></svg>"]
MARKDOWN = [
    "[x](javascript:alert(1))",
    "[x](data:text/html,<script>alert(1)</script>)",
    "![x](https://evil.example/pixel.png)",
    '<a href="/" hx-get="/start/" hx-trigger="load" style="position:fixed">x</a>',
    "# A heading of its own\n\n<iframe src=//evil.example></iframe>",
]


class Page(HTMLParser):
    """What a browser would act on."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    handle_startendtag = handle_starttag


def is_inert(html: str) -> None:
    page = Page(html)
    for tag, attributes in page.tags:
        assert tag not in ("iframe", "object", "embed", "base", "img", "style")
        assert tag != "script" or attributes.get("src", "").startswith("/static/")
        assert not any(name.startswith("on") or name == "style" for name in attributes)
        assert not any(name.startswith("data-hx") for name in attributes)
        assert attributes.get("hx-trigger") != "load"
        assert attributes.get("hx-post", "/approvals/x/decision/?").count("/x/") == (
            0 if "hx-post" in attributes else 1
        )
        for name in ("href", "src", "action"):
            assert not re.match(r"\s*(javascript|data|vbscript):", attributes.get(name) or "")
    hidden = re.search("[\u202a-\u202e\u2066-\u2069\u200b\ufeff\x07\u3164]", html)
    assert not hidden, html[max(hidden.start() - 200, 0) : hidden.end() + 50]
    assert "14" + "2026" not in html


@pytest.fixture
def mei(people, client, monkeypatch):
    monkeypatch.setattr(temporal, "history", lambda *_: [])
    client.force_login(people.mei, "approvals.accounts.Accounts")
    return client


@pytest.mark.parametrize("evil", CORPUS)
def test_text_in_every_field_is_only_text(mei, people, evil):
    people.lena.first_name = evil[:30]
    people.lena.save()
    row = a_row(
        people,
        title=evil[:200],
        details=evil,
        payload={evil: evil, "list": [evil, {"deep": {"deeper": {evil: [evil]}}}], "same": evil},
        previous={evil: f"{evil}!", "gone": evil, "same": evil},
        requester=evil[:150],
        key=evil[:64],
        workflow_id=evil,
        workflow_type=evil,
        links=[{"title": evil, "url": "https://example.com/?" + evil}],
        reason=evil,
        quorum=2,
    )
    request = Request.read({"title": row.title, "requester": row.requester})
    WorkflowRun.note(
        Run(evil, row.run_id, evil), request, verdict="ask", rule=evil[:100], reason=evil
    )
    row.decide(people.lena, "approve", evil)
    for path in (
        "/inbox/",
        f"/inbox/{row.pk}/",
        f"/approvals/{row.pk}/",
        f"/approvals/{row.pk}/panel/?rev=old",
        "/workflows/",
        f"/workflows/-/{row.run_id}/",
        "/history/?q=" + evil[:20].replace("&", "%26").replace("#", "%23"),
    ):
        answer = mei.get(path)
        assert answer.status_code == 200
        is_inert(answer.content.decode())


@pytest.mark.parametrize("evil", MARKDOWN + CORPUS)
def test_markdown_can_do_nothing(mei, people, evil):
    row = a_row(people, details=evil)
    page = mei.get(f"/approvals/{row.pk}/").content.decode()
    is_inert(page)
    assert page.count("<h1") == 1
    prose = page.partition('class="prose"')[2].partition("</section>")[0]
    assert "hx-disable" in prose.partition(">")[0]
    assert not re.search(r"<[^>]*\bhx-", prose.partition(">")[2])


def test_hidden_characters_are_seen(mei, people):
    row = a_row(people, payload={"to": "Bob\u202egnik"})
    page = mei.get(f"/approvals/{row.pk}/").content.decode()
    assert 'Bob<span class="esc">\\u202e</span>gnik' in page


def test_a_link_is_one_only_where_it_says_http(mei, people):
    payload = {
        "good": "https://example.com/a",
        "bad": "javascript:alert(1)",
        "rel": "//evil.example",
    }
    page = mei.get(f"/approvals/{a_row(people, payload=payload).pk}/").content.decode()
    links = [each for tag, each in Page(page).tags if tag == "a" and each.get("target")]
    assert [each["href"] for each in links] == ["https://example.com/a"]
    assert all(each["rel"] == "noopener noreferrer" for each in links)


def test_a_long_payload_is_approved_only_once_it_was_shown(mei, people):
    row = a_row(people, payload={f"field {n}": "x" * 400 for n in range(250)})
    page = mei.get(f"/approvals/{row.pk}/").content.decode()
    assert 'value="approve"' not in page
    assert 'value="reject"' in page
    assert "Show all of it to approve" in page
    assert "field 249" not in page
    page = mei.get(f"/approvals/{row.pk}/", {"all": "1"}).content.decode()
    assert 'value="approve"' in page
    assert "field 249" in page or "Field 249" in page


def test_the_download_is_what_the_decision_binds_to(mei, people):
    import hashlib

    row = a_row(people, payload={"b": 1.50, "a": "ö\u202e"})
    answer = mei.get(f"/approvals/{row.pk}/payload.json")
    assert hashlib.sha256(answer.content).hexdigest() == row.payload_sha256
    assert answer["Content-Type"] == "application/json"
    assert answer["Content-Disposition"].startswith("attachment;")
