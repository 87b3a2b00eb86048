"""How often passwords and codes may be guessed at: counted in the database, before anything is compared."""

import hashlib
import logging
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Case, ColumnElement, case, delete, literal, or_, select, update
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from extensions import db
from models import SignInThrottle
from models.types import UtcDateTime
from services.addresses import network_of
from services.errors import Invalid

log = logging.getLogger(__name__)

#: after the last try that is free; each further one waits for the next, then always for the last
WAITS = tuple(timedelta(minutes=minutes) for minutes in (1, 2, 4, 8, 15))
#: so long after the last try it begins anew
FORGET = timedelta(hours=1)
WINDOW = timedelta(minutes=15)
#: failures of everybody within a window from which on somebody is tried systematically
MANY = 200
EVERYBODY = "everybody"


class TooManyTries(Invalid):
    """Nothing was compared. `retry_at`: when the next try counts."""

    def __init__(self, retry_at: datetime, now: datetime) -> None:
        self.seconds = max(1, round((retry_at - now).total_seconds()))
        minutes = -(-self.seconds // 60)
        after = f"{minutes} minutes" if minutes > 1 else "a minute"
        super().__init__(f"There were too many tries. Wait {after}, then try again; until then none counts.")
        self.retry_at = retry_at


@dataclass(frozen=True, slots=True)
class Key:
    """What is counted together. `free` tries in a row, then `waits`; without waits `free` tries in a WINDOW."""

    name: str
    free: int
    waits: tuple[timedelta, ...] = WAITS


def of_account(email: str) -> Key:
    """Also for addresses that nobody here has, so that waiting does not tell who has an account."""
    address = unicodedata.normalize("NFC", email).strip().lower()
    return Key(f"account:{_digest(address)}", 5)


def of_network(address: str) -> Key:
    return Key(f"from:{network_of(address)}", 20, ())


def of_code(user_id: int) -> Key:
    return Key(f"code:{user_id}", 6)


def of_confirming(user_id: int) -> Key:
    """Apart from signing in: who guesses from outside must not keep the owner from acting inside."""
    return Key(f"confirm:{user_id}", 5)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def count(keys: Sequence[Key], now: datetime) -> None:
    """Counts a try and commits, before anything is compared. Raises TooManyTries, and then counted nothing.

    One statement decides and counts, so that of many tries at once only so many are let through, in whatever
    process they are. Always give the network first: rows are locked in the order of `keys`.
    """
    for key in keys:
        if db.session.execute(_counted(key, now)).first() is None:
            db.session.rollback()
            blocked = select(SignInThrottle.blocked_until).where(SignInThrottle.key == key.name)
            until = db.session.execute(blocked).scalar_one_or_none()
            db.session.rollback()
            raise TooManyTries(until or now, now)
    db.session.commit()


def take_back(keys: Sequence[Key]) -> None:
    """The try was right: the account begins anew, the network has one less. In the caller's transaction."""
    for key in keys:
        mine = SignInThrottle.key == key.name
        undo = delete(SignInThrottle) if key.waits else update(SignInThrottle).values(failures=_one_less())
        db.session.execute(undo.where(mine), execution_options={"synchronize_session": False})


def count_everybody(now: datetime) -> None:
    """One failure more on this server, in the caller's transaction. Keeps nobody out, but says so in the log."""
    failures = db.session.execute(_counted(Key(EVERYBODY, 1_000_000_000, ()), now)).scalar_one()
    if failures == MANY:
        log.warning("many tries to sign in fail", extra={"failures": failures, "minutes": WINDOW.seconds // 60})


def clean(now: datetime) -> None:
    """Takes away what is forgotten, in the caller's transaction."""
    old = SignInThrottle.last_at < now - FORGET
    db.session.execute(delete(SignInThrottle).where(old), execution_options={"synchronize_session": False})


def _one_less() -> Case[Any]:
    return case((SignInThrottle.failures > 0, SignInThrottle.failures - 1), else_=0)


def _counted(key: Key, now: datetime) -> Any:
    """Counts and returns the failures; returns no row and counts nothing while the key is blocked."""
    is_over = or_(SignInThrottle.blocked_until.is_(None), SignInThrottle.blocked_until <= now)
    if key.waits:
        failures: Case[Any] = case((SignInThrottle.last_at < now - FORGET, 1), else_=SignInThrottle.failures + 1)
        until, is_open, first = _until(failures, key, now), is_over, None
    else:
        failures = case((is_over, 1), else_=SignInThrottle.failures + 1)
        until = case((is_over, _instant(now + WINDOW)), else_=SignInThrottle.blocked_until)
        is_open, first = or_(is_over, SignInThrottle.failures < key.free), now + WINDOW
    insert = postgresql_insert if db.session.get_bind().dialect.name == "postgresql" else sqlite_insert
    row = insert(SignInThrottle).values(key=key.name, failures=1, last_at=now, blocked_until=first)
    changed = {"failures": failures, "last_at": _instant(now), "blocked_until": until}
    counted = row.on_conflict_do_update(index_elements=["key"], set_=changed, where=is_open)
    return counted.returning(SignInThrottle.failures)


def _until(failures: ColumnElement[int], key: Key, now: datetime) -> Case[Any]:
    """None while tries are free; then rising with every further one."""
    rising = [(failures == key.free + more, _instant(now + wait)) for more, wait in enumerate(key.waits)]
    return case((failures < key.free, None), *rising, else_=_instant(now + key.waits[-1]))


def _instant(moment: datetime) -> ColumnElement[datetime]:
    return literal(moment, UtcDateTime)
