"""The engine's side as a Django app: its commands, no tables."""

from django.apps import AppConfig


class OrchestratorConfig(AppConfig):
    name = "orchestrator"
