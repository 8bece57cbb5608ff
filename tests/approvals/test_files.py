"""Files in payloads: shown by name, size and type, served so that they can do nothing, sent."""

import base64
import html
import json
import re
import uuid

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import override_settings

from approvals import files, payload
from approvals.bulk import Selection
from approvals.cautions import cautions
from approvals.files import MOST_BYTES, File
from approvals.models import Approval, Kind
from approvals.views import start as views
from orchestrator import client as temporal
from orchestrator import contract
from orchestrator.contract import Run
from tests.desk import a_row, an_opened

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
PDF = b"%PDF-1.7 an invoice"
INVOICE = {
    "type": "object",
    "title": "Invoice",
    "properties": {
        "name": {"type": "string"},
        "type": {"enum": ["application/pdf", "image/png"]},
        "content": {"type": "string", "contentEncoding": "base64"},
    },
}
SCHEMA = {
    "type": "object",
    "required": ["invoice"],
    "properties": {
        "invoice": INVOICE,
        "scan": {"contentEncoding": "base64", "contentMediaType": "image/png", "type": "string"},
        "note": {"type": "string"},
    },
}


def in_base64(content: bytes) -> str:
    return base64.b64encode(content).decode()


def a_file(content=PDF, name="invoice.pdf", kind="application/pdf"):
    return {"name": name, "type": kind, "content": in_base64(content)}


PAYLOAD = {"invoice": a_file(), "scan": in_base64(PNG)}


@pytest.fixture
def kind(people) -> Kind:
    return Kind.objects.create(
        slug="bill", name="Bill", schema=SCHEMA, title_template="Pay it", queue=people.general
    )


def row_of(value, name="invoice"):
    rows = payload.read({name: value}, schema=SCHEMA).rest
    assert len(rows) == 1
    return rows[0]


