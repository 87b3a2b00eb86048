"""Hosts' token pairs: opened, and kept fresh, one refresher at a time."""

import logging
import os
import secrets
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import and_, case, or_, select, update
from sqlalchemy.orm import Session

from extensions import db
from models import RefreshState, SocialConnection
from services import figures_version, leases, resealing
from services.clients.x import XClient
from services.clients.x_answers import Tokens, XUser
from services.clients.x_posts import TimelinePost
from services.errors import Outcome, Refused, Unknown
from services.journal import IntentJournal
from services.renewing import Refresh as Refresh
from services.renewing import Renewed, Renewing, StillGood, owner_of
from services.revoking import remember
from services.vault import Vault, VaultError

log = logging.getLogger(__name__)

#: an access token with less left than this is renewed before it is used
FRESH_FOR = timedelta(minutes=10)
#: after this a refresher is taken for dead and the outcome of its call for unknown
REFRESH_LEASE = timedelta(seconds=30)
#: what X said is good although it was taken for over is used so long before X is asked again
GOOD_FOR = timedelta(minutes=10)
#: trouble that does not keep a connection from being used
IN_DOUBT = "refresh_in_doubt"


@dataclass(frozen=True, slots=True)
class Access:
    """A token ready to use, and the version that tells whether somebody renewed it since."""

    connection_id: int
    token: str
    version: int


