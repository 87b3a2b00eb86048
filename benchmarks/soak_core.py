"""720 simulated hours of the pure decide-and-plan core: 200 channels, faults on, the day's units, nothing missed.

Planner, rules and the choice of signals are the real ones; database, threads and clients are left out.
"""

import heapq
import time
from collections import Counter
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from benchmarks.report import Report
from benchmarks.soak_world import BEGIN, IN_TIME, SECOND, UNITS, Ledger, Show, World, inside
from models import OPEN_STATES, BroadcastState
from services.broadcast_looks import LASTING, MOST_PAGES
from services.clients.values import Video
from services.discovery import Ask, Look, pick_signal
from services.errors import Refused
from services.live_rules import Known, decide, signal_of
from services.quota import day_bounds, pacific_day
from services.watch_needs import OVER_BY, Start, foresee
from services.watch_plan import Demand, Plan, hot_step, is_near, make_plan, next_channel_look

CHANNELS, DAYS, SEED = 200, 30, 20_261_122
CHECK = 180 * SECOND
UNTIL_NEXT = 0.6 * CHECK


@dataclass(slots=True)
class Channel:
    next_look: datetime | None = None
    pushed_at: datetime | None = None
    failures: int = 0
    #: so many of its videos are known
    seen: int = 0


class Core:
    """What ChannelLooks and BroadcastLooks do, in memory."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.channels = [Channel() for _ in range(world.channels)]
        self.known: dict[str, Known] = {}
        self.next_look: dict[str, datetime] = {}
        self.due: list[tuple[datetime, str]] = []
        self.hot: list[tuple[datetime, int]] = []
        self.ledgers: dict[object, Ledger] = {}
        self.demand, self.most_units = Demand(), 0
        self.found_by: Counter[str] = Counter()
        self.seen: dict[str, datetime] = {}

    def run(self) -> None:
        """Second by second where something is due, from the first day's midnight to the last one's end."""
        pushes = sorted((s.pushed_at, s.channel) for s in self.world.shows.values() if s.pushed_at is not None)
        people = sorted(self.world.people)
        now = next_check = BEGIN
        while now < self.world.end:
            while pushes and pushes[0][0] <= now:
                at, number = pushes.pop(0)
                self.channels[number].pushed_at = at
                heapq.heappush(self.hot, (at, number))
            while people and people[0] <= now:
                self.ledger(people.pop(0)).spend(now, people=2)
            if not inside(self.world.we_are_down, now):
                if now >= next_check:
                    self.check(now)
                elif self._is_due(now):
                    self.watch(now)
            next_check = now + CHECK if now >= next_check else next_check
            soon = [next_check, *(heap[0][0] for heap in (self.due, self.hot, pushes) if heap)]
            now = max(now + SECOND, min(soon))

    def ledger(self, now: datetime) -> Ledger:
        return self.ledgers.setdefault(pacific_day(now), Ledger())

    def plan(self, now: datetime) -> Plan:
        return make_plan(now, self.demand, self.ledger(now).read(now), units=UNITS, check_every=CHECK)

    def _is_due(self, now: datetime) -> bool:
        return any(heap and heap[0][0] <= now for heap in (self.due, self.hot))

    # Channels

    def check(self, now: datetime) -> None:
        ends = day_bounds(now)[1]
        starts = [
            Start(k.scheduled_start_at, k.is_first)
            for k in self.known.values()
            if k.scheduled_start_at and k.live_seen_at is None and now - OVER_BY < k.scheduled_start_at < ends
        ]
        self.demand = Demand(len(self.channels), len(self.next_look), foresee(starts, now, ends))
        self._look([n for n, c in enumerate(self.channels) if c.next_look is None or c.next_look <= now], now)
        self.confirm(now, now + UNTIL_NEXT)

    def watch(self, now: datetime) -> None:
        due = set()
        while self.hot and self.hot[0][0] <= now:
            due.add(heapq.heappop(self.hot)[1])
        if due:
            self._look(sorted(due), now)
        self.confirm(now, now)

    def _look(self, due: list[int], now: datetime) -> None:
        plan, ledger = self.plan(now), self.ledger(now)
        hot = {n: step for n in due if (step := hot_step(now, self.channels[n].pushed_at, None))}
        left, asks = plan.discovery_left, []
        for number in sorted(due, key=lambda n: (n not in hot, self.channels[n].failures > 0)):
            channel = self.channels[number]
            signal = pick_signal(channel.failures, plan, left, channels=len(self.channels), is_hot=number in hot)
            left -= signal == "uploads"
            asks.append((number, Ask(str(number), signal, channel.failures)))
            channel.next_look = next_channel_look(now, plan, len(self.channels), CHECK, hot=hot.get(number))
            if channel.next_look is not None:
                heapq.heappush(self.hot, (channel.next_look, number))
        lists = sum(ask.signal == "uploads" for _, ask in asks)
        if lists and not ledger.spend(now, discovery=lists):
            asks = [(number, replace(ask, signal="feed") if ask.signal == "uploads" else ask) for number, ask in asks]
        for number, ask in asks:
            self._list(number, ask, now)

    def _list(self, number: int, ask: Ask, now: datetime) -> None:
        world, channel = self.world, self.channels[number]
        shown = now
        if ask.signal == "uploads":
            why = world.api_answers(now)
            self._note(now, why)
        elif ask.signal == "page":
            why = world.page_answers(now)
        else:
            why = world.feed_answers(number, now, playlist=ask.signal == "playlist_feed")
            shown = world.feed_shows(number, now)
        channel.failures = Look(ask, error=Refused("", cause=why) if why else None).failures
        told = world.lists[number]
        while not why and channel.seen < len(told) and told[channel.seen].published_at <= shown:
            self._insert(told[channel.seen], ask.signal, now)
            channel.seen += 1

    def _insert(self, show: Show, signal: str, now: datetime) -> None:
        self.known[show.id] = Known(
            id=len(self.known),
            video_id=show.id,
            state=BroadcastState.NEW,
            first_seen_at=now,
            scheduled_start_at=None,
            actual_start_at=None,
            live_seen_at=None,
            closed_at=None,
            absences=0,
            first_signal=signal,
            is_first=show.channel % 20 == 0,
        )
        self._ask_at(show.id, now)

    def _note(self, now: datetime, why: str) -> None:
        ledger = self.ledger(now)
        if why == "youtube_quota":
            ledger.refuse(now)
        elif not why and ledger.read(now).is_probe:
            ledger.retry_at = None

    # Broadcasts

    def _ask_at(self, video_id: str, at: datetime | None) -> None:
        if at is None:
            self.next_look.pop(video_id, None)
            return
        self.next_look[video_id] = at
        heapq.heappush(self.due, (at, video_id))

    def confirm(self, now: datetime, until: datetime) -> None:
        ids: dict[str, None] = {}
        while self.due and self.due[0][0] <= until:
            at, video_id = heapq.heappop(self.due)
            if self.next_look.get(video_id) == at:
                ids[video_id] = None
        known = [self.known[video_id] for video_id in ids]
        if not known:
            return
        plan, ledger = self.plan(now), self.ledger(now)
        calls = min(-(-len(known) // 50), plan.watch_left)
        if calls * 50 < len(known):
            known.sort(key=lambda k: (not k.is_first, not is_near(k.scheduled_start_at, now)))
        if calls and ledger.spend(now, watch=calls):
            for first in range(0, len(known), 50):
                some = known[first : first + 50]
                why = self.world.api_answers(now) if first < calls * 50 else "later"
                if why != "later":
                    self._note(now, why)
                self._judge(some, why, now)
            return
        pages = [k for k in known if k.closed_at is None and is_near(k.scheduled_start_at, now)][:MOST_PAGES]
        asked = {k.id for k in pages}
        self._judge([k for k in known if k.id not in asked], "youtube_quota", now)
        for one in pages:
            why = self.world.page_answers(now)
            self._judge([one], why, now)
            if why:
                ledger.hurry(now)

    def _judge(self, known: list[Known], why: str, now: datetime) -> None:
        pace = self.plan(now).pace(CHECK, self.demand.broadcasts)
        for k in known:
            if why:
                self._ask_at(k.video_id, now + (CHECK if why in LASTING else 5 * SECOND))
                continue
            video = self.world.shows[k.video_id].as_of(now)
            decision = decide(k, video, now, pace)
            self._keep(k, video, decision.state, now, is_news=decision.is_news)
            self._ask_at(k.video_id, decision.next_look_at if decision.state in OPEN_STATES else None)

    def _keep(self, k: Known, video: Video, state: BroadcastState, now: datetime, *, is_news: bool) -> None:
        if is_news:
            pushed = self.channels[self.world.shows[k.video_id].channel].pushed_at
            self.found_by[signal_of(replace(k, pushed_at=pushed), now)[0]] += 1
            self.seen[k.video_id] = now
        started = video.actual_start_at
        self.known[k.video_id] = replace(
            k,
            state=state,
            scheduled_start_at=video.scheduled_start_at,
            actual_start_at=started,
            live_seen_at=now if is_news else k.live_seen_at,
            closed_at=now if started and now - started > IN_TIME else k.closed_at,
            last_look_at=now,
        )


# The figure


def lived(*, channels: int, days: int, seed: int) -> dict[str, object]:
    """One month in one row."""
    begun = time.monotonic()
    core = Core(World(channels=channels, days=days, seed=seed))
    core.run()
    world = core.world
    shows = [show for show in world.shows.values() if show.started_at is not None]
    delays: dict[bool, list[timedelta]] = {True: [], False: []}
    late, ours = 0, 0
    for show in shows:
        assert show.started_at is not None
        at = core.seen.get(show.id)
        if at is None or at - show.started_at > IN_TIME:
            late += 1
            ours += world.could_be_seen(show)
        else:
            delays[show.planned_at is not None].append(at - show.started_at)
    units = [ledger.spent.total for ledger in core.ledgers.values()]
    return {
        "channels": channels,
        "hours": days * 24,
        "starts": len(shows),
        "missed, our fault": ours,
        "missed, YouTube's": late - ours,
        "most units a day": max(units),
        "mean units": sum(units) / len(units),
        "refused days": sum(ledger.refusals > 0 for ledger in core.ledgers.values()),
        "planned p50 s": _part(delays[True], 0.5),
        "p95 s": _part(delays[True], 0.95),
        "worst s": _part(delays[True], 1.0),
        "unplanned p50 s": _part(delays[False], 0.5),
        "p95 s ": _part(delays[False], 0.95),
        "found by": ", ".join(f"{way} {count}" for way, count in core.found_by.most_common()),
        "took s": time.monotonic() - begun,
    }


def _part(delays: list[timedelta], part: float) -> float | None:
    """The delay that this part of the starts does not exceed."""
    ordered = sorted(delays)
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))] / SECOND if ordered else None


def measure() -> Report:
    report = Report(
        "soak_core", f"{DAYS * 24} simulated hours of {CHANNELS} channels with faults, planner and rules only"
    )
    month = lived(channels=CHANNELS, days=DAYS, seed=SEED)
    report.rows.append(month)
    report.at_most("starts missed for our own fault", int(str(month["missed, our fault"])), 0)
    report.at_most("most units of a day", int(str(month["most units a day"])), UNITS)
    return report.finish()


if __name__ == "__main__":
    measure()
