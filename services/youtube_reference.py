"""What a person pasted, understood: channel and video addresses in every form YouTube has. Asks nobody.

Nothing of a pasted address is ever fetched: only the id or name found in it leaves this module, checked.
"""

import re
import unicodedata
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

from services.clients.values import ChannelReference
from services.clients.youtube_fields import CHANNEL_ID, VIDEO_ID
from services.errors import Invalid

LONGEST = 500
SHORT_HOST = "youtu.be"
HOSTS = frozenset({*(f"{name}youtube.com" for name in ("", "www.", "m.", "music.", "gaming.")), SHORT_HOST})
#: First path parts that are followed by a video id.
VIDEO_PATHS = frozenset({"live", "shorts", "embed", "v", "e", "watch"})
#: Eleven letters that stand where a video id stands.
NO_VIDEOS = frozenset({"live_stream", "videoseries"})
#: First path parts that are YouTube's own, never a channel's name.
RESERVED = frozenset(
    {"channel", "c", "user", "playlist", "watch", "w", "v", "embed", "e", "live", "watch_popup", "clip", "shorts"}
    | {"movies", "results", "search", "shared", "hashtag", "trending", "explore", "feed", "feeds", "browse", "oembed"}
    | {"get_video_info", "iframe_api", "s", "source", "storefront", "oops", "index", "account", "t", "about", "upload"}
    | {"signin", "logout"}
)

_HOST_FIRST = re.compile(r"(?:[a-z]+\.)?(?:youtube\.com|youtu\.be)(?:[/?#]|$)", re.IGNORECASE)
_PASTE = "Paste the channel's address, for example https://www.youtube.com/@name."
_HANDLE_LENGTHS = range(3, 31)
_NAME_LENGTHS = range(1, 101)


def watch_url(video_id: str) -> str:
    """The address of a video, as it is posted."""
    return f"https://www.youtube.com/watch?v={video_id}"


def video_id_of(text: str) -> str | None:
    """The video id in a video's address, or the id itself; None for anything else."""
    text = text.strip()
    if VIDEO_ID.fullmatch(text):
        return text
    try:
        return _video_id(_address(text))
    except Invalid:
        return None


def parse_channel_reference(text: str) -> ChannelReference:
    """The channel meant by an id, a handle, or any channel's or video's address. Invalid says what to paste instead.

    The value is what YouTube must still be asked about; only the kind "id" needs no asking.
    """
    text = unicodedata.normalize("NFC", text[: LONGEST + 1].strip())
    if CHANNEL_ID.fullmatch(text):
        return ChannelReference("id", text)
    if text.startswith("@"):
        return _handle(text)
    parts = _address(text)
    video_id = _video_id(parts)
    if video_id:
        return ChannelReference("video", video_id)
    return _channel(parts)


def _address(text: str) -> SplitResult:
    """The parts of an address at YouTube; Invalid for any other host, scheme, login or port."""
    if not text:
        raise Invalid(_PASTE)
    if len(text) > LONGEST or not text.isprintable() or " " in text:
        raise Invalid(f"That is no YouTube address. {_PASTE}")
    if _HOST_FIRST.match(text):
        text = f"https://{text}"
    try:
        parts = urlsplit(text)
    except ValueError:
        raise Invalid(f"That is no address. {_PASTE}") from None
    if not parts.scheme and not parts.netloc and "/" not in text:
        raise Invalid(f"A bare name can mean several channels. {_PASTE}")
    # The network part as a whole must be a host of the list: no login, no port, no trailing dot, no look-alike.
    if parts.scheme not in ("http", "https") or parts.netloc.lower() not in HOSTS:
        raise Invalid(f"Only addresses at youtube.com or youtu.be will do. {_PASTE}")
    return parts


def _video_id(parts: SplitResult) -> str | None:
    first, second = _segments(parts)
    if parts.netloc.lower() == SHORT_HOST:
        found = first
    elif first == "watch" and not second:
        found = _query(parts, "v")
    else:
        found = second if first in VIDEO_PATHS else ""
    return found if VIDEO_ID.fullmatch(found) and found not in NO_VIDEOS else None


def _channel(parts: SplitResult) -> ChannelReference:
    first, second = _segments(parts)
    if parts.netloc.lower() == SHORT_HOST or first in VIDEO_PATHS - {"embed"}:
        raise Invalid(f"There is no video id in this address. {_PASTE}")
    if first.startswith("@"):
        return _handle(first)
    if first == "channel" or (first, second) == ("embed", "live_stream"):
        return _id(second if first == "channel" else _query(parts, "channel"))
    if first in ("c", "user"):
        return ChannelReference("user" if first == "user" else "custom", _name(second))
    if not first or first.lower() in RESERVED:
        raise Invalid(f"This page of YouTube belongs to no channel. {_PASTE}")
    return ChannelReference("custom", _name(first))


def _id(value: str) -> ChannelReference:
    if not CHANNEL_ID.fullmatch(value):
        raise Invalid(f"A channel id starts with UC and has 24 characters. {_PASTE}")
    return ChannelReference("id", value)


def _handle(text: str) -> ChannelReference:
    value = text.removeprefix("@")
    if len(value) not in _HANDLE_LENGTHS or not _is_name(value, also="_-.·"):
        raise Invalid(f"A handle is @ and 3 to 30 letters or digits. {_PASTE}")
    return ChannelReference("handle", value)


def _name(value: str) -> str:
    if len(value) not in _NAME_LENGTHS or not _is_name(value, also="_-."):
        raise Invalid(f"There is no channel's name in this address. {_PASTE}")
    return value


def _is_name(value: str, *, also: str) -> bool:
    """Letters and digits of any script with their marks (which \\w leaves out), and at least one of them."""
    kinds = [unicodedata.category(character)[0] for character in value if character not in also]
    return bool(kinds) and set(kinds) <= {"L", "M", "N"}


def _segments(parts: SplitResult) -> tuple[str, str]:
    """The first two parts of the path, decoded; "" for a missing one. What follows is a tab of the channel's page."""
    found = [unicodedata.normalize("NFC", unquote(segment)) for segment in parts.path.split("/") if segment]
    first, second = [*found, "", ""][:2]
    return first, second


def _query(parts: SplitResult, name: str) -> str:
    return parse_qs(parts.query, max_num_fields=LONGEST).get(name, [""])[0]
