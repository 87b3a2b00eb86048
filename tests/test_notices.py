"""What people are told, found by the real job in what the real jobs left behind: each event once, quiet otherwise."""

import re
import threading
from datetime import timedelta

import pytest
from sqlalchemy import event, select, update

from extensions import db
from models import (
    Broadcast,
    Installation,
    JobRun,
    Notice,
    PodcastMember,
    PushSubscription,
    QuotaDay,
    Role,
    SendGate,
    SocialConnection,
    User,
    WorkerLease,
    YouTubeChannel,
)
from services import quota
from services.notices import NoticeService
from tests.desk import blind, lose, spoil, unknown


@pytest.fixture
def engine_name():
    """What differs by engine has tests of its own below."""
    return "sqlite"


@pytest.fixture
def reporter(services):
    return Reporter(services.settings)


class Reporter:
    """The job, and what it wrote."""

    def __init__(self, settings):
        self.settings, self.service = settings, NoticeService(settings)

    def make(self, now):
        db.session.rollback()
        return self.service.make(now)

    def told(self, kind=None):
        """{(kind, who): (level, title, body, link)}"""
        query = select(Notice, User.email).join(User, User.id == Notice.user_id).order_by(Notice.id)
        rows = db.session.execute(query, execution_options={"populate_existing": True}).all()
        found = [
            (one.kind, email.partition("@")[0], one.level, one.title, one.body, one.link)
            for one, email in rows
            if kind in (None, one.kind)
        ]
        db.session.rollback()
        return found

    def who(self, kind):
        return sorted((who, level) for _, who, level, *_ in self.told(kind))


def contributor(name):
    """Makes somebody a plain host everywhere."""
    user = db.session.execute(select(User.id).where(User.email == f"{name}@example.com")).scalar_one()
    db.session.execute(update(PodcastMember).where(PodcastMember.user_id == user).values(role=Role.CONTRIBUTOR))
    db.session.commit()


def site_admin(cast, name="eve"):
    cast.user(name, is_admin=True)


def hrefs(app, told):
    """Whether each link leads to a page."""
    adapter = app.url_map.bind("localhost")
    return [adapter.match(row[-1])[0] for row in told]


# A start


def test_a_start_is_reported_once_to_its_admins_and_hosts_when_all_posts_are_out(desk, reporter, app):
    desk.on_air("ada", "bo")
    contributor("bo")
    assert reporter.make(desk.at) == 0
    desk.drain()
    assert reporter.make(desk.later(2).at) == 2
    (ada, bo) = reporter.told()
    assert ada == ("live", "ada", "info", "Show of ada is live: 2 of 2 posted", ada[4], ada[5])
    assert (bo[1], bo[2], bo[3]) == ("bo", "info", ada[3])
    assert re.fullmatch(r"Queues\nThe last post was out 1\d s after the start.", ada[4])
    assert hrefs(app, [ada]) == ["podcasts.tweets"]
    assert reporter.make(desk.later(600).at) == 0


def test_what_is_still_open_after_a_while_is_reported_as_it_is(desk, reporter, x):
    desk.on_air("ada", "bo")
    contributor("bo")
    lose(x)
    desk.drain()
    assert reporter.make(desk.later(5).at) == 0
    reporter.make(desk.later(90).at)
    assert reporter.who("live") == [("ada", "needs_you"), ("bo", "info")]
    (_, _, _, title, body, _) = reporter.told("live")[0]
    assert title == "Show of ada is live: 1 of 2 posted"
    assert "Checking with X: " in body


def test_a_host_without_a_connection_hears_of_the_start_that_he_misses(desk, reporter):
    desk.cast.user("bo")
    desk.cast.connect(desk.cast.user("ada"), now=desk.at)
    show = desk.cast.show("Deep Dive", hosts=("ada", "bo"), connected=False)
    contributor("bo")
    desk.cast.youtube.go_live(show.youtube_channel_id, "Queues", at=desk.at)
    desk.look()
    desk.drain()
    reporter.make(desk.later(3).at)
    assert reporter.who("live") == [("ada", "needs_you"), ("bo", "needs_you")]
    (bo,) = [row for row in reporter.told("live") if row[1] == "bo"]
    assert bo[3] == "Deep Dive is live: 1 of 2 posted"
    assert bo[4].startswith("You: No X account is connected. Connect X")


