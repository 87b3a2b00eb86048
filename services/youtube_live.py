"""Which broadcasts are live now: discover, confirm, decide, store. Announces nothing."""

import logging
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, func, or_, select, true, update

from config import Settings
from extensions import db, reading
from models import OPEN_STATES, Broadcast, BroadcastState, EpisodeGuide, Podcast, YouTubeChannel
from services import quota
from services.causes import explain
from services.clients.values import Channel, ChannelReference, Video
from services.clients.youtube_api import YouTubeApi
from services.clients.youtube_feed import YouTubeFeed
from services.clients.youtube_page import YouTubePage
from services.discovery import Ask, Discovery, Look, pick_signal
from services.errors import Invalid, Outcome, Refused
from services.live_rules import Decision, Known, Pace, decide
from services.outbox import insert_or_ignore
from services.youtube_reference import parse_channel_reference

log = logging.getLogger(__name__)

#: a page is asked for at most so often
PAGE_EVERY = timedelta(seconds=30)
#: channels up to which every page may be asked that often
PAGES_AT_FULL_PACE = 60
#: an ended stream that Airhorn never saw live is of interest for so long
ENDED_OF_INTEREST = timedelta(hours=24)
CHUNK = 10_000
#: rows in hand at once, so that a flood of new videos is slow and not big
AT_ONCE = 5_000
#: what a broadcast keeps of a video as it is
STORED_FACTS = tuple({*Video.__dataclass_fields__} - {"id", "live_content", "duration_seconds"})
#: ids of videos that need no further look, so that a quiet list costs no statement
REMEMBERED = 200_000


@dataclass(slots=True)
class Looked:
    """One round: broadcasts that are live or just ended, and what was asked."""

    broadcast_ids: list[int]
    channels: int = 0
    failed: int = 0
    asked: int = 0


