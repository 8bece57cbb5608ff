"""Every page can be read by everybody: by axe, on small screens, in dark, without JavaScript.

`PAGES` names each page with the people who open it; a new address without an entry fails a test.
"""

import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.conf import settings
from django.contrib.auth.models import User
from django.urls import URLPattern, get_resolver
from playwright.sync_api import BrowserContext, ConsoleMessage, Page, expect
from temporalio.client import WorkflowHistory

from approvals import demo
from approvals.models import Approval, Preference, WorkflowRun
from orchestrator import client as temporal
from orchestrator import contract
from orchestrator.contract import Request, Run
from tests.desk import until

HISTORY = Path(__file__).parents[1] / "histories" / "timeline" / "running.json"

# Answers that are no pages of their own, or forms that only take what is posted.
NO_PAGES = {
    *("home", "rows", "panel", "payload", "events", "export", "healthz", "readyz", "logout"),
    *("decision", "undo", "comments", "claim", "handover", "preview"),
    *("withdrawal", "nudge", "answer", "bulk", "receipt", "saved_view", "saved_views", "palette"),
    *("absence", "next", "previous", "file"),
}
PEOPLE = ("mei", "amira", "kim")
LARGE, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
MIDDLE = {"width": 1024, "height": 768}
# Half as wide is what 200 % make of the large window.
ZOOMED, SMALL = {"width": 640, "height": 450}, {"width": 320, "height": 640}


@dataclass(frozen=True)
class At:
    """One page: the name of its address, its path, and who looks at it."""

    name: str
    path: str
    who: tuple[str, ...] = PEOPLE


PAGES = [
    At("login", "/accounts/login/", ("",)),
    At("login", "/accounts/login/?next=/inbox/{payment}/", ("",)),
    At("login", "/accounts/login/?next=/inbox/{payment}/&ended=1", ("",)),
    At("inbox", "/inbox/", ("mei", "kim")),
    At("inbox_pane", "/inbox/{payment}/", ("mei",)),
    At("approval", "/approvals/{payment}/"),
    At("approval", "/approvals/{payment}/?confirm=approve", ("mei",)),
    At("approval", "/approvals/{payment}/?compare=approved", ("mei",)),
    At("approval", "/approvals/{deploy}/", ("mei",)),
    At("approval", "/approvals/{approved}/", ("mei",)),
    At("approval", "/approvals/{rejected}/", ("mei", "kim")),
    At("approval", "/approvals/{expired}/", ("mei",)),
    At("requests", "/requests/"),
    At("history", "/history/", ("mei", "kim")),
    At("history", "/history/?closed_by=deadline", ("mei",)),
    At("history", "/history/?since=2026-02-30", ("mei",)),
    At("history", "/history/?q=nothing+like+it", ("mei",)),
    At("workflows", "/workflows/", ("mei", "kim")),
    At("workflow", "/workflows/{workflow}/{run}/", ("mei",)),
    At("workflow", "/workflows/{workflow}/{run}/?tab=events", ("mei",)),
    At("workflow", "/workflows/{workflow}/{run}/?tab=input", ("kim",)),
    At("start", "/start/", ("amira",)),
    At("start", "/start/?kind=vendor-payment", ("amira",)),
    At("start", "/start/?kind=vendor-payment&mode=json", ("amira",)),
    At("profile", "/profile/", ("amira",)),
    At("policy", "/policy/", ("kim",)),
    At("policy_version", "/policy/versions/0/", ("kim",)),
    At("policy_draft", "/policy/draft/", ("kim",)),
    At("policy_simulator", "/policy/simulator/", ("kim",)),
    At("absences", "/absences/"),
    At("queues", "/queues/", ("kim",)),
    At("new_queue", "/queues/new/", ("kim",)),
    At("queue", "/queues/database/", ("kim",)),
    At("queue_deletion", "/queues/payments/deletion/", ("kim",)),
    At("not found", "/nowhere/", ("mei",)),
]


