"""YouTube's hub: asked to announce a channel's news, and what it delivers. A delivery names channels and videos only.

PubSubHubbub 0.4 (pubsubhubbub.github.io/PubSubHubbub/pubsubhubbub-core-0.4.html), as YouTube documents its use:
developers.google.com/youtube/v3/guides/push_notifications.
"""

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from urllib.parse import parse_qs, urlsplit
from xml.etree.ElementTree import Element, ParseError

from defusedxml.ElementTree import fromstring

from services.clients.http import Answer, Http
from services.clients.youtube_fields import CHANNEL_ID, VIDEO_ID, clean_title, matching
from services.errors import Outcome, Refused, Unknown

#: bytes; a delivery has about one, with the longest title four thousand
LARGEST_DELIVERY = 64 * 1024
#: the two spellings that YouTube's own pages use
TOPIC_PATHS = ("/feeds/videos.xml", "/xml/feeds/videos.xml")
ALGORITHMS = ("sha1", "sha256", "sha384", "sha512")
#: what a hub may ask us to wait
LONGEST_WAIT = timedelta(days=1)
DEADLINE_SECONDS = 15.0
WORDS_LENGTH = 200

ATOM = "{http://www.w3.org/2005/Atom}"
YT = "{http://www.youtube.com/xml/schemas/2015}"
TOMBSTONE = "{http://purl.org/atompub/tombstones/1.0}"
_SECONDS = re.compile(r"[0-9]{1,9}")


@dataclass(frozen=True, slots=True)
class Subscription:
    """What is asked of the hub. `lease_seconds` is a wish; the hub decides."""

    callback: str
    topic: str
    secret: str = field(repr=False)
    lease_seconds: int
    mode: str = "subscribe"  # or "unsubscribe"


class WebSubHub:
    """Raises Refused: hub_unreachable, hub_busy (retry_at when it said so), hub_refused, hub_odd_answer; Unknown:
    hub_no_answer, when it may have taken the request."""

    def __init__(self, http: Http, hub_url: str) -> None:
        self._http, self._url = http, hub_url

    def ask(self, wanted: Subscription, now: datetime) -> None:
        """Sends the request. The hub comes back to the callback by itself, before or after this returns."""
        form = {
            "hub.mode": wanted.mode,
            "hub.topic": wanted.topic,
            "hub.callback": wanted.callback,
            "hub.verify": "async",
            "hub.lease_seconds": str(wanted.lease_seconds),
            "hub.secret": wanted.secret,
        }
        failed: Outcome
        try:
            answer = self._http.post_form(self._url, form, deadline=DEADLINE_SECONDS)
            if 200 <= answer.status < 300:
                return
            failed = _judged(answer, now)
        except Unknown:
            failed = Unknown("The hub did not answer.", cause="hub_no_answer")
        except Refused:
            failed = Refused("The hub could not be reached.", cause="hub_unreachable")
        raise failed from None


def _judged(answer: Answer, now: datetime) -> Refused:
    status, words = answer.status, _words(answer)
    said = f"It said {status}: “{words}”." if words else f"It said {status}."
    if status == 429 or status >= 500:
        return Refused(said, cause="hub_busy", retry_at=_retry_at(answer.headers, now), http_status=status)
    if 400 <= status < 500:
        return Refused(said, cause="hub_refused", http_status=status)
    return Refused(said, cause="hub_odd_answer", http_status=status)


def _words(answer: Answer) -> str:
    """What the hub says, when it says it in plain words: one line, shown as a quotation."""
    if not answer.headers.get("Content-Type", "").lower().startswith("text/plain"):
        return ""
    return clean_title(answer.body[: 4 * WORDS_LENGTH].decode(errors="replace"))[:WORDS_LENGTH]


def _retry_at(headers: Mapping[str, str], now: datetime) -> datetime | None:
    """Retry-After in seconds or as a date; None when it is neither or over, a day at most."""
    said = headers.get("Retry-After", "").strip()
    if _SECONDS.fullmatch(said):
        return now + min(timedelta(seconds=int(said)), LONGEST_WAIT)
    try:
        at = parsedate_to_datetime(said)
        at = at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError, IndexError, TypeError):
        return None
    return min(at, now + LONGEST_WAIT) if at > now else None


# Topics


def topic_of(topic_url: str, channel_id: str) -> str:
    return f"{topic_url}?channel_id={channel_id}"


def channel_of(topic: str | None) -> str | None:
    """The channel of a topic in either spelling; None for anything else."""
    if not topic or len(topic) > 1000:
        return None
    try:
        parts = urlsplit(topic)
        found = parse_qs(parts.query, max_num_fields=10).get("channel_id", [])
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or parts.path not in TOPIC_PATHS or len(found) != 1:
        return None
    return matching(CHANNEL_ID, found[0])


# Deliveries


def is_signed(body: bytes, signature: str | None, secret: str) -> bool:
    """Whether X-Hub-Signature, "sha1=…" or with a longer hash, fits the raw body."""
    algorithm, _, given = (signature or "").strip().partition("=")
    if algorithm.lower() not in ALGORITHMS:
        return False
    expected = hmac.new(secret.encode(), body, getattr(hashlib, algorithm.lower())).hexdigest()
    return hmac.compare_digest(expected.encode(), given.strip().lower().encode())


def channels_in(body: bytes) -> frozenset[str]:
    """The channels that a delivery speaks of: of entries, of deleted entries, of the feed itself. Pure.

    Empty for whatever is no such feed. Titles and times are not read: YouTube itself is asked for them.
    """
    root = _feed(body)
    if root is None:
        return frozenset()
    found = [_of_entry(entry) for entry in root.findall(ATOM + "entry")]
    found += [_of_deleted(gone) for gone in root.findall(TOMBSTONE + "deleted-entry")]
    if not found:
        found = [channel_of(link.get("href")) for link in root.findall(ATOM + "link") if link.get("rel") == "self"]
    return frozenset(id for id in found if id)


def videos_in(body: bytes, channel_id: str) -> list[str]:
    """The videos that a delivery names as new or changed ones of this channel, as it names them, each once. Pure."""
    root = _feed(body)
    entries = root.findall(ATOM + "entry") if root is not None else []
    named = [matching(VIDEO_ID, entry.findtext(YT + "videoId")) for entry in entries if _of_entry(entry) == channel_id]
    return list(dict.fromkeys(id for id in named if id))


def _feed(body: bytes) -> Element | None:
    if len(body) > LARGEST_DELIVERY:
        return None
    try:
        root: Element = fromstring(body, forbid_dtd=True)
    except (ParseError, ValueError, LookupError):  # not XML; a DTD or an entity; an encoding nobody knows
        return None
    return root if root.tag == ATOM + "feed" else None


def _of_entry(entry: Element) -> str | None:
    return matching(CHANNEL_ID, entry.findtext(YT + "channelId"))


def _of_deleted(gone: Element) -> str | None:
    """https://www.youtube.com/channel/UC…: a deleted entry has no id of its channel."""
    return matching(CHANNEL_ID, (gone.findtext(f"{TOMBSTONE}by/{ATOM}uri") or "").rpartition("/channel/")[2])
