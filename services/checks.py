"""What people type, checked before anything is asked or written: lines, addresses, zones, times. Pure."""

import difflib
import re
import unicodedata
from datetime import UTC, datetime, timedelta
from functools import cache
from urllib.parse import SplitResult, urlsplit
from zoneinfo import available_timezones

from services.errors import Invalid

LONGEST_EMAIL = 254
LONGEST_ZONE = 64
#: of a 32-bit primary key: what is above cannot be asked for, only refused
HIGHEST_ID = 2**31 - 1
#: years in which a show can be planned; beyond them a time is a slip of the finger
FIRST_YEAR, LAST_YEAR = 2000, 2100
#: in the zone database, and no place on earth
NO_PLACES = frozenset({"Factory", "localtime", "posixrules"})
CONTINENTS = ("Africa", "America", "Antarctica", "Asia", "Atlantic", "Australia", "Europe", "Indian", "Pacific")
#: control characters, halves of characters (bytes that are no UTF-8), line and paragraph separators
UNPRINTABLE = frozenset({"Cc", "Cs", "Zl", "Zp"})
#: spaces, marks that stand on another character, and what only says how others are shown, such as their direction
UNSEEN = frozenset({"Zs", "Mn", "Cf"})
#: letters and a symbol that are drawn as nothing: fillers of Hangul, and Braille without a dot
BLANK = frozenset("\u115f\u1160\u3164\uffa0\u2800")

# One mailbox: nothing that a mail header would read as more than an address.
_EMAIL = re.compile(r"[^\s@\"(),:;<>\[\]\\]{1,64}@(?:[^\W_](?:[\w-]{0,61}[^\W_])?\.)+[^\W_](?:[\w-]{0,61}[^\W_])?")


def one_line(what: str, text: str, longest: int) -> str:
    """One line of text without spaces around it, composed (NFC). `what` names it in the sentence, as "the name"."""
    line = unicodedata.normalize("NFC", text).strip(" ")
    if any(unicodedata.category(character) in UNPRINTABLE for character in line):
        raise Invalid(f"{_first(what)} contains characters that cannot be shown, such as a line break.")
    line = line.strip()
    if not line:
        raise Invalid(f"{_first(what)} is empty.")
    if all(character in BLANK or unicodedata.category(character) in UNSEEN for character in line):
        raise Invalid(f"{_first(what)} has nothing in it that can be seen.")
    if len(line) > longest:
        raise Invalid(f"{_first(what)} has {len(line)} characters. At most {longest} fit.")
    return line


def several_lines(what: str, text: str, longest: int) -> str:
    """Text of any number of lines, composed (NFC), each ended by a line feed. Empty is fine."""
    lines = unicodedata.normalize("NFC", text.replace("\r\n", "\n").replace("\r", "\n").replace("\t", " ")).strip()
    if any(character != "\n" and unicodedata.category(character) in UNPRINTABLE for character in lines):
        raise Invalid(f"{_first(what)} contain characters that cannot be shown.")
    if len(lines) > longest:
        raise Invalid(f"{_first(what)} have {len(lines)} characters. At most {longest} fit.")
    return lines


def web_address(what: str, text: str, longest: int) -> str:
    """A http or https address that people can follow; nothing of it is ever fetched."""
    address = one_line(what, text, longest)
    try:
        parts = urlsplit(address)
    except ValueError:
        parts = SplitResult("", "", "", "", "")
    is_plain = not parts.username and not parts.password and " " not in address and "\\" not in address
    if parts.scheme not in ("http", "https") or not parts.hostname or not is_plain:
        raise Invalid(f"{_first(what)} must be an address like https://example.com/show.")
    return address


def email_address(text: str) -> str:
    """An address in lower case, so that one mailbox is one user."""
    address = unicodedata.normalize("NFC", text).strip(" ").lower()
    if any(unicodedata.category(character) in UNPRINTABLE for character in address):
        raise Invalid("The e-mail address contains characters that cannot be shown.")
    if len(address) > LONGEST_EMAIL:
        raise Invalid(f"The e-mail address has {len(address)} characters. At most {LONGEST_EMAIL} fit.")
    if not _EMAIL.fullmatch(address):
        raise Invalid(f"“{shown(text)}” is no e-mail address. Write it like ada@example.com.")
    return address


def zone_name(text: str) -> str:
    """The IANA name of a zone that was typed as its name or as a city of it, whatever the case and the spaces.

    Invalid for what names no zone, or more than one: the sentence then says which ones there are.
    """
    name = text.strip()
    if name in _zones():
        return name
    wanted = _compared(name)
    meant = [zone for zone in sorted(_zones()) if _compared(zone) == wanted] or _zones_of_city(wanted)
    if len(meant) == 1:
        return meant[0]
    close = meant or difflib.get_close_matches(name[:LONGEST_ZONE], _zones(), n=1)
    hint = f"Did you mean {' or '.join(close)}?" if close else "Write it like Europe/Berlin."
    raise Invalid(f"There is no time zone “{shown(text)}”. {hint}")


def _zones_of_city(wanted: str) -> list[str]:
    return [zone for zone in places() if wanted and _compared(zone).endswith(f"/{wanted}")]


def _compared(name: str) -> str:
    return "_".join(name[: LONGEST_ZONE + 1].replace("_", " ").split()).casefold()


@cache
def places() -> tuple[str, ...]:
    """The zones that people live in, to choose from; zone_name takes the old and odd names too."""
    return ("UTC", *sorted(name for name in _zones() if name.partition("/")[0] in CONTINENTS))


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones()) - NO_PLACES


def instant(what: str, text: str) -> datetime:
    """An ISO 8601 time with its offset. Never guesses a zone: Invalid says how to write it."""
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise Invalid(
            f"{_first(what)} “{shown(text)}” is no time. Write it like 2030-01-31T20:00+01:00, or with Z for UTC."
        ) from None
    if moment.tzinfo is None:
        example = moment.isoformat(timespec="minutes")
        raise Invalid(
            f"{_first(what)} {example} does not say in which zone. "
            f"Add the offset, for example {example}+01:00, or {example}Z for UTC."
        )
    return plausible(what, moment)


def plausible(what: str, moment: datetime) -> datetime:
    """The same instant in UTC. Refuses naive ones, and years in which nobody plans a show."""
    if moment.tzinfo is None:
        raise Invalid(f"{_first(what)} does not say in which zone. Add the offset, for example +01:00, or Z for UTC.")
    # A day at either end may not exist in UTC, so it is the written year that is compared.
    if not FIRST_YEAR <= moment.year <= LAST_YEAR or abs(moment.utcoffset() or timedelta()) > timedelta(hours=14):
        raise Invalid(f"{_first(what)} must be between the years {FIRST_YEAR} and {LAST_YEAR}, in a zone that exists.")
    return moment.astimezone(UTC)


def shown(text: str, longest: int = 60) -> str:
    """What was typed, safe to repeat in a sentence: one line, printable, not too long."""
    printable = "".join(c if unicodedata.category(c) not in UNPRINTABLE else "?" for c in text[: longest + 1].strip())
    return f"{printable[:longest]}…" if len(printable) > longest else printable


def _first(what: str) -> str:
    return what[:1].upper() + what[1:]
