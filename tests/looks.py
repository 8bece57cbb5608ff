"""What `make screenshots` pictures: who looks, where, and what they do first."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from playwright.sync_api import Page

PAYMENT = "Pay €48,200.00 to Norrland Timber AB"
COLUMN = "Drop column legacy_notes from prod.orders"
DEPLOY = "Deploy checkout-api 4.18.0 to production EU"
HELD = "Refund $18.00 on order 77200"
UNREADABLE = "Refund an unknown amount"
LONG = "Refund 400 orders of yesterday"
CRITICAL = "Delete the archive of 2019"
MORE_TITLES = (HELD, UNREADABLE, LONG, CRITICAL)

# Requests in states that the demo has none in.
MORE = f"""
from approvals.models import Queue
from orchestrator import client

def ask(key, title, queue, **more):
    task = {{"task": title, "queue": queue, "requester": "amira", "due_seconds": 9000, **more}}
    client.start_guarded_task(task, f"look-{{key}}")

Queue.objects.filter(slug="general").update(undo_seconds=3600)
ask("held", {HELD!r}, "general", payload={{"order": 77200, "amount": "$18.00"}})
ask("unreadable", {UNREADABLE!r}, "refunds", kind="refund", payload={{"order": "none"}})
orders = [{{"order": 70000 + n, "amount": "$9.00", "note": "x" * 200}} for n in range(400)]
ask("long", {LONG!r}, "refunds", payload={{"orders": orders}})
ask("critical", {CRITICAL!r}, "database", risk="critical", payload={{"archive": "2019"}})
"""


@dataclass(frozen=True)
class View:
    """One picture: who looks, where, and what they do first."""

    name: str
    who: str
    path: str
    act: Callable[[Page], object] = lambda page: None
    whole: bool = False  # of the page, however long


def _ask_and_claim(page: Page) -> None:
    page.locator("#claim-verb").click()
    page.get_by_text("You, since").wait_for()
    page.locator("#talk-text").fill("Does it need the migration of Tuesday?")
    page.locator("#talk-question").click()
    page.get_by_text("no answer yet.").first.wait_for()


def _approve(page: Page) -> None:
    page.locator("#panel .approve").click()
    page.locator("#undo").wait_for()


# What people have done before anything is pictured: who, to which request.
PRESSES: list[tuple[str, str, Callable[[Page], None]]] = [
    ("mei", HELD, _approve),
    ("mei", DEPLOY, _ask_and_claim),
]


def views(waiting: dict[str, str], workflow: str, closed: dict[str, str]) -> list[View]:
    """`waiting`: ids by title; `workflow`: the page of one; `closed`: paths by outcome."""
    at = {title: f"/approvals/{pk}/" for title, pk in waiting.items()}
    payment, column = waiting[PAYMENT], waiting[COLUMN]
    return [
        View("sign-in", "", "/accounts/login/"),
        View("sign-in-next", "", f"/approvals/{payment}/"),
        View("sign-in-ended", "", f"/accounts/login/?next=/approvals/{payment}/&ended=1"),
        View("sign-in-wrong", "", "/accounts/login/", _wrong_password),
        View("sign-in-locked", "", "/accounts/login/", _locked),
        View("inbox", "mei", "/inbox/"),
        View("inbox-pane", "mei", f"/inbox/{payment}/"),
        View("inbox-pane-plain", "mei", f"/inbox/{column}/"),
        View("inbox-selected", "mei", "/inbox/", _select_three),
        View("inbox-rejecting", "mei", f"/inbox/{column}/", _press_r),
        View("inbox-keys", "mei", "/inbox/", lambda page: page.keyboard.press("?")),
        View("inbox-palette", "mei", "/inbox/", _search),
        View("inbox-filter", "mei", "/inbox/", _open_filter),
        View("inbox-others", "mei", "/inbox/?tab=others"),
        View("inbox-bulk-no-reason", "mei", "/inbox/", _reject_three_without_reason),
        View("inbox-not-refreshed", "mei", "/inbox/", _lose_the_line),
        View("inbox-no-queue", "kim", "/inbox/"),
        View("inbox-nothing-matches", "mei", "/inbox/?q=nothing+like+it"),
        View("approval-form", "mei", f"/approvals/{payment}/", whole=True),
        View("approval-all-fields", "mei", f"/approvals/{payment}/", _open_details, whole=True),
        View("approval-confirm", "mei", f"/approvals/{payment}/?confirm=approve"),
        View("approval-compared", "mei", f"/approvals/{payment}/?compare=approved", whole=True),
        View("approval-no-reason", "mei", f"/approvals/{column}/", _reject_without_reason),
        View("approval-voted", "lena", f"/approvals/{payment}/", whole=True),
        View("approval-own", "amira", f"/approvals/{payment}/", whole=True),
        View("approval-outsider", "kim", f"/approvals/{payment}/", whole=True),
        *(View(f"approval-{n}", "kim", path, whole=True) for n, path in closed.items()),
        View("approval-held", "mei", at[HELD], whole=True),
        View("approval-unreadable", "mei", at[UNREADABLE], whole=True),
        View("approval-long", "mei", at[LONG]),
        View("approval-long-confirm", "mei", f"{at[LONG]}?all=1"),
        View("approval-critical", "mei", f"{at[CRITICAL]}?confirm=approve"),
        View("approval-claimed", "mei", at[DEPLOY], whole=True),
        View("inbox-claimed", "mei", "/inbox/?tab=claimed"),
        View("approval-asked", "amira", at[DEPLOY], whole=True),
        View("approval-changed", "mei", at[COLUMN], _approve_another),
        View("approval-offline", "mei", at[COLUMN], _approve_offline),
        View("requests", "amira", "/requests/"),
        View("requests-empty", "kim", "/requests/"),
        View("start", "amira", "/start/"),
        View("start-kind", "amira", "/start/?kind=vendor-payment", whole=True),
        View("start-json", "amira", "/start/?kind=vendor-payment&mode=json", whole=True),
        View("start-wrong", "amira", "/start/?kind=vendor-payment", _submit_empty, whole=True),
        View("profile", "amira", "/profile/", whole=True),
        View("absences", "mei", "/absences/", _be_away, whole=True),
        View("absences-standing-in", "lena", "/absences/", whole=True),
        View("absences-wrong", "tomasz", "/absences/", _submit_empty, whole=True),
        View("queues", "kim", "/queues/", whole=True),
        View("queue", "kim", "/queues/database/", whole=True),
        View("queue-change", "kim", "/queues/database/", _change_rules, whole=True),
        View("queue-wrong", "kim", "/queues/new/", _submit_empty, whole=True),
        View("queue-deletion", "kim", "/queues/payments/deletion/", whole=True),
        View("policy-draft", "kim", "/policy/draft/", _check_rules, whole=True),
        View("policy-simulator", "kim", "/policy/simulator/", _check_rules, whole=True),
        View("policy", "kim", "/policy/", _save_rules, whole=True),
        View("policy-version", "kim", "/policy/versions/1/", whole=True),
        View("history", "mei", "/history/"),
        View("history-filters", "mei", "/history/?closed_by=deadline"),
        View("history-wrong-date", "mei", "/history/?since=2026-11-20&until=2026-11-01"),
        View("history-nothing-matches", "mei", "/history/?q=nothing+like+it"),
        View("workflows", "kim", "/workflows/"),
        View("workflow", "kim", workflow, whole=True),
        View("workflow-events", "kim", f"{workflow}?tab=events", whole=True),
        View("workflow-input", "kim", f"{workflow}?tab=input", whole=True),
        View("not-found", "mei", "/nowhere/"),
        View("forbidden", "mei", f"/start/?revises={payment}"),
        View("menu", "mei", "/history/", _open_menu),
    ]


def _wrong_password(page: Page) -> None:
    _try(page, f"zoe-{secrets.token_hex(4)}")  # a name is locked after five tries
    page.get_by_text("Username or password is wrong.").first.wait_for()


def _locked(page: Page) -> None:
    while page.locator("[name=username]").count():
        _try(page, "mallory")


def _try(page: Page, name: str) -> None:
    page.fill("[name=username]", name)
    page.fill("[name=password]", "wrong")
    page.locator("main form button").last.click()
    page.wait_for_load_state()


def _select_three(page: Page) -> None:
    boxes = page.locator(".row input[type=checkbox]")
    for number in range(min(3, boxes.count())):
        boxes.nth(number).check(force=True)
    page.wait_for_timeout(500)


def _reject_three_without_reason(page: Page) -> None:
    _select_three(page)
    if not page.locator("#bulk").count():  # on a phone
        page.locator("#review").click()
    page.locator("#bulk .reject").click()
    page.locator("#bulk .err").first.wait_for()


def _search(page: Page) -> None:
    page.keyboard.press("/")
    page.keyboard.type("pay")
    page.locator("#hits a").first.wait_for()


def _open_filter(page: Page) -> None:
    page.locator(".chips details > summary").first.click()


def _lose_the_line(page: Page) -> None:
    page.route("**/inbox/rows/**", lambda route: route.abort())
    page.evaluate("document.body.dispatchEvent(new CustomEvent('inbox:refresh'))")
    page.locator("#again .btn").wait_for()


def _open_details(page: Page) -> None:
    for summary in page.locator("main details:not([open]):not(.menu) > summary").all():
        if summary.is_visible():
            summary.click()


def _reject_without_reason(page: Page) -> None:
    page.locator("#panel .reject").click()
    page.locator("#panel .noSolid").click()
    page.locator("#why-err").wait_for()


def _approve_another(page: Page) -> None:
    """What was read is not what is asked."""
    page.locator("#panel [name=sha]").evaluate("field => { field.value = '0'.repeat(64); }")
    page.locator("#panel .approve").click()
    page.get_by_text("Your decision was not recorded.").first.wait_for()


def _approve_offline(page: Page) -> None:
    page.locator("#why").fill("Called them.")
    page.context.set_offline(True)
    page.locator("#panel .approve").click()
    page.get_by_text("No connection.").wait_for()


def _press_r(page: Page) -> None:
    page.keyboard.press("r")
    page.locator("#panel.rejecting").wait_for()


RULES = """\
rules:
  - name: large-payments
    description: Two people look at large payments.
    owner: finance
    source: payments/limits.md:14
    when: has(payload.amount) && amount(payload.amount) > 10000.0
    then: ask
    quorum: 2
    risk: high
    warning: Call the vendor on a number that you know.
  - name: refunds-under-400
    kinds: [refund]
    expires: 2027-06-30
    when: amount(payload.amount) < 400.0
    then: allow
    reason: Small refunds need nobody.
