"""Evaluates CEL in processes of its own, which are ended when an expression takes too much.

The library cannot be stopped, and holds Python's lock while it works: in this process, one bad rule
would stand in everybody's way. Ten characters (`x.map(…)`) over a payload of 256 KiB take minutes.
"""

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.conf import settings

SECONDS = 3.0  # of computing, for all rules of one request
PATIENCE = 20.0  # of waiting, on a machine that is too busy to compute
AT_ONCE = 2  # processes

Answer = dict[str, Any]  # `value`, or `error` with `text`; of `look`: `variables`, `functions`
STOPPED, TOO_LARGE = "Stopped", "TooLarge"


class Unavailable(Exception):
    """Nothing was evaluated, and that was not the rules' fault."""


def evaluate(expressions: list[str], variables: dict[str, Any]) -> list[Answer]:
    """One answer for each; none after one that was stopped. Raises Unavailable."""
    return _ask({"expressions": expressions, "variables": variables}) if expressions else []


def look(expressions: list[str]) -> list[Answer]:
    """What each refers to, or why it cannot be read. Raises Unavailable."""
    return _ask({"expressions": expressions}) if expressions else []


class Child:
    """One such process. Its input ends with ours, and then it ends too."""

    def __init__(self) -> None:
        program = Path(__file__).with_name("child.py")
        self.process = subprocess.Popen(  # noqa: S603 - our own program
            [sys.executable, "-P", str(program)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={"PYTHONPATH": str(settings.BASE_DIR), "LANG": "C.UTF-8"},
            start_new_session=True,  # Ctrl-C is for us
        )
        self.read = b""
        self.answers = select.poll()
        self.answers.register(self.process.stdout or 0, select.POLLIN)

    @property
    def alive(self) -> bool:
        return self.process.poll() is None

    def ask(self, question: dict[str, Any]) -> list[Answer]:
        until = time.monotonic() + PATIENCE
        assert self.process.stdin  # noqa: S101 - it was asked for
        self.process.stdin.write(json.dumps({"seconds": SECONDS, **question}).encode() + b"\n")
        self.process.stdin.flush()
        answers: list[Answer] = []
        while len(answers) < len(question["expressions"]):
            line = self._line(until)
            if line is None:
                answers.append(self._ended())
                break
            answers.append(json.loads(line))
        return answers

    def _line(self, until: float) -> bytes | None:
        """The next one; None where the process has ended."""
        assert self.process.stdout  # noqa: S101
        while b"\n" not in self.read:
            left = until - time.monotonic()
            if left <= 0 or not self.answers.poll(1000 * left):
                raise Unavailable("The machine is too busy to evaluate rules.")
            piece = os.read(self.process.stdout.fileno(), 65536)
            if not piece:
                return None
            self.read += piece
        line, _newline, self.read = self.read.partition(b"\n")
        return line

    def _ended(self) -> Answer:
        code = self.process.wait(PATIENCE)
        if code in (-signal.SIGPROF, -signal.SIGABRT, -signal.SIGSEGV, 1):
            return {"error": STOPPED if code == -signal.SIGPROF else TOO_LARGE, "text": ""}
        raise Unavailable(f"The process that evaluates rules ended by itself ({code}).")

    def end(self) -> None:
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            with contextlib.suppress(OSError):
                pipe.close()  # type: ignore[union-attr]


class Children:
    """A few of them, each for one thread at a time."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """After a fork they are the parent's."""
        self.idle: list[Child] = []
        self.turns = threading.BoundedSemaphore(AT_ONCE)

    @contextlib.contextmanager
    def one(self) -> Iterator[Child]:
        if not self.turns.acquire(timeout=PATIENCE):
            raise Unavailable("Too many requests wait for their rules.")
        try:
            child = self._living()
            try:
                yield child
            except BaseException:
                child.end()
                raise
            if child.alive:
                self.idle.append(child)
            else:
                child.end()
        finally:
            self.turns.release()

    def _living(self) -> Child:
        while self.idle:
            child = self.idle.pop()
            if child.alive:
                return child
            child.end()
        return Child()


_children = Children()
os.register_at_fork(after_in_child=_children.forget)


def _ask(question: dict[str, Any]) -> list[Answer]:
    try:
        with _children.one() as child:
            return child.ask(question)
    except (OSError, subprocess.SubprocessError) as error:
        raise Unavailable(f"The process that evaluates rules cannot be reached: {error}") from error
