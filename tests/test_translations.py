"""Every word that people read goes through gettext, so that other languages can follow.

Once by reading the templates; once by asking for the pages in a language that puts every
translated text in brackets, at a desk whose people and requests are named in Greek. Latin letters
outside brackets are then English that nobody could translate.
"""

import ast
import json
import re
import uuid
from collections.abc import Iterator
from datetime import timedelta
from html.parser import HTMLParser
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.template.base import Lexer, TokenType
from django.utils import timezone, translation
from django.utils.translation.template import templatize

from approvals.models import Approval, Claim, Comment, Kind, Queue, WorkflowRun
from approvals.templatetags.texts import COUNTED, counted_forms
from orchestrator import client as temporal
from orchestrator import contract
from tests.desk import keys

__all__ = ["keys"]

ROOT = Path(__file__).parents[1]
# Static on purpose: they are shown when nothing else works.
STATIC = {"400.html", "500.html"}
TEMPLATES = sorted(path for path in (ROOT / "templates").rglob("*.html") if path.name not in STATIC)
NAMES = {"Countersign", "JSON", "SHA", "UTC"}
READ = {"title", "alt", "placeholder", "aria-label", "aria-description", "label", "summary"}
WORD = re.compile(r"\b[A-Za-z]{2,}\b")


class Texts(HTMLParser):
    """What people read of a page: texts, and attributes that are read out or shown."""

    SILENT = {"script", "style", "code", "kbd", "pre"}

    def __init__(self, silent_classes: frozenset[str] = frozenset()) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[str] = []
        self.open: list[tuple[str, bool]] = []
        self.silent_classes = silent_classes

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        classes = set((given.get("class") or "").split())
        if tag not in VOID:
            self.open.append((tag, tag in self.SILENT or bool(classes & self.silent_classes)))
        for name, value in attrs:
            if (name in READ or (name.startswith("data-") and " " in (value or ""))) and value:
                self.found.append(value)

    def handle_endtag(self, tag: str) -> None:
        while any(tag == each for each, _silent in self.open):
            if self.open.pop()[0] == tag:
                break

    def handle_data(self, data: str) -> None:
        if not any(silent for _tag, silent in self.open):
            self.found.append(data)


VOID = {"br", "hr", "img", "input", "link", "meta", "rect", "path", "line", "circle"}


def texts(html: str, **options) -> Iterator[str]:
    parser = Texts(**options)
    parser.feed(html)
    parser.close()
    return (" ".join(each.split()) for each in parser.found if each.strip())


def bare(template: str) -> str:
    """The template's own text: without tags, variables, and what is marked for translation."""
    kept, marked = [], ""
    for token in Lexer(template).tokenize():
        name = token.contents.split()[0] if token.contents.split() else ""
        if token.token_type == TokenType.BLOCK and name in ("blocktranslate", "comment"):
            marked = f"end{name}"
        elif token.token_type == TokenType.BLOCK and name == marked:
            marked = ""
        elif token.token_type == TokenType.TEXT and not marked:
            kept.append(token.contents)
    return "".join(kept)


class TestTemplates:
    @pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
    def test_hold_no_text_that_cannot_be_translated(self, template):
        found = [
            each for each in texts(bare(template.read_text())) if set(WORD.findall(each)) - NAMES
        ]
        assert not found

    @pytest.mark.parametrize(
        "template",
        [
            "<p>Not now</p>",
            '<a aria-label="Not now"></a>',
            '<p{% if a %} class="b"{% endif %} title="Not now">{{ c }}</p>',
            "{% translate 'Yes' %} Not now",
            '<ul data-one="Not now"></ul>',
        ],
    )
    def test_are_looked_at_closely(self, template):
        assert any("Not now" in each for each in texts(bare(template)))

    def test_can_hold_translations(self):
        template = (
            "{% comment %}Why{% endcomment %}{# Why #}<p title=\"{% translate 'Not now' %}\">"
            "{% blocktranslate count counter=n %}One{% plural %}Many{% endblocktranslate %}</p>"
        )
        assert not list(texts(bare(template)))


# A language that nobody speaks.


def bracketed(message: str) -> str:
    return f"⟦{message}⟧"


@pytest.fixture
def brackets(monkeypatch) -> None:
    """Every translated text in brackets."""
    real = translation._trans
    one = {"gettext": bracketed, "pgettext": lambda _context, text: bracketed(text)}
    for name, fake in one.items():
        monkeypatch.setattr(real, name, fake)
    monkeypatch.setattr(real, "ngettext", lambda one, many, n: bracketed(one if n == 1 else many))
    monkeypatch.setattr(
        real, "npgettext", lambda _context, one, many, n: bracketed(one if n == 1 else many)
    )


