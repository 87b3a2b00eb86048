"""What is posted before a show and paid from the same wallets: posts that wait, and shows before it. Reads only.

A show is judged by what they leave. Asked only where an empty wallet stops posts: elsewhere nothing depends on it.
"""

from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from sqlalchemy import and_, case, or_, select, union
from sqlalchemy import text as sql

from extensions import db
from models import (
    Broadcast,
    BroadcastState,
    ConfigStatus,
    EpisodeGuide,
    EpisodeTweetConfig,
    Podcast,
    PodcastMember,
    Post,
    PostStatus,
    User,
    Verdict,
)
from services import coverage, tweet_text
from services.ahead import OVER, OVERDUE, has_stream
from services.coming_texts import ComingTexts
from services.coverage import NEAR, Purse, Taken, Waiting
from services.wallet_rows import Whose

#: posts that wait come before all shows
FIRST = (datetime.min.replace(tzinfo=UTC), 0)


class Claim(NamedTuple):
    """One post, when its turn is as (instant, episode id), and what pays for it, by the prices of that turn."""

    turn: tuple[datetime, int]
    whose: Whose
    has_link: bool
    purse: Purse


def taken_before(
    near: Iterable[Waiting], episodes: Mapping[int, EpisodeGuide], shows: Mapping[int, Podcast], now: datetime
) -> Taken:
    """`near`: the posts of shows that are judged, at most NEAR ahead. One statement where some wallet stops posts."""
    judged = {(post.episode_id, post.purse.id) for post in near if post.purse.stops and post.purse.is_limited}
    if not judged:
        return {}
    claims = claims_of({episodes[episode_id].podcast_id for episode_id, _ in judged}, shows, now, until=now + NEAR)
    return {
        (episode_id, wallet_id): sum(
            claim.purse.cost(has_link=claim.has_link)
            for claim in claims
            if claim.purse.id == wallet_id and claim.turn < _turn(episodes[episode_id])
        )
        for episode_id, wallet_id in judged
    }


def claims_of(
    podcast_ids: Collection[int], shows: Mapping[int, Podcast], now: datetime, *, until: datetime
) -> list[Claim]:
    """All posts of these podcasts that wait to be sent, or for a show that begins by then. One statement."""
    config, texts = EpisodeTweetConfig, ComingTexts(shows)
    member = and_(PodcastMember.podcast_id == EpisodeGuide.podcast_id, PodcastMember.user_id == User.id)
    queued = and_(Post.config_id == config.id, Post.status == PostStatus.QUEUED)
    which = union(_waiting(podcast_ids, now), _planned(podcast_ids, now, until)).subquery()
    query = (
        select(config.user_id, config.text, config.draft, config.include_link, User.default_text, EpisodeGuide)
        .add_columns(Post.id.label("post_id"), Post.text.label("post_text"))
        .join(which, which.c.id == config.id)
        .join(User, User.id == config.user_id)
        .join(EpisodeGuide, EpisodeGuide.id == config.episode_id)
        .outerjoin(PodcastMember, member)
        .outerjoin(Post, queued)
        .where(or_(Post.id.is_not(None), and_(PodcastMember.id.is_not(None), User.is_active)))
    )
    # What waits already is paid for now, whatever was planned.
    at = case((Post.id.is_(None), EpisodeGuide.scheduled_at))
    rows = db.session.execute(coverage.with_purses(query, now, at=at))
    return [_claim(row, texts) for row in rows]


def _claim(row: Any, texts: ComingTexts) -> Claim:
    episode, purse = row.EpisodeGuide, coverage.purse_of(row)
    whose = Whose(episode.podcast_id, row.user_id)
    if row.post_id is not None:
        return Claim(FIRST, whose, tweet_text.has_link(row.post_text), purse)
    return Claim(_turn(episode), whose, texts.of(row, episode).has_link, purse)


def _turn(episode: EpisodeGuide) -> tuple[datetime, int]:
    assert episode.scheduled_at is not None
    return episode.scheduled_at, episode.id


def _waiting(podcast_ids: Collection[int], now: datetime) -> Any:
    """Texts whose post is queued and still in time. Spelled out: the index of such posts is a partial one."""
    queued = (sql("posts.status = 'queued'"), Post.not_after > now, Post.config_id.is_not(None))
    return select(Post.config_id.label("id")).where(Post.podcast_id.in_(podcast_ids), *queued)


def _planned(podcast_ids: Collection[int], now: datetime, until: datetime) -> Any:
    """Texts that wait for a show which was not seen yet."""
    begun = or_(Broadcast.verdict == Verdict.ANNOUNCED, Broadcast.state.in_((BroadcastState.LIVE, *OVER)))
    at, config = EpisodeGuide.scheduled_at, EpisodeTweetConfig
    query = select(config.id.label("id")).join(EpisodeGuide, EpisodeGuide.id == config.episode_id)
    query = query.where(EpisodeGuide.podcast_id.in_(podcast_ids), at > now - OVERDUE, at <= until)
    return query.where(config.enabled, config.status == ConfigStatus.PENDING, ~has_stream(begun))
