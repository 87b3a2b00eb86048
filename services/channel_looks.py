"""Looks at channels: which are due, the way to ask each, and what their lists brought. Announces nothing."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, select, true, update

from extensions import db, reading
from models import OPEN_STATES, Broadcast, BroadcastState, Podcast, YouTubeChannel
from services import planned_starts
from services.broadcast_looks import BroadcastLooks
from services.discovery import Ask, Discovery, Look, pick_signal
from services.looking import AT_ONCE, Budget, Looked, chunks
from services.outbox import insert_or_ignore
from services.watch_plan import PUSH_FRESH, Plan, before_due, hot_step, next_channel_look

#: a notification is written down by another process, whose clock may be a little ahead
JUST_NOW = timedelta(seconds=10)


class ChannelLooks:
    """Chooses the channels to ask and stores what they show."""

    def __init__(self, discovery: Discovery, budget: Budget, broadcasts: BroadcastLooks) -> None:
        self._discovery, self._budget, self._broadcasts = discovery, budget, broadcasts
        #: the last channel whose broken feed was mended by a unit
        self._mended = ""

    def due(self, now: datetime) -> tuple[bool, bool]:
        """Whether any broadcast is, and any channel."""
        reading()
        broadcasts = select(Broadcast.id).where(Broadcast.state.in_(OPEN_STATES), Broadcast.next_look_at <= now)
        watched = select(Podcast.youtube_channel_id).where(Podcast.is_active)
        channels = select(YouTubeChannel.id).where(YouTubeChannel.next_look_at <= now, YouTubeChannel.id.in_(watched))
        found = db.session.execute(select(broadcasts.exists(), channels.exists())).one()
        db.session.rollback()
        return bool(found[0]), bool(found[1])

    def start(self, now: datetime, which: ColumnElement[bool]) -> None:
        """Chooses the channels that are due and the way to ask each; counts the units before they are sent."""
        dialect = db.session.get_bind().dialect.name
        known = select(YouTubeChannel.id)
        wanted = select(Podcast.youtube_channel_id).where(Podcast.is_active, Podcast.youtube_channel_id.is_not(None))
        new = wanted.where(Podcast.youtube_channel_id.not_in(known)).distinct()
        db.session.execute(insert_or_ignore(YouTubeChannel, dialect).from_select(["id"], new))
        watched = YouTubeChannel.id.in_(wanted)
        self._budget.refresh(now)
        due = list(db.session.execute(select(YouTubeChannel).where(watched, which)).scalars())
        # Who hung last time waits behind those who answer; those whose feeds are broken take turns with the units.
        due.sort(key=lambda row: (row.failures > 0, row.id <= self._mended, row.id))
        due_at = planned_starts.due_channels(db.session(), now, self._budget.check_every, {row.id for row in due})
        hot = {row.id: step for row in due if (step := hot_step(now, row.pushed_at, due_at.get(row.id)))}
        plan = self._budget.plan(now)
        self._ask_sooner(due, now)
        asks = self._choose(due, plan, hot, now)
        self._schedule_channels(asks, plan, hot, due_at, now)
        db.session.commit()
        self._discovery.submit(asks)

    @staticmethod
    def _ask_sooner(due: Iterable[YouTubeChannel], now: datetime) -> None:
        """What is known of a channel whose hub has just spoken is asked about as well: it may have begun early."""
        pushed = [
            row.id
            for row in due
            if row.pushed_at
            and now - row.pushed_at < PUSH_FRESH
            and (row.last_look_at or row.pushed_at) <= row.pushed_at
        ]
        if pushed:
            db.session.execute(
                update(Broadcast)
                .where(Broadcast.channel_id.in_(pushed), Broadcast.state.in_(OPEN_STATES), Broadcast.next_look_at > now)
                .values(next_look_at=now),
                execution_options={"synchronize_session": False},
            )

    def _choose(
        self, due: Sequence[YouTubeChannel], plan: Plan | None, hot: Mapping[str, timedelta], now: datetime
    ) -> list[Ask]:
        hanging = self._discovery.hanging()
        left = plan.discovery_left if plan else 0
        channels = self._budget.demand.channels
        asks = []
        for row in sorted(due, key=lambda row: row.id not in hot):
            if row.id in hanging:
                continue
            signal = pick_signal(row.failures, plan, left, channels=channels, is_hot=row.id in hot)
            if signal == "uploads":
                left -= 1
                self._mended = row.id if row.failures else self._mended
            asks.append(Ask(row.id, signal, row.failures))
        units = sum(ask.signal == "uploads" for ask in asks)
        if units and not self._budget.spend(now, discovery=units):
            asks = [replace(ask, signal="feed") if ask.signal == "uploads" else ask for ask in asks]
        return asks

    def _schedule_channels(
        self,
        asks: Iterable[Ask],
        plan: Plan | None,
        hot: Mapping[str, timedelta],
        due_at: Mapping[str, datetime],
        now: datetime,
    ) -> None:
        """Moves the next look ahead before the risky call: a channel that breaks something costs one try per turn."""
        count, every = self._budget.demand.channels, self._budget.check_every
        alike: dict[datetime | None, list[str]] = {}
        # What the hub said a moment ago, after this was chosen, asks for a look of its own.
        said_since = YouTubeChannel.pushed_at.between(now + timedelta(microseconds=1), now + JUST_NOW)
        for ask in asks:
            look = next_channel_look(now, plan, count, every, hot=hot.get(ask.channel_id))
            alike.setdefault(before_due(now, due_at.get(ask.channel_id), look), []).append(ask.channel_id)
        for next_look, ids in alike.items():
            for chunk in chunks(ids):
                db.session.execute(
                    update(YouTubeChannel)
                    .where(YouTubeChannel.id.in_(chunk), said_since.is_not(true()))
                    .values(last_look_at=now, next_look_at=next_look),
                    execution_options={"synchronize_session": False},
                )

    def store(self, looks: Sequence[Look], now: datetime) -> Looked:
        """C1: what was unseen becomes a broadcast, and each channel keeps how its look went."""
        looked = Looked([], channels=len(looks), failed=sum(look.error is not None for look in looks))
        if not looks:
            return looked
        self._insert_unseen(looks, now)
        for failed in (False, True):
            rows = [_channel_row(look, now) for look in looks if (look.error is not None) is failed]
            if rows:
                db.session.execute(update(YouTubeChannel), rows)
        judged = {look.video.id: look.video for look in looks if look.video is not None}
        if judged:
            known = self._broadcasts.known(now, video_ids=list(judged))
            self._broadcasts.decide(known, judged, now, looked, signal="page")
        self._budget.answered(now, [look.error for look in looks if look.ask.signal == "uploads"])
        db.session.commit()
        return looked

    def _insert_unseen(self, looks: Iterable[Look], now: datetime) -> None:
        unseen: dict[str, dict[str, Any]] = {}
        back: list[str] = []  # gone, and listed again: private for a while, or forgotten by two answers
        for look in looks:
            refs = (look.video,) if look.video is not None else look.refs
            for ref in refs:
                if ref.id not in self._broadcasts.remembered:
                    unseen[ref.id] = {
                        "video_id": ref.id,
                        "channel_id": look.ask.channel_id,
                        "title": ref.title,
                        "published_at": ref.published_at,
                        "first_signal": look.ask.signal,
                        "first_seen_at": now,
                        "next_look_at": now,
                    }
        for chunk in chunks(list(unseen)):
            stored = select(Broadcast.video_id, Broadcast.state).where(Broadcast.video_id.in_(chunk))
            for video_id, state in db.session.execute(stored):
                del unseen[video_id]
                if state == BroadcastState.GONE:
                    back.append(video_id)
                else:
                    self._broadcasts.remembered.add(video_id)
        if back:
            self._broadcasts.revive(Broadcast.video_id.in_(back), now)
        statement = insert_or_ignore(Broadcast, db.session.get_bind().dialect.name)
        for rows in chunks(list(unseen.values()), AT_ONCE):
            db.session.execute(statement, rows)


def _channel_row(look: Look, now: datetime) -> dict[str, Any]:
    row: dict[str, Any] = {
        "id": look.ask.channel_id,
        "signal": look.ask.signal,
        "failures": look.failures,
        "error_cause": look.error.cause if look.error else None,
        "error": str(look.error) if look.error else None,
    }
    return row if look.error else {**row, "last_good_look_at": now}
