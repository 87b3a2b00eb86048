"""A host's own text in the browser: written, switched, drafted, sent, decided; refused where it is not his own."""

import json
import re
from datetime import UTC, datetime, timedelta
from html import unescape

import pytest
from sqlalchemy import func, select, update

from extensions import db
from models import AuditEvent, ConfigStatus, EpisodeTweetConfig, Podcast, PodcastMember, Post, PostStatus, Role, User
from sandbox.standin import Fault
from tests.browser import Browser, words
from tests.cast import ago
from tests.test_pages import counted

LINK = "https://www.youtube.com/watch?v=abcdefghijk"


@pytest.fixture
def engine_name():
    return "sqlite"


class Page:
    """The page of one episode, as one host sees it."""

    def __init__(self, browser, cast, episode, host="ada"):
        self.browser, self.cast, self.episode, self.host = browser, cast, episode, host
        self.podcast_id, self.id = episode.podcast_id, episode.id
        browser.let_in(db.session.execute(select(User).filter_by(email=f"{host}@example.com")).scalar_one())

    @property
    def path(self):
        return f"/podcasts/{self.podcast_id}/episodes/{self.id}/tweets"

    def get(self):
        return self.browser.get(self.path)

    def send(self, name, **form):
        return self.browser.post(f"{self.path}/{name}", form)

    def config(self, host=None):
        found = self.cast.config(self.cast.services and db.session.merge(self.episode), host or self.host)
        db.session.commit()
        return found

    def preview(self):
        return unescape(re.search(r"data-preview>(.*?)</p>", self.get().text, re.S)[1])

    def field(self):
        return unescape(re.search(r"<textarea[^>]*name=\"text\"[^>]*>\n?(.*?)</textarea>", self.get().text, re.S)[1])


@pytest.fixture
def page(browser, cast):
    show = cast.show(hosts=("ada", "bo"))
    return Page(browser, cast, cast.episode(show, at=ago(hours=-1), video_id="abcdefghijk"))


def kinds():
    found = list(db.session.execute(select(AuditEvent.kind).order_by(AuditEvent.id)).scalars())
    db.session.rollback()
    return found


# Writing

AWKWARD = 'It\'s <live> & "kicking"\n</textarea><script>alert(1)</script>\n🎙️ 配信 {title}'


def test_a_text_survives_saving_and_editing_character_for_character(page):
    assert page.send("my", text=AWKWARD, link="on", version="0").status_code == 302
    assert page.config().text == AWKWARD
    assert page.field() == AWKWARD
    assert "<script>alert" not in page.get().text


def test_line_breaks_are_kept_also_the_first(page):
    page.send("my", text="\r\n\r\nOn air\r\nnow", link="on", version="0")
    assert page.field() == "\n\nOn air\nnow"


def test_the_preview_is_what_x_receives(page, cast):
    page.send("my", text="On air:\n{title} {show}", link="on", version="0")
    seen = page.preview()
    page.send("post-now", version="1")
    cast.services.posting.drain()
    assert cast.timeline("ada") == [seen] == [f"On air:\nQueues Deep Dive\n{LINK}"]


def test_a_field_that_is_left_out_stays_as_it_is(page):
    page.send("my", text="Hello {title}", version="0")
    page.send("my", link="off")
    page.send("my", enabled="off")
    config = page.config()
    assert (config.text, config.include_link, config.enabled) == ("Hello {title}", False, False)
    assert kinds() == ["text_changed", "text_changed", "switched_off"]
    assert "Switched off: nothing is posted." in words(page.get())
    page.send("my", enabled="on")
    assert page.config().enabled


@pytest.mark.parametrize(
    "text, said",
    [
        ("w" * 300, "Too long by 44 characters."),
        ("Hello {nobody}", "Unknown placeholder {nobody}"),
        ("$AAPL and $MSFT", "one $cashtag"),
        ("x" * 5_001, "much too long"),
    ],
)
def test_what_cannot_be_posted_is_not_saved_and_not_lost(page, text, said):
    answer = page.send("my", text=text, link="on", version="0")
    assert answer.status_code == 422
    assert said in words(answer)
    assert text in unescape(answer.text)
    assert page.config().text == ""


@pytest.mark.parametrize(("link", "excess"), [("on", 44), ("off", 20)])
def test_every_sentence_says_the_same_of_how_much_is_too_long(page, link, excess):
    seen = words(page.send("my", text="x" * 300, link=link, version="0"))
    assert re.findall(r"Too long by (\d+)", seen) == [str(excess)] * 2
    assert f"{280 + excess} of 280" in seen


def test_the_part_that_is_too_long_is_marked(page):
    answer = page.send("my", text="w" * 290, link="off", version="0")
    assert f"<mark>{'w' * 10}</mark>" in answer.text
    assert "290 of 280" in words(answer)


