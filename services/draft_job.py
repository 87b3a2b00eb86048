"""What is done about drafts by itself: wishes found and worked off, and at night what nobody knows the price of."""

import logging
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, timedelta

from flask import Flask
from sqlalchemy import select

from extensions import db, reading
from models import Draft, DraftStatus
from services import draft_rows, draft_wishes, wallet
from services.audit import Actor
from services.draft_wishes import MOST_TRIES, Wish
from services.drafting import DraftService, Later, key_of
from services.errors import NotFound
from services.wallet_entries import find
from services.wallet_holds import ended

log = logging.getLogger(__name__)

NAME, EVERY_SECONDS = "drafts", 2.0
#: how many providers' answers are waited for at once
AT_ONCE = 8
#: seconds after which a run takes no more wishes: the next run goes on
LONGEST_RUN = 45.0
LOOK_EVERY = timedelta(seconds=15)
#: UTC; what was asked before the last hour and has no price then never will have one
NIGHT = 3
LOST = timedelta(hours=1)
USUAL_DELAY = timedelta(minutes=1)


class DraftJob:
    """Any number of processes may run it: a wish is worked on by one of them, and by another if that one dies."""

    def __init__(self, app: Flask, drafts: DraftService) -> None:
        self._app, self._drafts = app, drafts
        self._looked: datetime | None = None
        self._settled: date | None = None

    def run(self, now: datetime) -> None:
        if self._drafts.has_ai and (self._looked is None or abs(now - self._looked) >= LOOK_EVERY):
            self._looked = now
            reading()
            draft_wishes.find_changed(now)
        self.work(now)
        if now.hour >= NIGHT and self._settled != now.date():
            settle_lost(now)
            self._settled = now.date()

    def work(self, now: datetime) -> int:
        """Works off what is due, several at once. Returns how many wishes ended."""
        reading()
        is_due = draft_wishes.has_due(now)
        db.session.rollback()
        if not is_due:
            return 0
        begun = time.monotonic()
        with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="draft") as pool:
            return sum(pool.map(lambda _: self._work_off(now, begun), range(AT_ONCE)))

    def _work_off(self, now: datetime, begun: float) -> int:
        """One thread's part. A connection is held only while the database is asked, never while a provider is."""
        done = 0
        with self._app.app_context():
            while time.monotonic() - begun < LONGEST_RUN:
                at = now + timedelta(seconds=time.monotonic() - begun)
                wish = draft_wishes.claim(at)
                if wish is None:
                    break
                done += self._grant(wish, at)
        return done

    def _grant(self, wish: Wish, now: datetime) -> bool:
        if wish.tries > MOST_TRIES:
            return draft_wishes.end(wish, "gave_up", now)
        can_wait = wish.asked_by is None and wish.tries < MOST_TRIES
        try:
            found = self._drafts.draft(wish.config_id, wish.kind, Actor(wish.asked_by), now, can_wait=can_wait)
        except NotFound:
            return draft_wishes.end(wish, "gone", now)
        except Later as later:
            draft_wishes.put_off(wish, later.retry_at or now + USUAL_DELAY)
            return False
        except Exception:
            db.session.rollback()
            log.exception("a draft could not be written", extra={"config": wish.config_id})
            draft_wishes.put_off(wish, now + USUAL_DELAY)
            return False
        return draft_wishes.end(wish, "ai" if found.is_ai else "builtin", now)


def settle_lost(now: datetime) -> int:
    """Charges what was held for questions that nobody knows the answer of: the provider may have counted them."""
    session = db.session()
    lost = select(Draft).where(Draft.cost.is_(None), Draft.made_at < now - LOST).order_by(Draft.id)
    rows = session.execute(lost).scalars().all()
    ends = {row.id: ended(key_of(row.id)) for row in rows}
    wallet.settle_all(session, {key_of(id): None for id in ends}, [], now)
    booked = find(session, list(ends.values()))
    for row in rows:
        # Never held: it died before, so nothing was asked.
        found = booked.get(ends[row.id])
        row.cost = found.cost if found else 0
        if row.status == DraftStatus.ASKED:
            row.status, row.reason = DraftStatus.UNKNOWN, "ai_interrupted"
    session.commit()
    return len(rows)


def clean(now: datetime) -> None:
    draft_rows.clean(now)
    draft_wishes.clean(now)
