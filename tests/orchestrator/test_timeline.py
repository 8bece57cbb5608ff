"""Temporal's histories, recorded and hostile, as the groups and sentences that people read."""

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from temporalio.api.common.v1 import Payload
from temporalio.api.failure.v1 import Failure
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import WorkflowHistory

from orchestrator import contract, timeline

RECORDED = Path(__file__).parents[1] / "histories" / "timeline"
NAMES = sorted(each.stem for each in RECORDED.glob("*.json"))


def history(name):
    text = (RECORDED / f"{name}.json").read_text()
    return list(WorkflowHistory.from_json("pay-1042", text).events)


def sentences(name):
    return [event.sentence for event in timeline.events(history(name))]


def event(name, sentence):
    return next(each for each in timeline.events(history(name)) if each.sentence == sentence)


def group(name, called):
    return next(each for each in timeline.groups(history(name)) if each.name == called)


def payload(data, encoding=b"json/plain"):
    return Payload(metadata={"encoding": encoding}, data=data)


def signal(*arguments, name="decide", identity="lena"):
    one = HistoryEvent(event_id=5, event_type="EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED")
    attributes = one.workflow_execution_signaled_event_attributes
    attributes.signal_name = name
    attributes.identity = identity
    attributes.input.payloads.extend(arguments)
    return one


def envelope(**changes):
    body = {
        "v": 1,
        "decision_id": "d-1",
        "verdict": "approve",
        "reviewer": {"id": 7, "username": "lena", "name": "Lena Ortiz"},
    }
    return {"body": body | changes, "key_id": "site-1", "signature": "c2ln"}


def said(value):
    return timeline.events([signal(payload(json.dumps(value).encode()))])[0].sentence


def marker(data, result=b"null"):
    one = HistoryEvent(event_id=9, event_type="EVENT_TYPE_MARKER_RECORDED")
    attributes = one.marker_recorded_event_attributes
    attributes.marker_name = "core_local_activity"
    attributes.details["data"].payloads.append(payload(data))
    attributes.details["result"].payloads.append(payload(result))
    return one