class TestFile:
    def test_is_its_name_size_type_and_hash(self):
        shown = row_of(a_file()).now
        assert shown.text.startswith("invoice.pdf, 19 bytes, application/pdf, SHA-256 ")
        assert (shown.shown.kind, shown.shown.flags) == ("file", ())
        shown = row_of(in_base64(PNG), "scan").now
        assert shown.text.startswith("scan, ")
        assert "image/png" in shown.text

    @pytest.mark.parametrize("content", ["no base64!", "YWJ", "", 7, None, ["YWJj"]])
    def test_that_cannot_be_read_is_shown_as_it_came(self, content):
        shown = row_of({"name": "x", "type": "y", "content": content}).now
        if content == "":
            assert "0 bytes" in shown.text
            return
        assert "cannot be read as one" in shown.shown.flags[0]
        assert json.loads(shown.text) == {"name": "x", "type": "y", "content": content}

    def test_is_only_what_a_schema_calls_one(self):
        assert payload.read({"other": a_file()}, schema=SCHEMA).count == 3

    def test_is_no_object_that_a_schema_gives_more(self):
        """What stands beside the content is read as anything else is, and warned of."""
        content = {"type": "string", "contentEncoding": "base64"}
        mail = {"type": "object", "properties": {"name": {}, "to": {}, "content": content}}
        value = {"name": "Ada", "to": "mallory@evil.example", "content": in_base64(PDF)}
        sheet = payload.read({"mail": value}, schema={"properties": {"mail": mail}})
        shown = {each.path: each.now.shown for each in sheet.rest}
        assert shown["/mail/to"].text == "mallory@evil.example"
        assert shown["/mail/content"].file.content == PDF

    @pytest.mark.parametrize("more", [{"to": "mallory"}, {"name": {"to": "mallory"}}])
    def test_is_no_value_that_says_more(self, more):
        sheet = payload.read({"invoice": a_file() | more}, schema=SCHEMA)
        assert "mallory" in [each.now.text for each in sheet.rest]
        assert files.read(a_file() | more, INVOICE, "invoice") is None
        long = a_file() | {"note": "x" * 100_000}
        assert not payload.read({"invoice": long}, schema=SCHEMA).complete

    def test_stays_out_of_titles(self, kind):
        kind.title_template = "Pay {invoice} and {scan}: {note}"
        assert kind.title(PAYLOAD | {"note": "soon"}) == "Pay … and …: soon"
        several = {"type": "array", "items": INVOICE}
        kind.schema = {"type": "object", "properties": {"all": several, "note": {}}}
        kind.title_template = "Read {all}, {note}"
        assert kind.title({"all": [a_file()], "note": "soon"}) == "Read …, soon"

    def test_hides_nothing_from_cautions(self, people, kind):
        def warned(more):
            before, after = ({"invoice": a_file() | each} for each in ({}, more))
            row = a_row(people, kind="bill", payload=after, previous=before)
            return [each.fact for each in cautions(row, people.mei, SCHEMA)]

        assert warned({"iban": "DE89370400440532013000"}) == ["The bank account is new."]
        assert warned({"at": "https://p\u0430ypal.com/"}) == [
            "An address may not be what it seems."
        ]
        assert warned({"to": "a\u202eb"}) == ["1 text holds hidden characters."]

    def test_of_another_content_has_changed(self):
        (row,) = payload.read({"invoice": a_file()}, {"invoice": a_file(b"%PDF-1.7 an Invoice")},
                              schema=SCHEMA).changed  # fmt: skip
        assert row.was.text != row.now.text
        assert in_base64(PDF) not in row.now.text

    def test_needs_not_be_shown_in_full(self):
        sheet = payload.read({"invoice": a_file(b"x" * 100_000)}, schema=SCHEMA)
        assert (sheet.complete, sheet.hidden) == (True, 0)
        broken = {"invoice": {"content": "?" * 100_000}}
        assert not payload.read(broken, schema=SCHEMA).complete

    @pytest.mark.parametrize(
        ("name", "shown"),
        [
            ("../../etc/passwd", "passwd"),
            ("C:\\temp\\a.pdf", "a.pdf"),
            ("in\u202evoice\x00.pdf\r\n", "invoice.pdf"),
            ("", "file"),
            ("...", "file"),
            ("x" * 200 + ".pdf", "x" * 76 + ".pdf"),
        ],
    )
    def test_has_a_name_that_does_nothing(self, name, shown):
        assert files.named(name) == shown

    @pytest.mark.parametrize(
        ("content", "kind", "image"),
        [
            (PNG, "image/png", "image/png"),
            (b"\xff\xd8\xff\xe0", "image/jpeg", "image/jpeg"),
            (b"GIF89a", "image/gif", "image/gif"),
            (b"RIFF1234WEBPVP8 ", "image/webp", "image/webp"),
            (PNG, "image/jpeg", ""),
            (b"<svg onload='x'/>", "image/svg+xml", ""),
            (b"<html>", "image/png", ""),
            (PNG, "text/html", ""),
        ],
    )
    def test_is_a_picture_by_its_first_bytes_and_its_word(self, content, kind, image):
        found = File("x", kind, content)
        assert found.image == image
        assert bool(found.doubt) == (kind in ("image/jpeg", "image/png") and not image)


