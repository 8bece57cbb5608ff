"""The pages of queues: what they say of the rules, and how an admin changes them."""

import html
import re
from datetime import time

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client

from approvals.models import AuditEntry, Kind, Queue, QueueEscalation
from approvals.models.change import Change, rules_of
from approvals.models.errors import Changed
from approvals.models.queue_rules import doubts, is_hopeless
from approvals.queue_sentences import in_short
from approvals.queue_words import length
from tests.desk import a_row

BACKEND = "approvals.accounts.Accounts"


@pytest.fixture
def kim(people) -> Client:
    user = User.objects.create(username="kim", first_name="Kim", is_superuser=True, is_staff=True)
    client = Client()
    client.force_login(user, BACKEND)
    return client


@pytest.fixture
def finance(people) -> Group:
    group = Group.objects.create(name="Finance")
    people.mei.groups.add(group)
    return group


def text(answer) -> str:
    return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode())))


def filled(client: Client, path: str, **changes) -> dict:
    """The form as a browser would send it back, with `changes`; None takes a field away."""
    form = client.get(path).context["form"]
    given: dict = {"seen": client.get(path).context["seen"]}
    for name in form.fields:
        value = form[name].value()
        if name in ("answers", "escalations"):
            for number, row in enumerate(value or []):
                given |= _row(f"{name}-{number}", row)
        elif name.endswith("_seconds") and name != "undo_seconds":
            given[f"{name}_0"], given[f"{name}_1"] = value or "", "1"
        elif isinstance(value, time):
            given[name] = value.strftime("%H:%M")
        elif value is True:
            given[name] = "on"
        elif value is not None and value is not False:
            given[name] = [getattr(each, "pk", each) for each in value] if _many(value) else value
    return {name: each for name, each in (given | changes).items() if each is not None}


def _many(value) -> bool:
    return not isinstance(value, str | int)


def _row(name: str, row: dict) -> dict:
    given = {f"{name}-{column}": each for column, each in row.items() if column != "time"}
    if "time" in row:
        given |= {f"{name}-time_0": row["time"], f"{name}-time_1": "1"}
    return given


def confirmed(client: Client, path: str, given: dict, reason: str = "") -> None:
    answer = client.post(path, given)
    assert answer.status_code == 200, answer.context["form"].errors
    answer = client.post(path, {**given, "do": "confirm", "reason": reason})
    assert answer.status_code == 303


GENERAL = "/queues/general/"


class TestWho:
    PATHS = ("/queues/", "/queues/new/", GENERAL, "/queues/general/deletion/")

    @pytest.mark.parametrize("path", PATHS)
    def test_admins_alone_open_them(self, path, people, kim, client):
        assert kim.get(path).status_code == 200
        assert client.get(path).status_code == 302  # to sign-in
        client.force_login(people.mei, BACKEND)
        answer = client.get(path)
        assert answer.status_code == 403
        assert "Only administrators" in text(answer)

    @pytest.mark.parametrize("path", PATHS[1:])
    def test_nobody_else_changes_anything(self, path, people, kim, client):
        given = filled(kim, GENERAL, name="Mine", do="confirm")
        client.force_login(people.mei, BACKEND)
        assert client.post(path, given).status_code == 403
        assert list(Queue.objects.values_list("name", flat=True)) == ["General"]

    def test_only_admins_are_led_there(self, people, kim, client):
        assert 'href="/queues/"' in kim.get("/inbox/").content.decode()
        client.force_login(people.mei, BACKEND)
        assert 'href="/queues/"' not in client.get("/inbox/").content.decode()

    def test_the_palette_leads_admins_there(self, people, kim, client):
        assert 'href="/queues/"' in kim.get("/palette/?q=queue").content.decode()
        client.force_login(people.mei, BACKEND)
        page = client.get("/palette/?q=absence").content.decode()
        assert 'href="/absences/"' in page.partition("<main")[2]
        page = client.get("/palette/?q=queue").content.decode()
        assert 'href="/queues/"' not in page

    def test_a_queue_that_is_not_there_is_not_found(self, kim):
        assert kim.get("/queues/nowhere/").status_code == 404


