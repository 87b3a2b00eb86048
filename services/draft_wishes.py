"""The drafts that are still to be written: who wishes for one, who works on it, how far a batch is. Asks nobody."""

import secrets
import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Integer,
    Select,
    and_,
    case,
    cast,
    delete,
    exists,
    func,
    or_,
    select,
    update,
)

from extensions import db
from models import (
    ConfigStatus,
    Draft,
    DraftWish,
    EpisodeGuide,
    EpisodeTweetConfig,
    Podcast,
    PodcastMember,
    User,
    WishKind,
)
from services import audit, leases
from services.audit import Actor, Kind
from services.draft_brief import fingerprint
from services.errors import NotFound
from services.inserting import insert_or_ignore

#: an episode is written for so long before it starts
AHEAD = timedelta(days=14)
#: who changes an episode changes it again: it is waited for quiet
QUIET = timedelta(seconds=30)
LEASE = timedelta(seconds=60)
MOST_TRIES = 3
#: wishes that have ended are remembered, so that nothing is asked for twice
KEPT = timedelta(days=30)
_PLAIN = {"synchronize_session": False}


@dataclass(frozen=True, slots=True)
class Wish:
    """One that is being worked on. Whoever holds the token may end it."""

    id: int
    config_id: int
    kind: str
    asked_by: int | None
    token: str
    tries: int
    asked_at: datetime
    #: micro-dollars that it may cost; None where nobody was told
    cap: int | None


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the drafts are that were asked for together."""

    asked: int
    done: int
    by_ai: int

    @property
    def is_over(self) -> bool:
        return self.done >= self.asked


def wish_for_all(episode_id: int, by: Actor, now: datetime, *, caps: Mapping[int, int] | None = None) -> str:
    """A draft for each host of an episode, in the background. Returns the key of the batch. Raises NotFound.

    `caps`: by user id micro-dollars that each may cost, as was said before the click; who is not in it gets none.
    """
    session, batch = db.session(), str(uuid.uuid4())
    episode = session.execute(select(EpisodeGuide).where(EpisodeGuide.id == episode_id)).scalar_one_or_none()
    if episode is None:
        session.rollback()
        raise NotFound("There is no such episode any more.")
    hosts = session.execute(_written_for(episode_id)).all()
    of = {id: caps[user_id] if caps else None for id, user_id in hosts if caps is None or user_id in caps}
    wanted = {"batch": batch, "asked_by": by.user_id, "asked_at": now, "not_before": now}
    _insert([{"config_id": id, "wish": WishKind.OTHER, "cap": cap} | wanted for id, cap in of.items()])
    _take_along(of, batch, by, now)
    audit.note(Kind.DRAFTS_ASKED, by, now, podcast_id=episode.podcast_id, episode=episode_id, hosts=len(of))
    session.commit()
    return batch


def _written_for(episode_id: int) -> Select[int, int]:
    """(config, user) of each host of an episode who still has something to say."""
    return (
        select(EpisodeTweetConfig.id, EpisodeTweetConfig.user_id)
        .join(EpisodeGuide, EpisodeGuide.id == EpisodeTweetConfig.episode_id)
        .join(PodcastMember, _is_member())
        .join(User, and_(User.id == EpisodeTweetConfig.user_id, User.is_active))
        .where(
            EpisodeTweetConfig.episode_id == episode_id,
            EpisodeTweetConfig.status == ConfigStatus.PENDING,
            EpisodeTweetConfig.enabled,
        )
        .order_by(EpisodeTweetConfig.id)
    )


def _take_along(caps: Mapping[int, int | None], batch: str, by: Actor, now: datetime) -> None:
    """Who had a wish of Airhorn's own open goes along with the batch."""
    if not caps:
        return
    cap = cast(case(*((DraftWish.config_id == id, cap) for id, cap in caps.items())), BigInteger)
    open_ones = update(DraftWish).where(DraftWish.config_id.in_(caps), DraftWish.ended_at.is_(None))
    values = {"batch": batch, "not_before": now, "asked_by": by.user_id, "cap": cap}
    db.session.execute(open_ones.values(**values), execution_options=_PLAIN)


def progress(batch: str) -> Progress:
    """In one statement."""
    by_ai = func.coalesce(func.sum(cast(DraftWish.outcome == "ai", Integer)), 0)
    query = select(func.count(), func.count(DraftWish.ended_at), by_ai).where(DraftWish.batch == batch)
    return Progress(*db.session.execute(query).one())


