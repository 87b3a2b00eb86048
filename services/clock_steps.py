"""What to do when this machine's clock is set: nothing that was put off may sleep until the old time comes again."""

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from apscheduler.triggers.base import BaseTrigger
from sqlalchemy import and_, case, delete, func, or_, update
from sqlalchemy.orm import Session

from models import OPEN_STATES, Broadcast, JobRun, Post, PostStatus, SendGate, YouTubeChannel
from services.gates import CREDITS
from services.pending import without_id
from services.sending import CREDITS_PROBE_EVERY, LONGEST_PAUSE

#: what lies further ahead than this was written by a clock that has been set back since; other machines' differ by less
TOLERATED = timedelta(seconds=60)
#: seconds; less than this is how clocks are kept right all the time
STEP = 1.0


class Every(BaseTrigger):
    """An interval that leaves out what it missed.

    APScheduler's own lists every missed run before it makes one of them: ten years of seconds take all memory.
    """

    def __init__(self, seconds: float) -> None:
        self._every = timedelta(seconds=seconds)

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime:
        """The time after the previous one, and never one that is over."""
        if previous_fire_time is None:
            return now
        following = previous_fire_time + self._every
        return following if following > now else now + self._every


class Steps:
    """Notices that the wall's clock was set, by the one that nobody sets and that goes on while the machine sleeps."""

    def __init__(
        self,
        wall: Callable[[], float] = time.time,
        steady: Callable[[], float] = lambda: time.clock_gettime(time.CLOCK_BOOTTIME),
    ) -> None:
        self._wall, self._steady = wall, steady
        self._offset = self._measured()

    def _measured(self) -> float:
        return self._wall() - self._steady()

    def taken(self) -> bool:
        """Whether it was set since this was asked last."""
        before, self._offset = self._offset, self._measured()
        return abs(self._offset - before) > STEP


def look_anew(session: Session, now: datetime) -> None:
    """Absence is proven over a span of time: by two clocks it cannot be measured, so it begins anew."""
    _write(
        session,
        update(Post)
        .where(Post.status == PostStatus.UNKNOWN)
        .values(unknown_since=now, next_lookup_at=now, absences=0, first_absence_at=None),
    )


def mend(session: Session, now: datetime) -> None:
    """Makes due what waits for a time of a clock that has been set back. The caller commits.

    Also for a process that starts afterwards: what was done "later than now" tells it.
    """
    ahead = now + TOLERATED
    looked = or_(YouTubeChannel.last_look_at > ahead, YouTubeChannel.pushed_at > ahead)
    _write(session, update(YouTubeChannel).where(YouTubeChannel.next_look_at > now, looked).values(next_look_at=now))
    seen = func.coalesce(Broadcast.last_look_at, Broadcast.first_seen_at) > ahead
    # What has no next look was given up, perhaps for its time being long over by that clock.
    later = or_(Broadcast.next_look_at > now, Broadcast.next_look_at.is_(None))
    waits = and_(Broadcast.state.in_(OPEN_STATES), later, seen)
    _write(session, update(Broadcast).where(waits).values(next_look_at=now))
    _mend_posts(session, now, ahead)
    # Heartbeats of processes that are gone would look like life until their time has come.
    _write(session, delete(JobRun).where(JobRun.seen_at > ahead))


def _mend_posts(session: Session, now: datetime, ahead: datetime) -> None:
    """No post waits longer by itself; what X or a person is waited for is left alone."""
    longest = case((Post.cause == CREDITS, ahead + CREDITS_PROBE_EVERY), else_=ahead + LONGEST_PAUSE)
    waits = and_(Post.status == PostStatus.QUEUED, Post.not_before > longest, Post.not_before < Post.not_after)
    by_itself = Post.cause.is_distinct_from("x_rate")
    _write(session, update(Post).where(waits, by_itself).values(not_before=now))
    shut = and_(SendGate.cause == CREDITS, SendGate.until > ahead + CREDITS_PROBE_EVERY)
    _write(session, update(SendGate).where(shut).values(until=now))
    anew = {"unknown_since": now, "next_lookup_at": now, "absences": 0, "first_absence_at": None}
    for unclear in (Post.status.in_((PostStatus.UNKNOWN, PostStatus.REVIEW)), and_(*without_id())):
        _write(session, update(Post).where(unclear, Post.unknown_since > ahead).values(**anew))


def _write(session: Session, statement: Any) -> None:
    session.execute(statement, execution_options={"synchronize_session": False})
