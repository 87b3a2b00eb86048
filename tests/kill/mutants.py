"""Airhorn broken on purpose, as ordinary queues work: tests that do not notice these prove nothing."""

from datetime import datetime
from typing import Any

from sqlalchemy import text

from extensions import db
from services import sending, social_posting
from services.errors import Refused, Unknown

REQUEUE = text("UPDATE posts SET status = 'queued', not_before = :now WHERE status = 'sending' AND lease_until < :now")
FORGET = text(
    "UPDATE post_attempts SET outcome = 'not_accepted' WHERE outcome IS NULL"
    " AND post_id IN (SELECT id FROM posts WHERE status = 'sending' AND lease_until < :now)"
)


def install(name: str | None) -> None:
    """Breaks this process: "lease" puts a post whose lease is over back, "timeout" takes silence for a refusal.

    "lease, index" does the first and leaves the attempt open, as a careless change would: the database must refuse.
    """
    if name is not None:
        MUTANTS[name]()


def _lease_is_retry(*, forget: bool = True) -> None:
    def reap(_self: Any, now: datetime) -> int:
        at = {"now": now.replace(tzinfo=None) if db.engine.dialect.name == "sqlite" else now}
        if forget:
            db.session.execute(FORGET, at)
        db.session.execute(REQUEUE, at)
        db.session.commit()
        return 0

    social_posting.SocialPostingService.reap = reap


def _timeout_is_retry() -> None:
    real = sending.settle

    def settle(one: sending.Sending, result: Any, now: datetime, **more: Any) -> Any:
        if isinstance(result, Unknown):
            result = Refused("It took too long.", cause="x_unreachable")
        return real(one, result, now, **more)

    sending.settle = settle


MUTANTS = {
    "lease": _lease_is_retry,
    "lease, index": lambda: _lease_is_retry(forget=False),
    "timeout": _timeout_is_retry,
}