@pytest.fixture(autouse=True)
def places(transactional_db, keys, monkeypatch) -> dict[str, str]:
    """The demo's people, requests and history; Temporal tells one stored history."""
    events = list(WorkflowHistory.from_json("any", HISTORY.read_text()).events)
    monkeypatch.setattr(temporal, "history", lambda *_: events)
    monkeypatch.setattr(temporal, "send_decision", lambda *_: None)
    demo.seed_history()
    waiting = {name: _asked(name, dict(task)) for name, task in demo.REQUESTS.items()}
    payment = waiting["payment-norrland"]
    payment.decide(User.objects.get(username="lena"), "approve", "Called the vendor.")
    found = {
        "payment": str(payment.pk),
        "deploy": str(waiting["deploy-checkout"].pk),
        "workflow": payment.workflow_id,
        "run": payment.run_id,
    }
    seen = Approval.objects.exclude(queue__slug="comms")
    for state in ("approved", "rejected", "expired"):
        found[state] = str(seen.filter(state=state).first().pk)
    return found


def _asked(name: str, task: dict) -> Approval:
    request = Request.read({"title": task.pop("task"), **task})
    run = Run(f"task-demo-{name}", str(uuid.uuid4()), contract.GUARDED_TASK)
    WorkflowRun.note(run, request, verdict="ask", rule="ask-people")
    return Approval.open(str(uuid.uuid4()), request, run)


def paths(who: str, places: dict[str, str]) -> list[str]:
    return [page.path.format(**places) for page in PAGES if who in page.who]


def named() -> set[str]:
    def walk(patterns):
        for each in patterns:
            if isinstance(each, URLPattern):
                yield each.name
            elif each.app_name != "admin":
                yield from walk(each.url_patterns)

    return set(walk(get_resolver().url_patterns))


def test_no_page_is_forgotten():
    looked_at = {page.name for page in PAGES}
    assert named() - NO_PAGES <= looked_at, "add the new page to PAGES, or to NO_PAGES"
    assert not NO_PAGES & looked_at


def problems(page: Page) -> list[str]:
    """What axe finds, light and dark: the rule, its help and the first elements."""
    page.emulate_media(color_scheme="light", reduced_motion="reduce")
    found = violations(page)
    page.emulate_media(color_scheme="dark", reduced_motion="reduce")
    # All that a theme can change.
    return found + violations(page, runOnly=["color-contrast", "link-in-text-block"])


def violations(page: Page, **options: Any) -> list[str]:
    """By every rule, or as axe's `options` say; axe leaves out the size of targets by itself."""
    if page.evaluate("!('axe' in window)"):
        page.evaluate(Axe().axe_script)
    # No rule that runs needs style sheets beforehand, and to fetch them takes longest.
    options = {
        "resultTypes": ["violations"],
        "preload": False,
        "rules": {"target-size": {"enabled": "runOnly" not in options}},
        **options,
    }
    found = page.evaluate("options => axe.run(options).then(answer => answer.violations)", options)
    return [
        f"{page.url} {each['id']}: {each['help']} "
        f"{[node['html'][:160] for node in each['nodes'][:3]]}"
        for each in found
    ]


def too_wide(page: Page, width: int) -> list[str]:
    """That the page must be scrolled sideways."""
    wide = page.evaluate("document.scrollingElement.scrollWidth")
    return [f"{page.url} is {wide} px wide in {width} px"] if wide > width else []


def refusals(context: BrowserContext) -> list[str]:
    """Fills with what the content security policy refuses, and with errors of scripts."""
    refused: list[str] = []
    context.expose_function("refused", lambda words: refused.append(words))
    context.add_init_script(
        "addEventListener('securitypolicyviolation', "
        "event => refused(`${event.documentURI} ${event.violatedDirective}`))"
    )

    def listen(said: ConsoleMessage) -> None:
        if said.type == "error":
            refused.append(said.text)

    context.on("weberror", lambda error: refused.append(str(error.error)))
    context.on("console", listen)
    return refused


def settle(page: Page) -> None:
    page.wait_for_function("() => document.fonts.status === 'loaded'")


