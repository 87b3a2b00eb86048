"""The YouTube settings in the browser: who is meant, what the filter lets through, what YouTube says now."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from extensions import db
from models import AuditEvent, Broadcast, Podcast, PodcastMember, Post, User, YouTubeChannel
from sandbox.standin import Fault
from tests.browser import Browser, words
from tests.cast import ago


@pytest.fixture
def engine_name():
    return "sqlite"


def user(name):
    return db.session.execute(select(User).filter_by(email=f"{name}@example.com")).scalar_one()


class Page:
    """The settings page of one podcast, as its admin has it open."""

    def __init__(self, browser, show):
        self.browser, self.show_id = browser, show.id
        self.address = f"/podcasts/{show.id}/settings/youtube"
        browser.let_in(user("ada"))
        self.take(browser.get(self.address))

    def take(self, answer):
        """The hidden fields of a page that was answered go back with the next form."""
        self.hidden = {name: self._value(answer.text, name) for name in ("seen", "version")}
        return answer

    @staticmethod
    def _value(text, name):
        tag = next(part for part in text.split("<input") if f'name="{name}"' in part).split(">")[0]
        return tag.split('value="')[1].split('"')[0] if 'value="' in tag else ""

    def send(self, action, **typed):
        sent = {"auto_create_episodes": "y"} | self.hidden | typed | {"action": action}
        answer = self.browser.post(self.address, sent)
        return self.take(answer) if answer.status_code != 302 else answer

    @property
    def stored(self):
        db.session.rollback()
        query = select(Podcast).where(Podcast.id == self.show_id)
        return db.session.execute(query, execution_options={"populate_existing": True}).scalar_one()


@pytest.fixture
def show(cast):
    return cast.show(hosts=("ada",), connected=False)


@pytest.fixture
def page(browser, show):
    return Page(browser, show)


@pytest.fixture
def other(youtube):
    """Another channel, known by every kind of name."""
    return youtube.add_channel("Small Talk", handle="smalltalk", user="smalltalkfm")


def references(youtube, other):
    video = youtube.upload(other, "An upload")
    return [
        other,
        "@smalltalk",
        "@SmallTalk",
        f"https://www.youtube.com/channel/{other}",
        f"youtube.com/channel/{other}/live",
        "https://m.youtube.com/@smalltalk/streams",
        "https://www.youtube.com/c/smalltalk",
        "https://www.youtube.com/user/smalltalkfm",
        "https://www.youtube.com/smalltalk",
        f"https://www.youtube.com/watch?app=desktop&v={video}",
        f"https://youtu.be/{video}",
        f"https://www.youtube.com/live/{video}?si=x",
        f"https://www.youtube.com/shorts/{video}",
        f"https://www.youtube.com/embed/{video}",
    ]


def test_every_kind_of_reference_is_shown_with_its_name_before_it_is_saved(page, youtube, other):
    before = page.stored.youtube_channel_id
    for reference in references(youtube, other):
        answer = page.send("lookup", channel=reference)
        assert answer.status_code == 200, reference
        assert "This is Small Talk @smalltalk ." in words(answer), reference
        assert page.hidden["seen"] == other
        assert page.stored.youtube_channel_id == before


def test_a_channel_that_was_shown_is_saved_with_its_name_and_written_down(page, other):
    before = page.stored.youtube_channel_id
    page.send("lookup", channel="@smalltalk")
    assert page.send("save", channel="@smalltalk").status_code == 302
    assert page.stored.youtube_channel_id == other
    assert db.session.get_one(YouTubeChannel, other).title == "Small Talk"
    event = db.session.execute(select(AuditEvent).where(AuditEvent.kind == "channel_changed")).scalar_one()
    assert event.detail == {"before": before, "after": other}


def test_saving_a_channel_that_was_not_shown_shows_it_first(page, other):
    before = page.stored.youtube_channel_id
    answer = page.send("save", channel="@smalltalk")
    assert answer.status_code == 200
    assert "Nothing is saved yet." in words(answer)
    assert page.stored.youtube_channel_id == before
    assert page.send("save", channel="@smalltalk").status_code == 302
    assert page.stored.youtube_channel_id == other


def test_a_form_that_pretends_another_channel_was_shown_saves_nothing(page, other, youtube):
    third = youtube.add_channel("Third")
    before = page.stored.youtube_channel_id
    page.hidden["seen"] = third
    assert page.send("save", channel="@smalltalk").status_code == 200
    assert page.stored.youtube_channel_id == before


HOSTILE = [
    "http://127.0.0.1/",
    "http://127.0.0.1:5000/@smalltalk",
    "http://169.254.169.254/latest/meta-data/",
    "http://[::1]/@smalltalk",
    "http://0x7f.1/@smalltalk",
    "http://2130706433/@smalltalk",
    "http://localtest.me/@smalltalk",
    "file:///etc/passwd",
    "gopher://youtube.com/@smalltalk",
    "https://user@www.youtube.com/@smalltalk",
    "https://www.youtube.com@127.0.0.1/@smalltalk",
    "https://youtube.com.evil.tld/@smalltalk",
    "https://evil.tld#youtube.com/@smalltalk",
    "https://evil.tld/#https://www.youtube.com/@smalltalk",
    "https://www.youtube.com:22/@smalltalk",
    "https://www.youtube.com:443/@smalltalk",
    "https://www.youtube.com\\@evil.tld/",
    "https://www.youtube.com./@smalltalk",
    "https://www.yоutube.com/@smalltalk",
    "//www.youtube.com.evil.tld/@x",
    "javascript:alert(1)//youtube.com",
]


@pytest.mark.parametrize("reference", HOSTILE)
def test_an_address_elsewhere_is_refused_with_a_sentence_and_nobody_is_asked(page, other, youtube, reference):
    before, asked = page.stored.youtube_channel_id, len(youtube.journal)
    for action in ("lookup", "save"):
        answer = page.send(action, channel=reference)
        assert answer.status_code == 422
        assert "Paste the channel" in words(answer)
    assert len(youtube.journal) == asked
    assert page.stored.youtube_channel_id == before


@pytest.mark.parametrize(
    ("reference", "said"),
    [
        ("Small Talk", "That is no YouTube address."),
        ("smalltalk", "A bare name can mean several channels."),
        ("@x", "A handle is @ and 3 to 30 letters or digits."),
        ("https://www.youtube.com/playlist?list=PL1", "This page of YouTube belongs to no channel."),
        ("https://www.youtube.com/channel/UCshort", "A channel id starts with UC and has 24 characters."),
        ("https://youtu.be/x", "There is no video id in this address."),
        ("@" + "x" * 5000, "A handle is"),
        ("https://www.youtube.com/@a" + "x" * 5000, "That is no YouTube address."),
        ("@nobodyhere", "YouTube knows no channel for"),
        (["@x", "@smalltalk"], "A handle is"),
    ],
)
def test_what_is_no_channel_says_what_to_paste_and_keeps_what_was_typed(page, other, reference, said):
    answer = page.send("lookup", channel=reference, title_filter="Kept words")
    assert answer.status_code == 422
    assert said in words(answer)
    assert "Paste the" in words(answer)
    assert "Kept words" in answer.text


@pytest.mark.parametrize(
    ("typed", "status", "said"),
    [
        ({"title_filter": "x" * 101}, 422, "At most 100 fit."),
        ({"title_filter": "a\nb"}, 422, "cannot be shown"),
        ({"title_filter": "a\0b"}, 400, "cannot be kept"),
        ({"channel": "@x\0y"}, 400, "cannot be kept"),
        ({"title_filter": ["x" * 200, "fine"]}, 422, "At most 100 fit."),
        ({"version": "x" * 999}, 409, "Somebody saved this while you were writing."),
        ({"version": ""}, 409, "Somebody saved this while you were writing."),
    ],
)
def test_settings_that_cannot_be_saved_say_why(page, typed, status, said):
    answer = page.browser.post(page.address, page.hidden | {"action": "save"} | typed)
    assert answer.status_code == status
    assert said in words(answer)
    assert page.stored.title_filter == ""
    assert page.stored.auto_create_episodes


def test_a_stale_save_shows_both_and_the_next_one_is_taken(page):
    page.send("save", title_filter="Theirs", title_filter_on="y")
    answer = page.send("save", title_filter="Mine", title_filter_on="y", announce_premieres="y")
    assert answer.status_code == 409
    assert "Title filter, as it is saved now Theirs" in words(answer)
    assert "Announce premieres too, as it is saved now off" in words(answer)
    assert 'value="Mine"' in answer.text
    assert page.stored.title_filter == "Theirs"
    assert page.send("save", title_filter="Mine", title_filter_on="y", announce_premieres="y").status_code == 302
    assert (page.stored.title_filter, page.stored.announce_premieres) == ("Mine", True)


def test_what_is_not_on_the_form_is_not_changed_by_it(page, show):
    slug, name = page.stored.slug, page.stored.name
    assert page.send("save", name="Hacked", slug="hacked", is_active="", youtube_channel_id="UC").status_code == 302
    assert (page.stored.slug, page.stored.name, page.stored.is_active) == (slug, name, True)


def test_the_channel_can_be_taken_away(page):
    assert page.send("stop").status_code == 302
    assert page.stored.youtube_channel_id is None
    assert "No channel is set" in words(page.browser.get(page.address))


# The filter


def test_the_filter_is_held_against_titles_by_the_rule_of_matching(page, cast, show, youtube):
    for title in ("DEEP DIVE 7: Queues", "Shorts of the week", "deep dive special", "Straße", "İstanbul"):
        youtube.upload(show.youtube_channel_id, title)
    answer = page.send("lookup", title_filter=" Deep Dive ", title_filter_on="y")
    seen = words(answer)
    assert "DEEP DIVE 7: Queues would match" in seen
    assert "deep dive special would match" in seen
    assert "Shorts of the week would not match" in seen
    assert "Straße would match" in words(page.send("lookup", title_filter="STRASSE", title_filter_on="y"))
    assert "would not match" not in words(page.send("lookup", title_filter="STRASSE"))
    assert page.stored.title_filter == ""


def test_opening_the_page_asks_nobody_and_shows_the_titles_that_are_known(cast, browser, show, youtube):
    youtube.upload(show.youtube_channel_id, "Known title")
    cast.check()
    asked = len(youtube.journal)
    page = Page(browser, show)
    assert "Known title would match" in words(browser.get(page.address))
    assert len(youtube.journal) == asked


def test_titles_that_cannot_be_had_do_not_keep_from_saving(page, other, youtube):
    youtube.faults += [Fault(path="/feeds", status=500), Fault(path="/youtube/v3/playlistItems", status=500)]
    answer = page.send("lookup", channel="@smalltalk")
    assert "YouTube reported trouble of its own." in words(answer)
    assert "This is Small Talk" in words(answer)
    assert page.send("save", channel="@smalltalk").status_code == 302


@pytest.mark.parametrize(
    ("trouble", "said"),
    [
        ({"quota": 0}, "Today's YouTube units are used up"),
        ({"rate_limit": 0}, "YouTube asks for fewer questions a minute."),
        ({"key_trouble": "disabled"}, "YouTube does not accept the API key."),
    ],
)
def test_a_channel_that_cannot_be_asked_for_says_why_and_nothing_is_lost(page, other, youtube, trouble, said):
    for name, value in trouble.items():
        setattr(youtube, name, value)
    answer = page.send("lookup", channel="@smalltalk", title_filter="Kept words")
    assert answer.status_code == 502
    assert said in words(answer)
    assert "@smalltalk" in answer.text
    assert "Kept words" in answer.text


# Trying it out


def tried(page):
    return page.browser.post(f"{page.address}/test")


def nothing_changed():
    """Neither broadcasts nor posts nor anything that is looked at next."""
    db.session.rollback()
    tables = (Broadcast, Post)
    return all(db.session.execute(select(table.id)).first() is None for table in tables)


def test_a_live_stream_is_told_with_what_said_so_and_nothing_is_announced(page, cast, show, youtube):
    youtube.go_live(show.youtube_channel_id, "Queues", at=ago(minutes=2))
    youtube.schedule(show.youtube_channel_id, "Stacks", start=datetime.now(UTC) + timedelta(days=1))
    youtube.upload(show.youtube_channel_id, "Plain upload")
    seen = words(tried(page))
    assert "Queues Live" in seen
    assert "The next check announces it." in seen
    assert "Stacks Planned" in seen
    assert "Plain upload" not in seen
    assert "Told by the channel's uploads list." in seen
    assert nothing_changed()


@pytest.mark.parametrize(
    ("columns", "how", "said"),
    [
        ({"title_filter": "Deep", "title_filter_on": True}, {}, "Its title does not contain “Deep”"),
        ({"is_active": False}, {}, "The podcast is archived"),
        ({}, {"at": timedelta(hours=5)}, "live for more than 30 min"),
        ({}, {"privacy": "unlisted"}, "Not live:"),
        ({}, {"duration": 600}, "It is a premiere, and this podcast does not announce premieres."),
    ],
)
def test_what_would_not_be_announced_says_why(cast, browser, youtube, columns, how, said):
    show = cast.show(hosts=("ada",), connected=False, **columns)
    channel, since = show.youtube_channel_id, how.pop("at", timedelta(minutes=1))
    video = youtube.schedule(channel, "Queues", start=datetime.now(UTC) - since, **how)
    youtube.go_live(video, at=datetime.now(UTC) - since)
    assert said in words(tried(Page(browser, show)))


def test_nothing_on_air_is_said_in_so_many_words(page):
    assert "Not live: YouTube shows no stream" in words(tried(page))


@pytest.mark.parametrize(
    ("trouble", "said"),
    [
        ({"quota": 0}, "Today's YouTube units are used up"),
        ({"rate_limit": 0}, "YouTube asks for fewer questions a minute."),
        ({"key_trouble": "ip"}, "YouTube does not accept the API key."),
    ],
)
def test_a_test_that_fails_says_why_in_plain_words(page, show, youtube, trouble, said):
    youtube.go_live(show.youtube_channel_id, "Queues")
    for name, value in trouble.items():
        setattr(youtube, name, value)
    answer = tried(page)
    assert answer.status_code == 200
    assert said in words(answer)
    assert nothing_changed()


@pytest.mark.parametrize(
    ("trouble", "said"),
    [("bot_check", "prove that it is no robot"), ("too_many_requests", "fewer questions")],
)
def test_without_a_key_the_page_is_asked_and_its_refusals_are_explained(make_app, cast, show, youtube, trouble, said):
    show_id, channel = show.id, show.youtube_channel_id
    youtube.go_live(channel, "Queues")
    keyless = Browser(make_app(youtube_api_key=None))
    keyless.let_in(user("ada"))
    address = f"/podcasts/{show_id}/settings/youtube/test"
    assert "Told by the channel's live page." in words(keyless.post(address))
    setattr(youtube, trouble, True)
    assert said in words(keyless.post(address))


def test_what_detection_said_can_be_reloaded_by_its_address(cast, browser, show, youtube):
    settings = f"/podcasts/{show.id}/settings/youtube"
    browser.let_in(user("ada"))
    assert browser.post(f"{settings}/test").status_code == 200
    answer = browser.get(f"{settings}/test")
    assert (answer.status_code, answer.location) == (302, settings)


def test_without_a_channel_there_is_nothing_to_ask(cast, browser):
    page = Page(browser, cast.show(hosts=("ada",), connected=False, youtube_channel_id=None))
    assert tried(page).status_code == 302


def test_a_contributor_may_try_and_not_change(cast, browser, show, youtube):
    db.session.add(PodcastMember(podcast_id=show.id, user_id=cast.user("cy").id))
    db.session.commit()
    browser.let_in(user("cy"))
    address = f"/podcasts/{show.id}/settings/youtube"
    assert browser.get(address).status_code == 403
    assert browser.post(address, {"action": "save"}).status_code == 403
    assert browser.post(f"{address}/test").status_code == 200


def test_trying_is_limited_per_person(page):
    statuses = [tried(page).status_code for _ in range(11)]
    assert statuses == [200] * 10 + [429]


# Who goes first


def test_an_admin_lets_a_podcast_go_first_and_the_history_says_so(page):
    assert page.send("save", is_first="y").status_code == 302
    assert page.stored.is_first
    line = db.session.execute(select(AuditEvent).where(AuditEvent.kind == "podcast_changed")).scalar_one()
    assert line.detail["changed"] == ["is_first"]
    again = page.browser.get(page.address)
    assert "When they run short" in words(again)
    assert "checked" in next(part for part in again.text.split("<input") if 'name="is_first"' in part).split(">")[0]
    page.take(again)
    assert page.send("save").status_code == 302
    assert not page.stored.is_first


def test_a_stale_save_of_going_first_is_noticed(page):
    page.send("save", is_first="y")
    answer = page.send("save")
    assert answer.status_code == 409
    assert "first, as it is saved now on" in words(answer)