class YouTubeLiveService:
    """Looks at channels and broadcasts, within the day's units, and stores what it learns."""

    def __init__(self, settings: Settings, *, api: YouTubeApi | None, feed: YouTubeFeed, page: YouTubePage) -> None:
        self._settings = settings
        self._api, self._page = api, page
        self._discovery = Discovery(api, feed, page)
        self._check_every = timedelta(seconds=settings.live_check_interval_seconds)
        self._remembered: set[str] = set()
        #: by the last check: channels, and broadcasts that are asked about
        self._channels = self._open = 1
        #: the last channel whose broken feed was mended by a unit
        self._mended = ""

    # The two ways of looking

    def check(self, now: datetime, *, everything: bool = True) -> Iterator[Looked]:
        """Looks at every channel and every known upcoming or live broadcast; yields after each round's commit.

        With `everything` False, channels that were looked at a moment ago by their own faster cadence are left out.
        """
        # A check asks about what would come due before the next one.
        until = None if everything else now + 0.6 * self._check_every
        is_due = or_(YouTubeChannel.next_look_at.is_(None), YouTubeChannel.next_look_at <= now)
        self._start_looking(now, true() if everything else is_due)
        for number, looks in enumerate(self._discovery.rounds()):
            yield from self._follow_up(looks, now, until=now if number > 0 else until)

    def watch(self, now: datetime) -> Iterator[Looked]:
        """Asks about what is due: broadcasts by their next look, channels with a cadence faster than the check."""
        broadcasts, channels = self._what_is_due(now)
        if not broadcasts and not channels and not self._discovery.hanging():
            return
        if channels:
            # Not those without a time of their own: each start would make all of them be asked every few seconds.
            self._start_looking(now, YouTubeChannel.next_look_at <= now)
        for looks in self._discovery.rounds(most=1):
            yield from self._follow_up(looks, now, until=now)

    def _follow_up(self, looks: Sequence[Look], now: datetime, *, until: datetime | None) -> Iterator[Looked]:
        """Stores one round and asks about what is known. What a live page showed does not wait for other pages."""
        looked = self._store_looks(looks, now)
        if looked.broadcast_ids:
            yield looked
            looked = Looked([])
        self._confirm(now, looked, until=until)
        yield looked

    def check_channel_live(self, channel_id: str) -> list[Video]:
        """The videos of a channel that are live at this moment: public, started and not ended. Stores nothing.

        Raises Refused when YouTube could not be asked or its answer could not be read.
        """
        self._count_for_people(2)
        look = self._discovery.look(Ask(channel_id, "uploads" if self._api else "page"))
        if look.error is not None and self._api is not None:
            look = self._discovery.look(Ask(channel_id, "feed"))
        if look.error is not None:
            raise look.error
        found: list[Video | Outcome | None] = [look.video]
        if self._api is not None:
            found = list(self._discovery.videos([ref.id for ref in look.refs][:50]).values()) if look.refs else []
        for answer in found:
            if isinstance(answer, Outcome):
                raise answer
        return [v for v in found if isinstance(v, Video) and is_live(v)]

    def resolve_channel(self, text: str) -> Channel:
        """The channel that a person means by an id, @handle or any YouTube address; asked, never assumed.

        Raises Invalid when the text is none of these or YouTube knows no such channel, Refused when it cannot be asked.
        """
        reference = parse_channel_reference(text)
        self._count_for_people(1 if reference.kind in ("id", "handle", "user") else 2)
        channel = self._ask_channel(reference)
        if channel is None:
            raise Invalid(
                f"YouTube knows no channel for {text.strip()[:100]!r}. Paste the address of the channel's page."
            )
        return channel

    def _ask_channel(self, reference: ChannelReference) -> Channel | None:
        if self._api is None:
            return self._page.channel(reference)
        return self._api.channel(reference) or (self._page.channel(reference) if reference.kind == "custom" else None)

    def _count_for_people(self, units: int) -> None:
        """Look-ups that a person asked for have units of their own. Raises Refused when the day's are gone."""
        if self._api is None:
            return
        of_day = self._settings.youtube_daily_units
        counted = quota.spend(db.session(), datetime.now(UTC), units=of_day, people=units)
        db.session.commit()
        if not counted:
            raise Refused(explain("youtube_quota"), cause="youtube_quota")

    # Discover

    def _what_is_due(self, now: datetime) -> tuple[bool, bool]:
        """Whether any broadcast is, and any channel."""
        reading()
        broadcasts = select(Broadcast.id).where(Broadcast.state.in_(OPEN_STATES), Broadcast.next_look_at <= now)
        channels = select(YouTubeChannel.id).where(YouTubeChannel.next_look_at <= now)
        found = db.session.execute(select(broadcasts.exists(), channels.exists())).one()
        db.session.rollback()
        return bool(found[0]), bool(found[1])

    def _start_looking(self, now: datetime, which: ColumnElement[bool]) -> None:
        """Chooses the channels that are due and the way to ask each; counts the units before they are sent."""
        dialect = db.session.get_bind().dialect.name
        known = select(YouTubeChannel.id)
        wanted = select(Podcast.youtube_channel_id).where(Podcast.is_active, Podcast.youtube_channel_id.is_not(None))
        new = wanted.where(Podcast.youtube_channel_id.not_in(known)).distinct()
        db.session.execute(insert_or_ignore(YouTubeChannel, dialect).from_select(["id"], new))
        watched = YouTubeChannel.id.in_(wanted)
        asked = Broadcast.state.in_(OPEN_STATES) & Broadcast.next_look_at.is_not(None)
        self._channels = db.session.execute(select(func.count(YouTubeChannel.id)).where(watched)).scalar_one()
        self._open = db.session.execute(select(func.count(Broadcast.id)).where(asked)).scalar_one()
        due = list(db.session.execute(select(YouTubeChannel).where(watched, which)).scalars())
        # Who hung last time waits behind those who answer; those whose feeds are broken take turns with the units.
        due.sort(key=lambda row: (row.failures > 0, row.id <= self._mended, row.id))
        plan = self._plan(now)
        asks = self._choose(due, plan, now)
        self._schedule_channels(asks, plan, self._channels, now)
        db.session.commit()
        self._discovery.submit(asks)

    def _plan(self, now: datetime) -> quota.Plan | None:
        if self._api is None:
            return None
        spent = quota.read_spent(db.session(), now)
        units = self._settings.youtube_daily_units
        return quota.make_plan(now, self._channels, spent, units=units, check_every=self._check_every)

    def _choose(self, due: Sequence[YouTubeChannel], plan: quota.Plan | None, now: datetime) -> list[Ask]:
        hanging = self._discovery.hanging()
        left = plan.discovery_left if plan else 0
        asks = []
        for row in due:
            if row.id in hanging:
                continue
            signal = pick_signal(row.failures, plan, left)
            if signal == "uploads":
                left -= 1
                self._mended = row.id if row.failures else self._mended
            asks.append(Ask(row.id, signal, row.failures))
        units = sum(ask.signal == "uploads" for ask in asks)
        if units and not quota.spend(db.session(), now, units=self._settings.youtube_daily_units, discovery=units):
            asks = [replace(ask, signal="feed") if ask.signal == "uploads" else ask for ask in asks]
        return asks

    def _schedule_channels(self, asks: Iterable[Ask], plan: quota.Plan | None, count: int, now: datetime) -> None:
        """Moves the next look ahead before the risky call: a channel that breaks something costs one try per turn."""
        ids = [ask.channel_id for ask in asks]
        every = plan.channel_every if plan else (PAGE_EVERY if count <= PAGES_AT_FULL_PACE else self._check_every)
        # NULL is left to the check; only what is asked more often than that has a time of its own.
        next_look = now + every if every < self._check_every or (plan and plan.lists_uploads) else None
        for chunk in _chunks(ids):
            db.session.execute(
                update(YouTubeChannel)
                .where(YouTubeChannel.id.in_(chunk))
                .values(last_look_at=now, next_look_at=next_look),
                execution_options={"synchronize_session": False},
            )

    def _store_looks(self, looks: Sequence[Look], now: datetime) -> Looked:
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
            self._decide(self._known(now, video_ids=list(judged)), judged, now, looked)
        if any(look.error is not None and look.error.cause == "youtube_quota" for look in looks):
            quota.mark_exhausted(db.session(), now)
        db.session.commit()
        return looked

    def _insert_unseen(self, looks: Iterable[Look], now: datetime) -> None:
        unseen: dict[str, dict[str, Any]] = {}
        back: list[str] = []  # gone, and listed again: private for a while, or forgotten by two answers
        for look in looks:
            refs = (look.video,) if look.video is not None else look.refs
            for ref in refs:
                if ref.id not in self._remembered:
                    unseen[ref.id] = {
                        "video_id": ref.id,
                        "channel_id": look.ask.channel_id,
                        "title": ref.title,
                        "published_at": ref.published_at,
                        "first_signal": look.ask.signal,
                        "first_seen_at": now,
                        "next_look_at": now,
                    }
        for chunk in _chunks(list(unseen)):
            stored = select(Broadcast.video_id, Broadcast.state).where(Broadcast.video_id.in_(chunk))
            for video_id, state in db.session.execute(stored):
                del unseen[video_id]
                if state == BroadcastState.GONE:
                    back.append(video_id)
                else:
                    self._remember(video_id)
        if back:
            self._revive(Broadcast.video_id.in_(back), now)
        statement = insert_or_ignore(Broadcast, db.session.get_bind().dialect.name)
        for rows in _chunks(list(unseen.values()), AT_ONCE):
            db.session.execute(statement, rows)

    def _remember(self, video_id: str) -> None:
        if len(self._remembered) >= REMEMBERED:
            self._remembered.clear()
        self._remembered.add(video_id)

    # Confirm and decide

    def _known(
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

    def _confirm(self, now: datetime, looked: Looked, *, until: datetime | None) -> None:
        """Asks about all broadcasts worth it, 50 ids a call; C2 stores what that makes of them."""
        if until != now:
            self._revive_named(now)
        known = self._known(now, until=until)
        if self._api is not None:
            known = self._within_units(known, now)
        db.session.commit()
        looked.asked += len(known)
        for some in _chunks(known, AT_ONCE):
            answers = self._discovery.videos([k.video_id for k in some])
            good = {id: answer for id, answer in answers.items() if not isinstance(answer, Outcome)}
            self._decide([k for k in some if k.video_id in good], good, now, looked)
            self._store_failures(some, answers, now, looked)
            db.session.commit()

    def _within_units(self, known: list[Known], now: datetime) -> list[Known]:
        """As many as the units allow, nearest first."""
        plan = self._plan(now)
        calls = min(-(-len(known) // 50), plan.watch_left if plan else 0)
        if not calls or not quota.spend(db.session(), now, units=self._settings.youtube_daily_units, watch=calls):
            self._postpone([k.id for k in known], now, "youtube_quota")
            return []
        return known[: calls * 50]

    def _revive_named(self, now: datetime) -> None:
        """A video that an open episode names is asked about even after it was absent: private until it starts."""
        named = select(EpisodeGuide.video_id).where(
            EpisodeGuide.video_id.is_not(None),
            or_(EpisodeGuide.scheduled_at.is_(None), EpisodeGuide.scheduled_at > now - ENDED_OF_INTEREST),
        )
        self._revive(Broadcast.video_id.in_(named), now)

    @staticmethod
    def _revive(which: ColumnElement[bool], now: datetime) -> None:
        db.session.execute(
            update(Broadcast)
            .where(Broadcast.state == BroadcastState.GONE, which)
            .values(state=BroadcastState.NEW, next_look_at=now, absences=0),
            execution_options={"synchronize_session": False},
        )

    def _pace(self, now: datetime) -> Pace:
        plan = self._plan(now)
        if plan is None:
            return Pace(self._check_every, at_least=PAGE_EVERY)
        return Pace(self._check_every, stretch=plan.stretch, far_every=plan.far_every(self._open))

    def _decide(
        self, known: Iterable[Known], videos: Mapping[str, Video | None], now: datetime, looked: Looked
    ) -> None:
        pace = self._pace(now)
        rows = []
        for k in known:
            video = videos.get(k.video_id)
            decision = decide(k, video, now, pace)
            rows.append(_broadcast_row(k, video, decision, now))
            if decision.state in (BroadcastState.LIVE, BroadcastState.ENDED) and rows[-1]["closed_at"] is None:
                looked.broadcast_ids.append(k.id)
            if decision.state not in (*OPEN_STATES, BroadcastState.GONE):
                self._remember(k.video_id)
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
        lasting = cause in ("youtube_quota", "youtube_key", "youtube_refused", "youtube_bot_check", "youtube_consent")
        wait = self._check_every if lasting else max(timedelta(seconds=5), PAGE_EVERY if not self._api else timedelta())
        for chunk in _chunks(ids):
            db.session.execute(
                update(Broadcast)
                .where(Broadcast.id.in_(chunk))
                .values(error_cause=cause, last_look_at=now, next_look_at=now + wait),
                execution_options={"synchronize_session": False},
            )


def is_live(video: Video) -> bool:
    """Live: YouTube says so, it has started, it has not ended, and everybody may watch."""
    started = video.actual_start_at is not None and video.actual_end_at is None
    return video.live_content == "live" and started and video.privacy == "public"


def _channel_row(look: Look, now: datetime) -> dict[str, Any]:
    row: dict[str, Any] = {
        "id": look.ask.channel_id,
        "signal": look.ask.signal,
        "failures": look.failures,
        "error_cause": look.error.cause if look.error else None,
        "error": str(look.error) if look.error else None,
    }
    return row if look.error else {**row, "last_good_look_at": now}


def _broadcast_row(known: Known, video: Video | None, decision: Decision, now: datetime) -> dict[str, Any]:
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


def _chunks(things: Sequence[Any], size: int = CHUNK) -> Iterator[Sequence[Any]]:
    for i in range(0, len(things), size):
        yield things[i : i + size]
