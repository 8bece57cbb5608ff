"""What a request may say, field by field, and what a decision binds to."""

import json
import math
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.contract import (
    DEPTH,
    DETAILS_LENGTH,
    LONGEST_WAIT,
    PAYLOAD_BYTES,
    InvalidRequest,
    Request,
    canonical,
    sha256,
)

SAFE = 2**53 - 1
scalars = st.none() | st.booleans() | st.integers(-SAFE, SAFE) | st.text() | st.floats(
    allow_nan=False, allow_infinity=False
)  # fmt: skip
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-SAFE, SAFE) | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)
objects = st.dictionaries(texts, values, max_size=6)


def read(**fields):
    return Request.read({"title": "Pay Acme", **fields})


def refused(**fields):
    with pytest.raises(InvalidRequest) as refusal:
        read(**fields)
    return str(refusal.value)


class TestRequest:
    def test_needs_no_more_than_a_title(self):
        request = read()
        assert (request.queue, request.payload, request.risk) == ("general", {}, "medium")
        assert (request.quorum, request.due_seconds, request.v) == (None, None, 1)

    @pytest.mark.parametrize("value", [None, "text", 1, 1.5, True, [], [{"title": "x"}]], ids=repr)
    def test_is_an_object(self, value):
        with pytest.raises(InvalidRequest, match="A request must be a JSON object, not"):
            Request.read(value)

    def test_an_unknown_field_is_named_beside_the_known_ones(self):
        message = refused(quorom=2, aproval=1)
        assert message.startswith("A request has unknown fields: aproval, quorom. Known: details,")

    def test_a_long_unknown_name_is_cut(self):
        assert len(refused(**{"x" * 100_000: 1})) < 500

    def test_a_null_is_as_good_as_nothing(self):
        empty = dict.fromkeys(Request.__dataclass_fields__)
        assert Request.read({**empty, "title": "Pay Acme"}) == read()

    def test_leaves_what_it_was_given_as_it_was(self):
        given = {"title": "Pay", "quorum": 2.0, "payload": {"n": 1}}
        before = json.dumps(given)
        Request.read(given)
        assert json.dumps(given) == before

    @given(st.recursive(scalars, lambda x: st.lists(x) | st.dictionaries(st.text(), x)))
    def test_nothing_but_a_clear_refusal_comes_of_rubbish(self, value):
        with suppress(InvalidRequest):
            Request.read(value)

    @given(st.dictionaries(st.sampled_from(sorted(Request.__dataclass_fields__)), scalars | values))
    def test_nor_of_rubbish_in_known_fields(self, value):
        with suppress(InvalidRequest):
            Request.read(value)


class TestTexts:
    @pytest.mark.parametrize("title", ["", " ", "\n\t"])
    def test_a_title_is_needed(self, title):
        assert refused(title=title) == "`title` is missing: say what is asked, verb first."

    @pytest.mark.parametrize(
        ("name", "longest"),
        [
            ("title", 200),
            ("details", DETAILS_LENGTH),
            ("requester", 150),
            ("key", 64),
            ("kind", 50),
        ],
    )
    def test_lengths(self, name, longest):
        read(**{name: "x" * longest})
        message = refused(**{name: "x" * (longest + 1)})
        assert message == f"`{name}` has {longest + 1} characters; {longest} are allowed."

    @pytest.mark.parametrize(
        "name", ["title", "details", "requester", "key", "queue", "kind", "revises"]
    )
    @pytest.mark.parametrize("value", [1, True, [], {}, 1.5], ids=repr)
    def test_types(self, name, value):
        assert refused(**{name: value}).startswith(f"`{name}` must be text, not")

    @pytest.mark.parametrize("queue", ["a", "0", "payments", "payments-eu-2", "x" * 50])
    def test_a_slug(self, queue):
        assert read(queue=queue).queue == queue

    @pytest.mark.parametrize(
        "queue", ["", "Payments", "-x", "a b", "a/b", "ä", "../x", "a\n", "x" * 51, "a_b"]
    )
    def test_no_slug(self, queue):
        assert "`queue`" in refused(queue=queue)


