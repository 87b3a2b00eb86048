"""The pages of a podcast's numbers: what each of its people sees, in which words, and what odd addresses get."""

import re
from datetime import UTC, datetime, timedelta
from html import unescape

import pytest
from sqlalchemy import update

from benchmarks.bed import counting
from benchmarks.pages import LATER_KB, MOST_STATEMENTS
from extensions import db
from models import PodcastMember, Role, User
from services import figures_version, number_words
from services.periods import Kind, period
from tests.browser import Browser, words
from tests.season import Season, Told

ZONE = "Australia/Sydney"
PAGES = ("", "/hosts", "/trends")
COUNTS = (1_000, 20, 1, 1, 1, 0)


@pytest.fixture
def engine_name():
    return "sqlite"


@pytest.fixture
def season(app):
    """Host 0 is an admin, Host 1 and 2 are not."""
    season = Season.begun(timezone=ZONE)
    admin = update(PodcastMember).where(PodcastMember.user_id == season.users[0])
    db.session.execute(admin.values(role=Role.ADMIN))
    db.session.commit()
    return season


@pytest.fixture
def now(app):
    return datetime.now(UTC)


@pytest.fixture
def ask(app, season):
    """Asks for a page of the podcast as one of its hosts."""

    def ask(path="", host=0):
        browser = Browser(app)
        browser.let_in(db.session.get_one(User, season.users[host]))
        return browser.get(f"/podcasts/{season.podcast_id}/numbers{path}")

    return ask


@pytest.fixture
def read(ask):
    def read(path="", host=0):
        answer = ask(path, host)
        assert answer.status_code == 200, answer.status_code
        return words(answer)

    return read


def tell(season, *told):
    season.tell(told)
    figures_version.raise_for(db.session(), [season.podcast_id])
    db.session.commit()


def rows_of(answer):
    """The names in the table of hosts, from the top."""
    body = answer.text.partition("<tbody>")[2].partition("</tbody>")[0]
    return [unescape(name) for name in re.findall(r'<th scope="row"><a [^>]*>([^<]+)</a>', body)]


def test_names_are_text_wherever_they_stand(season, ask, now):
    name = "</title><b x=\"'>{{ 7 * 7 }}" + "W" * 60
    db.session.execute(update(User).where(User.id == season.users[1]).values(name=name))
    tell(season, Told(host=1, at=now - timedelta(days=3), counts=COUNTS))
    for path in PAGES:
        page = ask(f"{path}?period=all")
        assert "<b x" not in page.text
        assert path == "" or name in words(page)


# The overview


def test_the_overview_says_each_number_beside_the_period_before(season, read, now):
    monday = period(Kind.WEEK, now, ZONE).current.since
    before = monday - timedelta(days=2)
    tell(
        season,
        *[Told(at=before, way=(400, 20, 40), counts=COUNTS, cost=200_000)] * 3,
        Told(at=before, way=(7_000, 20, 40), cost=15_000),
        *[Told(at=monday + timedelta(seconds=5), way=(900, 20, 80), counts=COUNTS, cost=15_000)] * 2,
        Told(at=monday + timedelta(seconds=5), status="failed"),
    )
    said = read("?period=week")
    assert "Announcements 3 2 of them went out 1 fewer so far than the week before. The week before: 4" in said
    assert "On time 100 % 2 of 2 within a minute of the start 25 points more than the week before." in said
    assert "Failed 33 % 1 of 3 did not go out 33 points more than the week before. The week before: 0 %" in said
    assert "Impressions 2,000 1,000 fewer so far than the week before. The week before: 3,000" in said
    assert "Engagement rate 2.3 % of impressions The same as the week before. The week before: 2.3 %" in said
    assert "Spend $0.03 posts, drafts and reads $0.585 less so far than the week before." in said
    assert "From start to post 10 s half of the posts took no longer" in said
    assert "Seen at YouTube 9 s 9 s 4 s 1 min 10 s" in said


def test_days_are_those_of_the_podcasts_zone(season, ask, now):
    current = period(Kind.MONTH, now, ZONE).current
    page = ask()
    assert f"{number_words.days(current)}, Sydney time" in words(page)
    assert f"since={current.first}" in page.text
    assert f"until={current.last}" in page.text


def test_all_there_is_has_nothing_beside_it(season, read, now):
    tell(season, Told(at=now - timedelta(days=800)))
    said = read("?period=all")
    assert "Announcements 1 1 of them went out Announcements, the last 12 weeks" in said
    assert "On time 100 % 1 of 1 within a minute of the start On time, the last" in said
    assert "before" not in said


