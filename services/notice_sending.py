"""Sends notices to people's addresses: each once, whatever happens. Decides nothing about what is told."""

import logging
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select, update
from sqlalchemy import text as sql

from config import Settings
from extensions import db, reading
from models import Notice, NoticeAddress, NoticeNetwork, NoticeSending, SendingStatus, User
from services import notice_words as say
from services.causes import CAUSES, explain
from services.clients.http import Http
from services.clients.notify import Discord, Message, Sender, Slack, Telegram
from services.errors import Outcome, Refused, Unknown
from services.mail import Mailer
from services.notice_addresses import NAMES, own, owner, stop_path
from services.notice_store import store
from services.notice_words import Event
from services.vault import Vault, VaultError

log = logging.getLogger(__name__)

THREADS, AT_ONCE = 4, 20
#: after the first, second, … try that certainly did not arrive
WAITS = (timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=15), timedelta(minutes=15))
MOST_TRIES = len(WAITS) + 1
#: what was begun so long ago was interrupted; what is older than that helps nobody any more
INTERRUPTED_AFTER, TOO_OLD = timedelta(minutes=5), timedelta(hours=6)
#: these mean that the next one to the same network would hang or fail as well
SLOW = frozenset({"notice_unreachable", "notice_no_answer"})
_PLAIN = {"synchronize_session": False}


class Letters:
    """E-mail, as one more way to send."""

    def __init__(self, mailer: Mailer) -> None:
        self._mailer = mailer

    def send(self, address: str, message: Message, now: datetime) -> None:  # noqa: ARG002 - as all senders
        ending = f"\n\n-- \nYou asked Airhorn for these letters. To end them: {message.stop_link}\n"
        text = "\n\n".join(part for part in (message.title, message.body, message.link) if part) + ending
        headers = {"List-Unsubscribe": f"<{message.stop_link}>"}
        self._mailer.hand_over(address, message.title, text, headers=headers)


@dataclass(frozen=True, slots=True)
class Parcel:
    """One notice on its way to one address. `to` is opened only for the wire."""

    sending_id: int
    address_id: int
    network: str
    tries: int
    to: str | VaultError
    message: Message


