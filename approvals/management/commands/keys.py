"""manage.py keys"""

import os
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from orchestrator import signing


class Command(BaseCommand):
    help = (
        "Make the signing key of the desk if there is none. --rotate signs with a new one (what "
        "earlier keys signed stays valid). With workers on other machines: --prepare first, copy "
        "the key ring to them, then --rotate. --revoke ID makes a key's signatures worthless; "
        "--list shows all."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--prepare", action="store_true", help="make the next key, for later")
        parser.add_argument("--rotate", action="store_true", help="sign with a new key from now on")
        parser.add_argument("--revoke", metavar="ID", help="believe nothing this key signed")
        parser.add_argument("--list", action="store_true", help="show the ring's public keys")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["revoke"]:
            self._revoke(options["revoke"])
        elif options["list"]:
            self._list()
        elif os.environ.get("SIGNING_KEY"):
            self.stdout.write("The signing key comes from SIGNING_KEY; nothing was made.")
        elif options["prepare"]:
            name = signing.prepare_key(settings.VAR)
            self.stdout.write(f"Made key {name}. When all workers have the ring: keys --rotate")
        elif options["rotate"] or not (settings.VAR / signing.PRIVATE_FILE).exists():
            name = signing.create_key(settings.VAR)
            self.stdout.write(f"Made signing key {name} in {settings.VAR}.")
        else:
            self.stdout.write("There is a signing key already; --rotate makes a new one.")

    def _revoke(self, name: str) -> None:
        try:
            signing.revoke_key(settings.VAR, name)
        except KeyError:
            raise CommandError(f"The ring has no key {name}. See: manage.py keys --list") from None
        self.stdout.write(f"Key {name} is revoked: workers refuse what it signed.")

    def _list(self) -> None:
        for name, key in signing.read_ring(settings.VAR).items():
            state = f"revoked {key['revoked_at']}" if key["revoked_at"] else "valid"
            self.stdout.write(f"{name}  made {key['made_at']}  {state}")
