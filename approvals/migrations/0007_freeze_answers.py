"""What else is signed with a decision is frozen too."""

from typing import Any

from django.db import migrations

DECISION = "approvals_decision"
SIGNED = (
    "id, approval_id, reviewer_id, verdict, comment, decided_at, channel, key, retracts_id, "
    "envelope, stage, on_behalf_of_id, option, form, edits"
)

# Django makes the table anew on SQLite for a new column, and the triggers go with the old one.
SQLITE = [
    f"DROP TRIGGER IF EXISTS {DECISION}_keep",
    f"DROP TRIGGER IF EXISTS {DECISION}_freeze",
    f"CREATE TRIGGER {DECISION}_keep BEFORE DELETE ON {DECISION} "
    f"BEGIN SELECT RAISE(ABORT, '{DECISION} is append-only'); END",
    f"CREATE TRIGGER {DECISION}_freeze BEFORE UPDATE OF {SIGNED} ON {DECISION} "
    f"BEGIN SELECT RAISE(ABORT, '{DECISION} is append-only'); END",
]

POSTGRESQL = [
    f"DROP TRIGGER IF EXISTS refuse_update ON {DECISION}",
    f"CREATE TRIGGER refuse_update BEFORE UPDATE OF {SIGNED} ON {DECISION} "
    "FOR EACH ROW EXECUTE FUNCTION approvals_append_only()",
]


def freeze(apps: Any, editor: Any) -> None:
    for statement in {"sqlite": SQLITE, "postgresql": POSTGRESQL}[editor.connection.vendor]:
        editor.execute(statement, params=None)


class Migration(migrations.Migration):
    dependencies = [("approvals", "0006_rules")]
    operations = [
        migrations.RunPython(freeze, migrations.RunPython.noop),
    ]
