"""Single values: shown by the schema's format and by their looks, and never with other digits."""

import re
import zoneinfo

import pytest
from django.utils import timezone
from hypothesis import example, given
from hypothesis import strategies as st

from approvals import formats
from approvals.formats import Hint, hint, show

EURO = Hint("money", currency="EUR")


def shown(value, **schema):
    return show(value, hint("x", schema, {}))


class TestMoney:
    @pytest.mark.parametrize(
        ("value", "text"),
        [
            ("48200.00", "48,200.00"),
            ("1234567", "1,234,567"),
            ("-48200.5", "-48,200.5"),
            (48200, "48,200"),
            (48200.5, "48,200.5"),
            ("€48,200.00", "€48,200.00"),
            ("48 200,00", "48 200,00"),
            ("48.200", "48.200"),
            ("48200.123", "48200.123"),
            ("999.00", "999.00"),
            ("0048200", "0,048,200"),
        ],
    )
    def test_is_grouped_where_the_currency_is_known(self, value, text):
        assert show(value, EURO).text == text

    @pytest.mark.parametrize("value", ["€48200.00", "EUR 48200.00", "48200.00 EUR", "$48200"])
    def test_knows_the_currency_that_it_names_itself(self, value):
        text = show(value, Hint("money")).text
        assert "48,200" in text
        assert text.replace(",", "") == value

    @pytest.mark.parametrize("value", ["48200.00", 48200, "A1234567"])
    def test_is_left_alone_without_a_currency(self, value):
        assert show(value, Hint("money")).text == str(value)

    def test_takes_the_currency_from_beside_it_or_from_the_schema(self):
        assert show("48200", hint("amount", {}, {"currency": "EUR"})).text == "48,200"
        assert (
            show("48200", hint("x", {"format": "money", "x-currency": "SEK"}, {})).text == "48,200"
        )
        assert show("48200", hint("order", {}, {"currency": "EUR"})).text == "48200"

    @pytest.mark.parametrize("name", ["rows", "row_count", "rowCount", "bytes", "sizeBytes"])
    def test_counts_are_grouped_as_well(self, name):
        assert show(18244310, hint(name, {}, {})).text == "18,244,310"
        assert show(18244310, hint("x", {"type": "integer", "format": "count"}, {})).text == (
            "18,244,310"
        )
        assert show(-1234.5, hint(name, {"type": "number"}, {})).text == "-1,234.5"

    @pytest.mark.parametrize(
        "name",
        ["order", "account", "bankAccount", "discount", "year", "id", "number", "arrows", "x"],
    )
    @pytest.mark.parametrize("schema", [{}, {"type": "integer"}, {"type": "number"}])
    def test_other_numbers_stay_as_they_came(self, name, schema):
        assert show(20261124, hint(name, schema, {})).text == "20261124"
        assert show("18244310", hint("rows", {"type": "string"}, {})).text == "18244310"

    @example("0001-01-01")
    @given(st.text("0123456789.,-€ EUR'", max_size=20) | st.integers() | st.floats(allow_nan=False))
    def test_no_digit_ever_changes(self, value):
        found = show(value, EURO)
        # A date in the place of an amount is written in words, with what came beside them.
        text = found.title if found.when else found.text
        if value != "":
            assert re.sub(r"\D", "", text) == re.sub(r"\D", "", formats.plain(value))


class TestAccounts:
    def test_are_grouped_by_four(self):
        found = shown("SE4550000000058398257466", format="iban")
        assert (found.text, found.flags) == ("SE45 5000 0000 0583 9825 7466", ())

    @pytest.mark.parametrize("value", ["SE46 5000 0000 0583 9825 7466", "no account"])
    def test_with_wrong_check_digits_are_flagged(self, value):
        (flag,) = shown(value, format="iban").flags
        assert flag.startswith("Its check digits do not fit")

    def test_are_known_by_the_name_of_the_field(self):
        assert hint("vendor_iban", {}, {}).format == "iban"

    def test_what_only_looks_like_one_is_not_accused(self):
        assert show("AB12CDEF3456789X", Hint()).flags == ()