class TestSentences:
    def test_a_start_names_the_workflow_type(self):
        assert sentences("approved")[0] == "Workflow GuardedTask started"

    def test_an_activity_says_on_which_attempt_it_completed(self):
        told = sentences("approved")
        assert "open_approval completed on attempt 1" in told
        assert "notify_reviewers completed on attempt 3" in told

    def test_an_activity_carries_its_summary(self):
        assert "notify_reviewers scheduled: Tell the reviewers" in sentences("approved")

    def test_a_retry_says_what_went_wrong_before(self):
        expected = "notify_reviewers started attempt 3 after: the mail server said no"
        assert expected in sentences("approved")

    def test_a_failed_activity_says_why(self):
        told = event("failed", "run_agent failed on attempt 3: payment refused by the bank")
        assert told.failed
        assert told.kind == "ActivityTaskFailed"
        assert told.took > timedelta(seconds=1)

    def test_a_timed_out_activity_says_which_limit(self):
        expected = "slow_report timed out on attempt 1: activity StartToClose timeout"
        assert event("failed", expected).failed

    def test_a_cancelled_activity_is_no_failure(self):
        assert not event("cancelled", "wait_long cancelled on attempt 1").failed
        assert "wait_long was asked to cancel" in sentences("cancelled")

    def test_a_local_activity_is_named_from_its_marker(self):
        told = event("approved", "verify completed on attempt 1 (Check the signature)")
        assert told.category == "local activity"

    def test_a_failed_local_activity_says_why(self):
        assert event("approved", "remember failed on attempt 1: database is locked").failed

    def test_a_fired_timer_says_so(self):
        assert "Timer Reminder fired" in sentences("approved")

    def test_a_cancelled_timer_keeps_its_summary(self):
        told = sentences("cancelled")
        assert "Timer Deadline started for 2 h" in told
        assert "Timer Deadline cancelled" in told

    def test_a_child_workflow_tells_its_id(self):
        told = sentences("approved")
        assert "Child workflow LedgerEntry asked for as ledger-pay-1042" in told
        assert "Child workflow LedgerEntry completed" in told

    def test_a_failed_child_workflow_says_why(self):
        assert event("failed", "Child workflow LedgerEntry failed: ledger is closed").failed

    def test_an_update_is_told_in_two_steps(self):
        told = sentences("approved")
        assert told.index("Update ask accepted") < told.index("Update ask completed")

    def test_a_cancel_request_says_who(self):
        assert "Cancel requested by worker-1@host" in sentences("cancelled")

    def test_a_termination_says_who_and_why(self):
        expected = "Workflow terminated by worker-1@host: Wrong vendor"
        assert sentences("terminated")[-1] == expected

    def test_a_patch_is_named(self):
        assert "Patch second-look noted" in sentences("approved")

    def test_workflow_tasks_can_be_told_apart(self):
        told = timeline.events(history("approved"))
        tasks = [each for each in told if each.category == "workflow task"]
        assert {each.kind for each in tasks} == {
            "WorkflowTaskScheduled",
            "WorkflowTaskStarted",
            "WorkflowTaskCompleted",
        }
        assert not any(each.group for each in tasks)

    def test_an_event_whose_beginning_was_not_read_still_speaks(self):
        last = [each for each in history("approved") if each.event_id > 42]
        told = [each.sentence for each in timeline.events(last)]
        assert told[0] == "Activity completed"

    def test_an_event_type_from_a_newer_server_still_speaks(self):
        told = timeline.events([HistoryEvent(event_id=3, event_type=4711)])[0]
        assert told.sentence == "An event of type 4711, newer than this page"
        assert told.kind == "EventType4711"

    def test_a_known_type_without_a_sentence_is_humanised(self):
        kind = "EVENT_TYPE_WORKFLOW_EXECUTION_TIME_SKIPPING_TRANSITIONED"
        told = timeline.events([HistoryEvent(event_type=kind)])[0]
        assert told.sentence == "Workflow execution time skipping transitioned"

    def test_a_missing_moment_is_the_epoch(self):
        assert timeline.events([HistoryEvent()])[0].at == datetime(1970, 1, 1, tzinfo=UTC)


class TestDecisions:
    def test_an_unverified_decision_is_only_a_claim(self):
        assert "Signal decide: approve, signed as Lena Ortiz" in sentences("running")

    def test_a_decision_that_was_verified_is_told_as_a_fact(self):
        assert "Lena Ortiz approved through signal decide" in sentences("approved")

    def test_a_refused_decision_says_why(self):
        told = [each for each in sentences("approved") if "refused" in each]
        assert told == [
            "Signal decide: reject, signed as Mei \\u202eChen\\u0007, "
            "refused: Mei asked for this herself"
        ]

    def test_a_ruling_speaks_for_one_signal_only(self):
        recorded = history("approved")
        again = [each for each in recorded if each.event_id == 14]
        told = [each.sentence for each in timeline.events(recorded + again)]
        assert told.count("Lena Ortiz approved through signal decide") == 1
        assert told[-1] == "Signal decide: approve, signed as Lena Ortiz"

    def test_a_ruling_does_not_speak_for_another_verdict(self):
        ruling = {
            "decision_id": "d-1",
            "signature": "c2ln",
            "refusal": "",
            "reviewer": "Lena Ortiz",
            "verdict": "reject",
        }
        verified = marker(b'{"activity_type": "verify"}', json.dumps([ruling]).encode())
        claim = signal(payload(json.dumps(envelope()).encode()))
        told = timeline.events([claim, verified])[0].sentence
        assert told == "Signal decide: approve, signed as Lena Ortiz"

    @pytest.mark.parametrize(
        "value",
        [
            {"approved": True},
            {"body": envelope()["body"]},
            envelope() | {"signature": ""},
            envelope() | {"key_id": 7},
            envelope(verdict="yes"),
            envelope(verdict=["approve"]),
            envelope(reviewer="Lena Ortiz"),
            envelope(reviewer={"name": {}}),
            "approve",
            None,
            [],
        ],
    )
    def test_a_malformed_decision_is_none(self, value):
        assert said(value) == "Signal decide that carries no decision"

    def test_two_arguments_are_no_decision(self):
        good = payload(json.dumps(envelope()).encode())
        told = timeline.events([signal(good, good)])[0].sentence
        assert told == "Signal decide that carries no decision"

    def test_a_long_comment_does_not_hide_the_decision(self):
        told = said(envelope(comment="long " * 2000))
        assert told == "Signal decide: approve, signed as Lena Ortiz"

    def test_an_identity_does_not_pass_for_a_reviewer(self):
        one = [signal(name="nudge", identity="Lena Ortiz")]
        assert timeline.events(one)[0].sentence == "Signal nudge arrived from client Lena Ortiz"
        assert timeline.groups(one)[0].note == "Signal from client Lena Ortiz"


