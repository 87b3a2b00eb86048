"""Asks about known broadcasts, decides what the answers mean, and stores it. Announces nothing."""

import logging
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, or_, select, update

from extensions import db
from models import OPEN_STATES, Broadcast, BroadcastState, EpisodeGuide
from services import quota
from services.clients.values import Video
from services.discovery import Discovery
from services.errors import Outcome
from services.live_rules import Decision, Known, decide
from services.looking import AT_ONCE, PAGE_EVERY, Budget, Looked, chunks

log = logging.getLogger(__name__)

#: an ended stream that Airhorn never saw live is of interest for so long
ENDED_OF_INTEREST = timedelta(hours=24)
#: what a broadcast keeps of a video as it is
STORED_FACTS = tuple({*Video.__dataclass_fields__} - {"id", "live_content", "duration_seconds"})
#: failures that last: asked again at the pace of checks only
LASTING = ("youtube_quota", "youtube_key", "youtube_refused", "youtube_bot_check", "youtube_consent")
#: ids of videos that need no further look, so that a quiet list costs no statement
REMEMBERED = 200_000


class Remembered:
    """Video ids that need no further look, in bounded memory; forgetting one costs a statement, nothing else."""

    def __init__(self) -> None:
        self._ids: set[str] = set()

    def __contains__(self, video_id: str) -> bool:
        return video_id in self._ids

    def add(self, video_id: str) -> None:
        if len(self._ids) >= REMEMBERED:
            self._ids.clear()
        self._ids.add(video_id)


class BroadcastLooks:
    """Keeps what is known of broadcasts up to date."""

    def __init__(self, discovery: Discovery, budget: Budget) -> None:
        self._discovery, self._budget = discovery, budget
        self.remembered = Remembered()

    def known(
        self, now: datetime, *, until: datetime | None = None, video_ids: Collection[str] | None = None
    ) -> list[Known]:
        """Open broadcasts that come due until then (None: all), nearest planned start first.

        Dropped ones (no next look) only when named by their id.
        """
        columns = [getattr(Broadcast, name) for name in Known.__dataclass_fields__]
        query = select(*columns).where(Broadcast.state.in_(OPEN_STATES))
        query = query.order_by(Broadcast.next_look_at, Broadcast.scheduled_start_at)
        if video_ids is not None:
            query = query.where(Broadcast.video_id.in_(video_ids))
        elif until is not None:
            query = query.where(Broadcast.next_look_at <= until, Broadcast.last_look_at.is_distinct_from(now))
        else:
            query = query.where(Broadcast.next_look_at.is_not(None), Broadcast.last_look_at.is_distinct_from(now))
        return [Known(**row) for row in db.session.execute(query).mappings()]

    def confirm(self, now: datetime, looked: Looked, *, until: datetime | None) -> None:
        """Asks about all broadcasts worth it, 50 ids a call; C2 stores what that makes of them."""
        if until != now:
            self._revive_named(now)
        known = self.known(now, until=until)
        if self._budget.has_key:
            known = self._within_units(known, now)
        db.session.commit()
        looked.asked += len(known)
        for some in chunks(known, AT_ONCE):
            answers = self._discovery.videos([k.video_id for k in some])
            good = {id: answer for id, answer in answers.items() if not isinstance(answer, Outcome)}
            self.decide([k for k in some if k.video_id in good], good, now, looked)
            self._store_failures(some, answers, now, looked)
            db.session.commit()

    def _within_units(self, known: list[Known], now: datetime) -> list[Known]:
        """As many as the units allow, nearest first."""
        plan = self._budget.plan(now)
        calls = min(-(-len(known) // 50), plan.watch_left if plan else 0)
        if not calls or not self._budget.spend(now, watch=calls):
            self._postpone([k.id for k in known], now, "youtube_quota")
            return []
        return known[: calls * 50]

    def _revive_named(self, now: datetime) -> None:
        """A video that an open episode names is asked about even after it was absent: private until it starts."""
        named = select(EpisodeGuide.video_id).where(
            EpisodeGuide.video_id.is_not(None),
            or_(EpisodeGuide.scheduled_at.is_(None), EpisodeGuide.scheduled_at > now - ENDED_OF_INTEREST),
        )
        self.revive(Broadcast.video_id.in_(named), now)

    @staticmethod
    def revive(which: ColumnElement[bool], now: datetime) -> None:
        db.session.execute(
            update(Broadcast)
            .where(Broadcast.state == BroadcastState.GONE, which)
            .values(state=BroadcastState.NEW, next_look_at=now, absences=0),
            execution_options={"synchronize_session": False},
        )

    def decide(self, known: Iterable[Known], videos: Mapping[str, Video | None], now: datetime, looked: Looked) -> None:
        pace = self._budget.pace(now)
        rows = []
        for k in known:
            video = videos.get(k.video_id)
            decision = decide(k, video, now, pace)
            rows.append(_row(k, video, decision, now))
            if decision.state in (BroadcastState.LIVE, BroadcastState.ENDED) and rows[-1]["closed_at"] is None:
                looked.broadcast_ids.append(k.id)
            if decision.state not in (*OPEN_STATES, BroadcastState.GONE):
                self.remembered.add(k.video_id)
        for kind in (True, False):
            same = [row for row in rows if ("title" in row) is kind]
            if same:
                db.session.execute(update(Broadcast), same)

    def _store_failures(
        self, known: Iterable[Known], answers: Mapping[str, Video | Outcome | None], now: datetime, looked: Looked
    ) -> None:
        failed: dict[str, list[int]] = {}
        for k in known:
            answer = answers.get(k.video_id)
            if isinstance(answer, Outcome):
                failed.setdefault(answer.cause, []).append(k.id)
        for cause, ids in failed.items():
            log.warning("a look at broadcasts failed", extra={"cause": cause, "broadcasts": len(ids)})
            self._postpone(ids, now, cause)
            looked.failed += len(ids)
            if cause == "youtube_quota":
                quota.mark_exhausted(db.session(), now)

    def _postpone(self, ids: list[int], now: datetime, cause: str) -> None:
        """A failed look starts nothing and ends nothing: asked again, later when the reason lasts longer."""
        soon = timedelta(seconds=5) if self._budget.has_key else PAGE_EVERY
        wait = self._budget.check_every if cause in LASTING else soon
        for chunk in chunks(ids):
            db.session.execute(
                update(Broadcast)
                .where(Broadcast.id.in_(chunk))
                .values(error_cause=cause, last_look_at=now, next_look_at=now + wait),
                execution_options={"synchronize_session": False},
            )


def _row(known: Known, video: Video | None, decision: Decision, now: datetime) -> dict[str, Any]:
    row: dict[str, Any] = {
        "id": known.id,
        "state": decision.state,
        "next_look_at": decision.next_look_at,
        "absences": decision.absences,
        "last_look_at": now,
        "last_good_look_at": now,
        "error_cause": None,
        "closed_at": known.closed_at,
    }
    if video is None:
        return row
    facts: dict[str, Any] = {name: getattr(video, name) for name in STORED_FACTS}
    facts["is_premiere"] = video.duration_seconds > 0 and decision.state in (
        BroadcastState.UPCOMING,
        BroadcastState.LIVE,
    )
    facts["live_seen_at"] = now if decision.is_news else known.live_seen_at
    ended_long_ago = video.actual_end_at is not None and now - video.actual_end_at > ENDED_OF_INTEREST
    if ended_long_ago and known.live_seen_at is None:
        row["closed_at"] = known.closed_at or now
    return row | facts
