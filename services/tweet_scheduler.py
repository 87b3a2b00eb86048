"""From a live broadcast to posts in the outbox. Reaches X only through SocialPostingService."""

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import select, update

from config import Settings
from extensions import db, reading
from models import (
    Broadcast,
    BroadcastState,
    EpisodeGuide,
    EpisodeTweetConfig,
    Podcast,
    Post,
    PostStatus,
    User,
    Verdict,
)
from services import adopting, announcing, audit, outbox, tweet_text
from services.audit import NOBODY, Actor, Kind
from services.errors import Conflict, NotFound, Stale
from services.looking import Looked
from services.social_posting import Delivery, Drained, SocialPostingService
from services.writer import Writer
from services.youtube_live import YouTubeLiveService

log = logging.getLogger(__name__)


@dataclass(slots=True)
class CheckSummary:
    """What one check did."""

    channels: int = 0
    failed_looks: int = 0
    broadcasts_asked: int = 0
    queued: int = 0
    posted: int = 0
    failed: int = 0
    unknown: int = 0

    def add(self, looked: Looked, queued: int, drained: Drained) -> None:
        self.channels += looked.channels
        self.failed_looks += looked.failed
        self.broadcasts_asked += looked.asked
        self.queued += queued
        self.posted += drained.posted
        self.failed += drained.failed
        self.unknown += drained.unknown


