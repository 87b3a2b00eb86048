"""The only drain of the outbox: claim, send, settle; reap what was interrupted. Looking up is in confirming.py."""

import logging
import threading
import time
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from config import Settings
from extensions import db
from models import Outcome as AttemptOutcome
from models import Post, PostStatus, SocialConnection
from services import claiming, figures_version, gates, leases, outbox, sending
from services.clients.x import XClient
from services.clients.x_answers import Accepted
from services.errors import Outcome, Refused, Unknown
from services.installation import Guard
from services.journal import Intent
from services.journal_files import JournalError
from services.renewing import Refresh, Renewed
from services.sending import Sending
from services.tokens import TokenService
from services.vault import VaultError

log = logging.getLogger(__name__)

#: posts sent at once by one process
HANDS = 64
#: a short wait for others that finish at the same time, so that they share one transaction
GATHER_SECONDS = 0.03
#: beside other work the outbox is seen to so often, and takes at most a quarter of the time on a slow machine
GO_ON_EVERY_SECONDS = 0.2
GO_ON_SHARE = 0.25
LOOK_UP_WHILE_WAITING_SECONDS = 0.25
#: an outcome that the database does not take is kept in memory and offered again for so long
KEEP_OUTCOMES_SECONDS = 60.0


@dataclass(slots=True)
class Drained:
    """What one drain did."""

    posted: int = 0
    failed: int = 0
    unknown: int = 0
    missed: int = 0

    def count(self, status: PostStatus) -> None:
        if hasattr(self, status):
            setattr(self, status, getattr(self, status) + 1)


@dataclass(slots=True)
class Delivery:
    """What is in flight in one drain."""

    clock: Callable[[], datetime]
    go_on_at: float = field(default_factory=lambda: time.monotonic() + GO_ON_EVERY_SECONDS)
    sends: dict[Future[Accepted | Outcome], Sending] = field(default_factory=dict)
    refreshes: dict[Future[Renewed], Refresh] = field(default_factory=dict)
    drained: Drained = field(default_factory=Drained)

    @property
    def futures(self) -> list[Future[Any]]:
        return [*self.sends, *self.refreshes]