def test_a_second_window_is_told_and_neither_text_is_lost(page):
    page.send("my", text="First window", link="on", version="0")
    answer = page.send("my", text="Second window", link="on", version="0")
    assert answer.status_code == 409
    assert "changed in another window" in words(answer)
    assert "What is saved First window" in words(answer)
    assert "\nSecond window</textarea>" in answer.text
    assert page.config().text == "First window"
    assert 'name="version" value="1"' in answer.text
    assert page.send("my", text="Second window", link="on", version="1").status_code == 302
    assert page.config().text == "Second window"


def test_the_same_text_twice_is_no_conflict(page):
    for _ in range(2):
        assert page.send("my", text="Same", link="on", version="0").status_code == 302


def test_switching_off_works_even_with_a_text_that_does_not(page):
    answer = page.send("my", text="w" * 300, enabled="off", version="0")
    assert answer.status_code == 422
    assert "The text was not saved: too long by" in words(answer)
    assert not page.config().enabled


@pytest.mark.parametrize(
    "form",
    [
        {"text": "a\0b\x07c", "version": "0"},
        {"text": ["one", "two"], "version": ["0", "7"]},
        {"text": "fine", "version": "99999999999999999999"},
        {"text": "fine", "version": "-1"},
        {"text": "fine", "link": "maybe"},
        {"text": "fine", "enabled": "yes"},
        {"text[]": "x", "user_id": "2", "status": "posted", "id": "1", "draft": "x"},
        {},
    ],
)
def test_odd_forms_change_nothing_else_and_break_nothing(page, form):
    answer = page.send("my", **form)
    assert answer.status_code in (302, 400, 409, 422)
    config = page.config()
    assert (config.status, config.draft, config.enabled) == ("pending", "", True)
    assert config.text in ("", "abc", "one")
    assert page.config("bo").text == ""


def test_who_joined_later_has_an_editor_and_reading_makes_no_row(page, cast):
    db.session.add(PodcastMember(podcast_id=page.podcast_id, user_id=cast.user("cy").id, role=Role.CONTRIBUTOR))
    db.session.commit()
    late = Page(Browser(page.browser.client.application), cast, db.session.merge(page.episode), "cy")
    seen = late.preview()
    assert count(EpisodeTweetConfig) == 2
    assert "What I say when the stream starts" in words(late.get())
    assert late.send("my", link="on").status_code == 302
    assert count(EpisodeTweetConfig) == 3
    assert late.preview() == seen


def count(model):
    found = db.session.execute(select(func.count()).select_from(model)).scalar_one()
    db.session.rollback()
    return found


# While it is being sent


def test_an_edit_of_a_post_that_waits_is_what_is_sent(page, cast):
    page.send("post-now", text="First words", link="on", version="0")
    page.send("my", text="Better words", link="on", version="1")
    cast.services.posting.drain()
    assert cast.timeline("ada") == [f"Better words {LINK}"]


@pytest.mark.parametrize("status", [PostStatus.SENDING, PostStatus.UNKNOWN, PostStatus.POSTED])
def test_what_is_being_sent_cannot_be_changed_and_what_was_typed_is_kept(page, status):
    page.send("post-now", text="First words", link="on", version="0")
    post = db.session.execute(select(Post)).scalar_one()
    post.status = status
    page.config().status = ConfigStatus.POSTED if status == PostStatus.POSTED else ConfigStatus.POSTING
    db.session.commit()
    answer = page.send("my", text="Better words", link="on", version="1")
    assert answer.status_code == 409
    assert "already" in words(answer)
    assert "Better words" in answer.text
    assert page.config().text == "First words"


@pytest.mark.parametrize(
    "columns, said, can_stop",
    [
        ({"status": PostStatus.QUEUED}, "It is on its way to X, so the text can no longer be changed.", True),
        ({"was_reposted": True, "cause": "user_said_absent"}, "It is sent again word for word", True),
        ({"status": PostStatus.SENDING}, "It was sent to X, so it can no longer be changed here.", False),
        ({"status": PostStatus.UNKNOWN}, "It was sent to X, so it can no longer be changed here.", False),
    ],
)
def test_what_is_being_sent_is_shown_and_offers_no_save(page, columns, said, can_stop):
    page.send("post-now", text="First words", link="on", version="0")
    change_post(**columns)
    shown = page.get()
    assert said in words(shown)
    assert "First words" in words(shown)
    assert '<button class="button primary">Save</button>' not in shown.text
    assert 'name="text"' not in shown.text
    assert ("Switch off" in words(shown)) == can_stop
    assert "Switch on" not in words(shown)


def test_a_post_that_waits_for_something_can_still_be_changed(page):
    page.send("post-now", text="First words", link="on", version="0")
    change_post(cause="x_credits")
    assert page.field() == "First words"


