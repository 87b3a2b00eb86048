"""A dry run of the next episode: YouTube looked at, the start matched, every text written, every login asked who it is.

Nothing is sent, and nothing changes but the note of what was found (and tokens that had to be renewed to be asked).
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import or_, select

from extensions import db
from models import Broadcast, EpisodeGuide, EpisodeTweetConfig, Podcast, Rehearsal, SocialConnection, Verdict
from services import adopting, paying, prices, tweet_text, tweets
from services.ahead import OVERDUE
from services.audit import Actor
from services.causes import explain
from services.clients.x_answers import XUser
from services.coming_texts import SOME_VIDEO
from services.errors import Invalid, Outcome
from services.lamps import shut_gates
from services.paying import USER_READ
from services.registry import get_services
from services.tokens import Access
from services.tweets import in_the_way, words_now
from services.vault import VaultError
from services.vocabulary import SILENT
from services.wallet_rows import Whose
from services.youtube_settings import trouble_of_sharing

#: logins asked at once
AT_ONCE = 8
LONGEST_TROUBLE = 500


@dataclass(slots=True)
class Part:
    """One host as the rehearsal finds him: `trouble` as soon as there is any; `access` what X is asked with."""

    user_id: int
    name: str
    username: str
    account_id: str
    enabled: bool
    length: int
    trouble: str | None = None
    access: Access | None = None
    is_stale: bool = False


def rehearse(podcast: Podcast, by: Actor, now: datetime) -> Rehearsal:
    """Goes through the next episode and keeps what was found. Raises Invalid when nothing is planned."""
    episode = _next_episode(podcast.id, now)
    if episode is None:
        raise Invalid("There is no episode to rehearse yet. Plan one first.")
    podcast_id, episode_id, channel_id = podcast.id, episode.id, podcast.youtube_channel_id
    troubles = [trouble for trouble in (_unmatched(podcast, episode, now), _held(now)) if trouble]
    parts = _parts(episode, now)
    db.session.rollback()  # nobody waits for us while we wait for others
    troubles += _look(channel_id)
    asked = _ask(parts, now)
    posting = [part for part in parts if part.enabled]
    if not posting:
        troubles.append("Nobody's text is switched on, so nothing would be posted.")
    done = Rehearsal(
        podcast_id=podcast_id,
        episode_id=episode_id,
        at=now,
        actor_id=by.user_id,
        is_passed=not troubles and all(part.trouble is None for part in posting),
        trouble=" ".join(troubles)[:LONGEST_TROUBLE],
        results=[_result(part) for part in parts],
    )
    db.session.add(done)
    read = [paying.Read(Whose(podcast_id, user), id, USER_READ, episode_id=episode_id) for user, id in asked]
    paying.record_reads(db.session(), read, now)
    db.session.commit()
    return done


def _next_episode(podcast_id: int, now: datetime) -> EpisodeGuide | None:
    """The one whose start is awaited: the soonest planned, else one that only its video tells."""
    taken = select(Broadcast.id).where(Broadcast.episode_id == EpisodeGuide.id, Broadcast.verdict == Verdict.ANNOUNCED)
    query = (
        select(EpisodeGuide)
        .where(
            EpisodeGuide.podcast_id == podcast_id,
            or_(EpisodeGuide.scheduled_at > now - OVERDUE, EpisodeGuide.scheduled_at.is_(None)),
            ~taken.exists(),
        )
        .order_by(EpisodeGuide.scheduled_at.is_(None), EpisodeGuide.scheduled_at, EpisodeGuide.id)
        .limit(1)
    )
    return db.session.execute(query).scalar_one_or_none()


def _unmatched(podcast: Podcast, episode: EpisodeGuide, now: datetime) -> str | None:
    """Why a stream that starts as planned would not be taken for this episode, decided as at a start; None if it is."""
    if not podcast.is_active:
        return "The podcast is archived: nothing is looked at."
    title = episode.title
    if podcast.active_filter and podcast.active_filter not in title.casefold():
        title = f"{title} {podcast.title_filter}"  # what a stream of this podcast is called
    start = Broadcast(
        video_id=episode.video_id or SOME_VIDEO,
        channel_id=podcast.youtube_channel_id,
        title=title,
        privacy="public",
        is_premiere=False,
        actual_start_at=episode.scheduled_at or now,
        first_seen_at=now,
    )
    with db.session.no_autoflush:
        found = adopting.find_match(db.session(), start, was_late=False)
    if found.verdict != Verdict.ANNOUNCED:
        shared = trouble_of_sharing(podcast.id) if found.verdict == Verdict.UNMATCHED else ""
        why = shared or SILENT[found.verdict]
        return f"A stream that starts as planned would not be announced. {why}"
    if found.episode_id != episode.id or found.podcast_id != podcast.id:
        return "A stream that starts as planned would be taken for another episode."
    return None


def _held(now: datetime) -> str | None:
    held = shut_gates(now).get("x")
    return explain(held.cause) if held else None


def _look(channel_id: str | None) -> list[str]:
    """YouTube is asked what is live on the channel: the answer does not matter, that there is one does."""
    if not channel_id:
        return ["No YouTube channel is set, so no start is noticed."]
    try:
        get_services().live.check_channel_live(channel_id)
    except Outcome as outcome:
        return [explain(outcome.cause)]
    finally:
        db.session.rollback()
    return []


def _parts(episode: EpisodeGuide, now: datetime) -> list[Part]:
    rows = db.session.execute(tweets.hosts_of(), {"episode_ids": [episode.id]}).all()
    return [_part(row.EpisodeTweetConfig, row.SocialConnection, row.member_id is not None, now) for row in rows]


def _part(config: EpisodeTweetConfig, connection: SocialConnection | None, is_member: bool, now: datetime) -> Part:
    text, trouble = words_now(config, config.episode.video_id or SOME_VIDEO)
    part = Part(
        user_id=config.user_id,
        name=config.user.name,
        username=connection.username if connection else "",
        account_id=connection.platform_user_id if connection else "",
        enabled=config.enabled and is_member,
        length=tweet_text.weighted_length(text),
        trouble=in_the_way(config, is_member, connection) or (f"{trouble}." if trouble else None),
    )
    if part.enabled and part.trouble is None and connection is not None:
        tokens = get_services().tokens
        try:
            part.access = tokens.access(connection)
        except VaultError:
            part.trouble = "The stored login cannot be opened any more. Connect X again."
        part.is_stale = tokens.needs_refresh(connection, now)
    return part


def _ask(parts: Sequence[Part], now: datetime) -> list[tuple[int, str]]:
    """Every login is asked who it is, several at once; those about to end are renewed first, as before a post.

    Returns whom X described: (user id, id at X). Each costs.
    """
    tokens = get_services().tokens
    stale = [part.access.connection_id for part in parts if part.access and part.is_stale]
    if stale:
        tokens.refresh_now(stale, lambda: now)
        fresh = tokens.accesses(stale)
        for part in parts:
            if part.access and part.is_stale:
                part.access = fresh.get(part.access.connection_id, part.access)
    asked = [part for part in parts if part.access is not None]
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="rehearse") as pool:
        answers = list(pool.map(tokens.who_is, [part.access for part in asked]))
    for part, answer in zip(asked, answers, strict=True):
        part.trouble = _judged(part, answer)
    told = zip(asked, answers, strict=True)
    return [(part.user_id, answer.id) for part, answer in told if isinstance(answer, XUser)]


def _judged(part: Part, answer: XUser | Outcome) -> str | None:
    if isinstance(answer, Outcome):
        return explain(answer.cause)
    if answer.id != part.account_id:
        return f"X says this login is @{answer.username} now. Connect X again."
    return None


def _result(part: Part) -> dict[str, Any]:
    if not part.enabled:
        said = "Switched off: nothing would be posted."
    else:
        said = part.trouble or f"Ready as @{part.username}: {part.length} of {tweet_text.LIMIT}."
    passed = part.enabled and part.trouble is None
    return {"user_id": part.user_id, "name": part.name, "on": part.enabled, "passed": passed, "said": said}


def price_of_login(now: datetime) -> int:
    """Micro-dollars that X asks for telling who one login is, in one statement."""
    return prices.current(now).cost(USER_READ)


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """The last dry run, the episode it was of, and the one that is next by now, if any."""

    run: Rehearsal
    episode: EpisodeGuide
    upcoming: EpisodeGuide | None

    @property
    def is_of_next(self) -> bool:
        return self.upcoming is not None and self.upcoming.id == self.episode.id


def last_rehearsal(podcast_id: int, now: datetime) -> Rehearsed | None:
    """Two statements at most."""
    query = select(Rehearsal, EpisodeGuide).join(EpisodeGuide, EpisodeGuide.id == Rehearsal.episode_id)
    query = query.where(Rehearsal.podcast_id == podcast_id).order_by(Rehearsal.at.desc(), Rehearsal.id.desc())
    row = db.session.execute(query.limit(1)).first()
    return Rehearsed(row.Rehearsal, row.EpisodeGuide, _next_episode(podcast_id, now)) if row else None
