"""Each approval keeps what policy said of it; of each run the last word was kept until now."""

from typing import Any

import django.db.models.deletion
from django.db import migrations, models

ASKS = ("queue", "quorum", "groups", "risk", "stages", "due_seconds", "warning")


def fill(apps: Any, editor: Any) -> None:
    """That word is of the approval that opened last; what its rules ask is in their version."""
    approvals = apps.get_model("approvals", "Approval").objects
    versions = apps.get_model("approvals", "PolicyVersion").objects
    tables = {each.number: {rule["name"]: rule for rule in each.rules} for each in versions.all()}
    checks = apps.get_model("approvals", "PolicyCheck").objects.select_related("run")
    for check in list(checks.defer("request", "asks")):
        of_run = approvals.filter(run_id=check.run.run_id).order_by("-opened_at")
        check.approval_id = of_run.values_list("pk", flat=True).first()
        check.rule, check.reason = check.run.rule, check.run.reason
        table = tables.get(check.version, {})
        for said in check.rules:
            rule = table.get(said["name"], {})
            said["asks"] = {name: rule[name] for name in ASKS if name in rule}
        check.save(update_fields=["approval", "rule", "reason", "rules"])


def last_words(apps: Any, editor: Any) -> None:
    """Back: a run has room for one."""
    checks, seen = apps.get_model("approvals", "PolicyCheck").objects, set()
    for pk, run in list(checks.order_by("-at", "-pk").values_list("pk", "run")):
        if run in seen:
            checks.filter(pk=pk).delete()
        seen.add(run)
    editor.connection.check_constraints()  # now: then PostgreSQL alters the table


class Migration(migrations.Migration):
    dependencies = [("approvals", "0011_queue_quick_reasons")]

    operations = [
        # PostgreSQL alters no table in a transaction that has changed its rows.
        migrations.AddField(
            "policycheck",
            "approval",
            models.OneToOneField(
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="policy",
                to="approvals.approval",
            ),
        ),
        migrations.AddField(
            "policycheck",
            "rule",
            models.CharField(blank=True, default="", max_length=100),
            preserve_default=False,
        ),
        migrations.AddField(
            "policycheck",
            "reason",
            models.CharField(blank=True, default="", max_length=500),
            preserve_default=False,
        ),
        migrations.AlterField(
            "policycheck",
            "run",
            models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="checks",
                to="approvals.workflowrun",
            ),
        ),
        migrations.RunPython(fill, last_words),
    ]
