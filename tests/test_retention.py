"""After two and a half years of every day, what grows with time is bounded; what is history is all there."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, insert, select

from extensions import Base, db
from models import (
    Broadcast,
    Dismissal,
    DraftWish,
    HostWeek,
    JobRun,
    LinkPurpose,
    Notice,
    OAuthFlow,
    OneTimeLink,
    Post,
    PostSnapshot,
    QuotaDay,
    SignInThrottle,
    UserSession,
)
from services import attention, cleaning, retention
from services.batches import take_away
from services.metrics_job import WeeksJob
from tests.cast import NAMES
from tests.till import statements

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
DAYS = 900
#: table → rows that stay of one a day
BOUNDED = {
    "dismissals": 0,
    "draft_wishes": 31,
    "host_weeks": 105,
    "notices": 61,
    "oauth_flows": 0,
    "one_time_links": 31,
    "post_snapshots": 366,
    "quota_days": 31,
    "sign_in_throttles": 2,
    "user_sessions": 31,
}
#: goes with a row of another table, or is as many as there are people, podcasts, channels or processes
OF_OTHERS = {
    *("figures_versions", "installations", "job_runs", "notice_addresses", "notice_sendings", "podcast_members"),
    *("podcasts", "push_subscriptions", "recovery_codes", "send_gates", "social_connections", "token_revocations"),
    *("users", "voices", "wallets", "worker_leases", "youtube_channels"),
}
#: what people did, said, sent and paid: kept with its podcast; the drafts of a text are its last twenty
HISTORY = {
    *("audit_events", "broadcasts", "drafts", "episode_guides", "episode_tweet_configs", "post_attempts"),
    *("post_events", "posts", "price_lists", "prices", "rehearsals", "wallet_entries"),
}


@pytest.fixture
def engine_name():
    return "sqlite"


def test_of_every_table_it_is_known_how_long_its_rows_stay():
    assert {*BOUNDED, *OF_OTHERS, *HISTORY} == set(Base.metadata.tables)


@pytest.mark.parametrize("engine_name", ["sqlite", "postgresql"])
def test_after_years_of_every_day_tables_hold_what_their_time_allows(cast):
    kept_forever = fill(cast)
    for _ in range(2):  # harmless twice
        clean()
        found = counted()
        assert {name: found[name] for name in BOUNDED if found[name] > BOUNDED[name]} == {}
        assert {name: found[name] for name in kept_forever} == kept_forever
    assert found["notices"] >= 60
    assert found["post_snapshots"] >= 365


def clean():
    """As the jobs do it."""
    db.session.rollback()
    cleaning.clean(NOW)
    retention.forget(NOW)
    attention.clean(NOW)
    db.session.rollback()


def counted():
    tables = Base.metadata.tables.values()
    found = {table.name: db.session.execute(select(func.count()).select_from(table)).scalar_one() for table in tables}
    db.session.rollback()
    return found


def fill(cast):
    """A row a day of everything, the last one of today. Returns how much there is of what stays."""
    show = cast.show(hosts=NAMES[:1], connected=False)
    episode = cast.episode(show, at=NOW)
    config = cast.config(episode, "ada")
    ids = {"podcast_id": show.id, "user_id": config.user_id}
    days = [NOW - timedelta(days=n) for n in range(DAYS)]
    streams = [{"video_id": f"{n:011}", "podcast_id": show.id, "first_seen_at": at} for n, at in enumerate(days)]
    posts = [
        {"key": f"live:{n}", "text": "On air", "not_after": at, "created_at": at, **ids} for n, at in enumerate(days)
    ]
    db.session.execute(insert(Broadcast), streams)
    made = list(db.session.execute(insert(Post).returning(Post.id, sort_by_parameter_order=True), posts).scalars())
    for model, rows in passing(ids, config.id, days, made).items():
        db.session.execute(insert(model), rows)
    session_id = db.session.execute(select(func.max(UserSession.id))).scalar_one()
    flow = {"session_id": session_id, "verifier": b"v"}
    flows = [{"state_hash": f"{n}", "created_at": at} | flow for n, at in enumerate(days[1:])]
    db.session.execute(insert(OAuthFlow), flows)
    db.session.commit()
    return {"posts": DAYS, "broadcasts": DAYS}


def passing(ids, config_id, days, posts):
    """{model: rows} of what goes when it is old."""
    mondays = [at.date() - timedelta(days=at.weekday()) for at in days[::7]]
    counts = [{"post_id": post, "step": 1, "at": at} for post, at in zip(posts, days, strict=True)]
    owner = {"user_id": ids["user_id"]}
    return {
        UserSession: [
            {"token_hash": f"{n}", "created_at": at, "seen_at": at, "confirmed_at": at, **owner}
            for n, at in reversed(list(enumerate(days)))
        ],
        SignInThrottle: [{"key": f"from:{n}", "last_at": at} for n, at in enumerate(days)],
        OneTimeLink: [
            {"token_hash": f"{n}", "purpose": LinkPurpose.PASSWORD, "created_at": at, "expires_at": at, **owner}
            for n, at in enumerate(days)
        ],
        Notice: [{"key": f"live:{n}", "kind": "live", "title": "Live", "at": at, **ids} for n, at in enumerate(days)],
        DraftWish: [{"config_id": config_id, "asked_at": at, "not_before": at, "ended_at": at} for at in days],
        PostSnapshot: counts,
        HostWeek: [{"week": monday, "made_at": NOW, **ids} for monday in mondays],
        QuotaDay: [{"day": at.date()} for at in days],
        JobRun: [{"process": "p", "job": f"{n}", "started_at": at, "seen_at": at} for n, at in enumerate(days)],
        Dismissal: [
            {"item": f"failed:{n}", "until": at if n % 2 else None, "made_at": at - timedelta(days=1), **ids}
            for n, at in enumerate(days)
        ],
    }


def test_many_rows_go_in_small_steps_each_a_transaction_of_its_own(app):
    rows = [{"day": (NOW - timedelta(days=n)).date()} for n in range(25)]
    db.session.execute(insert(QuotaDay), rows)
    db.session.commit()
    with statements() as asked:
        assert take_away(QuotaDay, QuotaDay.day <= NOW.date(), most=10) == 25
    assert sum(one.startswith("DELETE") for one in asked) == 3


def test_where_nothing_is_old_nothing_is_written(app):
    with statements() as asked:
        retention.forget(NOW)
    assert [one for one in asked if one.startswith("DELETE")] == []


def test_the_job_of_weeks_forgets_once_a_day(app):
    job, old = WeeksJob(), (NOW - timedelta(days=40)).date()
    for at, left in ((NOW, 0), (NOW + timedelta(hours=1), 1), (NOW + timedelta(days=1), 0)):
        db.session.execute(insert(QuotaDay), [{"day": old}])
        db.session.commit()
        job.run(at)
        assert counted()["quota_days"] == left
        retention.forget(at)
