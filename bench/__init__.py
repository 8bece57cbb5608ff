"""How fast a click becomes an effect: `python -m bench --help`, docs/benchmarks.md."""
