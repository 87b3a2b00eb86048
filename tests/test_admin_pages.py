"""The pages of those who run the server: how the machine is, and who did what."""

import itertools
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import event

from extensions import db, limiter
from models import JobRun, Post, QuotaDay, SendGate, TokenRevocation, User, WorkerLease, YouTubeChannel
from services import audit, jobs, quota
from services.audit import NOBODY, Actor, Kind
from services.audit_log import PAGE
from services.figures_cache import Key, Shape
from services.registry import get_services
from services.scheduler import DEADLINES
from services.system_status import version
from tests.browser import Browser, words


@pytest.fixture
def engine_name():
    return "sqlite"


@pytest.fixture
def now():
    return datetime.now(UTC)


@pytest.fixture
def ada(cast):
    return cast.user("ada", is_admin=True, timezone="Europe/Berlin").id


@pytest.fixture
def browser(app, cast, ada):
    browser = Browser(app)
    browser.let_in(cast_user(ada))
    return browser


def cast_user(user_id):
    return db.session.get_one(User, user_id)


def read(browser, path):
    answer = browser.get(path)
    assert answer.status_code == 200
    return words(answer)


def add(*rows):
    db.session.add_all(rows)
    db.session.commit()


@pytest.mark.parametrize("path", ["/admin/tonight", "/admin/system", "/admin/audit"])
def test_who_does_not_run_the_server_sees_nothing_of_it(app, cast, path):
    browser = Browser(app)
    assert browser.get(path).status_code == 302
    browser.let_in(cast.user("bo"))
    assert browser.get(path).status_code == 403


# System


def test_a_server_that_has_just_begun_says_what_will_be_here(browser):
    page = read(browser, "/admin/system")
    for sentence in (
        "Never ran",
        "ten seconds after a scheduler has started",
        "Nothing waits to be sent.",
    ):
        assert sentence in page
    tonight = read(browser, "/admin/tonight")
    assert "Nothing is planned for the next 24 hours." in tonight
    assert "None. Channels that" in tonight
    assert "After the first announced start" in tonight


def test_who_looks_and_what_the_jobs_last_did(browser, now):
    seen = {"process": "web-1", "seen_at": now}
    add(
        WorkerLease(name="looker", holder="web-1", expires_at=now + timedelta(seconds=30)),
        JobRun(job="check", started_at=now, finished_at=now - timedelta(seconds=100), **seen),
        JobRun(job="look_up", started_at=now, finished_at=now, error="KeyError: 'a'", **seen),
        JobRun(job="deliver", started_at=now - timedelta(minutes=10), **seen),
        JobRun(job="heartbeat", started_at=now, process="web-2", seen_at=now - timedelta(minutes=5)),
    )
    page = read(browser, "/admin/system")
    assert "Looking and posting Working" in page
    assert "web-1 holds the lease" in page
    assert "Look at every channel check 1 min ago Done" in page
    assert "Failed KeyError: 'a'" in page
    assert "Hangs" in page
    assert page.index("web-1") < page.index("web-2")


def test_a_job_of_a_process_that_ended_does_not_hang(browser, now):
    seen = {"process": "web-1", "seen_at": now - timedelta(seconds=70)}
    add(
        JobRun(job="heartbeat", started_at=now, finished_at=now - timedelta(seconds=70), **seen),
        JobRun(job="deliver", started_at=now - timedelta(minutes=4), **seen),
    )
    page = read(browser, "/admin/system")
    assert "Hangs" not in page
    assert "Send posts deliver 4 min ago Ended Its process ended meanwhile." in page