class TestPayload:
    @pytest.mark.parametrize("name", ["payload", "previous"])
    @pytest.mark.parametrize("value", [[], "text", 1, True], ids=repr)
    def test_is_an_object(self, name, value):
        assert refused(**{name: value}).startswith(f"`{name}` must be a JSON object, not")

    @pytest.mark.parametrize("name", ["payload", "previous"])
    def test_ends_at_256_kib_of_canonical_json(self, name):
        full = {"x": "y" * (PAYLOAD_BYTES - len('{"x":""}'))}
        assert len(canonical(full)) == 256 * 1024
        read(**{name: full})
        message = refused(**{name: {"x": full["x"] + "y"}})
        assert "256 KiB are allowed. Store the data elsewhere" in message

    def test_counts_bytes_and_not_characters(self):
        assert "are allowed" in refused(payload={"x": "€" * (PAYLOAD_BYTES // 3 + 1)})

    def test_depth(self):
        def nested(levels):
            value: object = 1
            for number in range(levels - 1):
                value = [value] if number % 2 else {"x": value}
            return {"x": value}

        read(payload=nested(DEPTH))
        assert refused(payload=nested(DEPTH + 1)) == "`payload` is nested more than 32 levels deep."

    def test_a_depth_that_would_exhaust_the_stack(self):
        value: object = 1
        for _ in range(100_000):
            value = [value]
        assert "nested" in refused(payload={"x": value})

    @pytest.mark.parametrize(
        "value",
        [math.nan, math.inf, -math.inf, 2**53, -(2**53), 10**400, "\ud800", {"\udfff": 1}],
        ids=lambda value: ascii(value)[:20],
    )
    def test_what_two_programs_read_differently(self, value):
        for name in ("payload", "previous"):
            assert "not JSON that every program reads alike" in refused(**{name: {"x": value}})

    @pytest.mark.parametrize("value", [b"bytes", (1, 2), {1, 2}, object()], ids=type)
    def test_what_is_not_json(self, value):
        if isinstance(value, tuple):
            read(payload={"x": value})
        else:
            refused(payload={"x": value})

    def test_a_key_that_is_no_text(self):
        refused(payload={1: "x"})

    @pytest.mark.parametrize("value", [SAFE, -SAFE, 0, 0.1, 1e300, "", "\x00", "🙂", None])
    def test_what_is_fine(self, value):
        assert read(payload={"x": value}).payload == {"x": value}


class TestNumbers:
    @pytest.mark.parametrize(
        ("name", "value"),
        [("quorum", 1), ("quorum", 50), ("due_seconds", 1), ("due_seconds", LONGEST_WAIT)],
    )
    def test_bounds(self, name, value):
        assert getattr(read(**{name: value}), name) == value

    def test_a_whole_float_of_another_sdk_is_a_whole_number(self):
        assert read(quorum=2.0).quorum == 2
        assert isinstance(read(quorum=2.0).quorum, int)

    @pytest.mark.parametrize("name", ["quorum", "due_seconds"])
    @pytest.mark.parametrize(
        "value",
        [0, -1, 0.5, 1.0000001, True, False, "2", [], {}, 10**12, math.nan, math.inf, 1e300],
    )
    def test_others(self, name, value):
        assert refused(**{name: value}).startswith(f"`{name}` must be a whole number from 1 to")


class TestChoices:
    @pytest.mark.parametrize("risk", ["low", "medium", "high", "critical"])
    def test_risk(self, risk):
        assert read(risk=risk).risk == risk

    @pytest.mark.parametrize("value", ["", "LOW", "none", 1, True, [], {}], ids=repr)
    @pytest.mark.parametrize("name", ["risk", "on_timeout"])
    def test_others(self, name, value):
        assert refused(**{name: value}).startswith(f"`{name}` must be one of")

    @pytest.mark.parametrize("value", ["approve", "approved", "allow", "yes"])
    def test_a_timeout_never_approves(self, value):
        assert refused(on_timeout=value) == "`on_timeout` must be one of reject, expire."

    @pytest.mark.parametrize("value", [1, 1.0])
    def test_version_one(self, value):
        read(v=value)

    @pytest.mark.parametrize("value", [0, 2, "1", "", [], {}, False], ids=repr)
    def test_another_version(self, value):
        assert "this desk speaks version 1" in refused(v=value)


class TestLinks:
    def test_titles_and_addresses(self):
        links = [{"title": "Invoice", "url": "https://example.com/1"}] * 20
        assert read(links=links).links == links

    @pytest.mark.parametrize(
        "links",
        [
            {}, "x", 1, [1], [None], [[]], [{}], [{"title": "x"}], [{"url": "https://x"}],
            [{"title": "x", "url": "https://x", "more": 1}], [{"title": "", "url": "https://x"}],
            [{"title": 1, "url": "https://x"}], [{"title": "x", "url": 1}],
            [{"title": "x" * 201, "url": "https://x"}],
            [{"title": "x", "url": "https://" + "x" * 2000}],
            [{"title": "x", "url": "https://x"}] * 21,
        ],
        ids=lambda value: repr(value)[:30],
    )  # fmt: skip
    def test_others(self, links):
        refused(links=links)

    @pytest.mark.parametrize(
        "url",
        [
            "javascript:alert(1)", "data:text/html,x", "//evil", "ftp://x", "/relative", "x",
            " https://x", "JAVASCRIPT:alert(1)", "file:///etc/passwd", "https:/x", "\njavascript:",
        ],
    )  # fmt: skip
    def test_nothing_but_http(self, url):
        assert "must begin with http" in refused(links=[{"title": "x", "url": url}])


class TestCanonical:
    @given(objects, st.randoms())
    def test_the_order_of_keys_does_not_matter(self, value, random):
        names = list(value)
        random.shuffle(names)
        assert sha256({name: value[name] for name in names}) == sha256(value)

    @given(objects, objects)
    def test_what_differs_has_another_hash(self, one, other):
        same = json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)
        assert (sha256(one) == sha256(other)) == same

    @given(objects)
    def test_survives_the_wire(self, value):
        assert sha256(json.loads(json.dumps(value))) == sha256(value)
        assert json.loads(canonical(value)) == value

    def test_as_rfc_8785_says(self):
        value = {"peach": "x", "péché": 1, "pêche": [True, None, 1.0, 1e21, "€\u20ac\n"]}
        assert canonical(value).decode() == (
            '{"peach":"x","péché":1,"pêche":[true,null,1,1e+21,"€€\\n"]}'
        )

    def test_looks_alike_is_not_alike(self):
        assert sha256({"to": "paypal"}) != sha256({"to": "pаypal"})
        assert sha256({"to": "é"}) != sha256({"to": "e\u0301"})
