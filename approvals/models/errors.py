"""Why something was not recorded: facts, told in the reader's words."""


class NotDecided(Exception):
    """A decision was not recorded; the message says why in the reader's words."""


class AlreadyDecided(NotDecided):
    """Somebody was first, or the time is over."""


class Changed(NotDecided):
    """What the person saw is not what is asked any more."""


class Unreadable(NotDecided):
    """The payload is not in the shape that its kind promises, so nobody can know what it says."""


class NotYours(NotDecided):
    """This person may not decide this approval."""


class TooSoon(NotDecided):
    """It was done a moment ago."""


class Incomplete(NotDecided):
    """A field is missing; `field` names it."""

    field = "comment"
