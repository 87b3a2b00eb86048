"""Asks channels what videos they have, in a bounded pool of threads that do HTTP and nothing else."""

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Any

from services.clients.values import Video, VideoRef
from services.clients.youtube_api import YouTubeApi
from services.clients.youtube_feed import YouTubeFeed
from services.clients.youtube_page import YouTubePage
from services.errors import Outcome, Refused
from services.watch_plan import PAGES_AT_FULL_PACE, Plan

log = logging.getLogger(__name__)

HANDS = 64
JUDGES = 16
#: without progress for so long, what is there goes on
STALL_SECONDS = 0.5
MOST_ROUNDS = 3
#: a check ends by then; what is not answered yet is picked up by a later round
ROUND_DEADLINE_SECONDS = 30.0
#: failed looks in a row after which the next way of asking is tried
FEED_PATIENCE = 3
PLAYLIST_PATIENCE = 6
#: when both feeds are broken, the plain one is tried again every so many looks
FEED_RETRY = 8


@dataclass(frozen=True, slots=True)
class Ask:
    """One channel to look at and the way to do it."""

    channel_id: str
    signal: str
    failures: int = 0


@dataclass(frozen=True, slots=True)
class Look:
    """What a channel's look brought: a list of videos, or with a page one judged video, or an error."""

    ask: Ask
    refs: tuple[VideoRef, ...] = ()
    video: Video | None = None
    error: Outcome | None = None

    @property
    def failures(self) -> int:
        """The channel's count after this look: kept up where only a second or third way worked."""
        if self.error is not None:
            return self.ask.failures + 1
        if self.ask.signal == "playlist_feed":
            return self.ask.failures
        is_repair = self.ask.signal == "uploads" and self.ask.failures >= PLAYLIST_PATIENCE
        return self.ask.failures + 1 if is_repair else 0


def pick_signal(
    failures: int, plan: Plan | None, uploads_left: int, *, channels: int = PAGES_AT_FULL_PACE + 1, is_hot: bool = False
) -> str:
    """The way to ask a channel. `plan` None: without a key. `is_hot`: something is expected there just now. Pure."""
    if plan is None:
        return "page"
    has_units = uploads_left > 0
    if (plan.lists_uploads or is_hot) and has_units:
        return "feed" if failures >= FEED_PATIENCE and failures % 2 else "uploads"
    if plan.is_blind and (is_hot or channels <= PAGES_AT_FULL_PACE):
        return "feed" if failures >= FEED_PATIENCE and failures % 2 else "page"
    if failures < FEED_PATIENCE:
        return "feed"
    if failures >= PLAYLIST_PATIENCE and has_units and failures % FEED_RETRY:
        return "uploads"
    return "playlist_feed" if failures < PLAYLIST_PATIENCE or failures % 2 else "feed"


class Discovery:
    """Looks at channels. A channel that hangs keeps its thread, not the round; its answer comes with a later one."""

    def __init__(self, api: YouTubeApi | None, feed: YouTubeFeed, page: YouTubePage) -> None:
        self._api, self._feed, self._page = api, feed, page
        self._lookers = ThreadPoolExecutor(HANDS, thread_name_prefix="look")
        # Apart, so that hanging channels never keep a known broadcast from being asked about.
        self._judges = ThreadPoolExecutor(JUDGES, thread_name_prefix="judge")
        self._lock = threading.Lock()
        self._in_flight: set[str] = set()
        self._done: SimpleQueue[Look] = SimpleQueue()

    def submit(self, asks: Iterable[Ask]) -> None:
        """Starts looking. Channels that still hang from an earlier round are not asked twice."""
        for ask in asks:
            with self._lock:
                if ask.channel_id in self._in_flight:
                    continue
                self._in_flight.add(ask.channel_id)
            self._lookers.submit(self._work, ask)

    def hanging(self) -> set[str]:
        """The channels whose answer is still awaited."""
        with self._lock:
            return set(self._in_flight)

    def rounds(self, most: int = MOST_ROUNDS) -> Iterator[list[Look]]:
        """What came in, whenever nothing more came for half a second; the last of several waits for the rest."""
        until = time.monotonic() + ROUND_DEADLINE_SECONDS
        for number in range(1, most + 1):
            waits_for_all = number == most and most > 1
            yield self._collect(until, patience=ROUND_DEADLINE_SECONDS if waits_for_all else STALL_SECONDS)
            if self._is_idle() or time.monotonic() >= until:
                return

    def _collect(self, until: float, patience: float) -> list[Look]:
        looks: list[Look] = []
        with contextlib.suppress(Empty):
            while not self._is_idle():
                timeout = min(patience, until - time.monotonic())
                looks.append(self._done.get(timeout=max(0.0, timeout)))
                with self._lock:
                    self._in_flight.discard(looks[-1].ask.channel_id)
        return looks

    def _is_idle(self) -> bool:
        with self._lock:
            return not self._in_flight

    def _work(self, ask: Ask) -> None:
        try:
            self._done.put(self.look(ask))
        except Exception as error:
            # A parser that failed on what no test has seen costs this channel its turn and nobody else.
            log.exception("a look failed unexpectedly", extra={"channel": ask.channel_id})
            odd = Refused("YouTube's answer could not be read.", cause="youtube_odd_answer")
            odd.__cause__ = error
            self._done.put(Look(ask, error=odd))

    def look(self, ask: Ask) -> Look:
        """Asks one channel. Never raises for what the outside does."""
        try:
            if ask.signal == "page":
                return Look(ask, video=self._page.live(ask.channel_id))
            if ask.signal == "uploads" and self._api is not None:
                return Look(ask, refs=tuple(self._api.uploads(ask.channel_id)))
            refs = self._feed.entries(ask.channel_id, playlist=ask.signal == "playlist_feed")
            return Look(ask, refs=tuple(refs))
        except Outcome as error:
            return Look(ask, error=error)

    def videos(self, ids: list[str], *, by_page: bool = False) -> dict[str, Video | Outcome | None]:
        """What YouTube says of these videos, 50 a call with a key, else each one's page; or why it says nothing."""
        if self._api is None or by_page:
            return dict(zip(ids, self._ask_all(self._page.video, ids), strict=True))
        batches = [ids[i : i + 50] for i in range(0, len(ids), 50)]
        answers = self._ask_all(self._api.videos, batches)
        return {
            id: answer if isinstance(answer, Outcome) else answer.get(id)
            for batch, answer in zip(batches, answers, strict=True)
            for id in batch
        }

    def _ask_all(self, ask: Callable[[Any], Any], things: list[Any]) -> list[Any]:
        def safely(thing: Any) -> Any:
            try:
                return ask(thing)
            except Outcome as error:
                return error

        if len(things) == 1:
            return [safely(things[0])]
        return list(self._judges.map(safely, things))