class TestGroups:
    def test_rows_come_in_order_of_beginning(self):
        names = [each.name for each in timeline.groups(history("approved"))]
        assert names[0] == "open_approval"
        assert names[-1] == "LedgerEntry"
        began = [each.began for each in timeline.groups(history("approved"))]
        assert began == sorted(began)

    def test_an_activity_is_one_row(self):
        names = [each.name for each in timeline.groups(history("approved"))]
        assert names.count("notify_reviewers") == 1
        assert group("approved", "notify_reviewers").note == "Activity, 2 s, attempt 3"

    def test_an_unfinished_activity_is_running(self):
        row = group("running", "notify_reviewers")
        assert (row.state, row.ended, row.note) == ("running", None, "Activity, running")

    def test_a_failed_activity_is_failed(self):
        row = group("failed", "run_agent")
        assert row.state == "failed"
        assert row.note == "Activity, 2 s, failed, attempt 3"

    def test_a_timed_out_activity_is_told_from_a_failed_one(self):
        assert group("failed", "slow_report").state == "timed out"

    def test_a_fired_timer_says_how_long_it_was(self):
        row = group("approved", "Reminder")
        assert (row.category, row.state) == ("timer", "fired")
        assert row.note == "Timer, 300 ms, fired"

    def test_a_running_timer_says_when_it_fires(self):
        timer = next(each for each in history("cancelled") if each.event_id == 7)
        timer.event_time.FromDatetime(datetime(2026, 11, 24, 12, 30, tzinfo=UTC))
        row = timeline.groups([timer])[0]
        assert row.note == "Timer, fires 24 Nov 14:30 UTC"
        assert row.due == datetime(2026, 11, 24, 14, 30, tzinfo=UTC)

    def test_a_timer_that_fires_next_year_says_so(self):
        timer = next(each for each in history("cancelled") if each.event_id == 7)
        timer.event_time.FromDatetime(datetime(2026, 12, 31, 23, 0, tzinfo=UTC))
        assert timeline.groups([timer])[0].note == "Timer, fires 1 Jan 2027 01:00 UTC"

    def test_a_cancelled_timer_is_cancelled(self):
        assert group("cancelled", "Deadline").note == "Timer, 2 h, cancelled"

    def test_a_timer_without_a_summary_is_named_by_its_id(self):
        timer = next(each for each in history("cancelled") if each.event_id == 7)
        timer.ClearField("user_metadata")
        assert timeline.groups([timer])[0].name == "Timer 1"

    def test_a_signal_is_an_instant(self):
        row = next(each for each in timeline.groups(history("running")) if each.name == "decide")
        assert (row.category, row.state, row.began) == ("signal", "instant", row.ended)
        assert row.note == "Signal signed as Lena Ortiz"

    def test_a_signal_that_was_verified_names_the_reviewer(self):
        assert group("approved", "decide").note == "Signal from Lena Ortiz"

    def test_an_update_is_one_row(self):
        row = group("approved", "ask")
        assert (row.category, row.state) == ("update", "completed")

    def test_a_child_workflow_is_one_row(self):
        assert group("approved", "LedgerEntry").category == "child workflow"
        assert group("failed", "LedgerEntry").state == "failed"

    def test_a_local_activity_without_a_length_claims_none(self):
        assert group("approved", "verify").note == "Local activity"
        assert group("approved", "remember").note == "Local activity, failed"

    def test_a_local_activity_began_before_its_marker(self):
        clock = '{{"seconds": {}, "nanos": 500000000}}'
        data = f"""{{"activity_type": "verify", "attempt": 1, "original_schedule_time":
            {clock.format(100)}, "complete_time": {clock.format(102)}}}"""
        first = HistoryEvent(event_id=1)
        first.event_time.seconds = 90
        recorded = marker(data.encode())
        recorded.event_time.seconds = 103
        row = timeline.groups([first, recorded])[0]
        assert row.ended - row.began == timedelta(seconds=2)

    def test_what_a_dead_workflow_left_open_has_ended(self):
        row = group("terminated", "Deadline")
        assert row.ended is not None
        assert row.note == "Timer, 2 h, cancelled, the workflow ended"

    def test_a_child_that_was_left_alone_goes_on(self):
        recorded = history("approved")
        begun = next(each for each in recorded if each.event_id == 70)
        child = begun.start_child_workflow_execution_initiated_event_attributes
        child.parent_close_policy = "PARENT_CLOSE_POLICY_ABANDON"
        assert timeline.groups([begun, recorded[-1]])[0].state == "running"

    def test_workflow_tasks_make_no_rows(self):
        categories = {each.category for each in timeline.groups(history("approved"))}
        assert "workflow task" not in categories


