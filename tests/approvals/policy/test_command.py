"""manage.py policy: rules out, and in."""

import io
import json
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from approvals.doctor import examine
from approvals.models import AuditEntry, Decision, PolicyVersion
from approvals.policy.draft import Draft
from tests.approvals.policy.tables import allow, ask, deny
from tests.approvals.policy.test_simulator import everything
from tests.desk import a_row

YAML = "rules:\n  - {name: small, then: allow, when: \"title == 'x'\", owner: finance}\n"


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "policy.yaml"
    path.write_text(YAML)
    return path


@pytest.fixture
def kim(people):
    people.mei.is_superuser = True
    people.mei.save()
    return people.mei


def said(capsys, *words) -> str:
    call_command("policy", *words)
    return capsys.readouterr().out


class TestExport:
    def test_is_what_is_in_force(self, use, capsys):
        use(deny("title == 'a'", owner="finance"))
        version = use(allow("title == 'b'"))
        text = said(capsys, "export")
        assert text.startswith(f"# Version 2, {version.sha256}\nrules:\n")
        assert Draft.read(text).rules == [allow("title == 'b'")]

    def test_of_an_earlier_version(self, use, capsys):
        use(deny("title == 'a'"))
        use(allow())
        assert Draft.read(said(capsys, "export", "--version", "1")).rules == [deny("title == 'a'")]
        assert "no-forbidden-tasks" in said(capsys, "export", "--version", "0")
        with pytest.raises(CommandError, match="There is no version 9"):
            call_command("policy", "export", "--version", "9")


class TestImport:
    def test_makes_a_version_and_says_what_changed(self, kim, file, capsys):
        text = said(capsys, "import", str(file), "--as", "mei", "--note", "Small ones pass.")
        assert text.splitlines() == [
            "Added small: allow when title == 'x'",
            r"Removed no-forbidden-tasks: deny when task.matches('(?i)^\\s*forbidden')",
            "The built-in rule no-forbidden-tasks no longer holds then. "
            "Put it into the draft to keep it.",
            "Version 1 is in force.",
        ]
        version = PolicyVersion.objects.get()
        assert (version.made_by, version.note) == (kim, "Small ones pass.")
        entry = AuditEntry.objects.get(action="policy changed")
        assert entry.detail["changes"] == text.splitlines()[:2]

    def test_of_what_is_in_force_changes_nothing(self, kim, use, capsys, monkeypatch):
        use(allow("title == 'x'"))
        monkeypatch.setattr("sys.stdin", io.StringIO(said(capsys, "export")))
        before = everything()
        assert "Nothing differs" in said(capsys, "import", "-", "--as", "mei")
        assert everything() == before

    def test_says_nothing_of_built_in_rules_where_they_stay_or_are_gone(self, kim, file, capsys):
        built_in = said(capsys, "export")
        file.write_text(built_in + YAML.removeprefix("rules:\n"))
        assert "no longer holds" not in said(capsys, "import", str(file), "--as", "mei")
        file.write_text(YAML)
        text = said(capsys, "import", str(file), "--dry-run")
        assert "Removed no-forbidden-tasks" in text
        assert "no longer holds" not in text  # it is a rule of theirs by now

    def test_is_refused_in_read_only_mode(self, kim, file, settings):
        settings.READ_ONLY = True
        before = everything()
        with pytest.raises(CommandError, match="read-only"):
            call_command("policy", "import", str(file), "--as", "mei")
        assert everything() == before

    def test_dry_run_changes_nothing(self, kim, file, capsys):
        before = everything()
        text = said(capsys, "import", str(file), "--dry-run")
        assert "Added small" in text
        assert text.endswith("Nothing was saved: this was a dry run.\n")
        assert everything() == before

    @pytest.mark.parametrize(
        ("words", "error"),
        [
            (["--as", "lena"], "lena is no administrator."),
            (["--as", "nobody"], "There is no active user nobody."),
            (["--as", "mei", "--note", "x" * 501], "500 are allowed."),
        ],
    )
    def test_is_for_administrators(self, kim, file, words, error):
        with pytest.raises(CommandError, match=error):
            call_command("policy", "import", str(file), *words)
        assert not PolicyVersion.objects.exists()

    def test_of_faults_names_them_all_and_saves_nothing(self, kim, file):
        file.write_text(
            "rules:\n  - name: a\n    then: x\n  - name: b\n    when: '('\n    then: ask"
        )
        for verb in ("import", "check", "simulate"):
            with pytest.raises(CommandError) as failed:
                call_command("policy", verb, str(file))
            lines = str(failed.value).splitlines()
            assert lines[0] == f"{file} is not fit:"
            assert [each[:7] for each in lines[1:]] == ["Line 3:", "Line 5:"]
        assert not PolicyVersion.objects.exists()

    def test_of_no_file(self, kim):
        with pytest.raises(CommandError, match="cannot be read"):
            call_command("policy", "import", "/nowhere/policy.yaml")


def test_check_says_that_a_file_is_fit(db, file, capsys):
    assert said(capsys, "check", str(file)) == f"{file} is fit. Rules: 1.\n"


def test_list_names_the_versions(use, capsys):
    assert said(capsys, "list") == "No version yet: the built-in rules are in force.\n"
    use(deny(), note="First")
    use(allow())
    lines = said(capsys, "list").splitlines()
    assert [each.split()[0] for each in lines] == ["2", "1"]
    assert lines[1].endswith("First")
    rows = json.loads(said(capsys, "list", "--json"))
    assert [each["number"] for each in rows] == [2, 1]


def test_doctor_names_rules_that_the_desk_has_outgrown(use, capsys):
    use(
        ask("true", "gone", queue="archive"),
        allow("title == 'x'", "old", expires="2026-01-31"),
    )
    told = [each for each in examine() if "olicy" in each.about or "Rule" in each.about]
    assert [each.about for each in told] == [
        "Policy: There is no queue `archive`.",
        "Rule old expired on 2026-01-31.",
    ]
    assert not any(each.fatal for each in told)
    use(deny())
    assert "Policy: version 2 has 1 rule." in [each.about for each in examine()]


def test_doctor_counts_in_plain_words(people, capsys):
    about = [each.about for each in examine()]
    assert "Policy: the built-in table has 1 rule." in about
    assert "Queue general: 3 reviewers, 1 must approve." in about
    assert "No decision waits for its workflow." in about
    assert any(each.endswith(": all migrations are applied.") for each in about)
    assert any(each.endswith(" is in the ring of 1 key.") for each in about)
    people.general.reviewers.set([people.mei])
    row = a_row(people)
    row.decide(people.mei, "approve")
    Decision.objects.update(decided_at=timezone.now() - timedelta(minutes=2))
    told = {each.about: each for each in examine()}
    assert "Queue general: 1 reviewer, 1 must approve." in told
    waits = told["1 decision waited for more than a minute to be applied."]
    assert waits.advice
    assert not waits.fatal
