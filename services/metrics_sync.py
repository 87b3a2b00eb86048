"""Reads what X shows of posts at certain ages: claims what is due, asks, stores. Sends nothing.

Claimed and committed first, so that two processes never read the same post; asked in threads, with no transaction open;
stored in bulk. Whatever dies in between is read again when its lease is over. What reading costs is known before: it is
left alone where a wallet has a limit that does not cover it.
"""

import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from extensions import db
from services import metrics_rows, prices
from services.clients.x import XClient
from services.clients.x_metrics import MOST_IDS, Shown
from services.errors import Outcome, Refused
from services.metrics_rows import Due, Kept
from services.tokens import Access, TokenService, note_refused

log = logging.getLogger(__name__)

#: posts of one round, which takes the same few statements however many there are
AT_ONCE = 1_000
HANDS = 8
#: seconds after which nothing new is asked; the next run goes on
PATIENCE = 120.0
#: what could not be read is tried again
AGAIN_AFTER = timedelta(hours=1)
#: who rehearses sees how numbers come without waiting for an hour
FIRST_IN_REHEARSAL = timedelta(minutes=1)
#: refusals that hold for every post: nothing more is asked until they are over
FOR_ALL = frozenset({"x_credits", "x_rate", "x_client"})


@dataclass(frozen=True, slots=True)
class Batch:
    """At most MOST_IDS posts of one account, read with its own token."""

    access: Access
    posts: Sequence[Due]


@dataclass(slots=True)
class Synced:
    """What one run did. `cost` is in micro-dollars, at most: what X showed before on the same day is free."""

    read: int = 0
    gone: int = 0
    uncovered: int = 0
    put_off: int = 0
    cost: int = 0
    renewed: set[int] = field(default_factory=set)


class MetricsSyncService:
    """Made once per process. Any number of processes may run it."""

    def __init__(
        self,
        x: XClient,
        tokens: TokenService,
        *,
        first: timedelta = metrics_rows.AGES[0],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`first`: how long after it went out a post is read for the first time."""
        self._x, self._tokens, self._first, self._clock = x, tokens, first, clock
        self._pool = ThreadPoolExecutor(HANDS, thread_name_prefix="metrics")
        self._rest_until: datetime | None = None

    def sync(self, now: datetime) -> Synced:
        """Reads all that is due, or as much as there is time for."""
        done, ends = Synced(), self._clock() + PATIENCE
        while self._clock() < ends and not self._rests(now):
            due = metrics_rows.claim(db.session(), now, AT_ONCE, first=self._first)
            db.session.commit()
            if not due:
                break
            self._round(due, done, now, ends)
        if done.read or done.uncovered or done.put_off:
            counts = {name: getattr(done, name) for name in ("read", "gone", "uncovered", "put_off", "cost")}
            log.info("public counts of posts were read", extra=counts)
        return done

    def _rests(self, now: datetime) -> bool:
        return self._rest_until is not None and self._rest_until > now

    def _round(self, due: Sequence[Due], done: Synced, now: datetime, ends: float) -> None:
        logins = self._logins(due, done, now)
        readable = [one for one in due if one.account in logins]
        covered, cost = self._covered(readable, now)
        done.uncovered += len(readable) - len(covered)
        batches = _batches(covered, logins)
        reads = list(zip(batches, self._pool.map(lambda one: self._read(one, now, ends), batches), strict=True))
        shown = [(batch, read) for batch, read in reads if isinstance(read, Shown)]
        kept = [
            Kept(one, read.found.get(one.remote_id), one.remote_id in read.missing, one.remote_id in read.unreadable)
            for batch, read in shown
            for one in batch.posts
        ]
        self._store(due, kept, reads, done, now)
        found = sum(one.metrics is not None for one in kept)
        done.read += found
        done.gone += sum(one.is_gone for one in kept)
        done.put_off += len(due) - len(readable) + len(covered) - sum(one.is_told for one in kept)
        done.cost += sum(one.is_shown for one in kept) * cost

    @staticmethod
    def _covered(due: Sequence[Due], now: datetime) -> tuple[list[Due], int]:
        """Those whose wallet covers them, each after those before it; and what one costs."""
        cost = prices.current(now).cost(prices.READ)
        free = metrics_rows.free(db.session(), {one.whose.podcast_id for one in due})
        db.session.rollback()
        covered = []
        for one in due:
            payer = free.payer(one.whose)
            left = free.left.get(payer)
            if left is not None and left < cost:
                continue
            if left is not None:
                free.left[payer] = left - cost
            covered.append(one)
        return covered, cost

    def _logins(self, due: Sequence[Due], done: Synced, now: datetime) -> dict[str, Access]:
        """By account. Who has no login that works is not read, and no money is kept for it."""
        accounts = {one.account for one in due}
        logins = metrics_rows.logins(db.session(), accounts, self._tokens, now)
        db.session.rollback()
        stale = [one.connection_id for one in logins.values() if one.is_stale]
        if stale:
            self._tokens.refresh_now(stale, lambda: now)
            done.renewed |= set(stale)
            logins = metrics_rows.logins(db.session(), accounts, self._tokens, now)
            db.session.rollback()
        return {account: one.access for account, one in logins.items() if one.access is not None}

    def _read(self, batch: Batch, now: datetime, ends: float) -> Shown | Outcome | None:
        """In a thread: no database, no exception. None: there was no time for it, or no use in it."""
        if self._clock() >= ends or self._rests(now):
            return None
        try:
            return self._x.metrics(batch.access.token, [one.remote_id for one in batch.posts])
        except Outcome as outcome:
            log.info("posts could not be read: %s", outcome, extra={"cause": outcome.cause})
            if outcome.cause in FOR_ALL:
                later = outcome.retry_at if isinstance(outcome, Refused) else None
                self._rest_until = later or now + AGAIN_AFTER
            return outcome
        except Exception:
            log.exception("reading posts failed unexpectedly")
            return None

    def _store(
        self,
        due: Sequence[Due],
        kept: Sequence[Kept],
        reads: Iterable[tuple[Batch, Shown | Outcome | None]],
        done: Synced,
        now: datetime,
    ) -> None:
        """All that was read, and what it cost, in one transaction; what was not read is put off.

        But for the posts of podcasts that were deleted meanwhile: nobody looks at those any more, and nobody pays.
        """
        session = db.session()
        there = metrics_rows.still_there(session, {one.whose.podcast_id for one in due})
        kept = [one for one in kept if one.due.whose.podcast_id in there]
        said = {one.due.post_id for one in kept if one.is_told}
        again = [one.post_id for one in due if one.post_id not in said]
        metrics_rows.store(session, kept, now)
        metrics_rows.put_off(session, again, max(now + AGAIN_AFTER, self._rest_until or now))
        refused = [batch.access for batch, read in reads if isinstance(read, Outcome) and read.cause == "x_auth"]
        note_refused(session, refused, now, renewed=done.renewed)
        session.commit()


def _batches(due: Sequence[Due], logins: Mapping[str, Access]) -> list[Batch]:
    """By account."""
    of_account: dict[str, list[Due]] = {}
    for one in due:
        of_account.setdefault(one.account, []).append(one)
    return [
        Batch(logins[account], posts[begin : begin + MOST_IDS])
        for account, posts in of_account.items()
        for begin in range(0, len(posts), MOST_IDS)
    ]