def test_a_show_where_nobody_posts_says_so(desk, reporter):
    show = desk.cast.show("Deep Dive", hosts=())
    desk.cast.user("ada")
    ada = db.session.execute(select(User)).scalar_one()
    db.session.add(PodcastMember(podcast_id=show.id, user_id=ada.id, role=Role.ADMIN))
    db.session.commit()
    desk.cast.youtube.go_live(show.youtube_channel_id, "Queues", at=desk.at)
    desk.look()
    reporter.make(desk.later(91).at)
    assert reporter.told()[0][:2] == ("live", "ada")


# A post


def test_a_refused_text_is_told_to_its_host_at_once_and_to_the_admins_beside(desk, reporter, x, app):
    desk.on_air("ada", "bo", "cy")
    contributor("bo")
    spoil(x, status=400, body='{"title": "Invalid Request", "detail": "too odd"}')
    desk.drain()
    failed = [post for post in desk.cast.posts() if post.status == "failed"]
    (host,) = [db.session.get(User, post.user_id).email.partition("@")[0] for post in failed]
    reporter.make(desk.later(1).at)
    others = {"ada", "bo", "cy"} - {host, "bo"}
    assert dict(reporter.who("failed")) == {host: "needs_you"} | dict.fromkeys(others, "info")
    (_, _, _, title, body, _) = reporter.told("failed")[0]
    assert title == "Not posted: Show of ada · Queues"
    assert "Edit it and press Post now." in body
    assert set(hrefs(app, reporter.told())) == {"podcasts.tweets"}
    assert reporter.make(desk.later(60).at) == 0


def test_a_post_that_waits_for_its_host_says_where_to_mend_it(desk, reporter, x, app):
    desk.on_air("ada")
    desk.change_connection("ada", refresh_token=None)
    spoil(x, 2, status=401, body='{"title": "Unauthorized"}')
    desk.drain()
    desk.later(1).drain()
    assert desk.post().status == "queued"
    reporter.make(desk.later(1).at)
    (row,) = reporter.told("paused")
    assert row[:4] == ("paused", "ada", "needs_you", "Your post waits for you: Show of ada · Queues")
    assert "Connect X again" in row[4]
    assert hrefs(app, [row]) == ["connections.show"]


def test_a_renewed_token_is_no_news(desk, reporter):
    """Refused once and tried again at once with a new token: the job may look in between."""
    desk.on_air("ada")
    desk.change(desk.post(), cause="x_auth", not_before=desk.at)
    reporter.make(desk.at)
    assert reporter.told() == []
    desk.later(1).drain()
    reporter.make(desk.later(1).at)
    assert [row[0] for row in reporter.told()] == ["live"]


def test_an_undecided_post_is_for_its_host_to_decide(desk, reporter, x):
    lose(x)
    unknown(desk, strict=True)
    desk.find_out(until=300)
    assert desk.post().status == "review"
    reporter.make(desk.at)
    row = reporter.told("review")[0]
    assert row[:4] == ("review", "ada", "needs_you", "Is your post on X? Show of ada · Queues")
    assert "choose what is true" in row[4]


def test_an_unconfirmed_post_is_told_after_three_minutes_while_the_show_is_live(desk, reporter, x):
    lose(x)
    unknown(desk)
    blind(x, 200, status=503)
    reporter.make(desk.later(170).at)
    assert reporter.who("unknown") == []
    reporter.make(desk.later(15).at)
    assert reporter.who("unknown") == [("ada", "needs_you")]
    assert reporter.make(desk.later(60).at) == 0


def test_a_missed_post_says_why_and_promises_nothing(desk, reporter):
    desk.on_air("ada")
    video = desk.post().video_id
    desk.cast.youtube.end(video)
    desk.later(40)
    for looked in desk.cast.services.live.check(desk.at):
        desk.cast.services.tweets.announce(looked.broadcast_ids, desk.at)
    assert desk.post().status == "missed"
    reporter.make(desk.at)
    row = reporter.told("missed")[0]
    assert row[:3] == ("missed", "ada", "needs_you")
    assert "in time" not in row[4]


# A stream that nobody announced


def test_a_live_stream_that_fits_no_episode_is_told_to_the_admins(stage, services):
    reporter = Reporter(services.settings)
    show = stage.show(auto_create_episodes=False)
    stage.youtube.go_live(show.youtube_channel_id, "Something else", at=stage.now)
    stage.check()
    reporter.make(stage.wait(seconds=5))
    assert reporter.who("unannounced") == [("ada", "needs_you"), ("bo", "needs_you")]
    assert reporter.told("unannounced")[0][3] == "On air, and not announced: Something else"
    assert reporter.make(stage.wait(seconds=5)) == 0