class TestList:
    def test_says_who_decides_and_what_waits(self, people, kim):
        a_row(people)
        page = text(kim.get("/queues/"))
        assert "3 people decide: mei, lena, tomasz" in page
        assert "One approval. Each rejection is final. No deadline." in page
        assert "1 waiting" in page

    def test_is_empty_before_the_first_one(self, people, kim):
        people.general.delete()
        page = text(kim.get("/queues/"))
        assert "No queue exists yet." in page
        assert "Create a queue" in page

    def test_shows_names_as_they_are(self, people, kim):
        group = Group.objects.create(name="R&D <b>")
        people.general.groups.add(group)
        page = kim.get("/queues/").content.decode()
        assert "R&amp;D &lt;b&gt;" in page
        assert "&amp;amp;" not in page


class TestSentences:
    @pytest.fixture
    def rules(self, people):
        return rules_of(people.general)

    def test_groups_that_must_be_represented(self, rules):
        rules |= {
            "required_groups": ["Finance", "Security"], "due_seconds": 14400, "work_days": "12345",
            "work_starts": "08:00", "work_ends": "18:00", "time_zone": "Europe/Stockholm",
            "on_timeout": "escalate", "escalations": [["Heads", 7200]],
        }  # fmt: skip
        said = in_short(rules)
        assert "Two of Finance and Security, each represented." in said
        assert (
            "4 working hours, then Heads are asked for 2 working hours, then it is rejected."
        ) in said
        assert "Monday, Tuesday, Wednesday, Thursday, Friday, 08:00–18:00" in said

    def test_more_approvals_than_groups(self, rules):
        rules |= {"quorum": 3, "required_groups": ["Finance"], "reject_quorum": 2}
        assert "Three approvals, among them one of each: Finance." in in_short(rules)
        assert "Two rejections end it." in in_short(rules)

    def test_silence(self, rules):
        rules |= {"due_seconds": 60, "on_timeout": "approve", "silence_words": "Only restarts."}
        assert "it is approved: silence means yes (“Only restarts.”)" in in_short(rules)

    @pytest.mark.parametrize(
        ("seconds", "working", "words"),
        [
            (90, False, "90 seconds"),
            (5400, False, "90 minutes"),
            (86400, False, "1 day"),
            (90000, False, "25 hours"),
            (86400, True, "24 working hours"),
        ],
    )
    def test_lengths_are_exact(self, seconds, working, words):
        assert length(seconds, working) == words


class TestQuickReasons:
    def test_are_kept_line_by_line_and_audited(self, people, kim):
        given = filled(kim, "/queues/general/", quick_reasons=" Too dear \r\n\r\nTwice\nToo dear")
        confirmed(kim, "/queues/general/", given, "People ask for it.")
        assert Queue.objects.get().quick_reasons == ["Too dear", "Twice"]
        changes = AuditEntry.objects.get(action="queue changed").detail["changes"]
        assert changes == [["quick_reasons", [], ["Too dear", "Twice"]]]
        assert "Quick reasons: Too dear; Twice." in text(kim.get("/queues/general/"))
        assert kim.get("/queues/general/").context["form"]["quick_reasons"].value() == (
            "Too dear\nTwice"
        )

    def test_stand_beside_the_reason_of_a_rejection(self, people, client):
        row = a_row(people, title="Pay €1.00 to Acme")
        client.force_login(people.mei, "approvals.accounts.Accounts")
        said = {"verdict": "reject", "sha": row.payload_sha256, "key": "k"}
        page = client.post(f"/approvals/{row.pk}/decision/", said).content.decode()
        assert 'data-fill="Wrong amount"' in page
        Queue.objects.update(quick_reasons=["Too dear <b>", "Twice"])
        page = client.post(f"/approvals/{row.pk}/decision/", said).content.decode()
        assert 'data-fill="Too dear &lt;b&gt;"' in page
        assert 'data-fill="Twice"' in page
        assert "Wrong amount" not in page


