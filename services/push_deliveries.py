"""What the hub delivers: judged by its signature, and turned into one wish, to look at a channel sooner. Asks nobody.

The videos it names are kept along, to be asked about. Nothing is written for what is forged, and for what is not at
most once in 20 seconds and once for each video, however much arrives. A delivery that names a new one is acknowledged
when that is written down, and not before: a hub repeats what it was refused.
"""

import contextlib
import logging
import re
import threading
import time
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from sqlalchemy import select

from extensions import db, reading
from models import PushState, PushSubscription
from services.clients.websub import channels_in, is_signed, videos_in
from services.push_looks import LOOK_EVERY, ask_for_look, is_ahead
from services.push_named import Named, keep
from services.vault import Vault, VaultError

log = logging.getLogger(__name__)

PATH = re.compile(r"[A-Za-z0-9_-]{43}")
#: how long all subscriptions are known without asking the database again, in seconds
KNOWN_SECONDS = 60.0
#: strange addresses that make one process ask again in a second; for more a hub has to come again
ASKED_A_SECOND = 10
#: how long one that names something new waits for who writes, in seconds, and how many at a time: pages need threads
PATIENCE_SECONDS = 5.0
PATIENT_ONES = 2

One = PushSubscription


class Judged(StrEnum):
    """What became of a delivery. Only the first changes anything."""

    ACCEPTED = "accepted"
    REPEATED = "repeated"  # genuine, but a look is to come anyway, or the day's are used up
    UNKNOWN = "unknown"  # nobody subscribed at this address
    PUT_OFF = "put_off"  # not looked at, or not written down: too many came at once, or the database is slow or away
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


@dataclass(slots=True)
class _Wish:
    """A look at a channel that is not written down yet, with the videos that were named."""

    at: datetime
    videos: set[str] = field(default_factory=set)
    is_kept: bool = False
    #: kept, or given up
    is_over: threading.Event = field(default_factory=threading.Event)


