"""The way to X and back, OAuth 2.0 with PKCE: bound to one session, used once. Knows no page."""

import base64
import hashlib
import logging
import secrets
from datetime import datetime, timedelta

from sqlalchemy import delete

from config import Settings
from extensions import db
from models import OAuthFlow
from services import audit
from services.audit import Actor, Kind
from services.clients.x import SCOPES, XClient
from services.clients.x_answers import Tokens, XUser
from services.connections import ConnectionService
from services.errors import AirhornError, Conflict, Invalid, Outcome
from services.sessions import hashed, new_token
from services.vault import Vault, VaultError

log = logging.getLogger(__name__)

CALLBACK_PATH = "/connections/x/callback"
#: how long somebody may take to sign in at X and agree
LIFE = timedelta(minutes=10)
NEEDED = frozenset(SCOPES.split())
_PLAIN = {"synchronize_session": False}

STALE = "This way back from X is not good any more: it was used, it is too old, or it began elsewhere. Connect again."
DENIED = "You did not allow it at X, so nothing was connected. Nothing else has changed."
NO_APP = "This server has no X app yet. The operator sets X_CLIENT_ID; then you can connect."
LACKING = "X granted less than Airhorn needs to post for you, so nothing was connected. Connect again and allow it all."
#: what X's refusals mean on this way
SENTENCES = {
    "x_token_refused": "X did not accept the sign-in: it took too long, or it was used before. Connect again.",
    "x_client": "X does not accept this server's own credentials. The operator checks X_CLIENT_ID and its secret.",
    "x_rate": "X takes no more sign-ins from this server for now. Wait 15 minutes, then connect again.",
    "x_credits": "This server has run out of X credits, so X does not say who you are. The operator tops up.",
}
TROUBLE = "X gave no useful answer, so nothing was connected. Try again in a moment."


class NotConnected(AirhornError):  # noqa: N818
    """A way that began well and ended without a connection. `cause` is for the audit log."""

    def __init__(self, sentence: str, cause: str) -> None:
        super().__init__(sentence)
        self.cause = cause


class OAuthService:
    """Sends people to X and takes them back."""

    def __init__(self, settings: Settings, vault: Vault, x: XClient, connections: ConnectionService) -> None:
        self._settings, self._vault = settings, vault
        self._x, self._connections = x, connections

    @property
    def has_app(self) -> bool:
        """Whether X knows this server at all."""
        return bool(self._settings.x_client_id)

    @property
    def callback_url(self) -> str:
        """What the operator enters at X, to the letter."""
        return self._settings.public_url + CALLBACK_PATH

    def begin(self, session_id: int, now: datetime) -> str:
        """Where the browser of this session goes next: an address at X. Raises Conflict when X does not know us."""
        if not self.has_app:
            raise Conflict(NO_APP)
        state, verifier = new_token(), secrets.token_urlsafe(64)
        clean(now)
        sealed = self._vault.seal(verifier, _owner(state))
        flow = OAuthFlow(state_hash=hashed(state), session_id=session_id, verifier=sealed, created_at=now)
        db.session.add(flow)
        db.session.commit()
        return self._x.authorize_url(state, challenge_of(verifier), self.callback_url)

    def finish(self, session_id: int, by: Actor, now: datetime, *, state: str, code: str, error: str) -> str:
        """Connects whoever comes back from X; answers the handle. Raises AirhornError with a sentence for people.

        A state that is unknown, of another session, used or too old changes nothing and is Invalid.
        """
        verifier = self._take(state, session_id, now)
        try:
            return self._connect(verifier, by, now, code=code, error=error)
        except NotConnected as refusal:
            db.session.rollback()
            audit.note(Kind.X_REFUSED, by, now, cause=refusal.cause)
            db.session.commit()
            raise

    def _take(self, state: str, session_id: int, now: datetime) -> str | None:
        """The verifier of this way, which is used up by that; None when it does not open any more."""
        db.session.rollback()  # the request began by reading
        sealed = db.session.execute(
            delete(OAuthFlow)
            .where(
                OAuthFlow.state_hash == hashed(state),
                OAuthFlow.session_id == session_id,
                OAuthFlow.platform == "x",
                OAuthFlow.created_at > now - LIFE,
            )
            .returning(OAuthFlow.verifier),
            execution_options={"synchronize_session": False},
        ).scalar_one_or_none()
        db.session.commit()
        if sealed is None:
            raise Invalid(STALE)
        try:
            return self._vault.unseal(sealed, _owner(state))
        except VaultError:
            log.warning("a verifier does not open")
            return None

    def _connect(self, verifier: str | None, by: Actor, now: datetime, *, code: str, error: str) -> str:
        if error or not code:
            denied = error == "access_denied"
            raise NotConnected(DENIED if denied else TROUBLE, "denied" if denied else "x_odd_answer")
        if verifier is None or by.user_id is None:
            raise NotConnected(STALE, "stale")
        tokens, who = self._ask(code, verifier)
        try:
            return self._connections.connect(by.user_id, who, tokens, now, by=by).username
        except Conflict as conflict:
            raise NotConnected(str(conflict), "taken") from conflict

    def _ask(self, code: str, verifier: str) -> tuple[Tokens, XUser]:
        """The tokens and whose they are. X may leave out what it granted when that is all (RFC 6749, 5.1)."""
        try:
            tokens = self._x.exchange(code, verifier, self.callback_url)
            granted = tokens.scopes or NEEDED
            if tokens.refresh_token is None or NEEDED - granted:
                raise NotConnected(LACKING, "x_scope")
            who = self._x.me(tokens.access_token)
        except Outcome as outcome:
            log.warning("X refused a sign-in", extra={"cause": outcome.cause})
            raise NotConnected(SENTENCES.get(outcome.cause, TROUBLE), outcome.cause) from outcome
        return Tokens(tokens.access_token, tokens.refresh_token, tokens.expires_in, granted), who


def clean(now: datetime) -> None:
    """Takes away the ways that nobody came back on in time, in the caller's transaction."""
    db.session.execute(delete(OAuthFlow).where(OAuthFlow.created_at <= now - LIFE), execution_options=_PLAIN)


def challenge_of(verifier: str) -> str:
    """S256, RFC 7636 4.2."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")


def _owner(state: str) -> str:
    return f"oauth:{hashed(state)}"
