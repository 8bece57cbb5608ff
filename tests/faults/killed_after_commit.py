"""gunicorn.conf.py for a test: the site dies between the commit and the signal."""

from pathlib import Path

exec((Path(__file__).resolve().parents[2] / "gunicorn.conf.py").read_text())  # noqa: S102


def post_worker_init(worker: object) -> None:
    import os
    import signal

    from approvals.models import Decision

    Decision.depart = lambda self: os.killpg(os.getpgid(0), signal.SIGKILL)  # type: ignore