class TweetSchedulerService:
    """Knows what a start means: which episode, whose texts, which posts."""

    def __init__(
        self,
        settings: Settings,
        live: YouTubeLiveService,
        posting: SocialPostingService,
        writer: Writer,
    ) -> None:
        self._live = live
        self._posting = posting
        self._writer = writer
        self._max_age = timedelta(minutes=settings.live_post_max_age_minutes)

    # Looking and announcing

    def check_and_post_live_tweets(
        self,
        now: datetime | None = None,
        *,
        everything: bool = True,
        drain: Callable[[datetime], Drained] | None = None,
    ) -> CheckSummary:
        """One whole cycle: looks at every channel and known broadcast, announces what is live, drains the outbox.

        Safe to run anywhere, at any time, by several at once. `drain` takes the place of sending in this thread,
        where a hanging X must not hold up the next channels.
        """
        now = now or datetime.now(UTC)
        summary = CheckSummary()
        for looked in self._live.check(now, everything=everything):
            if drain is not None:
                summary.add(looked, self.announce(looked.broadcast_ids, now), drain(now))
                continue
            delivery = self._posting.begin(now)
            queued = self.announce(looked.broadcast_ids, now, delivery)
            summary.add(looked, queued, self._posting.finish(delivery))
        self.close_overdue(now)
        return summary

    def watch(self, now: datetime) -> int:
        """Asks about what is due and announces what is live. Sends nothing itself. Returns how many posts it queued."""
        queued = 0
        for looked in self._live.watch(now):
            queued += self.announce(looked.broadcast_ids, now)
        self.close_overdue(now)
        return queued

    def announce(self, broadcast_ids: Iterable[int], now: datetime, delivery: Delivery | None = None) -> int:
        """Puts the posts of live broadcasts into the outbox, one transaction for each. Returns how many.

        One broken broadcast costs nobody else a post: it is logged and tried again at its next look.
        With a `delivery` the first posts are on their way while the last are still being written.
        """
        queued = 0
        for broadcast_id in broadcast_ids:
            try:
                queued += self._announce(broadcast_id, now)
                db.session.commit()
            except Exception:
                db.session.rollback()
                log.exception("an announcement failed", extra={"broadcast": broadcast_id})
            if delivery is not None and queued:
                self._posting.go_on(delivery)
        return queued

    def close_overdue(self, now: datetime) -> None:
        """Ends announcing where it is too late, also while YouTube cannot be asked."""
        reading()
        overdue = announcing.overdue(db.session(), now, self._max_age)
        db.session.rollback()
        self.announce(overdue, now)

    def _announce(self, broadcast_id: int, now: datetime) -> int:
        session = db.session()
        broadcast = announcing.lock_broadcast(session, broadcast_id)
        if broadcast is None or broadcast.closed_at is not None:
            return 0
        at = adopting.started_at(broadcast)
        not_after = at + self._max_age
        is_over = broadcast.state == BroadcastState.ENDED
        # A recording no longer tells that it was a premiere or for members only: what was decided live stays.
        kept = (Verdict.PREMIERE, Verdict.NOT_PUBLIC) if is_over else ()
        if broadcast.verdict not in (Verdict.ANNOUNCED, *announcing.MISSED, *kept):
            was_late = broadcast.live_seen_at is None or broadcast.live_seen_at > not_after
            found = adopting.find_match(session, broadcast, was_late=was_late)
            adopting.adopt(session, broadcast, found, now)
        if is_over or now >= not_after or broadcast.verdict in announcing.MISSED:
            announcing.close(session, broadcast, now, "stream_over" if is_over else "too_late", self._writer.wording)
            return 0
        if broadcast.verdict != Verdict.ANNOUNCED or broadcast.episode_id is None:
            return 0
        announcing.top_up_configs(session, broadcast.episode_id)
        return announcing.queue_posts(session, broadcast, now, not_after, self._writer.compose)

    # What hosts want said

    def create_tweet_configs_for_episode(self, episode: EpisodeGuide) -> int:
        """One config for each current member who has none; one statement whatever their number. Returns how many."""
        made = announcing.top_up_configs(db.session(), episode.id)
        db.session.commit()
        log.debug("tweet configs made", extra={"episode": episode.id, "made": made, "statements": 1})
        return made

    def generate_tweet_content(
        self, config: EpisodeTweetConfig, episode: EpisodeGuide, *, video_id: str | None = None
    ) -> str:
        """The text that would be sent now for this host. `video_id` spares looking up the matched broadcast.

        Raises Invalid when it cannot be sent as it is.
        """
        user = db.session.get_one(User, config.user_id)
        podcast = db.session.get_one(Podcast, episode.podcast_id)
        if video_id is None:
            matched = select(Broadcast.video_id).where(Broadcast.episode_id == episode.id)
            video_id = db.session.execute(matched.order_by(Broadcast.id.desc()).limit(1)).scalar_one_or_none()
        return self._writer.compose(config, user, podcast, episode, video_id or episode.video_id or "")[0]

    def set_tweet(  # noqa: PLR0913 - each is left out when it stays as it is
        self,
        config_id: int,
        *,
        text: str | None = None,
        enabled: bool | None = None,
        include_link: bool | None = None,
        version: int | None = None,
        by: Actor = NOBODY,
        now: datetime,
    ) -> str:
        """Saves what a host wants said, and changes or stops a post that is still waiting, in one transaction.

        Returns a sentence. Raises Invalid for a text that cannot be posted, Conflict when it is already being sent, and
        Stale when `version` is not the stored one and a text would be lost.
        """
        if text:
            tweet_text.validate_template(text)
        session = db.session()
        config, newest = self._locked(config_id)
        if version not in (None, config.version) and text not in (None, config.text):
            session.rollback()
            raise Stale("The text was changed in another window meanwhile, so yours was not saved yet.")
        sentence = "Saved."
        switched_off = enabled is False and config.enabled
        before = config.text, config.include_link, config.enabled
        config.text = config.text if text is None else text
        config.enabled = config.enabled if enabled is None else enabled
        config.include_link = config.include_link if include_link is None else include_link
        config.version += 1
        config.updated_at = now
        if newest is not None:
            sentence = self._change_newest(config, newest, now, switched_off=switched_off)
            outbox.derive_config_status(session, [newest.id])
        self._note(config, before, by, now)
        session.commit()
        return sentence

    def announce_again(self, config_id: int, wanted: bool, *, by: Actor, now: datetime) -> str:
        """For who posted by hand before the start: whether the start is announced for him all the same.

        Raises Conflict when there is nothing to choose: nothing was posted ahead, or the start was announced already.
        """
        session = db.session()
        config, newest = self._locked(config_id)
        if newest is None or not outbox.is_ahead(newest):
            session.rollback()
            raise Conflict("There is nothing to choose here: no post of yours is out ahead of the start.")
        config.announce_again = wanted
        session.flush()
        outbox.derive_config_status(session, [newest.id])
        podcast_id = session.get_one(EpisodeGuide, config.episode_id).podcast_id
        kind = Kind.SWITCHED_ON if wanted else Kind.SWITCHED_OFF
        about: dict[str, int] = {"subject_id": config.user_id, "episode": config.episode_id}
        audit.note(kind, by, now, podcast_id=podcast_id, **about)
        session.commit()
        return "The start is announced for you too." if wanted else "The start is not announced for you again."

    @staticmethod
    def _note(config: EpisodeTweetConfig, before: tuple[str, bool, bool], by: Actor, now: datetime) -> None:
        podcast_id = db.session.get_one(EpisodeGuide, config.episode_id).podcast_id
        about: dict[str, int] = {"podcast_id": podcast_id, "subject_id": config.user_id, "episode": config.episode_id}
        if (config.text, config.include_link) != before[:2]:
            audit.note(Kind.TEXT_CHANGED, by, now, **about)
        if config.enabled != before[2]:
            audit.note(Kind.SWITCHED_ON if config.enabled else Kind.SWITCHED_OFF, by, now, **about)

    @staticmethod
    def _locked(config_id: int) -> tuple[EpisodeTweetConfig, Post | None]:
        """The config and its newest post, locked in the order in which sending locks them: post, then config.

        A post may be made between the two; then it is done once more, since waiting for it could be a deadlock.
        """
        session = db.session()
        newest_first = select(Post).where(Post.config_id == config_id).order_by(Post.id.desc()).limit(1)
        query = select(EpisodeTweetConfig).where(EpisodeTweetConfig.id == config_id)
        while True:
            newest = session.execute(
                newest_first.with_for_update(key_share=True), execution_options={"populate_existing": True}
            ).scalar_one_or_none()
            config = session.execute(
                query.with_for_update(key_share=True), execution_options={"populate_existing": True}
            ).scalar_one_or_none()
            if config is None:
                session.rollback()
                raise NotFound("There is no such tweet.")
            latest = session.execute(newest_first.with_only_columns(Post.id)).scalar_one_or_none()
            if latest == (newest.id if newest else None):
                return config, newest
            session.rollback()

    def _change_newest(self, config: EpisodeTweetConfig, newest: Post, now: datetime, *, switched_off: bool) -> str:
        session = db.session()
        session.flush()
        if switched_off and newest.status in (PostStatus.UNKNOWN, PostStatus.REVIEW):
            return "Switched off. It was sent once already; it will not be sent again."
        if newest.status in (PostStatus.SENDING, PostStatus.UNKNOWN, PostStatus.REVIEW):
            session.rollback()
            raise Conflict("This post is already being sent and can no longer be changed.")
        if newest.status == PostStatus.POSTED and config.announce_again and outbox.is_ahead(newest):
            return "Saved."
        if newest.status == PostStatus.POSTED:
            session.rollback()
            raise Conflict("This post is already out. Change or delete it on X.")
        if newest.status != PostStatus.QUEUED:
            return "Saved."
        if switched_off:
            cancel = outbox.Move(
                post_id=newest.id, expected=PostStatus.QUEUED, to=PostStatus.CANCELLED, cause="switched_off"
            )
            outbox.apply(session, [cancel], now)
            return "Switched off. The post that was waiting is not sent."
        if newest.was_reposted:
            session.rollback()
            raise Conflict("This post is being sent again word for word and can no longer be changed.")
        episode = session.get_one(EpisodeGuide, config.episode_id)
        user, podcast = session.get_one(User, config.user_id), session.get_one(Podcast, episode.podcast_id)
        final, source = self._writer.compose(config, user, podcast, episode, newest.video_id or "")
        session.execute(
            update(Post)
            .where(Post.id == newest.id, Post.status == PostStatus.QUEUED)
            .values(text=final, text_source=source, has_link=tweet_text.has_link(final)),
            execution_options={"synchronize_session": False},
        )
        return "Saved. The post that was waiting has the new text."