def change_post(**columns):
    db.session.execute(update(Post).values(**columns))
    db.session.commit()


def test_who_switches_off_while_it_waits_is_not_posted_for(page, cast):
    page.send("post-now", version="0")
    page.send("my", enabled="off")
    cast.services.posting.drain()
    assert cast.timeline("ada") == []


# Drafts


def test_each_draft_is_another_and_my_own_words_stay(page):
    page.send("my", text="Mine", link="on", version="0")
    drafts = []
    for _ in range(4):
        page.send("generate")
        drafts.append(page.config().draft)
    assert len(set(drafts)) == 4
    assert page.config().text == "Mine"
    assert drafts[-1].splitlines()[0] in words(page.get())


def test_asking_for_a_draft_keeps_what_stands_in_the_field(page):
    answer = page.send("generate", text="Half a tho", link="off", version="0")
    assert answer.status_code == 302
    assert "\nHalf a tho</textarea>" in page.browser.get(answer.location).text
    assert page.config().text == ""


def test_under_a_draft_it_says_whether_it_is_sent(page):
    page.send("generate")
    seen = words(page.get())
    assert "Make it shorter" in seen
    assert "Your field is empty, so this draft is sent." in seen
    page.send("my", text="Mine", link="on", version=str(page.config().version))
    assert "so this draft is sent" not in words(page.get())


def test_a_draft_is_taken_with_one_click(page):
    page.send("generate")
    page.send("my", text=page.config().draft, version="0")
    config = page.config()
    assert config.text == config.draft != ""


def test_an_admin_has_drafts_written_for_everybody_in_as_many_statements_for_fifty_as_for_five(browser, cast):
    needed = []
    for number in (5, 50):
        show = cast.show(f"Show of {number}", hosts=(f"admin{number}",), connected=False)
        people = [User(email=f"d{number}h{n}@example.com", name=f"H{n}") for n in range(number - 1)]
        db.session.add_all(people)
        db.session.flush()
        db.session.add_all(PodcastMember(podcast_id=show.id, user_id=person.id) for person in people)
        db.session.commit()
        page = Page(Browser(browser.client.application), cast, cast.episode(show), f"admin{number}")
        page.get()
        with counted() as statements:
            assert page.send("create-all").status_code == 302
        needed.append(len(statements))
        assert f"0 of {number} written" in words(page.get())
    assert needed[0] == needed[1]


def test_contributors_do_not_write_for_others(page, cast):
    db.session.execute(db.update(PodcastMember).values(role=Role.CONTRIBUTOR))
    db.session.commit()
    assert page.send("create-all").status_code == 403


# Post now


def test_post_now_sends_once_however_often_it_is_pressed(page, cast):
    answers = [page.send("post-now", text="Now: {title}", link="on", version="0").status_code for _ in range(3)]
    assert answers == [302, 409, 409]
    cast.services.posting.drain()
    assert page.send("post-now", version="1").status_code == 409
    assert len(cast.timeline("ada")) == 1
    assert kinds().count("posted_now") == 1
    assert "the start will not be announced again for you" in words(page.get())


def test_who_posted_ahead_may_have_the_start_announced_too_and_think_again(browser, cast):
    show = cast.show(hosts=("ada",))
    page = Page(browser, cast, cast.episode(show, at=datetime.now(UTC)))
    page.send("post-now", without_link="y")
    cast.services.posting.drain()
    assert "will not be announced again" in words(page.get())
    page.send("again", answer="yes")
    assert page.config().status == ConfigStatus.PENDING
    page.send("again", answer="no")
    assert page.config().status == ConfigStatus.POSTED
    page.send("again", answer="yes")
    page.send("my", text="The stream is on: {url}", version=page.config().version)
    video = cast.go_live(db.session.get_one(Podcast, page.podcast_id))
    cast.check()
    assert cast.timeline("ada")[-1] == f"The stream is on: https://www.youtube.com/watch?v={video}"
    assert len(cast.timeline("ada")) == 2
    page.send("again", answer="no")
    assert "nothing to choose" in words(page.get())


def test_post_now_without_a_link_offers_to_post_without_one(browser, cast):
    page = Page(browser, cast, cast.episode(cast.show(hosts=("ada",)), at=ago(hours=-1)))
    answer = page.send("post-now", text="Soon", link="on", version="0")
    assert answer.status_code == 422
    assert "There is no link yet" in words(answer)
    assert "Post without a link" in words(answer)
    assert page.send("post-now", text="Soon", link="on", version="1", without_link="y").status_code == 302
    cast.services.posting.drain()
    assert cast.timeline("ada") == ["Soon"]