class TestAddress:
    @pytest.fixture
    def row(self, people, kind) -> Approval:
        before = {"invoice": a_file(b"%PDF-1.7 before")}
        return a_row(people, kind="bill", payload=PAYLOAD, previous=before)

    def test_gives_the_file_and_lets_it_do_nothing(self, mei, row):
        page = mei.get(f"/approvals/{row.pk}/").content.decode()
        here = f"/approvals/{row.pk}/files/{files.File('', '', PDF).sha256}"
        assert f'<a href="{here}" download>' in page
        assert "base64," not in page
        for query in ("", "?show"):
            answer = mei.get(here + query)
            assert answer.content == PDF
            assert answer["Content-Type"] == "application/octet-stream"
            assert answer["Content-Disposition"] == 'attachment; filename="invoice.pdf"'
            assert answer["Content-Security-Policy"] == "default-src 'none'; sandbox"
            assert answer["X-Content-Type-Options"] == "nosniff"
            assert answer["Cache-Control"] == "no-store"

    def test_shows_a_picture_on_a_click(self, mei, row):
        here = f"/approvals/{row.pk}/files/{files.File('', '', PNG).sha256}"
        page = mei.get(f"/approvals/{row.pk}/").content.decode()
        assert f'<img src="{here}?show" alt="scan" loading="lazy">' in page
        answer = mei.get(here, {"show": ""})
        assert answer["Content-Type"] == "image/png"
        assert answer["Content-Disposition"] == 'inline; filename="scan"'
        assert answer["Content-Security-Policy"] == "default-src 'none'; sandbox"
        assert mei.get(here)["Content-Type"] == "application/octet-stream"

    def test_knows_what_was_before(self, mei, row):
        before = files.File("", "", b"%PDF-1.7 before").sha256
        assert mei.get(f"/approvals/{row.pk}/files/{before}").status_code == 200

    def test_links_to_the_approval_that_had_it(self, mei, people, row):
        earlier = {"invoice": a_file(b"%PDF-1.7 earlier")}
        closed = {"state": "rejected", "closed_at": row.opened_at, "settled_at": row.opened_at}
        first = a_row(people, kind="bill", payload=earlier, **closed)
        Approval.objects.filter(pk=row.pk).update(revises=first, previous=None)
        page = mei.get(f"/approvals/{row.pk}/").content.decode()
        assert f"/approvals/{first.pk}/files/" in page

    def test_is_for_who_may_see_it(self, client, people, row):
        here = f"/approvals/{row.pk}/files/{files.File('', '', PDF).sha256}"
        assert client.get(here).status_code == 302
        client.force_login(people.amira, "approvals.accounts.Accounts")
        assert client.get(here).status_code == 404

    def test_is_bound_to_the_hash(self, mei, row):
        for sha in ("0" * 64, "x", row.payload_sha256):
            assert mei.get(f"/approvals/{row.pk}/files/{sha}").status_code == 404

    def test_gives_nothing_that_is_hidden(self, mei, row):
        here = f"/approvals/{row.pk}/files/{files.File('', '', PDF).sha256}"
        invoice = {**INVOICE, "writeOnly": True}
        Kind.objects.update(schema={**SCHEMA, "properties": {"invoice": invoice}})
        assert mei.get(here).status_code == 404
        assert "invoice.pdf" not in mei.get(f"/approvals/{row.pk}/").content.decode()

    def test_a_large_one_does_not_hinder_an_approve(self, mei, people, kind, monkeypatch):
        monkeypatch.setattr(temporal, "send_decision", lambda envelope: None)
        row = a_row(people, kind="bill", payload={"invoice": a_file(b"%PDF" + b"x" * 100_000)})
        said = {"verdict": "approve", "sha": row.payload_sha256, "key": str(uuid.uuid4())}
        mei.post(f"/approvals/{row.pk}/decision/", said)
        assert row.decisions.count() == 1

    def test_is_looked_at_one_by_one(self, people, row):
        (item,) = Selection(people.mei, [str(row.pk)]).items
        assert "It holds a file" in item.look

    def test_is_corrected_as_what_it_is_in_json(self, mei, people, kind):
        row = an_opened(kind="bill", payload=PAYLOAD, editable=["invoice", "scan"])
        page = mei.get(f"/approvals/{row.pk}/").content.decode()
        assert 'type="file"' not in page


