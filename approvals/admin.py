"""Raw tables for superusers: people are changed here, what happened never is."""

import json
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from approvals.filters import as_uuid
from approvals.hidden import veils
from approvals.models import (
    Approval,
    AuditEntry,
    Decision,
    Delegation,
    Kind,
    LinkedIdentity,
    PolicyCheck,
    PolicyVersion,
    Preference,
    Queue,
    WorkflowRun,
)

admin.site.site_header = admin.site.site_title = "Countersign"
admin.site.index_title = "Administration"
admin.site.site_url = "/inbox/"


@admin.register(LinkedIdentity)
class LinkedIdentityAdmin(admin.ModelAdmin):
    list_display = ["name", "user"]
    list_select_related = ["user"]
    search_fields = ["name", "user__username"]
    autocomplete_fields = ["user"]


@admin.register(Delegation)
class DelegationAdmin(admin.ModelAdmin):
    list_display = ["away", "to", "starts", "ends"]
    list_select_related = ["away", "to"]
    filter_horizontal = ["queues"]


class Indented(forms.JSONField):
    """JSON as people write it."""

    def prepare_value(self, value: Any) -> Any:
        if isinstance(value, str):  # typed, and refused
            return value
        return json.dumps(value, indent=2, ensure_ascii=False)


class KindForm(forms.ModelForm):
    schema = Indented(
        label=_("schema"),
        widget=forms.Textarea({"rows": 24, "cols": 90, "spellcheck": "false"}),
        help_text=_(
            "JSON Schema of the payload, an object. `title` names a field, `description` helps, "
            "`default` fills it in, `format` says how it is typed and shown: money, iban, date, "
            "date-time, uri, email, markdown, code. `writeOnly` hides it from everybody, "
            "`contentEncoding: base64` makes it a file. "
            "`x-order` lists the fields in their order."
        ),
    )


@admin.register(Kind)
class KindAdmin(admin.ModelAdmin):
    form = KindForm
    list_display = ["name", "slug", "queue", "risk", "due_seconds", "active"]
    list_filter = ["active", "queue"]
    list_select_related = ["queue"]
    search_fields = ["name", "slug", "description"]

    # What is hidden is hidden by the slug of a kind: it neither changes nor goes away.
    actions = None

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return ["slug"] if obj else []

    def get_prepopulated_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return {} if obj else {"slug": ["name"]}

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        hidden = obj is not None and bool(veils(obj.schema))
        return super().has_delete_permission(request, obj) and not hidden


@admin.register(Preference)
class PreferenceAdmin(admin.ModelAdmin):
    list_display = ["user", "theme", "time_zone", "shortcuts", "auto_advance"]
    list_select_related = ["user"]
    search_fields = ["user__username"]
    autocomplete_fields = ["user"]


class ReadOnly(admin.ModelAdmin):
    """To look at; workflows and people's clicks are the only writers."""

    list_per_page = 50
    show_full_result_count = False
    actions = None

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


@admin.register(Queue)
class QueueAdmin(ReadOnly):
    """To look at: queues are changed under /queues/, with a difference and an audit entry."""

    list_display = ["name", "slug", "quorum", "due_seconds", "on_timeout"]
    search_fields = ["name", "slug"]


@admin.register(Approval)
class ApprovalAdmin(ReadOnly):
    list_display = ["title", "queue", "state", "requester", "opened_at", "closed_at"]
    list_filter = ["state", "queue", "risk"]
    list_select_related = ["queue"]
    search_fields = ["title", "key", "workflow_id", "run_id", "requester"]
    ordering = ["-opened_at"]

    def get_exclude(self, request: HttpRequest, obj: Any = None) -> Any:
        """Without the payloads of a kind that hides something."""
        return ["payload", "previous", "as_asked"] if obj and veils(*obj.veils()) else None


@admin.register(Decision)
class DecisionAdmin(ReadOnly):
    list_display = ["approval", "reviewer", "verdict", "decided_at", "delivery", "tries", "trouble"]
    list_filter = ["verdict", "channel"]
    list_select_related = ["approval", "reviewer"]
    search_fields = ["approval__title", "reviewer__username", "comment"]
    ordering = ["-decided_at"]


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnly):
    list_display = ["at", "actor_name", "action", "approval", "workflow_id"]
    list_filter = ["action"]
    list_select_related = ["approval"]
    search_fields = ["actor_name", "action", "workflow_id", "approval__title"]
    date_hierarchy = None


@admin.register(WorkflowRun)
class WorkflowRunAdmin(ReadOnly):
    list_display = ["workflow_id", "workflow_type", "title", "requester", "started_at", "verdict"]
    list_filter = ["verdict", "workflow_type"]
    search_fields = ["workflow_id", "run_id", "title", "requester"]


@admin.register(PolicyVersion)
class PolicyVersionAdmin(ReadOnly):
    list_display = ["number", "made_at", "made_by_name", "note", "sha256"]
    search_fields = ["made_by_name", "note", "sha256"]


@admin.register(PolicyCheck)
class PolicyCheckAdmin(ReadOnly):
    list_display = ["at", "run", "verdict", "rule", "version"]
    list_filter = ["verdict"]
    list_select_related = ["run"]
    search_fields = ["run__workflow_id", "run__run_id"]

    def get_exclude(self, request: HttpRequest, obj: Any = None) -> Any:
        """Without what was asked, where its kind, or that of what it revises, hides something."""
        if obj is None:
            return None
        revises = as_uuid(obj.request.get("revises", ""))
        revised = Approval.objects.filter(pk__in=[revises] if revises else [])
        kinds = [obj.request.get("kind", ""), *revised.values_list("kind", flat=True)]
        schemas = Kind.objects.filter(slug__in=kinds).values_list("schema", flat=True)
        return ["request"] if veils(*schemas) else None
