"""A small named cast: Ada, Bo, Cy and more, on shows of their own, with X accounts at the stand-in."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import select

from extensions import db
from models import EpisodeGuide, EpisodeTweetConfig, Podcast, PodcastMember, Post, Role, User
from sandbox.x import X
from sandbox.youtube import YouTube
from services.clients.x_answers import Tokens, XUser
from services.registry import Services

NAMES = ("ada", "bo", "cy", "di", "eve")


@dataclass
class Cast:
    """Puts people and shows into the database, and their channels and accounts into the stand-ins."""

    services: Services
    youtube: YouTube
    x: X

    def user(self, name: str, **columns: Any) -> User:
        user = User(email=f"{name}@example.com", name=name.capitalize(), **columns)
        db.session.add(user)
        db.session.commit()
        return user

    def connect(self, user: User, *, now: datetime | None = None, expires_in: int = 7200) -> Any:
        """Gives the user an account at the stand-in and connects it."""
        now = now or datetime.now(UTC)
        account = self.x.add_account(user.name.lower(), name=user.name)
        who = XUser(account.id, account.username, account.name, None)
        scopes = frozenset({"tweet.read", "tweet.write", "users.read", "offline.access"})
        tokens = Tokens(account.access_token, account.refresh_token, expires_in, scopes)
        self.services.connections.connect(user.id, who, tokens, now)
        return account

    def show(
        self, name: str = "Deep Dive", *, hosts: Sequence[str] = NAMES[:2], connected: bool = True, **columns: Any
    ) -> Podcast:
        """A podcast with a channel of its own unless one is named, and hosts who are connected."""
        if "youtube_channel_id" not in columns:
            columns["youtube_channel_id"] = self.youtube.add_channel(name)
        podcast = Podcast(slug=name.lower().replace(" ", "-"), name=name, **columns)
        db.session.add(podcast)
        db.session.flush()
        podcast_id = podcast.id
        db.session.commit()
        for host in hosts:
            user = db.session.execute(select(User).where(User.email == f"{host}@example.com")).scalar_one_or_none()
            user_id = (user or self.user(host)).id
            db.session.add(PodcastMember(podcast_id=podcast_id, user_id=user_id, role=Role.ADMIN))
            db.session.commit()
            if connected and user is None:
                self.connect(db.session.get_one(User, user_id))
        return db.session.get_one(Podcast, podcast_id)

    def episode(
        self, podcast: Podcast, title: str = "Queues", *, at: datetime | None = None, **columns: Any
    ) -> EpisodeGuide:
        episode = EpisodeGuide(podcast_id=podcast.id, title=title, scheduled_at=at, **columns)
        db.session.add(episode)
        db.session.flush()
        self.services.tweets.create_tweet_configs_for_episode(episode)
        return episode

    def config(self, episode: EpisodeGuide, host: str) -> EpisodeTweetConfig:
        query = select(EpisodeTweetConfig).join(User, User.id == EpisodeTweetConfig.user_id)
        query = query.where(EpisodeTweetConfig.episode_id == episode.id, User.email == f"{host}@example.com")
        return db.session.execute(query, execution_options={"populate_existing": True}).scalar_one()

    def posts(self, **where: Any) -> list[Post]:
        query = select(Post).filter_by(**where).order_by(Post.id)
        found = list(db.session.execute(query, execution_options={"populate_existing": True}).scalars())
        db.session.commit()
        return found

    def go_live(self, podcast: Podcast, title: str = "Queues", *, at: datetime | None = None) -> str:
        """Starts a stream on the podcast's channel, and leaves no transaction open that others would wait for."""
        channel = podcast.youtube_channel_id
        db.session.commit()
        return self.youtube.go_live(channel, title, at=at)

    def check(self, now: datetime | None = None) -> Any:
        """The real job, in its real pool, as the scheduler calls it."""
        db.session.commit()
        return self.services.tweets.check_and_post_live_tweets(now)

    def timeline(self, name: str) -> list[str]:
        """The texts that the stand-in has of this account, oldest first."""
        return [post.text for post in reversed(self.x.timeline(name))]


def ago(**delta: float) -> datetime:
    return datetime.now(UTC) - timedelta(**delta)