def test_a_post_that_waits_for_credits_is_paused_on_every_page(browser, cast, x):
    show = cast.show(hosts=("bo",))
    x.credits_usd = 0
    cast.go_live(show)
    cast.check()
    (post,) = cast.posts()
    assert post.status == "queued"
    paths = ("/admin/system", "/posts", f"/podcasts/{show.id}/episodes/{post.episode_id}/tweets", "/")
    pages = {path: read(browser, path) for path in paths}
    assert {path for path, page in pages.items() if "Paused" not in page} == set()
    for word in ("Held back", "Waiting", "Waits"):
        assert {path for path, page in pages.items() if word in page} == set(), word
    assert "Paused Bo" in pages[paths[2]]
    assert "Queued" not in pages["/posts"] + pages["/admin/system"]


@pytest.mark.parametrize("minutes, shown", [((5, 12), ["web-0"]), ((12, 20), ["web-0"]), ((1, 2), ["web-0", "web-1"])])
def test_of_processes_that_ended_nothing_is_listed_but_of_the_last_one_when_all_did(browser, now, minutes, shown):
    for n, ago in enumerate(minutes):
        at = now - timedelta(minutes=ago)
        add(JobRun(process=f"web-{n}", job="reap", started_at=at, finished_at=at, seen_at=at))
    page = read(browser, "/admin/system")
    assert [name for name in ("web-0", "web-1") if name in page] == shown
    listed = get_services().scheduler.status(now)["jobs"]
    assert [run["process"] for run in listed] == shown
    assert {run["what"] for run in listed} == {"Find interrupted posts"}


def test_every_job_has_a_name_that_people_understand():
    assert set(jobs.WORDS) == set(DEADLINES)


@pytest.mark.parametrize(
    "seen, lease, word",
    [(5, 30, "Working"), (5, -5, "Nobody looks"), (90, 30, "Silent")],
)
def test_a_scheduler_that_is_not_there_is_said(browser, now, seen, lease, word):
    at = now - timedelta(seconds=seen)
    add(
        JobRun(process="web-1", job="check", started_at=at, finished_at=at, seen_at=at),
        WorkerLease(name="looker", holder="web-1", expires_at=now + timedelta(seconds=lease)),
    )
    assert f"Looking and posting {word}" in read(browser, "/admin/system")


def test_what_waits_and_what_became_of_the_posts_of_a_day(browser, cast, x):
    show = cast.show(hosts=("bo", "cy"))
    x.lock_account(x.account("cy"))
    cast.go_live(show)
    cast.check()
    page = read(browser, "/admin/system")
    assert "Posted 1" in page
    assert "X has locked this account." in page
    assert "Posting 0 Retrying 0 Paused 0" in page


def test_the_units_of_the_day_and_when_they_begin_anew(browser, now):
    add(QuotaDay(day=quota.pacific_day(now), discovery=1200, watch=300, people=34))
    page = read(browser, "/admin/tonight")
    assert "Units today 1,534 of 10,000" in page
    assert "1,200 for uploads lists, 300 for videos, 34 by people" in page
    assert "8,466" in page
    ends = quota.day_bounds(now)[1]
    assert f'datetime="{ends.isoformat()}"' in browser.get("/admin/tonight").text


def test_units_that_youtube_says_are_gone_are_gone(browser, now):
    add(QuotaDay(day=quota.pacific_day(now), discovery=10, exhausted_at=now))
    assert "Left 0. YouTube says that they are used up." in read(browser, "/admin/tonight")


def test_without_a_key_there_are_no_units(make_app, ada):
    browser = Browser(make_app(youtube_api_key=None))
    browser.let_in(cast_user(ada))
    assert "No API key is set" in read(browser, "/admin/tonight")


