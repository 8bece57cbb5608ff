"""The desk's fixtures; a busy machine is no reason for hypothesis to fail."""

from hypothesis import settings

from tests.desk import desk, keys, people, worker

__all__ = ["desk", "keys", "people", "worker"]

settings.register_profile("patient", deadline=None)
settings.load_profile("patient")
