"""Looking for a post whose outcome is unknown: what proves that it is there, or that it is not, and what nothing."""

import json
import unicodedata
from datetime import timedelta

import pytest

from config import Settings
from sandbox.x import X
from sandbox.x_values import shorten
from tests.conftest import ENGINES
from tests.desk import blind, lose, unknown

SPAN = timedelta(seconds=90)


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"send_deadline_seconds": 2.0})


def edit_by_hand(x: X, text: str) -> None:
    """The host edits his newest post on x.com."""
    post = x.timeline("ada")[0]
    post.text = text
    post.stored, post.urls = shorten(text)


# It is there


@pytest.mark.parametrize("engine_name", ENGINES[:1], indirect=True)
@pytest.mark.parametrize(
    "text", ["Plain words {url}", "<b> & 'quotes' &copy= {url}", "Two\n\nlines   {url}", "é à ü 漢字 🎙️ {title} {url}"]
)
def test_m1_the_text_is_known_again_behind_short_links_escapes_and_white_space(desk, x, text):
    lose(x, stored=True)
    unknown(desk, text=text)
    post = desk.later(6).look_up()
    assert (post.status, post.cause, post.remote_id) == ("posted", "found", x.timeline("ada")[0].id)


@pytest.mark.parametrize("engine_name", ENGINES[:1], indirect=True)
def test_m1_another_unicode_form_of_the_text_is_the_same_text(desk, x):
    lose(x, stored=True)
    unknown(desk, text="Café {url}")
    edit_by_hand(x, unicodedata.normalize("NFD", x.timeline("ada")[0].text) + " ")
    assert desk.later(6).look_up().status == "posted"


def test_m2_a_post_that_its_host_has_touched_up_since_is_still_the_post(desk, x):
    lose(x, stored=True)
    unknown(desk, text="We are live right now with a long conversation about queues: {url}")
    edit_by_hand(x, x.timeline("ada")[0].text.replace("queues", "queue"))
    assert desk.later(6).look_up().status == "posted"


def test_m3_other_words_with_the_same_link_are_shown_to_a_person_and_never_sent_over(desk, x):
    lose(x)
    post = unknown(desk)
    link = post.text.split()[-1]
    own = x.post_by_hand(x.account("ada"), f"Kommt alle rüber! {link}")
    post = desk.later(6).look_up()
    assert (post.status, post.cause, post.candidate_id) == ("review", "candidate", own.id)
    assert desk.words(post).endswith("Say whether it is this one.")
    desk.find_out()
    assert x.attempts() == 1


def test_a_post_of_ours_is_not_taken_for_another_post_of_ours(desk, x, cast):
    """The same words for two starts within minutes: the first is out already, the second is lost."""
    desk.on_air("ada", text="We are live, come over")
    first = desk.drain()
    show = cast.show("Second", hosts=("ada",))
    cast.youtube.go_live(show.youtube_channel_id, "Second", at=desk.at)
    x.duplicate_filter = False
    lose(x)
    desk.look()
    desk.drain()
    post = desk.later(6).look_up()
    assert (post.status, post.remote_id) == ("unknown", None)
    assert first.remote_id == x.timeline("ada")[0].id


@pytest.mark.slow
@pytest.mark.calls_in_transaction
def test_one_stored_post_never_becomes_two_of_ours_and_holds_nobody_else_up(desk, x, cast):
    desk.on_air("ada", text="We are live, come over")
    show = cast.show("Second", hosts=("ada",))
    cast.youtube.go_live(show.youtube_channel_id, "Second", at=desk.at)
    x.duplicate_filter = False
    desk.look()
    lose(x, stored=True)
    lose(x)
    cast.services.posting.drain(desk.at)
    desk.on_air("bo")
    lose(x, stored=True)
    cast.services.posting.drain(desk.at)
    desk.later(6).look_up()
    assert desk.post("bo").status in ("posted", "unknown")
    assert [post.status for post in cast.posts(host_name="Ada")].count("posted") <= 1
    assert len({post.remote_id for post in cast.posts() if post.remote_id}) == len(
        [post for post in cast.posts() if post.remote_id]
    )


def test_a_crowded_timeline_is_read_to_its_end(desk, x):
    lose(x, stored=True)
    unknown(desk)
    for n in range(130):
        desk.later(0.01)
        x.post_by_hand(x.account("ada"), f"Something else {n}")
    assert desk.later(6).look_up().status == "posted"
    assert len(x.asked("GET", "/tweets")) == 2


@pytest.mark.slow
def test_a_timeline_that_lags_shows_the_post_in_time_and_it_is_not_sent_again(desk, x):
    x.visibility_delay = 60
    x.duplicate_filter = False
    lose(x, stored=True)
    unknown(desk)
    post = desk.find_out()
    assert (post.status, x.attempts(), post.absences) == ("posted", 1, 3)


def test_a_post_that_shows_up_below_newer_ones_is_found(desk, x):
    """Ids are not shown in the order in which they were given."""
    lose(x, stored=True)
    unknown(desk)
    ours = x.timeline("ada")[0]
    ours.deleted = True
    for n in range(3):
        x.post_by_hand(x.account("ada"), f"Something else {n}")
    post = desk.later(6).look_up()
    assert (post.status, post.absences) == ("unknown", 1)
    ours.deleted = False
    post = desk.later(30).look_up()
    assert (post.status, post.remote_id, x.attempts()) == ("posted", ours.id, 1)


