"""What the hub of the stand-in delivers: notifications as YouTube documents them, and what somebody else might send.

developers.google.com/youtube/v3/guides/push_notifications; deleted entries after RFC 6721 as YouTube fills them.
"""

from datetime import UTC, datetime
from xml.sax.saxutils import escape, quoteattr

#: both are seen in what YouTube itself writes
SPELLINGS = ("/xml/feeds/", "/feeds/")
YOUTUBE = "https://www.youtube.com"
HUB = "http://pubsubhubbub.appspot.com"


def topic(channel_id: str, spelling: str = SPELLINGS[0]) -> str:
    return f"{YOUTUBE}{spelling}videos.xml?channel_id={channel_id}"


def entry(
    channel_id: str,
    video_id: str,
    title: str,
    *,
    author: str,
    published: datetime,
    updated: datetime,
    self_link: str | None = None,
) -> bytes:
    """A new video, or one whose title or description was changed: nothing tells which, nor whether it is live."""
    link = self_link or topic(channel_id)
    return f"""<?xml version='1.0' encoding='UTF-8'?>
<feed xmlns:yt="http://www.youtube.com/xml/schemas/2015" xmlns="http://www.w3.org/2005/Atom">\
<link rel="hub" href="https://pubsubhubbub.appspot.com"/><link rel="self" href={quoteattr(link)}/>\
<title>YouTube video feed</title><updated>{nanoseconds(updated)}</updated><entry>
  <id>yt:video:{video_id}</id>
  <yt:videoId>{video_id}</yt:videoId>
  <yt:channelId>{channel_id}</yt:channelId>
  <title>{escape(title)}</title>
  <link rel="alternate" href="{YOUTUBE}/watch?v={video_id}"/>
  <author>
   <name>{escape(author)}</name>
   <uri>{YOUTUBE}/channel/{channel_id}</uri>
  </author>
  <published>{seconds(published)}</published>
  <updated>{nanoseconds(updated)}</updated>
 </entry></feed>
""".encode()


def tombstone(channel_id: str, video_id: str, *, author: str, when: datetime) -> bytes:
    """A video that was deleted or made private; the channel is told by the author's address only."""
    return f"""<?xml version='1.0' encoding='UTF-8'?>
<feed xmlns:at="http://purl.org/atompub/tombstones/1.0" xmlns="http://www.w3.org/2005/Atom">\
<at:deleted-entry ref="yt:video:{video_id}" when="{seconds(when)}">
  <link href="{YOUTUBE}/watch?v={video_id}"/>
  <at:by>
   <name>{escape(author)}</name>
   <uri>{YOUTUBE}/channel/{channel_id}</uri>
  </at:by>
 </at:deleted-entry></feed>
""".encode()


def seconds(at: datetime) -> str:
    return at.astimezone(UTC).replace(microsecond=0).isoformat()


def nanoseconds(at: datetime) -> str:
    """With nine digits of a fraction, as the real ones have."""
    at = at.astimezone(UTC)
    return f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond:06d}{at.microsecond % 1000:03d}+00:00"


# What somebody else might send


def huge(size: int = 10 * 1024 * 1024) -> bytes:
    return b"<feed xmlns='http://www.w3.org/2005/Atom'>" + b"<entry/>" * (size // 8)


def bomb() -> bytes:
    """A few hundred bytes that want to become three billion characters."""
    steps = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    return f'<!DOCTYPE feed [<!ENTITY l0 "lol">{steps}]><feed xmlns="http://www.w3.org/2005/Atom">&l9;</feed>'.encode()


def outside() -> bytes:
    """Wants a file of the server it is read on."""
    return (
        b'<!DOCTYPE feed [<!ENTITY f SYSTEM "file:///etc/passwd">]><feed xmlns="http://www.w3.org/2005/Atom">&f;</feed>'
    )
