"""Kinds of request: what a schema may be, what it says of a payload, how titles are made."""

import json

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError

from approvals import demo
from approvals.models import Kind, Queue

SCHEMA = {
    "type": "object",
    "required": ["vendor", "amount"],
    "properties": {
        "vendor": {"type": "string", "maxLength": 20},
        "amount": {"type": "string", "format": "money"},
        "iban": {"type": "string", "format": "iban"},
        "at": {"type": "string", "format": "date-time"},
        "on": {"type": "string", "format": "date"},
        "site": {"type": "string", "format": "uri"},
        "mail": {"type": "string", "format": "email"},
        "count": {"type": "integer", "minimum": 1, "maximum": 3},
        "size": {"enum": ["small", 2]},
        "code": {"type": "string", "pattern": "^[a-z]+$"},
        "lines": {"type": "array", "maxItems": 2, "items": {"required": ["amount"]}},
    },
    "additionalProperties": False,
}
GOOD = {"vendor": "Acme", "amount": "€120.00"}


def a_kind(schema=None, **values) -> Kind:
    given = {"slug": "payment", "name": "Payment", "title_template": "Pay {amount} to {vendor}"}
    return Kind(schema=schema or SCHEMA, **{**given, **values})


class TestProblems:
    def test_a_good_payload_has_none(self):
        more = {
            "iban": "SE45 5000 0000 0583 9825 7466",
            "at": "2026-11-24T14:30:00+01:00",
            "on": "2026-11-24",
            "site": "https://example.com/",
            "mail": "a@example.com",
            "count": 2,
            "size": 2,
            "code": "abc",
            "lines": [{"amount": 1}],
        }
        assert a_kind().problems(GOOD | more) == {}

    @pytest.mark.parametrize(
        ("more", "place", "words"),
        [
            ({"vendor": "x" * 21}, "vendor", "Write at most 20 characters."),
            ({"vendor": 7}, "vendor", "This must be text."),
            ({"amount": "a lot"}, "amount", "Write an amount, such as €1,200.00."),
            ({"iban": "SE45 5000 0000 0583 9825 7467"}, "iban", "check digits"),
            ({"iban": "hello"}, "iban", "This is not an IBAN."),
            ({"at": "2026-11-24T14:30:00"}, "at", "Write date, time and zone"),
            ({"at": "tomorrow"}, "at", "Write date, time and zone"),
            ({"on": "24.11.2026"}, "on", "Write a date such as"),
            ({"site": "example"}, "site", "Write a full address"),
            ({"mail": "nobody"}, "mail", "Write an email address."),
            ({"count": 4}, "count", "This must be at most 3."),
            ({"count": 0}, "count", "This must be at least 1."),
            ({"count": 1.5}, "count", "This must be a whole number."),
            ({"size": "big"}, "size", "Choose one of: small, 2."),
            ({"code": "ABC"}, "code", "This does not fit the pattern ^[a-z]+$."),
            ({"lines": [{"amount": 1}, {}]}, "lines.1.amount", "This field is required."),
            ({"lines": [1, 2, 3]}, "lines", "At most 2 are allowed."),
            ({"typo": 1}, "", "There is no field typo here."),
        ],
    )
    def test_are_told_in_words_with_their_place(self, more, place, words):
        found = a_kind().problems(GOOD | more)
        assert list(found) == [place]
        assert words in found[place]

    def test_name_each_field_that_is_missing(self):
        wanted = "This field is required."
        assert a_kind().problems({}) == {"vendor": wanted, "amount": wanted}

    @pytest.mark.parametrize("payload", [None, [], "text", 1])
    def test_a_payload_is_an_object(self, payload):
        assert a_kind().problems(payload) == {"": "This must be an object."}

    def test_are_not_endless(self):
        schema = {"type": "object", "additionalProperties": {"type": "integer"}}
        assert len(a_kind(schema).problems({str(n): "x" for n in range(9999)})) == 50

    @pytest.mark.parametrize(
        "amount", ["€48,200.00", "$312.40", "1.200,00 €", "SEK 400", "-3", "7"]
    )
    def test_money_is_written_in_many_ways(self, amount):
        assert a_kind().problems(GOOD | {"amount": amount}) == {}