def find_changed(now: datetime) -> int:
    """Wishes for the hosts of episodes that are new, or say something else than when last written for.

    Only what starts within AHEAD, and only for who has no words of his own and has approved none. Returns how many.
    """
    session = db.session()
    last_wish = select(DraftWish.fingerprint).where(DraftWish.config_id == EpisodeTweetConfig.id)
    last_draft = select(Draft.fingerprint).where(Draft.config_id == EpisodeTweetConfig.id)
    approved = exists().where(Draft.config_id == EpisodeTweetConfig.id, Draft.approved_at.is_not(None))
    query = (
        select(
            EpisodeTweetConfig.id,
            EpisodeGuide,
            Podcast,
            last_wish.order_by(DraftWish.id.desc()).limit(1).scalar_subquery(),
            last_draft.order_by(Draft.id.desc()).limit(1).scalar_subquery(),
        )
        .join(EpisodeGuide, EpisodeGuide.id == EpisodeTweetConfig.episode_id)
        .join(Podcast, and_(Podcast.id == EpisodeGuide.podcast_id, Podcast.is_active))
        .join(PodcastMember, _is_member())
        .join(User, and_(User.id == EpisodeTweetConfig.user_id, User.is_active))
        .where(
            EpisodeGuide.scheduled_at > now,
            EpisodeGuide.scheduled_at <= now + AHEAD,
            EpisodeTweetConfig.status == ConfigStatus.PENDING,
            EpisodeTweetConfig.enabled,
            EpisodeTweetConfig.text == "",
            ~approved,
        )
    )
    changed = {}
    for config_id, episode, podcast, *before in session.execute(query):
        now_says = fingerprint(podcast, episode)
        if now_says not in before:
            changed[config_id] = now_says
    session.rollback()
    if changed:
        _ask_again(changed, now)
    return len(changed)


def _is_member() -> ColumnElement[bool]:
    return and_(
        PodcastMember.podcast_id == EpisodeGuide.podcast_id, PodcastMember.user_id == EpisodeTweetConfig.user_id
    )


def _ask_again(changed: dict[int, str], now: datetime) -> None:
    """A new wish, or the one that is open is put off: the episode may change once more."""
    rows = [
        {"config_id": id, "fingerprint": says, "wish": WishKind.NEW, "asked_at": now, "not_before": now + QUIET}
        for id, says in changed.items()
    ]
    _insert(rows)
    for id, says in changed.items():
        waiting = DraftWish.config_id == id, DraftWish.ended_at.is_(None), DraftWish.batch == ""
        other = update(DraftWish).where(*waiting, DraftWish.fingerprint != says)
        db.session.execute(other.values(fingerprint=says, not_before=now + QUIET), execution_options=_PLAIN)
    db.session.commit()


def _insert(rows: Collection[dict[str, object]]) -> None:
    if rows:
        session = db.session()
        session.execute(insert_or_ignore(DraftWish, session.get_bind().dialect.name), list(rows))


# Working on them


def has_due(now: datetime) -> bool:
    return bool(db.session.execute(select(exists().where(*_due(now)))).scalar())


def _due(now: datetime) -> tuple[ColumnElement[bool], ...]:
    free = or_(DraftWish.lease_until.is_(None), leases.over(DraftWish.lease_until, now))
    return DraftWish.ended_at.is_(None), DraftWish.not_before <= now, free


def claim(now: datetime) -> Wish | None:
    """The oldest that is due, for LEASE: whoever dies over it leaves it to another. None when there is none."""
    session, token = db.session(), secrets.token_hex(16)
    oldest = select(DraftWish.id).where(*_due(now)).order_by(DraftWish.not_before, DraftWish.id).limit(1)
    taken = session.execute(
        update(DraftWish)
        .where(DraftWish.id == oldest.with_for_update(skip_locked=True).scalar_subquery())
        .values(token=token, lease_until=now + LEASE, tries=DraftWish.tries + 1)
        .returning(DraftWish),
        execution_options=_PLAIN | {"populate_existing": True},
    ).scalar_one_or_none()
    wish = _wish(taken, token) if taken else None
    session.commit()
    return wish


def _wish(row: DraftWish, token: str) -> Wish:
    return Wish(row.id, row.config_id, row.wish, row.asked_by, token, row.tries, row.asked_at, row.cap)


def end(wish: Wish, outcome: str, now: datetime) -> bool:
    """Whether it was still ours to end."""
    return _change(wish, ended_at=now, outcome=outcome, token=None, lease_until=None)


def put_off(wish: Wish, until: datetime) -> bool:
    return _change(wish, not_before=until, token=None, lease_until=None)


def _change(wish: Wish, **values: object) -> bool:
    mine = DraftWish.id == wish.id, DraftWish.token == wish.token, DraftWish.ended_at.is_(None)
    change = update(DraftWish).where(*mine).values(**values).returning(DraftWish.id)
    done = db.session.execute(change, execution_options=_PLAIN).first()
    db.session.commit()
    return done is not None


def clean(now: datetime) -> None:
    old = delete(DraftWish).where(DraftWish.ended_at < now - KEPT)
    db.session.execute(old, execution_options=_PLAIN)
