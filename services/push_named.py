"""The videos that a delivery of the hub names: kept to be asked about, also where no list of their channel can be read.

That they are live, or exist, or are of that channel, says YouTube when it is asked about them, and nobody before.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

from sqlalchemy import and_, update

from extensions import db
from models import Broadcast, BroadcastState
from services.broadcast_looks import BroadcastLooks
from services.inserting import insert_or_ignore
from services.live_rules import NAMED_BY_HUB

#: the same one is written down again after so long: it may have been private, and was given up
AGAIN_AFTER = timedelta(minutes=1)
#: of one delivery; YouTube's have one
MOST_AT_ONCE = 5
#: so often on one day and channel, by one process; whatever else there is the lists show
MOST_A_DAY = 100


@dataclass(slots=True)
class _OfChannel:
    day: date
    times: dict[str, datetime] = field(default_factory=dict)
    number: int = 0


class Named:
    """What was kept lately, so that repeating it costs nothing. The caller holds a lock."""

    def __init__(self) -> None:
        self._channels: dict[str, _OfChannel] = {}

    def news(self, channel_id: str, videos: Sequence[str], now: datetime) -> list[str]:
        """Those that are to be kept, as far as the day allows."""
        known = self._channels.get(channel_id)
        if known is None or known.day != now.astimezone(UTC).date():
            return list(videos[:MOST_AT_ONCE])
        fresh = [id for id in videos if not _is_recent(known.times.get(id), now)]
        return fresh[: min(MOST_AT_ONCE, max(0, MOST_A_DAY - known.number))]

    def take(self, channel_id: str, videos: Sequence[str], now: datetime) -> list[str]:
        """The same, and they are no news from now on."""
        fresh, day = self.news(channel_id, videos, now), now.astimezone(UTC).date()
        if fresh:
            known = self._channels.get(channel_id)
            if known is None or known.day != day:
                known = self._channels[channel_id] = _OfChannel(day)
            known.times |= dict.fromkeys(fresh, now)
            known.number += len(fresh)
        return fresh

    def forget(self, channel_id: str, videos: Collection[str]) -> None:
        """They could not be kept: whoever names them again says something new."""
        known = self._channels.get(channel_id)
        for id in videos:
            if known is not None and known.times.pop(id, None) is not None:
                known.number = max(0, known.number - 1)


def _is_recent(at: datetime | None, now: datetime) -> bool:
    return at is not None and at <= now < at + AGAIN_AFTER


def keep(channel_id: str, videos: Collection[str], now: datetime) -> None:
    """Makes them broadcasts that are due, in the caller's transaction; what is known already stays as it is.

    One that was given up, or that YouTube did not have yet, is asked about anew, if it is this channel's.
    """
    if not videos:
        return
    due = {"channel_id": channel_id, "first_signal": NAMED_BY_HUB, "first_seen_at": now, "next_look_at": now}
    statement = insert_or_ignore(Broadcast, db.session.get_bind().dialect.name).returning(Broadcast.video_id)
    made = set(db.session.execute(statement, [due | {"video_id": id} for id in sorted(videos)]).scalars())
    known = set(videos) - made
    if known:
        its_own = and_(Broadcast.video_id.in_(known), Broadcast.channel_id == channel_id)
        BroadcastLooks.revive(its_own, now)
        db.session.execute(
            update(Broadcast)
            .where(its_own, Broadcast.state == BroadcastState.NEW, Broadcast.absences > 0)
            .values(next_look_at=now, absences=0),
            execution_options={"synchronize_session": False},
        )
