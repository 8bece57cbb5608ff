"""The desk's fixtures."""

from tests.desk import clock, desk, keys, noon, people, worker

__all__ = ["clock", "desk", "keys", "noon", "people", "worker"]
