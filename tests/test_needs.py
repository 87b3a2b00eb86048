"""What needs a person: everything that does is found, the most urgent first, in the same few statements."""

from datetime import timedelta

import pytest
from sqlalchemy import insert, select, update

from extensions import db
from models import (
    Broadcast,
    ConfigStatus,
    EpisodeGuide,
    EpisodeTweetConfig,
    JobRun,
    Podcast,
    PodcastMember,
    Post,
    Role,
    SocialConnection,
    User,
    YouTubeChannel,
)
from services import overview, wallet
from services.attention import attention
from services.audit import NOBODY
from services.money import DOLLAR
from services.wallet import Rules, Whose
from tests.cast import ago
from tests.season import Season
from tests.till import statements


@pytest.fixture
def engine_name():
    """What is asked is the same on both; the plans of PostgreSQL have tests of their own."""
    return "sqlite"


@pytest.fixture
def desk(cast):
    return Desk(cast)


class Desk:
    """Ada manages the show, Bo is a host; what needs them is read as their pages do."""

    def __init__(self, cast):
        self.cast, self.now = cast, ago()
        self.show = cast.show(hosts=("ada", "bo"))
        self.ids = {name: user_id(name) for name in ("ada", "bo")}
        bo = PodcastMember.user_id == self.ids["bo"]
        db.session.execute(update(PodcastMember).where(bo).values(role=Role.CONTRIBUTOR))
        db.session.commit()

    def episode(self, title="Queues", **ahead):
        made = self.cast.episode(self.show, title, at=self.now + timedelta(**ahead))
        db.session.commit()
        return made

    def write(self, episode, host, **columns):
        config = self.cast.config(episode, host)
        for name, value in columns.items():
            setattr(config, name, value)
        db.session.commit()
        return config

    def post(self, episode, host, status, config_status, **columns):
        config = self.write(episode, host, status=config_status)
        made = {"key": f"live:{config.id}", "text": "On air", "not_after": self.now, "created_at": self.now}
        keys = {"config_id": config.id, "podcast_id": self.show.id, "episode_id": episode.id, "user_id": config.user_id}
        post = Post(status=status, **made | keys | columns)
        db.session.add(post)
        db.session.flush()
        found = post.id
        db.session.commit()
        return found

    def stream(self, video="v" * 11, **columns):
        made = {"channel_id": self.show.youtube_channel_id, "title": "Surprise", "verdict": "unmatched"}
        made["first_seen_at"] = self.now
        db.session.add(Broadcast(video_id=video, **made | columns))
        db.session.commit()

    def seen(self, host="ada", **later):
        db.session.rollback()
        show = db.session.get_one(Podcast, self.show.id)
        page = attention(show, self.ids[host], self.now + timedelta(**later), is_admin=host == "ada")
        db.session.rollback()
        return page.needs

    def items(self, host="ada", **later):
        return [need.item for need in self.seen(host, **later)]


def user_id(name):
    return db.session.execute(select(User.id).where(User.email == f"{name}@example.com")).scalar_one()


def change(model, *where, **columns):
    db.session.execute(update(model).where(*where).values(**columns))
    db.session.commit()


def test_where_all_is_well_nothing_needs_anybody(desk):
    desk.episode(hours=2)
    assert desk.seen() == []


def test_everything_that_needs_somebody_is_there_the_most_urgent_first(desk):
    """One of each sort, made in another order."""
    soon, later = desk.episode("Soon", hours=3), desk.episode("Later", days=3)
    desk.write(later, "ada", text="w" * 300)
    desk.write(soon, "bo", text="w" * 300)
    over = desk.episode("Over", hours=-3)
    desk.stream(state="live")
    desk.stream("w" * 11, state="ended", verdict="over")
    desk.post(past(desk, 1), "ada", "failed", ConfigStatus.FAILED, cause="x_text_refused")
    desk.post(past(desk, 2), "ada", "queued", ConfigStatus.POSTING, cause="x_credits")
    desk.post(past(desk, 3), "ada", "missed", ConfigStatus.MISSED, cause="too_late")
    channel_in_trouble(desk)
    found = [(need.rank.name, need.who) for need in desk.seen()]
    assert found == [
        ("ON_AIR", "Not announced"),
        ("WAITING", "Ada"),
        ("FAILED", "Ada"),
        ("DETECTOR", "YouTube"),
        ("SOON", "Bo"),
        ("MISSED", "Ada"),
        ("AHEAD", "Ada"),
        ("SILENT", "Never live"),
        ("STREAM", "Not announced"),
    ]
    assert [need.episode_id for need in desk.seen() if need.is_silent] == [over.id]