class TestMaking:
    NEW = "/queues/new/"

    def test_a_queue_of_all_rules(self, people, finance, kim):
        given = filled(
            kim, self.NEW,
            name="Payments", slug="payments", description="Money", groups=[finance.pk],
            reviewers=[people.lena.pk, people.tomasz.pk], viewers=[people.amira.pk], quorum=2,
            required_groups=[finance.pk], reject_quorum=2, unverified_costs_one_more="on",
            offers_changes="on", comment_to_approve="on", on_timeout="escalate",
            due_seconds_0=4, due_seconds_1=3600, remind_before_seconds_0=30,
            remind_before_seconds_1=60, work_days=["1", "2"], work_starts="08:00",
            work_ends="18:30", time_zone="Europe/Stockholm", undo_seconds=10,
            confirm_risk="low", password_risk="never", bulk_limit=0, most_a_minute=5,
            **{
                "answers-0-name": "half", "answers-0-label": "Half of it",
                "answers-0-means": "approve", "answers-3-name": "later",
                "answers-3-label": "Not now", "answers-3-means": "reject",
                "escalations-1-group": finance.pk, "escalations-1-time_0": 2,
                "escalations-1-time_1": 86400,
            },
        )  # fmt: skip
        given["anyway"] = "1"  # three people, and four are needed
        confirmed(kim, self.NEW, given, "We need it.")
        queue = Queue.objects.get(slug="payments")
        assert (queue.due_seconds, queue.remind_before_seconds) == (14400, 1800)
        assert (queue.work_days, queue.work_ends) == ("12", time(18, 30))
        assert [each["name"] for each in queue.answers] == ["half", "later"]
        assert [(each.group, each.seconds) for each in queue.escalations.all()] == [
            (finance, 172800)
        ]
        assert set(queue.reviewers.all()) == {people.lena, people.tomasz}
        assert list(queue.required_groups.all()) == [finance]
        assert (queue.undo_seconds, queue.bulk_limit, queue.password_risk) == (10, 0, "never")
        entry = AuditEntry.objects.get(action="queue made")
        assert entry.actor.username == "kim"
        assert entry.detail["reason"] == "We need it."
        assert ["quorum", 1, 2] in entry.detail["changes"]

    def test_writes_nothing_before_it_is_confirmed(self, people, kim):
        answer = kim.post(self.NEW, filled(kim, self.NEW, name="Payments", slug="payments"))
        assert answer.status_code == 200, answer.context["form"].errors
        assert "Create Payments?" in text(answer)
        assert Queue.objects.count() == 1
        assert not AuditEntry.objects.exists()

    @pytest.mark.parametrize(
        ("changes", "field", "words"),
        [
            ({"slug": "general"}, "slug", "already exists"),
            ({"slug": "new"}, "slug", "taken"),
            ({"slug": "Größe!"}, "slug", "valid"),
            ({"name": ""}, "name", "required"),
            ({"quorum": 0}, "quorum", "From 1 to 50."),
            ({"bulk_limit": 51}, "bulk_limit", "From 0 to 50."),
            ({"reject_quorum": 2}, "reject_quorum", "might never end"),
            ({"on_timeout": "escalate"}, "due_seconds", "needs a deadline"),
            ({"on_timeout": "approve", "due_seconds_0": 5}, "silence_words", "in words"),
            ({"due_seconds_0": 400, "due_seconds_1": 86400}, "due_seconds", "366 days"),
            ({"work_days": ["1"]}, "work_days", "a start and an end"),
            ({"work_starts": "08:00"}, "work_days", "a start and an end"),
            (
                {"work_days": ["1"], "work_starts": "18:00", "work_ends": "08:00"},
                "work_ends", "before it starts",
            ),
            ({"answers-0-name": "half"}, "answers", "Row 1"),
            (
                {"answers-0-name": "No Slug", "answers-0-label": "x", "answers-0-means": "reject"},
                "answers", "slug",
            ),
            ({"escalations-0-time_0": 5, "escalations-0-time_1": 60}, "escalations", "Row 1"),
            ({"time_zone": "Mars/Olympus"}, "time_zone", "valid choice"),
            ({"quick_reasons": "x" * 61}, "quick_reasons", "At most 6 lines of 60 characters."),
            ({"quick_reasons": "\n".join("abcdefg")}, "quick_reasons", "At most 6 lines"),
        ],
    )  # fmt: skip
    def test_what_is_wrong_is_said_at_its_field(self, people, kim, changes, field, words):
        given = filled(kim, self.NEW, **({"name": "Payments", "slug": "payments"} | changes))
        answer = kim.post(self.NEW, {**given, "do": "confirm"})
        assert answer.status_code == 422
        assert words in " ".join(answer.context["form"].errors[field])
        page = answer.content.decode()
        assert "<title>Error: " in page
        assert f'id="id_{field}_error"' in page
        assert Queue.objects.count() == 1

    def test_values_are_kept_when_something_is_wrong(self, people, kim):
        given = filled(
            kim, self.NEW, name="", slug="payments", description="Money that leaves",
            reviewers=[people.lena.pk], due_seconds_0=7, due_seconds_1=86400,
            **{"answers-0-label": "Half of it"},
        )  # fmt: skip
        page = kim.post(self.NEW, given).content.decode()
        for kept in ("Money that leaves", 'value="7"', 'value="86400" selected', "Half of it"):
            assert kept in page
        assert re.search(rf'name="reviewers" value="{people.lena.pk}"[^>]*checked', page)


