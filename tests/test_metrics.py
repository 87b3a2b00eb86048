"""Figures for a monitoring system: complete, behind their token, and never a name or a secret."""

from datetime import UTC, datetime, timedelta

import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import event

from app import create_app
from extensions import db
from models import Broadcast, JobRun, Post, PostStatus, QuotaDay, Verdict, WorkerLease
from services import quota
from services.metrics import exposition

TOKEN = "a-token-for-scraping"
SECOND = timedelta(seconds=1)


@pytest.fixture
def settings(settings):
    return settings.model_copy(update={"metrics_token": TOKEN})


def figures(app, cast) -> dict[str, float]:
    """Name and labels → value, as a monitoring system reads them."""
    answer = app.test_client().get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
    assert answer.status_code == 200
    return {
        f"{sample.name}{sorted(sample.labels.values())}": sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def waiting(key: str, status: PostStatus, **more) -> Post:
    at = datetime.now(UTC)
    return Post(key=key, text="We are live", status=status, not_after=at + timedelta(minutes=30), **more)


def test_the_outbox_the_units_the_lease_and_the_jobs_are_told(app, cast):
    now = datetime.now(UTC)
    since = now - timedelta(seconds=90)
    db.session.add_all(
        [
            waiting("a", PostStatus.QUEUED),
            waiting("b", PostStatus.UNKNOWN, unknown_since=since, cause="x_no_answer"),
            waiting("c", PostStatus.FAILED, cause="x_duplicate"),
            QuotaDay(day=quota.pacific_day(now), discovery=40, watch=2),
            WorkerLease(name="looker", holder="p1", epoch=3, expires_at=now + timedelta(seconds=20)),
            JobRun(process="p1", job="check", started_at=since, finished_at=now, seen_at=now),
            Broadcast(
                video_id="v" * 11, verdict=Verdict.ANNOUNCED, actual_start_at=since, live_seen_at=since + 4 * SECOND
            ),
        ]
    )
    db.session.commit()
    told = figures(app, cast)
    assert told["airhorn_posts_open['queued']"] == 1
    assert told["airhorn_posts_open['review']"] == 0
    assert told["airhorn_unknown_age_seconds[]"] == pytest.approx(90, abs=5)
    assert told["airhorn_posts_last_day['failed', 'x_duplicate']"] == 1
    assert told["airhorn_youtube_units_spent['discovery']"] == 40
    assert told["airhorn_lease_epoch[]"] == 3
    assert told["airhorn_lease_age_seconds[]"] == pytest.approx(10, abs=5)
    assert told["airhorn_job_duration_seconds['check', 'p1']"] == pytest.approx(90, abs=1)
    assert told["airhorn_start_to_seen_seconds['0.95']"] == 4
    assert told["airhorn_ready[]"] == 1


@pytest.mark.parametrize(
    "header", ["", "Bearer ", "Bearer wrong", TOKEN, f"Basic {TOKEN}", f"Bearer {TOKEN.swapcase()}"]
)
def test_who_has_no_token_reads_nothing(app, header):
    answer = app.test_client().get("/metrics", headers={"Authorization": header})
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert "airhorn_" not in answer.text


@pytest.mark.parametrize("scheme", ["bearer", "BEARER"])
def test_the_name_of_the_scheme_may_be_written_in_any_letters(app, scheme):
    assert app.test_client().get("/metrics", headers={"Authorization": f"{scheme} {TOKEN}"}).status_code == 200


def test_the_token_is_not_taken_from_an_address(app):
    assert app.test_client().get(f"/metrics?token={TOKEN}").status_code == 401


def test_without_a_token_in_the_settings_there_is_no_such_page(settings, tmp_path):
    app = create_app(settings.model_copy(update={"metrics_token": None}))
    assert app.test_client().get("/metrics", headers={"Authorization": "Bearer None"}).status_code == 404


def test_no_name_of_a_person_a_podcast_or_an_account_is_among_them(app, cast, settings):
    cast.show(hosts=("ada", "bo"))
    process = cast.services.scheduler.process  # its last part is anything
    told = exposition(settings, datetime.now(UTC)).decode().replace(process, "").lower()
    assert not any(name in told for name in ("ada", "deep dive", "example.com"))


@pytest.mark.parametrize("posts", [1, 60])
def test_a_scrape_takes_the_same_number_of_statements_whatever_there_is(app, cast, settings, posts):
    db.session.add_all([waiting(f"p{n}", PostStatus.QUEUED, cause=f"c{n}") for n in range(posts)])
    db.session.commit()
    statements = []
    event.listen(db.engine, "before_cursor_execute", lambda *args: statements.append(args[2]))
    exposition(settings, datetime.now(UTC))
    assert len([one for one in statements if one.startswith("SELECT")]) == 9, statements