def english(html: str) -> list[str]:
    """What is left in Latin letters once all that was translated is taken out."""
    html = re.sub(r"(?s)<optgroup.*</optgroup>", "", html)  # the names of time zones
    while html != (html := re.sub(r"⟦[^⟦⟧]*⟧", " ", html)):
        pass
    shown = texts(html, silent_classes=frozenset({"mono"}))
    return [each for each in shown if set(WORD.findall(each)) - NAMES]


class Greek:
    """A desk where nothing but the desk itself is written in Latin letters."""

    def __init__(self) -> None:
        self.queue = Queue.objects.create(slug="tameio", name="Ταμείο", description="Πληρωμές")
        self.mei, self.lena, self.amira = (
            User.objects.create(username=name, first_name=name) for name in ("Μέι", "Λένα", "Αμίρα")
        )
        self.kim = User.objects.create(
            username="Κιμ", first_name="Κιμ", is_staff=True, is_superuser=True
        )
        self.queue.reviewers.add(self.mei, self.lena)
        self.kind = Kind.objects.create(
            slug="eidos",
            name="Πληρωμή",
            description="Σε προμηθευτή",
            queue=self.queue,
            title_template="Πληρωμή {ποσό}",
            schema={
                "type": "object",
                "required": ["ποσό", "μέρα", "πλήθος"],
                "properties": {
                    "ποσό": {"type": "string", "format": "money", "title": "Ποσό"},
                    "μέρα": {"type": "string", "format": "date", "title": "Μέρα"},
                    "πλήθος": {"type": "integer", "minimum": 3, "title": "Πλήθος"},
                    "λογαριασμός": {"type": "string", "format": "iban", "title": "Λογαριασμός"},
                    "τόπος": {"type": "string", "format": "uri", "title": "Τόπος"},
                    "ποιος": {"enum": ["α", "β"], "title": "Ποιος"},
                },
            },
        )

    def asked(self, number: int, **values) -> Approval:
        payload = values.pop("payload", None) or {
            "ποσό": f"€{number}.000,00",
            "προς": "Ξυλεία ΑΕ",
            "ναι": True,
            "κενό": None,
        }
        given = {
            "workflow_id": f"εργασία-{number}",
            "run_id": f"00000000-0000-4000-8000-00000000000{number}",
            "workflow_type": "Πληρωμή",
            "title": f"Πληρωμή {number} στην Ξυλεία ΑΕ",
            "key": f"ΠΛΗ-{number}",
            "payload": payload,
            "payload_sha256": contract.sha256(payload),
            "previous": {**payload, "ποσό": "€1,00", "παλιό": [1, 2]},
            "queue": self.queue,
            "quorum": 2,
            "on_timeout": "reject",
            "requester": "Αμίρα",
            "requester_user": self.amira,
            "requester_identity": "αμίρα",
            **values,
        }
        row = Approval.objects.create(**given)
        WorkflowRun.objects.create(
            workflow_id=row.workflow_id,
            run_id=row.run_id,
            workflow_type=row.workflow_type,
            title=row.title,
            requester=row.requester,
            requester_user=self.amira,
            started_at=timezone.now(),
        )
        return row


@pytest.fixture
def greek(db, keys, monkeypatch) -> Greek:
    """Something in every state, some of it long ago, some of it talked about."""

    def away(*_args):
        raise temporal.Unreachable("")

    monkeypatch.setattr(temporal, "send_decision", away)
    monkeypatch.setattr(temporal, "history", away)
    return Greek()


