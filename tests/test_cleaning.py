"""Cleaning: what has ended is taken away every hour, and nothing else."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from extensions import db
from models import LinkPurpose, OAuthFlow, OneTimeLink, SignInThrottle, UserSession
from services import cleaning, links, sessions
from services.registry import get_services
from tests import processes


@pytest.fixture
def left_over(cast):
    """Of each kind one that has ended by now, and one that has not. Returns the times of both."""
    ada, now = cast.user("ada").id, datetime.now(UTC)
    fresh, ended = now - timedelta(minutes=1), now - timedelta(days=31)
    for at in (fresh, ended):
        sessions.begin(ada, at)
        links.make(LinkPurpose.PASSWORD, at - links.LIVES[LinkPurpose.PASSWORD], user_id=ada)
        db.session.add(SignInThrottle(key=f"account:{at}", failures=1, last_at=at))
    db.session.flush()
    session_id = db.session.execute(select(UserSession.id).filter_by(created_at=fresh)).scalar_one()
    for at in (fresh, ended):
        flow = {"state_hash": str(at), "session_id": session_id, "verifier": b"sealed", "created_at": at}
        db.session.add(OAuthFlow(**flow))
    db.session.commit()
    return fresh, ended


COLUMNS = (UserSession.created_at, OneTimeLink.expires_at, SignInThrottle.last_at, OAuthFlow.created_at)


def kept():
    found = [set(db.session.execute(select(column)).scalars()) for column in COLUMNS]
    db.session.rollback()
    return found


def test_what_has_ended_is_taken_away_and_what_has_not_stays(left_over):
    fresh, ended = left_over
    assert kept() == [{fresh, ended}] * len(COLUMNS)
    for _ in range(2):  # harmless twice
        cleaning.clean(datetime.now(UTC))
        assert kept() == [{fresh}] * len(COLUMNS)


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_the_scheduler_does_it_when_it_starts_and_then_every_hour(app, left_over):
    scheduler = get_services().scheduler
    scheduler.start()
    try:
        processes.eventually(lambda: kept() == [{left_over[0]}] * len(COLUMNS), timeout=15)
        next_run = scheduler._scheduler.get_job("clean").next_run_time
        assert timedelta(minutes=58) < next_run - datetime.now(UTC) <= timedelta(hours=1)
    finally:
        scheduler.stop()