def test_a_stream_whose_title_fits_no_filter_is_nobodys_news(stage, services):
    reporter = Reporter(services.settings)
    show = stage.show(title_filter="Deep Dive", title_filter_on=True)
    stage.youtube.go_live(show.youtube_channel_id, "Cooking", at=stage.now)
    stage.check()
    assert reporter.make(stage.wait(seconds=5)) == 0


# Before a start


def planned(stage, services, **ahead):
    reporter = Reporter(services.settings)
    show = stage.show(timezone="Australia/Sydney")
    stage.youtube.upload(show.youtube_channel_id, "Old")  # or the channel would look wrong
    contributor("bo")
    episode = stage.planned(show, at=stage.ahead(**ahead))
    stage.check()
    return reporter, episode


def test_go_is_said_once_half_an_hour_before(stage, services):
    reporter, _ = planned(stage, services, hours=30)
    assert [reporter.make(stage.wait(hours=hours)) for hours in (0, 6.1, 10, 12.5, 0.8)] == [0, 0, 0, 0, 0]
    assert reporter.make(stage.wait(minutes=7)) == 1
    assert reporter.make(stage.wait(minutes=5)) == 0
    ((_, who, level, title, body, _),) = reporter.told()
    assert (who, level) == ("ada", "info")
    assert title == "GO in 29 min: Deep Dive · Queues"
    assert body.startswith("Planned for Fri 6 Mar, 11:00 Sydney.\n2 of 2 hosts are ready.")


@pytest.mark.parametrize("hours, said", [(23.5, "in 24 h"), (1.9, "in 114 min"), (0.4, "in 24 min")])
def test_no_go_is_said_at_each_checkpoint_and_each_host_hears_of_his_own_trouble(stage, services, hours, said, app):
    reporter, _ = planned(stage, services, hours=hours)
    lost = stage.user("bo")
    disconnect(lost)
    reporter.make(stage.wait(seconds=5))
    told = {(kind, who): (level, title) for kind, who, level, title, *_ in reporter.told()}
    assert told["go", "ada"] == ("needs_you", f"NO-GO {said}: Deep Dive · Queues")
    assert told["ready", "bo"] == ("needs_you", f"You are not ready, {said}: Deep Dive · Queues")
    assert len(told) == 2
    assert set(hrefs(app, reporter.told())) == {"podcasts.tweets", "connections.show"}
    assert reporter.make(stage.wait(seconds=65)) == 0


def disconnect(user):
    db.session.execute(update(SocialConnection).where(SocialConnection.user_id == user.id).values(is_active=False))
    db.session.commit()


def test_a_text_that_cannot_be_posted_leads_to_the_text(stage, services, app):
    reporter, episode = planned(stage, services, hours=1)
    stage.cast.config(episode, "bo").text = "x" * 400
    db.session.commit()
    reporter.make(stage.wait(seconds=5))
    (row,) = reporter.told("ready")
    assert row[1:3] == ("bo", "needs_you")
    assert hrefs(app, [row]) == ["podcasts.tweets"]


def test_a_start_that_came_early_is_no_longer_gone_through(stage, services):
    reporter, episode = planned(stage, services, minutes=20)
    db.session.add(Broadcast(video_id="v" * 11, episode_id=episode.id, state="live"))
    db.session.commit()
    disconnect(stage.user("bo"))
    reporter.make(stage.wait(seconds=5))
    assert reporter.told("go") + reporter.told("ready") == []


def test_a_connection_that_will_not_last_until_next_week_is_told_once_by_the_daily_check(stage, services, app):
    reporter, _ = planned(stage, services, days=6)
    change_connection(stage.user("bo"), refresh_token=None)
    assert reporter.make(stage.wait(seconds=5)) == 1
    (row,) = reporter.told()
    assert row[:4] == ("ready", "bo", "needs_you", "You are not ready, in 6 d: Deep Dive · Queues")
    assert "ends before the start and cannot be renewed. Connect X again." in row[4]
    assert hrefs(app, [row]) == ["connections.show"]
    assert [reporter.make(stage.wait(hours=12)) for _ in range(6)] == [0] * 6


