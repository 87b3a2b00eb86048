"""What people see: the first page, a podcast, an episode; and that none of it costs more with more hosts."""

from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import event, select, update

from extensions import db
from models import (
    Broadcast,
    BroadcastState,
    ConfigStatus,
    JobRun,
    PodcastMember,
    Post,
    PostEvent,
    PostStatus,
    Rehearsal,
    SendGate,
    SocialConnection,
    User,
    YouTubeChannel,
)
from routes.filters import in_the_rehearsal
from services import vocabulary
from tests.browser import Browser, words
from tests.cast import ago

PAGES = ("/", "/podcasts/{0.podcast_id}", "/podcasts/{0.podcast_id}/episodes/{0.id}/tweets")


@contextmanager
def counted():
    """The statements sent while inside."""
    statements = []

    def note(_connection, _cursor, statement, *_rest):
        if not statement.startswith("BEGIN"):
            statements.append(statement)

    event.listen(db.engine, "before_cursor_execute", note)
    yield statements
    event.remove(db.engine, "before_cursor_execute", note)


def episode_with(cast, hosts):
    """An episode of a podcast with so many hosts, of whom the first is connected to nothing and admin."""
    show = cast.show(f"Show of {hosts}", hosts=(f"admin{hosts}",), connected=False)
    podcast_id = show.id
    people = [User(email=f"s{hosts}h{n}@example.com", name=f"Host {n}") for n in range(hosts - 1)]
    db.session.add_all(people)
    db.session.flush()
    db.session.add_all(PodcastMember(podcast_id=podcast_id, user_id=person.id) for person in people)
    db.session.commit()
    return cast.episode(show, at=ago(hours=-1))


def user(name):
    return db.session.execute(select(User).filter_by(email=f"{name}@example.com")).scalar_one()


@pytest.mark.parametrize("path", PAGES)
def test_the_statements_of_a_page_do_not_grow_with_the_hosts(cast, browser, path):
    needed = []
    for hosts in (5, 50):
        episode = episode_with(cast, hosts)
        address = path.format(episode)
        somebody = Browser(browser.client.application)
        somebody.let_in(user(f"admin{hosts}"))
        db.session.rollback()
        with counted() as statements:
            answer = somebody.get(address)
        assert answer.status_code == 200
        assert f"Host {hosts - 2}" in words(answer)
        needed.append(len(statements))
    assert needed[0] == needed[1]
    assert needed[0] <= 12


def test_while_a_show_is_on_air_the_first_page_says_who_has_posted(cast, browser):
    show = cast.show(hosts=("ada", "bo"))
    cast.youtube.go_live(show.youtube_channel_id, "Queues", at=ago(seconds=20))
    cast.check()
    browser.let_in(user("ada"))
    page = browser.get("/")
    assert "On air" in words(page)
    assert "2 of 2 posted" in words(page)
    assert "<title>● 2/2 posted · Deep Dive</title>" in page.text
    assert "lamp-air." in page.text
    assert page.text.count("https://x.com/") == 2


def test_a_planned_episode_says_who_is_ready_and_why_somebody_is_not(cast, browser):
    show = cast.show(hosts=("ada",))
    di = cast.user("di")
    db.session.add(PodcastMember(podcast_id=show.id, user_id=di.id))
    db.session.commit()
    cast.episode(show, "Queues", at=ago(hours=-2))
    browser.let_in(user("ada"))
    seen = words(browser.get("/"))
    assert "Stand by: 1 of 2 ready" in seen
    assert "Ada Ready" in seen
    assert "Di Stand by No X account is connected." in seen
    assert "in 2 h" in seen or "in 119 min" in seen


def test_a_text_that_does_not_fit_is_a_reason_to_stand_by(cast, browser):
    show = cast.show(hosts=("ada",))
    episode = cast.episode(show, "Queues", at=ago(hours=-2))
    cast.config(episode, "ada").text = "long " * 80
    db.session.commit()
    browser.let_in(user("ada"))
    assert "Too long by" in words(browser.get("/"))


def test_an_episode_whose_start_nobody_would_notice_is_no_go(cast, browser):
    cast.episode(cast.show(hosts=("ada",), youtube_channel_id=None), at=ago(hours=-2))
    browser.let_in(user("ada"))
    assert "Stand by: no channel" in words(browser.get("/"))


def test_a_stream_that_was_not_announced_is_shown_with_the_reason(cast, browser):
    show = cast.show(hosts=("ada",), auto_create_episodes=False)
    cast.youtube.go_live(show.youtube_channel_id, "<b>Surprise</b>", at=ago(seconds=20))
    cast.check()
    browser.let_in(user("ada"))
    page = browser.get("/")
    assert "No planned episode fits" in words(page)
    assert "&lt;b&gt;Surprise&lt;/b&gt;" in page.text
    assert "<b>Surprise" not in page.text