@pytest.mark.parametrize("cause", ["no_connection", "x_token_refused", "no_balance", "unapproved"])
def test_a_show_that_is_over_asks_for_nothing_that_had_to_come_in_time(desk, cause):
    desk.post(past(desk, 1), "bo", "missed", ConfigStatus.MISSED, cause=cause)
    assert [need for need in desk.seen() if need.episode_id] == []


def past(desk, days):
    """An episode that was announced."""
    episode = desk.episode(f"Past {days}", days=-days)
    for host in ("ada", "bo"):
        desk.write(episode, host, status=ConfigStatus.POSTED)
    desk.stream(f"{days:011}", verdict="announced", state="ended", episode_id=episode.id)
    return episode


def channel_in_trouble(desk):
    db.session.add(YouTubeChannel(id=desk.show.youtube_channel_id, error_cause="youtube_unreachable", failures=3))
    db.session.commit()


def test_a_post_whose_fate_nobody_knows_asks_its_host_to_decide(desk):
    unsure = {"cause": "not_found", "unknown_since": desk.now}
    post_id = desk.post(past(desk, 1), "bo", "review", ConfigStatus.REVIEW, **unsure)
    (need,) = desk.seen()
    assert (need.item, need.fix, need.user_id) == (f"review:{post_id}", "decide", desk.ids["bo"])


# Connections


def connection(desk, host, **columns):
    change(SocialConnection, SocialConnection.user_id == desk.ids[host], **columns)


def test_a_connection_that_ends_before_the_next_start_is_told_before_it_ends(desk):
    connection(desk, "bo", refresh_token=None, expires_at=desk.now + timedelta(days=2))
    desk.episode("Before", days=1)
    assert desk.seen() == []
    late = desk.episode("After", days=3)
    (need,) = desk.seen()
    assert (need.item, need.fix, need.episode_title) == (f"ends:{late.id}:{desk.ids['bo']}", "connect", "After")


@pytest.mark.parametrize("trouble", ["x_scope", "x_token_refused"])
def test_a_connection_that_no_longer_works_is_told_and_is_urgent_when_a_show_is_near(desk, trouble):
    connection(desk, "bo", trouble=trouble)
    (calm,) = desk.seen()
    desk.episode(hours=20)
    (urgent,) = desk.seen()
    assert (calm.rank.name, urgent.rank.name) == ("CONNECTION", "SOON")
    assert urgent.item == f"{calm.item}:soon"


# Episodes that never were


@pytest.mark.parametrize("minutes, is_told", [(29, False), (30, True), (7 * 24 * 60 - 1, True), (7 * 24 * 60, False)])
def test_an_episode_is_silent_from_half_an_hour_after_its_planned_start_for_a_week(desk, minutes, is_told):
    desk.episode(minutes=-minutes)
    assert [need.is_silent for need in desk.seen()] == [True] * is_told


def test_no_episode_is_silent_that_was_live_or_that_nobody_waits_for(desk):
    past(desk, 1)
    by_hand = desk.episode("By hand", hours=-2)
    for host in ("ada", "bo"):
        desk.write(by_hand, host, status=ConfigStatus.POSTED)
    off = desk.episode("Off", hours=-4)
    for host in ("ada", "bo"):
        desk.write(off, host, enabled=False)
    assert desk.seen() == []
    change(Podcast, is_active=False)
    desk.episode("Archived", hours=-2)
    assert [need for need in desk.seen() if need.is_silent] == []


def test_many_silent_episodes_keep_no_episode_to_come_from_the_first_page(desk):
    for n in range(12):
        desk.episode(f"Silent {n}", days=-1, hours=-n)
    desk.episode("Next", days=1)
    page = overview.home(db.session.get_one(User, desk.ids["ada"]), desk.now)
    assert [card.episode.title for card in page.next] == ["Next"]
    newest = [need.episode_title for need in page.needs if need.is_silent]
    assert newest == [f"Silent {n}" for n in range(8)]


# Money


