"""Episodes in the browser: planned, changed, copied, deleted; and times as people type them."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from extensions import db
from models import Broadcast, EpisodeGuide, EpisodeTweetConfig, Podcast, PodcastMember, PostStatus, User
from services import episodes
from services.errors import Invalid
from services.local_time import instant_of, weekly_after, written
from tests.browser import words
from tests.cast import ago

BERLIN, SYDNEY = "Europe/Berlin", "Australia/Sydney"
VIDEO = "dQw4w9WgXcQ"


@pytest.fixture
def engine_name():
    return "sqlite"


def user(name):
    return db.session.execute(select(User).filter_by(email=f"{name}@example.com")).scalar_one()


def the_episode():
    db.session.rollback()
    return db.session.execute(select(EpisodeGuide), execution_options={"populate_existing": True}).scalar_one_or_none()


@pytest.fixture
def show(cast, browser):
    """A podcast in Berlin, its admin signed in."""
    made = cast.show(hosts=("ada", "bo"), connected=False, timezone=BERLIN)
    browser.let_in(user("ada"))
    return made.id


def plan(browser, show, **typed):
    address = f"/podcasts/{show}/episodes/new"
    return browser.post(address, {"title": "Queues"} | typed)


def fields_of(episode, **changes):
    return {
        "title": episode.title,
        "number": "" if episode.number is None else str(episode.number),
        "at": written(episode.scheduled_at, BERLIN) if episode.scheduled_at else "",
        "version": str(episode.version),
    } | changes


# Planned


def test_a_new_episode_has_a_text_for_each_host_and_leads_to_its_page(browser, show):
    typed = {
        "number": "112",
        "at": "2030-01-31T20:00",
        "guests": "Grace Hopper\r\n\r\n Zoë \r\n",
        "video": f"https://youtu.be/{VIDEO}?t=3",
        "link": "https://example.com/112",
        "notes": "Ask about\r\nthe moth.",
    }
    answer = plan(browser, show, **typed)
    made = the_episode()
    assert answer.location.endswith(f"/podcasts/{show}/episodes/{made.id}/tweets")
    assert made.scheduled_at == datetime(2030, 1, 31, 19, 0, tzinfo=UTC)
    assert (made.number, made.guests, made.video_id) == (112, ["Grace Hopper", "Zoë"], VIDEO)
    assert (made.link, made.notes) == ("https://example.com/112", "Ask about\nthe moth.")
    assert len(db.session.execute(select(EpisodeTweetConfig)).all()) == 2
    assert db.session.execute(select(Broadcast.first_signal)).scalar_one() == "episode"
    assert "Planned." in words(browser.get(answer.location))


def test_a_title_is_enough(browser, show):
    assert plan(browser, show).status_code == 302
    made = the_episode()
    assert (made.title, made.scheduled_at, made.video_id, made.number, made.guests) == ("Queues", None, None, None, [])


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"title": ""}, "The title is empty."),
        ({"title": "x" * 201}, "At most 200 fit."),
        ({"title": ["", "Second"]}, "The title is empty."),
        ({"title": "a\x1b[31mb"}, "cannot be shown"),
        ({"number": "twelve"}, "The episode number must be between"),
        ({"number": "-1"}, "The episode number must be between"),
        ({"number": "9" * 5000}, "The episode number must be between"),
        ({"number": "1e3"}, "The episode number must be between"),
        ({"number": "١٢"}, "The episode number must be between"),
        ({"at": "tomorrow"}, "“tomorrow” is no date and time."),
        ({"at": "2030-01-31T20:00+05:00"}, "Leave the offset away"),
        ({"at": "0001-01-01T00:00"}, "between the years 2000 and 2100"),
        ({"at": "9999-12-31T23:59"}, "between the years 2000 and 2100"),
        ({"at": "2030-02-30T20:00"}, "is no date and time."),
        ({"at": "2026-03-29T02:30"}, "go forward, and 02:30 does not exist."),
        ({"guests": "\n".join(["Guest"] * 21)}, "21 guests are too many."),
        ({"guests": "x" * 101}, "At most 100 fit."),
        ({"video": "https://example.com/watch?v=dQw4w9WgXcQ"}, "is no YouTube video."),
        ({"video": "http://127.0.0.1/watch?v=dQw4w9WgXcQ"}, "is no YouTube video."),
        ({"video": "@handle"}, "is no YouTube video."),
        ({"link": "javascript:alert(1)"}, "must be an address like https://"),
        ({"link": "https://user:secret@example.com/"}, "must be an address like https://"),
        ({"link": "https:///nowhere"}, "must be an address like https://"),
        ({"link": "https://example.com/" + "x" * 500}, "At most 500 fit."),
        ({"notes": "x" * 5001}, "At most 5000 fit."),
    ],
)
def test_an_episode_that_cannot_be_planned_says_why_and_keeps_what_was_typed(browser, show, typed, said):
    answer = plan(browser, show, **({"notes": "Kept as it was"} | typed))
    assert answer.status_code == 422
    assert said in words(answer)
    assert "notes" in typed or "Kept as it was" in words(answer)
    assert the_episode() is None


def test_text_comes_back_from_the_form_as_it_was_typed(browser, show):
    hostile = "'\"><script>alert(1)</script></textarea>\n\n🎙️👩🏽\u200d💻" + "漢" * 200
    plan(browser, show, title="<b>'\"&amp;", notes=hostile)
    made = the_episode()
    assert (made.title, made.notes) == ("<b>'\"&amp;", hostile)
    page = browser.get(f"/podcasts/{show}/episodes/{made.id}/edit")
    assert "<script>alert" not in page.text
    assert "&lt;/textarea&gt;" in page.text


def test_a_podcast_holds_so_many_episodes_only(browser, show, monkeypatch):
    monkeypatch.setattr(episodes, "MOST_EPISODES", 2)
    answers = [plan(browser, show) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [302, 302, 422]
    assert "2 episodes at most" in words(answers[-1])


def test_an_archived_podcast_plans_nothing(browser, show):
    browser.post(f"/podcasts/{show}/archive")
    answer = plan(browser, show)
    assert answer.status_code == 422
    assert "is archived. Bring it back first." in words(answer)


# Times


def test_of_a_doubled_hour_the_first_is_meant_and_the_page_says_so(browser, show):
    answer = plan(browser, show, at="2026-10-25T02:30")
    assert the_episode().scheduled_at == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    assert "02:30 comes twice: the first one is meant." in words(browser.get(answer.location))


def test_what_still_reads_the_same_stays_the_same_instant():
    second = datetime(2026, 10, 25, 1, 30, 7, tzinfo=UTC)
    assert written(second, BERLIN) == "2026-10-25T02:30"
    assert instant_of("2026-10-25T02:30", BERLIN, before=second).at == second
    assert instant_of("2026-10-25T02:31", BERLIN, before=second).at == datetime(2026, 10, 25, 0, 31, tzinfo=UTC)


@pytest.mark.parametrize("zone", [BERLIN, SYDNEY, "UTC", "Pacific/Apia", "America/New_York", "Asia/Kathmandu"])
def test_a_typed_time_reads_back_as_typed_or_is_refused(zone):
    refused = 0
    for hour in range(24 * 365):
        local = (datetime(2026, 1, 1) + timedelta(hours=hour)).strftime("%Y-%m-%dT%H:%M")
        try:
            at = instant_of(local, zone).at
        except Invalid:
            refused += 1
        else:
            assert written(at, zone) == local
    assert refused <= 1


def test_a_day_that_a_zone_left_out_is_refused():
    with pytest.raises(Invalid, match="does not exist"):
        instant_of("2011-12-30T12:00", "Pacific/Apia")


def test_a_week_later_is_the_same_time_of_day_over_a_change_of_the_clock():
    at = datetime(2026, 10, 21, 18, 0, tzinfo=UTC)
    later = weekly_after(at, BERLIN, at - timedelta(days=1))
    assert (written(later.at, BERLIN), later.remark) == ("2026-10-28T20:00", "")


def test_a_copy_of_an_old_episode_is_planned_for_the_next_such_time_that_is_ahead():
    at, now = datetime(2026, 1, 7, 19, 0, tzinfo=UTC), datetime(2026, 6, 10, 12, 0, tzinfo=UTC)
    assert written(weekly_after(at, BERLIN, now).at, BERLIN) == "2026-06-10T20:00"


def test_a_copy_that_falls_into_the_skipped_hour_says_so():
    at = datetime(2026, 3, 22, 1, 30, tzinfo=UTC)
    later = weekly_after(at, BERLIN, at - timedelta(days=1))
    assert written(later.at, BERLIN) == "2026-03-29T03:30"
    assert "check the time" in later.remark


# Changed


def test_a_change_is_saved_and_leads_to_the_page(cast, browser, show):
    episode = cast.episode(db.session.get_one(Podcast, show), at=ago(days=-2))
    address = f"/podcasts/{show}/episodes/{episode.id}/edit"
    typed = fields_of(episode, title="Stacks", number="7", video=VIDEO)
    answer = browser.post(address, typed)
    assert answer.location.endswith(f"/episodes/{episode.id}/tweets")
    changed = the_episode()
    assert (changed.title, changed.number, changed.video_id, changed.version) == ("Stacks", 7, VIDEO, 1)
    assert db.session.execute(select(Broadcast.video_id)).scalar_one() == VIDEO


@pytest.fixture
def episode(cast, show):
    return cast.episode(db.session.get_one(Podcast, show), at=ago(days=-2), notes="As it was")


@pytest.mark.parametrize("version", ["", "7", "-1", "1e1", "9" * 500, ["5", "0"]])
def test_a_stale_version_loses_nothing_and_the_next_save_is_taken(browser, show, episode, version):
    address = f"/podcasts/{show}/episodes/{episode.id}/edit"
    typed = fields_of(episode, title="Mine", version=version)
    answer = browser.post(address, typed)
    assert answer.status_code == 409
    assert "Title, as it is saved now Queues" in words(answer)
    assert 'value="Mine"' in answer.text
    assert the_episode().title == "Queues"
    again = answer.text.split('name="version"')[1].split('value="')[1].split('"')[0]
    assert browser.post(address, typed | {"version": again}).status_code == 302
    assert the_episode().title == "Mine"


def test_of_two_tabs_the_second_is_told(browser, show, episode):
    address = f"/podcasts/{show}/episodes/{episode.id}/edit"
    one, two = fields_of(episode, title="One"), fields_of(episode, title="Two")
    assert browser.post(address, one).status_code == 302
    answer = browser.post(address, two)
    assert answer.status_code == 409
    assert "One" in words(answer)
    assert 'value="Two"' in answer.text


def test_extra_fields_change_nothing(cast, browser, show, episode):
    other = cast.show("Other", hosts=("cy",), connected=False)
    address = f"/podcasts/{show}/episodes/{episode.id}/edit"
    extra = {"podcast_id": str(other.id), "id": "77", "created_at": "2020-01-01"}
    assert browser.post(address, fields_of(episode) | extra).status_code == 302
    assert (the_episode().podcast_id, the_episode().notes) == (show, "As it was")


def test_an_episode_is_changed_under_its_own_podcast_only(cast, browser, show, episode):
    mine = cast.show("Mine", hosts=("ada",), connected=False)
    for act in ("edit", "copy", "delete"):
        answer = browser.post(f"/podcasts/{mine.id}/episodes/{episode.id}/{act}", {"title": "x"})
        assert answer.status_code == 404
    assert browser.get(f"/podcasts/{show}/episodes/{2**40}/edit").status_code == 404
    assert the_episode().title == "Queues"


def test_a_contributor_reads_and_changes_nothing(cast, browser, show, episode):
    db.session.add(PodcastMember(podcast_id=show, user_id=cast.user("cy").id))
    db.session.commit()
    browser.let_in(user("cy"))
    base = f"/podcasts/{show}/episodes"
    assert browser.get(f"{base}/{episode.id}/tweets").status_code == 200
    assert [browser.get(path).status_code for path in (f"{base}/new", f"{base}/{episode.id}/edit")] == [403, 403]
    for path in (
        f"{base}/new",
        f"{base}/{episode.id}/edit",
        f"{base}/{episode.id}/copy",
        f"{base}/{episode.id}/delete",
    ):
        assert browser.post(path, {"title": "x"}).status_code == 403


# Copied and deleted


def test_a_copy_is_a_week_later_with_the_next_number_and_without_the_video(browser, show, episode):
    row = the_episode()
    row.number, row.video_id, row.guests = 41, VIDEO, ["Grace"]
    db.session.commit()
    at = row.scheduled_at
    answer = browser.post(f"/podcasts/{show}/episodes/{episode.id}/copy")
    db.session.rollback()
    copy = db.session.execute(select(EpisodeGuide).order_by(EpisodeGuide.id.desc()).limit(1)).scalar_one()
    assert answer.location.endswith(f"/episodes/{copy.id}/edit")
    assert (copy.title, copy.number, copy.video_id, copy.guests) == ("Queues", 42, None, ["Grace"])
    assert written(copy.scheduled_at, BERLIN)[-5:] == written(at, BERLIN)[-5:]
    assert copy.scheduled_at.date() - at.date() in (timedelta(days=7), timedelta(days=6), timedelta(days=8))


def test_a_deleted_episode_takes_its_texts_along_and_is_written_down(browser, show, episode):
    answer = browser.post(f"/podcasts/{show}/episodes/{episode.id}/delete")
    assert answer.location.endswith(f"/podcasts/{show}")
    assert the_episode() is None
    assert db.session.execute(select(EpisodeTweetConfig)).first() is None


def test_an_episode_whose_post_is_on_its_way_is_not_deleted_and_one_that_is_out_is(cast, browser, x):
    show = cast.show(hosts=("ada",))
    planned = cast.episode(show, at=ago(minutes=0))
    address = f"/podcasts/{show.id}/episodes/{planned.id}/delete"
    cast.go_live(show, at=ago(seconds=10))
    x.stop()
    cast.check()
    browser.let_in(user("ada"))
    answer = browser.post(address)
    assert answer.location.endswith("/edit")
    assert "on its way right now" in words(browser.get(answer.location))
    assert the_episode() is not None
    browser.post(f"/podcasts/{show.id}/archive")
    browser.post(address)
    assert the_episode() is None
    assert [(post.status, post.episode_id) for post in cast.posts()] == [(PostStatus.CANCELLED, None)]
