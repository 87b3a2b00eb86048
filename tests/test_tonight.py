"""The plan of the day: known starts, whether each would be noticed, what that takes, and how soon, in words."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from config import Settings
from extensions import db
from models import Broadcast, Podcast, PodcastMember, PushSubscription, WorkerLease, YouTubeChannel
from services import quota
from services.quota import Spent
from services.tonight import Tonight, tonight
from services.watch_needs import Needs, Start, foresee
from services.watch_plan import Close, Demand, Plan, foreseen, make_plan
from services.watch_words import Watched, ways
from tests.browser import Browser, words
from tests.stage import Stage

CHECK = timedelta(seconds=180)
NOON = datetime(2026, 3, 4, 20, 0, tzinfo=UTC)  # in Los Angeles
SECOND = timedelta(seconds=1)


@pytest.fixture
def engine_name() -> str:
    return "sqlite"


def look_on(stage: Stage) -> Tonight:
    """With a scheduler that looks."""
    lease = db.session.get(WorkerLease, "looker") or WorkerLease(name="looker", holder="web-1")
    lease.expires_at = stage.ahead(seconds=30)
    db.session.add(lease)
    db.session.commit()
    return tonight(stage.services.settings, stage.now)


def one(stage: Stage) -> tuple[str, str]:
    """(verdict, why) of the only show."""
    (show,) = look_on(stage).shows
    return show.light.word, show.light.note


def room(stage: Stage, **columns: object) -> tuple[Podcast, str]:
    """A show with a waiting room in two hours, that was looked at."""
    show = stage.show(hosts=("ada",), **columns)
    video = stage.youtube.schedule(str(show.youtube_channel_id), "Queues", start=stage.ahead(hours=2))
    stage.check()
    return show, video


def change(video: str, **columns: object) -> None:
    row = db.session.query(Broadcast).filter_by(video_id=video).one()
    for name, value in columns.items():
        setattr(row, name, value)
    db.session.commit()


# Noticed or not


def test_a_known_waiting_room_is_go_and_says_how_closely_it_is_watched(stage: Stage) -> None:
    room(stage)
    found = look_on(stage)
    (show,) = found.shows
    assert (show.light.word, show.light.note) == (
        "Noticed",
        "Around its start, Airhorn asks YouTube about it every 2 s.",
    )
    assert (show.signal, show.step) == ("watch", 2 * SECOND)
    assert show.watched_from == show.at - timedelta(minutes=10)
    assert 200 < show.units < 400
    assert found.sentence == "1 show is planned for the next 24 hours. It would be noticed."


def test_where_nobody_looks_nothing_is_noticed(stage: Stage) -> None:
    room(stage)
    found = tonight(stage.services.settings, stage.now)
    assert [show.light.word for show in found.shows] == ["Not noticed"]
    assert "No scheduler is looking" in found.shows[0].light.note
    assert found.sentence == "1 show is planned for the next 24 hours. 1 would not be noticed as things are."


@pytest.mark.parametrize(
    "columns, said",
    [
        ({"is_premiere": True}, "It is a premiere"),
        ({"privacy": "unlisted"}, "It is not public."),
    ],
)
def test_what_would_not_be_announced_is_no_go(stage: Stage, columns: dict[str, object], said: str) -> None:
    _, video = room(stage)
    change(video, **columns)
    word, why = one(stage)
    assert word == "Not noticed"
    assert said in why


def test_a_key_that_youtube_refuses_is_no_go_with_the_fix(stage: Stage) -> None:
    room(stage)
    stage.youtube.keys.clear()
    for _ in range(3):
        stage.wait(minutes=45)
        stage.check()
    assert one(stage) == ("Not noticed", "YouTube does not accept the API key. The operator checks YOUTUBE_API_KEY.")


def test_one_failed_look_is_no_reason_to_worry(stage: Stage) -> None:
    _, video = room(stage)
    change(video, error_cause="youtube_error", last_look_at=stage.now)
    stage.wait(minutes=3)
    assert one(stage)[0] == "Noticed"


def test_looking_that_stopped_long_ago_is_no_go(stage: Stage) -> None:
    room(stage)
    stage.wait(minutes=80)
    assert one(stage) == ("Not noticed", "Airhorn last saw YouTube 1 h 20 min ago, so it would not see the start.")


def test_an_episode_without_a_channel_is_no_go(stage: Stage) -> None:
    show = stage.show(hosts=("ada",), youtube_channel_id=None)
    stage.planned(show, at=stage.ahead(hours=3))
    word, why = one(stage)
    assert word == "Not noticed"
    assert "no channel" in why


def test_an_episode_without_a_waiting_room_is_go_but_slower_unless_the_hub_tells(stage: Stage) -> None:
    show = stage.show(hosts=("ada",))
    stage.planned(show, at=stage.ahead(hours=3))
    stage.youtube.upload(str(show.youtube_channel_id), "Trailer")
    stage.check()
    word, why = one(stage)
    assert word == "Noticed later"
    assert "no waiting room for it yet. Around its time, Airhorn asks for the newest videos every 15 s" in why
    subscription = PushSubscription(channel_id=show.youtube_channel_id, path="p", secret=b"s", state="active")
    subscription.lease_until = stage.ahead(days=3)
    db.session.add(subscription)
    db.session.commit()
    assert one(stage)[0] == "Noticed"
    assert look_on(stage).shows[0].signal == "push"


def test_an_episode_and_its_waiting_room_are_one_show(stage: Stage) -> None:
    show, _ = room(stage)
    episode = stage.planned(show, "My title", at=stage.ahead(hours=2, minutes=10))
    (planned,) = look_on(stage).shows
    assert (planned.title, planned.episode_id, planned.at) == ("My title", episode.id, stage.ahead(hours=2))


def test_without_units_it_is_slower_until_midnight_pacific_and_not_longer(stage: Stage) -> None:
    show, _ = room(stage)
    stage.youtube.schedule(str(show.youtube_channel_id), "Tomorrow", start=stage.ahead(hours=20))
    stage.check()
    quota.spend(db.session(), stage.now, units=10_000, people=9_700)
    quota.refuse(db.session(), stage.now, units=10_000)
    db.session.commit()
    found = look_on(stage)
    assert [one.light.word for one in found.shows] == ["Noticed later", "Noticed"]
    assert "Airhorn looks at its pages every 30 s" in found.shows[0].light.note
    assert (found.state.left, found.state.foreseen.total) == (0, 0)


def test_shows_of_archived_podcasts_and_those_of_others_on_the_channel_are_not_in_the_plan(stage: Stage) -> None:
    show, _ = room(stage, title_filter="Deep", title_filter_on=True)
    assert look_on(stage).shows == []
    assert look_on(stage).sentence == "Nothing is planned for the next 24 hours."
    db.session.get_one(Podcast, show.id).is_active = False
    db.session.commit()
    assert look_on(stage).shows == []


def test_as_many_statements_for_twenty_shows_as_for_one(stage: Stage) -> None:
    show, _ = room(stage)
    counts = []
    for number in (0, 20):
        for n in range(number):
            stage.planned(show, f"Show {n}", at=stage.ahead(hours=4, minutes=n))
            channel = f"UC{n:022d}"
            db.session.add(YouTubeChannel(id=channel))
            db.session.add(Podcast(slug=f"s{n}", name=f"S {n}", youtube_channel_id=channel))
            at = stage.ahead(hours=5)
            db.session.add(
                Broadcast(video_id=f"r{n:010d}", channel_id=channel, state="upcoming", scheduled_start_at=at)
            )
        db.session.commit()
        look_on(stage)
        with stage.statements() as collected:
            found = tonight(stage.services.settings, stage.now)
        counts.append(len(collected))
    assert len(found.shows) == 41
    assert counts[0] == counts[1] <= 9


# The units


def test_what_is_planned_is_never_more_than_what_is_left() -> None:
    starts = [Start(NOON + timedelta(minutes=n)) for n in range(600)]
    demand = Demand(30, 900, foresee(starts, NOON, quota.day_bounds(NOON)[1]))
    for watch in (0, 4_000, 8_900, 9_000):
        plan = make_plan(NOON, demand, Spent(watch=watch), units=10_000, check_every=CHECK)
        planned = foreseen(plan, demand, CHECK)
        assert 0 <= planned.total <= 9_000 - watch
        assert min(planned.starts, planned.lists, planned.rest) >= 0


def test_a_quiet_day_plans_lists_and_checks() -> None:
    demand = Demand(10, 3, Needs())
    plan = make_plan(NOON, demand, Spent(), units=10_000, check_every=CHECK)
    planned = foreseen(plan, demand, CHECK)
    assert planned.starts == 0
    assert 3_500 <= planned.lists <= 3_700  # ten channels every 120 s for twelve hours
    assert planned.rest == 240


# In words

FULL = Plan(True, 30 * SECOND, 1.0, 100, 100, 100, CHECK, close=Close.ALL)
FEEDS = replace(FULL, lists_uploads=False, channel_every=CHECK, close=Close.NOBODY)
NONE_LEFT = replace(FEEDS, watch_left=0, discovery_left=0)
SEEN = Watched(FULL, Spent(), channels=1, check_every=CHECK, has_push=True)


@pytest.mark.parametrize(
    "seen, planned, unplanned, slower",
    [
        (SEEN, "within about 2 s: around its time, Airhorn asks YouTube", "a few seconds after YouTube tells", ""),
        (replace(SEEN, has_push=False), "about 2 s", "about 30 s: Airhorn asks YouTube for", "does not tell"),
        (replace(SEEN, plan=FEEDS), "within about 5 s", "tells nothing, it is seen within about 18 min", ""),
        (
            replace(SEEN, plan=FEEDS, has_push=False, failures=4),
            "within about 5 s",
            "within about 18 min: Airhorn reads another list",
            "The last 4 times, Airhorn could not look at the channel",
        ),
        (replace(SEEN, plan=replace(FEEDS, stretch=6.0)), "within about 30 s", "tells", "units run short"),
        (replace(SEEN, plan=replace(FEEDS, stretch=36.0)), "within about 3 min", "tells", "units run short"),
        (
            replace(SEEN, plan=NONE_LEFT, spent=Spent(exhausted=True)),
            "within about 30 s: around its time, Airhorn looks at its page",
            "If YouTube tells nothing, it is seen within about 30 s: Airhorn looks at the channel’s page",
            "used up. Until midnight in California Airhorn looks at pages instead",
        ),
        (
            replace(SEEN, plan=NONE_LEFT, spent=Spent(exhausted=True), channels=100, has_push=False),
            "within about 30 s",
            "within about 18 min: Airhorn reads the channel’s feed",
            "used up",
        ),
        (
            replace(SEEN, plan=NONE_LEFT, spent=Spent(exhausted=True, retry_at=NOON)),
            "within about 30 s",
            "page",
            "although Airhorn counted far fewer questions. It asks again soon",
        ),
        (
            replace(SEEN, plan=None, spent=None, has_push=False),
            "within about 30 s: around its time, Airhorn looks at its page",
            "within about 30 s: Airhorn looks at the channel’s page",
            "There is no key for YouTube.",
        ),
        (replace(SEEN, plan=None, spent=None, channels=61, has_push=False), "about 30 s", "about 3 min", "no key"),
    ],
)
def test_how_soon_a_start_is_seen_and_why_not_sooner_is_said(
    seen: Watched, planned: str, unplanned: str, slower: str
) -> None:
    found = ways(seen)
    assert planned in found.planned
    assert unplanned in found.unplanned
    assert slower in " ".join(found.slower)
    if not slower:
        assert found.slower == []


def test_what_goes_first_is_promised_the_closest_watch_while_others_wait() -> None:
    short = replace(FEEDS, stretch=6.0, close=Close.FIRST)
    assert "about 2 s" in ways(replace(SEEN, plan=short, is_first=True)).planned
    assert "about 30 s" in ways(replace(SEEN, plan=short)).planned


@pytest.mark.parametrize(
    "trouble, said",
    [
        ("nothing", "A planned start is seen within about 2 s: around its time, Airhorn asks YouTube that often."),
        ("units", "today’s units are used up. Until midnight in California Airhorn looks at pages instead."),
        ("refused", "although Airhorn counted far fewer questions. It asks again soon"),
        ("feed", "The last 4 times, Airhorn could not look at the channel, or not the usual way."),
    ],
)
def test_the_youtube_tab_says_how_soon_and_why_not_sooner(stage: Stage, app, trouble: str, said: str) -> None:
    stage.now = datetime.now(UTC)
    stage.quiet_channels(31)
    show = stage.show(hosts=("ada",))
    stage.check()
    if trouble == "units":
        quota.spend(db.session(), stage.now, units=10_000, people=9_700 - sum(stage.units()[:1]))
    if trouble in ("units", "refused"):
        quota.refuse(db.session(), stage.now, units=10_000)
    if trouble == "feed":
        db.session.get_one(YouTubeChannel, show.youtube_channel_id).failures = 4
    db.session.add(PodcastMember(podcast_id=show.id, user_id=stage.cast.user("eve").id, role="admin"))
    db.session.commit()
    browser = Browser(app)
    browser.let_in(stage.user("eve"))
    page = words(browser.get(f"/podcasts/{show.id}/settings/youtube"))
    assert said in page
    assert "A start that nobody planned is seen" in page


# The command


def test_the_command_prints_the_plan_of_the_day(stage: Stage, runner) -> None:
    stage.now = datetime.now(UTC)
    room(stage)
    look_on(stage)
    printed = runner.invoke(args=["scheduler", "plan"]).output
    assert "1 show is planned for the next 24 hours." in printed
    assert "Units today: " in printed
    assert "which is 00:00 P" in printed
    assert "Noticed " in printed
    assert "Deep Dive: Queues" in printed
    found = json.loads(runner.invoke(args=["scheduler", "plan", "--json"]).output)
    assert found["shows"][0]["verdict"] == "Noticed"
    assert found["units"]["spent"] + found["units"]["left"] == found["units"]["of"] == 10_000
    assert found["units"]["resets_at_pacific"].endswith(("T00:00:00-08:00", "T00:00:00-07:00"))


class TestWithoutAKey:
    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return settings.model_copy(update={"youtube_api_key": None})

    def test_the_plan_says_so(self, stage: Stage, runner) -> None:
        stage.now = datetime.now(UTC)
        room(stage)
        word, why = one(stage)
        assert (word, why) == (
            "Noticed later",
            "There is no key for YouTube, so Airhorn looks at its pages every 30 s.",
        )
        assert "no units are spent" in runner.invoke(args=["scheduler", "plan"]).output
        assert json.loads(runner.invoke(args=["scheduler", "plan", "--json"]).output)["units"] is None
