"""A log formatter that keeps one event on one line, whatever a payload smuggles in."""

import logging
import re

# C0 and C1 controls, line separators, bidirectional overrides and zero-width characters.
UNSAFE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")
LONGEST = 4000


class OneLine(logging.Formatter):
    """Formats as usual; control characters of the message become visible escapes.

    Tracebacks keep their lines: they are written by Python, not by a caller.
    """

    def formatMessage(self, record: logging.LogRecord) -> str:
        record.message = escape(record.message)
        return super().formatMessage(record)


def escape(text: str) -> str:
    """`text` with everything that could forge or hide a log line made visible."""
    text = text[:LONGEST].replace("\n", "\\n").replace("\t", "\\t")
    return UNSAFE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
