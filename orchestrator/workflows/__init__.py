"""Workflows: deterministic, and free of Django."""