def pages(greek: Greek) -> dict[str, tuple[User, str]]:
    """Each page by a name: who looks, and where."""
    due = timezone.now() + timedelta(minutes=5)
    waiting = greek.asked(1, due_at=due, due_sort=due, risk="high", details="Γιατί **όχι**;")
    waiting.decide(greek.lena, contract.APPROVE, "Εντάξει")
    Comment.add(waiting, greek.lena, "Γιατί;", Comment.Kind.QUESTION)
    Comment.add(waiting, greek.amira, "Έτσι.", Comment.Kind.ANSWER, greek.lena)
    Claim.hand_over(waiting, greek.lena, greek.mei, "Δες το")
    rejected = greek.asked(2)
    rejected.decide(greek.mei, contract.REJECT, "Όχι")
    closed = greek.asked(3, state="rejected", closed_at=timezone.now(), risk="critical")
    greek.asked(4, state="expired", closed_at=timezone.now(), risk="low", due_at=due)
    found: dict[str, tuple[User, str]] = {
        "inbox": (greek.mei, "/inbox/"),
        "inbox of nobody": (greek.amira, "/inbox/"),
        "filtered inbox": (greek.mei, "/inbox/?risk=low&q=αβγ"),
        "pane": (greek.mei, f"/inbox/{waiting.pk}/"),
        "approval": (greek.mei, f"/approvals/{waiting.pk}/"),
        "compared with nothing": (greek.mei, f"/approvals/{waiting.pk}/?compare=none"),
        "confirmation": (greek.mei, f"/approvals/{waiting.pk}/?confirm=approve"),
        "approval of one's own": (greek.amira, f"/approvals/{waiting.pk}/"),
        "approval of others": (greek.kim, f"/approvals/{waiting.pk}/"),
        "voted": (greek.lena, f"/approvals/{waiting.pk}/"),
        "on its way": (greek.mei, f"/approvals/{rejected.pk}/"),
        "closed": (greek.amira, f"/approvals/{closed.pk}/"),
        "bulk": (greek.mei, f"/inbox/bulk/?sel={waiting.pk}"),
        "requests": (greek.amira, "/requests/"),
        "no requests": (greek.mei, "/requests/"),
        "history": (greek.mei, "/history/"),
        "filtered history": (greek.mei, "/history/?since=2026-02-30&outcome=lost"),
        "workflows": (greek.mei, "/workflows/"),
        "workflow": (greek.mei, f"/workflows/{waiting.workflow_id}/{waiting.run_id}/"),
        "unreadable": (greek.mei, f"/approvals/{greek.asked(8, kind='eidos').pk}/"),
        "strange": (greek.mei, f"/approvals/{greek.asked(9, payload=STRANGE).pk}/"),
        "receipt": (greek.mei, f"/inbox/receipt/{rejected.pk}/"),
        "news": (greek.mei, f"/approvals/{waiting.pk}/panel/"),
        "start": (greek.amira, "/start/"),
        "start of a kind": (greek.amira, "/start/?kind=eidos"),
        "start in JSON": (greek.amira, "/start/?kind=eidos&mode=json"),
        "start of a free form": (greek.amira, "/start/?kind="),
        "profile": (greek.mei, "/profile/"),
        "search": (greek.mei, "/palette/?q=π"),
        "not found": (greek.mei, "/nowhere/"),
        "forbidden": (greek.mei, f"/start/?revises={closed.pk}"),
    }
    return found


# What the desk has something to say about.
STRANGE = {
    "τόπος": "https://аpple.example/",
    "κρυφό": "α\u200bβ",
    "μεγάλο": ["α" * 5000] * 30,
    "ποτέ": {"metadata": {"encoding": "YmluYXJ5L2VuY3J5cHRlZA=="}, "data": ""},
}
WRONG = {"ποσό": "πολλά", "μέρα": "αύριο", "πλήθος": "1", "λογαριασμός": "α", "τόπος": "α",
         "ποιος": "γ"}  # fmt: skip


def answers(greek: Greek) -> dict[str, tuple[User, str, dict, int]]:
    """What is said to a form that is refused: who sends it, where to, what, and the status."""
    past = timezone.now() - timedelta(minutes=5)
    row, late = greek.asked(5), greek.asked(6, due_at=past, due_sort=past)
    critical = greek.asked(7, risk="critical")
    form = {"verdict": "reject", "comment": "", "sha": row.payload_sha256, "key": uuid.uuid4()}
    whole = {**form, "comment": "Όχι"}
    approve = {**form, "verdict": "approve", "confirmed": "1", "password": "Λάθος"}
    approve["sha"] = critical.payload_sha256
    to = f"/approvals/{row.pk}"
    return {
        "no reason": (greek.mei, f"{to}/decision/", form, 422),
        "half a form": (greek.mei, f"{to}/decision/", {}, 422),
        "not theirs": (greek.kim, f"{to}/decision/", whole, 403),
        "changed": (greek.mei, f"{to}/decision/", {**whole, "sha": "0" * 64}, 409),
        "too late": (greek.mei, f"/approvals/{late.pk}/decision/", whole, 409),
        "asked twice": (greek.mei, f"/approvals/{critical.pk}/decision/", approve, 422),
        "nothing to undo": (greek.mei, f"{to}/undo/", {}, 409),
        "no comment": (greek.mei, f"{to}/comments/", {"kind": "comment", "text": ""}, 422),
        "handed to nobody": (greek.mei, f"{to}/handover/", {"to": ""}, 422),
        "no question": (greek.amira, f"{to}/answer/", {"text": "Ναι"}, 409),
        "not started": (greek.amira, "/start/", {"payload": "{"}, 422),
        "nothing filled in": (greek.amira, "/start/?kind=eidos", {}, 422),
        "filled in wrongly": (greek.amira, "/start/?kind=eidos", WRONG, 422),
        "outlook": (greek.amira, "/start/preview/", {"payload": "{"}, 200),
        "unknown setting": (greek.mei, "/profile/", {"theme": "ροζ"}, 422),
        "bulk without a reason": (
            greek.mei, "/inbox/bulk/", {"sel": [str(row.pk)], "verdict": "reject"}, 422
        ),
    }  # fmt: skip