class TokenService:
    """Opens the stored pairs and renews them. Every method that writes commits, but for `store`."""

    def __init__(self, vault: Vault, x: XClient, journal: IntentJournal) -> None:
        self._vault = vault
        self._x = x
        self._renewing = Renewing(vault, x, journal)

    def store(self, connection: SocialConnection, tokens: Tokens, expires_at: datetime | None) -> None:
        """Puts a new pair into the row, sealed; a refresh under way finds another version and keeps nothing."""
        access, renewed = self._renewing.sealed(connection.platform_user_id, tokens)
        connection.access_token = access
        if renewed:
            connection.refresh_token = renewed
        connection.expires_at = expires_at
        connection.token_version = (connection.token_version or 0) + 1
        connection.refresh_state = RefreshState.IDLE
        connection.refresh_owner = connection.refresh_lease_until = connection.trouble = None

    def access(self, connection: SocialConnection) -> Access:
        """Opens the access token. Raises VaultError."""
        owner = f"{owner_of(connection.platform_user_id)}:access"
        return Access(connection.id, self._vault.unseal(connection.access_token, owner), connection.token_version)

    def needs_refresh(self, connection: SocialConnection, now: datetime) -> bool:
        """Whether the pair should be renewed before use; never while in doubt with the old token still good."""
        if connection.expires_at is None or connection.refresh_token is None:
            return False
        held = leases.is_held(connection.refresh_lease_until, now)
        is_dead = connection.refresh_state == RefreshState.REFRESHING and not held
        if connection.refresh_state == RefreshState.DOUBT or is_dead:
            return connection.expires_at <= now
        return connection.expires_at - now < FRESH_FOR

    def begin_refresh(self, connection_id: int, now: datetime) -> Refresh | None:
        """Takes the right to refresh by compare-and-set and commits. None: another process has it, or it is no use.

        Raises VaultError when the stored token does not open; then nothing was taken.
        """
        owner = f"{os.getpid()}-{secrets.token_hex(8)}"
        taken = self._take(connection_id, owner, now)
        if taken is None:
            db.session.commit()
            return None
        try:
            token = self._vault.unseal(taken.refresh_token, f"{owner_of(taken.platform_user_id)}:refresh")
        except VaultError:
            db.session.rollback()
            raise
        if taken.trouble == IN_DOUBT:
            figures_version.raise_for_connection(db.session(), connection_id)
        db.session.commit()
        return Refresh(
            connection_id,
            taken.platform_user_id,
            owner,
            taken.token_version,
            token,
            is_repeat=taken.trouble == IN_DOUBT,
            known=self._renewing.newest_after(token, taken.platform_user_id),
            access_token=self._opened_access(taken) if taken.trouble == IN_DOUBT else None,
        )

    def _opened_access(self, taken: Any) -> str | None:
        try:
            return self._vault.unseal(taken.access_token, f"{owner_of(taken.platform_user_id)}:access")
        except VaultError:
            return None

    @staticmethod
    def _take(connection_id: int, owner: str, now: datetime) -> Any:
        state = SocialConnection.refresh_state
        lease_over = and_(state == RefreshState.REFRESHING, leases.over(SocialConnection.refresh_lease_until, now))
        # Whoever died while refreshing may have spent the refresh token: it is tried again only when the access token
        # is of no use any longer.
        in_doubt = and_(or_(state == RefreshState.DOUBT, lease_over), SocialConnection.expires_at <= now)
        # Whoever saw it stale may come after another who has renewed it meanwhile: then there is nothing to do.
        is_stale = and_(state == RefreshState.IDLE, SocialConnection.expires_at < now + FRESH_FOR)
        return db.session.execute(
            update(SocialConnection)
            .where(
                SocialConnection.id == connection_id,
                SocialConnection.is_active,
                SocialConnection.refresh_token.is_not(None),
                or_(is_stale, in_doubt),
            )
            .values(
                refresh_state=RefreshState.REFRESHING,
                refresh_owner=owner,
                refresh_lease_until=now + REFRESH_LEASE,
                trouble=case((state == RefreshState.REFRESHING, IN_DOUBT), else_=SocialConnection.trouble),
            )
            .returning(
                SocialConnection.access_token,
                SocialConnection.refresh_token,
                SocialConnection.platform_user_id,
                SocialConnection.token_version,
                SocialConnection.trouble,
            ),
            execution_options={"synchronize_session": False},
        ).one_or_none()

    def call_refresh(self, refresh: Refresh) -> Renewed:
        """The HTTP part, for a thread: no database, no exception. The new pair is in the journal when it returns."""
        return self._renewing.call(refresh)

    def finish_refresh(self, refresh: Refresh, result: Renewed, now: datetime) -> bool:
        """Commits what came of a refresh before the new pair is used. True: the stored pair may be used."""
        connection = db.session.execute(
            select(SocialConnection).where(SocialConnection.id == refresh.connection_id).with_for_update(key_share=True)
        ).scalar_one_or_none()
        if connection is None or not connection.is_active:
            self._end_new_pair(refresh, result, now)  # disconnected meanwhile
            return False
        if connection.token_version != refresh.version:
            db.session.rollback()  # somebody stored a newer pair meanwhile: that one counts
            return True
        before = connection.trouble, connection.refresh_state
        if isinstance(result, Tokens):
            expires_at = now + timedelta(seconds=result.expires_in) if result.expires_in is not None else None
            self.store(connection, result, expires_at)
        elif connection.refresh_owner == refresh.owner:
            self._store_doubt(connection, refresh, result, now)
        if before[0] or connection.trouble or RefreshState.REVOKED in (before[1], connection.refresh_state):
            figures_version.raise_for_user(db.session(), connection.user_id)
        db.session.commit()
        return isinstance(result, Tokens | StillGood)

    def _end_new_pair(self, refresh: Refresh, result: Renewed, now: datetime) -> None:
        if isinstance(result, Tokens):
            pair = {"refresh": result.refresh_token, "access": result.access_token}
            owner = owner_of(refresh.platform_user_id)
            remember({f"{owner}:{kind}": self._vault.seal(t, f"{owner}:{kind}") for kind, t in pair.items() if t}, now)
        db.session.commit()

    @staticmethod
    def _store_doubt(
        connection: SocialConnection, refresh: Refresh, result: Outcome | StillGood, now: datetime
    ) -> None:
        """There is no new pair: whether the login is over, in doubt, or as it was."""
        connection.refresh_owner = connection.refresh_lease_until = None
        if isinstance(result, StillGood):
            # Whether the refresh token is good nobody knows; it is tried when this one is good no more.
            connection.refresh_state, connection.trouble = RefreshState.DOUBT, IN_DOUBT
            connection.expires_at = now + GOOD_FOR
            return
        log.warning("a token refresh failed", extra={"connection": connection.id, "cause": result.cause})
        if isinstance(result, Refused) and result.permanent:
            connection.refresh_state, connection.trouble = RefreshState.REVOKED, "x_token_refused"
        elif isinstance(result, Unknown) or refresh.is_repeat:
            # Only X's own word ends a connection: while it gives none, there is nothing to lose by asking again.
            connection.refresh_state, connection.trouble = RefreshState.DOUBT, IN_DOUBT
        else:
            connection.refresh_state = RefreshState.IDLE

    def refresh_now(self, connection_ids: Sequence[int], now: Callable[[], datetime]) -> None:
        """Refreshes one after another in the foreground; for look-ups, which nobody waits for."""
        for connection_id in connection_ids:
            try:
                refresh = self.begin_refresh(connection_id, now())
            except VaultError:
                log.exception("a token does not open", extra={"connection": connection_id})
                continue
            if refresh is not None:
                self.finish_refresh(refresh, self.call_refresh(refresh), now())

    def reseal(self) -> int:
        """Seals every stored token with the first key of the vault. Returns how many connections."""
        return resealing.reseal(self._vault)

    def check_keys(self) -> None:
        """Raises VaultError when the keys do not open what is stored, so that a start with wrong keys stops."""
        newest = (
            select(SocialConnection).where(SocialConnection.is_active).order_by(SocialConnection.id.desc()).limit(1)
        )
        connection = db.session.execute(newest).scalar_one_or_none()
        db.session.rollback()
        if connection is not None:
            self.access(connection)

    def accesses(self, connection_ids: Sequence[int]) -> dict[int, Access]:
        """The access tokens of these connections as they are stored now, by id; leaves no transaction open."""
        query = select(SocialConnection).where(SocialConnection.id.in_(list(connection_ids)))
        rows = db.session.execute(query, execution_options={"populate_existing": True}).scalars()
        found = {connection.id: self.access(connection) for connection in rows}
        db.session.rollback()
        return found

    def who_is(self, access: Access) -> XUser | Outcome:
        """The HTTP part, for a thread: whose token X says this is. No database, no exception."""
        try:
            return self._x.me(access.token)
        except Outcome as outcome:
            return outcome

    def last_posts(self, access: Access, platform_user_id: str, count: int) -> tuple[TimelinePost, ...] | Outcome:
        """What an account posted last. No database, no exception."""
        try:
            return self._x.last_posts(access.token, platform_user_id, count)
        except Outcome as outcome:
            return outcome


def note_refused(session: Session, accesses: Iterable[Access], now: datetime, *, renewed: Collection[int]) -> None:
    """Tokens that X refused to read with are renewed before the next use; one just renewed needs a person.

    In the caller's transaction. `renewed`: ids of connections.
    """
    for access in accesses:
        is_fresh = access.connection_id in renewed
        if is_fresh:
            figures_version.raise_for_connection(session, access.connection_id)
        session.execute(
            update(SocialConnection)
            .where(SocialConnection.id == access.connection_id, SocialConnection.token_version == access.version)
            .values({"trouble": "x_auth"} if is_fresh else {"expires_at": now}),
            execution_options={"synchronize_session": False},
        )
