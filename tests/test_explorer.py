"""All posts that somebody may see: who sees which, filters, order, pages, sums, and tables for other programs."""

import csv
import io
import json
import re
import tracemalloc
from datetime import UTC, datetime, timedelta
from html import unescape
from itertools import count

import pytest
from sqlalchemy import delete, insert, update

from benchmarks.bed import counting
from extensions import db
from models import PodcastMember, Post, User
from services import explorer, explorer_filters, explorer_table, figures_version, periods, tweet_text
from services.errors import Invalid
from services.explorer import FEW, PAGE
from services.explorer_filters import Viewer, Wanted
from tests.browser import Browser, words
from tests.conftest import ENGINES
from tests.season import Season, Told
from tests.till import statements

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


@pytest.fixture
def engine_name():
    return "sqlite"


@pytest.fixture
def show(cast):
    return cast.show(hosts=("ada", "bo"), timezone="Europe/Berlin")


def viewer(name="ada", **more):
    found = db.session.execute(db.select(User).filter_by(email=f"{name}@example.com")).scalar_one()
    values = {"is_admin": found.is_admin, "timezone": found.timezone} | more
    db.session.rollback()
    return Viewer(found.id, **values)


numbers = count(1)
ORDER = {
    "newest": lambda line: -line.id,
    "oldest": lambda line: line.id,
    "host": lambda line: (line.host, line.id),
    "status": lambda line: (line.status, line.id),
}


def add(show, how_many=1, **columns):
    """Posts of a podcast, a minute apart, as they stand in the table; answers nothing, since they are read back."""
    plain = {"host_name": "Ada", "username": "ada", "text": "Live https://youtu.be/x", "status": "posted"}
    plain |= {"text_source": "own", "not_after": NOON, "trigger": "live", "podcast_id": show.id}
    rows = []
    for n in range(how_many):
        at = columns.get("created_at", NOON) + timedelta(minutes=n)
        number = next(numbers)
        row = plain | {"key": f"explored:{number}", "created_at": at, "posted_at": at + timedelta(seconds=4)}
        row |= {k: v for k, v in columns.items() if k != "created_at"}
        rows.append(row | {"has_link": tweet_text.has_link(row["text"])})
    db.session.execute(insert(Post), rows)
    figures_version.raise_for(db.session(), [row["podcast_id"] for row in rows])
    db.session.commit()


def texts(**typed):
    return [line.text for line in explorer.find(viewer(), explorer_filters.asked(typed)).lines]


def pages(asked, wanted, how_many):
    lines, after = [], ""
    for _ in range(how_many):
        found = explorer.find(asked, wanted, after)
        lines += found.lines
        if not found.after:
            break
        after = found.after
    return lines


def test_people_see_the_posts_of_their_podcasts_and_those_who_run_the_server_all(cast, show):
    other = cast.show("Small Talk", hosts=("cy",))
    add(show, text="of mine")
    add(other, text="of another's")
    assert texts() == ["of mine"]
    everything = explorer.find(viewer(is_admin=True), Wanted()).lines
    assert [line.text for line in everything] == ["of another's", "of mine"]
    assert explorer.find(viewer("ada"), explorer_filters.asked({"podcast": str(other.id)})).lines == []


@pytest.mark.parametrize("engine_name", ENGINES)
def test_each_filter_leaves_what_fits_and_the_sums_are_of_that(cast, show):
    ada = viewer().user_id
    add(show, text="plain", status="failed", cause="x_forbidden", trigger="now", text_source="draft", user_id=ada)
    add(show, 2, created_at=NOON + timedelta(days=2))
    for typed in (
        {"status": "failed"},
        {"cause": "x_forbidden"},
        {"trigger": "now"},
        {"kind": "draft"},
        {"link": "no"},
        {"host": str(ada)},
        {"until": "2026-11-24"},
    ):
        found = explorer.find(viewer(), explorer_filters.asked(typed))
        assert ([line.text for line in found.lines], found.totals) == (["plain"], {"failed": 1}), typed
    assert explorer.find(viewer(), Wanted()).totals == {"failed": 1, "posted": 2}
    assert len(texts(since="2026-11-26")) == 2


