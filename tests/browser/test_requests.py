"""What who asked does about a request, in a real browser; what is half typed stays."""

import pytest
from playwright.sync_api import Page, expect

from approvals.models import Comment, Decision


@pytest.fixture
def mine(opened, rows, away) -> Page:
    page = opened("amira").new_page()
    page.goto(f"/approvals/{rows[0].pk}/")
    return page


@pytest.fixture
def ask(rows, people):
    def ask(text: str) -> None:
        Comment.add(rows[0], people.mei, text, Comment.Kind.QUESTION)

    return ask


def news(page: Page, rows, people) -> None:
    """Something new comes in, and the page draws it by itself."""
    Comment.add(rows[0], people.lena, "Something new.")
    expect(page.get_by_text("Something new.")).to_be_visible(timeout=15_000)


def test_it_is_withdrawn_with_a_reason(mine, rows):
    mine.get_by_text("Withdraw it").click()
    mine.get_by_label("Reason").fill("Paid already.")
    mine.get_by_role("button", name="Withdraw the request").click()
    expect(mine.locator("main")).to_contain_text("You withdrew the request.")
    expect(mine.locator("#panel")).to_contain_text("Withdrawn")
    expect(mine.get_by_text("Withdraw it")).to_have_count(0)
    made = Decision.objects.get()
    assert (made.verdict, made.comment) == ("withdraw", "Paid already.")


def test_the_reviewers_are_reminded_once_an_hour(mine, rows):
    mine.get_by_role("button", name="Remind the reviewers").click()
    expect(mine.locator("main")).to_contain_text("Reminded: mei, lena and tomasz.")
    expect(mine.locator("#whereabouts")).to_contain_text("You can remind them again at")
    expect(mine.get_by_role("button", name="Remind the reviewers")).to_have_count(0)
    assert rows[0].comments.get().kind == Comment.Kind.NUDGE


def test_a_question_is_answered(mine, rows, ask):
    ask("Which account?")
    mine.reload()
    expect(mine.locator("#whereabouts .note")).to_contain_text("mei asks")
    mine.get_by_label("Your answer").fill("The old one.")
    mine.get_by_role("button", name="Answer").click()
    expect(mine.locator("main")).to_contain_text("Your answer was recorded.")
    expect(mine.locator("form[id^=answer-]")).to_have_count(0)
    said = rows[0].comments.get(kind=Comment.Kind.ANSWER)
    assert said.text == "The old one."


def test_a_half_typed_reason_stays_when_something_new_comes(mine, rows, people):
    mine.get_by_text("Withdraw it").click()
    mine.get_by_label("Reason").press_sequentially("Paid al")
    news(mine, rows, people)
    reason = mine.get_by_label("Reason")
    expect(reason).to_be_visible()
    expect(reason).to_have_value("Paid al")


def test_a_half_typed_answer_stays_when_something_new_comes(mine, rows, people, ask):
    ask("Which account?")
    expect(mine.locator("#whereabouts .note")).to_contain_text("Which account?", timeout=15_000)
    mine.get_by_label("Your answer").press_sequentially("The ol")
    news(mine, rows, people)
    expect(mine.get_by_label("Your answer")).to_have_value("The ol")
    mine.get_by_label("Your answer").press_sequentially("d one.")
    mine.get_by_role("button", name="Answer").click()
    expect(mine.locator("main")).to_contain_text("Your answer was recorded.")
    assert rows[0].comments.get(kind=Comment.Kind.ANSWER).text == "The old one."
