"""What the three YouTube clients share: asking, reading single fields of foreign data, and the words for a failed look.

Nothing here trusts what arrives: every reader takes any object and returns a plain value or None.
"""

import re
import unicodedata
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from services.clients.http import Answer, Http
from services.errors import Invalid, Outcome, Refused

TITLE_LENGTH = 300

#: The ids as yt-dlp knows them; ASCII on purpose, they end up in URLs.
VIDEO_ID = re.compile(r"[0-9A-Za-z_-]{11}")
CHANNEL_ID = re.compile(r"UC[0-9A-Za-z_-]{22}")

#: Cause → (sentence, whether repeating cannot help).
FAILURES: Mapping[str, tuple[str, bool]] = {
    "youtube_unreachable": ("YouTube could not be reached.", False),
    "youtube_error": ("YouTube has trouble of its own right now.", False),
    "youtube_odd_answer": ("YouTube's answer could not be read.", False),
    "youtube_quota": ("Today's YouTube units are used up.", False),
    "youtube_rate": ("YouTube asks us to slow down.", False),
    "youtube_key": ("YouTube does not accept the API key.", True),
    "youtube_no_uploads": ("YouTube shows no uploads list for this channel.", False),
    "youtube_feed": ("The channel's feed is broken at the moment.", False),
    "youtube_consent": ("YouTube shows its consent page instead of the channel.", False),
    "youtube_bot_check": ("YouTube asks us to prove that we are no robot.", False),
    "youtube_refused": ("YouTube refused the question.", False),
}

_INSTANT = re.compile(r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(?:\.(\d{1,20}))?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
_DURATION = re.compile(
    r"P(?:(\d{1,6})W)?(?:(\d{1,6})D)?(?:T(?:(\d{1,6})H)?(?:(\d{1,6})M)?(?:(\d{1,9})(?:\.\d{1,9})?S)?)?", re.ASCII
)
_SECONDS_PER = (604_800, 86_400, 3_600, 60, 1)
_PICTURE_HOSTS = (".ggpht.com", ".googleusercontent.com", ".ytimg.com")
#: Directions that reach beyond the title they stand in; marks inside a word (U+200E, U+200F) stay.
_BIDI = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def failure(cause: str, *, http_status: int | None = None, detail: str = "") -> Refused:
    """The Refused of this cause; `detail` must be our own words or a checked code, never text from outside."""
    sentence, permanent = FAILURES[cause]
    if detail:
        sentence = f"{sentence[:-1]} ({detail})."
    return Refused(sentence, cause=cause, permanent=permanent, http_status=http_status)


def ask(http: Http, url: str, **options: Any) -> Answer:
    """Http.get with transport failures in YouTube's causes.

    The cause is cut off the chain: what requests says of a failure names the URL, and the URL holds the key.
    """
    try:
        return http.get(url, **options)
    except Outcome as error:
        cause = "youtube_odd_answer" if error.cause == "too_large" else "youtube_unreachable"
        status = error.http_status
    raise failure(cause, http_status=status)


def json_of(answer: Answer) -> object:
    """The answer's JSON; Refused youtube_odd_answer when it is none."""
    try:
        data: object = answer.json()
    except ValueError:
        raise failure("youtube_odd_answer", detail="no JSON") from None
    return data


def part(data: object, *path: str | int) -> object:
    """data[path[0]][path[1]]…; None as soon as something is missing or of another type."""
    for key in path:
        if isinstance(data, dict):
            data = data.get(key)
        elif isinstance(data, list) and isinstance(key, int) and key < len(data):
            data = data[key]
        else:
            return None
    return data


def part_list(data: object, *path: str | int) -> list[Any]:
    """The list at `path`; empty when there is none."""
    found = part(data, *path)
    return found if isinstance(found, list) else []


def part_text(data: object, *path: str | int) -> str:
    """The string at `path`, as it came; "" when there is none."""
    found = part(data, *path)
    return found if isinstance(found, str) else ""


def matching(pattern: re.Pattern[str], value: object) -> str | None:
    """The value when it is a string that fits the pattern from end to end."""
    return value if isinstance(value, str) and pattern.fullmatch(value) else None


def clean_title(value: object) -> str:
    """One line for people: no control characters, half surrogates or text directions, at most TITLE_LENGTH long."""
    if not isinstance(value, str):
        return ""
    value = value[: TITLE_LENGTH * 4]
    if value.isprintable():  # nearly every title, and then there is nothing to take out
        return " ".join(value.split())[:TITLE_LENGTH].rstrip()
    kept = []
    for character in value:
        kind = unicodedata.category(character)
        if character.isspace() or kind in ("Zl", "Zp"):
            kept.append(" ")
        elif kind not in ("Cc", "Cs") and character not in _BIDI:
            kept.append(character)
    return " ".join("".join(kept).split())[:TITLE_LENGTH].rstrip()


def instant(value: object) -> datetime | None:
    """RFC 3339, also with Z or a fraction of any length, as aware UTC; None for anything else."""
    found = _INSTANT.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        return None
    day, clock, fraction, zone = found.groups()
    micros = (fraction or "").ljust(6, "0")[:6]
    zone = "+00:00" if zone in "Zz" else zone
    try:
        return datetime.fromisoformat(f"{day}T{clock}.{micros}{zone}").astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def unix_instant(value: object) -> datetime | None:
    """Seconds since 1970 in a string of digits, as the player JSON has them; None for anything else."""
    if not isinstance(value, str) or not re.fullmatch(r"[0-9]{1,11}", value):
        return None
    return datetime.fromtimestamp(int(value), UTC)


def seconds_of(value: object) -> int:
    """An ISO 8601 duration in whole seconds; 0 for P0D and for anything that is none."""
    found = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        return 0
    return sum(int(count or 0) * size for count, size in zip(found.groups(), _SECONDS_PER, strict=True))


def picture_url(value: object) -> str | None:
    """The URL, when it is https at one of Google's picture hosts: it ends up in an <img>."""
    if not isinstance(value, str) or len(value) > 500 or not value.isascii() or not value.isprintable():
        return None
    try:
        parts = urlsplit(value)
    except ValueError:
        return None
    return value if parts.scheme == "https" and parts.netloc.lower().endswith(_PICTURE_HOSTS) else None


def channel_id_of(value: str) -> str:
    """The value, when it is a channel id; Invalid otherwise, before anything is asked."""
    if not CHANNEL_ID.fullmatch(value):
        raise Invalid("A YouTube channel id starts with UC and has 24 characters.")
    return value
