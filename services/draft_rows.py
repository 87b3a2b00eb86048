"""Drafts in the database: what one is written from, the row of each, and the one that counts. Asks nobody."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import delete, exists, func, or_, select, update
from sqlalchemy.orm import Session

from extensions import db
from models import (
    ConfigStatus,
    Draft,
    DraftStatus,
    EpisodeGuide,
    EpisodeTweetConfig,
    Podcast,
    User,
    Voice,
    WishKind,
)
from services import tweet_text
from services.draft_brief import Brief, brief_of, fingerprint, host_voice
from services.draft_text import alike
from services.errors import Invalid, NotFound
from services.tweet_text import Facts
from services.writer import Writer, facts_of

#: a config keeps so many
KEPT = 20
#: so many configs are cleaned at a time
CLEANED = 500
#: eleven characters, as every id of a video has
SOME_VIDEO = "x" * 11
#: in which a draft can still be sent
OPEN = (ConfigStatus.PENDING, ConfigStatus.FAILED, ConfigStatus.MISSED, ConfigStatus.CANCELLED)
_PLAIN = {"synchronize_session": False}


@dataclass(frozen=True, slots=True)
class Subject:
    """Whose draft it is, for what, and what it is written from."""

    config_id: int
    user_id: int
    podcast_id: int
    episode_id: int
    brief: Brief
    fingerprint: str
    #: what counted as the draft when this was read
    draft: str
    #: the host wrote his own words
    has_own: bool
    #: the host or the podcast has a usual text that is sent while there is no draft
    has_template: bool
    needs_approval: bool

    @property
    def seed(self) -> str:
        return f"{self.episode_id}:{self.user_id}"


def load(config_id: int, wish: str, writer: Writer) -> Subject:
    """In a few statements, however many hosts. Raises NotFound when the config is gone."""
    return _loaded(config_id, wish, writer)[0]


def _loaded(config_id: int, wish: str, writer: Writer) -> tuple[Subject, list[tuple[str, str]]]:
    """The same with (name, final text) of each other host."""
    session = db.session()
    mine, episode, podcast = _row_of(session, config_id)
    facts = facts_of(podcast, episode, episode.video_id or SOME_VIDEO)
    texts = _texts(session, podcast, episode.id, facts, writer)
    user, own = texts.pop(config_id)
    others = [(other.name, text) for other, text in texts.values() if text]
    voice = session.execute(select(Voice).where(Voice.user_id == user.id)).scalar_one_or_none()
    current = own if wish != WishKind.NEW else ""
    of_host = {"host": user.name, "voice": host_voice(voice), "others": tuple(text for _, text in others)}
    subject = Subject(
        config_id=config_id,
        user_id=user.id,
        podcast_id=podcast.id,
        episode_id=episode.id,
        brief=brief_of(podcast, episode, facts, wish=wish, current=current, **of_host),
        fingerprint=fingerprint(podcast, episode),
        draft=mine.draft,
        has_own=bool(mine.text.strip()),
        has_template=bool(user.default_text.strip() or podcast.default_text.strip()),
        needs_approval=voice is not None and voice.needs_approval,
    )
    return subject, others


def _row_of(session: Session, config_id: int) -> tuple[EpisodeTweetConfig, EpisodeGuide, Podcast]:
    query = (
        select(EpisodeTweetConfig, EpisodeGuide, Podcast)
        .join(EpisodeGuide, EpisodeGuide.id == EpisodeTweetConfig.episode_id)
        .join(Podcast, Podcast.id == EpisodeGuide.podcast_id)
        .where(EpisodeTweetConfig.id == config_id)
    )
    found = session.execute(query, execution_options={"populate_existing": True}).one_or_none()
    if found is None:
        session.rollback()
        raise NotFound("There is no such text any more.")
    return found[0], found[1], found[2]


def _texts(
    session: Session, podcast: Podcast, episode_id: int, facts: Facts, writer: Writer
) -> dict[int, tuple[User, str]]:
    """Config → its host, and what would be sent for him. Empty where that is the podcast's text, which all share."""
    query = (
        select(EpisodeTweetConfig, User)
        .join(User, User.id == EpisodeTweetConfig.user_id)
        .where(EpisodeTweetConfig.episode_id == episode_id)
        .order_by(EpisodeTweetConfig.id)
    )
    texts = {}
    for config, user in session.execute(query, execution_options={"populate_existing": True}):
        template, source = writer.template(config, user, podcast, facts, own=config.text)
        texts[config.id] = user, "" if source == "podcast" else _final(template, facts)
    return texts


@lru_cache(maxsize=4096)
def _final(template: str, facts: Facts) -> str:
    try:
        return tweet_text.render(template, facts, include_link=True)
    except Invalid:
        return ""


def again(before: Subject, writer: Writer) -> Subject:
    """The same as it stands now. Until the end of the transaction no other host of the episode gets a draft."""
    session = db.session()
    held = select(EpisodeGuide.id).where(EpisodeGuide.id == before.episode_id).with_for_update(key_share=True)
    session.execute(held)
    found = load(before.config_id, before.brief.wish, writer)
    brief = replace(found.brief, current=before.brief.current, rejected=before.brief.rejected)
    return replace(found, brief=brief)