class TestEveryPage:
    """Each is opened once, and then looked at in every size: opening takes the longest."""

    @pytest.mark.parametrize("who", ["", *PEOPLE], ids=lambda who: who or "anonymous")
    def test_can_be_read_by_everybody(self, opened, places, who):
        context = opened(who)
        refused, found = refusals(context), []
        page = context.new_page()
        for path in paths(who, places):
            page.set_viewport_size(LARGE)
            page.goto(path)
            settle(page)
            # A browser calls a 404 an error.
            found += [each for each in refused if "404 (Not Found)" not in each]
            for size in (LARGE, MIDDLE, ZOOMED, PHONE, SMALL):
                page.set_viewport_size(size)
                found += too_wide(page, size["width"])
                found += problems(page) if size in (LARGE, PHONE) else []
            settle(page)
            refused.clear()  # what axe itself tries is not the page's
        assert not found, "\n".join(found)

    def test_can_be_read_where_it_unfolds(self, opened, places):
        page = opened("mei").new_page()
        found = []
        for path in (f"/approvals/{places['payment']}/", "/history/"):
            page.goto(path)
            page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
            settle(page)
            found += problems(page)
        assert not found, "\n".join(found)

    def test_is_looked_at_closely(self, opened, places):
        context = opened("mei", viewport=SMALL)
        refused = refusals(context)
        page = context.new_page()
        page.goto("/profile/")
        page.evaluate(
            """() => {
                const wide = document.createElement("canvas");
                wide.width = 900;
                wide.setAttribute("style", "color: red");
                const nameless = document.createElement("img");
                document.querySelector("main").append(wide, nameless);
            }"""
        )
        page.wait_for_function("() => document.scrollingElement.scrollWidth > 320")
        assert any("image-alt" in each for each in problems(page))
        assert too_wide(page, 320)
        assert any("style-src" in each for each in refused)


class TestTheme:
    GROUND = {"light": "rgb(241, 245, 245)", "dark": "rgb(13, 20, 22)"}

    @pytest.mark.parametrize(
        ("chosen", "system", "shown"),
        [
            ("", "light", "light"),
            ("", "dark", "dark"),
            ("dark", "light", "dark"),
            ("light", "dark", "light"),
        ],
    )
    def test_is_as_chosen_else_as_the_system(self, opened, places, chosen, system, shown):
        mei = User.objects.get(username="mei")
        Preference.objects.update_or_create(user=mei, defaults={"theme": chosen})
        page = opened("mei", color_scheme=system).new_page()
        page.goto("/profile/")
        ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert ground == self.GROUND[shown]
        if chosen == "dark":
            assert not problems(page)


class TestReducedMotion:
    def test_nothing_moves(self, opened, places):
        page = opened("mei", reduced_motion="reduce").new_page()
        page.goto(f"/inbox/{places['payment']}/")
        moving = page.evaluate(
            """() => [...document.querySelectorAll("*")].filter(each => {
                const style = getComputedStyle(each);
                return style.animationName !== "none"
                    || parseFloat(style.transitionDuration) > 0;
            }).map(each => each.outerHTML.slice(0, 80))"""
        )
        assert moving == []


class TestForcedColors:
    def test_selection_and_differences_are_drawn_as_lines(self, opened, places):
        page = opened("mei", forced_colors="active").new_page()
        page.goto(f"/inbox/{places['payment']}/")
        assert page.evaluate("matchMedia('(forced-colors: active)').matches")

        def outline(selector: str) -> str:
            return page.locator(selector).first.evaluate("e => getComputedStyle(e).outlineStyle")

        assert outline(".row[aria-current]") == "solid"
        assert outline(".kv ins b") == "solid"
        for button in (".btn.approve", ".btn.reject"):
            style = page.locator(button).first.evaluate("e => getComputedStyle(e).borderTopStyle")
            assert style == "solid"