class TestApprovals:
    TITLE = "Pay €48,200.00 to Norrland Timber AB"

    def test_a_wait_begins_when_the_approval_is_open(self):
        row = group("running", self.TITLE)
        assert (row.category, row.state, row.note) == ("approval", "running", "Waiting on people")
        assert row.due == datetime(2027, 1, 4, 14, 30, tzinfo=UTC)

    def test_a_wait_ends_when_its_outcome_is_published(self):
        row = group("approved", self.TITLE)
        assert row.state == "completed"
        assert row.note.startswith("Approved after ")
        assert row.ended == group("approved", "publish").began

    def test_a_wait_ends_with_its_workflow(self):
        killed = [*history("running"), history("terminated")[-1]]
        row = next(each for each in timeline.groups(killed) if each.category == "approval")
        assert row.state == "cancelled"
        assert row.note.endswith(", the workflow ended")

    def test_an_approval_as_a_child_tells_its_outcome(self):
        row = group("approved", "Book the payment")
        assert row.category == "approval"
        assert row.note.startswith("Rejected after ")


class TestStatus:
    @pytest.mark.parametrize(
        ("name", "word", "sentence"),
        [
            ("approved", "completed", "Workflow completed"),
            ("running", "running", "Workflow is running"),
            ("cancelled", "cancelled", "Workflow cancelled"),
            ("terminated", "terminated", "Workflow terminated by worker-1@host: Wrong vendor"),
            ("timed-out", "timed out", "Workflow timed out"),
            ("continued", "continued as new", "Workflow continued as new"),
            ("failed", "failed", "Workflow failed: payment refused by the bank"),
        ],
    )
    def test_an_ending_has_a_word_and_a_sentence(self, name, word, sentence):
        status = timeline.status(history(name))
        assert (status.word, status.sentence) == (word, sentence)

    def test_a_failure_tells_its_causes_outermost_first(self):
        assert timeline.status(history("failed")).causes == [
            "Activity task failed",
            "payment refused by the bank",
            "account NO-17 is closed",
        ]

    def test_the_stack_is_the_root_causes(self):
        stack = timeline.status(history("failed")).stack
        assert stack.endswith('raise ValueError("account NO-17 is closed")\n')

    def test_an_empty_history_is_running(self):
        assert timeline.status([]).word == "running"
        assert timeline.events([]) == timeline.groups([]) == []

    def test_a_failure_without_a_message_still_says_something(self):
        assert timeline.failure_chain(Failure()) == ["Failed without a message"]

    def test_an_endless_chain_is_cut(self):
        outer = Failure()
        inner = outer
        for _ in range(60):
            inner = inner.cause
            inner.message = "again"
        assert len(timeline.failure_chain(outer)) == timeline.CAUSES