"""


def _check_rules(page: Page) -> None:
    page.locator("#id_text").fill(RULES)
    page.locator("main form[method=post] button").first.click()
    page.wait_for_load_state()


def _save_rules(page: Page) -> None:
    page.goto("/policy/draft/")
    _check_rules(page)
    if (save := page.locator("button[name=save]")).count():  # the first time
        save.click()
        page.wait_for_load_state()
    page.goto("/policy/")


def _submit_empty(page: Page) -> None:
    page.locator("main form[method=post] .primary").click()
    page.wait_for_timeout(500)


def _be_away(page: Page) -> None:
    if page.get_by_role("heading", name="You are away").count():
        return
    later = datetime.now() + timedelta(days=3)
    page.fill("[name=ends]", later.strftime("%Y-%m-%dT18:00"))
    page.select_option("[name=to]", label="Lena Ortiz (lena)")
    page.locator("main form.form button").last.click()
    page.get_by_role("heading", name="You are away").wait_for()


def _change_rules(page: Page) -> None:
    """As far as the difference; nothing is saved."""
    page.fill("[name=quorum]", "2")
    page.fill("[name=due_seconds_0]", "90")
    page.select_option("[name=due_seconds_1]", "60")
    page.get_by_label("operations").first.uncheck()
    page.select_option("[name=on_timeout]", "approve")
    page.fill("[name=silence_words]", "Indexes can be taken away again.")
    page.get_by_role("button", name="See what would change").click()
    page.get_by_text("What holds then").wait_for()


def _open_menu(page: Page) -> None:
    for summary in page.locator("details.menu > summary").all():
        if summary.is_visible():
            summary.click()
            return
