"""Whether somebody's login at X can be used. Pure."""

from typing import Protocol

from models import RefreshState
from services.tokens import IN_DOUBT

PLATFORM = "x"


class Login(Protocol):
    """A connection, or as much of it as tells whether it works."""

    @property
    def refresh_state(self) -> str: ...
    @property
    def trouble(self) -> str | None: ...


def trouble_of(connection: Login | None) -> str | None:
    """Why a connection cannot be used: a cause code, or None when it can."""
    if connection is None:
        return "no_connection"
    if connection.refresh_state == RefreshState.REVOKED:
        return connection.trouble or "x_auth"
    return None if connection.trouble == IN_DOUBT else connection.trouble