class TestUpload:
    HERE = "/start/?kind=bill"

    @pytest.fixture
    def started(self, monkeypatch):
        tasks = []

        def start(task, key):
            tasks.append(task)
            return Run(f"task-{key}", str(uuid.uuid4()), "GuardedTask")

        monkeypatch.setattr(temporal, "start_guarded_task", start)
        monkeypatch.setattr(views, "PATIENCE", 0)
        return tasks

    def send(self, client, path=HERE, **fields):
        given = {"key": str(uuid.uuid4()), "typed": "form", **fields}
        return client.post(path, given)

    def test_becomes_a_part_of_the_payload(self, mei, kind, started):
        page = mei.get(self.HERE).content.decode()
        assert 'enctype="multipart/form-data"' in page
        assert 'hx-encoding="multipart/form-data"' in page
        assert 'accept="application/pdf,image/png"' in page
        self.send(
            mei,
            **{
                "p-invoice": SimpleUploadedFile("invoice.pdf", PDF, "application/pdf"),
                "p-scan": SimpleUploadedFile("scan.png", PNG, "image/png"),
            },
        )
        assert started[0]["payload"] == PAYLOAD

    @pytest.mark.parametrize(
        ("sent", "status", "words"),
        [
            (("a.pdf", b"x" * (MOST_BYTES + 1), "application/pdf"), 413, "188 are allowed"),
            (("a.pdf", b"x" * 3_000_000, "application/pdf"), 413, "This file has 2929 KiB"),
            (("a.txt", b"hello", "text/plain"), 415, "This file is text/plain; it must be"),
            (None, 422, "This field is required."),
        ],
    )
    def test_that_is_refused_says_so_beside_the_field(
        self, mei, kind, started, sent, status, words
    ):
        more = {"p-invoice": SimpleUploadedFile(*sent)} if sent else {}
        answer = self.send(mei, **more, **{"p-note": "kept as typed"})
        assert answer.status_code == status
        assert words in " ".join(answer.context["form"].errors["p-invoice"])
        assert 'id="id_p-invoice_error"' in answer.content.decode()
        assert "kept as typed" in answer.content.decode()
        assert not started

    def test_stays_when_something_else_is_wrong(self, mei, kind, started):
        sent = SimpleUploadedFile("invoice.pdf", PDF, "application/pdf")
        answer = self.send(mei, **{"p-invoice": sent, "details": "x" * 20_001})
        assert answer.status_code == 422
        assert "invoice.pdf stays unless you choose another one." in answer.content.decode()
        kept = re.search(r'name="p-invoice-kept" value="([^"]*)"', answer.content.decode())[1]
        kept = html.unescape(kept)
        self.send(mei, **{"p-invoice-kept": kept})
        assert started[0]["payload"]["invoice"] == a_file()

    @pytest.mark.parametrize("kept", ["x", "[]", "7", '{"content": 7}', '{"content": "?"}'])
    def test_that_was_tampered_with_is_no_file(self, mei, kind, started, kept):
        assert self.send(mei, **{"p-invoice-kept": kept}).status_code in (415, 422)
        assert not started

    def test_of_a_kept_one_is_limited_too(self, mei, kind, started):
        kept = json.dumps(a_file(b"x" * (MOST_BYTES + 3)) | {"size": 1})
        assert self.send(mei, **{"p-invoice-kept": kept}).status_code == 413

    def test_fits_a_payload_at_its_largest(self):
        largest = {"invoice": a_file(b"x" * MOST_BYTES)}
        assert len(contract.canonical(largest)) < contract.PAYLOAD_BYTES

    def test_another_like_this_has_it_already(self, mei, people, kind, started):
        row = a_row(people, kind="bill", payload=PAYLOAD)
        page = mei.get(f"/start/?like={row.pk}").content.decode()
        assert "invoice.pdf stays unless you choose another one." in page
        assert "Still to fill in" not in page
        Approval.objects.update(payload={"invoice": in_base64(PDF)})  # without its name
        page = mei.get(f"/start/?like={row.pk}").content.decode()
        assert "invoice stays unless you choose another one." in page
        text = mei.post(
            "/start/preview/?kind=bill&mode=json",
            {"p-invoice-kept": json.dumps(a_file()), "typed": "form", "key": str(uuid.uuid4())},
        ).content.decode()
        assert "&quot;name&quot;: &quot;invoice.pdf&quot;" in text

    def test_is_part_of_what_would_happen(self, mei, kind):
        sent = SimpleUploadedFile("invoice.pdf", PDF, "application/pdf")
        answer = mei.post(
            "/start/preview/?kind=bill",
            {"p-invoice": sent, "typed": "form", "key": str(uuid.uuid4())},
            headers={"HX-Request": "true"},
        )
        assert "Still to fill in" not in answer.content.decode()

    @override_settings(DATA_UPLOAD_MAX_MEMORY_SIZE=1000)
    def test_counts_apart_from_what_is_typed(self, mei, kind, started):
        sent = SimpleUploadedFile("invoice.pdf", PDF + b"x" * 5000, "application/pdf")
        self.send(mei, **{"p-invoice": sent})
        assert started