def test_channels_gates_and_tokens_that_need_somebody(browser, cast, now):
    bo = cast.user("bo")
    account = cast.connect(bo)
    add(
        YouTubeChannel(id="UC" + "a" * 22, title="Deep", failures=3, error_cause="youtube_feed", last_good_look_at=now),
        SendGate(key="x", until=now + timedelta(minutes=5), cause="x_credits"),
        SendGate(key=f"x:{account.id}", until=now + timedelta(minutes=5), cause="x_rate"),
        SendGate(key="x:9", until=now - timedelta(minutes=5), cause="x_rate"),
        TokenRevocation(token=b"t", owner="x:1:refresh", next_try_at=now),
    )
    assert "Deep Fails The channel's feed is broken right now." in read(browser, "/admin/tonight")
    page = read(browser, "/admin/system")
    assert "Everybody Paused Posting is paused: this server has run out of X credits. Top up at X's" in page
    assert "@bo Retrying X's limit for this account" in page
    assert "1 ended token that X has not been told of yet" in page
    assert "not connected any more" not in page


@pytest.mark.parametrize("engine_name, name", [("sqlite", "SQLite"), ("postgresql", "PostgreSQL")])
def test_the_installation_tells_its_database_and_version(browser, name):
    page = read(browser, "/admin/system")
    assert f"Database {name}, 1 of" in page
    assert f"Version {version()}" in page
    assert ", the newest" in page


def test_posts_of_a_day_are_summed_up_under_one_word_each(browser, now):
    ends = [("posted", None), ("posted", None), ("posted", "found"), ("missed", "too_late"), ("missed", "stream_over")]
    for number, (status, cause) in enumerate(ends):
        made = {"text": "On air", "not_after": now, "created_at": now - timedelta(hours=1)}
        db.session.add(Post(key=f"live:{number}", status=status, cause=cause, **made))
    db.session.commit()
    said = read(browser, "/admin/system").split("Posts of the last 24 hours")[1]
    assert "Posted 3 1 : Found on the timeline. Missed 2 1 : " in said
    assert (said.count("Posted"), said.count("Missed")) == (1, 1)


def statements(browser, path):
    collected = []
    event.listen(db.engine, "before_cursor_execute", listener := lambda *a: collected.append(a[2]))
    try:
        assert browser.get(path).status_code == 200
    finally:
        event.remove(db.engine, "before_cursor_execute", listener)
    return len([sql for sql in collected if not sql.startswith("BEGIN")])


def ask_for_a_number():
    get_services().numbers.get(Key("number", 1, 1, sees_money=True), Shape[int](int), lambda: 1)


def test_how_often_numbers_were_found_ready_is_told(browser):
    assert "In memory, nothing asked yet in this process" in read(browser, "/admin/system")
    ask_for_a_number()
    ask_for_a_number()
    assert "1 found, 1 computed since this process began" in read(browser, "/admin/system")


def test_a_redis_that_does_not_answer_is_told_and_the_page_stays_up(browser, make_app, ada):
    without = make_app(redis_url="redis://127.0.0.1:9/0")
    browser.client = without.test_client()
    browser.let_in(cast_user(ada))
    with without.app_context():
        ask_for_a_number()
    page = read(browser, "/admin/system")
    limiter._storage_dead = False  # it is one for all applications of this process
    assert "In Redis, 0 found, 1 computed since this process began; 1 time without an answer" in page


@pytest.mark.parametrize("path", ["/admin/tonight", "/admin/system", "/admin/audit"])
def test_more_to_show_takes_no_more_statements(browser, cast, now, path):
    def more(first, last):
        for n in range(first, last):
            user = cast.user(f"user-{n}")
            audit.note(Kind.ROLE_CHANGED, Actor(user.id, "::1"), now, subject_id=user.id, role="admin")
            db.session.add(YouTubeChannel(id=f"UC{n:022}", failures=1, error_cause="youtube_error"))
            db.session.add(JobRun(process=f"web-{n}", job="check", started_at=now, seen_at=now))
            db.session.add(SendGate(key=f"x:{n}", until=now + timedelta(hours=1), cause="x_rate"))
        db.session.commit()

    more(0, 3)
    few = statements(browser, path)
    more(3, 30)
    assert statements(browser, path) == few <= 15


# The audit log


def note(kind, by=NOBODY, *, minutes=0, **about):
    audit.note(kind, by, datetime(2026, 11, 24, 12, 0, tzinfo=UTC) + timedelta(minutes=minutes), **about)