def test_a_stream_that_is_on_air_and_not_announced_is_on_air_with_the_reason_and_what_to_do(cast, browser):
    show = cast.show(hosts=("ada",), auto_create_episodes=False)
    cast.youtube.go_live(show.youtube_channel_id, "Surprise", at=ago(seconds=20))
    cast.check()
    browser.let_in(user("ada"))
    page = browser.get("/")
    assert "On air 00:0" in words(page)
    assert "Needs you Not announced. No planned episode fits" in words(page)
    assert "Which episode of Deep Dive it is" in words(page)
    assert "flask" not in words(page)
    assert "Off air" not in words(page)
    assert "lamp-air." in page.text


def test_home_and_episode_page_agree_about_a_text_that_only_its_link_makes_too_long(cast, browser):
    show = cast.show(hosts=("ada", "bo"))
    episode = cast.episode(show, "Queues", at=ago(hours=-2))
    cast.config(episode, "ada").text = "w" * 270
    cast.config(episode, "bo").text = "w" * 256
    db.session.commit()
    browser.let_in(user("ada"))
    home = words(browser.get("/"))
    page = words(browser.get(f"/podcasts/{show.id}/episodes/{episode.id}/tweets"))
    assert "Needs you Deep Dive · Queues" in home
    assert "Too long by 14 characters." in home
    assert "Ada @ada Stand by Too long by 14 characters." in page
    assert "Bo Ready" in home
    assert "Bo @bo Ready" in page
    assert "280 of 280" in page
    assert "https://www.youtube.com/watch?v=…" in page
    assert "294 of 280" in page
    assert "270 of 280" not in page
    assert "dQw4w9WgXcQ" not in page


def waiting_post(cast, **columns):
    """The newest post of a host of a show that was on air, as something else left it; its config fits it."""
    show = cast.show(hosts=("ada",))
    episode = cast.episode(show, "Queues", at=ago(minutes=1))
    config = cast.config(episode, "ada")
    states = {"queued": ConfigStatus.POSTING, "missed": ConfigStatus.MISSED}
    config.status = states[columns["status"]]
    made = {"key": "k", "text": "Words", "not_after": ago(minutes=-14), "created_at": ago(minutes=1)} | columns
    post = Post(config_id=config.id, episode_id=episode.id, podcast_id=show.id, user_id=config.user_id, **made)
    db.session.add(post)
    db.session.commit()


@pytest.mark.parametrize(
    "columns, said",
    [
        ({"status": "queued", "cause": "x_credits"}, "run out of X credits"),
        ({"status": "queued", "cause": "x_client"}, "The operator checks X_CLIENT_ID"),
        ({"status": "missed", "cause": "too_late"}, "Post now, if you still want to."),
        ({"status": "missed", "cause": "too_late", "created_at": ago(days=3)}, None),
        ({"status": "missed", "cause": "already_posted"}, None),
        ({"status": "queued", "cause": "x_rate"}, None),
        ({"status": "queued"}, None),
    ],
)
def test_posts_that_wait_for_somebody_and_no_others_need_a_person(cast, browser, columns, said):
    waiting_post(cast, **columns)
    browser.let_in(user("ada"))
    seen = words(browser.get("/")).split("Needs a person")[1]
    assert ("Nothing right now" in seen) == (said is None)
    assert said is None or said in seen


@pytest.mark.parametrize("cause, word, lamp", [("x_credits", "Paused", "amber"), ("x_rate", "Retrying", "red")])
def test_what_waits_for_somebody_is_paused_and_what_waits_for_time_is_retrying(cause, word, lamp):
    post = Post(status=PostStatus.QUEUED, cause=cause, not_before=ago(), not_after=ago())
    light = vocabulary.light_of_host(ConfigStatus.POSTING, enabled=True, post=post, trouble=None)
    assert (light.word, light.lamp) == (word, lamp)


def test_a_planned_start_that_is_still_to_come_is_told_with_its_day(cast, browser):
    show = cast.show(hosts=("ada",))
    episode = cast.episode(show, "Queues", at=ago(days=-1))
    browser.let_in(user("ada"))
    seen = words(browser.get(f"/podcasts/{show.id}/episodes/{episode.id}/tweets"))
    assert f"Planned for {episode.scheduled_at:%a}" in seen
    assert "Planned start" not in seen


