"""Subscriptions at YouTube's hub: asked for, renewed, given up. What the hub delivers is judged in push_deliveries."""

import logging
import secrets
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import case, delete, func, literal, or_, select

from config import Settings
from config_values import is_loopback
from extensions import db
from models import Podcast, PushState, PushSubscription
from services import push_leases
from services.clients.websub import LARGEST_DELIVERY, Subscription, WebSubHub, topic_of
from services.errors import Outcome, Refused
from services.outbox import insert_or_ignore
from services.push_deliveries import Deliveries, owner
from services.push_leases import USUAL, Visit, change
from services.vault import Vault, VaultError

__all__ = ["CALLBACK", "LARGEST_DELIVERY", "YouTubePushService"]
log = logging.getLogger(__name__)

#: where the hub comes back to, below PUBLIC_URL
CALLBACK = "/websub/"
BACK_OFF = tuple(timedelta(minutes=minutes) for minutes in (2, 5, 15, 30, 60))
#: how long the hub may take to come back before that counts as a failure
PATIENCE = timedelta(minutes=10)
#: subscriptions asked for in one run, and how many at a time
AT_ONCE, HANDS = 40, 8
NEW_AT_ONCE = 500

One = PushSubscription
#: a request of ours that the hub has not come back on yet
_PENDING = or_(One.verified_at.is_(None), One.verified_at < One.asked_at)


@dataclass(slots=True)
class Asked:
    """What one run did."""

    taken: int = 0
    failed: int = 0


