"""YouTube's pages read as a browser shows them: the way without an API key. One page about 1 MB, so ask rarely.

Decides from the player's JSON of the page's own (canonical) video only: a bare search for "isLive" in the page would
find it in recommended videos too. Page and JSON come from outside; nothing in them is trusted.
"""

import json
import re
from dataclasses import dataclass
from html import unescape
from urllib.parse import SplitResult, parse_qs, quote, unquote, urlsplit

from services.clients.http import Http
from services.clients.values import Channel, ChannelReference, Video
from services.clients.youtube_fields import (
    CHANNEL_ID,
    VIDEO_ID,
    channel_id_of,
    clean_title,
    failure,
    matching,
    part_text,
    picture_url,
)
from services.clients.youtube_player import login_wall, video_of
from services.clients.youtube_web import fetch_page
from services.errors import Invalid

_MARKER = "ytInitialPlayerResponse"
_ASSIGNED = re.compile(r"""(?:["'] ?\])?\s{0,5}=\s{0,5}(?=\{)""")
_ATTRIBUTE = re.compile(r"""(?:href|content)\s{0,5}=\s{0,5}["']([^"'<>]{0,2000})["']""")
_HANDLE_PATH = re.compile(r"/@([^/?#\s]{1,200})")
_QUOTED = re.compile(r'''\s{0,5}:\s{0,5}"([^"\\]{1,300})"''')
#: How many places of a page are tried before it counts as unreadable: each try may read the page to its end.
_TRIES = 8
_TAG_LENGTH = 3_000
_DECODER = json.JSONDecoder()


@dataclass(frozen=True, slots=True)
class Page:
    """What a page says of itself. `canonical` is its address or "undefined"; `player` is None on channel pages."""

    text: str
    canonical: str
    player: object

    @property
    def video_id(self) -> str | None:
        """The page's own video, when it is a watch page."""
        address = _split(self.canonical)
        return matching(VIDEO_ID, parse_qs(address.query).get("v", [""])[0]) if address.path == "/watch" else None

    @property
    def channel_id(self) -> str | None:
        """The page's own channel, when it is a channel page named by its id."""
        head, _, rest = _split(self.canonical).path.removeprefix("/").partition("/")
        return matching(CHANNEL_ID, rest.split("/")[0]) if head == "channel" else None

    @property
    def is_channel(self) -> bool:
        """Whether the canonical address is a channel's, in any form."""
        return self.channel_id is not None or _split(self.canonical).path.startswith(("/@", "/c/", "/user/"))


class YouTubePage:
    """Raises Refused with a youtube_ cause whenever the page does not say clearly what is."""

    def __init__(self, http: Http, web_url: str) -> None:
        self._http = http
        self._url = web_url.rstrip("/")

    def live(self, channel_id: str) -> Video | None:
        """The channel's current broadcast, else its next one; None when its page shows neither.

        With several at once YouTube shows one of them. A broadcast that just ended may still be shown.
        """
        text = self._fetch(f"/channel/{channel_id_of(channel_id)}/live")
        if text is None:
            raise failure("youtube_refused", http_status=404, detail="HTTP 404")
        return parse_live(text, channel_id)

    def video(self, video_id: str) -> Video | None:
        """One video; None when YouTube shows it to nobody, or not to us (deleted, private)."""
        if not VIDEO_ID.fullmatch(video_id):
            raise Invalid("A YouTube video id has 11 characters.")
        text = self._fetch(f"/watch?v={video_id}")
        return None if text is None else parse_watch(text, video_id)

    def channel(self, reference: ChannelReference) -> Channel | None:
        """The channel a person meant; None when there is none under this address."""
        text = self._fetch(_address(reference))
        if text is None:
            return None
        found = parse_channel_page(text)
        if found and reference.kind == "id" and found.id != reference.value:
            raise failure("youtube_odd_answer", detail="another channel was shown")
        return found

    def _fetch(self, path: str) -> str | None:
        return fetch_page(self._http, self._url + path)


def _address(reference: ChannelReference) -> str:
    value = quote(reference.value, safe="")
    if not value.strip("."):
        raise Invalid("That is no name of a YouTube channel.")
    match reference.kind:
        case "id":
            return f"/channel/{channel_id_of(reference.value)}/live"
        case "handle":
            return f"/@{value}/live"
        case "user":
            return f"/user/{value}/live"
        case "custom":
            return f"/c/{value}/live"
        case "video":
            return f"/watch?v={value}"
    raise Invalid("That is no kind of YouTube address.")


