"""Why, who and when: the same sentences on the page and in the shell."""

import json
import re
from datetime import timedelta
from io import StringIO

import pytest
from django.contrib.auth.models import Group
from django.core.management import call_command

from approvals.explain import explain
from approvals.models import Approval, Queue, QueueEscalation, WorkflowRun
from tests.desk import a_row, an_opened, recorded


def words(row):
    return " ".join(str(each) for _title, said in explain(row).parts() for each in said)


class TestWhom:
    def test_it_waits_for_and_who_may(self, people):
        row = an_opened(quorum=2, requester="amira")
        recorded(row, people.mei)
        said = words(Approval.objects.get(pk=row.pk))
        assert "1 more approval in General." in said
        assert "They may decide: lena, tomasz." in said
        assert "Whoever asked, started or corrected it does not count." in said

    def test_which_groups_are_missing(self, people):
        finance, security = (Group.objects.create(name=n) for n in ("Finance", "Security"))
        people.mei.groups.add(finance)
        people.lena.groups.add(security)
        people.general.required_groups.add(finance, security)
        row = an_opened()
        recorded(row, people.mei)
        said = words(Approval.objects.get(pk=row.pk))
        assert "Still to be represented: Security." in said

    def test_that_nobody_is_left(self, people):
        row = an_opened()
        people.general.reviewers.clear()
        assert "Nobody is left who may decide." in words(row)


class TestNext:
    def test_without_a_deadline(self, people):
        assert "It has no deadline and never expires." in words(an_opened())

    def test_who_is_asked_afterwards(self, people):
        board = Queue.objects.create(slug="board", name="Board")
        people.reviewer("ines", board)
        assert "it goes on to Board." in words(an_opened(stages=["board"]))

    def test_whom_it_escalates_to(self, people):
        heads = Group.objects.create(name="Heads")
        Queue.objects.update(on_timeout="escalate", due_seconds=60)
        QueueEscalation.objects.create(queue=people.general, group=heads, seconds=60)
        said = words(an_opened())
        assert "If nobody decides, Heads are asked as well at" in said
        assert "If nobody decides then either, it is rejected at" in said

    def test_how_many_rejections_end_it(self, people):
        Queue.objects.update(reject_quorum=2, due_seconds=60)
        assert "2 rejections end it." in words(an_opened())


class TestWhy:
    def test_a_requester_that_only_the_workflow_names(self, people):
        said = words(an_opened(requester="amira"))
        assert "It says that amira wants it; nobody has verified that." in said

    def test_that_no_rule_matched(self, people):
        assert "No rule matched, so people decide by default." in words(an_opened())

    def test_an_approval_older_than_terms(self, people):
        row = a_row(people)
        assert "1 more approval in general." in words(row).replace("General", "general")


class TestWhere:
    def test_on_the_page(self, client, people):
        client.force_login(people.mei, "approvals.accounts.Accounts")
        page = client.get(f"/approvals/{an_opened().pk}/").content.decode()
        assert "Why, who and when" in page
        assert "It has no deadline and never expires." in page

    def test_on_the_page_with_times_as_everywhere_on_it(self, client, people):
        Queue.objects.update(due_seconds=3 * 3600, on_timeout="reject")
        client.force_login(people.mei, "approvals.accounts.Accounts")
        row = an_opened()
        page = client.get(f"/approvals/{row.pk}/").content.decode()
        said = page[page.index('id="explain"') :].partition("</section>")[0]
        found = re.search(r"it is rejected at <time ([^>]*)>([^<]*)</time>\.", said)
        assert re.fullmatch(r".*\d\d:\d\d", found[2])  # to the minute
        assert f'datetime="{row.due_at.isoformat(timespec="seconds")}"' in found[1]
        assert re.search(r'title="[^"]*\d\d:\d\d:\d\d UTC"', found[1])
        assert "<li>One rejection ends it.</li>" in said

    def test_on_the_page_policy_is_told_of_once(self, client, people):
        row = an_opened()
        WorkflowRun.objects.filter(run_id=row.run_id).update(
            verdict="ask", rule="ask-people", reason="People of General decide."
        )
        client.force_login(people.mei, "approvals.accounts.Accounts")
        page = client.get(f"/approvals/{row.pk}/").content.decode()
        assert page.count("No rule matched, so people decide by default") == 1
        assert "ask-people" not in page

    def test_in_the_shell(self, people):
        row, out = an_opened(), StringIO()
        call_command("explain", row.workflow_id, stdout=out)
        assert "Whom it waits for\n  1 more approval in General." in out.getvalue()

    def test_for_scripts_and_whatever_became_of_it(self, people):
        row, out = an_opened(), StringIO()
        row.end("cancelled", "The workflow was terminated.")
        call_command("explain", str(row.pk), as_json=True, stdout=out)
        assert json.loads(out.getvalue())["became"] == [
            "Cancelled by workflow. The workflow was terminated."
        ]


@pytest.mark.parametrize("after", [timedelta(0), timedelta(days=30)])
def test_terms_stay_what_they_were(people, after):
    row = an_opened()
    Queue.objects.update(quorum=3, name="Other")
    assert "1 more approval in General" in words(Approval.objects.get(pk=row.pk))
