"""Clocks that are wrong: ours against those of others, and leases that were written by a clock that ran ahead."""

import logging
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from sqlalchemy import select

from extensions import db
from models import JobRun, WorkerLease
from services import leases
from services.clients.clocks import Clocks, server_time
from services.clients.http import Http
from services.clock_watch import ClockWatch, is_wrong, sentence
from services.registry import get_services
from services.status import read_status
from services.tonight import is_looked_at
from tests.browser import Browser, words

NOW = datetime(2026, 3, 4, 18, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def engine_name() -> str:
    return "sqlite"


def dated(at: datetime, **more: str) -> dict[str, str]:
    return {"Date": format_datetime(at.astimezone(UTC), usegmt=True)} | more


# What others say


@pytest.mark.parametrize("value", ["", "soon", "Wed, 99 Foo 2026 25:00:00 GMT", "0", "\x00"])
def test_a_date_that_cannot_be_read_says_nothing(value: str) -> None:
    clocks = Clocks(lambda: NOW)
    clocks.note("https://www.youtube.com/", {"Date": value})
    clocks.note("https://www.youtube.com/", {})
    assert server_time({"Date": value}) is None
    assert clocks.ahead() == {}


def test_the_last_answer_of_each_host_counts() -> None:
    clocks = Clocks(lambda: NOW)
    clocks.note("https://api.x.com/2/tweets", dated(NOW - 90 * SECOND))
    clocks.note("https://api.x.com/2/users/me", dated(NOW + 75 * SECOND))
    clocks.note("https://www.youtube.com/feeds", dated(NOW))
    assert clocks.ahead() == {"api.x.com": 75 * SECOND, "www.youtube.com": timedelta(0)}


def test_an_answer_from_a_cache_was_dated_when_it_was_put_there() -> None:
    clocks = Clocks(lambda: NOW)
    clocks.note("https://www.youtube.com/feeds", dated(NOW - 600 * SECOND, Age="600"))
    clocks.note("https://api.x.com/", dated(NOW, Age="9" * 40))
    assert clocks.ahead() == {"www.youtube.com": timedelta(0), "api.x.com": timedelta(0)}


def test_no_more_hosts_are_remembered_than_are_ever_asked() -> None:
    clocks = Clocks(lambda: NOW)
    for n in range(200):
        clocks.note(f"https://h{n}.example/", dated(NOW))
    assert len(clocks.ahead()) == 50


def test_every_answer_is_noted_whichever_way_it_was_asked_for(youtube, x) -> None:
    http = Http()
    http.get(f"{youtube.url}/feeds/videos.xml")
    http.post_form(f"{x.url}/2/oauth2/token", {})
    assert set(http.clocks.ahead()) == {youtube.url.removeprefix("http://"), x.url.removeprefix("http://")}
    assert all(abs(ahead) <= 30 * SECOND for ahead in http.clocks.ahead().values())


# What is made of it


def watch_of(settings, **seconds: float) -> ClockWatch:
    hosts = {"youtube": settings.youtube_web_url, "x": settings.x_api_url, "other": "https://other.example"}
    ahead = {hosts[name].split("://")[1]: value * SECOND for name, value in seconds.items()}
    return ClockWatch(settings, lambda: ahead)


@pytest.mark.parametrize(
    "seconds, behind",
    [
        ({}, None),
        ({"other": 500}, None),
        ({"youtube": 75}, 75),
        ({"youtube": -75, "x": -80}, -75),
        ({"youtube": 3600, "x": 1}, 1),  # it is theirs that is wrong
    ],
)
def test_our_clock_is_off_when_all_of_them_say_so(settings, seconds: dict[str, float], behind: int | None) -> None:
    assert watch_of(settings, **seconds).behind() == behind


def test_up_to_a_minute_is_fine() -> None:
    assert [is_wrong(n) for n in (None, 0, 60, -60, 61, -61)] == [False, False, False, False, True, True]


def test_a_wrong_clock_is_one_line_in_the_log_until_it_is_right_again(settings, caplog) -> None:
    ahead = {settings.x_api_url.split("://")[1]: 75 * SECOND}
    watch = ClockWatch(settings, lambda: ahead)
    with caplog.at_level(logging.WARNING):
        for seconds in (75, 80, 3, 75):
            ahead.update(dict.fromkeys(ahead, seconds * SECOND))
            watch.check()
    said = [record for record in caplog.records if "clock differs" in record.message]
    assert [record.seconds_behind for record in said] == [75, 75]


def test_the_heartbeat_writes_down_how_far_the_clock_is_off(app) -> None:
    services = get_services()
    services.http.clocks.note(services.settings.x_api_url, dated(datetime.now(UTC) + 2 * MINUTE))
    services.scheduler._run("heartbeat", services.scheduler._beat)
    services.scheduler._run("heartbeat", services.scheduler._beat)
    (row,) = db.session.execute(select(JobRun)).scalars()
    assert row.seconds_behind is not None
    assert abs(row.seconds_behind - 120) <= 30


@pytest.mark.parametrize("behind, said", [(75, "1 min 15 s behind"), (-3600, "1 h ahead of"), (60, ""), (None, "")])
def test_the_system_page_says_whose_clock_is_off(app, cast, behind: int | None, said: str) -> None:
    browser, now = Browser(app), datetime.now(UTC)
    browser.let_in(cast.user("ada", is_admin=True))
    run = JobRun(process="web-1", job="heartbeat", started_at=now, finished_at=now, seen_at=now, seconds_behind=behind)
    db.session.add(run)
    db.session.commit()
    page = words(browser.get("/admin/system"))
    assert (f"The clock of web-1 is {said} those of YouTube and X." in page) is bool(said)
    assert ("The clock of" in page) is bool(said)
    assert sentence("web-1", 75).startswith("The clock of web-1 is 1 min 15 s behind")


# Leases


@pytest.mark.parametrize(
    "ends, held",
    [(-1, False), (0, False), (1, True), (600, True), (601, False), (86_400, False)],
)
def test_a_lease_that_ends_too_far_ahead_is_over(app, ends: int, held: bool) -> None:
    until = NOW + ends * SECOND
    assert leases.is_held(until, NOW) is held
    db.session.add(WorkerLease(name="looker", holder="dead", expires_at=until))
    db.session.commit()
    over = db.session.execute(select(leases.over(WorkerLease.expires_at, NOW))).scalar_one()
    assert bool(over) is not held
    assert is_looked_at(db.session(), NOW) is held
    assert read_status(db.session(), get_services().settings, NOW)["looker"] == ("dead" if held else None)


def test_who_took_the_lease_with_a_clock_that_ran_ahead_does_not_keep_others_from_looking(app) -> None:
    now = datetime.now(UTC)
    db.session.add(WorkerLease(name="looker", holder="dead", expires_at=now + timedelta(hours=3)))
    db.session.commit()
    scheduler = get_services().scheduler
    assert scheduler.looker.is_mine(now)
    db.session.expire_all()
    assert db.session.get_one(WorkerLease, "looker").holder == scheduler.process


def test_no_lease_is_no_lease() -> None:
    assert not leases.is_held(None, NOW)
    assert timedelta(minutes=10) == leases.TOO_FAR
