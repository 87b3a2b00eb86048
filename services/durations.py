"""How long something took or lasts, in words: the one way in which all pages and messages write it. Pure.

What is counted in a chart or a file stays a plain number, with its unit in the head. How long ago something was, and
the clock of what is on air, are written elsewhere: they go on while somebody reads them.
"""

from datetime import timedelta

MINUTE, HOUR, DAY = 60, 3_600, 86_400
#: from when on (in seconds), in what, and what is left over in what
_STEPS = ((2 * DAY, DAY, "d", HOUR, "h"), (HOUR, HOUR, "h", MINUTE, "min"), (MINUTE, MINUTE, "min", 1, "s"))
#: below it tenths are told, in seconds
_SMALL = 10


def duration(length: timedelta | float) -> str:
    """ "6.2 s", "48 s", "3 min 20 s", "1 h 5 min", "2 d 3 h": of a span, or of so many seconds.

    Never below zero: two clocks differ by a little.
    """
    seconds = max(0.0, length.total_seconds() if isinstance(length, timedelta) else length)
    tenths = round(seconds, 1)
    if tenths < _SMALL:
        return f"{tenths:g} s"
    whole = round(seconds)
    for least, size, name, rest_size, rest_name in _STEPS:
        if whole >= least:
            rest = whole % size // rest_size
            return f"{whole // size:,} {name}" + (f" {rest} {rest_name}" if rest else "")
    return f"{whole} s"
