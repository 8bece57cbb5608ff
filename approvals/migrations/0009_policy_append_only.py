"""The database itself refuses to alter a version of the policy, or to take one away."""

from typing import Any

from django.db import migrations

TABLE = "approvals_policyversion"

SQLITE = [
    f"CREATE TRIGGER {TABLE}_{name} BEFORE {event} ON {TABLE} "
    f"BEGIN SELECT RAISE(ABORT, '{TABLE} is append-only'); END"
    for name, event in (("keep", "DELETE"), ("freeze", "UPDATE"))
]
# A function of its own: `demo clear` takes away the other one, and its triggers, for a moment.
POSTGRESQL = [
    "CREATE FUNCTION approvals_policy_kept() RETURNS trigger LANGUAGE plpgsql AS $$ "
    "BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME; END $$",
    f"CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE ON {TABLE} "
    "FOR EACH ROW EXECUTE FUNCTION approvals_policy_kept()",
]
UNDO_SQLITE = [f"DROP TRIGGER {TABLE}_{name}" for name in ("keep", "freeze")]
UNDO_POSTGRESQL = ["DROP FUNCTION approvals_policy_kept() CASCADE"]


def apply(apps: Any, editor: Any) -> None:
    for statement in {"sqlite": SQLITE, "postgresql": POSTGRESQL}[editor.connection.vendor]:
        editor.execute(statement, params=None)


def undo(apps: Any, editor: Any) -> None:
    both = {"sqlite": UNDO_SQLITE, "postgresql": UNDO_POSTGRESQL}
    for statement in both[editor.connection.vendor]:
        editor.execute(statement, params=None)


class Migration(migrations.Migration):
    dependencies = [("approvals", "0008_policy")]
    operations = [migrations.RunPython(apply, undo)]