def test_a_line_says_who_did_what_to_whom_when_and_from_where(browser, cast, ada):
    bo, show = cast.user("bo"), cast.show(hosts=())
    note(Kind.ROLE_CHANGED, Actor(ada, "192.0.2.7"), subject_id=bo.id, podcast_id=show.id, role="admin")
    note(Kind.SIGN_IN_FAILED, Actor(None, "192.0.2.9"), minutes=1)
    note(Kind.X_CONNECTED, subject_id=bo.id, minutes=2)
    note(Kind.USER_DELETED, Actor(ada, "192.0.2.7"), subject_id=12345, minutes=3)
    db.session.commit()
    page = read(browser, "/admin/audit")
    assert "Ada changed the role of Bo: Deep Dive. Tue 24 Nov, 13:00 Berlin role: admin · from 192.0.2.7" in page
    assert "Somebody was refused at sign-in." in page
    assert "A command connected X for Bo." in page
    assert "Ada deleted the account of Somebody who is gone (no. 12345)." in page
    assert page.index("deleted the account") < page.index("changed the role")


def test_the_log_is_filtered_by_kind_person_and_podcast(browser, cast, ada):
    bo, show = cast.user("bo"), cast.show(hosts=())
    note(Kind.SIGNED_IN, Actor(bo.id))
    note(Kind.ROLE_CHANGED, Actor(ada), subject_id=bo.id)
    note(Kind.CHANNEL_CHANGED, Actor(ada), podcast_id=show.id)
    db.session.commit()
    podcast, person = show.id, bo.id
    db.session.rollback()

    def sentences(query):
        page = read(browser, f"/admin/audit?{query}")
        found = {"signed in.": "in", "changed the role": "role", "changed the YouTube settings": "channel"}
        return [short for long, short in found.items() if long in page]

    assert sentences("kind=signed_in") == ["in"]
    assert sentences(f"person={person}") == ["in", "role"]
    assert sentences(f"podcast={podcast}") == ["channel"]
    assert sentences(f"person={person}&podcast={podcast}") == []
    assert "Nothing fits." in read(browser, f"/admin/audit?person={person}&podcast={podcast}")
    assert sentences("kind=odd&person=x&podcast=99999999999999999999&before=-1") == ["in", "role", "channel"]


@pytest.mark.parametrize("query", ["before=2147483647&person=2147483647", "after=0", "kind[]=a&kind=b", "person=١"])
def test_odd_addresses_are_no_trouble(browser, query):
    read(browser, f"/admin/audit?{query}")


def test_pages_go_back_and_forth_and_miss_nothing_while_lines_are_added(browser, ada):
    for n in range(2 * PAGE + 10):
        note(Kind.CONFIRMED, Actor(ada), n=n)
    db.session.commit()

    def seen(path):
        text = browser.get(path).text
        found = [int(part.split("<")[0]) for part in text.split(">n: ")[1:]]
        links = {
            word: text.split(f">{word}<")[0].rsplit('href="', 1)[1].split('"')[0].replace("&amp;", "&")
            for word in ("Older ›", "‹ Newer")
            if f">{word}<" in text
        }
        return found, links

    first, links = seen("/admin/audit?kind=confirmed")
    assert (first, list(links)) == (list(range(109, 59, -1)), ["Older ›"])
    note(Kind.CONFIRMED, Actor(ada), n=110)
    db.session.commit()
    second, links = seen(links["Older ›"])
    assert second == list(range(59, 9, -1))
    third, last_links = seen(links["Older ›"])
    assert (third, list(last_links)) == (list(range(9, -1, -1)), ["‹ Newer"])
    assert seen(last_links["‹ Newer"])[0] == second
    assert seen(links["‹ Newer"])[0] == first
    assert list(itertools.chain(first, second, third)) == list(range(109, -1, -1))
