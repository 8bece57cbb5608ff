"""Payloads as rows: every value is there, what changed is marked, nothing is dressed up."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from approvals import characters, payload

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
    lambda each: st.lists(each, max_size=4) | st.dictionaries(st.text("abc/~ _", max_size=5), each),
    max_leaves=20,
)
OBJECTS = st.dictionaries(st.text("abcA_ ", max_size=6), JSON, max_size=6)


def text(parts):
    return "".join(each.text for each in parts or [])


def marked(parts):
    return [each.text for each in parts if each.changed]


def only(now, was):
    (row,) = payload.read({"x": now}, {"x": was}).changed
    return row


class TestRows:
    @pytest.mark.parametrize(
        ("value", "shown"),
        [
            ("48200.00", "48200.00"),
            (48200, "48200"),
            (1.5, "1.5"),
            (True, "yes"),
            (False, "no"),
            (None, "none"),
            ("", "empty text"),
            ([], "empty list"),
            ({}, "empty object"),
        ],
    )
    def test_values_in_a_readers_words(self, value, shown):
        (row,) = payload.read({"x": value}).rest
        assert text(row.now) == shown

    @pytest.mark.parametrize(
        ("name", "label"),
        [
            ("amount", "Amount"),
            ("pay_on", "Pay on"),
            ("vendorId", "Vendor ID"),
            ("iban", "IBAN"),
            ("prod.orders", "prod.orders"),
            ("", '""'),
            (" ", '" "'),
        ],
    )
    def test_names_in_a_readers_words(self, name, label):
        assert payload.read({name: 1}).rest[0].label == label

    def test_names_that_would_read_alike_are_shown_as_written(self):
        rows = payload.read({"pay_on": 1, "Pay on": 2, "payOn": 3}).rest
        assert [each.label for each in rows] == ["pay_on", "Pay on", "payOn"]

    def test_nesting_is_a_path(self):
        rows = payload.read({"items": [{"price": 1}, {"price": 2}]}).rest
        assert [each.label for each in rows] == ["Items › 1 › Price", "Items › 2 › Price"]
        assert [each.path for each in rows] == ["/items/0/price", "/items/1/price"]

    def test_what_lies_deep_is_json(self):
        (row,) = payload.read({"a": {"b": {"c": {"d": {"e": 1}}}}}).rest
        assert (row.kind, text(row.now)) == ("json", '{\n  "e": 1\n}')

    def test_without_something_to_compare_with_nothing_is_changed(self):
        assert payload.read({"x": 1}).changed == []

    @given(OBJECTS)
    def test_the_same_on_both_sides_is_unchanged(self, value):
        sheet = payload.read(value, value)
        assert sheet.changed == []
        assert len(sheet.rest) == len(list(payload.leaves(value)))

    @given(OBJECTS, OBJECTS)
    def test_nothing_is_lost_whatever_is_compared(self, now, was):
        sheet = payload.read(now, was, everything=True)
        paths = {path for side in (now, was) for path, _value in payload.leaves(side)}
        assert sheet.total == len(paths)
        assert sheet.hidden == 0
        for row in sheet.changed:
            assert row.was or row.now
            assert marked([*(row.was or []), *(row.now or [])]) or row.change != "changed"


class TestDifferences:
    def test_ibans_by_group(self):
        row = only("SE72 8000 0810 0583 9825 3242", "SE45 5000 0000 0583 9825 7466")
        assert marked(row.was) == ["SE45 5000 0000", "7466"]
        assert marked(row.now) == ["SE72 8000 0810", "3242"]
        assert text(row.now) == "SE72 8000 0810 0583 9825 3242"

    def test_ids_by_group(self):
        assert marked(only("INV-2026-20931", "INV-2026-20514").now) == ["20931"]

    def test_amounts_as_a_whole(self):
        assert marked(only("€48,200.00", "€46,900.00").now) == ["€48,200.00"]
        assert marked(only(48200, 46900).now) == ["48200"]

    def test_text_by_word(self):
        assert marked(only("Pay the new account", "Pay the old account").now) == ["new"]

    def test_long_text_by_line(self):
        assert marked(only("one\ntwo\nthree", "one\n2\nthree").now) == ["two\n"]

    def test_a_number_is_not_its_text(self):
        row = only(1, "1")
        assert (text(row.was), text(row.now)) == ('"1"', "1")

    def test_yes_is_not_one(self):
        assert payload.read({"x": True}, {"x": 1}).changed

    def test_spaces_alone_are_a_difference_too(self):
        row = only("SE7280000810058398253242", "SE72 8000 0810 0583 9825 3242")
        assert marked(row.now) == ["SE7280000810058398253242"]

    def test_new_and_gone_fields_are_called_so(self):
        changed = payload.read({"a": 1}, {"b": 2}).changed
        assert [(each.label, each.change) for each in changed] == [("A", "added"), ("B", "removed")]


class TestSize:
    def test_a_large_payload_is_shown_in_part(self):
        large = {f"f{n}": "x" * 400 for n in range(300)}
        sheet = payload.read(large)
        assert (sheet.total, sheet.hidden, sheet.json) == (200, 100, "")
        sheet = payload.read(large, everything=True)
        assert (sheet.total, sheet.hidden) == (300, 0)

    def test_what_changed_is_never_pushed_out_by_what_did_not(self):
        was = {f"f{n}": "x" * 400 for n in range(300)}
        assert payload.read(was | {"f299": "y"}, was).changed[0].label == "F299"

    def test_a_long_value_says_how_much_is_cut(self):
        sheet = payload.read({"x": "y" * 5000})
        assert sheet.hidden == 1
        assert text(sheet.rest[0].now).endswith("… and 1000 more characters")

    def test_a_payload_made_to_be_slow_is_not(self):
        was = {f"f{n}": " ".join("ab" for _ in range(150)) for n in range(500)}
        now = {name: value.replace("ab", "ba", 70) for name, value in was.items()}
        began = time.monotonic()
        payload.read(now, was)
        assert time.monotonic() - began < 5


class TestCharacters:
    @given(st.text())
    def test_nothing_hidden_is_left(self, value):
        shown = characters.visible(value)
        assert all(each.isprintable() or each in "\n\t" or each.isspace() for each in shown)

    @given(st.text("abc äöü ÄÖÜ 中文 עברית العربية €"))
    def test_letters_of_every_script_stay(self, value):
        assert characters.visible(value) == value

    @pytest.mark.parametrize(
        "hidden", "\u202e\u2066\u200b\u200d\ufeff\x00\x1b\x7f\x85\u3164\U000e0101"
    )
    def test_each_of_these_is_shown(self, hidden):
        assert characters.visible(f"a{hidden}b").startswith("a\\")
