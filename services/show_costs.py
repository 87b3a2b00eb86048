"""What the posts of shows to come will be: how many, for whom, with a link or without. Reads only."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, and_, func, or_, select

from extensions import db
from models import (
    Broadcast,
    BroadcastState,
    ConfigStatus,
    EpisodeGuide,
    EpisodeTweetConfig,
    Podcast,
    PodcastMember,
    User,
    Verdict,
)
from services.ahead import OVER
from services.claims import Claim, claims_of
from services.coming_texts import ComingTexts
from services.coverage import ToPost
from services.wallet_rows import Whose


@dataclass(frozen=True, slots=True)
class ComingShow:
    """A planned show, and the posts that wait for it."""

    episode: EpisodeGuide
    podcast: Podcast
    posts: Sequence[ToPost]

    @property
    def at(self) -> datetime:
        assert self.episode.scheduled_at is not None
        return self.episode.scheduled_at


@dataclass(frozen=True, slots=True)
class Outlook:
    """`waiting`: posts that come before all shows, because they wait to be sent or for a show that is overdue."""

    waiting: Sequence[Claim]
    shows: Sequence[ComingShow]


def outlook(podcast: Podcast, now: datetime, *, most: int) -> Outlook:
    """What waits, and so many planned shows, soonest first. Two statements."""
    episodes = [row.EpisodeGuide for row in db.session.execute(_next([podcast.id], now, most))]
    until = episodes[-1].scheduled_at if episodes else now
    claims = claims_of([podcast.id], {podcast.id: podcast}, now, until=until)
    posts: dict[int, list[ToPost]] = {episode.id: [] for episode in episodes}
    for claim in claims:
        at, id = claim.turn
        if at > now and id in posts:
            posts[id].append(ToPost(id, claim.whose, claim.has_link))
    shows = [ComingShow(episode, podcast, posts[episode.id]) for episode in episodes]
    return Outlook([claim for claim in claims if claim.turn[0] <= now], shows)


def coming(podcast_ids: Collection[int], now: datetime, *, most: int) -> list[ComingShow]:
    """So many planned shows of each of these podcasts, soonest first. Two statements."""
    if not podcast_ids:
        return []
    rows = db.session.execute(_next(podcast_ids, now, most)).all()
    posts = _posts({row.EpisodeGuide.id: row.EpisodeGuide for row in rows}, {r.Podcast.id: r.Podcast for r in rows})
    return [ComingShow(row.EpisodeGuide, row.Podcast, posts[row.EpisodeGuide.id]) for row in rows]


def _next(podcast_ids: Collection[int], now: datetime, most: int) -> Select[EpisodeGuide, Podcast]:
    begun = or_(Broadcast.verdict == Verdict.ANNOUNCED, Broadcast.state.in_((BroadcastState.LIVE, *OVER)))
    seen = select(Broadcast.id).where(Broadcast.episode_id == EpisodeGuide.id, begun).exists()
    order = (EpisodeGuide.scheduled_at, EpisodeGuide.id)
    place = func.row_number().over(partition_by=EpisodeGuide.podcast_id, order_by=order)
    next_ones = select(EpisodeGuide.id, place.label("place")).where(
        EpisodeGuide.podcast_id.in_(podcast_ids), EpisodeGuide.scheduled_at > now, ~seen
    )
    nearest = next_ones.subquery()
    query = select(EpisodeGuide, Podcast).join(Podcast, Podcast.id == EpisodeGuide.podcast_id)
    query = query.join(nearest, nearest.c.id == EpisodeGuide.id).where(nearest.c.place <= most)
    return query.order_by(*order)


def _posts(episodes: dict[int, EpisodeGuide], shows: dict[int, Podcast]) -> dict[int, list[ToPost]]:
    found: dict[int, list[ToPost]] = {id: [] for id in episodes}
    if not episodes:
        return found
    config, texts = EpisodeTweetConfig, ComingTexts(shows)
    member = and_(PodcastMember.user_id == User.id, PodcastMember.podcast_id == EpisodeGuide.podcast_id)
    query = (
        select(config.episode_id, config.user_id, config.text, config.draft, config.include_link, User.default_text)
        .join(User, User.id == config.user_id)
        .join(EpisodeGuide, EpisodeGuide.id == config.episode_id)
        .join(PodcastMember, member)
        .where(config.episode_id.in_(list(episodes)), config.enabled, config.status == ConfigStatus.PENDING)
        .where(User.is_active)
    )
    rows: list[Any] = list(db.session.execute(query))
    for row in rows:
        episode = episodes[row.episode_id]
        whose = Whose(episode.podcast_id, row.user_id)
        found[episode.id].append(ToPost(episode.id, whose, texts.of(row, episode).has_link))
    return found