class TestChanging:
    def test_shows_only_what_differs_in_words(self, people, finance, kim):
        given = filled(
            kim, GENERAL, quorum=2, due_seconds_0=90, due_seconds_1=60, groups=[finance.pk],
            reviewers=[people.lena.pk, people.tomasz.pk],
        )  # fmt: skip
        answer = kim.post(GENERAL, given)
        rows = {str(row["label"]): row for row in answer.context["rows"]}
        assert set(rows) == {
            "How many must approve", "Deadline", "Groups that decide", "People who decide",
        }  # fmt: skip
        assert (rows["How many must approve"]["was"], rows["How many must approve"]["now"]) == (
            "1",
            "2",
        )
        assert (rows["Deadline"]["was"], rows["Deadline"]["now"]) == ("nothing", "90 minutes")
        assert (rows["People who decide"]["gone"], rows["People who decide"]["new"]) == ("mei", "")
        assert rows["Groups that decide"]["new"] == "Finance"
        people.general.refresh_from_db()
        assert people.general.quorum == 1

    def test_tells_what_waits_that_its_terms_stay(self, people, kim):
        for _number in range(2):
            a_row(people)
        assert "The 2 that wait keep their terms" in text(
            kim.post(GENERAL, filled(kim, GENERAL, quorum=2))
        )

    def test_a_form_that_changes_nothing_saves_nothing(self, people, kim):
        answer = kim.post(GENERAL, filled(kim, GENERAL))
        assert answer.status_code == 303
        assert "Nothing differs" in text(kim.get(GENERAL))
        assert not AuditEntry.objects.exists()

    def test_is_written_with_an_audit_entry(self, people, kim):
        confirmed(kim, GENERAL, filled(kim, GENERAL, quorum=2), "Two see more.")
        people.general.refresh_from_db()
        assert people.general.quorum == 2
        assert people.general.revision == 1
        entry = AuditEntry.objects.get()
        assert (entry.action, entry.actor.username) == ("queue changed", "kim")
        assert entry.detail == {
            "queue": "general", "reason": "Two see more.", "changes": [["quorum", 1, 2]],
        }  # fmt: skip
        assert "Two see more." in text(kim.get(GENERAL))

    def test_goes_back_with_everything_that_was_typed(self, people, kim):
        given = filled(kim, GENERAL, description="Whatever names no other")
        answer = kim.post(GENERAL, {**given, "do": "back"})
        assert answer.status_code == 200
        assert answer.context["form"]["description"].value() == "Whatever names no other"

    def test_the_confirmation_carries_every_value(self, people, finance, kim):
        """What a browser sends from it, and nothing else, is enough to save."""
        given = filled(kim, GENERAL, groups=[finance.pk], **{
            "escalations-0-group": finance.pk, "escalations-0-time_0": 3,
            "escalations-0-time_1": 3600, "due_seconds_0": 1, "on_timeout": "escalate",
        })  # fmt: skip
        page = kim.post(GENERAL, given).content.decode()
        hidden = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', page)
        sent: dict[str, list[str]] = {"do": ["confirm"]}
        for name, value in hidden:
            sent.setdefault(name, []).append(html.unescape(value))
        assert kim.post(GENERAL, sent).status_code == 303
        step = QueueEscalation.objects.get()
        assert (step.group, step.seconds) == (finance, 10800)
        assert people.general.reviewers.count() == 3

    def test_rows_that_are_emptied_are_gone(self, people, finance, kim):
        queue = people.general
        queue.answers = [{"name": "half", "label": "Half", "means": "approve"}]
        queue.save()
        QueueEscalation.objects.create(queue=queue, group=finance, seconds=60)
        given = filled(kim, GENERAL, **{
            "answers-0-name": "", "answers-0-label": "", "answers-0-means": "",
            "escalations-0-group": "", "escalations-0-time_0": "",
        })  # fmt: skip
        confirmed(kim, GENERAL, given)
        queue.refresh_from_db()
        assert queue.answers == []
        assert not queue.escalations.exists()