class YouTubePushService:
    """One subscription for every channel that an active podcast watches. Without any of them looks are later only."""

    def __init__(self, settings: Settings, vault: Vault, hub: WebSubHub) -> None:
        self._vault, self._hub = vault, hub
        self._topic_url = settings.websub_topic_url
        self._base = settings.public_url + CALLBACK
        self.is_on = can_be_reached(settings)
        self.deliveries = Deliveries(vault)
        self._stopped = threading.Event()

    def stop(self) -> None:
        """Asks nothing more from here on; what is on the wire is finished."""
        self._stopped.set()

    # Asking

    def ask_due(self, now: datetime) -> Asked:
        """One run: notices what is new, over or to be given up, and asks the hub about what is due. Commits."""
        asked = Asked()
        if not self.is_on:
            return asked
        self._keep_up(now)
        wanted = self._claim(now)
        db.session.commit()
        with ThreadPoolExecutor(HANDS, thread_name_prefix="hub") as hands:
            answers = list(hands.map(lambda one: self._ask(one[1], now), wanted))
        for (channel_id, _), answer in zip(wanted, answers, strict=True):
            self._settle(channel_id, answer, now)
            asked.failed += isinstance(answer, Outcome)
            asked.taken += answer is True
        db.session.commit()
        return asked

    def _ask(self, wanted: Subscription, now: datetime) -> bool | Outcome:
        """In a thread of its own, without a database. False: not asked, because everything ends."""
        if self._stopped.is_set():
            return False
        try:
            self._hub.ask(wanted, now)
        except Outcome as error:
            return error
        return True

    def _keep_up(self, now: datetime) -> None:
        """What changed since the last run, in a few statements whatever the number of channels."""
        wanted = select(Podcast.youtube_channel_id).where(Podcast.is_active, Podcast.youtube_channel_id.is_not(None))
        self._begin_new(wanted.where(Podcast.youtube_channel_id.not_in(select(One.channel_id))), now)
        is_wanted, leaves = One.channel_id.in_(wanted), One.state == PushState.LEAVING
        db.session.execute(delete(One).where(~is_wanted, One.callback.is_(None)))
        anew = {"failures": 0, "next_ask_at": now, "asked_at": None, "error_cause": None, "error": None}
        change(~is_wanted & ~leaves, state=PushState.LEAVING, **anew)
        change(is_wanted & leaves, state=PushState.WANTED, **anew)
        moved = One.callback != literal(self._base) + One.path
        change(moved & (One.state != PushState.LEAVING) & (One.next_ask_at > now), next_ask_at=now)
        over = change(
            (One.state == PushState.ACTIVE) & (One.lease_until <= now),
            state=PushState.WANTED,
            error_cause=func.coalesce(One.error_cause, "hub_lease_over"),
            next_ask_at=case((One.failures > 0, One.next_ask_at), else_=now),
        )
        if over:
            log.warning("leases at the hub ran out", extra={"channels": over})

    def _begin_new(self, channels: Any, now: datetime) -> None:
        ids = db.session.execute(channels.distinct().limit(NEW_AT_ONCE)).scalars().all()
        rows = [
            {
                "channel_id": id,
                "path": secrets.token_urlsafe(32),
                "secret": self._vault.seal(secrets.token_urlsafe(32), owner(id)),
                "next_ask_at": now,
            }
            for id in ids
        ]
        if rows:
            db.session.execute(insert_or_ignore(One, db.session.get_bind().dialect.name), rows)

    def _claim(self, now: datetime) -> list[tuple[str, Subscription]]:
        """Takes what is due before the hub is asked: two processes never ask for the same, nor twice after a crash."""
        query = select(One).where(One.next_ask_at <= now).order_by(One.next_ask_at, One.channel_id).limit(AT_ONCE)
        wanted = []
        for row in db.session.execute(query.with_for_update(skip_locked=True)).scalars():
            if row.asked_at and not row.error_cause and (row.verified_at is None or row.verified_at < row.asked_at):
                self._fail(row.channel_id, "hub_silent", now, row.failures)
                continue
            secret = self._secret_of(row)
            leaves = row.state == PushState.LEAVING
            row.callback = row.callback if leaves and row.callback else self._base + row.path
            row.asked_at, row.next_ask_at = now, now + PATIENCE
            topic, mode = topic_of(self._topic_url, row.channel_id), "unsubscribe" if leaves else "subscribe"
            lease = int(USUAL.total_seconds())
            wanted.append((row.channel_id, Subscription(row.callback, topic, secret, lease, mode)))
        db.session.flush()
        return wanted

    def _secret_of(self, row: PushSubscription) -> str:
        """A secret that no key opens any more is replaced: the hub is told the new one now."""
        try:
            return self._vault.unseal(row.secret, owner(row.channel_id))
        except VaultError:
            secret = secrets.token_urlsafe(32)
            row.secret = self._vault.seal(secret, owner(row.channel_id))
            return secret

    def _settle(self, channel_id: str, answer: bool | Outcome, now: datetime) -> None:
        """Unless the hub came back meanwhile, which says more."""
        claimed = (One.channel_id == channel_id) & (One.asked_at == now) & _PENDING
        if answer is False:
            change(claimed, asked_at=None, next_ask_at=now)
        elif answer is True:
            again = One.state.in_((PushState.WANTED, PushState.DENIED))
            state = case((again, PushState.ASKED), else_=One.state)
            change(claimed, state=state, error_cause=None, error=None)
        elif isinstance(answer, Outcome):
            failures = db.session.execute(select(One.failures).where(claimed)).scalar_one_or_none()
            if failures is not None:
                self._fail(channel_id, answer, now, failures)

    def _fail(self, channel_id: str, why: Outcome | str, now: datetime, failures: int) -> None:
        """Later again: 2, 5, 15, 30, 60 minutes, or when the hub says. What is given up is forgotten after five."""
        one = One.channel_id == channel_id
        if failures + 1 >= len(BACK_OFF):
            db.session.execute(delete(One).where(one, One.state == PushState.LEAVING))
        at = now + BACK_OFF[min(failures, len(BACK_OFF) - 1)]
        changes: dict[str, Any] = {"error_cause": why, "error": None}
        if isinstance(why, Outcome):
            changes = {"error_cause": why.cause, "error": str(why) if why.http_status else None}
        if isinstance(why, Refused):
            changes["asked_at"] = None  # it said no, so whoever comes back on it is not believed
            at = max(at, why.retry_at or at)
        change(one, failures=failures + 1, next_ask_at=at, **changes)
        log.warning("the hub did not take a subscription", extra={"channel": channel_id, **_cause(why)})

    def verify(self, path: str, visit: Visit, now: datetime) -> str | None:
        """What the hub is answered when it comes back: see push_leases.verify."""
        return push_leases.verify(path, visit, now)


def can_be_reached(settings: Settings) -> bool:
    """Whether the hub can come back to PUBLIC_URL: over https from outside, or on this machine if it is here too."""
    if is_loopback(urlsplit(settings.websub_hub_url).hostname):
        return True
    host = urlsplit(settings.public_url).hostname
    if not settings.is_public or is_loopback(host):
        return False
    try:
        return ip_address(host or "").is_global
    except ValueError:
        return True


def _cause(why: Outcome | str) -> dict[str, str]:
    return {"cause": why.cause if isinstance(why, Outcome) else why}