class TestAttributes:
    def shown(self, one):
        return timeline.events([signal(one)])[0].attributes["input"]

    def test_json_is_decoded(self):
        assert self.shown(payload(b'{"a": [1, null]}')) == [{"a": [1, None]}]

    def test_a_large_payload_is_shown_as_its_size(self):
        assert self.shown(payload(b'"' + b"x" * 1_000_000 + b'"')) == ["(1.0 MB)"]

    def test_what_is_not_json_is_shown_as_its_size(self):
        assert self.shown(payload(b"{oops")) == ["(5 bytes, not JSON)"]
        assert self.shown(payload(b"\xff\xfe")) == ["(2 bytes, not JSON)"]
        assert self.shown(payload(b"[" * 4000)) == ["(4.0 KB, not JSON)"]

    def test_an_unknown_encoding_is_named(self):
        assert self.shown(payload(b"abc", b"binary/encrypted")) == ["(3 bytes, binary/encrypted)"]
        assert self.shown(Payload(data=b"abc")) == ["(3 bytes, no encoding)"]

    def test_null_is_null(self):
        assert self.shown(payload(b"", b"binary/null")) == [None]

    def test_numbers_that_json_cannot_hold_become_text(self):
        assert self.shown(payload(b"[NaN, 1e999]")) == [["NaN", "inf"]]

    def test_enums_and_lengths_read_as_words(self):
        attributes = event("cancelled", "Timer Deadline started for 2 h").attributes
        assert attributes["start_to_fire_timeout"] == "2 h"
        scheduled = timeline.events(history("approved"))[1].attributes
        assert scheduled["task_queue"]["kind"] == "TASK_QUEUE_KIND_NORMAL"

    @pytest.mark.parametrize("name", NAMES)
    def test_every_recorded_event_is_json(self, name):
        for each in timeline.events(history(name)):
            json.dumps(each.attributes, allow_nan=False)
            assert each.at.tzinfo is UTC


class TestVisible:
    def test_plain_text_stays(self):
        assert timeline.visible("Zoë – 李 – مها – 48 200 €") == "Zoë – 李 – مها – 48 200 €"

    def test_what_hides_or_reorders_is_shown(self):
        assert timeline.visible("a\u202eb\u200b\x00\n\u2066") == r"a\u202eb\u200b\u0000\u000a\u2066"
        assert timeline.visible("\ud800\U000e0041") == r"\ud800\U000e0041"
        assert timeline.visible("\u3164") == r"\u3164"

    def test_wanted_line_breaks_stay(self):
        assert timeline.visible("a\nb", keep="\n") == "a\nb"

    def test_long_text_is_cut_and_no_escape_with_it(self):
        assert timeline.visible("x" * 1_000_000, 5) == "xxxxx…"
        assert timeline.visible("xx\u202e", 5) == "xx…"
        assert timeline.visible("xxxxx", 5) == "xxxxx"


class TestSpan:
    @pytest.mark.parametrize(
        ("seconds", "words"),
        [
            (0, "under 1 ms"),
            (0.031, "31 ms"),
            (0.9999, "1 s"),
            (2.1, "2.1 s"),
            (59.99, "1 min"),
            (303, "5 min 3 s"),
            (7200, "2 h"),
            (16560, "4 h 36 min"),
            (266400, "3 d 2 h"),
            (3601, "1 h"),
        ],
    )
    def test_a_length_has_its_largest_units(self, seconds, words):
        assert timeline.span(timedelta(seconds=seconds)) == words


