"""Payloads as rows: every value is there, what changed is marked, nothing is dressed up."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from approvals import characters, payload
from approvals.pairing import MISSING, aligned, pairs

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


some = settings(deadline=None, max_examples=50)  # the machine may be busy with other things


def text(side):
    return side.text if side else ""


def marked(side):
    return [each.text for each in side.parts if each.changed] if side else []


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
        assert (row.now.shown.kind, text(row.now)) == ("json", '{\n  "e": 1\n}')

    def test_what_is_encrypted_is_one_value_that_says_so(self):
        sealed = {"metadata": {"encoding": "YmluYXJ5L2VuY3J5cHRlZA=="}, "data": "c2VjcmV0"}
        (row,) = payload.read({"salary": sealed}).rest
        assert text(row.now) == "encrypted"
        assert (
            "have the workflow’s worker decode it with its payload codec" in row.now.shown.flags[0]
        )
        other = {**sealed, "data": "b3RoZXI="}
        (row,) = payload.read({"salary": sealed}, {"salary": other}).changed
        assert "b3RoZXI=" in text(row.was)
        assert "c2VjcmV0" in text(row.now)
        assert payload.read(sealed).count == 2

    def test_without_something_to_compare_with_nothing_is_changed(self):
        assert payload.read({"x": 1}).changed == []

    def test_a_schema_names_and_orders_the_fields(self):
        schema = {
            "x-order": ["b", "lines"],
            "properties": {
                "b": {"title": "Buyer"},
                "lines": {"title": "Lines", "items": {"properties": {"qty": {"title": "Pieces"}}}},
            },
        }
        rows = payload.read({"lines": [{"qty": 2}], "a": 1, "b": 2}, schema=schema).rest
        assert [each.label for each in rows] == ["Buyer", "Lines › 1 › Pieces", "A"]

    @some
    @given(OBJECTS)
    def test_the_same_on_both_sides_is_unchanged(self, value):
        sheet = payload.read(value, value)
        assert sheet.changed == []
        assert len(sheet.rest) == len(list(payload.leaves(value)))

    @some
    @given(OBJECTS, OBJECTS)
    def test_nothing_is_lost_whatever_is_compared(self, now, was):
        sheet = payload.read(now, was, everything=True)
        rows = [*sheet.changed, *sheet.rest]
        leaves = [each for each in pairs(was, now) if each.now is not MISSING]
        assert {each.path for each in leaves} == {path for path, _value in payload.leaves(now)}
        assert sum(each.now is not None for each in rows) == len(leaves)
        assert (sheet.hidden, sheet.complete) == (0, True)
        for row in sheet.changed:
            assert row.was or row.now or row.note
            assert [*marked(row.was), *marked(row.now)] or row.change != "changed"

    @some
    @given(OBJECTS, OBJECTS)
    def test_what_is_gone_is_said(self, now, was):
        """Each old value stays where it was, has changed, has moved or is gone."""
        before = [value for _path, value in payload.leaves(was)]
        seen = [each.was for each in pairs(was, now) if each.was is not MISSING]
        for value in before:
            assert value in seen


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


class TestLists:
    def changes(self, now, was):
        sheet = payload.read({"x": now}, {"x": was})
        return [(each.label, each.change, text(each.was), text(each.now)) for each in sheet.changed]

    def test_an_element_in_front_changes_nothing_else(self):
        assert self.changes(["n", "a", "b", "c"], ["a", "b", "c"]) == [("X › 1", "added", "", "n")]

    def test_an_element_that_is_gone_changes_nothing_else(self):
        assert self.changes(["b", "c"], ["a", "b", "c"]) == [("X › 1", "removed", "a", "")]

    def test_an_element_in_the_place_of_another_has_changed(self):
        assert self.changes(["a", "x", "c"], ["a", "b", "c"]) == [("X › 2", "changed", "b", "x")]

    def test_an_element_that_moved_is_neither_gone_nor_new(self):
        rows = payload.read({"x": ["c", "a", "b"]}, {"x": ["a", "b", "c"]}).changed
        assert [(each.label, each.change, text(each.now)) for each in rows] == [
            ("X › 1", "moved", "c")
        ]
        assert rows[0].note == "moved from place 3"

    def test_an_object_that_moved_is_one_line_and_its_fields_are_unchanged(self):
        one, two, three = ({"a": n, "b": n} for n in (1, 2, 3))
        sheet = payload.read({"x": [three, one, two]}, {"x": [one, two, three]})
        assert [(each.label, each.change, each.now) for each in sheet.changed] == [
            ("X › 1", "moved", None)
        ]
        assert len(sheet.rest) == 6

    def test_objects_are_known_by_their_id(self):
        was = [{"id": 1, "n": 1}, {"id": 2, "n": 1}]
        now = [{"id": 3, "n": 1}, {"id": 2, "n": 5}]
        assert self.changes(now, was) == [
            ("X › 1 › ID", "added", "", "3"),
            ("X › 1 › N", "added", "", "1"),
            ("X › 2 › N", "changed", "1", "5"),
            ("X › 1 › ID", "removed", "1", ""),
            ("X › 1 › N", "removed", "1", ""),
        ]

    def test_an_object_that_became_a_text_is_gone_and_the_text_is_new(self):
        assert self.changes("a", {"a": 1}) == [
            ("X › A", "removed", "1", ""),
            ("X", "added", "", "a"),
        ]

    @given(st.lists(st.integers(0, 4), max_size=12), st.lists(st.integers(0, 4), max_size=12))
    def test_every_element_of_both_is_accounted_for_once(self, was, now):
        found = aligned(was, now)
        assert [new for _old, new, _moved in found if new is not None] == list(range(len(now)))
        assert sorted(old for old, _new, _moved in found if old is not None) == list(
            range(len(was))
        )
        for old, new, moved in found:
            assert not moved or was[old] == now[new]

    @pytest.mark.parametrize("length", [2_000, 60_000])
    def test_long_lists_made_to_be_slow_are_not(self, length):
        began = time.monotonic()
        aligned([0, *([1] * length)], [*([1] * length), 2, 2])
        aligned([*range(length)], [*reversed(range(length))])
        assert time.monotonic() - began < 5


class TestSize:
    def test_a_large_payload_is_shown_in_part(self):
        large = {f"f{n}": "x" * 400 for n in range(300)}
        sheet = payload.read(large)
        assert (sheet.total, sheet.hidden, sheet.json) == (200, 100, "")
        assert (sheet.count, sheet.complete) == (300, False)
        sheet = payload.read(large, everything=True)
        assert (sheet.total, sheet.hidden, sheet.complete) == (300, 0, True)

    def test_what_changed_is_never_pushed_out_by_what_did_not(self):
        was = {f"f{n}": "x" * 400 for n in range(300)}
        assert payload.read(was | {"f299": "y"}, was).changed[0].label == "F299"

    def test_a_long_value_says_how_much_is_cut(self):
        sheet = payload.read({"x": "y" * 5000})
        assert (sheet.hidden, sheet.complete) == (1, False)
        assert text(sheet.rest[0].now).endswith("… and 1000 more characters")

    def test_what_it_is_compared_with_may_be_cut_all_the_same(self):
        sheet = payload.read({"x": "now"}, {"x": "y" * 5000})
        assert (sheet.hidden, sheet.complete) == (1, True)

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
