"""What holds posts back before they are sent: one account at its limit at X, or everybody when credits are gone.

All in the caller's transaction.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from models import Post, PostStatus, SendGate
from services.inserting import insert_or_ignore
from services.sending import CREDITS_PROBE_EVERY, Sending

CREDITS = "x_credits"
#: what only those who run the server can mend
CURED_BY_OPERATOR = (CREDITS, "x_client")
#: however many people ask for it, one post finds out so often whether there are credits
ASKED_EVERY = timedelta(seconds=30)


def passing(session: Session, now: datetime, hands: int) -> tuple[int, list[str]]:
    """How many posts may go at all, and the accounts that may not.

    When credits are gone everybody waits; each time that wait is over one post alone finds out.
    """
    gates = session.execute(select(SendGate.key, SendGate.until, SendGate.cause)).all()
    closed = [gate.key.removeprefix("x:") for gate in gates if gate.key != "x" and gate.until > now]
    everybody = next((gate.until for gate in gates if gate.key == "x"), None)
    for gate in gates:
        if gate.until > now:
            _say_why(session, gate, now)
    if everybody is None:
        return hands, closed
    return (1 if everybody <= now else 0), closed


def _say_why(session: Session, gate: Any, now: datetime) -> None:
    """Posts that wait before a shut gate have its reason, so that nobody waits without a word."""
    account = [Post.platform_user_id == gate.key.removeprefix("x:")] if gate.key != "x" else []
    waits = (Post.status == PostStatus.QUEUED, Post.not_before <= now, Post.cause.is_distinct_from(gate.cause))
    session.execute(
        update(Post).where(*waits, *account).values(cause=gate.cause, detail=None),
        execution_options={"synchronize_session": False},
    )


def as_probe(session: Session, sendings: list[Sending], now: datetime) -> list[Sending]:
    """The one post that finds out whether there are credits again, if no other process is finding out."""
    if not sendings:
        return []
    mine = session.execute(
        update(SendGate)
        .where(SendGate.key == "x", SendGate.until <= now)
        .values(until=now + CREDITS_PROBE_EVERY)
        .returning(SendGate.key),
        execution_options={"synchronize_session": False},
    ).first()
    return [replace(sendings[0], is_probe=True)] if mine else []


def shut(session: Session, key: str, until: datetime, cause: str) -> None:
    """Nothing passes before `until`."""
    session.execute(delete(SendGate).where(SendGate.key == key))
    session.execute(
        insert_or_ignore(SendGate, session.get_bind().dialect.name).values(key=key, until=until, cause=cause)
    )


def half_open(session: Session, now: datetime) -> bool:
    """Lets one post find out now whether there are credits again, as it would by itself later.

    False, and nothing changed, when one has found out a moment ago. True also when the gate is open.
    """
    is_shut = (SendGate.key == "x", SendGate.until > now)
    long_enough = SendGate.until <= now + CREDITS_PROBE_EVERY - ASKED_EVERY
    opened = session.execute(
        update(SendGate).where(*is_shut, long_enough).values(until=now).returning(SendGate.key),
        execution_options={"synchronize_session": False},
    ).first()
    return opened is not None or session.execute(select(SendGate.key).where(*is_shut)).first() is None


def open_again(session: Session, key: str, now: datetime) -> None:
    """X takes posts again: what waited for credits goes now."""
    opened = session.execute(delete(SendGate).where(SendGate.key == key).returning(SendGate.cause)).first()
    if opened is not None:
        session.execute(
            update(Post).where(Post.status == PostStatus.QUEUED, Post.cause == opened.cause).values(not_before=now),
            execution_options={"synchronize_session": False},
        )