def test_a_post_whose_text_was_never_written_is_neither_with_a_link_nor_without(show, browser):
    add(show, text="", text_source="", status="missed", cause="unapproved", posted_at=None)
    assert texts(link="yes") == texts(link="no") == []
    (row,) = json.loads("".join(explorer_table.as_json(explorer.every_line(viewer(), Wanted()))))
    assert (row["link"], row["text"]) == (None, "")
    browser.let_in(db.session.execute(db.select(User).filter_by(email="ada@example.com")).scalar_one())
    assert "The text was not written yet." in words(browser.get("/posts"))


def test_days_are_those_of_who_asks(show):
    add(show, text="late", created_at=datetime(2026, 11, 24, 23, 30, tzinfo=UTC))
    in_berlin = viewer(timezone="Europe/Berlin")
    assert explorer.find(in_berlin, Wanted(until="2026-11-24")).lines == []
    assert len(explorer.find(in_berlin, Wanted(since="2026-11-25", until="2026-11-25")).lines) == 1
    assert len(explorer.find(viewer(timezone="UTC"), Wanted(until="2026-11-24")).lines) == 1


@pytest.mark.parametrize("engine_name", ENGINES)
@pytest.mark.parametrize("is_admin", [False, True])
def test_of_a_podcast_that_is_chosen_the_days_are_its_own(show, is_admin):
    add(show, text="late", created_at=datetime(2026, 11, 24, 23, 30, tzinfo=UTC))
    asked, podcast = viewer(timezone="America/Los_Angeles", is_admin=is_admin), str(show.id)
    days = [{"since": day, "until": day, "podcast": podcast} for day in ("2026-11-24", "2026-11-25")]
    assert [explorer.find(asked, Wanted(**day)).total for day in days] == [0, 1]
    assert [len(list(explorer.every_line(asked, Wanted(**day)))) for day in days] == [0, 1]


def test_the_numbers_of_a_month_lead_to_as_many_posts_wherever_the_reader_is(app):
    season = Season.begun(1, timezone="Pacific/Kiritimati")
    month = periods.period(periods.Kind.MONTH, datetime.now(UTC), "Pacific/Kiritimati").current
    season.tell([Told(at=month.since + timedelta(minutes=n)) for n in range(3)])
    db.session.execute(update(User).values(timezone="America/Los_Angeles"))
    db.session.commit()
    browser = Browser(app)
    browser.let_in(db.session.get_one(User, season.users[0]))
    page = browser.get(f"/podcasts/{season.podcast_id}/numbers/hosts?period=month").text
    link = unescape(re.search(r'href="(/posts[?][^"]*host=[^"]+)"', page)[1])
    said = words(browser.get(link))
    assert "3 posts" in said
    assert "Days in Kiritimati time: the podcast’s" in said


def test_cancelled_posts_are_said_to_be_in_no_number_of_a_podcast(app, show):
    browser = Browser(app)
    browser.let_in(db.session.get_one(User, viewer().user_id))
    add(show)
    without = words(browser.get("/posts"))
    add(show, status="cancelled")
    note = "Cancelled posts are counted here, but not among the numbers of a podcast."
    assert (note in without, note in words(browser.get("/posts"))) == (False, True)


@pytest.mark.parametrize("engine_name", ENGINES)
@pytest.mark.parametrize("sort", explorer_filters.SORTS)
def test_pages_hold_every_post_once_in_their_order_in_three_statements_each(show, sort):
    for n, host in enumerate(("Cy", "Ada", "Bo")):
        add(show, PAGE - n, host_name=host, status="missed" if n else "posted")
    asked, seen, after = viewer(), [], ""
    while True:
        with counting() as counted:
            found = explorer.find(asked, Wanted(sort=sort), after)
        assert counted.statements == 3
        seen += found.lines
        after = found.after
        if not after:
            break
    assert len(seen) == len({line.id for line in seen}) == found.total == 3 * PAGE - 3
    assert seen == sorted(seen, key=ORDER[sort])


