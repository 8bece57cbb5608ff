"""manage.py policy"""

import json
import sys
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from approvals.commands import reviewer
from approvals.models.policy import NOTE_LENGTH, PolicyVersion, Superseded
from approvals.policy.differences import changes, ended
from approvals.policy.draft import Draft
from approvals.policy.simulator import MOST, Simulation
from approvals.policy.table import Table, in_force, numbered
from approvals.policy.written import LONGEST, written
from orchestrator.commands import DeskCommand, add_json, refuse_if_read_only


class Command(DeskCommand):
    help = "The rules that look at requests before people do: as YAML out, and in."

    def add_arguments(self, parser: CommandParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True, metavar="export|import|check|…")
        export = verbs.add_parser("export", help="the rules in force, as YAML")
        export.add_argument("--version", type=int, dest="number", help="of an earlier version")
        put = verbs.add_parser("import", help="makes a new version of what FILE says")
        put.add_argument("file", help="YAML; - reads the standard input")
        put.add_argument("--dry-run", action="store_true", help="only say what would change")
        put.add_argument("--note", default="", help="why, for those who come later")
        put.add_argument("--as", dest="user", default="", metavar="USER", help="an administrator")
        verbs.add_parser("check", help="says what is wrong with FILE").add_argument("file")
        add_json(verbs.add_parser("list", help="all versions, newest first"))
        simulate = verbs.add_parser(
            "simulate", help="what FILE would have decided; changes nothing"
        )
        simulate.add_argument("file", nargs="?", help="YAML; without it the rules in force")
        simulate.add_argument("--last", type=int, default=MOST, metavar="N", help="requests")
        add_json(simulate)

    def work(self, **options: Any) -> None:
        getattr(self, f"_{options['verb']}")(**options)

    def _export(self, number: int | None, **options: Any) -> None:
        table = in_force() if number is None else numbered(number)
        if table is None:
            raise CommandError(f"There is no version {number}. See: manage.py policy list")
        self.stdout.write(
            written(table.rules, f"Version {table.number}, {table.sha256}"), ending=""
        )

    def _check(self, file: str, **options: Any) -> None:
        draft = _draft(file)
        self.stdout.write(f"{file} is fit. Rules: {len(draft.rules)}.")

    def _import(self, file: str, **options: Any) -> None:
        draft, now = _draft(file), in_force()
        said = [str(each) for each in changes(now.rules, draft.rules)]
        for line in said:
            self.stdout.write(line)
        if warning := ended(now, draft.rules):
            self.stdout.write(warning)
        if not said:
            self.stdout.write("Nothing differs from the rules in force; nothing was saved.")
        elif options["dry_run"]:
            self.stdout.write("Nothing was saved: this was a dry run.")
        else:
            self._save(draft, now, said, options)

    def _save(self, draft: Draft, now: Table, said: list[str], options: dict[str, Any]) -> None:
        refuse_if_read_only()
        by, note = reviewer(options["user"]), options["note"]
        if not by.is_superuser:
            raise CommandError(f"{by.username} is no administrator. Say who is: --as USER")
        if len(note) > NOTE_LENGTH:
            raise CommandError(f"--note has {len(note)} characters; {NOTE_LENGTH} are allowed.")
        try:
            rules = draft.table.stored
            version = PolicyVersion.make(rules, after=now.number, by=by, note=note, changes=said)
        except Superseded as error:
            raise CommandError(f"{error} Nothing was saved.") from error
        self.stdout.write(f"Version {version.number} is in force.")

    def _list(self, as_json: bool, **options: Any) -> None:
        names = ("number", "made_at", "made_by_name", "sha256", "note")
        rows = list(PolicyVersion.objects.values(*names))
        if as_json:
            listed = [{**each, "made_at": each["made_at"].isoformat()} for each in rows]
            self.stdout.write(json.dumps(listed))
            return
        for each in rows:
            when = f"{each['made_at']:%Y-%m-%d %H:%M}"
            line = f"{each['number']:>4}  {when}  {each['made_by_name']:<12}  {each['note']}"
            self.stdout.write(line.rstrip())
        if not rows:
            self.stdout.write("No version yet: the built-in rules are in force.")

    def _simulate(self, file: str | None, last: int, as_json: bool, **options: Any) -> None:
        if not 1 <= last <= MOST:
            raise CommandError(f"--last must be a whole number from 1 to {MOST}.")
        table = _draft(file).table if file else in_force()
        simulation = Simulation.of(table, last)
        if as_json:
            self.stdout.write(json.dumps(simulation.stored()))
            return
        for line in simulation.lines():
            self.stdout.write(line)


def _draft(file: str) -> Draft:
    """What FILE says. Raises CommandError with every fault."""
    try:
        text = sys.stdin.read(LONGEST + 1) if file == "-" else Path(file).read_text("utf-8")
    except (OSError, ValueError) as error:
        raise CommandError(f"{file} cannot be read: {error}") from error
    draft = Draft.read(text)
    if draft.faults:
        raise CommandError("\n".join([f"{file} is not fit:", *map(str, draft.faults)]))
    return draft