def test_what_happens_to_several_hosts_at_once_is_one_line_with_a_link_for_each(cast, browser):
    show = cast.show(hosts=("ada", "bo"))
    episode = cast.episode(show, "Queues", at=ago(minutes=1))
    at = ago(seconds=10)
    for n, host in enumerate(("ada", "bo")):
        config = cast.config(episode, host)
        config.status = ConfigStatus.POSTED
        made = {"key": host, "text": "Words", "status": PostStatus.POSTED, "not_after": at, "remote_id": f"9{n}"}
        post = Post(config_id=config.id, episode_id=episode.id, host_name=host.title(), username=host, **made)
        db.session.add(post)
        db.session.flush()
        db.session.add(PostEvent(post_id=post.id, at=at + timedelta(seconds=n * 0.4), status=PostStatus.POSTED))
        db.session.commit()
    browser.let_in(user("ada"))
    page = browser.get(f"/podcasts/{show.id}/episodes/{episode.id}/tweets")
    assert page.text.split("What happened")[1].count("lamp blue") == 1
    for address in ("https://x.com/ada/status/90", "https://x.com/bo/status/91"):
        assert page.text.split("Everybody")[1].count(address) == 2
    assert page.text.count("Bo’s post on X") == 2


def test_the_episode_page_tells_the_story_in_order(cast, browser):
    show = cast.show(hosts=("ada", "bo"))
    episode = cast.episode(show, "Queues", at=ago(minutes=1))
    config = cast.config(episode, "bo")
    config.enabled = False
    db.session.commit()
    video = cast.youtube.go_live(show.youtube_channel_id, "Queues", at=ago(seconds=20))
    cast.check()
    browser.let_in(user("ada"))
    page = browser.get(f"/podcasts/{show.id}/episodes/{episode.id}/tweets")
    seen = words(page)
    story = [seen.index(word) for word in ("Planned start", "Stream started", "Seen live", "Queued Ada")]
    assert story == sorted(story)
    assert f"https://www.youtube.com/watch?v={video}" in page.text
    assert "Switched off: nothing is posted." in seen
    assert cast.timeline("ada")[0].splitlines()[0] in seen


def test_an_episode_of_another_podcast_is_not_found_under_mine(cast, browser):
    mine, other = cast.show(hosts=("ada",)), cast.show("Small Talk", hosts=("bo",))
    theirs = cast.episode(other)
    browser.let_in(user("ada"))
    assert browser.get(f"/podcasts/{mine.id}/episodes/{theirs.id}/tweets").status_code == 404
    assert browser.get(f"/podcasts/{other.id}/episodes/{theirs.id}/tweets").status_code == 404
    assert browser.get(f"/podcasts/{2**40}").status_code == 404


def test_an_admin_of_the_server_sees_every_podcast(cast, browser):
    cast.show(hosts=("ada",))
    browser.let_in(cast.user("di", is_admin=True))
    assert "Deep Dive" in words(browser.get("/"))


def test_who_is_on_no_podcast_learns_what_to_do(cast, browser):
    browser.let_in(cast.user("cy"))
    assert "You are not on any podcast yet" in words(browser.get("/"))


def test_the_machine_says_when_it_last_looked_and_when_that_is_late(cast, browser):
    browser.let_in(cast.user("ada"))
    assert "YouTube has not been checked yet" in browser.get("/").text
    at = ago(seconds=30)
    run = JobRun(process="p", job="check", started_at=at, finished_at=at, seen_at=at)
    db.session.add(run)
    db.session.commit()
    assert "Last check 3" in words(browser.get("/"))
    db.session.execute(update(JobRun).values(finished_at=ago(hours=1)))
    db.session.commit()
    assert "Late: the last check was 60 min ago" in words(browser.get("/"))


def test_ready_means_database_migrations_and_a_scheduler_that_beats(cast, browser):
    assert browser.get("/healthz").json == {"status": "ok"}
    answer = browser.get("/readyz")
    assert (answer.status_code, answer.json["migrations_at_head"], answer.json["database"]) == (503, True, True)
    now = datetime.now(UTC)
    db.session.add(JobRun(process="p", job="heartbeat", started_at=now, finished_at=now, seen_at=now))
    db.session.commit()
    assert browser.get("/readyz").status_code == 200
    db.session.execute(update(JobRun).values(seen_at=now - timedelta(minutes=2)))
    db.session.commit()
    assert browser.get("/readyz").status_code == 503


def test_a_rehearsal_is_named_on_every_page(make_app, cast):
    browser = Browser(make_app(sandbox_url="http://127.0.0.1:5999"))
    for path in ("/sign-in", "/nothing"):
        page = browser.get(path).text
        assert "Rehearsal: nothing leaves this machine" in page
        assert 'href="http://127.0.0.1:5999/"' in page