def test_a_connection_that_broke_is_told_without_any_plan_and_once(stage, services):
    reporter = Reporter(services.settings)
    stage.show()
    change_connection(stage.user("bo"), refresh_state="revoked", trouble="x_token_refused")
    assert reporter.make(stage.wait(seconds=5)) == 1
    ((kind, who, level, title, _, link),) = reporter.told()
    assert (kind, who, level, title) == ("connection", "bo", "needs_you", "@bo: the connection to X needs you")
    assert link == "/connections"
    assert reporter.make(stage.wait(minutes=2)) == 0


def change_connection(user, **columns):
    db.session.execute(update(SocialConnection).where(SocialConnection.user_id == user.id).values(**columns))
    db.session.commit()


# The server


def test_credits_that_are_gone_are_told_to_whoever_runs_the_server_once_a_day(stage, services, app):
    reporter = Reporter(services.settings)
    stage.show()
    site_admin(stage.cast)
    db.session.add(SendGate(key="x", until=stage.ahead(days=3), cause="x_credits"))
    db.session.commit()
    assert reporter.make(stage.now) == 1
    ((kind, who, level, title, body, _),) = reporter.told()
    assert (kind, who, level) == ("credits", "eve", "needs_you")
    assert (title, body) == (
        "Posting is paused: this server has run out of X credits.",
        "Top up at X's developer console; posting resumes by itself.",
    )
    assert hrefs(app, reporter.told()) == ["admin.system"]
    assert reporter.make(stage.wait(minutes=2)) == 0
    assert reporter.make(stage.wait(days=1)) == 1


@pytest.mark.parametrize(
    "spent, title",
    [
        ({"discovery": 5_000, "watch": 3_900}, None),
        ({"discovery": 5_000, "watch": 4_100}, "YouTube's units of today run low"),
        ({"discovery": 5_000, "watch": 5_000}, "YouTube's units of today are used up"),
    ],
)
def test_units_that_run_low_or_out_are_told_once_a_day(stage, services, spent, title):
    reporter = Reporter(services.settings)
    site_admin(stage.cast)
    db.session.add(QuotaDay(day=quota.pacific_day(stage.now), **spent))
    db.session.commit()
    for _ in range(3):
        reporter.make(stage.wait(minutes=2))
    assert [row[3] for row in reporter.told()] == ([title] if title else [])


def failing(show, failures, cause="youtube_unreachable", good=None):
    db.session.merge(
        YouTubeChannel(id=show.youtube_channel_id, failures=failures, error_cause=cause, last_good_look_at=good)
    )
    db.session.commit()


def test_a_channel_that_fails_is_told_after_three_looks_and_again_only_after_a_good_one(stage, services, app):
    reporter = Reporter(services.settings)
    show, good = stage.show(), stage.ago(hours=1)
    contributor("bo")
    for failures, expected in ((1, 0), (2, 0), (3, 1), (50, 1)):
        failing(show, failures, good=good)
        reporter.make(stage.wait(minutes=3))
        assert len(reporter.told("detector")) == expected
    failing(show, 4, good=stage.now)
    reporter.make(stage.wait(minutes=3))
    first, second = reporter.told("detector")
    assert first[1:4] == ("ada", "needs_you", "Deep Dive: YouTube cannot be looked at")
    assert "3 looks in a row failed. YouTube could not be reached." in first[4]
    assert hrefs(app, [first, second]) == ["podcasts.youtube"] * 2


def test_a_refused_key_is_told_to_the_operator_once_for_all_channels(stage, services):
    reporter = Reporter(services.settings)
    site_admin(stage.cast)
    for name in ("Deep Dive", "Small Talk"):
        failing(stage.show(name), 5, "youtube_key")
    reporter.make(stage.wait(minutes=3))
    assert [row[3] for row in reporter.told() if row[1] == "eve"] == ["YouTube does not accept the API key."]


def checked(at, process="p", error=None):
    db.session.merge(WorkerLease(name="looker", holder=process, expires_at=at + timedelta(days=1)))
    db.session.merge(JobRun(process=process, job="check", started_at=at, finished_at=at, seen_at=at, error=error))
    db.session.commit()


def test_a_late_scheduler_is_told_to_the_operator_but_not_right_after_a_restart(stage, services):
    reporter = Reporter(services.settings)
    site_admin(stage.cast)
    checked(stage.ago(hours=2))
    assert reporter.make(stage.now) == 0
    assert reporter.make(stage.wait(minutes=6)) == 0
    assert reporter.make(stage.wait(minutes=2)) == 1
    assert reporter.make(stage.wait(minutes=2)) == 0
    ((kind, who, _, _, body, link),) = reporter.told()
    assert (kind, who, link) == ("late", "eve", "/admin/system")
    assert body.startswith("The last check ended 2 h 8 min ago.")
    checked(stage.now)
    assert reporter.make(stage.wait(minutes=2)) == 0