class TestTitle:
    def test_is_filled_in(self):
        assert a_kind().title(GOOD) == "Pay €120.00 to Acme"

    def test_shows_what_is_missing(self):
        assert a_kind().title({"amount": ""}) == "Pay … to …"

    def test_nothing_is_not_zero(self):
        assert a_kind(title_template="Scale to {n}").title({"n": 0}) == "Scale to 0"

    def test_is_one_line_of_limited_length(self):
        title = a_kind().title({"amount": "1\n2", "vendor": "x" * 300})
        assert title.startswith("Pay 1 2 to xxx")
        assert len(title) == 200


class TestSchema:
    @pytest.mark.parametrize(
        ("schema", "words"),
        [
            ({"type": "array"}, "must describe an object"),
            ({"type": "object", "properties": {"a": {"type": "money"}}}, "Not a JSON Schema"),
            ({"type": "object", "properties": {"a": {"$ref": "#/a"}}}, "not supported"),
            ({"type": "object", "x-order": "a"}, "list of names"),
        ],
    )
    def test_that_no_form_can_be_made_of_is_refused(self, people, schema, words):
        with pytest.raises(ValidationError, match=words):
            a_kind(schema, queue=people.general, title_template="Pay").full_clean()

    def test_must_have_what_the_title_names(self, people):
        with pytest.raises(ValidationError, match="no field who"):
            a_kind(queue=people.general, title_template="Pay {who}").full_clean()

    def test_orders_its_fields(self):
        fields = {"a": {}, "b": {}, "c": {}, "d": True}
        schema = {"type": "object", "properties": fields, "required": ["c"]}
        assert list(a_kind(schema).fields()) == ["c", "a", "b", "d"]
        assert list(a_kind(schema | {"x-order": ["b", "gone"]}).fields()) == ["b", "c", "a", "d"]


class TestDemo:
    @pytest.fixture
    def kinds(self, db):
        demo.make_people()
        demo.make_people()

    def test_has_three_kinds_that_an_admin_could_have_made(self, kinds):
        assert [each.slug for each in Kind.objects.all()] == ["deploy", "refund", "vendor-payment"]
        for kind in Kind.objects.all():
            kind.full_clean()

    def test_asks_for_what_its_kinds_allow(self, kinds):
        known = {each.slug: each for each in Kind.objects.all()}
        asked = [each for each in demo.REQUESTS.values() if "kind" in each]
        assert len(asked) == 4
        for request in asked:
            kind = known[request["kind"]]
            assert kind.problems(request["payload"]) == {}
            assert "…" not in kind.title(request["payload"])
            assert kind.queue.slug == request["queue"]


class TestAdmin:
    HERE = "/admin/approvals/kind/add/"

    @pytest.fixture
    def kim(self, client, people):
        kim = User.objects.create(username="kim", is_superuser=True, is_staff=True)
        client.force_login(kim, "approvals.accounts.Accounts")
        return client

    def form(self, **changes):
        given = {
            "slug": "payment",
            "name": "Payment",
            "description": "",
            "schema": json.dumps(SCHEMA),
            "title_template": "Pay {amount} to {vendor}",
            "queue": Queue.objects.get(slug="general").pk,
            "risk": "high",
            "due_seconds": "",
            "active": "on",
        }
        return {**given, **changes}

    def test_makes_a_kind(self, kim):
        assert kim.post(self.HERE, self.form()).status_code == 302
        kind = Kind.objects.get()
        assert kind.schema == SCHEMA
        page = kim.get(f"/admin/approvals/kind/{kind.pk}/change/").content.decode()
        assert "&quot;vendor&quot;: {\n" in page
        assert kim.get("/admin/approvals/kind/").status_code == 200

    @pytest.mark.parametrize(
        ("changes", "words"),
        [
            ({"schema": "{"}, "Enter a valid JSON."),
            ({"schema": '{"type": "array"}'}, "must describe an object"),
            ({"title_template": "Pay {who}"}, "The schema has no field who."),
        ],
    )
    def test_refuses_what_is_none(self, kim, changes, words):
        answer = kim.post(self.HERE, self.form(**changes))
        assert answer.status_code == 200
        assert words in answer.content.decode()
        assert not Kind.objects.exists()

    def test_looks_at_preferences(self, kim):
        assert kim.get("/admin/approvals/preference/").status_code == 200