class SocialPostingService:
    """Sends what is due, each post at most once. Safe to run in any number of processes."""

    def __init__(self, settings: Settings, x: XClient, tokens: TokenService, guard: Guard) -> None:
        self._x = x
        self._guard, self._journal = guard, guard.journal
        self._tokens = tokens
        self._deadline = settings.send_deadline_seconds
        self._lease = timedelta(seconds=settings.send_lease_seconds)
        self._first_lookup = timedelta(seconds=settings.lookup_delays_seconds[0])
        self._pool = ThreadPoolExecutor(HANDS, thread_name_prefix="send")
        self._stopping = threading.Event()

    def stop(self) -> None:
        """Claims nothing more; the calls in flight are finished and settled."""
        self._stopping.set()

    def post_to_twitter(self, access_token: str, text: str, *, clock: Callable[[], datetime] | None = None) -> Accepted:
        """The POST itself. Raises Refused when it is certain that X does not have it, Unknown when nothing is certain.

        Only the holder of a committed attempt may call this. Until when X wants to be left alone is told by `clock`.
        """
        return self._x.post(access_token, text, deadline=self._deadline, clock=clock)

    def drain(self, now: datetime | None = None) -> Drained:
        """Sends everything that is due, several at once, until nothing is due and nothing in flight.

        `now` is the time at the beginning; it runs on from there.
        """
        return self.finish(self.begin(now))

    def begin(self, now: datetime | None = None) -> Delivery:
        """A drain that goes on beside other work in this thread: `go_on` as often as it likes, then `finish`."""
        return Delivery(running_clock(now))

    def go_on(self, work: Delivery) -> None:
        """Settles what has come back and starts sending what is due. Waits for nobody; call it between transactions."""
        begun = time.monotonic()
        if begun < work.go_on_at:
            return
        self._finish(work)
        self._claim(work)
        ended = time.monotonic()
        work.go_on_at = ended + max(GO_ON_EVERY_SECONDS, (ended - begun) * (1 / GO_ON_SHARE - 1))

    def finish(self, work: Delivery) -> Drained:
        """Sends until nothing is due and nothing in flight."""
        while True:
            self._claim(work)
            if not work.futures:
                return work.drained
            done, _ = wait(work.futures, timeout=LOOK_UP_WHILE_WAITING_SECONDS, return_when=FIRST_COMPLETED)
            if done:
                time.sleep(GATHER_SECONDS)
                self._finish(work)

    # Claim

    def _claim(self, work: Delivery) -> None:
        try:
            self._begin(work)
        except SQLAlchemyError:
            db.session.rollback()
            if not work.futures:
                raise
            log.exception("nothing more could be claimed")  # what is in flight is settled all the same

    def _begin(self, work: Delivery) -> None:
        """Claims as many as there are free hands and starts sending them."""
        free = HANDS - len(work.sends)
        if self._stopping.is_set() or free <= 0:
            return
        # From before the lease begins: a process that was frozen around its own commit must know how old the lease is.
        started = time.clock_gettime(time.CLOCK_BOOTTIME)
        now = work.clock()
        refreshing = [refresh.connection_id for refresh in work.refreshes.values()]
        session, guard = db.session(), self._guard
        claim = claiming.claim(session, self._tokens, now, free, guard=guard, lease=self._lease, leave_out=refreshing)
        self._commit_intents(claim, work)
        for one in self._written_down(claim, work):
            self._start_sending(one, started, work)
        for status in claim.settled:
            work.drained.count(status)
        for connection_id in claim.stale_connections:
            try:
                refresh = self._tokens.begin_refresh(connection_id, now)
            except VaultError as error:
                claiming.hold_sealed(db.session(), connection_id, error, now)
                db.session.commit()
                continue
            if refresh is None:
                claiming.postpone(db.session(), connection_id, now)
                db.session.commit()
            else:
                work.refreshes[self._pool.submit(self._tokens.call_refresh, refresh)] = refresh

    def _commit_intents(self, claim: claiming.Claim, work: Delivery) -> None:
        """Raises what the database raises: then nobody knows whether they are kept, but that nothing was sent."""
        try:
            db.session.commit()
        except SQLAlchemyError:
            db.session.rollback()
            if claim.sendings:
                why = Refused("The database did not confirm that this was about to be sent.", cause="storage")
                self._settle_surely([(one, why) for one in claim.sendings], work)
            raise

    def _written_down(self, claim: claiming.Claim, work: Delivery) -> list[Sending]:
        """The sendings that stand in the journal. The others are certainly not sent: they wait, and say why."""
        sendings = claim.sendings
        if not sendings:
            return []
        intents = [Intent(one.token, one.key, one.text) for one in sendings]
        why = Refused("The database forgot an earlier sending of this post.", cause="lost_record")
        try:
            late = self._journal.admit(intents, claim.seen, work.clock())
        except JournalError as error:
            late, why = {one.key for one in sendings}, Refused(str(error), cause="journal")
        if late:
            self._settle_surely([(one, why) for one in sendings if one.key in late], work)
        return [one for one in sendings if one.key not in late]

    def _start_sending(self, one: Sending, claimed_at: float, work: Delivery) -> None:
        try:
            work.sends[self._pool.submit(self._send, one, claimed_at, work.clock)] = one
        except RuntimeError:  # the interpreter is ending: certainly not sent, and another process may have it at once
            self._stopping.set()
            ending = Refused("Airhorn is being stopped; this was not sent.", cause="x_unreachable")
            self._settle_surely([(one, ending)], work)

    def _send(self, one: Sending, claimed_at: float, clock: Callable[[], datetime]) -> Accepted | Outcome:
        """In a thread: no database. Whatever is not a clear answer is unknown."""
        age = time.clock_gettime(time.CLOCK_BOOTTIME) - claimed_at
        if age > self._lease.total_seconds() - self._deadline:
            # The machine slept, or this process was held up: another may already be looking for this post.
            return Refused("Airhorn was held up before it could send.", cause="x_unreachable")
        try:
            return self.post_to_twitter(one.access_token, one.text, clock=clock)
        except Outcome as outcome:
            return outcome
        except Exception:
            log.exception("sending failed unexpectedly", extra={"post": one.post_id})
            return Unknown("Sending was interrupted.", cause="x_interrupted")

    # Settle

    def _finish(self, work: Delivery) -> None:
        now = work.clock()
        for future in [future for future in work.refreshes if future.done()]:
            refresh, result = work.refreshes.pop(future), future.result()
            self._surely("renewed tokens", partial(self._finish_refresh, refresh, result, now))
        done = [(work.sends.pop(future), future.result()) for future in list(work.sends) if future.done()]
        if done:
            self._journal.note([(one.key, one.token, *sending.heard(result)) for one, result in done], now)
            self._settle_surely(done, work)

    def _finish_refresh(self, refresh: Refresh, result: Renewed, now: datetime) -> None:
        if not self._tokens.finish_refresh(refresh, result, now):
            why = result if isinstance(result, Outcome) else None
            claiming.postpone(db.session(), refresh.connection_id, now, why, is_repeat=refresh.is_repeat)
            db.session.commit()

    @staticmethod
    def _surely(what: str, store: Callable[[], None]) -> None:
        """Stores it, also when the database is away for a moment: what X said must not be forgotten.

        After a while it gives up: the lease runs out, and the look-up or the journal knows. Raises IntegrityError.
        """
        until = time.monotonic() + KEEP_OUTCOMES_SECONDS
        while True:
            try:
                store()
                return
            except IntegrityError:
                db.session.rollback()
                raise
            except SQLAlchemyError:
                db.session.rollback()
                log.exception("%s could not be stored", what)
                if time.monotonic() >= until:
                    return
                time.sleep(1.0)

    def _settle_surely(self, done: Sequence[tuple[Sending, Accepted | Outcome]], work: Delivery) -> None:
        def settle() -> None:
            for status in self._settle(done, work.clock()):
                work.drained.count(status)

        try:
            self._surely("outcomes", settle)
        except IntegrityError:
            self._settle_apart(done, work)

    def _settle_apart(self, done: Sequence[tuple[Sending, Accepted | Outcome]], work: Delivery) -> None:
        """X gave an id that another post has already: that answer is odd, the others are not."""
        for one, result in done:
            try:
                statuses = self._settle([(one, result)], work.clock())
            except IntegrityError:
                db.session.rollback()
                odd = Unknown("X answered with the id of another post.", cause="x_odd_answer")
                statuses = self._settle([(one, odd)], work.clock())
            for status in statuses:
                work.drained.count(status)

    def _settle(self, done: Sequence[tuple[Sending, Accepted | Outcome]], now: datetime) -> list[PostStatus]:
        session = db.session()
        first_lookup_at = now + self._first_lookup
        moves = [sending.settle(one, result, now, first_lookup_at=first_lookup_at) for one, result in done]
        moved = outbox.apply(session, moves, now)
        for one, result in done:
            if isinstance(result, Refused):
                self._note_refusal(one, result, now)
        if any(one.is_probe and isinstance(result, Accepted) for one, result in done):
            gates.open_again(session, "x", now)
        session.commit()
        self._log(done, moves, moved)
        return [move.to for move in moves if move.post_id in moved]

    def _note_refusal(self, one: Sending, refused: Refused, now: datetime) -> None:
        """What a refusal means beyond its post: the token, the connection, the gates."""
        session = db.session()
        gate = sending.gate(one, refused, now)
        if gate is not None:
            gates.shut(session, *gate)
        if refused.cause not in ("x_auth", "x_scope"):
            return
        values: dict[str, Any] = {"trouble": refused.cause}
        if sending.needs_new_token(one, refused):
            values = {"expires_at": now}
        else:
            figures_version.raise_for_connection(session, one.connection_id)
        session.execute(
            update(SocialConnection)
            .where(SocialConnection.id == one.connection_id, SocialConnection.token_version == one.version)
            .values(**values),
            execution_options={"synchronize_session": False},
        )

    @staticmethod
    def _log(
        done: Sequence[tuple[Sending, Accepted | Outcome]], moves: Sequence[outbox.Move], moved: Collection[int]
    ) -> None:
        for (one, _), move in zip(done, moves, strict=True):
            ids = {"post": one.post_id, "attempt": one.token, "cause": move.cause}
            if move.post_id in moved:
                log.info("post %s", move.to, extra=ids)
            else:
                log.info("an answer came too late to count", extra=ids)

    # Reap

    def reap(self, now: datetime) -> int:
        """A post whose sender died, or slept past its lease, may be out: it becomes unknown and is looked up."""
        session = db.session()
        over = leases.over(Post.lease_until, now, longest=10 * self._lease)
        rows = session.execute(
            select(Post.id, Post.attempt_token).where(Post.status == PostStatus.SENDING, over).limit(500)
        ).all()
        values = {"unknown_since": now, "next_lookup_at": now + self._first_lookup, "lease_until": None}
        moves = [
            outbox.Move(
                post_id=row.id,
                expected=PostStatus.SENDING,
                to=PostStatus.UNKNOWN,
                token=row.attempt_token,
                outcome=AttemptOutcome.UNKNOWN,
                cause="x_interrupted",
                values=values,
            )
            for row in rows
        ]
        moved = outbox.apply(session, moves, now)
        session.commit()
        return len(moved)


def running_clock(now: datetime | None) -> Callable[[], datetime]:
    """A clock that starts at `now` and goes on; the wall's clock when None."""
    if now is None:
        return lambda: datetime.now(UTC)
    begun = time.monotonic()
    return lambda: now + timedelta(seconds=time.monotonic() - begun)