def test_of_an_archived_podcast_nothing_is_posted_by_hand_either(page, cast):
    db.session.get_one(Podcast, page.podcast_id).is_active = False
    db.session.commit()
    answer = page.send("post-now")
    assert (answer.status_code, "archived" in words(answer)) == (409, True)
    assert cast.posts() == []


def test_post_now_without_x_says_what_to_do(browser, cast):
    show = cast.show(hosts=("ada",), connected=False)
    page = Page(browser, cast, cast.episode(show, video_id="abcdefghijk"))
    answer = page.send("post-now", version="0")
    assert answer.status_code == 422
    assert "No X account is connected" in words(answer)
    assert count(Post) == 0


# An unconfirmed post


@pytest.fixture
def unsure(page, cast):
    """Ada's post, of which nobody knows what became, after all look-ups."""
    cast.x.faults = [Fault(method="POST", path="/2/tweets", hang_up="before")]
    page.send("post-now", text="Words", link="on", version="0")
    cast.services.posting.drain()
    later = datetime.now(UTC)
    for seconds in (5, 20, 50, 95, 96):
        cast.services.confirming.look_up(later + timedelta(seconds=seconds))
    (post,) = cast.posts()
    assert post.status == PostStatus.REVIEW
    return page, post.id


def test_the_evidence_and_three_buttons_are_on_both_pages(unsure):
    page, _ = unsure
    for path in (page.path, "/"):
        seen = words(page.browser.get(path))
        assert re.search(
            r"Sent at \d\d:\d\d:\d\d, X did not answer, .* \(looked \d times?, last \d\d:\d\d:\d\d UTC\)", seen
        )
        assert "Check @ada on X" in seen
        assert "It is there Post it again Leave it" in seen


def test_others_see_that_it_is_open_but_have_no_buttons(unsure, cast):
    page, _ = unsure
    other = Page(Browser(page.browser.client.application), cast, db.session.merge(page.episode), "bo")
    for path in (other.path, "/"):
        assert "It is there" not in words(other.browser.get(path))


@pytest.mark.parametrize(
    "answer, status", [("there", PostStatus.POSTED), ("leave", PostStatus.CANCELLED), ("again", PostStatus.QUEUED)]
)
def test_the_host_decides_with_one_click(unsure, cast, answer, status):
    page, post_id = unsure
    assert page.send(f"{post_id}/resolve", answer=answer).status_code == 302
    assert cast.posts()[0].status == status
    assert kinds()[-1] == "decided"


@pytest.mark.parametrize("answer", ["", "maybe", "there\0"])
def test_an_answer_that_is_none_decides_nothing(unsure, cast, answer):
    page, post_id = unsure
    page.send(f"{post_id}/resolve", answer=answer)
    assert cast.posts()[0].status == PostStatus.REVIEW


def test_nobody_decides_about_somebody_elses_post(unsure, cast):
    page, post_id = unsure
    other = Page(Browser(page.browser.client.application), cast, db.session.merge(page.episode), "bo")
    assert other.send(f"{post_id}/resolve", answer="leave").status_code == 404
    show, episode = cast.show("Small Talk", hosts=("ada",)), None
    episode = cast.episode(show)
    wrong = Page(page.browser, cast, episode)
    assert wrong.send(f"{post_id}/resolve", answer="leave").status_code == 404
    for number in (0, 2**31, 2**70):
        assert page.send(f"{number}/resolve", answer="leave").status_code == 404
    assert cast.posts()[0].status == PostStatus.REVIEW


@pytest.mark.parametrize("name", ["my", "generate", "post-now"])
def test_an_admin_of_the_server_has_no_text_where_he_is_no_host(page, cast, name):
    cast.user("di", is_admin=True)
    other = Page(Browser(page.browser.client.application), cast, db.session.merge(page.episode), "di")
    assert other.send(name, text="From above", version="0", enabled="off").status_code == 404
    assert page.config().enabled
    assert count(Post) == 0
    seen = words(other.get())
    assert "My post" not in seen
    assert "What each host says" in seen


# Keeping current


def test_while_nothing_happens_the_page_answers_that_nothing_did(page):
    first = page.get()
    tag = {"If-None-Match": first.headers["ETag"]}
    again = page.browser.get(page.path, headers=tag)
    assert (again.status_code, again.data) == (304, b"")
    page.send("my", enabled="off")
    assert page.browser.get(page.path, headers=tag).status_code == 200
    home = page.browser.get("/")
    assert page.browser.get("/", headers={"If-None-Match": home.headers["ETag"]}).status_code == 304


def test_the_values_for_the_preview_are_data_and_no_script(page):
    db.session.merge(page.episode).title = "</form><script>alert(1)</script>"
    db.session.commit()
    text = page.get().text
    assert "<script>alert" not in text
    values = json.loads(unescape(re.search(r'data-values="([^"]*)"', text)[1]))
    assert values["title"] == "</form><script>alert(1)</script>"