@pytest.mark.parametrize(
    "url, path",
    [
        ("https://x.com/ada/status/1860000000000000001", "/#post-1860000000000000001"),
        ("https://x.com/i/status/7", "/#post-7"),
        ("https://x.com/ada", "/"),
        ("https://www.youtube.com/watch?v=dQw4w9WgXcQ", "/watch?v=dQw4w9WgXcQ"),
        ("https://example.com/status/7", "/"),
    ],
)
def test_a_rehearsal_leads_to_the_very_post_at_the_stand_in(url, path):
    assert in_the_rehearsal(url) == path


def test_every_state_of_a_config_has_a_word_and_red_is_for_posting_only():
    for status in ConfigStatus:
        light = vocabulary.light_of_host(status, enabled=True, post=None, trouble=None)
        assert light.word
        assert (light.lamp == vocabulary.Lamp.RED) == (status == ConfigStatus.POSTING)


def test_an_episode_that_is_over_is_neither_on_air_nor_next(cast, browser):
    show = cast.show(hosts=("ada",))
    episode = cast.episode(show, "Queues", at=ago(minutes=5))
    columns = {"state": BroadcastState.ENDED, "episode_id": episode.id, "first_seen_at": ago(minutes=5)}
    db.session.add(Broadcast(video_id="dQw4w9WgXcQ", **columns))
    db.session.commit()
    browser.let_in(user("ada"))
    assert "Queues" not in words(browser.get("/"))
    assert "Earlier" in words(browser.get(f"/podcasts/{show.id}"))


# GO and NO-GO


def test_a_login_that_ends_before_the_start_and_cannot_be_renewed_is_no_go(cast, browser):
    show = cast.show(hosts=("ada",))
    cast.episode(show, "Queues", at=ago(hours=-5))
    db.session.execute(update(SocialConnection).values(refresh_token=None))
    db.session.commit()
    browser.let_in(user("ada"))
    assert "Ada Stand by The connection to X ends before the start" in words(browser.get("/"))


def test_credits_that_are_gone_are_no_go_for_everybody_until_they_are_back(cast, browser):
    cast.episode(cast.show(hosts=("ada", "bo")), "Queues", at=ago(hours=-5))
    db.session.add(SendGate(key="x", until=ago(minutes=-5), cause="x_credits"))
    db.session.commit()
    browser.let_in(user("ada"))
    assert "Stand by: 0 of 2 ready" in words(browser.get("/"))
    db.session.execute(update(SendGate).values(until=ago(minutes=5)))
    db.session.commit()
    assert "GO" in words(browser.get("/"))


def test_a_channel_that_cannot_be_seen_is_no_go_with_the_reason(cast, browser):
    show = cast.show(hosts=("ada",))
    cast.episode(show, "Queues", at=ago(hours=-5))
    db.session.add(YouTubeChannel(id=show.youtube_channel_id, error_cause="youtube_key"))
    db.session.commit()
    browser.let_in(user("ada"))
    seen = words(browser.get("/"))
    assert "Stand by: YouTube" in seen
    assert seen.count("YouTube does not accept the API key.") == 2


# The first run


def test_the_checklist_stays_until_all_of_it_is_done(cast, browser):
    show = cast.show(hosts=("ada", "bo"), connected=False)
    episode = cast.episode(show, "Queues", at=ago(hours=-5))
    browser.let_in(user("ada"))
    seen = words(browser.get("/"))
    assert "Get Deep Dive ready 2 of 5" in seen
    for host in ("ada", "bo"):
        cast.connect(user(host))
    cast.config(episode, "ada").version = 1
    db.session.commit()
    seen = words(browser.get("/"))
    assert "4 of 5" in seen
    assert "Rehearse the next episode" in seen
    at = {"podcast_id": episode.podcast_id, "episode_id": episode.id, "at": ago()}
    db.session.add(Rehearsal(is_passed=True, **at))
    db.session.commit()
    assert "Get Deep Dive ready" not in words(browser.get("/"))


def test_the_checklist_is_for_admins_of_the_podcast(cast, browser):
    cast.show(hosts=("ada",), connected=False)
    db.session.execute(update(PodcastMember).values(role="contributor"))
    db.session.commit()
    browser.let_in(user("ada"))
    assert "Get Deep Dive ready" not in words(browser.get("/"))


def test_no_page_tells_people_to_type_commands(cast, browser):
    episode = cast.episode(cast.show(hosts=("ada",)), "Queues", at=ago(hours=-5))
    browser.let_in(user("ada"))
    for path in PAGES:
        assert "flask" not in browser.get(path.format(episode)).text
