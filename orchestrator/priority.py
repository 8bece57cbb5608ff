"""Who goes first where site, worker, Temporal and perhaps the browser share processors."""

import os
import time
from contextlib import suppress
from pathlib import Path

# A quarter of the processor time where what people wait for wants all of it, too: sched(7).
NICE = 5
TRIES = 10


def give_way(pid: int | None = None) -> None:
    """Lower the priority of this process, or of `pid`: people wait for pages and not for it.

    A priority that somebody chose (`nice`, systemd's `Nice=`) stays, as does any where the system
    refuses. Where Linux shares processor time among sessions, nice counts within each only, and
    the session gets its own ("The autogroup feature" in sched(7)); but not a terminal's session,
    in which other things run.
    """
    pid = pid or os.getpid()
    with suppress(OSError):
        leads = os.getsid(pid) == pid
        whom = (os.PRIO_PGRP if leads else os.PRIO_PROCESS, pid)
        if os.getpriority(*whom) == 0:
            os.setpriority(*whom, NICE)
            if leads:
                _share_less(Path(f"/proc/{pid}/autogroup"))


def _share_less(session: Path) -> None:
    """Linux takes one such change every tenth of a second from all who are not root."""
    for _ in range(TRIES):
        try:
            session.write_text(str(NICE))
        except BlockingIOError:
            time.sleep(0.1)
        else:
            return