def too_like(config_id: int, text: str, writer: Writer) -> str | None:
    """The host of the episode whose text this one is near-identical to. Until the end of the transaction none changes.

    Raises NotFound.
    """
    session = db.session()
    config = session.get_one(EpisodeTweetConfig, config_id)
    session.execute(select(EpisodeGuide.id).where(EpisodeGuide.id == config.episode_id).with_for_update(key_share=True))
    subject, others = _loaded(config_id, WishKind.NEW, writer)
    brief, mine = subject.brief, _final(text, subject.brief.facts)
    return next((name for name, other in others if alike(mine, other, brief) >= brief.limit), None)


def add(**values: Any) -> int:
    """A row in the caller's transaction; its id."""
    row = Draft(**values)
    db.session.add(row)
    db.session.flush()
    return row.id


def change(draft_id: int, **values: Any) -> None:
    db.session.execute(update(Draft).where(Draft.id == draft_id).values(**values), execution_options=_PLAIN)


def make_count(subject: Subject, text: str, *, by_host: bool) -> bool:
    """Makes it the draft that is sent while the host has no words of his own, unless that is not for us to decide.

    What the host approved stays; by itself Airhorn replaces nothing but drafts that it wrote itself.
    """
    if subject.needs_approval or (not by_host and subject.has_own):
        return False
    same = (Draft.config_id == subject.config_id, Draft.text == subject.draft)
    if subject.draft:
        chosen = select(exists().where(*same, Draft.approved_at.is_not(None)))
        ours = select(exists().where(*same))
        if db.session.execute(chosen).scalar() or (not by_host and not db.session.execute(ours).scalar()):
            return False
    return put(subject.config_id, text, seen=subject.draft)


def put(config_id: int, text: str, *, seen: str | None = None) -> bool:
    """Compare-and-set: nothing happens when `seen` is not what counts any more, or the post is on its way."""
    change = update(EpisodeTweetConfig).where(EpisodeTweetConfig.id == config_id, EpisodeTweetConfig.status.in_(OPEN))
    if seen is not None:
        change = change.where(EpisodeTweetConfig.draft == seen)
    done = db.session.execute(
        change.values(draft=text).returning(EpisodeTweetConfig.id), execution_options={"synchronize_session": False}
    )
    return done.first() is not None


def withdraw_unapproved(user_id: int) -> int:
    """What counts already for this host counts no more, unless he approved it. The drafts themselves stay.

    Answers how many of them waited for a start.
    """
    approved = exists().where(
        Draft.config_id == EpisodeTweetConfig.id, Draft.text == EpisodeTweetConfig.draft, Draft.approved_at.is_not(None)
    )
    counts = EpisodeTweetConfig.user_id == user_id, EpisodeTweetConfig.draft != "", EpisodeTweetConfig.status.in_(OPEN)
    taken = update(EpisodeTweetConfig).where(*counts, ~approved).values(draft="").returning(EpisodeTweetConfig.status)
    return list(db.session.execute(taken, execution_options=_PLAIN).scalars()).count(ConfigStatus.PENDING)


@dataclass(frozen=True, slots=True)
class LeftBehind:
    """What came of an earlier try at the same wish. `writer`: whose draft was stored; None where none was."""

    writer: str | None


def left_behind(config_id: int, since: datetime, asked_by: int | None) -> LeftBehind | None:
    """None where nothing was stored, and nothing asked that may have cost something.

    A question whose answer is gone is not waited for any more. Commits.
    """
    # A wish of Airhorn's own may have gone along with somebody's batch meanwhile.
    same = or_(Draft.asked_by.is_(None), Draft.asked_by == asked_by)
    tried = select(Draft).where(Draft.config_id == config_id, Draft.made_at >= since, same).order_by(Draft.id.desc())
    rows = db.session.execute(tried, execution_options={"populate_existing": True}).scalars().all()
    stored = next((row.writer for row in rows if row.status == DraftStatus.ACCEPTED), None)
    is_paid = any(row.cost != 0 for row in rows)
    for row in rows:
        if row.status == DraftStatus.ASKED:
            row.status, row.reason = DraftStatus.UNKNOWN, "ai_interrupted"
    db.session.commit()
    return LeftBehind(stored) if stored is not None or is_paid else None


def newest(config_id: int, limit: int = KEPT) -> Sequence[Draft]:
    """The last drafts, newest first."""
    query = select(Draft).where(Draft.config_id == config_id).order_by(Draft.id.desc()).limit(limit)
    return db.session.execute(query, execution_options={"populate_existing": True}).scalars().all()


def clean(_now: datetime) -> None:
    """Forgets all but the last of each config; those whose price is open, or that are chosen, stay."""
    crowded = select(Draft.config_id).group_by(Draft.config_id).having(func.count() > KEPT).limit(CLEANED)
    configs = db.session.execute(crowded).scalars().all()
    if not configs:
        return
    place = func.row_number().over(partition_by=Draft.config_id, order_by=Draft.id.desc()).label("place")
    placed = select(Draft.id, place).where(Draft.config_id.in_(configs)).subquery()
    old = select(placed.c.id).where(placed.c.place > KEPT)
    free = Draft.cost.is_not(None), Draft.approved_at.is_(None), Draft.status != DraftStatus.ASKED
    db.session.execute(delete(Draft).where(Draft.id.in_(old), *free), execution_options=_PLAIN)
