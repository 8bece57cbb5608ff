"""The profile: theme, shortcuts, what comes after a decision, time zone."""

import re
from datetime import UTC, datetime

import pytest
from django.test import Client

from approvals.models import Preference
from tests.desk import a_row

OPENED = datetime(2026, 7, 1, 22, 30, tzinfo=UTC)


def chosen(**changes):
    given = {"theme": "", "time_zone": "", "shortcuts": "on", "auto_advance": "on", **changes}
    return {name: each for name, each in given.items() if each is not None}


def test_nobody_has_to_choose_anything(mei):
    page = mei.get("/profile/").content.decode()
    assert 'data-shortcuts="on" data-auto-advance="on"' in page
    assert "data-theme" not in page
    assert not Preference.objects.exists()


def test_keys_are_named_only_where_they_work(mei, people):
    form = a_row(people)
    held = a_row(people, undo_seconds=60)
    held.decide(people.mei, "approve")
    addresses = [f"/inbox/{form.pk}/", f"/approvals/{form.pk}/", f"/approvals/{held.pk}/"]
    addresses.append(f"/inbox/receipt/{held.pk}/")

    def named() -> set[str]:
        page = "".join(mei.get(address).content.decode() for address in addresses)
        page = re.sub(r'<dialog class="shortcuts".*?</dialog>', "", page, flags=re.DOTALL)
        keys = re.findall(r'aria-keyshortcuts="([^"]*)"', page)
        return {*keys, *re.findall(r"<kbd>[^<]*</kbd>", page)}

    assert named() >= {"/ Control+K", "?", "a", "r", "u", "o", "<kbd>/</kbd>", "<kbd>u</kbd>"}
    mei.post("/profile/", chosen(shortcuts=None))
    assert named() == {"Control+K"}


def test_every_page_follows_it(mei, people):
    answer = mei.post("/profile/", chosen(theme="dark", shortcuts=None, auto_advance=None))
    assert (answer.status_code, answer["Location"]) == (303, "/profile/")
    assert "Saved." in mei.get("/profile/").content.decode()
    page = mei.get("/inbox/").content.decode()
    assert '<html lang="en" data-theme="dark">' in page
    assert 'data-shortcuts="off" data-auto-advance="off"' in page
    assert Preference.of(people.lena).theme == ""


@pytest.mark.parametrize("changes", [{"theme": "pink"}, {"time_zone": "Mars/Olympus"}])
def test_what_does_not_exist_is_not_saved(mei, changes):
    answer = mei.post("/profile/", chosen(**changes))
    assert answer.status_code == 422
    page = answer.content.decode()
    assert "<title>Error: Profile" in page
    assert "It was not saved" in page
    assert 'aria-invalid="true"' in page
    assert not Preference.objects.exists()


def test_nobody_saves_it_for_somebody_else(mei, people):
    mei.post("/profile/", chosen(theme="dark", user=people.lena.pk))
    assert [each.user for each in Preference.objects.all()] == [people.mei]


class TestTimeZone:
    @pytest.fixture
    def asked(self, people):
        def asked(client) -> str:
            page = client.get(f"/approvals/{row.pk}/").content.decode()
            return page.partition('<time datetime="2026-07-01T22:30:00+00:00" title="')[2][:40]

        row = a_row(people, opened_at=OPENED)
        return asked

    def test_is_the_one_of_the_profile(self, mei, asked):
        mei.cookies["tz"] = "America/New_York"
        mei.post("/profile/", chosen(time_zone="Europe/Berlin"))
        assert asked(mei).startswith("2 July 2026, 00:30:00 CEST")

    def test_is_else_the_browsers(self, mei, asked):
        mei.cookies["tz"] = "America/New_York"
        assert asked(mei).startswith("1 July 2026, 18:30:00 EDT")

    @pytest.mark.parametrize("cookie", ["", "nowhere", "../../etc/passwd", "Europe"])
    def test_is_else_the_sites(self, mei, asked, cookie):
        mei.cookies["tz"] = cookie
        assert asked(mei).startswith("1 July 2026, 22:30:00 UTC")

    def test_of_one_reader_is_not_that_of_the_next(self, mei, people, asked):
        mei.post("/profile/", chosen(time_zone="Asia/Tokyo"))
        assert "JST" in asked(mei)
        lena = Client()
        lena.force_login(people.lena, "approvals.accounts.Accounts")
        assert "UTC" in asked(lena)


def test_a_page_that_needs_no_sign_in_asks_for_no_preference(mei, django_assert_max_num_queries):
    with django_assert_max_num_queries(10) as asked:
        assert mei.get("/healthz").status_code == 200
    assert not [each for each in asked if "preference" in each["sql"]]
