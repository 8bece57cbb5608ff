"""Measure how fast a click becomes an effect, and print one table.

It starts a Temporal server, the site and a worker of its own, on free ports and in a folder of
its own under var/, and stops them at the end. Nothing else of this checkout is read or written.
docs/benchmarks.md says what each figure means and how it is taken.
"""

import argparse
import asyncio
import os
import signal
import sys
from dataclasses import dataclass

from temporalio.client import Client

from bench import chromium, clicks, pages, report, throughput
from bench.processes import REVIEWERS, BenchError, Desk, desk
from bench.table import Results, draw
from orchestrator.embedded import EmbeddedServerError


@dataclass(frozen=True)
class Sizes:
    """How much is measured."""

    samples: int
    decisions: int
    seen: int
    waiting: list[int]
    requests: int


FULL = Sizes(samples=200, decisions=400, seen=100, waiting=[100, 10_000, 100_000], requests=200)
QUICK = Sizes(samples=20, decisions=40, seen=10, waiting=[100, 1000], requests=20)


def main() -> None:
    arguments = parser().parse_args()
    # As after Ctrl-C: what was started is stopped, and its folder removed.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        print(run(arguments))
    except (BenchError, EmbeddedServerError) as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit(130)


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        prog="python -m bench",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="Ratios count; absolute figures are this machine's, with whatever else it does.",
    )
    made.add_argument(
        "--quick",
        action="store_true",
        help="20 samples instead of 200, in half a minute: whether it works, not how fast it is",
    )
    made.add_argument(
        "--write",
        action="store_true",
        help="put the table into docs/benchmarks.md too",
    )
    return made


def run(arguments: argparse.Namespace) -> str:
    sizes = QUICK if arguments.quick else FULL
    say("Starting Temporal, the site and the workers …")
    with desk() as started:
        about = report.machine(started.folder)
        table = draw(asyncio.run(measure(started, sizes)))
    text = f"{table}\n\n{about}"
    if arguments.write:
        report.write(text)
    return text


async def measure(started: Desk, sizes: Sizes) -> Results:
    say(f"{sizes.samples} clicks, {sizes.samples} signals of the raw floor …")
    clicked = await clicks.measure(started, sizes.samples)
    say(f"{sizes.decisions} decisions by {REVIEWERS} reviewers at once …")
    busy = await throughput.measure(started, sizes.decisions)
    seen = await decisions_seen(started, sizes.seen)
    memory = {"worker": started.memory("worker")}
    # The worker would find out that no workflow waits for a seeded row, and close it.
    for name in ("worker", "floor"):
        started.stop(name)
    say(f"The inbox with up to {sizes.waiting[-1]:,} waiting approvals …")
    inbox = pages.measure(started, sizes.waiting, sizes.requests)
    return Results(clicked, busy, seen, inbox, {"site": started.memory("site"), **memory})


async def decisions_seen(started: Desk, count: int) -> list[float]:
    """Empty where there is no browser."""
    if why := chromium.missing():
        say(f"No decision is watched in a browser. {why}")
        return []
    say(f"{count} decisions in Chromium …")
    more = count + chromium.WARM_UP + 1  # one stays: after the last there is a next
    await clicks.start_tasks(await Client.connect(started.temporal), more, "seen")
    started.ask("waiting", str(more))
    return await asyncio.to_thread(chromium.measure, started, count)


def say(words: str) -> None:
    print(words, file=sys.stderr, flush=True)


if __name__ == "__main__":
    code: int | str | None = 0
    try:
        main()
    except SystemExit as leaving:
        code = leaving.code
        if isinstance(code, str):
            say(code)
    sys.stdout.flush()
    # A process that used a Temporal client crashes now and then while the interpreter shuts down.
    os._exit(code if isinstance(code, int) else bool(code))