@pytest.mark.parametrize("order", [reversed, lambda items: sorted(items, key=lambda item: item["text"])])
def test_a_timeline_in_any_order_is_read_whole(desk, x, order):
    lose(x, stored=True)
    unknown(desk, text="{url} We are live")
    for n in range(120):
        desk.later(0.01)
        x.post_by_hand(x.account("ada"), f"Something else {n}")
    reply = x.reply

    def mixed(request):
        answer = reply(request)
        if request.method == "GET" and request.path.endswith("/tweets"):
            body = answer.json
            answer.data = json.dumps(body | {"data": list(order(body["data"]))})
        return answer

    x.reply = mixed
    assert desk.later(6).look_up().status == "posted"


def test_strict_a_post_that_shows_up_while_a_person_decides_is_posted_by_itself(desk, x):
    x.visibility_delay = 300
    lose(x, stored=True)
    unknown(desk, strict=True)
    assert desk.find_out().status == "review"
    post = desk.later(600).look_up()
    assert (post.status, post.cause, x.attempts()) == ("posted", "found", 1)


def test_a_look_up_renews_a_token_that_ended_meanwhile(desk, x):
    lose(x, stored=True)
    unknown(desk)
    desk.change_connection(expires_at=desk.at)
    x.expire_token(x.account("ada"))
    assert desk.later(6).look_up().status == "posted"
    assert len(desk.refreshes()) == 1


# It is not there


@pytest.mark.slow
def test_absent_means_three_complete_reads_over_the_whole_span(desk, x):
    lose(x)
    post = unknown(desk)
    since = post.unknown_since
    seen = []
    while post.status == "unknown":
        post = desk.later(1).look_up()
        seen.append((post.absences, post.status))
    reads = x.asked("GET", "/tweets")
    assert len(reads) == 4
    assert [absences for absences, status in seen if status == "unknown"][-1] == 3
    assert desk.at - since >= SPAN
    assert reads[-1].at - reads[0].at >= SPAN
    assert (post.status, post.cause, post.was_reposted) == ("queued", "verified_absent", True)
    assert "sent once more" in desk.words(post)


NO_INFORMATION = {
    "server error": {"status": 503},
    "not found": {"status": 404},
    "limit": {"status": 429},
    "page": {"body": "<html>"},
    "no meta": {"body": "{}"},
    "errors beside data": {"body": '{"data":[],"meta":{"result_count":0},"errors":[{"title":"x"}]}'},
    "wrong count": {"body": '{"meta":{"result_count":3}}'},
    "hang up": {"hang_up": "after"},
    "cut": {"cut": 10},
}


@pytest.mark.parametrize("engine_name", ENGINES[:1], indirect=True)
@pytest.mark.parametrize("name", NO_INFORMATION)
def test_a_read_that_failed_is_no_information(desk, x, name):
    lose(x)
    unknown(desk)
    blind(x, 1, **NO_INFORMATION[name])
    post = desk.later(6).look_up()
    assert (post.status, post.absences, post.lookups) == ("unknown", 0, 1)


@pytest.mark.slow
def test_reads_that_fail_put_the_decision_off_and_are_made_up_for(desk, x):
    lose(x)
    unknown(desk)
    blind(x, 3, status=503)
    post = desk.find_out(until=100)
    assert (post.status, x.attempts()) == ("unknown", 1)
    post = desk.find_out(until=200)
    assert (post.status, x.attempts(), len(desk.texts())) == ("posted", 2, 1)


@pytest.mark.slow
def test_who_can_never_be_looked_up_ends_with_a_person_and_is_not_sent_again(desk, x):
    lose(x)
    unknown(desk)
    x.rate_limits.clear()
    blind(x, 500, status=503)
    for _ in range(40):
        desk.look()
        desk.find_out(until=60, every=15)
    post = desk.post()
    assert (post.status, post.cause, x.attempts()) == ("review", "not_found", 1)


@pytest.mark.parametrize("why", ["strict", "switched off", "stream over", "too late", "sent for a person"])
def test_a_proven_absent_post_is_not_sent_again_when(desk, x, cast, why):
    lose(x)
    post = unknown(desk, strict=why == "strict")
    if why == "switched off":
        assert "will not be sent again" in cast.services.tweets.set_tweet(post.config_id, enabled=False, now=desk.at)
    elif why == "stream over":
        desk.change(desk.broadcast(post), state="ended")
    elif why == "too late":
        desk.change(post, not_after=desk.at)
    elif why == "sent for a person":
        desk.change(post, broadcast_id=None)
    post = desk.find_out(until=400)
    assert (post.status, x.attempts()) == ("review", 1)
    assert desk.config(post).status == "review"


def test_two_processes_that_look_at_once_ask_x_once(desk, x, cast, make_app):
    lose(x, stored=True)
    unknown(desk)
    desk.later(6)
    taken = cast.services.confirming._take(desk.at)
    assert len(taken) == 1
    assert cast.services.confirming.look_up(desk.at) == 0
    assert not x.asked("GET", "/tweets")
    assert desk.later(31).look_up().status == "posted"