def test_who_is_no_admin_sees_no_money_and_cannot_sort_by_it(season, ask, read, now):
    tell(season, Told(host=0, at=now, cost=12_340_000), Told(host=1, at=now, cost=43_210_000))
    for path in ("", "/hosts"):
        assert "$" in read(path)
        assert "$" not in read(path, host=1)
    assert ask("/hosts?sort=spend").status_code == 200
    refused = ask("/hosts?sort=spend", host=1)
    assert refused.status_code == 422
    assert "“spend” is no column that you can sort by. Open the table anew" in words(refused)
    assert "on_time" not in words(refused)


def test_text_that_airhorn_wrote_itself_is_not_called_a_usual_text(season, read, now):
    tell(season, Told(host=0, at=now, source="builtin"))
    said = read("/hosts")
    assert "Usual text" not in said
    assert "Other text is a usual one, or one that Airhorn wrote itself." in said


def test_a_podcast_without_posts_says_what_will_be_here_and_the_next_step(season, read):
    assert "From the first show on, this page says" in read()
    assert "plan an episode" in read()
    assert "see what is planned" in read(host=1)
    assert "Nothing was announced yet." in read("?period=all")
    assert "From the first post for a start on" in read("/trends")


def test_it_is_said_why_counts_are_missing(season, read, now):
    tell(season, Told(at=now))
    assert "X has shown no counts of these posts yet" in read()
    season.podcast.reads_metrics = False
    db.session.commit()
    for path in PAGES:
        assert "How often posts are seen is not read at X for this podcast" in read(path)
        assert "Its admins can switch that on." in read(path, host=1)


def test_the_small_drawings_have_every_week_in_words_and_in_a_table(season, ask, now):
    tell(season, *[Told(at=now - timedelta(weeks=week)) for week in range(3) for _ in range(week + 1)])
    page = ask().text
    drawn = re.search(r'id="announcements-weeks">By the last day of each week: ([^<]+)<', page)[1]
    assert re.findall(r": (\d+)", drawn) == ["0"] * 9 + ["3", "2", "1"]
    table = page.partition("These weeks as a table")[2]
    cells = [re.findall(r"<td[^>]*>([^<]*)<", row)[0] for row in table.split('<th scope="row"')[1:]]
    assert cells == ["1", "2", "3"] + ["0"] * 9


# Hosts


def test_hosts_are_sorted_by_links_and_the_column_says_so(season, ask, now):
    tell(season, Told(host=1, at=now), Told(host=1, at=now), Told(host=2, at=now))
    page = ask("/hosts?period=week&sort=posted")
    assert rows_of(page) == ["Host 1", "Host 2", "Host 0"]
    head = re.search(r'<th scope="col"[^>]*aria-sort="descending"><a href="([^"]+)">Posted', page.text)
    again = ask(unescape(head[1]).partition("/numbers")[2])
    assert rows_of(again) == ["Host 0", "Host 2", "Host 1"]
    assert 'aria-sort="ascending"' in again.text
    assert again.text.count("aria-sort") == 1
    assert 'aria-current="true">Week' in again.text


def test_every_member_has_a_line_and_there_is_an_average(season, read, now):
    tell(season, *[Told(host=1, at=now, counts=COUNTS, cost=15_000)] * 3)
    said = read("/hosts")
    assert "Host 0 0 – 0 – – – – – – $0.00 Not connected" in said
    assert "Host 1 3 100 % 0 4.6 s 100 % 0 % 0 % 3,000 2.3 % $0.045 Not connected" in said
    assert "Average 1 100 % 0 4.6 s 100 % 0 % 0 % 3,000 2.3 % $0.015" in said


@pytest.mark.parametrize("hosts", [1, 50, 500])
def test_each_of_many_hosts_has_a_line_and_the_page_stays_light(app, now, hosts):
    season = Season.begun(hosts)
    tell(season, *[Told(host=host, at=now, counts=COUNTS) for host in range(hosts)])
    browser = Browser(app)
    browser.let_in(db.session.get_one(User, season.users[0]))
    answers = [browser.get(f"/podcasts/{season.podcast_id}/numbers{path}") for path in PAGES]
    assert {answer.status_code for answer in answers} == {200}
    assert len(rows_of(answers[1])) == hosts
    assert hosts > 50 or max(len(answer.data) for answer in answers) < LATER_KB * 1_000


def test_a_page_that_has_to_be_computed_takes_few_statements_and_no_more_for_fifty_hosts(app, now):
    taken = {}
    for hosts in (5, 50):
        season = Season.begun(hosts, name=f"With {hosts}")
        tell(season, *[Told(host=host, at=now, counts=COUNTS, cost=15_000) for host in range(hosts)])
        browser = Browser(app)
        browser.let_in(db.session.get_one(User, season.users[0]))
        browser.get("/profile")  # the session was seen
        for path in PAGES:
            with counting() as counted:
                assert browser.get(f"/podcasts/{season.podcast_id}/numbers{path}").status_code == 200
            taken[hosts, path] = counted.statements
    for path in PAGES:
        assert taken[5, path] == taken[50, path] <= MOST_STATEMENTS


