"""What the control page and `GET /_control/state` show, gathered from the stand-ins."""

import re
from collections import Counter
from datetime import datetime
from typing import Any

from sandbox.demo_show import TITLES
from sandbox.hub import Hub
from sandbox.standin import StandIn
from sandbox.x import X
from sandbox.x_values import Post
from sandbox.youtube import YouTube
from sandbox.youtube_video import Video

NBSP = "\N{NO-BREAK SPACE}"
WATCH = "https://www.youtube.com/watch?v="
VIDEO_ID = re.compile(r"[?&]v=([\w-]{11})")
STATES = {"live": "live", "upcoming": "upcoming"}


def state(youtube: YouTube, x: X, hub: Hub) -> dict[str, Any]:
    """Everything that is true, without a single token."""
    channels = list(youtube.channels.values())
    videos = [video for channel in channels for video in youtube.history(channel.id)]
    return {
        "now": x.now().isoformat(),
        "channels": [
            {"id": c.id, "title": c.title, "handle": c.handle, "url": f"https://www.youtube.com/channel/{c.id}"}
            for c in channels
        ],
        "videos": [_video(video) for video in videos if not video.deleted],
        "accounts": [{"id": a.id, "username": a.username, "name": a.name, "locked": a.locked} for a in x.accounts],
        "timelines": {a.username: [_post(post) for post in x.timeline(a.id)] for a in x.accounts},
        "spent_micros": x.spent_micros,
        "credits_usd": x.credits_usd,
        "youtube_units": youtube.units(),
        "subscriptions": sorted(held.channel_id for held in list(hub.held.values())),
        "trouble": trouble(x),
        "journal": {"youtube": _counters(youtube), "x": _counters(x), "hub": _counters(hub)},
        "delivered": sum(sent.is_ok for sent in list(hub.sent) if sent.method == "POST"),
    }


def trouble(x: X) -> dict[str, Any]:
    """What X has been told to do wrong."""
    lost = sum(fault.hang_up == "after" for fault in x.faults)
    return {"slow_seconds": x.latency, "lost_answers": lost, "no_credits": x.wallet.empty}


def scene(youtube: YouTube, x: X) -> dict[str, Any]:
    """The variables of the page."""
    now = x.now()
    people = x.accounts
    reads = x.spent_on("read", "user")
    posts = sorted((p for a in people for p in x.timeline(a.id)), key=lambda post: int(post.id), reverse=True)
    channels = [_channel_card(youtube, id) for id in list(youtube.channels)]
    return {
        "channels": channels,
        "on_air": sum(len(channel["live"]) for channel in channels),
        "people": people,
        "posts": [_post_card(youtube, x, post, now) for post in posts[:50]],
        "trouble": trouble(x),
        "spent": {"posts": dollars(x.spent_micros - reads), "reads": dollars(reads)},
        "attempts": x.attempts(),
    }


def _channel_card(youtube: YouTube, channel_id: str) -> dict[str, Any]:
    videos = [video for video in youtube.history(channel_id) if not video.deleted]
    return {
        "channel": youtube.channels[channel_id],
        "live": [video for video in videos if video.state == "live"],
        "upcoming": [video for video in videos if video.state == "upcoming"],
        "next_title": _next_title([*(video.title for video in videos), *youtube.forgotten]),
    }


def _next_title(titles: list[str]) -> str:
    """Of the titles that the demo plans, the first of those that were streamed least."""
    streamed = Counter(titles)
    return min(TITLES, key=lambda title: streamed[title])


def _post_card(youtube: YouTube, x: X, post: Post, now: datetime) -> dict[str, Any]:
    account = x.account(post.account_id)
    return {
        "id": post.id,
        "name": account.name,
        "username": account.username,
        "initial": account.name[:1].upper(),
        "pieces": list(_pieces(post)),
        "cards": [_link_card(youtube, url) for url in post.urls[:1]],
        "at": post.created_at,
        "ago": ago((now - post.created_at).total_seconds()),
    }


def _pieces(post: Post) -> list[tuple[str, bool]]:
    """The text in parts; True marks a link, shown the way X shows it."""
    pieces, done = [], 0
    for url in post.urls:
        pieces += [(post.stored[done : url["start"]], False), (url["display_url"], True)]
        done = url["end"]
    return [*pieces, (post.stored[done:], False)]


def _link_card(youtube: YouTube, url: dict[str, Any]) -> dict[str, Any]:
    """A card as under a post on X. It leads to the stand-in's own page or nowhere: nothing leaves this machine."""
    found = VIDEO_ID.search(url["expanded_url"])
    video = youtube.seen(found[1]) if found else None
    return {
        "domain": url["display_url"].split("/")[0],
        "title": video.title if video else url["display_url"],
        "href": f"/watch?v={video.id}" if video else None,
        "on_air": bool(video and video.state == "live"),
    }


def dollars(micros: int) -> str:
    """ "$0.40", or "$0.015" where the cents do not tell all."""
    text = f"${micros / 1_000_000:.3f}"
    return text.removesuffix("0")


def ago(seconds: float) -> str:
    """ "12 s ago", "3 min ago"; a clock that was set back reads as now."""
    if seconds < 5:
        return "just now"
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            return f"{int(seconds // size)}{NBSP}{unit}{NBSP}ago"
    return f"{int(seconds)}{NBSP}s{NBSP}ago"


def _video(video: Video) -> dict[str, Any]:
    times = {"scheduled_at": video.scheduled_at, "started_at": video.started_at, "ended_at": video.ended_at}
    return {
        "id": video.id,
        "channel_id": video.channel_id,
        "title": video.title,
        "state": "ended" if video.ended_at else STATES.get(video.state, "video"),
        "url": WATCH + video.id,
        **{name: at.isoformat() if at else None for name, at in times.items()},
    }


def _post(post: Post) -> dict[str, Any]:
    return {"id": post.id, "text": post.text, "stored": post.stored, "created_at": post.created_at.isoformat()}


def _counters(stand_in: StandIn) -> dict[str, int]:
    """Requests by method and path; ids in paths are left out."""
    with stand_in.lock:
        entries = list(stand_in.journal)
    return dict(Counter(f"{entry.method} {re.sub(r'/[0-9]{5,}', '/:id', entry.path)}" for entry in entries))
