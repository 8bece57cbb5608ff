"""What must be true for the desk to work, checked one by one."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

from approvals.models import Decision, Queue
from approvals.policy.draft import Draft
from approvals.policy.judging import today
from approvals.policy.table import in_force
from approvals.policy.written import written
from orchestrator import client, signing


@dataclass(frozen=True)
class Finding:
    """`advice` says what to do; empty where nothing is wrong. `fatal`: the desk cannot work."""

    about: str
    advice: str = ""
    fatal: bool = True


def examine() -> Iterator[Finding]:
    """Every check's findings, in the order in which to mend them."""
    for check in (_mode, _database, _keys, _temporal, _worker, _queues, _policy, _outbox):
        try:
            yield from check()
        except DatabaseError as error:
            yield Finding(f"The database does not answer: {error}", "Check DATABASE_URL.")
            return


def _mode() -> Iterator[Finding]:
    if settings.READ_ONLY:
        about = "The desk is read-only: nobody can decide, start or change anything."
        yield Finding(about, "To end that: unset READ_ONLY, restart the site.", fatal=False)


def _database() -> Iterator[Finding]:
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    advice = "Run: manage.py migrate" if plan else ""
    state = f"{_counted(len(plan), 'migration')} to apply" if plan else "all migrations are applied"
    yield Finding(f"Database {connection.vendor}: {state}.", advice)


def _keys() -> Iterator[Finding]:
    try:
        signer = signing.Signer.load(settings.VAR)
        ring = signing.KeyRing.load(settings.VAR)
    except signing.NoKey as error:
        yield from _keyless(error)
        return
    name = signing.key_id(signer.private.public_key())
    if name not in ring.keys or ring.keys[name][1]:
        yield Finding(
            f"Workers do not believe the signing key {name}.", "Run: manage.py keys --rotate"
        )
    else:
        yield Finding(f"Signing key {name} is in the ring of {_counted(len(ring.keys), 'key')}.")
    path = settings.VAR / signing.PRIVATE_FILE
    if path.exists() and path.stat().st_mode & 0o077:
        yield Finding(f"{path} can be read by others.", f"Run: chmod 600 {path}")


def _keyless(error: signing.NoKey) -> Iterator[Finding]:
    """A machine that only runs workers has the ring alone, and must not make a key."""
    if signing.read_ring(settings.VAR):
        about = "A key ring and no signing key: workers can run on this machine, not the site."
        yield Finding(about, "The site's machine holds the key.", fatal=False)
    else:
        yield Finding(str(error), "Run: manage.py keys")


def _temporal() -> Iterator[Finding]:
    try:
        client.worker_seen()
    except client.Unreachable as error:
        yield Finding(str(error), "Start it (manage.py temporal), or set TEMPORAL_ADDRESS.")
        return
    yield Finding(f"Temporal answers at {client.address()}.")
    if not client.authenticated():
        yield Finding(
            "Temporal takes calls without a key or certificate: whoever reaches it can stop "
            "workflows (nobody can approve that way).",
            "Keep it on 127.0.0.1 or a private network, or use mTLS or an API key.",
            fatal=False,
        )


def _worker() -> Iterator[Finding]:
    try:
        seen = client.worker_seen()
    except client.Unreachable:
        return
    yield Finding(
        "A worker asks for work." if seen else "No worker asks for work.",
        "" if seen else "Run: manage.py worker",
    )


def _queues() -> Iterator[Finding]:
    queues = list(Queue.objects.all())
    if not queues:
        yield Finding("There is no queue.", "Make one in /admin/, or run: manage.py demo people")
    for queue in queues:
        able = queue.people().count()
        short = able < queue.quorum
        yield Finding(
            f"Queue {queue.slug}: {_counted(able, 'reviewer')}, {queue.quorum} must approve.",
            "Add reviewers in /admin/." if short else "",
        )


def _policy() -> Iterator[Finding]:
    """Rules that were fit when they were saved, on a desk that has changed since."""
    table, day = in_force(), today()
    faults = Draft.read(written(table.rules)).faults
    for fault in faults:
        yield Finding(f"Policy: {fault.words}", "Change the rules: /policy/draft/", fatal=False)
    for rule in table.rules:
        if rule.is_expired(day):
            advice = "Renew or remove it: /policy/draft/"
            yield Finding(f"Rule {rule.name} expired on {rule.expires}.", advice, fatal=False)
    if not faults:
        which = f"version {table.number}" if table.number else "the built-in table"
        yield Finding(f"Policy: {which} has {_counted(len(table.rules), 'rule')}.")


def _outbox() -> Iterator[Finding]:
    since = timezone.now() - timedelta(minutes=1)
    late = Decision.objects.undelivered().filter(decided_at__lt=since).count()
    if not late:
        yield Finding("No decision waits for its workflow.")
        return
    yield Finding(
        f"{_counted(late, 'decision')} waited for more than a minute to be applied.",
        "See that Temporal and a worker run: then what was recorded is delivered.",
        fatal=False,
    )


def _counted(number: int, thing: str) -> str:
    """1 rule, 2 rules, no rules."""
    return f"{number or 'no'} {thing}{'' if number == 1 else 's'}"
