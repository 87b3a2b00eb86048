"""Each host of one episode with the words that were or would be sent: one statement, however many hosts.

One more where an empty wallet stops posts.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import BindParameter, bindparam

from extensions import db
from models import ConfigStatus, EpisodeTweetConfig, Post, UtcDateTime
from services import claims, coverage, tweet_text, tweets
from services.coming_texts import SOME_LINK, SOME_VIDEO
from services.coverage import Purse, Waiting
from services.lamps import ENDS_BEFORE, HostLamp, ends_before, held, held_until, with_gates
from services.tweets import in_the_way, post_url, words_now
from services.vocabulary import light_of_host
from services.youtube_reference import watch_url

#: a row of tweets.hosts_of, with its purse
_Found = Any


@dataclass(frozen=True, slots=True)
class HostView(HostLamp):
    """One host of one episode. `text` is what was or would now be said."""

    config: EpisodeTweetConfig = field(repr=False)
    post: Post | None = field(repr=False)
    config_id: int
    episode_id: int
    username: str
    text: str
    length: int
    include_link: bool
    post_id: int | None
    #: whether only X itself is in the way, and connecting (again) mends it
    needs_x: bool
    purse: Purse


def hosts_with_texts(episode_id: int, video_id: str, now: datetime) -> list[HostView]:
    """The hosts of one episode with the words that were or would be sent. `video_id`: the matched one, or empty.

    Before the video is known its link is counted, and shown as SOME_LINK.
    """
    rows: list[_Found] = list(db.session.execute(_hosts(), {"episode_ids": [episode_id], "now": now}))
    said = [_said(row, video_id) for row in rows]
    purses = [_purse(row, now) for row in rows]
    near, episodes = list(_near(rows, said, purses, now)), [row.EpisodeTweetConfig.episode for row in rows[:1]]
    shows = {episode.podcast_id: episode.podcast for episode in episodes}
    taken = claims.taken_before(near, {episode.id: episode for episode in episodes}, shows, now)
    short = coverage.lacking(near, taken)
    lacking = [coverage.uncovered() if (episode_id, row.EpisodeTweetConfig.user_id) in short else None for row in rows]
    found = zip(rows, said, lacking, purses, strict=True)
    return [_view(row, words, lacks, purse) for row, words, lacks, purse in found]


@cache
def _hosts() -> Any:
    """Put together once, which takes longer than asking it."""
    now: BindParameter[datetime] = bindparam("now", type_=UtcDateTime)
    return with_gates(coverage.with_purses(tweets.hosts_of(), now), now)


def _said(row: _Found, video_id: str) -> tuple[str | None, str]:
    """Why it cannot be sent, as a sentence, and what was or would be said."""
    config, post = row.EpisodeTweetConfig, row.Post
    if post and post.text and config.status != ConfigStatus.PENDING:
        return None, post.text
    text, trouble = words_now(config, video_id or config.episode.video_id or SOME_VIDEO)
    return f"{trouble}." if trouble else None, text


def _purse(row: _Found, now: datetime) -> Purse:
    episode = row.EpisodeTweetConfig.episode
    return coverage.purse_before(row, episode, episode.podcast, now)


def _near(
    rows: Iterable[_Found], said: Iterable[tuple[str | None, str]], purses: Iterable[Purse], now: datetime
) -> Iterator[Waiting]:
    """What waits for the show, if it is so near that wallets have to cover it."""
    for row, (trouble, text), purse in zip(rows, said, purses, strict=True):
        config = row.EpisodeTweetConfig
        waits = config.enabled and config.status == ConfigStatus.PENDING and row.member_id and config.user.is_active
        if waits and coverage.is_near(config.episode, now):
            has_link = config.include_link if trouble else tweet_text.has_link(text)
            yield Waiting(config.episode_id, config.user_id, has_link, purse)


def _view(row: _Found, said: tuple[str | None, str], lacks: str | None, purse: Purse) -> HostView:
    """`said` as _said has it; of words that cannot be sent, the length would say nothing. `lacks`: its wallet does."""
    trouble, (text_trouble, text) = _trouble(row), said
    waits = row.EpisodeTweetConfig.status == ConfigStatus.PENDING and row.EpisodeTweetConfig.enabled
    config, post, connection = row.EpisodeTweetConfig, row.Post, row.SocialConnection
    username = (post.username if post else "") or (connection.username if connection else "")
    return HostView(
        config=config,
        post=post,
        config_id=config.id,
        episode_id=config.episode_id,
        user_id=config.user_id,
        name=config.user.name,
        username=username,
        light=light_of_host(
            config.status,
            enabled=config.enabled,
            post=post,
            trouble=trouble or text_trouble or lacks or held(row),
            held_until=held_until(row),
        ),
        post_url=post_url(post) if post else None,
        text=text.replace(watch_url(SOME_VIDEO), SOME_LINK),
        length=tweet_text.weighted_length(text) if text and not text_trouble else 0,
        include_link=config.include_link,
        post_id=post.id if post else None,
        text_trouble=text_trouble if waits and row.member_id is not None else None,
        purse=purse,
        needs_x=trouble is not None and row.member_id is not None and config.user.is_active,
    )


def _trouble(row: _Found) -> str | None:
    """Why this host would not be posted for, as far as people and their connections go."""
    trouble = in_the_way(row.EpisodeTweetConfig, row.member_id is not None, row.SocialConnection)
    return trouble or (ENDS_BEFORE if row.EpisodeTweetConfig.enabled and _token_ends(row) else None)


def _token_ends(row: _Found) -> bool:
    """Whether the token is over before the planned start and cannot be renewed."""
    connection = row.SocialConnection
    if connection is None or connection.refresh_token is not None:
        return False
    return ends_before(connection.expires_at, row.EpisodeTweetConfig.episode)
