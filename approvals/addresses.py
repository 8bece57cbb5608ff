"""Where an address leads, and what about it may deceive a reader."""

import re
from urllib.parse import urlsplit

from django.utils.translation import gettext as _

LINK = re.compile(r"https?://[^\s<>\"]+", re.IGNORECASE)


def host_doubt(address: str) -> str:
    """What may deceive a reader about where `address` leads, in a sentence; empty for nothing."""
    try:
        parts = urlsplit(address)
        host = parts.hostname or ""
    except ValueError:
        return _("The address cannot be read.")
    if "\\" in address or "%" in parts.netloc:
        return _("The address cannot be read.")
    if "@" in parts.netloc:
        return _("It leads to %s: what stands before the @ is only a name.") % host
    if host.isascii() and not any(each.startswith("xn--") for each in host.split(".")):
        return ""
    return _("Its host has letters beyond a to z, which may look like others: %s") % _other(host)


def _other(host: str) -> str:
    """The host as machines write it; of one that is written so, what people would read."""
    try:
        if host.isascii():
            return f"{host} = {host.encode().decode('idna')}"
        return f"{host} = {host.encode('idna').decode()}"
    except UnicodeError:
        return host
