"""Podcasts in the browser: all of mine, a new one, its page, its settings, and how it ends."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import delete, select, update

from extensions import db
from models import (
    AuditEvent,
    Broadcast,
    ConfigStatus,
    EpisodeGuide,
    EpisodeTweetConfig,
    Podcast,
    PodcastMember,
    Post,
    PostStatus,
    Role,
    User,
    UserSession,
)
from services import cleaning, podcasts
from services.podcast_lists import cursor_of
from tests.browser import Browser, words
from tests.cast import ago
from tests.desk import spoil
from tests.test_pages import counted


@pytest.fixture
def engine_name():
    return "sqlite"


def user(name):
    return db.session.execute(select(User).filter_by(email=f"{name}@example.com")).scalar_one()


def member(show, person, role=Role.CONTRIBUTOR):
    db.session.add(PodcastMember(podcast_id=show.id, user_id=person.id, role=role))
    db.session.commit()


def podcast(podcast_id):
    db.session.rollback()
    query = select(Podcast).where(Podcast.id == podcast_id)
    return db.session.execute(query, execution_options={"populate_existing": True}).scalar_one_or_none()


def kinds():
    return list(db.session.execute(select(AuditEvent.kind).order_by(AuditEvent.id)).scalars())


def settings_of(show, **changes):
    from_page = {
        "name": show.name,
        "timezone": show.timezone,
        "language": show.language,
        "default_text": show.default_text,
    }
    return from_page | changes


def version_on(page):
    return page.text.split('name="version"')[1].split('value="')[1].split('"')[0]


# The list


def test_i_see_the_podcasts_i_am_on_and_archived_ones_apart(cast, browser):
    cast.show("Deep Dive", hosts=("ada",), connected=False)
    cast.show("Old Times", hosts=("ada",), connected=False, is_active=False)
    cast.show("Elsewhere", hosts=("bo",), connected=False)
    browser.let_in(user("ada"))
    seen = words(browser.get("/podcasts"))
    assert seen.index("Deep Dive") < seen.index("Archived") < seen.index("Old Times")
    assert "Elsewhere" not in seen
    assert "New podcast" in seen


def test_who_is_on_none_learns_whom_to_ask_and_cannot_make_one(cast, browser):
    browser.let_in(cast.user("cy"))
    seen = words(browser.get("/podcasts"))
    assert "ask the admin of yours for an invitation" in seen
    assert "New podcast" not in seen
    assert "Ask one of them" in words(browser.get("/podcasts/new"))
    answer = browser.post("/podcasts/new", {"name": "Mine", "timezone": "UTC"})
    assert answer.status_code == 422
    assert "Ask one of them" in words(answer)
    assert db.session.execute(select(Podcast)).first() is None


def test_a_contributor_cannot_make_a_podcast_and_an_admin_of_the_server_can(cast, browser):
    member(cast.show(hosts=("ada",), connected=False), cast.user("cy"))
    browser.let_in(user("cy"))
    sent = {"name": "Mine", "timezone": "UTC"}
    assert browser.post("/podcasts/new", sent).status_code == 422
    browser.let_in(cast.user("di", is_admin=True))
    assert browser.post("/podcasts/new", sent).status_code == 302


# A new one


def test_who_makes_a_podcast_becomes_its_admin(cast, browser):
    browser.let_in(cast.user("di", is_admin=True, timezone="Europe/Berlin"))
    page = browser.get("/podcasts/new")
    assert 'value="Europe/Berlin"' in page.text
    sent = {"name": " Small  Talk ", "timezone": "Australia/Sydney"}
    answer = browser.post("/podcasts/new", sent, follow_redirects=True)
    assert "Small  Talk is made." in answer.text
    made = db.session.execute(select(Podcast)).scalar_one()
    assert (made.timezone, made.youtube_channel_id) == ("Australia/Sydney", None)
    assert db.session.execute(select(PodcastMember.role)).scalar_one() == Role.ADMIN
    assert "podcast_created" in kinds()


def test_a_channel_given_at_once_is_asked_for_at_youtube(cast, browser, youtube):
    channel = youtube.add_channel("Deep Dive", handle="deepdive")
    browser.let_in(cast.user("di", is_admin=True))
    sent = {"name": "Deep Dive", "timezone": "UTC", "channel": "@deepdive"}
    assert browser.post("/podcasts/new", sent).status_code == 302
    assert db.session.execute(select(Podcast.youtube_channel_id)).scalar_one() == channel


def test_the_time_zone_of_a_new_podcast_may_be_typed_as_its_city(cast, browser):
    browser.let_in(cast.user("di", is_admin=True))
    assert browser.post("/podcasts/new", {"name": "Fine", "timezone": "berlin"}).status_code == 302
    assert db.session.execute(select(Podcast.timezone)).scalar_one() == "Europe/Berlin"


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        ({"name": ""}, "The name of the podcast is empty."),
        ({}, "The name of the podcast is empty."),
        ({"name": "x" * 101}, "101 characters. At most 100 fit."),
        ({"name": "a\nb"}, "characters that cannot be shown"),
        ({"name": "Fine", "timezone": "Mars/Olympus"}, "There is no time zone “Mars/Olympus”."),
        ({"name": "Fine", "timezone": ""}, "There is no time zone"),
        ({"name": "Fine", "channel": "https://example.com/@a"}, "Only addresses at youtube.com"),
        ({"name": "Fine", "channel": "@nobodyhere"}, "YouTube knows no channel for"),
        ({"name": ["", "Second"]}, "The name of the podcast is empty."),
    ],
)
def test_a_podcast_that_cannot_be_made_says_why_and_keeps_what_was_typed(cast, browser, sent, said):
    browser.let_in(cast.user("di", is_admin=True))
    typed = {"timezone": "Europe/Berlin"} | sent
    answer = browser.post("/podcasts/new", typed)
    assert answer.status_code == 422
    assert said in words(answer)
    assert not typed["timezone"] or typed["timezone"] in answer.text
    assert db.session.execute(select(Podcast)).first() is None


def test_a_character_that_cannot_be_kept_is_refused_before_anything_else(cast, browser):
    browser.let_in(cast.user("di", is_admin=True))
    answer = browser.post("/podcasts/new", {"name": "a\0b", "timezone": "UTC"})
    assert answer.status_code == 400


def test_one_person_can_be_on_so_many_podcasts_only(cast, browser, monkeypatch):
    monkeypatch.setattr(podcasts, "MOST_PODCASTS", 2)
    browser.let_in(cast.user("di", is_admin=True))
    answers = [browser.post("/podcasts/new", {"name": "Show", "timezone": "UTC"}) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [302, 302, 422]
    assert "2 podcasts at most" in words(answers[-1])


# The page of one


def many_episodes(show, count, *, first=timedelta(days=-1), every=timedelta(days=-1), title="Number"):
    now = datetime.now(UTC)
    rows = [
        EpisodeGuide(podcast_id=show.id, title=f"{title} {n:03}", number=n, scheduled_at=now + first + n * every)
        for n in range(count)
    ]
    db.session.add_all(rows)
    db.session.commit()


def titles_on(page):
    return [part.split("<")[0].split("· ")[-1] for part in page.text.split('/tweets">')[1:]]


def test_what_is_to_come_stands_first_and_pages_hold_twenty_five(cast, browser):
    show = cast.show(hosts=("ada",), connected=False)
    many_episodes(show, 40)
    many_episodes(show, 2, first=timedelta(days=1), every=timedelta(days=1), title="Soon")
    address = f"/podcasts/{show.id}"
    browser.let_in(user("ada"))
    first = browser.get(address)
    assert titles_on(first) == ["Soon 000", "Soon 001", *(f"Number {n:03}" for n in range(23))]
    older = first.text.split("Older")[0].rsplit('href="', 1)[1].split('"')[0].replace("&amp;", "&")
    second = browser.get(older)
    assert titles_on(second) == [f"Number {n:03}" for n in range(23, 40)]
    assert "Older" not in words(second)
    newer = second.text.split("‹ Newer")[0].rsplit('href="', 1)[1].split('"')[0].replace("&amp;", "&")
    back = browser.get(newer)
    assert titles_on(back) == titles_on(first)
    assert "‹ Newer" not in words(back)


def test_nobody_is_ready_for_what_is_past(cast, browser):
    cast.episode(show := cast.show(hosts=("ada",)), "Queues", at=ago(days=2))
    browser.let_in(user("ada"))
    seen = words(browser.get(f"/podcasts/{show.id}"))
    assert "Earlier Queues No stream seen" in seen
    assert " GO " not in seen


def test_episodes_that_share_one_time_are_all_shown_once(cast, browser):
    show = cast.show(hosts=("ada",), connected=False)
    many_episodes(show, 60, every=timedelta(0))
    browser.let_in(user("ada"))
    address, seen = f"/podcasts/{show.id}", []
    while address:
        page = browser.get(address)
        seen += titles_on(page)
        more = "Older ›" in page.text
        address = (
            page.text.split("Older ›")[0].rsplit('href="', 1)[1].split('"')[0].replace("&amp;", "&") if more else ""
        )
    assert sorted(seen) == [f"Number {n:03}" for n in range(60)]


@pytest.mark.parametrize("at", ["", "x", "an.1", "an.x.1", "ap.99999999999999999999.1", "zz.1.1", "bp.1.999999999999"])
def test_a_place_in_the_list_that_is_none_leads_to_a_page(cast, browser, at):
    show = cast.show(hosts=("ada",), connected=False)
    browser.let_in(user("ada"))
    assert browser.get(f"/podcasts/{show.id}", query_string={"at": at}).status_code == 200


def test_a_cursor_is_what_it_was_written_as():
    for text in ("an.1795000000123456.7", "bp.0.1"):
        assert str(cursor_of(text)) == text


@pytest.mark.parametrize(
    ("q", "found"),
    [
        ("queues", ["Queues"]),
        ("QUEUES", ["Queues"]),
        ("oster", ["Über Österreich"]),
        ("ÖSTER", ["Über Österreich"]),
        ("42", ["Queues"]),
        ("ep 42", ["Queues"]),
        ("zoë", ["Über Österreich"]),
        ("zoe", ["Über Österreich"]),
        ("%", []),
        ("' OR 1=1 --", []),
        ("x" * 5000, []),
    ],
)
def test_the_search_looks_at_title_number_and_guests(cast, browser, q, found):
    show = cast.show(hosts=("ada",), connected=False)
    cast.episode(show, "Queues", at=ago(days=2), number=42)
    cast.episode(show, "Über Österreich", at=ago(days=1), guests=["Zoë Saldaña"])
    browser.let_in(user("ada"))
    page = browser.get(f"/podcasts/{show.id}", query_string={"q": q})
    assert titles_on(page) == found
    if not found:
        assert "Nothing here has" in words(page)


def test_the_statements_of_the_list_grow_with_nothing(cast, browser):
    needed = []
    for count in (3, 60):
        show = cast.show(f"Show {count}", hosts=(f"ada{count}",), connected=False)
        many_episodes(show, count)
        somebody = Browser(browser.client.application)
        address = f"/podcasts/{show.id}"
        somebody.let_in(user(f"ada{count}"))
        with counted() as statements:
            assert somebody.get(address).status_code == 200
        with counted() as searching:
            assert somebody.get(f"{address}?q=number").status_code == 200
        with counted() as listing:
            assert somebody.get("/podcasts").status_code == 200
        needed.append((len(statements), len(searching), len(listing)))
    assert needed[0] == needed[1]
    assert max(needed[0]) <= 12


def test_a_contributor_sees_no_settings_and_no_buttons_of_admins(cast, browser):
    show = cast.show(hosts=("ada",), connected=False)
    member(show, cast.user("cy"))
    browser.let_in(user("cy"))
    page = browser.get(f"/podcasts/{show.id}")
    assert "New episode" not in words(page)
    assert '/settings"' not in page.text
    assert "Test detection" in words(page)


# Settings


def test_settings_are_saved_and_written_down(cast, browser):
    show = cast.show(hosts=("ada",), connected=False)
    browser.let_in(user("ada"))
    address = f"/podcasts/{show.id}/settings"
    page = browser.get(address)
    typed = {
        "name": "Deeper",
        "timezone": "Asia/Tokyo",
        "language": "pt-BR",
        "default_text": "On air:\r\n{title} {url}",
    }
    answer = browser.post(address, typed | {"version": version_on(page)}, follow_redirects=True)
    assert "Saved." in words(answer)
    changed = podcast(show.id)
    assert (changed.name, changed.timezone, changed.language) == ("Deeper", "Asia/Tokyo", "pt-BR")
    assert changed.default_text == "On air:\n{title} {url}"
    assert kinds()[-1] == "podcast_changed"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"name": " "}, "The name of the podcast is empty."),
        ({"name": "n" * 200}, "At most 100 fit."),
        ({"timezone": "berlinn"}, "There is no time zone “berlinn”."),
        ({"language": "english!"}, "is no language"),
        ({"language": ["", "en"]}, "is no language"),
        ({"default_text": "{titel}"}, "Unknown placeholder {titel}; there are {show}"),
        ({"default_text": "{title.__class__}"}, "Unknown placeholder"),
        ({"default_text": "x" * 300}, "Too long by 44 characters: the link is part of it, and X counts it as 23."),
        ({"default_text": "x" * 257}, "Too long by 1 character: the link is part of it"),
        ({"default_text": "x" * 257 + " {url}"}, "Too long by 1 character: the link is part of it"),
        ({"default_text": "x" * 3000}, "At most 2000 fit."),
        ({"default_text": "a\x07b"}, "cannot be shown"),
    ],
)
def test_settings_that_cannot_be_say_why_and_keep_what_was_typed(cast, browser, changes, said):
    show = cast.show(hosts=("ada",), connected=False)
    browser.let_in(user("ada"))
    address = f"/podcasts/{show.id}/settings"
    typed = settings_of(show, default_text="Kept {title}") | changes | {"version": version_on(browser.get(address))}
    answer = browser.post(address, typed)
    assert answer.status_code == 422
    assert said in words(answer)
    assert "default_text" in changes or "Kept {title}" in words(answer)
    assert podcast(show.id).default_text == ""


@pytest.mark.parametrize("version", ["", "0", "x" * 4000])
def test_a_stale_save_loses_nothing_and_the_next_one_is_taken(cast, browser, version):
    show = cast.show(hosts=("ada",), connected=False, default_text="Theirs {title}")
    browser.let_in(user("ada"))
    address = f"/podcasts/{show.id}/settings"
    typed = settings_of(show, default_text="Mine {title}")
    answer = browser.post(address, typed | {"version": version})
    assert answer.status_code == 409
    assert "Theirs {title}" in words(answer)
    assert "Mine {title}" in words(answer)
    assert podcast(show.id).default_text == "Theirs {title}"
    assert browser.post(address, typed | {"version": version_on(answer)}).status_code == 302
    assert podcast(show.id).default_text == "Mine {title}"


def test_what_nobody_may_set_by_a_form_is_not_set(cast, browser):
    show = cast.show(hosts=("ada",), connected=False)
    browser.let_in(user("ada"))
    address = f"/podcasts/{show.id}/settings"
    extra = {"slug": "taken", "is_active": "", "calendar_epoch": "9", "youtube_channel_id": "UC" + "x" * 22, "id": "77"}
    typed = settings_of(show, name="New name") | {"version": version_on(browser.get(address))} | extra
    before = podcast(show.id).youtube_channel_id
    assert browser.post(address, typed).status_code == 302
    after = podcast(show.id)
    assert (after.slug, after.is_active, after.calendar_epoch) == ("deep-dive", True, 0)
    assert after.youtube_channel_id == before


# Archived, brought back, deleted


def queued_on(cast, x, *, now=None):
    """A show on air whose post waits, because X cannot be reached."""
    show = cast.show(hosts=("ada",))
    episode = cast.episode(show, at=ago(minutes=0))
    cast.go_live(show, at=ago(seconds=10))
    x.stop()
    cast.check(now)
    assert [post.status for post in cast.posts()] == [PostStatus.QUEUED]
    return show, episode


def test_archiving_cancels_what_waits_and_announces_nothing_afterwards(cast, browser, x):
    show, episode = queued_on(cast, x)
    late = cast.user("di")
    member(show, late)
    browser.let_in(user("ada"))
    answer = browser.post(f"/podcasts/{show.id}/archive", follow_redirects=True)
    assert "is archived" in words(answer)
    assert [(post.status, post.cause) for post in cast.posts()] == [(PostStatus.CANCELLED, "podcast_archived")]
    assert cast.config(episode, "ada").status == ConfigStatus.CANCELLED
    assert db.session.execute(select(Broadcast.closed_at)).scalar_one() is not None
    cast.check()
    assert len(cast.posts()) == 1
    assert kinds()[-1] == "podcast_archived"


def test_a_podcast_that_is_brought_back_announces_its_next_start(cast, browser, x):
    show = cast.show(hosts=("ada",))
    browser.let_in(user("ada"))
    browser.post(f"/podcasts/{show.id}/archive")
    assert "archived" in words(browser.get("/podcasts"))[:400].lower()
    cast.go_live(show)
    cast.check()
    assert cast.posts() == []
    browser.post(f"/podcasts/{show.id}/restore")
    cast.go_live(show, "The next one")
    cast.check()
    assert PostStatus.POSTED in {post.status for post in cast.posts()}
    assert kinds()[-1] == "podcast_restored"


def test_archiving_twice_is_the_same_as_once(cast, browser):
    show = cast.show(hosts=("ada",), connected=False)
    browser.let_in(user("ada"))
    for _ in range(2):
        browser.post(f"/podcasts/{show.id}/archive")
    assert kinds().count("podcast_archived") == 1


@pytest.mark.parametrize("typed", ["", "deep", "Deep Dive 2", "x" * 5000])
def test_deleting_wants_the_name_typed(cast, browser, typed):
    show = cast.show(hosts=("ada",), connected=False)
    browser.sign_in(user("ada"))
    answer = browser.post(f"/podcasts/{show.id}/delete", {"typed": typed})
    assert answer.status_code == 422
    assert "Type the name of the podcast, Deep Dive, to delete it." in words(answer)
    assert podcast(show.id) is not None


def test_deleting_keeps_what_was_posted_and_cancels_what_waits(cast, browser, x):
    show_id = queued_on(cast, x)[0].id
    browser.sign_in(user("ada"))
    sent = {"typed": "deep dive"}
    answer = browser.post(f"/podcasts/{show_id}/delete", sent)
    assert answer.status_code == 302
    assert podcast(show_id) is None
    post = db.session.execute(select(Post)).scalar_one()
    assert (post.status, post.cause, post.podcast_id, post.host_name) == ("cancelled", "podcast_deleted", None, "Ada")
    assert db.session.execute(select(EpisodeTweetConfig)).first() is None
    assert kinds()[-1] == "podcast_deleted"
    cast.check()
    assert len(cast.posts()) == 1


@pytest.mark.parametrize("is_there", [True, False])
def test_a_post_that_is_looked_for_while_its_podcast_is_deleted_ends_without_asking_anybody(cast, browser, x, is_there):
    show_id = unconfirmed_on(cast, x, is_there=is_there)
    browser.sign_in(user("ada"))
    browser.post(f"/podcasts/{show_id}/delete", {"typed": "Deep Dive"})
    assert [post.status for post in cast.posts()] == [PostStatus.UNKNOWN]
    for seconds in range(10, 200, 10):
        cast.services.confirming.look_up(ago(seconds=-seconds))
    ended = (PostStatus.POSTED, "found") if is_there else (PostStatus.CANCELLED, "left_alone")
    assert [(post.status, post.cause) for post in cast.posts()] == [ended]
    assert len(cast.timeline("ada")) == is_there


def unconfirmed_on(cast, x, *, is_there):
    show = cast.show(hosts=("ada",))
    cast.episode(show, at=ago(minutes=0))
    user("ada").never_repost = True
    cast.go_live(show, at=ago(seconds=10))
    spoil(x, status=503, stored=is_there)
    cast.check()
    return show.id


def test_a_question_that_was_left_without_a_page_is_closed_when_the_server_cleans_up(cast, browser, x):
    """Deleted in the very moment in which the looking ended."""
    unconfirmed_on(cast, x, is_there=False)
    alone = {"podcast_id": None, "config_id": None, "episode_id": None, "status": PostStatus.REVIEW}
    db.session.execute(update(Post).values(alone))
    db.session.execute(delete(Podcast))
    db.session.commit()
    cleaning.clean(ago())
    assert [(post.status, post.cause) for post in cast.posts()] == [(PostStatus.CANCELLED, "left_alone")]


def test_deleting_wants_a_password_that_was_given_lately(cast, browser):
    show = cast.show(hosts=("ada",), connected=False)
    browser.let_in(user("ada"))
    db.session.execute(update(UserSession).values(confirmed_at=ago(minutes=11)))
    db.session.commit()
    answer = browser.post(f"/podcasts/{show.id}/delete", {"typed": "Deep Dive"})
    assert answer.status_code == 403
    assert podcast(show.id) is not None