class TestMeanwhile:
    def test_a_form_that_is_older_than_a_change_saves_nothing(self, people, kim):
        given = filled(kim, GENERAL, description="Mine")
        confirmed(kim, GENERAL, filled(kim, GENERAL, quorum=3), "Theirs.")
        for verb in ("", "confirm"):
            answer = kim.post(GENERAL, {**given, "do": verb, "reason": "My reason"})
            assert answer.status_code == 409
            page = text(answer)
            assert "Nothing was saved" in page
            assert "Theirs." in page  # who changed it, and why
            rows = {str(row["label"]): row.get("now") for row in answer.context["rows"]}
            assert rows == {"Description": "Mine", "How many must approve": "1"}
            assert "My reason" in answer.content.decode()
        people.general.refresh_from_db()
        assert (people.general.quorum, people.general.description) == (3, "")

    def test_after_a_look_at_the_newer_truth_it_can_be_saved(self, people, kim):
        given = filled(kim, GENERAL, description="Mine")
        confirmed(kim, GENERAL, filled(kim, GENERAL, quorum=3))
        seen = kim.post(GENERAL, given).context["change"].seen
        answer = kim.post(GENERAL, {**given, "quorum": 3, "seen": seen, "do": "confirm"})
        assert answer.status_code == 303
        people.general.refresh_from_db()
        assert (people.general.quorum, people.general.description) == (3, "Mine")

    @pytest.mark.postgresql
    def test_a_change_between_look_and_lock_is_refused(self, people, kim):
        change = Change.of(people.general, rules_of(people.general) | {"quorum": 2})
        people.general.reviewers.remove(people.mei)
        with pytest.raises(Changed):
            change.apply(people.lena, "", change.seen)
        people.general.refresh_from_db()
        assert people.general.quorum == 1
        assert not AuditEntry.objects.exists()


class TestSlug:
    def test_changes_while_nothing_has_come(self, people, kim):
        confirmed(kim, GENERAL, filled(kim, GENERAL, slug="common"))
        assert kim.get("/queues/common/").status_code == 200

    @pytest.mark.parametrize("rules", [{}, {"stages": [{"queue": "general"}]}])
    def test_stays_once_requests_have_come_or_will(self, people, kim, rules):
        queue = people.general if not rules else Queue.objects.create(slug="other", name="Other")
        a_row(people, queue=queue, rules=rules)
        assert 'name="slug" value="general"' in kim.get(GENERAL).content.decode()
        answer = kim.post(GENERAL, filled(kim, GENERAL, slug="common", quorum=2, do="confirm"))
        assert answer.status_code == 303
        people.general.refresh_from_db()
        assert (people.general.slug, people.general.quorum) == ("general", 2)

    def test_stays_in_the_raw_tables_as_well(self, people):
        a_row(people)
        people.general.slug = "common"
        with pytest.raises(Exception, match="so it stays"):
            people.general.full_clean()