def read(events):
    for each in timeline.events(events):
        json.dumps(each.attributes, allow_nan=False).encode()
        each.sentence.encode()
        assert len(each.sentence) < 2000
    for each in timeline.groups(events):
        assert each.ended is None or each.ended >= each.began
    timeline.status(events)


class TestHostileHistories:
    @settings(max_examples=100, deadline=None)
    @given(st.lists(st.binary(max_size=400), max_size=5))
    def test_random_bytes_never_raise(self, blobs):
        events = []
        for blob in blobs:
            one = HistoryEvent()
            try:
                one.ParseFromString(blob)
            except Exception:  # not an event at all
                one = HistoryEvent(event_type=len(blob))
            events.append(one)
        read(events)

    @settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(st.sampled_from(NAMES), st.data())
    def test_mutated_histories_never_raise(self, name, data):
        events = data.draw(st.permutations(history(name)))
        for one in events[: data.draw(st.integers(0, 5))]:
            mutate(one, data)
        read(events)

    @pytest.mark.parametrize("number", range(70))
    def test_any_event_may_claim_to_follow_an_approval(self, number):
        opening = "EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_INITIATED"
        approval = HistoryEvent(event_id=1, event_type=opening)
        asked = approval.start_child_workflow_execution_initiated_event_attributes
        asked.workflow_type.name = contract.APPROVAL
        following = HistoryEvent(event_id=2, event_type=number)
        for field in following.DESCRIPTOR.fields:
            for name in ("initiated_event_id", "scheduled_event_id"):
                if field.name.endswith("_attributes") and name in field.message_type.fields_by_name:
                    claiming = HistoryEvent()
                    claiming.CopyFrom(following)
                    setattr(getattr(claiming, field.name), name, 1)
                    read([approval, claiming])

    @pytest.mark.parametrize("number", range(-1, 70))
    def test_any_event_type_without_attributes_never_raises(self, number):
        read([HistoryEvent(event_id=1, event_type=number)])

    @settings(deadline=None)
    @given(
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
            lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        )
    )
    def test_any_json_in_a_decision_or_marker_never_raises(self, value):
        text = json.dumps(value).encode()
        wrapped = json.dumps(
            {"activity_type": "verify", "attempt": value, "complete_time": value}
        ).encode()
        read([signal(payload(text)), marker(text, text), marker(wrapped, text)])

    def test_moments_out_of_range_never_raise(self):
        one = history("cancelled")
        for each in one:
            each.event_time.seconds = 2**62
            each.timer_started_event_attributes.start_to_fire_timeout.seconds = -(2**62)
        read(one)
        moment = 86_400_000_000_000
        data = {
            "activity_type": "verify",
            "original_schedule_time": {"seconds": -moment, "nanos": 0},
            "complete_time": {"seconds": moment, "nanos": 0},
        }
        read([marker(json.dumps(data).encode())])


def mutate(message, data):
    """Change one field of `message`, as deep as the draw goes."""
    held = [field for field, _ in message.ListFields()]
    if not held:
        return
    field = data.draw(st.sampled_from(held))
    value = getattr(message, field.name)
    if hasattr(value, "ListFields") and data.draw(st.booleans()):
        mutate(value, data)
    elif isinstance(value, str):
        setattr(message, field.name, data.draw(st.sampled_from(["", "\u202e\x00", "x" * 100_000])))
    elif isinstance(value, bytes):
        setattr(message, field.name, data.draw(st.binary(max_size=50)))
    elif type(value) is int and not field.enum_type:
        setattr(message, field.name, data.draw(st.integers(0, 2**31 - 1)))
    else:
        message.ClearField(field.name)


def test_the_module_loads_without_django():
    code = "import sys, orchestrator.timeline; sys.exit('django' in sys.modules)"
    root = Path(__file__).parents[2]
    assert subprocess.run([sys.executable, "-c", code], cwd=root, check=False).returncode == 0