class NotifyService:
    """The job that sends what waits, and the test that a person asks for."""

    def __init__(self, settings: Settings, http: Http, vault: Vault, mailer: Mailer) -> None:
        self._settings, self._vault = settings, vault
        self._senders: dict[str, Sender] = {
            NoticeNetwork.DISCORD: Discord(http, settings.discord_api_url),
            NoticeNetwork.SLACK: Slack(http, settings.slack_api_url),
        }
        if settings.smtp_host is not None:
            self._senders[NoticeNetwork.EMAIL] = Letters(mailer)
        if settings.telegram_bot_token is not None:
            bot = Telegram(http, settings.telegram_api_url, settings.telegram_bot_token)
            self._senders[NoticeNetwork.TELEGRAM] = bot
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="notify")
        #: set when the process is about to end: what is on the wire is finished, nothing more is begun
        self.stopped = threading.Event()

    def send_due(self, now: datetime) -> int:
        """Sends what is due, a few at once. Returns how many arrived."""
        self._give_up(now)
        parcels = self._claim(now)
        slow: set[str] = set()
        results = list(self._pool.map(lambda parcel: self._try(parcel, slow, now), parcels))
        for parcel, result in zip(parcels, results, strict=True):
            self._settle(parcel, result, now)
        return sum(result is None for result in results)

    def test(self, address_id: int, user_id: int, now: datetime) -> tuple[bool, str]:
        """Sends a message right now. Whether it arrived, and a sentence. Raises NotFound."""
        own(address_id, user_id)
        query = select(NoticeAddress, User.email).join(User, User.id == NoticeAddress.user_id)
        row = db.session.execute(query.where(NoticeAddress.id == address_id)).one()
        message = self._message(row.NoticeAddress, "Airhorn: this is a test", "Notices arrive here.", "/notices")
        name, parcel = NAMES[NoticeNetwork(row.NoticeAddress.network)], self._parcel(0, 0, row, message)
        db.session.rollback()
        result = self._try(parcel, set(), now)
        db.session.execute(_address_after(parcel, result, now), execution_options=_PLAIN)
        db.session.commit()
        return (False, words(result)) if result else (True, f"Sent. Look at {name}.")

    # Claiming

    def _claim(self, now: datetime) -> list[Parcel]:
        """Takes what is due by compare-and-set, committed before the wire is touched."""
        reading()
        rows = db.session.execute(_due(now)).all()
        if not rows:
            db.session.rollback()
            return []
        parcels = [
            self._parcel(
                row.NoticeSending.id,
                row.NoticeSending.tries + 1,
                row,
                self._message(row.NoticeAddress, row.title, row.body, row.link),
            )
            for row in rows
        ]
        db.session.rollback()
        queued = NoticeSending.status == SendingStatus.QUEUED, NoticeSending.not_before <= now
        taken = db.session.execute(
            update(NoticeSending)
            .where(NoticeSending.id.in_([parcel.sending_id for parcel in parcels]), *queued)
            .values(status=SendingStatus.SENDING, tries=NoticeSending.tries + 1, not_before=now)
            .returning(NoticeSending.id),
            execution_options=_PLAIN,
        )
        mine = set(taken.scalars())
        db.session.commit()
        return [parcel for parcel in parcels if parcel.sending_id in mine]

    def _message(self, address: NoticeAddress, title: str, body: str, link: str) -> Message:
        here = self._settings.public_url
        stop = here + stop_path(address, self._settings.secret_key) if address.network == NoticeNetwork.EMAIL else ""
        return Message(title, body, here + link, stop)

    def _parcel(self, sending_id: int, tries: int, row: Any, message: Message) -> Parcel:
        address = row.NoticeAddress
        try:
            to: str | VaultError = self._vault.unseal(address.address, owner(address.user_id, address.network))
        except VaultError as error:
            to = error
        if address.network == NoticeNetwork.EMAIL:
            to = row.email
        return Parcel(sending_id, address.id, address.network, tries, to, message)

    # The wire: no database here, it runs in threads of its own

    def _try(self, parcel: Parcel, slow: set[str], now: datetime) -> Outcome | None:
        """None when it arrived. One that hangs is enough: the others to its network wait for the next time."""
        sender = self._senders.get(parcel.network)
        if sender is None:
            return Refused("This way is not set up.", cause="notice_off")
        if isinstance(parcel.to, VaultError):
            return Refused(str(parcel.to), cause="notice_sealed", permanent=True)
        if parcel.network in slow or self.stopped.is_set():
            return Refused("The other side hangs.", cause="notice_unreachable")
        try:
            sender.send(parcel.to, parcel.message, now)
        except Outcome as outcome:
            if outcome.cause in SLOW:
                slow.add(parcel.network)
            return outcome
        except Exception:
            log.exception("a notice could not be sent", extra={"sending": parcel.sending_id})
            return Unknown("Sending broke off.", cause="notice_no_answer")
        return None

    # What became of it

    def _settle(self, parcel: Parcel, result: Outcome | None, now: datetime) -> None:
        """One transaction a parcel; a lost one is found by _give_up."""
        of_parcel = NoticeSending.id == parcel.sending_id, NoticeSending.status == SendingStatus.SENDING
        values = _sending_after(parcel, result, now)
        db.session.execute(update(NoticeSending).where(*of_parcel).values(**values), execution_options=_PLAIN)
        db.session.execute(_address_after(parcel, result, now), execution_options=_PLAIN)
        if is_broken(result):
            waiting = NoticeSending.address_id == parcel.address_id, NoticeSending.status == SendingStatus.QUEUED
            ended = {"status": SendingStatus.FAILED, "error": words(result)}
            db.session.execute(update(NoticeSending).where(*waiting).values(**ended), execution_options=_PLAIN)
        db.session.commit()
        if is_broken(result):
            _tell_of_broken(parcel, words(result), now)

    @staticmethod
    def _give_up(now: datetime) -> None:
        """What was begun and never ended may have arrived; what waited for too long helps nobody."""
        begun = NoticeSending.status == SendingStatus.SENDING, NoticeSending.not_before < now - INTERRUPTED_AFTER
        young = select(Notice.id).where(Notice.id == NoticeSending.notice_id, Notice.at >= now - TOO_OLD)
        old = sql("status = 'queued'"), NoticeSending.not_before <= now, ~young.exists()
        endings: tuple[tuple[Sequence[Any], str], ...] = ((begun, "notice_interrupted"), (old, "notice_too_old"))
        reading()
        found = db.session.execute(select(*(select(NoticeSending.id).where(*which).exists() for which, _ in endings)))
        is_there = found.one()
        db.session.rollback()
        for (which, cause), there in zip(endings, is_there, strict=True):
            if there:
                ended = {"status": SendingStatus.FAILED, "error": CAUSES[cause].text}
                db.session.execute(update(NoticeSending).where(*which).values(**ended), execution_options=_PLAIN)
                db.session.commit()


