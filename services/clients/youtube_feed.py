"""A channel's Atom feed: costs nothing, says nothing of live, is up to 15 minutes old and at times broken for days."""

from xml.etree.ElementTree import Element, ParseError

from defusedxml.ElementTree import fromstring

from services.clients.http import Http
from services.clients.values import VideoRef
from services.clients.youtube_fields import VIDEO_ID, ask, channel_id_of, clean_title, failure, instant, matching
from services.clients.youtube_web import HEADERS, is_consent

#: Fifteen entries with the longest descriptions are about 300 KiB; a parsed tree takes many times its text.
FEED_BYTES = 512 * 1024
ATOM = "{http://www.w3.org/2005/Atom}"
YT = "{http://www.youtube.com/xml/schemas/2015}"


class YouTubeFeed:
    """Raises Refused: youtube_feed for anything that is no feed, which never means that the channel is gone (A.2)."""

    def __init__(self, http: Http, web_url: str) -> None:
        self._http = http
        self._url = web_url.rstrip("/") + "/feeds/videos.xml"

    def entries(self, channel_id: str, *, playlist: bool = False) -> list[VideoRef]:
        """The newest 15 videos, newest first; `playlist` asks for the uploads list's feed, which fails separately."""
        channel_id_of(channel_id)
        which = {"playlist_id": "UU" + channel_id[2:]} if playlist else {"channel_id": channel_id}
        answer = ask(self._http, self._url, params=which, headers=HEADERS, max_bytes=FEED_BYTES)
        if is_consent(answer):
            raise failure("youtube_consent", http_status=answer.status)
        if answer.status == 429:
            raise failure("youtube_rate", http_status=429)
        if answer.status != 200:
            raise failure("youtube_feed", http_status=answer.status, detail=f"HTTP {answer.status}")
        return parse_feed(answer.body, channel_id)


def parse_feed(body: bytes, channel_id: str) -> list[VideoRef]:
    """This channel's entries, in order. The feed's own ids lack the UC or are empty, so only the entries' count."""
    try:
        root = fromstring(body, forbid_dtd=True)
    except (ParseError, ValueError, LookupError):  # not XML; a DTD or an entity; an encoding nobody knows
        root = None
    if root is None or root.tag != ATOM + "feed":
        raise failure("youtube_feed", detail="no feed")
    found = (_entry(entry, channel_id) for entry in root.findall(ATOM + "entry"))
    return list({entry.id: entry for entry in found if entry}.values())


def _entry(entry: Element, channel_id: str) -> VideoRef | None:
    video_id = matching(VIDEO_ID, entry.findtext(YT + "videoId"))
    if not video_id or entry.findtext(YT + "channelId") != channel_id:
        return None
    return VideoRef(
        id=video_id,
        title=clean_title(entry.findtext(ATOM + "title")),
        published_at=instant(entry.findtext(ATOM + "published")),
    )
