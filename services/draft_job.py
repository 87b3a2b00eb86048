"""What is done about drafts by itself: wishes found and worked off, and at night what nobody knows the price of."""

import logging
import time
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from datetime import date, datetime, timedelta
from functools import partial

from sqlalchemy import Select, exists, func, select, update
from sqlalchemy.orm import aliased

from extensions import db, reading
from models import Draft, DraftStatus, EntryKind, Wallet, WalletEntry
from services import draft_rows, draft_wishes, figures_version, wallet
from services.audit import Actor
from services.clients.ai_answers import Answer
from services.draft_question import key_of
from services.draft_wishes import MOST_TRIES, Wish
from services.drafting import BUILT_IN, DraftService, Later, Question, Steps, Terms
from services.errors import NotFound, Outcome
from services.wallet_entries import find
from services.wallet_holds import ended, reserved

log = logging.getLogger(__name__)

NAME, EVERY_SECONDS = "drafts", 2.0
#: how many providers' answers are waited for at once
AT_ONCE = 16
#: seconds after which a run takes no more wishes: the next run goes on
LONGEST_RUN = 45.0
LOOK_EVERY = timedelta(seconds=15)
#: UTC; what was asked before the last hour and has no price then never will have one
NIGHT = 3
LOST = timedelta(hours=1)
USUAL_DELAY = timedelta(minutes=1)


class DraftJob:
    """Any number of processes may run it: a wish is worked on by one of them, and by another if that one dies."""

    def __init__(self, drafts: DraftService) -> None:
        self._drafts = drafts
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
        with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="draft") as pool:
            return _Shift(self._drafts, pool, now).work()


class _Shift:
    """One run: this thread asks the database, the others wait for the provider and know no database."""

    def __init__(self, drafts: DraftService, pool: ThreadPoolExecutor, now: datetime) -> None:
        self._drafts, self._pool, self._now = drafts, pool, now
        self._begun = time.monotonic()
        self._asked: dict[Future[Answer | Outcome], tuple[Wish, Steps]] = {}
        self._done = 0

    def work(self) -> int:
        while self._take() or self._asked:
            for asked in wait(self._asked, return_when=FIRST_COMPLETED).done:
                wish, steps = self._asked.pop(asked)
                self._go_on(wish, steps, partial(_send, steps, asked))
        return self._done

    def _take(self) -> bool:
        """One more wish, if there is one and a hand free for it."""
        while len(self._asked) < AT_ONCE and time.monotonic() - self._begun < LONGEST_RUN:
            wish = draft_wishes.claim(self._at())
            if wish is None:
                break
            if wish.tries > MOST_TRIES:
                self._done += draft_wishes.end(wish, "gave_up", self._at())
                continue
            self._begin(wish)
        return bool(self._asked)

    def _begin(self, wish: Wish) -> None:
        """What an earlier try left behind counts: nothing is asked, or paid, twice for one wish."""
        left = draft_rows.left_behind(wish.config_id, wish.asked_at, wish.asked_by) if wish.tries > 1 else None
        if left is not None and left.writer is not None:
            self._done += draft_wishes.end(wish, "builtin" if left.writer == BUILT_IN else "ai", self._at())
            return
        can_wait = wish.asked_by is None and wish.tries < MOST_TRIES
        terms = Terms(most=wish.cap, can_wait=can_wait, may_ask=left is None)
        steps = self._drafts.steps(wish.config_id, wish.kind, Actor(wish.asked_by), self._at(), terms=terms)
        self._go_on(wish, steps, partial(next, steps))

    def _at(self) -> datetime:
        return self._now + timedelta(seconds=time.monotonic() - self._begun)

    def _go_on(self, wish: Wish, steps: Steps, step: Callable[[], Question]) -> None:
        """To the next question, or to the end of the wish."""
        try:
            self._asked[self._pool.submit(step())] = wish, steps
        except StopIteration as end:
            self._done += draft_wishes.end(wish, "ai" if end.value.is_ai else "builtin", self._at())
        except NotFound:
            self._done += draft_wishes.end(wish, "gone", self._at())
        except Later as later:
            draft_wishes.put_off(wish, later.retry_at or self._at() + USUAL_DELAY)
        except Exception:
            db.session.rollback()
            log.exception("a draft could not be written", extra={"config": wish.config_id})
            draft_wishes.put_off(wish, self._at() + USUAL_DELAY)


def _send(steps: Steps, asked: Future[Answer | Outcome]) -> Question:
    return steps.send(asked.result())


def settle_lost(now: datetime) -> int:
    """Charges what was held for questions that nobody knows the answer of: the provider may have counted them.

    Also of drafts that went with their episode. Answers that were paid and could not be stored are not waited for.
    """
    session = db.session()
    paid = Draft.status == DraftStatus.ASKED, Draft.cost.is_not(None), Draft.made_at < now - LOST
    gone = update(Draft).where(*paid).values(status=DraftStatus.UNKNOWN, reason="ai_interrupted")
    session.execute(gone, execution_options={"synchronize_session": False})
    lost = select(Draft).where(Draft.cost.is_(None), Draft.made_at < now - LOST).order_by(Draft.id)
    rows = session.execute(lost).scalars().all()
    ends = {row.id: ended(key_of(row.id)) for row in rows}
    held = session.execute(_still_held(now - LOST)).scalars()
    keys = {key_of(id) for id in ends} | {key.removesuffix(reserved("")) for key in held}
    charged = wallet.settle_all(session, dict.fromkeys(sorted(keys)), [], now)
    figures_version.raise_for(session, [one.podcast_id for one in charged])
    booked = find(session, list(ends.values()))
    for row in rows:
        # Never held: it died before, so nothing was asked.
        found = booked.get(ends[row.id])
        row.cost = found.cost if found else 0
        if row.status == DraftStatus.ASKED:
            row.status, row.reason = DraftStatus.UNKNOWN, "ai_interrupted"
    session.commit()
    return len(rows)


def _still_held(before: datetime) -> Select[str]:
    end = aliased(WalletEntry)
    is_ended = exists().where(end.key == func.replace(WalletEntry.key, reserved(""), ended("")))
    # Of the wallets that hold something: the others have nothing left to give back.
    holding = select(Wallet.id).where(Wallet.held > 0)
    of_drafts = WalletEntry.kind == EntryKind.RESERVE, WalletEntry.draft_id.is_not(None)
    found = select(WalletEntry.key).where(*of_drafts, WalletEntry.wallet_id.in_(holding))
    return found.where(WalletEntry.at < before, ~is_ended)


def clean(now: datetime) -> None:
    draft_rows.clean(now)
    draft_wishes.clean(now)
