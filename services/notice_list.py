"""The notices of one person: listed, opened, read, and taken away when they are old."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select, update

from extensions import db
from models import Notice
from services.batches import take_away
from services.checks import HIGHEST_ID
from services.errors import NotFound
from services.notice_words import is_settled

KEPT = timedelta(days=60)
PAGE = 30


@dataclass(frozen=True, slots=True)
class NoticePage:
    """Newest first. `older` and `newer` are the ids to go on from; None where there is nothing more."""

    notices: list[Notice]
    older: int | None
    newer: int | None

    @property
    def settled(self) -> set[int]:
        """The ids of those that needed somebody once."""
        return {one.id for one in self.notices if is_settled(one.key, one.level)}


def page_of(user_id: int, *, before: int | None = None, after: int | None = None) -> NoticePage:
    """Stays where it is while new ones come."""
    query = select(Notice).where(Notice.user_id == user_id)
    if after is not None:
        query = query.where(Notice.id > after).order_by(Notice.id)
    else:
        query = query.where(Notice.id < (before or HIGHEST_ID + 1)).order_by(Notice.id.desc())
    found = list(db.session.execute(query.limit(PAGE + 1)).scalars())
    has_more, found = len(found) > PAGE, found[:PAGE]
    if after is not None:
        found.reverse()
    is_first = after is None and before is None
    has_older = has_more if after is None else bool(found)
    has_newer = has_more if after is not None else not is_first
    return NoticePage(
        found,
        older=found[-1].id if found and has_older else None,
        newer=found[0].id if found and has_newer else None,
    )


def unread_count(user_id: int) -> int:
    unread = select(func.count()).where(Notice.user_id == user_id, Notice.read_at.is_(None))
    return db.session.execute(unread).scalar_one()


def open_notice(notice_id: int, user_id: int, now: datetime) -> str:
    """Marks an own notice read. Returns the path it leads to. Raises NotFound, also for those of others."""
    mine = select(Notice).where(Notice.id == notice_id, Notice.user_id == user_id)
    found = db.session.execute(mine).scalar_one_or_none() if 0 < notice_id <= HIGHEST_ID else None
    if found is None:
        raise NotFound("There is no such notice.")
    found.read_at = found.read_at or now
    link = found.link
    db.session.commit()
    return link


def read_all(user_id: int, now: datetime, *, up_to: int) -> None:
    """Those that were on the page: what has come since stays unread."""
    unread = Notice.user_id == user_id, Notice.read_at.is_(None), Notice.id <= min(up_to, HIGHEST_ID)
    db.session.execute(
        update(Notice).where(*unread).values(read_at=now), execution_options={"synchronize_session": False}
    )
    db.session.commit()


def clean(now: datetime) -> None:
    """Takes old ones away, and with them how they were sent. Commits, since there may be many."""
    take_away(Notice, Notice.at < now - KEPT)
