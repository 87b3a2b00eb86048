"""The receipt of each start, and how long starts took over a period."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from extensions import db
from models import Broadcast, Post, PostEvent, User
from services import receipts
from services.errors import Invalid
from services.receipts import Accepted, Receipt, spread
from tests.browser import Browser, words
from tests.stage import EVENING, Stage

DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)


@pytest.fixture
def engine_name() -> str:
    return "sqlite"


def start_a_show(stage: Stage, name: str = "Deep Dive", hosts: tuple[str, ...] = ("ada", "bo")) -> tuple[int, str]:
    """A planned show that begins two seconds late. Answers (episode id, video)."""
    show = stage.show(name, hosts=hosts)
    at = stage.ahead(minutes=20)
    episode = stage.planned(show, at=at)
    room = stage.youtube.schedule(str(show.youtube_channel_id), "Queues", start=at)
    stage.check()
    stage.run(minutes=20, step=2)
    stage.youtube.go_live(room, at=stage.ahead(seconds=2))
    stage.run(seconds=20, step=1)
    return episode.id, room


def begun(minute: float) -> datetime:
    return EVENING + timedelta(minutes=minute)


def receipt(seen: float | None = None, last: float | None = None, *, signal: str = "watch") -> Receipt:
    """A start at EVENING, seen and posted so many seconds later."""
    at = [EVENING + timedelta(seconds=one) if one is not None else None for one in (seen, last)]
    posts = [Accepted("Ada", at[1], "posted" if at[1] else "failed")]
    return Receipt("video-00001", "Queues", EVENING, EVENING, signal, at[0], at[0], at[0], posts)


# What is kept


@pytest.mark.slow
def test_a_start_leaves_a_receipt_from_the_plan_to_every_post(stage: Stage) -> None:
    _, room = start_a_show(stage)
    (found,) = receipts.receipts(EVENING, EVENING + DAY)
    assert found.video_id == room
    assert found.planned_at == EVENING + timedelta(minutes=20)
    assert found.started_at == EVENING + timedelta(minutes=20, seconds=2)
    assert found.signal == "watch"
    assert (found.signal_at, found.queued_at) == (found.confirmed_at, found.confirmed_at)
    assert [post.host for post in found.posts] == ["Ada", "Bo"]
    assert found.posted == 2
    assert found.to_confirmed is not None
    assert found.to_confirmed <= 3
    assert found.last_at == max(post.at for post in found.posts if post.at)


def test_a_post_that_is_not_out_counts_as_a_post_and_not_as_posted(stage: Stage) -> None:
    show = stage.show(hosts=("ada", "bo"))
    stage.x.lock_account(stage.x.account("bo"))
    stage.youtube.go_live(str(show.youtube_channel_id))
    stage.check()
    found = receipts.stats(EVENING - DAY, EVENING + DAY)
    assert (found.starts, found.posts, found.posted) == (1, 2, 1)


def test_what_was_not_announced_and_what_people_posted_themselves_is_no_start(stage: Stage) -> None:
    show = stage.show(hosts=("ada",), auto_create_episodes=False)
    stage.youtube.go_live(str(show.youtube_channel_id))
    stage.check()
    assert receipts.receipts(EVENING - DAY, EVENING + DAY) == []


@pytest.mark.slow
def test_only_the_starts_of_the_period_count(stage: Stage) -> None:
    start_a_show(stage)
    row = db.session.query(Broadcast).one()
    at = row.live_seen_at
    assert at is not None
    db.session.commit()
    assert len(receipts.receipts(at, at + SECOND)) == 1
    assert receipts.receipts(at - DAY, at) == []
    assert receipts.receipts(at + SECOND, at + DAY) == []


# Figures


def test_the_figures_are_values_that_really_were() -> None:
    assert spread([]) == receipts.Spread(0, None, None, None)
    assert spread([None, 7.0]) == receipts.Spread(1, 7.0, 7.0, 7.0)
    hundred = spread(float(n) for n in range(1, 101))
    assert (hundred.p50, hundred.p95, hundred.worst) == (50, 95, 100)
    assert spread([3.0, 1.0]).p50 == 1.0


def test_starts_are_summed_up_by_what_found_them_and_how_long_they_took() -> None:
    found = [receipt(2, 5), receipt(4, 9), receipt(30, 33, signal="feed"), receipt(2, None)]
    stats = receipts.summed(found, EVENING, EVENING + DAY)
    assert (stats.starts, stats.posts, stats.posted) == (4, 4, 3)
    assert stats.by_signal == {"watch": 3, "feed": 1}
    assert (stats.to_last.number, stats.to_last.p50, stats.to_last.worst) == (3, 9, 33)
    assert (stats.to_confirmed.p50, stats.to_confirmed.p95) == (2, 30)
    assert stats.from_confirmed.worst == 5


def test_two_clocks_that_differ_by_a_little_make_no_time_before_the_start() -> None:
    assert receipt(-1, 3).to_confirmed == 0


@pytest.mark.parametrize(
    "found, sentence",
    [
        (
            receipt(2, 5),
            "Seen live 2 s after it began, by the watch on its planned start. "
            "1 of 1 posts were out 5 s after it began.",
        ),
        (receipt(300, None, signal="feed"), "Seen live 5 min after it began, by the channel’s feed."),
        (receipt(None, None, signal=""), "Seen live."),
    ],
)
def test_a_receipt_is_a_sentence(found: Receipt, sentence: str) -> None:
    assert found.sentence == sentence


# The period


@pytest.mark.parametrize(
    "since, until, expected",
    [
        (None, None, (EVENING - 30 * DAY, EVENING)),
        ("2026-03-01", None, (datetime(2026, 3, 1, tzinfo=UTC), EVENING)),
        (
            "2026-03-01T12:00+01:00",
            "2026-03-02",
            (datetime(2026, 3, 1, 11, tzinfo=UTC), datetime(2026, 3, 2, tzinfo=UTC)),
        ),
        (None, "2026-02-01", (datetime(2026, 1, 2, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC))),
    ],
)
def test_a_period_is_given_in_days_or_times(
    since: str | None, until: str | None, expected: tuple[datetime, datetime]
) -> None:
    assert receipts.period(since, until, EVENING) == expected


@pytest.mark.parametrize("since, until", [("yesterday", None), ("2026-13-01", None), ("2027-01-01", None), ("", "x")])
def test_a_period_that_is_none_is_said(since: str, until: str | None) -> None:
    with pytest.raises(Invalid, match=r"--since|--until"):
        receipts.period(since, until, EVENING)


# Where it is shown


def test_the_history_names_the_same_signal_and_says_since_when_a_post_found_later_was_out(cast, browser) -> None:
    episode = cast.episode(cast.show(hosts=("ada",)))
    seen = {"first_signal": "uploads", "live_signal": "push", "live_seen_at": EVENING + SECOND, "state": "live"}
    start = Broadcast(video_id="dQw4w9WgXcQ", episode_id=episode.id, actual_start_at=EVENING, **seen)
    db.session.add(start)
    db.session.flush()
    config = cast.config(episode, "ada")
    mine = {"config_id": config.id, "episode_id": episode.id, "broadcast_id": start.id, "user_id": config.user_id}
    sent = {"text": "On air", "not_after": EVENING, "posted_at": EVENING + SECOND, "host_name": "Ada"}
    post = Post(key="live:1", status="posted", remote_id="1", cause="found", **mine, **sent)
    db.session.add(post)
    db.session.flush()
    config.status = "posted"
    db.session.add(PostEvent(post_id=post.id, at=EVENING + 9 * SECOND, status="posted", cause="found"))
    browser.let_in(db.session.query(User).filter_by(email="ada@example.com").one())
    page = words(browser.get(f"/podcasts/{episode.podcast_id}/episodes/{episode.id}/tweets"))
    assert "Seen live +1 s By YouTube’s push." in page
    assert "Posted Ada +9 s Found on the timeline. It was out 8 s before that." in page
    assert "Seen live 1 s after it began, by YouTube’s push. 1 of 1 posts were out 1 s after it began." in page
    assert "uploads list" not in page


def test_as_many_statements_for_fifty_starts_as_for_one(stage: Stage) -> None:
    show = stage.show(hosts=("ada",))
    counts = []
    for number in (1, 50):
        for n in range(number):
            row = Broadcast(
                video_id=f"v{number:02d}-{n:07d}",
                channel_id=show.youtube_channel_id,
                state="ended",
                verdict="announced",
                live_seen_at=stage.now,
            )
            db.session.add(row)
            db.session.flush()
            for host in range(3):
                key = f"live:{row.video_id}:{host}"
                db.session.add(Post(key=key, text="t", broadcast_id=row.id, not_after=stage.now, posted_at=stage.now))
        db.session.commit()
        with stage.statements() as collected:
            found = receipts.stats(EVENING - DAY, EVENING + DAY)
        counts.append(len(collected))
    assert (found.starts, found.posted) == (51, 153)
    assert counts == [1, 1]


@pytest.mark.slow
def test_the_page_of_an_episode_has_the_receipt_of_its_start(stage: Stage, app, cast) -> None:
    episode_id, _ = start_a_show(stage)
    browser = Browser(app)
    user = db.session.query(User).filter_by(email="ada@example.com").one()
    browser.let_in(user)
    podcast_id = db.session.query(Broadcast).one().podcast_id
    page = words(browser.get(f"/podcasts/{podcast_id}/episodes/{episode_id}/tweets"))
    assert "by the watch on its planned start. 2 of 2 posts were out" in page


@pytest.mark.slow
def test_the_command_prints_the_figures_and_each_start(stage: Stage, runner) -> None:
    start_a_show(stage)
    period = ["--since", "2026-03-01", "--until", "2026-03-09"]
    printed = runner.invoke(args=["scheduler", "stats", *period]).output
    assert "1 start, 2 of 2 posts out" in printed
    assert "by the watch" in printed
    found = json.loads(runner.invoke(args=["scheduler", "stats", *period, "--json"]).output)
    assert (found["starts"], found["posted"], found["found_by"]) == (1, 2, {"watch": 1})
    assert found["start_to_seen"]["worst"] <= 3
    assert len(found["each"][0]["posts"]) == 2


def test_the_command_says_in_one_line_what_is_wrong_with_a_period(runner) -> None:
    result = runner.invoke(args=["scheduler", "stats", "--since", "soon"])
    assert result.exit_code == 1
    assert "--since “soon” is no day or time" in result.output
