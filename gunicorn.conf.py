"""How gunicorn serves the site; GUNICORN_CMD_ARGS overrides any of it ("--bind 0.0.0.0:8000")."""

import os
from pathlib import Path

wsgi_app = "orchestrator.wsgi"
bind = f"127.0.0.1:{os.environ.get('PORT') or 8000}"

# Pages are short and wait for the database, so threads serve many people in the memory of one
# process. Nothing is loaded before the fork: a Temporal client does not survive one.
worker_class = "gthread"
workers = int(os.environ.get("WEB_CONCURRENCY") or 1)
threads = 8
preload_app = False

# A click waits 2 s for Temporal at most, so whoever is being served when the site stops gets
# the answer; what takes longer is cut off.
graceful_timeout = 10
timeout = 30

# Addresses, headers and cookies of this site are short; Django limits bodies to 1 MiB.
limit_request_line = 4094
limit_request_fields = 60
limit_request_field_size = 8190

# The heartbeat file on a slow disk would make a healthy process look hung.
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108

# One way in only: nobody steers the server through a socket in the home directory.
control_socket_disable = True


def post_worker_init(worker):
    """The application is loaded, and what comes now are requests."""
    from orchestrator import garbage

    garbage.look_seldom()