def parse_live(text: str, channel_id: str) -> Video | None:
    """The broadcast that a channel's live page is of; None for the channel's own page."""
    page = read_page(text)
    if page.is_channel:
        if page.channel_id not in (None, channel_id):
            raise failure("youtube_odd_answer", detail="another channel was shown")
        return None
    if page.video_id is None or page.player is None:
        raise failure("youtube_odd_answer", detail="no video in the page")
    video = video_of(page.player, page.video_id)
    if video is None or video.channel_id != channel_id:
        raise failure("youtube_odd_answer", detail="another channel's video")
    return video


def parse_watch(text: str, video_id: str) -> Video | None:
    """The video that a watch page is of; None when the player says that it is not to be had."""
    page = read_page(text, of_video=True)
    if page.player is None or page.video_id not in (None, video_id):
        raise failure("youtube_odd_answer", detail="another video was shown")
    video = video_of(page.player, video_id)
    if video is not None and page.video_id is None:
        raise failure("youtube_odd_answer", detail="no canonical address")
    return video


def parse_channel_page(text: str) -> Channel | None:
    """Whose page this is, be it a channel's or a video's; None for a video that is not to be had."""
    page = read_page(text, of_video=True)
    if page.is_channel:
        return _channel_of_channel_page(page)
    if page.player is None:
        raise failure("youtube_odd_answer", detail="neither channel nor video")
    if video_of(page.player, page.video_id or "") is None:
        return None
    return Channel(
        id=part_text(page.player, "videoDetails", "channelId"),
        title=clean_title(part_text(page.player, "videoDetails", "author")),
        handle=_handle(part_text(page.player, "microformat", "playerMicroformatRenderer", "ownerProfileUrl")),
        thumbnail_url=None,  # the pictures of a watch page are the video's
    )


def _channel_of_channel_page(page: Page) -> Channel:
    named = matching(CHANNEL_ID, _quoted_after(page.text, "externalId"))
    channel_id = page.channel_id or named
    if channel_id is None or named not in (None, channel_id):
        raise failure("youtube_odd_answer", detail="no single channel id")
    handle = _handle(page.canonical) or _handle(_quoted_after(page.text, "vanityChannelUrl"))
    return Channel(
        id=channel_id,
        title=clean_title(unescape(_tag(page.text, "<meta ", 'property="og:title"'))),
        handle=handle,
        thumbnail_url=picture_url(unescape(_tag(page.text, "<meta ", 'property="og:image"'))),
    )


def read_page(text: str, *, of_video: bool = False) -> Page:
    """Finds canonical address and player; Refused for consent pages, robot checks and unusable pages.

    With `of_video` a page without an address passes: that is how the page of a deleted video looks.
    """
    player = _player(text)
    canonical = unescape(_tag(text, "<link ", 'rel="canonical"'))
    if login_wall(player):
        raise failure("youtube_bot_check")
    if canonical == "undefined" or (not canonical and not (of_video and player is not None)):
        is_consent = not canonical and player is None and "https://consent.youtube.com/" in text
        raise failure("youtube_consent" if is_consent else "youtube_odd_answer", detail="the page has no address")
    return Page(text, canonical, player)


def _player(text: str) -> object:
    """The object assigned to ytInitialPlayerResponse; None when there is none.

    In strings of the page's other scripts the quotes are escaped, so an assignment in there is no JSON.
    """
    at, tries = text.find(_MARKER), 0
    while at >= 0 and tries < _TRIES:
        assigned = _ASSIGNED.match(text, at + len(_MARKER))
        at = text.find(_MARKER, at + 1)
        if assigned is None:
            continue
        tries += 1
        try:
            found, _end = _DECODER.raw_decode(text, assigned.end())
        except (ValueError, RecursionError):
            continue
        if isinstance(found, dict) and found.keys() & {"playabilityStatus", "videoDetails"}:
            return found
    return None


def _tag(text: str, opening: str, mark: str) -> str:
    """The href or content of the first such tag, as written; "" when there is none."""
    at = -1
    for _ in range(_TRIES):
        at = text.find(mark, at + 1)
        if at < 0:
            return ""
        start = text.rfind("<", max(0, at - _TAG_LENGTH), at)
        end = text.find(">", at, at + _TAG_LENGTH)
        if start >= 0 and end >= 0 and text.startswith(opening, start):
            value = _ATTRIBUTE.search(text, start, end)
            return value.group(1) if value else ""
    return ""


def _quoted_after(text: str, name: str) -> str:
    """The JSON string under the first such name, when it is a short one without escapes; "" otherwise."""
    at = text.find(f'"{name}"')
    found = _QUOTED.match(text, at + len(name) + 2) if at >= 0 else None
    return found.group(1) if found else ""


def _handle(address: str | None) -> str | None:
    """The handle in a channel's address, without "@"."""
    found = _HANDLE_PATH.match(_split(address or "").path)
    return clean_title(unquote(found.group(1))) or None if found else None


def _split(address: str) -> SplitResult:
    try:
        return urlsplit(address)
    except ValueError:
        return urlsplit("")
