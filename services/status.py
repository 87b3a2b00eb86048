"""What an operator wants to know at a glance. Changes nothing."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from config import Settings
from models import Broadcast, JobRun, Post, PostStatus, Verdict, WorkerLease, YouTubeChannel
from services import jobs, leases, push_figures, quota, receipts
from services.causes import explain

RECENT = timedelta(days=2)
DAY = timedelta(days=1)


def read_status(session: Session, settings: Settings, now: datetime) -> dict[str, Any]:
    """JSON-able: the looker, the last runs, the outbox, the units, push, failing channels, unmatched broadcasts."""
    lease = session.get(WorkerLease, "looker")
    is_held = lease is not None and leases.is_held(lease.expires_at, now)
    spent = quota.read_spent(session, now)
    state = {
        "looker": lease.holder if lease is not None and is_held else None,
        "jobs": _jobs(session, now),
        "outbox": _outbox(session),
        "channels": _channels(session),
        "unmatched": _unmatched(session, now),
        "push": push_figures.as_json(push_figures.push_figures(now), receipts.receipts(now - DAY, now)),
        "units": {
            "day": quota.pacific_day(now).isoformat(),
            "of": settings.youtube_daily_units,
            "uploads_lists": spent.discovery,
            "videos": spent.watch,
            "people": spent.people,
            "used_up": spent.exhausted,
            "asked_again_at": spent.retry_at.isoformat() if spent.retry_at else None,
        },
    }
    session.rollback()
    return state


def _jobs(session: Session, now: datetime) -> list[dict[str, Any]]:
    """Of the processes that live."""
    rows = session.execute(jobs.of_living(now).order_by(JobRun.process, JobRun.job)).scalars()
    return [
        {
            "process": run.process,
            "job": run.job,
            "what": jobs.in_words(run.job),
            "started_at": run.started_at.isoformat(),
            "finished_at": run.finished_at.isoformat() if run.finished_at else None,
            "error": run.error,
        }
        for run in rows
    ]


def _outbox(session: Session) -> dict[str, int]:
    open_states = (PostStatus.QUEUED, PostStatus.SENDING, PostStatus.UNKNOWN, PostStatus.REVIEW)
    query = select(Post.status, func.count()).where(Post.status.in_(open_states)).group_by(Post.status)
    counted = {row[0]: row[1] for row in session.execute(query)}
    return {status.value: counted.get(status, 0) for status in open_states}


def _channels(session: Session) -> list[dict[str, Any]]:
    failing = select(YouTubeChannel).where(YouTubeChannel.error_cause.is_not(None)).order_by(YouTubeChannel.id)
    return [
        {
            "channel": channel.id,
            "failures": channel.failures,
            "error": explain(channel.error_cause or ""),
            "last_good_look_at": channel.last_good_look_at.isoformat() if channel.last_good_look_at else None,
        }
        for channel in session.execute(failing.limit(100)).scalars()
    ]


def _unmatched(session: Session, now: datetime) -> list[dict[str, Any]]:
    """Live or lately live broadcasts that nothing was announced for, and why."""
    silent = tuple(verdict for verdict in Verdict if verdict not in (Verdict.OPEN, Verdict.ANNOUNCED))
    query = (
        select(Broadcast)
        .where(Broadcast.verdict.in_(silent), Broadcast.first_seen_at > now - RECENT)
        .order_by(Broadcast.first_seen_at.desc())
        .limit(50)
    )
    return [
        {"video": b.video_id, "channel": b.channel_id, "title": b.title, "state": b.state, "verdict": b.verdict}
        for b in session.execute(query).scalars()
    ]
