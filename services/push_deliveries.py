"""What the hub delivers: judged by its signature, and turned into one wish, to look at a channel sooner. Asks nobody.

Nothing is written for what is forged, and at most once in 20 seconds for what is not, however much arrives.
"""

import contextlib
import logging
import re
import threading
import time
from collections import Counter
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import case, or_, select, update

from extensions import db, reading
from models import PushState, PushSubscription, YouTubeChannel
from services import quota
from services.clients.websub import channels_in, is_signed
from services.vault import Vault, VaultError

log = logging.getLogger(__name__)

#: at most one look per channel in so much time
LOOK_EVERY = timedelta(seconds=20)
#: looks that deliveries may ask for on one day and channel; the usual looks go on
LOOKS_A_DAY = 100
PATH = re.compile(r"[A-Za-z0-9_-]{43}")
#: how long a subscription is known without asking the database again, in seconds, and how many
KNOWN_SECONDS, MOST_KNOWN = 60.0, 10_000
#: strange addresses that one process asks the database about in a second; for more a hub has to come again
ASKED_A_SECOND = 50

One = PushSubscription


class Judged(StrEnum):
    """What became of a delivery. Only the first changes anything."""

    ACCEPTED = "accepted"
    REPEATED = "repeated"  # genuine, but a look is to come anyway, or the day's are used up
    UNKNOWN = "unknown"  # nobody subscribed at this address
    PUT_OFF = "put_off"  # nobody looked whether somebody did: too many others came at once
    TOO_LARGE = "too_large"
    UNSIGNED = "unsigned"
    FORGED = "forged"  # the signature does not fit
    FOREIGN = "foreign"  # genuine, but of another channel, or no feed
    LOCKED = "locked"  # our own secret does not open


def owner(channel_id: str) -> str:
    """What a subscription's secret is sealed for."""
    return f"hub:{channel_id}"


def reseal(vault: Vault) -> None:
    """Seals every secret anew with the first key. One that does not open is replaced when the hub is asked next."""
    for row in db.session.execute(select(One).with_for_update(key_share=True)).scalars():
        with contextlib.suppress(VaultError):
            row.secret = vault.seal(vault.unseal(row.secret, owner(row.channel_id)), owner(row.channel_id))
    db.session.commit()