@pytest.mark.slow
def test_many_posts_stand_in_the_order_of_few(show):
    """Many are read along an index, few are sorted: it is one order."""
    for host in ("Cy", "Ada", "Bo"):
        add(show, FEW // 3 + PAGE, host_name=host, status="missed" if host == "Bo" else "posted")
    add(show, 2 * PAGE, host_name="Ada", trigger="now")
    for asked in (viewer(), viewer(is_admin=True)):
        for sort, key in ORDER.items():
            many, few = (list(explorer.every_line(asked, Wanted(sort=sort, trigger=by))) for by in ("", "now"))
            assert many == sorted(many, key=key)
            assert pages(asked, Wanted(sort=sort), 3) == many[: 3 * PAGE]
            assert pages(asked, Wanted(sort=sort, trigger="now"), 3) == few


@pytest.mark.parametrize("typed", [{}, {"link": "no"}, {"kind": "own"}, {"host": "1"}, {"since": "2026-01-01"}])
@pytest.mark.parametrize("is_admin", [False, True])
def test_posts_are_counted_without_reading_one(show, typed, is_admin):
    add(show)
    asked = viewer(is_admin=is_admin)
    with statements() as asked_for:
        explorer.find(asked, explorer_filters.asked(typed))
    (count,) = (one for one in asked_for if "count(*)" in one)
    plan = db.session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {count}", (0,) * count.count("?"))
    assert [row[3] for row in plan if "COVERING INDEX ix_posts_status" not in row[3]] == []


@pytest.mark.parametrize(
    "typed",
    [
        {"status": "sent"},
        {"sort": "id; DROP TABLE posts"},
        {"podcast": "1 OR 1=1"},
        {"podcast": "9" * 40},
        {"host": "-1"},
        {"since": "yesterday"},
        {"until": "9999-99-99"},
        {"since": "2026-11-25", "until": "2026-11-24"},
        {"kind": "own; --"},
        {"link": "maybe"},
    ],
)
def test_what_is_no_filter_is_said_and_nothing_is_shown(app, cast, show, typed):
    with pytest.raises(Invalid):
        explorer_filters.asked(typed)
    browser = Browser(app)
    browser.let_in(db.session.get_one(User, viewer().user_id))
    answer = browser.get("/posts", query_string={"kind": "draft"} | typed)
    assert answer.status_code == 422
    page = answer.get_data(as_text=True)
    assert 'role="alert"' in page
    assert "kind" in typed or '<option value="draft" selected>' in page  # what was right is kept


@pytest.mark.parametrize("after", ["x", "0", "-1", "9" * 30, "1'--", ":", "٣"])
def test_a_page_that_was_made_up_is_refused(show, after):
    with pytest.raises(Invalid, match="no page of posts"):
        explorer.find(viewer(), Wanted(), after)


def test_a_table_has_every_post_and_no_cell_that_a_spreadsheet_would_run(show):
    add(show, text="=HYPERLINK(1)", host_name="+1")
    add(show, text='says "hi",\nthen more')
    rows = list(csv.DictReader(io.StringIO("".join(explorer_table.as_csv(explorer.every_line(viewer(), Wanted()))))))
    assert [row["text"] for row in rows] == ['says "hi",\nthen more', "'=HYPERLINK(1)"]
    assert rows[1]["host"] == "'+1"
    assert rows[0]["seconds"] == "4.0"
    same = json.loads("".join(explorer_table.as_json(explorer.every_line(viewer(), Wanted()))))
    assert [(row["text"], row["seconds"]) for row in same] == [('says "hi",\nthen more', 4.0), ("=HYPERLINK(1)", 4.0)]


def test_a_table_of_nothing_is_one_too(show):
    nothing = list(explorer.every_line(viewer(), Wanted()))
    assert "".join(explorer_table.as_csv(nothing)).startswith("post,at,podcast")
    assert json.loads("".join(explorer_table.as_json(nothing))) == []


@pytest.mark.slow
def test_ten_thousand_posts_are_written_in_flat_memory(show):
    add(show, 10_000)
    asked, lines = viewer(), 0
    tracemalloc.start()
    for part in explorer_table.as_csv(explorer.every_line(asked, Wanted())):
        lines += part.count("\r\n")
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert lines == 10_001
    assert most < 12 * 2**20


def test_a_page_shows_posts_with_their_host_and_leads_on(app, show):
    add(show, PAGE + 1, text="Hello <b>world</b>")
    browser = Browser(app)
    browser.let_in(db.session.get_one(User, viewer().user_id))
    page = browser.get("/posts").get_data(as_text=True)
    assert f"{PAGE + 1} posts" in page
    assert "Hello &lt;b&gt;world&lt;/b&gt;" in page
    assert "after=" in page
    table = browser.get("/posts/posts.csv")
    assert (table.status_code, table.mimetype) == (200, "text/csv")
    assert table.get_data(as_text=True).count("\r\n") == PAGE + 2
    assert browser.get("/posts/posts.json").get_json()[0]["text"] == "Hello <b>world</b>"


def test_of_a_post_that_is_not_on_x_any_more_it_is_said_since_when_that_is_known(app, show):
    add(show, remote_id="1", gone_at=NOON + timedelta(days=1))
    add(show, remote_id="2")
    browser = Browser(app)
    browser.let_in(db.session.get_one(User, viewer().user_id))
    page = browser.get("/posts").get_data(as_text=True)
    assert page.count("not on X any more, noticed <time") == 1
    assert [f"/status/{id}" in page for id in (1, 2)] == [False, True]
    table = csv.DictReader(io.StringIO(browser.get("/posts/posts.csv").get_data(as_text=True)))
    assert [row["gone_at"] for row in table] == ["", "2026-11-25T12:00:00+00:00"]
    assert browser.get("/posts/posts.json").get_json()[0]["gone_at"] is None


def test_what_x_counted_stands_with_each_post(app, show):
    add(show, remote_id="1", impressions=1204, engagements=31)
    add(show, remote_id="2", posted_at=NOON - timedelta(seconds=9))
    browser = Browser(app)
    browser.let_in(db.session.get_one(User, viewer().user_id))
    page = browser.get("/posts?sort=oldest").get_data(as_text=True)
    assert page.count("impressions") == page.count("1,204 impressions") == 1
    rows = browser.get("/posts/posts.json?sort=oldest").get_json()
    assert [(row["impressions"], row["engagements"], row["seconds"]) for row in rows] == [
        (1204, 31, 4.0),
        (None, None, 0.0),
    ]


def test_who_left_sees_them_no_more(show):
    add(show)
    asked = viewer()
    db.session.execute(db.delete(PodcastMember).filter_by(user_id=asked.user_id))
    db.session.commit()
    assert explorer.find(asked, Wanted()).lines == []


@pytest.mark.parametrize(
    "then, lines",
    [({"is_admin": False}, ["own"]), ({"is_active": False}, []), (None, [])],
    ids=["demoted", "switched off", "removed"],
)
def test_a_table_ends_with_what_its_reader_may_see_by_then(cast, show, then, lines):
    add(show, text="own")
    add(cast.show("Small Talk", hosts=("cy",)), explorer.BATCH + 1, text="of others")
    everybody = update(User).values(is_admin=True)
    db.session.execute(everybody)
    db.session.commit()
    table = explorer.every_line(viewer(), Wanted())
    first = [next(table).text for _ in range(explorer.BATCH)]
    db.session.execute(everybody.values(**then) if then else delete(User))
    db.session.commit()
    assert (set(first), [line.text for line in table]) == ({"of others"}, lines)


def test_reasons_to_choose_from_are_those_that_some_post_has(show):
    add(show, status="failed", cause="x_forbidden")
    add(show)
    assert explorer.causes_of(viewer(), Wanted()) == ["x_forbidden"]
    assert explorer.causes_of(viewer(), Wanted(podcast=str(show.id), cause="x_auth")) == ["x_auth", "x_forbidden"]
    assert explorer.causes_of(viewer(is_admin=True), Wanted()) == list(explorer_filters.CAUSE_WORDS)
    assert explorer.causes_of(viewer(is_admin=True), Wanted(podcast=str(show.id))) == ["x_forbidden"]


def test_no_two_states_to_choose_from_have_the_same_name():
    assert len(set(explorer_filters.STATUSES.values())) == len(explorer_filters.STATUSES)


def test_in_a_rehearsal_no_table_names_an_address_at_x(show):
    add(show, remote_id="1")
    lines = explorer.find(viewer(), Wanted()).lines
    for written in (explorer_table.as_csv, explorer_table.as_json):
        text = "".join(written(lines, lambda url: url.replace("https://x.com", "http://stand-in")))
        assert "http://stand-in/" in text
        assert "x.com" not in text


@pytest.mark.parametrize("engine_name", ENGINES)
def test_days_that_leave_out_next_to_nothing_still_leave_it_out(show):
    for text, days in (("Before", -800), ("First", -799), ("Last", 0), ("After", 1)):
        add(show, text=text, created_at=NOON + timedelta(days=days))
    typed = {"since": f"{NOON + timedelta(days=-799):%Y-%m-%d}", "until": f"{NOON:%Y-%m-%d}"}
    for asked in (viewer(), Viewer(viewer().user_id, True, "UTC")):
        found = explorer.find(asked, explorer_filters.asked(typed))
        assert ([line.text for line in found.lines], found.totals) == (["Last", "First"], {"posted": 2})