def test_a_database_that_was_restored_is_told_to_the_operator(stage, services):
    reporter = Reporter(services.settings)
    site_admin(stage.cast)
    db.session.merge(Installation(id=1, instance_id="i", quarantined_at=stage.now))
    db.session.commit()
    reporter.make(stage.now)
    reporter.make(stage.wait(minutes=2))
    assert reporter.who("quarantine") == [("eve", "needs_you")]


@pytest.mark.parametrize(
    "days, failures, told", [(-4, 9, 0), (-6, 9, 1), (None, 23, 0), (None, 24, 1)], ids=["one", "two", "tries", "day"]
)
def test_a_hub_that_stays_silent_is_told_to_the_operator_once_a_week(stage, services, days, failures, told):
    reporter = Reporter(services.settings.model_copy(update={"websub_hub_url": "http://127.0.0.1:9"}))
    site_admin(stage.cast)
    lease = {"lease_until": stage.ahead(days=days) if days else None, "failures": failures, "error_cause": "hub_busy"}
    db.session.add(PushSubscription(channel_id="UC" + "p" * 22, path="p" * 43, secret=b"sealed", **lease))
    db.session.commit()
    reporter.make(stage.now)
    reporter.make(stage.wait(days=1))
    assert [row[3] for row in reporter.told()] == ["YouTube's hub is silent on one channel"] * told


# Quiet, once, and cheap


def test_nothing_is_told_while_nothing_happens(stage, services):
    reporter, _ = planned(stage, services, days=3)
    site_admin(stage.cast)
    with stage.statements() as collected:
        assert [reporter.make(stage.wait(seconds=5)) for _ in range(20)] == [0] * 20
    assert [one for one in collected if not one.lstrip().startswith("SELECT")] == []
    assert len(collected) / 20 <= 6


@pytest.mark.slow
@pytest.mark.parametrize("engine_name", ["sqlite", "postgresql"])
def test_two_processes_tell_each_event_once(desk, make_app, x):
    desk.on_air(*[f"host{n}" for n in range(8)])
    spoil(x, 3, status=400, body="{}")
    desk.drain()
    at, apps = desk.later(100).at, [make_app(), make_app()]
    barrier, counts = threading.Barrier(2), []

    def run(app):
        with app.app_context():
            barrier.wait()
            counts.append(NoticeService(app.config["SETTINGS"]).make(at))

    threads = [threading.Thread(target=run, args=(app,)) for app in apps]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    db.session.rollback()
    stored = db.session.execute(select(Notice.key, Notice.user_id)).all()
    assert sum(counts) == len(stored) == len(set(stored))
    # 8 reports, 3 hosts whose post failed, and the 5 others, who are admins as well
    assert len(stored) == 8 + 3 + 5


@pytest.mark.parametrize("hosts", [3, 12])
def test_the_statements_do_not_grow_with_hosts(desk, reporter, x, hosts):
    desk.on_air(*[f"host{n}" for n in range(hosts)])
    spoil(x, hosts, status=400, body="{}")
    desk.drain()
    collected = []
    event.listen(db.engine, "before_cursor_execute", lambda *args: collected.append(args[2]))
    reporter.make(desk.later(100).at)
    # Three of them are the look into the books at its commit.
    assert len([one for one in collected if not one.startswith("BEGIN")]) <= 32


def test_who_is_switched_off_is_told_nothing(desk, reporter):
    desk.on_air("ada", "bo")
    db.session.execute(update(User).where(User.email == "ada@example.com").values(is_active=False))
    db.session.commit()
    desk.drain()
    reporter.make(desk.later(2).at)
    assert [who for _, who, *_ in reporter.told()] == ["bo"]


def test_titles_from_youtube_stay_one_short_line(desk, reporter):
    desk.cast.connect(desk.cast.user("ada"), now=desk.at)
    show = desk.cast.show("Deep Dive", hosts=("ada",))
    desk.cast.youtube.go_live(show.youtube_channel_id, "Line\nbreak \u202e" + "x" * 300, at=desk.at)
    desk.look()
    desk.drain()
    reporter.make(desk.later(2).at)
    ((_, _, _, title, body, _),) = reporter.told()
    assert "\n" not in title
    assert "\u202e" not in body
