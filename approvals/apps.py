"""The people's side as a Django app."""

from django.apps import AppConfig


class ApprovalsConfig(AppConfig):
    name = "approvals"
