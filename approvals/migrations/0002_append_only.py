"""The database itself refuses to alter what was decided and what was audited."""

from typing import Any

from django.db import migrations

DECISION = "approvals_decision"
AUDIT = "approvals_auditentry"
COMMENT = "approvals_comment"
# Delivery stamps the other columns.
SIGNED = "id, approval_id, reviewer_id, verdict, comment, decided_at, channel, key, retracts_id, envelope"

SQLITE = [
    f"CREATE TRIGGER {table}_{name} BEFORE {event} ON {table} "
    f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
    for table, name, event in (
        (DECISION, "keep", "DELETE"),
        (DECISION, "freeze", f"UPDATE OF {SIGNED}"),
        (AUDIT, "keep", "DELETE"),
        (AUDIT, "freeze", "UPDATE"),
        (COMMENT, "keep", "DELETE"),
        (COMMENT, "freeze", "UPDATE"),
    )
]

POSTGRESQL = [
    "CREATE FUNCTION approvals_append_only() RETURNS trigger LANGUAGE plpgsql AS $$ "
    "BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME; END $$",
    f"CREATE TRIGGER refuse_delete BEFORE DELETE ON {DECISION} "
    "FOR EACH ROW EXECUTE FUNCTION approvals_append_only()",
    f"CREATE TRIGGER refuse_update BEFORE UPDATE OF {SIGNED} ON {DECISION} "
    "FOR EACH ROW EXECUTE FUNCTION approvals_append_only()",
    *(
        f"CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE ON {table} "
        "FOR EACH ROW EXECUTE FUNCTION approvals_append_only()"
        for table in (AUDIT, COMMENT)
    ),
]

UNDO_SQLITE = [
    f"DROP TRIGGER {table}_{name}"
    for table in (DECISION, AUDIT, COMMENT)
    for name in ("keep", "freeze")
]
UNDO_POSTGRESQL = ["DROP FUNCTION approvals_append_only() CASCADE"]


def apply(apps: Any, editor: Any) -> None:
    for statement in {"sqlite": SQLITE, "postgresql": POSTGRESQL}[editor.connection.vendor]:
        editor.execute(statement, params=None)


def undo(apps: Any, editor: Any) -> None:
    both = {"sqlite": UNDO_SQLITE, "postgresql": UNDO_POSTGRESQL}
    for statement in both[editor.connection.vendor]:
        editor.execute(statement, params=None)


class Migration(migrations.Migration):
    dependencies = [("approvals", "0001_initial")]
    operations = [migrations.RunPython(apply, undo)]
