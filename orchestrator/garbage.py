"""How often a process that lives long looks for garbage."""

import gc

NEW_OBJECTS = 10_000  # Python's own 700 would mean several looks in each answer


def look_seldom() -> None:
    """What is loaded by now stays for good and is not looked through again.

    A page makes many objects for a moment, and counting references frees nearly all of them. To
    look for the rest as often as Python does by itself takes a fifth of the time of an answer.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(NEW_OBJECTS, 5, 5)