def test_a_podcast_without_hosts_says_how_to_get_one(app, season, now):
    db.session.execute(update(User).where(User.id == season.users[0]).values(is_admin=True))
    lonely = Season.begun(hosts=0, name="Nobody").podcast_id
    db.session.commit()
    browser = Browser(app)
    browser.let_in(db.session.get_one(User, season.users[0]))
    for path in PAGES:
        answer = browser.get(f"/podcasts/{lonely}/numbers{path}")
        assert answer.status_code == 200
    assert "Next: invite a host" in words(browser.get(f"/podcasts/{lonely}/numbers/hosts"))


# Trends


def test_trends_hold_nothing_against_each_other_before_there_is_enough(season, read, now):
    old = now - timedelta(days=9)
    tell(season, *[Told(at=old, counts=COUNTS)] * 10, *[Told(at=old, counts=COUNTS, source="draft")] * 7)
    assert "Drafts: 7 of 10, 3 missing" in read("/trends")
    double = (2_000, 20, 1, 1, 1, 0)
    tell(season, *[Told(at=old, counts=double, source="draft", text="https://youtu.be/dQw4w9WgXcQ")] * 13)
    said = read("/trends")
    assert "Drafts were seen 65 % more often than own words." in said
    assert "Posts with a link were seen 100 % more often than posts without a link." in said


def test_trends_say_in_words_what_they_draw(season, ask, read, now):
    at = datetime(2026, 3, 4, 9, 30, tzinfo=UTC)  # 20:30 in Sydney
    tell(
        season, *[Told(host=2, at=at, counts=COUNTS)] * 4, Told(host=1, at=now - timedelta(weeks=2), way=(100, 20, 40))
    )
    said = read("/trends")
    assert "Seen most: Wednesday 20:00, 1,000 impressions a post, of 4 posts." in said
    one = r"In the one week with posts, up to \d+ \w+, half took at most 1\.6 s and 95 % at most 1\.6 s\."
    assert re.search(one, said)
    assert "Host 2 4 4,000 1,000" in said
    tell(season, Told(host=1, at=now - timedelta(weeks=4), way=(100, 20, 140)))
    assert "In 2 weeks with posts, half of them took from 1.6 s at best to 2.6 s at worst." in read("/trends")
    drawn = re.findall(r'<svg class="chart[^>]*role="img" aria-labelledby="(\S+) (\S+)"', page := ask("/trends").text)
    assert len(drawn) == 3
    for title, described in drawn:
        assert f'<title id="{title}">' in page
        assert f'<desc id="{described}">' in page


# What is odd


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("typed", ["century", "Week", "%F0%9F%92%A9", "1" * 5_000, "%3Cscript%3E", "week,all"])
def test_a_period_that_is_none_is_said_and_the_others_are_offered(season, ask, page, typed):
    answer = ask(f"{page}?period={typed}")
    assert answer.status_code == 422
    assert "is no period. There are: week, month, quarter, all." in words(answer)
    assert "period=quarter" in answer.text
    assert "<script>" not in answer.text


@pytest.mark.parametrize(
    "query",
    ["sort=user_id", "sort=figures", "sort=posted;drop", "sort=" + "a" * 9_000, "order=up", "sort=name&order=FALLING"],
)
def test_a_column_or_an_order_that_is_none_is_said(season, ask, query):
    answer = ask(f"/hosts?{query}")
    assert answer.status_code == 422
    assert re.search("is no (column that you can sort by|order). Open the table anew", words(answer))
    ways = [unescape(way) for way in re.findall(r'href="/podcasts/\d+/numbers([^"]*)"', answer.text)]
    assert {ask(way).status_code for way in ways} == {200}


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize(
    "query", ["", "period=", "period=week&period=x", "sort=&order=", "period[]=week", "a=" + "b" * 9_000]
)
def test_what_is_empty_repeated_or_unknown_changes_nothing(season, ask, page, query):
    assert ask(f"{page}?{query}").status_code == 200


@pytest.mark.parametrize("page", PAGES)
def test_strangers_find_nothing(app, season, page):
    other = Season.begun(1, name="Elsewhere")
    db.session.commit()
    browser = Browser(app)
    browser.let_in(db.session.get_one(User, other.users[0]))
    assert browser.get(f"/podcasts/{season.podcast_id}/numbers{page}").status_code == 404
    assert browser.get(f"/podcasts/{2**70}/numbers{page}").status_code == 404
