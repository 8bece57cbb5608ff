"""Who goes first where site, worker, Temporal and perhaps the browser share processors."""

import os
import time
from contextlib import suppress
from pathlib import Path

# A quarter of the processor time where what people wait for wants all of it, too: sched(7).
NICE = 5
TRIES = 10


def give_way(pid: int | None = None) -> None:
    """Lower the priority of this process, or of the group that `pid` leads: people wait for pages.

    A priority that somebody chose (`nice`, systemd's `Nice=`) stays, as does any where the system
    refuses. Where Linux shares processor time among sessions, nice counts within each only ("The
    autogroup feature" in sched(7)): who leads a session gives it the same. A terminal's session
    has another leader, and other things run in it.
    """
    whom = (os.PRIO_PROCESS, os.getpid()) if pid is None else (os.PRIO_PGRP, pid)
    with suppress(OSError):
        nice = os.getpriority(*whom) or NICE
        os.setpriority(*whom, nice)
        if nice > 0 and os.getsid(whom[1]) == whom[1]:
            _share_less(Path(f"/proc/{whom[1]}/autogroup"), nice)


def _share_less(session: Path, nice: int) -> None:
    """Linux takes one such change every tenth of a second from all who are not root."""
    for _ in range(TRIES):
        try:
            session.write_text(str(nice))
        except BlockingIOError:
            time.sleep(0.1)
        else:
            return