class Deliveries:
    """Safe to use from several threads and processes."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault
        self._lock = threading.Lock()
        self._known: dict[str, tuple[float, str, str]] = {}
        #: channel → the look that was asked for last
        self._looks: dict[str, datetime] = {}
        #: channel → when a look was asked for that is not written down yet, and whether somebody writes
        self._waiting: dict[str, datetime] = {}
        self._is_writing = False
        self._judged: Counter[Judged] = Counter()
        #: the last second in which the database was asked whose address it is, and how often
        self._asked = 0, 0

    def take(self, path: str, signature: str | None, body: bytes | None, now: datetime) -> Judged:
        """What a genuine one asks for is written down; whatever else comes changes nothing.

        `body` is None where it was too large to be read.
        """
        found = self._remembered(path) or self._asked_for(path)
        if isinstance(found, Judged):
            return self._counted(found)
        channel_id, secret = found
        refused = _refused(channel_id, secret, signature, body)
        return self._counted(refused or (Judged.ACCEPTED if self._wish(channel_id, now) else Judged.REPEATED))

    def at_once(self, path: str, signature: str | None, body: bytes | None, now: datetime) -> Judged | None:
        """The same as far as it can be told from memory; None for what `take` has to look at."""
        found = self._remembered(path)
        if found is None:
            is_strange = PATH.fullmatch(path) and path not in self._known
            is_put_off = is_strange and self._asked >= (int(time.monotonic()), ASKED_A_SECOND)
            return self._counted(Judged.PUT_OFF) if is_put_off else None
        refused = _refused(*found, signature, body)
        if refused is None and is_ahead(self._looks.get(found[0]), now):
            refused = Judged.REPEATED
        return self._counted(refused) if refused else None

    def judged(self) -> dict[str, int]:
        """How many deliveries this process has judged how since it began."""
        with self._lock:
            return {one.value: self._judged[one] for one in Judged}

    def _counted(self, judged: Judged) -> Judged:
        with self._lock:
            self._judged[judged] += 1
        return judged

    def _remembered(self, path: str) -> tuple[str, str] | None:
        """(channel, secret), where it was asked for within the last minute."""
        known = self._known.get(path)
        return known[1:] if known is not None and known[0] > time.monotonic() else None

    def _may_ask(self) -> bool:
        with self._lock:
            second = int(time.monotonic())
            number = self._asked[1] if self._asked[0] == second else 0
            self._asked = second, number + 1
            return number < ASKED_A_SECOND

    def _asked_for(self, path: str) -> tuple[str, str] | Judged:
        """(channel, secret) as the database has it; the secret is empty when it does not open."""
        if not PATH.fullmatch(path):
            return Judged.UNKNOWN
        if path not in self._known and not self._may_ask():
            return Judged.PUT_OFF
        reading()
        row = db.session.execute(select(One.channel_id, One.secret).where(One.path == path)).one_or_none()
        db.session.rollback()
        if row is None:
            return Judged.UNKNOWN
        try:
            secret = self._vault.unseal(row.secret, owner(row.channel_id))
        except VaultError:
            secret = ""
        with self._lock:
            if len(self._known) >= MOST_KNOWN:
                self._known.clear()
            self._known[path] = time.monotonic() + KNOWN_SECONDS, row.channel_id, secret
        return row.channel_id, secret

    def _wish(self, channel_id: str, now: datetime) -> bool:
        """Whether it is news. One writes; who comes meanwhile leaves his to that one, and pages keep their threads."""
        with self._lock:
            if is_ahead(self._looks.get(channel_id), now):
                return False
            # While this one is written nobody else tries: it speaks for all of them.
            self._looks[channel_id] = now + LOOK_EVERY
            self._waiting[channel_id] = now
            if self._is_writing:
                return True
            self._is_writing = True
        return self._write_waiting(channel_id)

    def _write_waiting(self, mine: str) -> bool:
        """Writes down all that wait. Whether `mine` was news."""
        is_news = False
        while (one := self._next_waiting()) is not None:
            channel_id, at = one
            try:
                look_at, is_noted = self._write(channel_id, at)
            except BaseException:
                self._forget(channel_id)
                raise
            with self._lock:
                self._looks[channel_id] = look_at
            is_news |= is_noted and channel_id == mine
        return is_news

    def _forget(self, failed: str) -> None:
        """They are only wishes: the next deliveries make them anew."""
        with self._lock:
            for channel_id in (failed, *self._waiting):
                self._looks.pop(channel_id, None)
            self._waiting.clear()
            self._is_writing = False

    def _next_waiting(self) -> tuple[str, datetime] | None:
        with self._lock:
            self._is_writing = bool(self._waiting)
            return self._waiting.popitem() if self._waiting else None

    def _write(self, channel_id: str, now: datetime) -> tuple[datetime, bool]:
        """The look that is asked for now or already, and whether it is new; by compare-and-set among processes."""
        query = select(One.look_at, One.looks_day, One.looks).where(One.channel_id == channel_id)
        row = db.session.execute(query).one_or_none()
        day = quota.pacific_day(now)
        looks = row.looks if row is not None and row.looks_day == day else 0
        if row is None or is_ahead(row.look_at, now) or looks >= LOOKS_A_DAY:
            db.session.rollback()
            return row.look_at if row is not None and is_ahead(row.look_at, now) else now + LOOK_EVERY, False
        look_at, same = next_look(row.look_at, now), One.look_at.is_not_distinct_from(row.look_at)
        noted = db.session.execute(
            update(One)
            .where(One.channel_id == channel_id, One.state != PushState.LEAVING, same)
            .values(look_at=look_at, looks_day=day, looks=looks + 1, last_push_at=now, pushes=One.pushes + 1)
            .returning(One.channel_id),
            execution_options={"synchronize_session": False},
        ).first()
        if noted is not None:
            _look_sooner(channel_id, look_at, now)
        db.session.commit()
        log.info("the hub announced something new", extra={"channel": channel_id, "noted": noted is not None})
        return look_at, noted is not None


def _refused(channel_id: str, secret: str, signature: str | None, body: bytes | None) -> Judged | None:
    """Why a delivery to a subscription changes nothing; None when it is genuine. Pure."""
    if body is None:
        return Judged.TOO_LARGE
    if not signature:
        return Judged.UNSIGNED
    if not secret:
        return Judged.LOCKED
    if not is_signed(body, signature, secret):
        return Judged.FORGED
    return None if channel_id in channels_in(body) else Judged.FOREIGN


def is_ahead(look_at: datetime | None, now: datetime) -> bool:
    """Whether a look is to come anyway. One from the far future stems from a clock that went back."""
    return look_at is not None and now < look_at <= now + 2 * LOOK_EVERY


def next_look(last: datetime | None, now: datetime) -> datetime:
    """Now, or 20 seconds after the last one that was asked for. Pure."""
    return last + LOOK_EVERY if last is not None and last <= now < last + LOOK_EVERY else now


def _look_sooner(channel_id: str, look_at: datetime, now: datetime) -> None:
    # NULL is what is left to the next check.
    later = or_(YouTubeChannel.next_look_at.is_(None), YouTubeChannel.next_look_at > look_at)
    db.session.execute(
        update(YouTubeChannel)
        .where(YouTubeChannel.id == channel_id)
        .values(pushed_at=now, next_look_at=case((later, look_at), else_=YouTubeChannel.next_look_at)),
        execution_options={"synchronize_session": False},
    )
