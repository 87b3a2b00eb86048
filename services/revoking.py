"""Tokens that are of no use here any more are ended at X too, now or when X is back. Knows no connection."""

import logging
from datetime import datetime, timedelta

from sqlalchemy import delete, select, update

from extensions import db
from models import TokenRevocation
from services.clients.x import XClient
from services.errors import Outcome, Refused
from services.vault import Vault, VaultError

log = logging.getLogger(__name__)

#: how long to wait after the first, second, … try that failed; the last one again and again
WAITS = (timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=30), timedelta(hours=6))
#: a week of tries: a refresh token that could not be ended by then is nobody's any more, not even ours
MOST_TRIES = len(WAITS) + 7 * 4
#: a person waits for the first try, so X gets little time; nobody waits for the later ones
HURRY, PATIENCE = 3.0, 10.0
AT_ONCE = 20


def remember(tokens: dict[str, bytes | None], now: datetime) -> None:
    """Notes sealed tokens to be ended, by whom they were sealed for, in the caller's transaction."""
    for owner, token in tokens.items():
        if token:
            db.session.add(TokenRevocation(token=token, owner=owner, next_try_at=now))


class RevokingService:
    """Tells X which tokens have ended."""

    def __init__(self, vault: Vault, x: XClient) -> None:
        self._vault, self._x = vault, x

    def revoke_due(self, now: datetime, *, account: str | None = None) -> int:
        """Tries what is due, or right away and in a hurry what is due of one X account; stops when X does not answer.

        Commits each try before it is made, so that two processes seldom make it twice; twice does no harm.
        Returns how many tokens are ended.
        """
        due = select(TokenRevocation.id).where(TokenRevocation.next_try_at <= now).order_by(TokenRevocation.next_try_at)
        if account is not None:
            due = due.where(TokenRevocation.owner.in_((f"x:{account}:refresh", f"x:{account}:access")))
        ids = list(db.session.execute(due.limit(AT_ONCE)).scalars())
        db.session.rollback()
        done = 0
        for revocation_id in ids:
            ended = self._try(revocation_id, now, HURRY if account is not None else PATIENCE)
            if ended is None:
                break
            done += ended
        return done

    def _try(self, revocation_id: int, now: datetime, deadline: float) -> bool | None:
        """Whether the token is ended; None when X cannot be asked at the moment."""
        taken = self._take(revocation_id, now)
        if taken is None:
            return False
        try:
            self._x.revoke(self._vault.unseal(taken.token, taken.owner), deadline=deadline)
        except VaultError:
            log.warning("a token to be revoked does not open", extra={"revocation": revocation_id})
            return False
        except Outcome as outcome:
            if not (isinstance(outcome, Refused) and outcome.permanent):  # permanently refused: dead already
                log.warning("a token was not revoked", extra={"revocation": revocation_id, "cause": outcome.cause})
                return None
        db.session.execute(delete(TokenRevocation).where(TokenRevocation.id == revocation_id))
        db.session.commit()
        return True

    @staticmethod
    def _take(revocation_id: int, now: datetime) -> TokenRevocation | None:
        """Counts the try and sets the time of the next one before this one is made, by compare-and-set."""
        found = db.session.get(TokenRevocation, revocation_id)
        if found is None or found.tries >= MOST_TRIES:
            db.session.execute(delete(TokenRevocation).where(TokenRevocation.id == revocation_id))
            db.session.commit()
            return None
        taken = db.session.execute(
            update(TokenRevocation)
            .where(
                TokenRevocation.id == revocation_id,
                TokenRevocation.tries == found.tries,
                TokenRevocation.next_try_at <= now,
            )
            .values(tries=found.tries + 1, next_try_at=now + WAITS[min(found.tries, len(WAITS) - 1)])
            .returning(TokenRevocation.id),
            execution_options={"synchronize_session": False},
        ).first()
        db.session.expunge(found)
        db.session.commit()
        return found if taken else None