class TestWithoutJavaScript:
    @pytest.fixture
    def page(self, opened) -> Page:
        return opened(java_script_enabled=False).new_page()

    def sign_in(self, page: Page, who: str, path: str = "/inbox/") -> None:
        page.goto(path)
        page.fill("[name=username]", who)
        page.fill("[name=password]", demo.password())
        page.locator("main form button").last.click()
        assert page.url.endswith(path)

    def test_people_approve(self, page, places):
        self.sign_in(page, "mei", f"/approvals/{places['deploy']}/")
        page.locator("button[name=verdict][value=approve]").first.click()
        row = Approval.objects.get(pk=places["deploy"])
        assert row.decisions.get().verdict == "approve"
        expect(page.locator("main")).to_contain_text("Approved")

    def test_people_reject_and_are_told_that_a_reason_is_missing(self, page, places):
        self.sign_in(page, "mei", f"/approvals/{places['deploy']}/")
        page.locator("button[name=verdict][value=reject]").first.click()
        assert "Error" in page.title()
        assert not Approval.objects.get(pk=places["deploy"]).decisions.exists()
        page.fill("[name=comment]", "Not before Monday.")
        page.locator("button[name=verdict][value=reject]").first.click()
        assert Approval.objects.get(pk=places["deploy"]).decisions.get().verdict == "reject"

    def test_a_row_of_the_inbox_leads_to_the_request(self, page, places):
        self.sign_in(page, "mei")
        page.get_by_role("link", name="Deploy checkout-api 4.18.0").first.click()
        expect(page.locator("h1").first).to_contain_text("Deploy checkout-api 4.18.0")

    def test_people_start_a_workflow(self, page, places, monkeypatch):
        started = []

        def start(task, key):
            started.append(task)
            return Run("task-new", str(uuid.uuid4()), contract.GUARDED_TASK)

        monkeypatch.setattr(temporal, "start_guarded_task", start)
        self.sign_in(page, "amira", "/start/?kind=refund")
        page.get_by_label("Order number").fill("77120")
        page.get_by_label("Amount").fill("$12.00")
        page.get_by_label("Reason").select_option(index=1)
        page.get_by_role("button", name="Start workflow").last.click()
        assert page.locator(".err").all_inner_texts() == []
        assert [task["payload"]["order"] for task in started] == [77120]

    def test_people_filter_the_history(self, page, places):
        self.sign_in(page, "mei", "/history/")
        page.select_option("#outcome", "rejected")
        page.get_by_role("button", name="Apply").click()
        assert "outcome=rejected" in page.url
        outcomes = page.locator("tbody td:nth-child(3)").all_inner_texts()
        assert outcomes
        assert {each.strip() for each in outcomes} == {"Rejected"}


class TestHistoryFilters:
    def test_rows_follow_what_is_typed_and_the_address_keeps_it(self, opened, places):
        page = opened("mei").new_page()
        page.goto("/history/")
        page.locator("#q").press_sequentially("refund")
        page.wait_for_url("**/history/?q=refund")
        titles = page.locator("tbody th a").all_inner_texts()
        assert titles
        assert all(title.startswith("Refund") for title in titles)
        assert page.evaluate("document.activeElement.id") == "q"
        expect(page.locator("#status")).to_contain_text("decisions")
        page.reload()
        assert page.locator("#q").input_value() == "refund"
        page.go_back()
        until(lambda: page.locator("#q").input_value() == "", "Back shows the page before")

    def test_a_wrong_date_is_said_while_typing_and_the_fields_stay_open(self, opened, places):
        page = opened("mei").new_page()
        page.goto("/history/")
        page.get_by_text("More filters").click()
        page.fill("#since", "2026-11-20")
        page.fill("#until", "2026-11-01")
        page.locator("#until").dispatch_event("change")
        expect(page.locator("#until_error")).to_have_text("This is before the first day.")
        expect(page.locator("#until")).to_be_visible()
        page.fill("#until", "2026-11-21")
        page.locator("#until").dispatch_event("change")
        expect(page.locator("#until_error")).to_be_hidden()

    def test_export_gives_the_rows_that_are_shown(self, opened, places):
        page = opened("mei").new_page()
        page.goto("/history/?outcome=rejected")
        shown = page.locator("tbody tr").count()
        with page.expect_download() as download:
            page.get_by_role("link", name="Export").click()
        text = Path(download.value.path()).read_text("utf-8-sig")
        assert text.startswith("closed_at,")
        assert text.count(",rejected,") == shown


def test_a_session_cookie_is_all_that_signs_in(opened):
    assert opened("mei").cookies()[0]["name"] == settings.SESSION_COOKIE_NAME
