"""Claims: one person says “I am on it”, others see it, and nobody is kept from deciding."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from approvals.models import Approval, Claim, Comment
from approvals.models.errors import NotYours
from tests.desk import a_row

pytestmark = pytest.mark.usefixtures("away")

HTMX = {"HX-Request": "true"}


@pytest.fixture
def row(people):
    return a_row(people, requester="amira", requester_user=people.amira, requester_identity="amira")


@pytest.fixture
def sign_in(client, people):
    def signed_in(user):
        client.force_login(user, "approvals.accounts.Accounts")
        return client

    return signed_in


@pytest.fixture
def mei(sign_in, people):
    return sign_in(people.mei)


def claim(client, row, verb="claim", htmx=False):
    headers = HTMX if htmx else {}
    return client.post(
        f"/approvals/{row.pk}/claim/", {"verb": verb, "place": "page"}, headers=headers
    )


def hand_over(client, row, to, text="", htmx=False):
    given = {"to": getattr(to, "pk", to), "text": text, "place": "page"}
    headers = HTMX if htmx else {}
    return client.post(f"/approvals/{row.pk}/handover/", given, headers=headers)


def see(client, row):
    return " ".join(client.get(f"/approvals/{row.pk}/").content.decode().split())


def holder(row):
    found = Claim.objects.filter(approval=row).first()
    return found.holder.username if found else None


class TestClaim:
    def test_is_shown_to_who_made_it_and_to_others(self, mei, row, sign_in, people):
        assert claim(mei, row).status_code == 303
        page = see(mei, row)
        assert "You, since" in page
        assert 'value="release"' in page
        page = see(sign_in(people.lena), row)
        assert "mei is on it since" in page
        assert 'value="take_over"' in page

    def test_keeps_nobody_from_deciding(self, mei, row, sign_in, people):
        claim(mei, row)
        assert 'value="approve"' in see(sign_in(people.lena), row)
        row.decide(people.lena, "approve")
        assert row.decisions.count() == 1

    def test_the_same_click_twice_is_said_once(self, mei, row):
        for _ in range(3):
            claim(mei, row)
        assert Comment.objects.filter(kind="claim").count() == 1

    def test_of_another_stands_in_the_way_of_a_claim_and_not_of_taking_over(self, mei, row, people):
        Claim.take(row, people.tomasz)
        answer = claim(mei, row)
        assert answer.status_code == 409
        assert "tomasz is on it already." in answer.content.decode()
        assert holder(row) == "tomasz"
        assert claim(mei, row, "take_over").status_code == 303
        assert holder(row) == "mei"

    def test_ends_by_itself(self, mei, row, people):
        Claim.take(row, people.tomasz)
        Claim.objects.update(until=timezone.now() - timedelta(seconds=1))
        assert "Nobody yet." in see(mei, row)
        assert claim(mei, row).status_code == 303

    def test_can_be_released_by_who_holds_it_alone(self, mei, row, people):
        Claim.take(row, people.tomasz)
        claim(mei, row, "release")
        assert holder(row) == "tomasz"
        claim(mei, row, "take_over")
        claim(mei, row, "release")
        assert holder(row) is None
        assert "<b>mei</b> is not on it any more" in see(mei, row)

    @pytest.mark.parametrize("verb", ["", "steal", "approve"])
    def test_needs_a_verb_that_exists(self, mei, row, verb):
        assert claim(mei, row, verb).status_code == 422
        assert holder(row) is None

    @pytest.mark.parametrize("verb", ["claim", "take_over", "release"])
    @pytest.mark.parametrize(("who", "status"), [("amira", 403), ("kim", 403), ("zoe", 404)])
    def test_is_for_its_reviewers(self, sign_in, row, people, who, status, verb):
        admin = {"is_superuser": who == "kim"}
        user = User.objects.get_or_create(username=who, defaults=admin)[0]
        assert claim(sign_in(user), row, verb).status_code == status
        assert holder(row) is None

    @pytest.mark.parametrize("verb", ["claim", "take_over"])
    def test_is_too_late_once_it_is_decided(self, mei, row, verb):
        Approval.objects.update(settled_at=timezone.now())
        assert claim(mei, row, verb).status_code == 409
        assert holder(row) is None

    def test_with_htmx_the_live_parts_come(self, mei, row):
        page = claim(mei, row, htmx=True).content.decode()
        assert 'id="work" hx-swap-oob="true"' in page
        assert 'id="why"' not in page


class TestHandOver:
    def test_gives_it_to_another_reviewer_with_words(self, mei, row, people):
        assert hand_over(mei, row, people.lena, "You know them.").status_code == 303
        assert holder(row) == "lena"
        page = see(mei, row)
        assert "<b>mei</b> handed it over to lena <blockquote>You know them.</blockquote>" in page

    def test_offers_the_other_reviewers_alone(self, mei, row, people):
        people.general.reviewers.add(people.amira)
        page = see(mei, row).partition('id="handover-to"')[2].partition("</select>")[0]
        assert "lena" in page
        assert "tomasz" in page
        assert "mei" not in page
        assert "amira" not in page

    @pytest.mark.parametrize("to", ["", "0", "x", "mei", "amira", "zoe"])
    def test_to_nobody_else(self, mei, row, people, to):
        people.general.reviewers.add(people.amira)
        User.objects.create(username="zoe")
        found = User.objects.filter(username=to).first()
        answer = hand_over(mei, row, found.pk if found else to, "Words that stay")
        assert answer.status_code == 422
        assert "Words that stay" in answer.content.decode()
        assert holder(row) is None

    def test_with_htmx_a_faulty_one_comes_back_alone(self, mei, row):
        answer = hand_over(mei, row, "", htmx=True)
        assert (answer.status_code, answer["HX-Retarget"]) == (422, "#handover")
        assert "hx-preserve" not in answer.content.decode()

    def test_the_same_click_twice_is_said_once(self, mei, row, people):
        for _ in range(2):
            hand_over(mei, row, people.lena)
        assert Comment.objects.filter(kind="hand_over").count() == 1

    @pytest.mark.parametrize(("who", "status"), [("amira", 403), ("kim", 403), ("zoe", 404)])
    def test_is_for_its_reviewers(self, sign_in, row, people, who, status):
        admin = {"is_superuser": who == "kim"}
        user = User.objects.get_or_create(username=who, defaults=admin)[0]
        assert hand_over(sign_in(user), row, people.lena).status_code == status
        assert holder(row) is None

    def test_is_too_late_once_it_is_decided(self, mei, row, people):
        Approval.objects.update(settled_at=timezone.now())
        assert hand_over(mei, row, people.lena).status_code == 409
        assert holder(row) is None


class TestGroups:
    @pytest.fixture
    def finance(self, people):
        from django.contrib.auth.models import Group

        group = Group.objects.create(name="Finance")
        people.lena.groups.add(group)
        people.amira.groups.add(group)
        return group

    def test_one_of_the_group_takes_it(self, people, finance):
        row = a_row(people)
        claim = Claim.hand_over(row, people.mei, finance, "Yours.")
        assert (claim.who, claim.holder) == ("Finance", None)
        assert claim.is_of(people.lena)
        assert not claim.is_of(people.mei)
        taken = Claim.take(row, people.lena)
        assert (taken.holder, taken.group) == (people.lena, None)

    def test_nobody_of_it_may_decide(self, people, finance):
        people.general.reviewers.remove(people.lena)
        with pytest.raises(NotYours):
            Claim.hand_over(a_row(people), people.mei, finance)

    def test_is_told_and_shown(self, people, finance, client):
        row = a_row(people)
        client.force_login(people.mei, "approvals.accounts.Accounts")
        page = client.get(f"/approvals/{row.pk}/").content.decode()
        assert f'<option value="group-{finance.pk}">Finance</option>' in page
        to = {"to": f"group-{finance.pk}", "text": ""}
        assert client.post(f"/approvals/{row.pk}/handover/", to).status_code == 303
        page = client.get(f"/approvals/{row.pk}/").content.decode()
        assert "handed it over to Finance" in " ".join(page.split())
        client.force_login(people.lena, "approvals.accounts.Accounts")
        assert row.title in client.get("/inbox/?tab=claimed").content.decode()