class Deliveries:
    """Safe to use from several threads and processes."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault
        self.patience = PATIENCE_SECONDS
        self._lock = threading.Lock()
        #: path → channel and sealed secret of every subscription, until when that is believed, and what was unsealed
        self._known: dict[str, tuple[str, bytes]] = {}
        self._known_until = 0.0
        self._secrets: dict[bytes, str] = {}
        #: channel → the look that was asked for last
        self._looks: dict[str, datetime] = {}
        self._named = Named()
        #: channel → its wish; whether somebody writes, since when the one at hand, and who may wait for him
        self._waiting: dict[str, _Wish] = {}
        self._is_writing, self._writing_since = False, 0.0
        self._room = threading.BoundedSemaphore(PATIENT_ONES)
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
        refused = _forged(secret, signature, body)
        if refused is not None or body is None or channel_id not in channels_in(body):
            return self._counted(refused or Judged.FOREIGN)
        return self._counted(self._wish(channel_id, videos_in(body, channel_id), now))

    def at_once(self, path: str, signature: str | None, body: bytes | None, now: datetime) -> Judged | None:
        """The same as far as it can be told from memory; None for what `take` has to look at."""
        found = self._remembered(path)
        if found is None:
            is_strange = PATH.fullmatch(path) and path not in self._known
            is_put_off = is_strange and self._asked >= (int(time.monotonic()), ASKED_A_SECOND)
            return self._counted(Judged.PUT_OFF) if is_put_off else None
        judged = _forged(found[1], signature, body)
        if judged is None and body is not None and is_ahead(self._looks.get(found[0]), now):
            videos = videos_in(body, found[0])
            with self._lock:
                is_news = self._named.news(found[0], videos, now) or (videos and self._is_stuck())
            judged = None if is_news else Judged.REPEATED
        return self._counted(judged) if judged else None

    def judged(self) -> dict[str, int]:
        """How many deliveries this process has judged how since it began."""
        with self._lock:
            return {one.value: self._judged[one] for one in Judged}

    def _counted(self, judged: Judged) -> Judged:
        with self._lock:
            self._judged[judged] += 1
        return judged

    def _remembered(self, path: str) -> tuple[str, str] | None:
        """(channel, secret), as it was within the last minute; the secret is empty when it does not open."""
        found = self._known.get(path)
        if found is None or self._known_until < time.monotonic():
            return None
        channel_id, sealed = found
        secret = self._secrets.get(sealed)
        if secret is None:
            try:
                secret = self._vault.unseal(sealed, owner(channel_id))
            except VaultError:
                secret = ""
            self._secrets[sealed] = secret
        return channel_id, secret

    def _may_ask(self) -> bool:
        with self._lock:
            second = int(time.monotonic())
            number = self._asked[1] if self._asked[0] == second else 0
            self._asked = second, number + 1
            return number < ASKED_A_SECOND

    def _asked_for(self, path: str) -> tuple[str, str] | Judged:
        """(channel, secret) as the database has it now, which is asked for all of them at once."""
        if not PATH.fullmatch(path):
            return Judged.UNKNOWN
        if path not in self._known and not self._may_ask():
            return Judged.PUT_OFF
        reading()
        rows = db.session.execute(select(One.path, One.channel_id, One.secret)).all()
        db.session.rollback()
        known = {row.path: (row.channel_id, row.secret) for row in rows}
        secrets = {sealed: self._secrets[sealed] for _, sealed in known.values() if sealed in self._secrets}
        self._known, self._secrets, self._known_until = known, secrets, time.monotonic() + KNOWN_SECONDS
        return self._remembered(path) or Judged.UNKNOWN

    def _wish(self, channel_id: str, videos: Sequence[str], now: datetime) -> Judged:
        """One writes; who comes meanwhile leaves his to that one, and pages keep their threads."""
        with self._lock:
            fresh, waits = self._named.news(channel_id, videos, now), is_ahead(self._looks.get(channel_id), now)
            if videos and self._is_stuck():
                return Judged.PUT_OFF  # also of what is being written: nobody knows yet what becomes of that
            if waits and not fresh:
                return Judged.REPEATED
            has_room = not (fresh and self._is_writing) or self._room.acquire(blocking=False)
            self._named.take(channel_id, fresh, now)
            if not waits:
                # While this one is written nobody else tries: it speaks for all of them.
                self._looks[channel_id] = now + LOOK_EVERY
            wish = self._waiting.setdefault(channel_id, _Wish(now))
            wish.at = now
            wish.videos.update(fresh)
            is_left, self._is_writing = self._is_writing, True
            self._writing_since = self._writing_since if is_left else time.monotonic()
        if not is_left:
            return Judged.ACCEPTED if self._write_waiting(channel_id) else Judged.REPEATED
        if not has_room:
            return Judged.PUT_OFF  # it is written with the others; the hub repeats it in case it is not
        return self._outcome(channel_id, wish, fresh) if fresh else Judged.ACCEPTED

    def _is_stuck(self) -> bool:
        return self._is_writing and time.monotonic() >= self._writing_since + self.patience

    def _outcome(self, channel_id: str, wish: _Wish, fresh: Sequence[str]) -> Judged:
        """Waits until the one who writes has come to the wish. What is not kept by then the hub has to repeat."""
        try:
            wish.is_over.wait(self.patience)
        finally:
            self._room.release()
        with self._lock:
            if not wish.is_over.is_set():
                self._named.forget(channel_id, fresh)
            return Judged.ACCEPTED if wish.is_kept else Judged.PUT_OFF

    def _write_waiting(self, mine: str) -> bool:
        """Writes down all that wait. Whether `mine` was news."""
        is_news = False
        while (one := self._next_waiting()) is not None:
            channel_id, wish = one
            try:
                look_at, is_noted = self._write(channel_id, wish.videos, wish.at)
            except BaseException:
                self._give_up(channel_id, wish)
                raise
            with self._lock:
                self._looks[channel_id], wish.is_kept = look_at, True
                wish.is_over.set()
            is_news |= is_noted and channel_id == mine
        return is_news

    def _give_up(self, failed: str, wish: _Wish) -> None:
        """Who named something new is told to come again; mere looks the next deliveries ask for anew."""
        with self._lock:
            for channel_id, one in ((failed, wish), *self._waiting.items()):
                self._looks.pop(channel_id, None)
                self._named.forget(channel_id, one.videos)
                one.is_over.set()
            self._waiting.clear()
            self._is_writing = False

    def _next_waiting(self) -> tuple[str, _Wish] | None:
        with self._lock:
            self._is_writing, self._writing_since = bool(self._waiting), time.monotonic()
            return self._waiting.popitem() if self._waiting else None

    def _write(self, channel_id: str, videos: Collection[str], now: datetime) -> tuple[datetime, bool]:
        """The look that is asked for now or already, and whether anything is new."""
        query = select(One.look_at, One.looks_day, One.looks, One.state).where(One.channel_id == channel_id)
        row = db.session.execute(query).one_or_none()
        if row is None or row.state == PushState.LEAVING:
            db.session.rollback()
            return now + LOOK_EVERY, False
        keep(channel_id, videos, now)
        look_at, is_noted = ask_for_look(channel_id, row, now)
        db.session.commit()
        told = {"channel": channel_id, "noted": is_noted, "named": len(videos)}
        log.info("the hub announced something new", extra=told)
        return look_at, is_noted or bool(videos)


def _forged(secret: str, signature: str | None, body: bytes | None) -> Judged | None:
    """Why nobody can say that a delivery is the hub's; None when it is. Pure."""
    if body is None:
        return Judged.TOO_LARGE
    if not signature:
        return Judged.UNSIGNED
    if not secret:
        return Judged.LOCKED
    return None if is_signed(body, signature, secret) else Judged.FORGED
