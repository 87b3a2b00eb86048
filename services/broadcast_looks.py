"""Asks about known broadcasts, decides what the answers mean, and stores it. Announces nothing."""

import logging
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, or_, select, update

from extensions import db
from models import OPEN_STATES, Broadcast, BroadcastState, EpisodeGuide, YouTubeChannel
from services import figures_version, planned_starts
from services.clients.values import Video
from services.discovery import Discovery
from services.errors import Outcome
from services.live_rules import Decision, Known, decide, signal_of
from services.looking import AT_ONCE, Budget, Looked, chunks
from services.watch_plan import PAGE_EVERY, is_near

log = logging.getLogger(__name__)

#: an ended stream that Airhorn never saw live is of interest for so long
ENDED_OF_INTEREST = timedelta(hours=24)
#: what a broadcast keeps of a video as it is
STORED_FACTS = tuple({*Video.__dataclass_fields__} - {"id", "live_content", "duration_seconds"})
#: a start that was announced is corrected by less
ODD_CHANGE = timedelta(days=1)
#: failures that last: asked again at the pace of checks only
LASTING = ("youtube_quota", "youtube_key", "youtube_refused", "youtube_bot_check", "youtube_consent")
#: ids of videos that need no further look, so that a quiet list costs no statement
REMEMBERED = 200_000
#: pages asked at once while there are no units
MOST_PAGES = 60


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
        more: dict[str, Any] = {
            "pushed_at": YouTubeChannel.pushed_at,
            "is_first": planned_starts.is_first().label("is_first"),
        }
        names = Known.__dataclass_fields__
        columns = [more[name] if name in more else getattr(Broadcast, name) for name in names]
        channel = YouTubeChannel.id == Broadcast.channel_id
        query = select(*columns).outerjoin(YouTubeChannel, channel).where(Broadcast.state.in_(OPEN_STATES))
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
        pages: list[Known] = []
        if self._budget.has_key:
            known, pages = self._within_units(known, now)
        db.session.commit()
        looked.asked += len(known) + len(pages)
        for some in chunks(known, AT_ONCE):
            self._ask(some, now, looked, by_page=False)
        if pages:
            self._ask(pages, now, looked, by_page=True)

    def _ask(self, known: Sequence[Known], now: datetime, looked: Looked, *, by_page: bool) -> None:
        answers = self._discovery.videos([k.video_id for k in known], by_page=by_page)
        good = {id: answer for id, answer in answers.items() if not isinstance(answer, Outcome)}
        if self._budget.has_key and not by_page:
            self._budget.answered(now, [answers[id] if id not in good else None for id in answers])
        if self._budget.has_key and by_page and len(good) < len(answers):
            self._budget.in_need(now)
        self.decide([k for k in known if k.video_id in good], good, now, looked)
        self._store_failures(known, answers, now, looked)
        db.session.commit()

    def _within_units(self, known: list[Known], now: datetime) -> tuple[list[Known], list[Known]]:
        """As many as the units allow, those that go first and then the nearest; without units, whose pages are asked.

        Without units only what is near its start, or may still be announced, is worth a page.
        """
        plan = self._budget.plan(now)
        calls = min(-(-len(known) // 50), plan.watch_left if plan else 0)
        if calls * 50 < len(known):
            known = sorted(known, key=lambda k: (not k.is_first, not is_near(k.scheduled_start_at, now)))
        if not known or (calls and self._budget.spend(now, watch=calls)):
            return known[: calls * 50], []
        pages = [k for k in known if k.closed_at is None and is_near(k.scheduled_start_at, now)][:MOST_PAGES]
        asked = {k.id for k in pages}
        self._postpone([k.id for k in known if k.id not in asked], now, "youtube_quota")
        return [], pages

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

    def decide(
        self,
        known: Iterable[Known],
        videos: Mapping[str, Video | None],
        now: datetime,
        looked: Looked,
        *,
        signal: str = "",
    ) -> None:
        """Stores what the answers mean. `signal`: what found it live, where that is not what showed it first."""
        pace = self._budget.pace(now)
        rows = []
        for k in known:
            video = videos.get(k.video_id)
            decision = decide(k, video, now, pace)
            rows.append(_row(k, video, decision, now, signal))
            if k.live_seen_at is not None and rows[-1].get("actual_start_at", k.actual_start_at) != k.actual_start_at:
                # Posts may be out, and took another time than was known.
                figures_version.raise_for_broadcasts(db.session(), [k.id])
            if decision.state in (BroadcastState.LIVE, BroadcastState.ENDED) and rows[-1]["closed_at"] is None:
                looked.broadcast_ids.append(k.id)
            if decision.state not in (*OPEN_STATES, BroadcastState.GONE):
                self.remembered.add(k.video_id)
        alike: dict[tuple[bool, bool], list[dict[str, Any]]] = {}
        for row in rows:
            alike.setdefault(("title" in row, "live_signal" in row), []).append(row)
        for same in alike.values():
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


def _row(known: Known, video: Video | None, decision: Decision, now: datetime, signal: str) -> dict[str, Any]:
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
    if _is_odd(video.actual_start_at, known):
        facts["actual_start_at"] = known.actual_start_at
    if decision.is_news:
        found_by, found_at = (signal, now) if signal else signal_of(known, now)
        row |= {"live_signal": found_by, "live_signal_at": found_at}
    ended_long_ago = video.actual_end_at is not None and now - video.actual_end_at > ENDED_OF_INTEREST
    if ended_long_ago and known.live_seen_at is None:
        row["closed_at"] = known.closed_at or now
    return row | facts


def _is_odd(start: datetime | None, known: Known) -> bool:
    """A stream that was seen live does not begin at a wholly different time afterwards, whatever the answer says."""
    if known.live_seen_at is None or known.actual_start_at is None:
        return False
    return start is None or abs(start - known.actual_start_at) > ODD_CHANGE
