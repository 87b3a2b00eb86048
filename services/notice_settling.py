"""Notices that need nobody any more are settled: each by its own cause. Tells nothing, and sends nothing."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import and_, func, or_, select, update

from extensions import db, reading
from models import Notice, NoticeLevel
from services import notice_words as say
from services.notice_after import still_open
from services.notice_ahead import FAR, cards_to_come, causes_of, is_stuck
from services.notice_words import OF_HOST, OF_SHOW, topic
from services.overview import EpisodeCard
from services.vocabulary import Lamp

#: nobody is told of anything further ahead, so what is older is of a start that is long over
STILL_ASKED = FAR + timedelta(days=1)
#: all that asks somebody to do something and is over by itself
KINDS = ("go", "ready", "paused", "unknown", "failed", "missed", "review", "live", "credits")


def settle(now: datetime) -> int:
    """Those whose cause is gone, or whose show has begun, need nobody any more; those whose cause is back do again.

    Nothing of it is sent: the same trouble at the same checkpoint is told once. Returns how many changed.
    """
    reading()
    rows = list(db.session.execute(_recent(now)))
    ahead = [row for row in rows if topic(row.key) in OF_SHOW + OF_HOST and row.at > now - STILL_ASKED]
    cards = cards_to_come({_episode_of(row) for row in ahead}, now)
    needed = {row.id for row in ahead if _is_needed(row, cards)} | still_open(rows, now)
    over = [row.id for row in rows if row.id not in needed and row.level == NoticeLevel.NEEDS_YOU]
    back = [row.id for row in rows if row.id in needed and say.is_settled(row.key, row.level)]
    db.session.rollback()
    if over or back:
        _write(over, level=NoticeLevel.INFO, read_at=func.coalesce(Notice.read_at, now))
        _write(back, level=NoticeLevel.NEEDS_YOU, read_at=None)
        db.session.commit()
    return len(over) + len(back)


def _recent(now: datetime) -> Any:
    """And what is older and still counted as unread: a post may wait for a person for weeks."""
    query = select(Notice.id, Notice.key, Notice.user_id, Notice.podcast_id, Notice.level, Notice.at)
    is_counted = and_(Notice.read_at.is_(None), Notice.level == NoticeLevel.NEEDS_YOU)
    return query.where(Notice.kind.in_(KINDS), or_(Notice.at > now - STILL_ASKED, is_counted))


def _episode_of(row: Any) -> int:
    return int(row.key.split(":")[1])


def _is_needed(row: Any, cards: Mapping[int, EpisodeCard]) -> bool:
    """Whether one of the causes that it was written for is there."""
    card, marks = cards.get(_episode_of(row)), say.marks_of(row.key)
    if card is None:
        return False
    if topic(row.key) in OF_SHOW:
        return card.light.lamp == Lamp.AMBER and any(say.mark(cause) in marks for cause in causes_of(card))
    own = [host for host in card.hosts if host.user_id == row.user_id and is_stuck(host)]
    return any(say.mark(host.light.note) in marks for host in own)


def _write(notice_ids: Iterable[int], **columns: Any) -> None:
    changed = update(Notice).where(Notice.id.in_(notice_ids)).values(**columns)
    db.session.execute(changed, execution_options={"synchronize_session": False})