def _due(now: datetime) -> Any:
    return (
        select(NoticeSending, NoticeAddress, User.email, Notice.title, Notice.body, Notice.link)
        .join(NoticeAddress, NoticeAddress.id == NoticeSending.address_id)
        .join(Notice, Notice.id == NoticeSending.notice_id)
        .join(User, User.id == NoticeAddress.user_id)
        .where(sql("notice_sendings.status = 'queued'"), NoticeSending.not_before <= now, User.is_active)
        .where(NoticeAddress.is_broken.is_(False))
        .order_by(NoticeSending.not_before, NoticeSending.id)
        .limit(AT_ONCE)
    )


def words(result: Outcome | None) -> str:
    """What people read of it."""
    return explain(result.cause) if result is not None else ""


def is_broken(result: Outcome | None) -> bool:
    """Whether nothing will ever arrive there again."""
    return result is not None and result.cause in ("notice_gone", "notice_sealed")


def _sending_after(parcel: Parcel, result: Outcome | None, now: datetime) -> Mapping[str, Any]:
    """Only what certainly did not arrive is sent again, a few times."""
    if result is None:
        return {"status": SendingStatus.SENT, "error": None}
    if isinstance(result, Refused) and not result.permanent and parcel.tries < MOST_TRIES:
        at = max(now + WAITS[parcel.tries - 1], result.retry_at or now)
        if result.cause == "notice_rate" and result.retry_at is not None:
            at = result.retry_at
        return {"status": SendingStatus.QUEUED, "not_before": at, "error": words(result)}
    return {"status": SendingStatus.FAILED, "error": words(result)}


def _address_after(parcel: Parcel, result: Outcome | None, now: datetime) -> Any:
    one = update(NoticeAddress).where(NoticeAddress.id == parcel.address_id)
    if result is None:
        return one.values(failures=0, error=None, is_broken=False, last_sent_at=now)
    gone = {"is_broken": True} if is_broken(result) else {}
    return one.values(failures=NoticeAddress.failures + 1, error=words(result), **gone)


def _tell_of_broken(parcel: Parcel, why: str, now: datetime) -> None:
    """On the page, and by what still works."""
    address = db.session.get(NoticeAddress, parcel.address_id)
    if address is None:
        return
    name = NAMES[NoticeNetwork(address.network)]
    event = Event(
        f"address:{address.id}:{address.created_at:%Y-%m-%dT%H:%M:%S}",
        "address",
        f"Notices no longer reach you by {name}",
        why,
        say.ADDRESSES,
        (address.user_id,),
    )
    db.session.rollback()
    store([event], now)
