"""The scene that pages are measured in: one show with hosts, episodes before and after now, and what was posted."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import insert, select

from benchmarks.bed import add_podcasts
from extensions import db
from models import (
    Broadcast,
    EpisodeGuide,
    EpisodeTweetConfig,
    Notice,
    Podcast,
    PodcastMember,
    Post,
    PostEvent,
    Role,
    SocialConnection,
    User,
)
from services import sessions
from services.registry import Services

EPISODES, POSTS = 200, 5_000


@dataclass(frozen=True)
class Scene:
    """What the addresses of the pages need."""

    podcast_id: int
    #: one that was posted about, and one that is planned
    episode_id: int
    planned_id: int
    token: str

    @property
    def paths(self) -> dict[str, str]:
        podcast = f"/podcasts/{self.podcast_id}"
        return {
            "home": "/",
            "podcasts": "/podcasts",
            "new podcast": "/podcasts/new",
            "podcast": podcast,
            "hosts": f"{podcast}/hosts",
            "attention": f"{podcast}/attention",
            "settings": f"{podcast}/settings",
            "draft rules": f"{podcast}/settings/drafts",
            "spend": f"{podcast}/spend",
            "entries": f"{podcast}/spend/entries.csv",
            "numbers": f"{podcast}/numbers",
            "numbers of hosts": f"{podcast}/numbers/hosts",
            "trends": f"{podcast}/numbers/trends",
            "wallets": f"{podcast}/spend/wallets",
            "limits": f"{podcast}/spend/rules",
            "weekly letter": f"{podcast}/weekly-mail/letter",
            "youtube": f"{podcast}/settings/youtube",
            "episode": f"{podcast}/episodes/{self.episode_id}/tweets",
            "planned episode": f"{podcast}/episodes/{self.planned_id}/tweets",
            "new episode": f"{podcast}/episodes/new",
            "edit episode": f"{podcast}/episodes/{self.episode_id}/edit",
            "connections": "/connections",
            "profile": "/profile",
            "voice": "/profile/voice",
            "sessions": "/profile/sessions",
            "posts": "/posts",
            "posts as a table": "/posts/posts.csv",
            "posts as JSON": "/posts/posts.json",
            "notices": "/notices",
            "notices elsewhere": "/profile/notices",
            "people": "/admin/people",
            "prices": "/admin/prices",
            "system": "/admin/system",
            "tonight": "/admin/tonight",
            "audit": "/admin/audit",
        }


def fill(services: Services, hosts: int, *, episodes: int = EPISODES, posts: int = POSTS, podcasts: int = 1) -> Scene:
    """One show with so many hosts, episodes before and after now, and posts with their history for the past ones.

    `podcasts`: how many its admin is on; the others have nobody else.
    """
    now = datetime.now(UTC)
    people = [{"email": f"host{n}@example.com", "name": f"Host {n:02}", "is_admin": n == 0} for n in range(hosts)]
    user_ids = list(db.session.execute(insert(User).returning(User.id, sort_by_parameter_order=True), people).scalars())
    podcast = Podcast(slug="deep-dive", name="Deep Dive", youtube_channel_id="UC" + "a" * 22)
    db.session.add(podcast)
    db.session.flush()
    members = [{"podcast_id": podcast.id, "user_id": id, "role": Role.ADMIN} for id in user_ids]
    db.session.execute(insert(PodcastMember), members)
    connections = [_connection(services, user_id, now) for user_id in user_ids]
    db.session.execute(insert(SocialConnection), connections)
    past = episodes - 10
    at = [now + timedelta(days=n - past, hours=1) for n in range(episodes)]
    rows = [{"podcast_id": podcast.id, "title": f"Queues, part {n}", "scheduled_at": at[n]} for n in range(episodes)]
    made = db.session.execute(insert(EpisodeGuide).returning(EpisodeGuide.id, sort_by_parameter_order=True), rows)
    episode_ids = list(made.scalars())
    posting = episode_ids[max(0, past - posts // hosts) : past]
    _add_texts(user_ids, episode_ids, set(posting))
    _add_posts(podcast.id, posting, now)
    db.session.execute(insert(Notice), [_notice(n, user_ids[0], podcast.id, now) for n in range(hosts)])
    for other in add_podcasts([f"UC{n:022}" for n in range(1, podcasts)]) if podcasts > 1 else ():
        db.session.add(PodcastMember(podcast_id=other, user_id=user_ids[0], role=Role.ADMIN))
    token = sessions.begin(user_ids[0], now)
    scene = Scene(podcast.id, episode_ids[past - 1], episode_ids[past], token)
    db.session.commit()
    return scene


def _notice(number: int, user_id: int, podcast_id: int, now: datetime) -> dict[str, Any]:
    words = {"kind": "live", "title": "Deep Dive is live: 50 of 50 posted", "body": "Queues", "link": "/"}
    return {"key": f"live:{number}", "user_id": user_id, "podcast_id": podcast_id, "at": now, **words}


def _connection(services: Services, user_id: int, now: datetime) -> dict[str, Any]:
    owner = f"x:{1000 + user_id}"
    return {
        "user_id": user_id,
        "platform_user_id": str(1000 + user_id),
        "username": f"host{user_id}",
        "access_token": services.vault.seal("access", f"{owner}:access"),
        "refresh_token": services.vault.seal("refresh", f"{owner}:refresh"),
        "expires_at": now + timedelta(hours=2),
    }


def _add_texts(user_ids: list[int], episode_ids: list[int], posted: set[int]) -> None:
    rows = [
        {"episode_id": episode, "user_id": user, "status": "posted" if episode in posted else "pending"}
        for episode in episode_ids
        for user in user_ids
    ]
    for start in range(0, len(rows), 1000):
        db.session.execute(insert(EpisodeTweetConfig), rows[start : start + 1000])


def _add_posts(podcast_id: int, episode_ids: list[int], now: datetime) -> None:
    """The posts of these episodes, each with two lines of history, and the broadcasts they belong to."""
    videos = [
        {
            "video_id": f"v{id:010}",
            "channel_id": "UC" + "a" * 22,
            "title": f"Queues {id}",
            "state": "ended",
            "verdict": "announced",
            "podcast_id": podcast_id,
            "episode_id": id,
            "actual_start_at": now - timedelta(hours=2),
            "live_seen_at": now - timedelta(hours=2),
        }
        for id in episode_ids
    ]
    db.session.execute(insert(Broadcast), videos)
    query = select(EpisodeTweetConfig.id, EpisodeTweetConfig.episode_id, EpisodeTweetConfig.user_id)
    configs = db.session.execute(query.where(EpisodeTweetConfig.episode_id.in_(episode_ids))).all()
    posts = [
        {
            "key": f"live:{config.id}",
            "config_id": config.id,
            "podcast_id": podcast_id,
            "episode_id": config.episode_id,
            "user_id": config.user_id,
            "host_name": f"Host {config.user_id}",
            "username": f"host{config.user_id}",
            "text": "We are live with Deep Dive: Queues",
            "status": "posted",
            "remote_id": str(10**12 + config.id),
            "not_after": now,
            "posted_at": now - timedelta(hours=2),
        }
        for config in configs
    ][:POSTS]
    made = db.session.execute(insert(Post).returning(Post.id), posts)
    ids = list(made.scalars())
    events = [{"post_id": id, "at": now, "status": status} for id in ids for status in ("queued", "posted")]
    db.session.execute(insert(PostEvent), events)
