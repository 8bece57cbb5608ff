"""The desk's fixtures."""

from tests.desk import desk, keys, people, worker

__all__ = ["desk", "keys", "people", "worker"]
