"""Renewals of hosts' logins: what X is asked, and what this machine heard of earlier ones. No database."""

import logging
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from services.clients.x import XClient
from services.clients.x_answers import Tokens
from services.errors import Outcome, Refused
from services.journal import IntentJournal, SealedPair
from services.vault import Vault, VaultError

log = logging.getLogger(__name__)

UNAUTHORIZED = 401
#: renewals of one login that are followed in the journal
LONGEST_CHAIN = 1000


@dataclass(frozen=True, slots=True)
class Refresh:
    """A refresh that this process alone may make: taken and committed, not yet sent."""

    connection_id: int
    platform_user_id: str
    owner: str
    version: int
    refresh_token: str
    #: an earlier refresh may have spent this token
    is_repeat: bool
    #: what X gave for this token before, if this machine heard it: X need not be asked, and would refuse
    known: SealedPair | None = None
    #: of a repeat: the token that may be good although it was taken for over; None where it does not open
    access_token: str | None = None


@dataclass(frozen=True, slots=True)
class StillGood:
    """X takes the access token as it is, so the refresh token was left alone."""


Renewed = Tokens | Outcome | StillGood


class Renewing:
    """Safe to share between threads."""

    def __init__(self, vault: Vault, x: XClient, journal: IntentJournal) -> None:
        self._vault, self._x, self._journal = vault, x, journal

    def call(self, refresh: Refresh) -> Renewed:
        """No exception. The new pair is in the journal when it returns.

        X takes a refresh token once, and a second use may end the login: where the first may have been made already,
        the access token is tried before. That costs $0.010 when it is good, once in a day.
        """
        try:
            if refresh.known is not None:
                return self._opened(refresh, refresh.known)
            if refresh.is_repeat and self._is_good(refresh):
                return StillGood()
            tokens = self._x.refresh(refresh.refresh_token)
        except Outcome as outcome:
            return outcome
        now = datetime.now(UTC)
        ends = now + timedelta(seconds=tokens.expires_in)
        pair = SealedPair(*self.sealed(refresh.platform_user_id, tokens), ends)
        self._journal.keep_pair(refresh.refresh_token, pair, now)
        return tokens

    def _is_good(self, refresh: Refresh) -> bool:
        """Whether X takes the access token. Raises Outcome where X says nothing of it, as without credits or in a
        hurry: then the refresh token is left alone, too, for a second use would end the login for no reason.
        """
        if refresh.access_token is None:
            return False
        try:
            return self._x.me(refresh.access_token).id == refresh.platform_user_id
        except Refused as refused:
            if refused.http_status != UNAUTHORIZED and not refused.permanent:
                raise
            ids = {"connection": refresh.connection_id, "cause": refused.cause}
            log.info("a token in doubt was not taken by X", extra=ids)
            return False

    def newest_after(self, spent: str, platform_user_id: str) -> SealedPair | None:
        """The end of the chain of renewals that began with this token, as far as this machine heard of it."""
        owner, newest = f"{owner_of(platform_user_id)}:refresh", None
        for _ in range(LONGEST_CHAIN):
            pair = self._journal.pair_after(spent)
            if pair is None:
                break
            try:
                newest, spent = pair, self._vault.unseal(pair.refresh, owner) if pair.refresh else spent
            except VaultError:
                log.warning("a pair in the journal does not open")
                break
        return newest

    def sealed(self, platform_user_id: str, tokens: Tokens) -> tuple[bytes, bytes | None]:
        """(access, refresh), each for its own use."""
        owner, renewed = owner_of(platform_user_id), tokens.refresh_token
        access = self._vault.seal(tokens.access_token, f"{owner}:access")
        return access, self._vault.seal(renewed, f"{owner}:refresh") if renewed else None

    def _opened(self, refresh: Refresh, pair: SealedPair) -> Tokens | Outcome:
        """A pair of the journal as if X had just given it."""
        owner = owner_of(refresh.platform_user_id)
        left = max(0, int((pair.ends - datetime.now(UTC)).total_seconds()))
        try:
            renewed = self._vault.unseal(pair.refresh, f"{owner}:refresh") if pair.refresh else None
            access = self._vault.unseal(pair.access, f"{owner}:access")
        except VaultError as error:
            return Refused(str(error), cause="x_token_refused", permanent=True)
        log.info("a renewed login was taken from the journal", extra={"connection": refresh.connection_id})
        return Tokens(access, renewed, left, frozenset())


def owner_of(platform_user_id: str) -> str:
    """What tokens of an X account are sealed for, before `:access` or `:refresh`."""
    return f"x:{platform_user_id}"