class TestDoubts:
    @pytest.fixture
    def rules(self, people):
        return rules_of(people.general)

    def test_none_where_enough_people_may_decide(self, rules):
        assert doubts(rules) == []

    @pytest.mark.parametrize(
        ("changes", "words"),
        [
            ({"reviewers": []}, "Nobody may decide here"),
            ({"quorum": 4}, "4 must approve, and 3 people may decide"),
            ({"quorum": 3}, "3 people may decide: a request that one of them asks for"),
            ({"quorum": 2, "unverified_costs_one_more": True}, "one of them asks for"),
            ({"quorum": 3, "reject_quorum": 2}, "votes might never come to an end"),
            ({"required_groups": ["Finance", "Law"]}, "Nobody who may decide is in Law"),
            (
                {"answers": [{"name": "a", "label": "Redo it", "means": "request_changes"}]},
                "Nobody can answer “Redo it”",
            ),
            ({"on_timeout": "escalate"}, "No further group is named"),
            ({"escalations": [["Finance", 60]]}, "nobody asks them"),
            (
                {"on_timeout": "escalate", "escalations": [["Law", 60]]},
                "Nobody is in Law, who are asked",
            ),
        ],
    )
    def test_are_said_in_words(self, rules, finance, changes, words):
        Group.objects.create(name="Law")
        assert any(words in each for each in doubts(rules | changes)), doubts(rules | changes)

    def test_one_person_stands_for_one_group(self, rules, finance, people):
        law = Group.objects.create(name="Law")
        people.mei.groups.add(law)
        said = doubts(rules | {"required_groups": ["Finance", "Law"]})
        assert said == ["Nobody stands for two groups, and too few people are in: Finance, Law."]

    def test_warn_and_do_not_forbid(self, people, kim):
        given = filled(kim, GENERAL, quorum=3)
        page = text(kim.post(GENERAL, given))
        assert "3 people may decide: a request that one of them asks for will fail" in page
        assert "Save although nobody can meet it now" not in page
        confirmed(kim, GENERAL, given)

    @pytest.mark.parametrize(
        "changes",
        [{"quorum": 4}, {"quorum": 3, "reject_quorum": 2, "due_seconds_0": 5}, {"reviewers": []}],
    )
    def test_that_leave_no_hope_are_saved_only_with_a_tick(self, people, kim, changes):
        given = filled(kim, GENERAL, **changes)
        before = rules_of(people.general)
        page = text(kim.post(GENERAL, given))
        assert "every request will fail" in page
        assert "Save although nobody can meet it now" in page
        again = given | {"do": "confirm"}
        answer = kim.post(GENERAL, again)
        assert answer.status_code == 422
        assert "Nothing was saved. Tick this first" in text(answer)
        assert rules_of(Queue.objects.get(slug="general")) == before
        assert kim.post(GENERAL, again | {"anyway": "1"}).status_code == 303
        assert rules_of(Queue.objects.get(slug="general")) != before

    def test_that_leave_no_hope_for_a_group(self, people, rules, finance):
        Group.objects.create(name="Law")
        assert is_hopeless(rules | {"required_groups": ["Law"]})
        assert not is_hopeless(rules | {"required_groups": ["Finance"]})
        assert not is_hopeless(rules)

    def test_silence_that_means_yes_is_said_before_it_is_saved(self, people, kim):
        given = filled(
            kim, GENERAL, on_timeout="approve", due_seconds_0=5, silence_words="Only restarts.",
        )  # fmt: skip
        page = text(kim.post(GENERAL, given))
        assert "Silence means yes here." in page
        assert "“Only restarts.”" in page


class TestDeleting:
    PATH = "/queues/general/deletion/"

    def refused(self, client: Client) -> str:
        answer = client.post(self.PATH)
        assert answer.status_code == 409
        assert Queue.objects.filter(slug="general").exists()
        assert 'method="post" action="/queues/' not in answer.content.decode()
        return text(answer)

    def test_is_refused_with_a_list_of_what_waits(self, people, kim):
        row = a_row(people, title="Pay the rent")
        page = self.refused(kim)
        assert "Pay the rent" in page
        assert f'href="/approvals/{row.pk}/"' in kim.get(self.PATH).content.decode()

    def test_is_refused_for_what_will_come_here(self, people, kim):
        other = Queue.objects.create(slug="other", name="Other")
        a_row(people, title="Later here", queue=other, rules={"stages": [{"queue": "general"}]})
        assert "Later here" in self.refused(kim)

    def test_is_refused_for_the_record(self, people, kim):
        a_row(people, state="approved")
        page = self.refused(kim)
        assert "1 request was decided here" in page
        assert "take its people and groups away" in page

    def test_is_refused_for_a_kind_of_request(self, people, kim):
        Kind.objects.create(slug="rent", name="Rent", queue=people.general, schema={})
        assert "Rent" in self.refused(kim)

    def test_of_what_nobody_needs_leaves_its_rules_in_the_audit_trail(self, people, kim):
        assert "No request has ever come to it." in text(kim.get(self.PATH))
        assert kim.post(self.PATH).status_code == 303
        assert not Queue.objects.exists()
        entry = AuditEntry.objects.get(action="queue deleted")
        assert entry.detail["queue"] == "general"
        assert entry.detail["rules"]["reviewers"] == ["lena", "mei", "tomasz"]
