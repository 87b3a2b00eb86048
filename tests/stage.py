"""A stage with a clock: the cast, both stand-ins and the real jobs at one simulated time."""

import contextlib
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import event, select

from extensions import db
from models import Broadcast, EpisodeGuide, Podcast, QuotaDay, User, YouTubeChannel
from services import quota
from services.episodes import create_episode
from services.status import read_status
from services.tweet_scheduler import CheckSummary
from tests.cast import Cast

#: a Wednesday, ten in the morning in Los Angeles, no clock change near
EVENING = datetime(2026, 3, 4, 18, 0, tzinfo=UTC)


class Stage:
    """Everybody here has the same clock, which moves when a test says so."""

    def __init__(self, cast: Cast, now: datetime = EVENING) -> None:
        self.cast, self.youtube, self.x, self.services = cast, cast.youtube, cast.x, cast.services
        self.now = now
        self.youtube.now = self.x.now = lambda: self.now

    # Time

    def wait(self, **delta: float) -> datetime:
        self.now += timedelta(**delta)
        return self.now

    def ago(self, **delta: float) -> datetime:
        return self.now - timedelta(**delta)

    def ahead(self, **delta: float) -> datetime:
        return self.now + timedelta(**delta)

    # The jobs

    def check(self) -> CheckSummary:
        """The check, looking at everything."""
        return self.cast.check(self.now)

    def watch(self) -> int:
        """What one tick of the watch job does: asks about what is due and queues. Sends nothing."""
        db.session.commit()
        return self.services.tweets.watch(self.now)

    def drain(self) -> Any:
        db.session.commit()
        return self.services.posting.drain(self.now)

    def run(self, *, step: float = 5.0, **delta: float) -> None:
        """The jobs as the scheduler runs them, for so long: the check every 180 s, the watch every `step` seconds."""
        end = self.ahead(**delta)
        checked = self.now
        while self.now < end:
            self.wait(seconds=step)
            if self.now - checked >= timedelta(seconds=180):
                checked = self.now
                self.services.tweets.check_and_post_live_tweets(self.now, everything=False)
            elif self.watch():
                self.drain()

    # Who is there

    def show(self, name: str = "Deep Dive", *, hosts: Sequence[str] = ("ada", "bo"), **columns: Any) -> Podcast:
        """A podcast whose hosts are connected now."""
        new = [host for host in hosts if self.user(host) is None]
        podcast = self.cast.show(name, hosts=hosts, connected=False, **columns)
        podcast_id = podcast.id
        for host in new:
            self.connect(host)
        return db.session.get_one(Podcast, podcast_id)

    def user(self, name: str) -> User | None:
        return db.session.execute(select(User).where(User.email == f"{name}@example.com")).scalar_one_or_none()

    def quiet_channels(self, number: int) -> list[str]:
        """So many more podcasts, each with a channel of its own that has one old upload. Answers the channels."""
        first = len(self.youtube.channels)
        channels = [self.youtube.add_channel(f"Quiet {first + n}") for n in range(number)]
        for n, channel in enumerate(channels, start=first):
            self.youtube.upload(channel, "Old")
            db.session.add(Podcast(slug=f"quiet-{n}", name=f"Quiet {n}", youtube_channel_id=channel))
        db.session.commit()
        return channels

    def connect(self, name: str) -> None:
        user = self.user(name)
        assert user is not None
        self.cast.connect(user, now=self.now)

    def planned(self, podcast: Podcast, title: str = "Queues", **more: Any) -> EpisodeGuide:
        """An episode as the command makes it, `at` an instant, `video` an id."""
        return create_episode(podcast.slug, title, now=self.now, **more)

    # What came of it

    def broadcast(self, video_id: str) -> Broadcast | None:
        query = select(Broadcast).where(Broadcast.video_id == video_id)
        found = db.session.execute(query, execution_options={"populate_existing": True}).scalar_one_or_none()
        if found is not None:
            db.session.expunge(found)
        db.session.commit()
        return found

    def state(self, video_id: str) -> tuple[str, str]:
        """(state, verdict)."""
        found = self.broadcast(video_id)
        assert found is not None
        return found.state, found.verdict

    def channel(self, channel_id: str) -> YouTubeChannel:
        query = select(YouTubeChannel).where(YouTubeChannel.id == channel_id)
        found = db.session.execute(query, execution_options={"populate_existing": True}).scalar_one()
        db.session.expunge(found)
        db.session.commit()
        return found

    def episodes(self, podcast: Podcast) -> list[str]:
        query = select(EpisodeGuide.title).where(EpisodeGuide.podcast_id == podcast.id).order_by(EpisodeGuide.id)
        titles = list(db.session.execute(query).scalars())
        db.session.commit()
        return titles

    def outcome(self, episode: EpisodeGuide, host: str) -> tuple[str, str | None]:
        """(status of the host's config, cause of his newest post)."""
        config = self.cast.config(episode, host)
        status, posts = config.status, self.cast.posts(config_id=config.id)
        db.session.commit()
        return status, posts[-1].cause if posts else None

    def said(self, *hosts: str) -> list[int]:
        """How many posts each host has on his timeline."""
        known = {account.username for account in self.x.accounts}
        return [len(self.x.timeline(host)) if host in known else 0 for host in hosts]

    def unmatched(self) -> dict[str, str]:
        """Video → why nothing was announced, as `scheduler status` shows it."""
        found = read_status(db.session(), self.services.settings, self.now)["unmatched"]
        return {one["video"]: one["verdict"] for one in found}

    def units(self) -> tuple[int, int]:
        """(counted by us for the current Pacific day, spent at the stand-in)."""
        row = db.session.get(QuotaDay, quota.pacific_day(self.now), populate_existing=True)
        ours = row.discovery + row.watch + row.people if row else 0
        db.session.commit()
        return ours, self.youtube.units()

    @contextlib.contextmanager
    def statements(self) -> Iterator[list[str]]:
        """Collects the SQL that is executed meanwhile, BEGIN and COMMIT aside."""
        collected: list[str] = []

        def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
            if not statement.startswith("BEGIN"):
                collected.append(statement)

        event.listen(db.engine, "before_cursor_execute", note)
        try:
            yield collected
        finally:
            event.remove(db.engine, "before_cursor_execute", note)
