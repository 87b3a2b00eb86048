"""What became of the soak's month: counted at X, compared with what the application says, and whose fault a miss is."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select

from benchmarks.soak_life import Life
from benchmarks.soak_month import host_name
from benchmarks.soak_world import IN_TIME, Show
from extensions import db
from models import Post, PostStatus, QuotaDay, SocialConnection, User

UNFINISHED = (PostStatus.QUEUED, PostStatus.SENDING, PostStatus.UNKNOWN)
NOT_OUT = (PostStatus.FAILED, PostStatus.MISSED, PostStatus.CANCELLED)
#: why a host's post of a start that began is not at X
OURS, YOUTUBE, LOGIN, REFUSED, ASKED = "our fault", "YouTube's", "login lost at X", "refused by X", "left to a person"


@dataclass
class Tally:
    """Posts are counted by host and video."""

    wanted: int = 0
    posted: int = 0
    double: int = 0
    #: by reason
    missing: Counter[str] = field(default_factory=Counter)
    #: what is said and not so, or never came to an end; and each miss of our own, in words
    wrong: list[str] = field(default_factory=list)
    ours: list[str] = field(default_factory=list)
    #: in review, by mode of the host
    review: Counter[str] = field(default_factory=Counter)
    hosts: Counter[str] = field(default_factory=Counter)
    #: from start to post, of planned shows and of others
    delays: dict[bool, list[timedelta]] = field(default_factory=lambda: {True: [], False: []})


def count(life: Life, seen: dict[str, Any], hosts: int) -> Tally:
    """`seen` is what the stand-ins have; the rest is read from the application's database."""
    tally = Tally()
    said, people = _said(), _people()
    at_x: dict[tuple[str, str], list[datetime]] = defaultdict(list)
    for account, video, at in seen["posts"]:
        at_x[account, video].append(datetime.fromisoformat(at))
    away = _away(life, seen["lost"])
    for show in life.month.starts():
        for place in range(hosts):
            account, mode = people[host_name(show.channel, place)]
            status, cause = said.get((account, show.id), ("", ""))
            _note(tally, show, at_x[account, show.id], status, mode=mode)
            if not at_x[account, show.id]:
                why = _why(life, show, status, cause, away=away[account])
                tally.missing[why] += 1
                if why == OURS:
                    tally.ours.append(f"{show} for {account}: {status or 'nothing'} {cause or ''}")
    return tally


def _note(tally: Tally, show: Show, stored: list[datetime], status: str, *, mode: str) -> None:
    assert show.started_at is not None
    tally.wanted += 1
    tally.hosts[mode] += 1
    tally.posted += bool(stored)
    tally.double += len(stored) > 1
    tally.review[mode] += status == PostStatus.REVIEW
    if stored:
        tally.delays[show.planned_at is not None].append(min(stored) - show.started_at)
    is_lie = (status == PostStatus.POSTED and not stored) or (status in NOT_OUT and stored)
    if is_lie or status in UNFINISHED:
        tally.wrong.append(f"{show.id} is {status}, at X {len(stored)} times")


def _why(life: Life, show: Show, status: str, cause: str, *, away: list[tuple[datetime, datetime]]) -> str:
    assert show.started_at is not None
    if status == PostStatus.REVIEW:
        return ASKED
    if any(begin <= show.started_at + IN_TIME and show.started_at <= end for begin, end in away):
        return LOGIN
    if status == PostStatus.FAILED and cause.startswith("x_"):
        return REFUSED
    return OURS if life.month.could_be_seen(show) else YOUTUBE


def _said() -> dict[tuple[str, str], tuple[str, str]]:
    """(X account, video) → status and cause of the newest post."""
    columns = Post.platform_user_id, Post.video_id, Post.status, Post.cause
    rows = db.session.execute(select(*columns).order_by(Post.id)).all()
    db.session.rollback()
    return {(row.platform_user_id, row.video_id or ""): (row.status, row.cause or "") for row in rows}


def _people() -> dict[str, tuple[str, str]]:
    """Name → X account and mode."""
    query = select(User.name, SocialConnection.platform_user_id, User.never_repost)
    rows = db.session.execute(query.join(SocialConnection, SocialConnection.user_id == User.id)).all()
    db.session.rollback()
    return {row[0]: (row[1], "strict" if row[2] else "default") for row in rows}


def _away(life: Life, lost: list[tuple[str, str]]) -> dict[str, list[tuple[datetime, datetime]]]:
    """X account → from when its login was of no use, until its host connected again."""
    found: dict[str, list[tuple[datetime, datetime]]] = defaultdict(list)
    for account, at in lost:
        begin = datetime.fromisoformat(at)
        back = [when for who, when in life.reconnected if who == account and when > begin]
        found[account].append((begin, min(back, default=life.month.end)))
    return found


def units_counted() -> dict[str, int]:
    """The application's own ledger by Pacific day."""
    total = QuotaDay.discovery + QuotaDay.watch + QuotaDay.people
    rows = db.session.execute(select(QuotaDay.day, func.sum(total)).group_by(QuotaDay.day)).all()
    db.session.rollback()
    return {f"{day}": int(units) for day, units in rows}
