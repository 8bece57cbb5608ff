"""How work runs: workflows, the worker, and the one door to Temporal."""