def test_a_wallet_that_runs_low_is_told_to_its_host_and_to_admins_with_the_sum(desk):
    mine = Whose(desk.show.id, desk.ids["bo"])
    wallet.top_up(mine, DOLLAR // 10, key="first", by=NOBODY, now=desk.now)
    wallet.set_rules(mine, Rules(is_limited=True), NOBODY, desk.now)
    desk.episode(days=2)
    desk.episode("Later", days=3)
    for host in ("ada", "bo"):
        (need,) = desk.seen(host)
        assert (need.fix, need.user_id, need.is_of_money) == ("spend", desk.ids["bo"], True)
        assert need.what == (
            "The wallet of Bo has $0.10 of the $0.20 that this show costs: $0.10 is missing. An admin tops it up."
        )
    wallet.top_up(mine, DOLLAR, key="in", by=NOBODY, now=desk.now)
    assert desk.seen() == []


def test_what_is_in_the_wallet_of_the_podcast_is_told_to_its_admins_alone(desk):
    wallet.set_rules(Whose(desk.show.id), Rules(is_limited=True), NOBODY, desk.now)
    desk.episode(days=2)
    assert [need.user_id for need in desk.seen()] == [None]
    assert "$0.40 that this show costs" in desk.seen()[0].what
    assert desk.seen("bo") == []


# Trouble with looking


def test_checks_that_stopped_are_said_once_whatever_number_of_shows_waits(desk):
    desk.cast.show("Small Talk", hosts=("ada",))
    at = desk.now - timedelta(hours=1)
    db.session.add(JobRun(process="p", job="check", started_at=at, finished_at=at, seen_at=at))
    db.session.commit()
    page = overview.home(db.session.get_one(User, desk.ids["ada"]), desk.now)
    assert [(need.who, need.fix) for need in page.needs] == [("YouTube", "operator")]
    db.session.rollback()
    assert [need.fix for need in desk.seen("bo")] == ["operator"]


def test_a_stream_of_a_shared_channel_is_told_to_each_show_that_it_may_be(desk):
    other = desk.cast.show("Small Talk", hosts=("ada",), youtube_channel_id=desk.show.youtube_channel_id)
    desk.stream(state="ended")
    page = overview.home(db.session.get_one(User, desk.ids["ada"]), desk.now)
    assert [need.podcast.id for need in page.needs] == [desk.show.id, other.id]
    assert set(page.open_episodes) == {desk.show.id, other.id}


# The same list everywhere, and few statements


def test_the_first_page_begins_with_what_is_most_urgent_and_counts_the_rest(desk):
    soon = desk.episode(hours=1)
    desk.write(soon, "ada", text="w" * 300)
    for n in range(overview.MOST_NEEDS + 2):
        desk.stream(f"{n:011}", state="ended", first_seen_at=desk.now - timedelta(minutes=n))
    page = overview.home(db.session.get_one(User, desk.ids["ada"]), desk.now)
    first, more = [group.first.item for group in page.first_groups], {show.id: n for show, n in page.further.items()}
    assert first == desk.items()[: overview.MOST_NEEDS]
    assert first[0].startswith("text:")
    assert more == {desk.show.id: 3}


@pytest.mark.parametrize("hosts", [5, 50, 500])
def test_the_statements_are_the_same_for_any_number_of_hosts(app, hosts):
    season, now = Season.begun(hosts, name="Crowd", youtube_channel_id="UC" + "c" * 22), ago()
    episode_ids = planned_for(season, now)
    db.session.commit()
    with statements() as asked:
        page = attention(season.podcast, season.users[0], now, is_admin=True)
    # the podcast, checks, episodes, gates, lamps, channel, posts, people, streams, what was put aside
    assert len(asked) <= 10
    assert len({need.user_id for need in page.needs if need.fix == "connect"}) == min(hosts, 200)
    assert {need.episode_id for need in page.needs if need.fix == "edit"} == set(episode_ids)
    # his own by themselves, those of the others together
    alone = [len(group.needs) for group in page.first_groups]
    assert sorted(alone) == sorted([1] * 4 + [min(hosts, 200) - 1] + [hosts - 1] * 3)


def planned_for(season, now):
    """Three shows, for which everybody has written too much."""
    at = [now + timedelta(days=n) for n in (1, 2, 3)]
    rows = [EpisodeGuide(podcast_id=season.podcast_id, title="Show", scheduled_at=one) for one in at]
    db.session.add_all(rows)
    db.session.flush()
    texts = [{"episode_id": row.id, "user_id": user, "text": "w" * 300} for row in rows for user in season.users]
    db.session.execute(insert(EpisodeTweetConfig), texts)
    return [row.id for row in rows]