class TestPages:
    def test_say_nothing_that_cannot_be_translated(self, client, greek, brackets):
        left = {}
        for name, (who, address) in pages(greek).items():
            client.force_login(who, "approvals.accounts.Accounts")
            html = client.get(address).content.decode()
            assert "⟦" in html, name
            if found := english(html):
                left[name] = found
        assert not left, left

    def test_refuse_nothing_in_words_that_cannot_be_translated(self, client, greek, brackets):
        left = {}
        for name, (who, address, sent, status) in answers(greek).items():
            client.force_login(who, "approvals.accounts.Accounts")
            answer = client.post(address, sent)
            assert answer.status_code == status, name
            if found := english(answer.content.decode()):
                left[name] = found
        assert not left, left

    def test_are_found_out_where_a_word_was_forgotten(self):
        assert english("<p>⟦Not now⟧</p>") == []
        assert english("<p>⟦Not ⟦ever⟧ <b>now⟧</b></p><p>Αμίρα</p>") == []
        assert english("<p>⟦Not⟧ now</p>") == ["now"]

    @pytest.mark.parametrize("tries", [1, 6])
    def test_sign_in_in_words_that_can_be_translated(self, client, greek, brackets, tries):
        for _each in range(tries):
            answer = client.post("/accounts/login/", {"username": "Ζωή", "password": "Λάθος"})
        assert not english(answer.content.decode())


# What `makemessages` finds. Its program xgettext need not be there: it reads literals alone.

CODE = sorted(path for app in ("approvals", "orchestrator") for path in (ROOT / app).rglob("*.py"))
CALLS = {"_": 1, "gettext": 1, "gettext_lazy": 1, "ngettext": 2, "ngettext_lazy": 2}


def hidden_from_xgettext(source: str) -> list[str]:
    """Calls whose texts are put together only while the program runs."""
    calls = [each for each in ast.walk(ast.parse(source)) if isinstance(each, ast.Call)]
    return [
        ast.unparse(call)
        for call in calls
        if isinstance(call.func, ast.Name) and call.func.id in CALLS
        for text in call.args[: CALLS[call.func.id]]
        if not (isinstance(text, ast.Constant) and isinstance(text.value, str))
    ]


class TestMessages:
    @pytest.mark.parametrize("path", CODE, ids=lambda path: path.stem)
    def test_of_code_can_be_found(self, path):
        assert not hidden_from_xgettext(path.read_text())

    @pytest.mark.parametrize("source", ["_(f'{n} left')", "_('a' + b)", "ngettext('1', many, n)"])
    def test_that_cannot_be_found_are_noticed(self, source):
        assert hidden_from_xgettext(source)

    @pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
    def test_of_templates_can_be_found(self, template):
        source = template.read_text()
        marked = len(re.findall(r"{% (?:block)?translate\b|_\(\"", source))
        found = len(re.findall(r"\b(?:ng|g)ettext\(|_\(", templatize(source, origin=template.name)))
        assert found >= marked


class TestFormsForScripts:
    def test_one_and_many(self):
        forms = json.loads(counted_forms("new"))
        assert forms.pop("1") == "{n} new request."
        assert set(forms.values()) == {"{n} new requests."}

    def test_as_many_as_a_language_has(self, monkeypatch):
        def polish(n):
            few = n % 10 in (2, 3, 4) and n % 100 not in (12, 13, 14)
            return "{n} nowy" if n == 1 else "{n} nowe" if few else "{n} nowych"

        monkeypatch.setitem(COUNTED, "new", polish)
        forms = json.loads(counted_forms("new"))
        assert (forms["1"], forms["2"], forms["5"]) == ("{n} nowy", "{n} nowe", "{n} nowych")