class TestTime:
    @pytest.fixture(autouse=True)
    def in_stockholm(self):
        with timezone.override(zoneinfo.ZoneInfo("Europe/Stockholm")):
            yield

    @pytest.mark.parametrize("value", ["2026-11-24T13:30:00Z", "2026-11-24T08:30:00-05:00"])
    def test_moments_are_in_the_readers_zone(self, value):
        found = show(value, Hint())
        assert (found.text, found.title) == ("24 November 2026, 14:30:00 CET", value)

    def test_a_moment_without_a_zone_is_shown_as_it_is_and_flagged(self):
        found = shown("2026-11-24T13:30:00", format="date-time")
        assert (found.text, found.flags) == ("2026-11-24T13:30:00", ("It names no time zone.",))

    def test_days_are_the_same_everywhere(self):
        assert show("2026-11-24", Hint()).text == "24 November 2026"

    @pytest.mark.parametrize("value", ["2026-02-30", "0000-01-01", "2026-11-24T25:00:00Z"])
    def test_what_is_no_day_is_shown_as_it_is(self, value):
        assert show(value, Hint()).text == value

    @pytest.mark.parametrize("value", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
    def test_the_ends_of_time_are_shown_as_they_are(self, value):
        assert show(value, Hint()).text == value


class TestAddresses:
    @pytest.mark.parametrize("value", ["https://example.com/a?b=c", "HTTP://EXAMPLE.COM"])
    def test_http_is_a_link(self, value):
        found = show(value, Hint())
        assert (found.href, found.flags) == (value, ())

    @pytest.mark.parametrize(
        "value",
        ["javascript:alert(1)", "data:text/html,x", "s3://bucket/a", "//example.com", "ftp://a"],
    )
    def test_nothing_else_is(self, value):
        assert shown(value, format="uri").href == ""
        assert show(value, Hint()).href == ""

    @pytest.mark.parametrize(
        ("value", "says"),
        [
            ("https://xn--pypal-4ve.com/", "xn--pypal-4ve.com = pаypal.com"),
            ("https://pаypal.com/", "pаypal.com = xn--pypal-4ve.com"),
            ("https://example.com@evil.example/", "It leads to evil.example"),
            ("https://good.example\\@evil.example/", "cannot be read"),
            ("https://exa%6dple.com/", "cannot be read"),
            ("https://[bad/", "cannot be read"),
            ("https://example.com/\u202e", "hidden characters"),
        ],
    )
    def test_what_deceives_is_flagged_and_not_linked(self, value, says):
        found = show(value, Hint())
        assert says in found.flags[0]
        assert found.href == ""

    def test_a_mail_address_is_looked_at_as_well(self):
        assert shown("mei@example.com", format="email").flags == ()
        assert "xn--" in shown("mei@pаypal.com", format="email").flags[0]


class TestOthers:
    @pytest.mark.parametrize(
        ("value", "format", "kind"),
        [
            ("# Hello", "markdown", "markdown"),
            ("rm -rf /", "code", "block"),
            ("one\ntwo", "", "lines"),
            ("x" * 201, "", "lines"),
            ("INV-20931", "", "code"),
            ("Norrland Timber AB", "", "text"),
            (True, "", "word"),
            (None, "date", "word"),
            ("", "iban", "word"),
            ({"a": 1}, "money", "json"),
            ([1], "uri", "json"),
            (5, "iban", "text"),
        ],
    )
    def test_have_a_shape_of_their_own(self, value, format, kind):
        assert shown(value, format=format).kind == kind

    def test_a_choice_is_shown_by_its_title_and_as_it_is(self):
        choices = [
            {"const": "damaged", "title": "It arrived damaged"},
            {"const": 1, "title": "One"},
        ]
        assert shown("damaged", oneOf=choices).text == "It arrived damaged (damaged)"
        assert shown(1, oneOf=choices).text == "One (1)"
        assert shown("late", oneOf=choices).text == "late"

    @pytest.mark.parametrize("schema", [None, [], "x", {"format": 5}, {"oneOf": 3}, {"oneOf": [4]}])
    def test_a_schema_that_is_none_does_no_harm(self, schema):
        assert show("a", hint("x", schema, None)).text == "a"

    @given(
        st.text(max_size=40), st.sampled_from(["", "money", "iban", "uri", "email", "date-time"])
    )
    def test_any_text_can_be_shown_in_any_format(self, value, format):
        assert show(value, Hint(format, currency="EUR")).text
