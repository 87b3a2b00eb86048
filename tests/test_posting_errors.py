"""X does not answer clearly, E1 to E8: what becomes of post, attempt, history and config, and what people read."""

from datetime import timedelta

import pytest
from sqlalchemy import delete, update
from sqlalchemy.exc import IntegrityError

from config import Settings
from extensions import db
from models import Post, PostAttempt, PostStatus
from services import claiming, outbox
from tests.conftest import ENGINES
from tests.desk import Desk, spoil

DEADLINE = 0.4


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"send_deadline_seconds": DEADLINE})


def outcomes(desk: Desk, post: Post) -> list[tuple[str | None, str | None, int | None]]:
    return [(one.outcome, one.cause, one.http_status) for one in desk.attempts(post)]


# E1: never sent


def test_e1_an_x_that_cannot_be_reached_is_tried_again_and_posted_once_when_it_is_back(desk, x):
    desk.on_air("ada")
    port = int(x.url.rsplit(":", 1)[1])
    x.stop()
    post = desk.drain()
    assert (post.status, post.cause) == ("queued", "x_unreachable")
    assert outcomes(desk, post) == [("not_accepted", "x_unreachable", None)]
    assert post.not_before - desk.at <= timedelta(seconds=5.5)
    assert "Airhorn keeps trying" in desk.words(post)
    x.start(port)
    assert desk.later(6).drain().status == "posted"
    assert (len(desk.texts()), x.attempts()) == (1, 1)


@pytest.mark.slow
def test_e1_what_was_never_sent_is_tried_for_as_long_as_it_is_in_time(desk, x):
    desk.on_air("ada")
    port = int(x.url.rsplit(":", 1)[1])
    x.stop()
    for _ in range(14):
        desk.look()
        assert desk.later(61).drain().status == "queued"
    assert desk.post().attempts == 14
    x.start(port)
    desk.look()
    assert desk.later(61).drain().status == "posted"


def test_e1_an_outage_that_outlasts_the_time_is_missed_and_says_what_it_waited_for(desk, x):
    desk.on_air("ada")
    x.stop()
    desk.drain()
    post = desk.later(31 * 60).drain()
    assert (post.status, post.cause) == ("missed", "too_late")
    assert "X cannot be reached" in desk.words(post)
    assert "too late after the start" in desk.words(post)


# E2


def test_e2_an_accepted_post_is_posted_with_its_id(desk, x):
    desk.on_air("ada")
    post = desk.drain()
    assert (post.status, post.cause, post.remote_id) == ("posted", None, x.timeline("ada")[0].id)
    assert post.posted_at is not None
    assert outcomes(desk, post) == [("accepted", None, None)]
    assert [status for status, _ in desk.history(post)] == ["queued", "sending", "posted"]


# E3 to E7: it may be out

ODD = {
    "empty": "",
    "null": "null",
    "page": "<html>Welcome</html>",
    "object": "{}",
    "no digits": '{"data":{"id":"abc","text":"x"}}',
    "number": '{"data":{"id":123,"text":"x"}}',
    "other digits": '{"data":{"id":"١٢٣","text":"x"}}',
    "only errors": '{"errors":[{"message":"Something"}]}',
    "deep": "[" * 60_000,
    "large": " " * 70_000 + '{"data":{"id":"1","text":"x"}}',
}
LARGE = {"large"}

UNCLEAR = {
    **{f"e3 {name}": ({"status": 201, "body": body or b" "}, "x_odd_answer") for name, body in ODD.items()},
    **{
        f"e4 {status}": ({"status": status, "headers": {"Location": "http://127.0.0.1:9/"}}, "x_redirect")
        for status in (301, 302, 303, 307, 308)
    },
    "e5 eof": ({"hang_up": "after"}, "x_no_answer"),
    "e5 reset": ({"hang_up": "after", "reset": True}, "x_no_answer"),
    "e5 silence": ({"hold": 2 * DEADLINE}, "x_no_answer"),
    "e5 cut": ({"cut": 20}, "x_no_answer"),
    "e5 drip": ({"drip": DEADLINE / 20}, "x_no_answer"),
    "e5 bad gzip": (
        {"status": 201, "body": b"\x1f\x8b nonsense", "headers": {"Content-Encoding": "gzip"}},
        "x_no_answer",
    ),
    **{f"e6 {status}": ({"status": status}, "x_server_error") for status in (500, 502, 503, 504, 520)},
    **{f"e7 {status}": ({"status": status}, "x_server_error") for status in (408, 409, 425, 499)},
}
#: one of each class on both databases, the others on one
BOTH = {"e3 empty", "e4 307", "e5 reset", "e6 503", "e7 408"}
ENGINE_AND_FAULT = [(engine, name) for name in UNCLEAR for engine in (ENGINES if name in BOTH else ENGINES[:1])]
#: these do the work by themselves
DONE_ANYWAY = ("e5 eof", "e5 reset", "e5 silence", "e5 cut", "e5 drip")


@pytest.mark.slow
@pytest.mark.parametrize("engine_name, name", ENGINE_AND_FAULT, indirect=["engine_name"])
def test_e3_to_e7_a_stored_post_without_a_readable_answer_is_found_and_not_sent_again(desk, x, name):
    fault, cause = UNCLEAR[name]
    cause = "x_no_answer" if name.removeprefix("e3 ") in LARGE else cause
    spoil(x, stored=name not in DONE_ANYWAY, **fault)
    desk.on_air("ada", strict=True)
    post = desk.drain()
    assert (post.status, post.cause) == ("unknown", cause)
    assert outcomes(desk, post) == [("unknown", cause, fault.get("status") if cause != "x_no_answer" else None)]
    assert desk.words(post).startswith("Sent. ")
    assert "looks on the timeline" in desk.words(post)
    post = desk.later(6).look_up()
    assert (post.status, post.cause, post.remote_id) == ("posted", "found", x.timeline("ada")[0].id)
    assert [one.outcome for one in desk.attempts(post)] == ["accepted"]
    assert (len(desk.texts()), x.attempts()) == (1, 1)


NOT_STORED = {
    "e3": {"status": 201, "body": "{}"},
    "e4": {"status": 307, "headers": {"Location": "http://127.0.0.1:9/"}},
    "e5": {"hang_up": "before", "reset": True},
    "e6": {"status": 503},
    "e7": {"status": 408},
}


@pytest.mark.slow
@pytest.mark.parametrize("name", NOT_STORED)
def test_e3_to_e7_a_post_proven_absent_is_sent_once_more_word_for_word(desk, x, name):
    x.duplicate_filter = False
    spoil(x, **NOT_STORED[name])
    desk.on_air("ada")
    text = desk.drain().text
    post = desk.find_out()
    assert (post.status, post.was_reposted, post.attempts) == ("posted", True, 2)
    assert [(one.outcome) for one in desk.attempts(post)] == ["not_accepted", "accepted"]
    assert desk.attempts(post)[0].cause == "verified_absent"
    assert [entry.json()["text"] for entry in x.asked("POST", "/2/tweets")] == [text, text]
    assert len(desk.texts()) == 1
    steps = [status for status, _ in desk.history(post)]
    assert steps == ["queued", "sending", "unknown", "queued", "sending", "posted"]


@pytest.mark.slow
@pytest.mark.parametrize("name", NOT_STORED)
def test_e3_to_e7_in_strict_mode_a_person_decides_and_nothing_is_sent_again(desk, x, name):
    spoil(x, **NOT_STORED[name])
    desk.on_air("ada", strict=True)
    desk.drain()
    post = desk.find_out()
    assert (post.status, post.cause) == ("review", "not_found")
    assert [one.outcome for one in desk.attempts(post)] == ["unknown"]
    assert desk.config(post).status == "review"
    assert "Look on X, then choose what is true." in desk.words(post)
    desk.find_out(until=30)
    assert (x.attempts(), desk.texts()) == (1, [])


@pytest.mark.parametrize("engine_name", ENGINES[:1], indirect=True)
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_e4_a_redirect_is_never_followed_and_nobody_else_gets_the_token(desk, x, youtube, status):
    asked = len(youtube.journal)
    spoil(x, status=status, headers={"Location": f"{youtube.url}/2/tweets"})
    desk.on_air("ada")
    desk.drain()
    assert not youtube.asked(path="/2/tweets")
    assert not [entry for entry in list(youtube.journal)[asked:] if "Authorization" in entry.headers]


# E8: the sender died


@pytest.fixture
def claim(cast):
    """Commits the intent of every due post, as a process does that dies before its first byte."""

    def take(desk: Desk) -> None:
        lease = timedelta(seconds=cast.services.settings.send_lease_seconds)
        guard, tokens = cast.services.guard, cast.services.tokens
        claiming.claim(db.session(), tokens, desk.at, 64, guard=guard, lease=lease, leave_out=())
        db.session.commit()

    return take


def test_e8_a_lease_that_is_over_makes_the_post_unknown_never_queued(desk, cast, x, claim):
    desk.on_air("ada", strict=True)
    claim(desk)
    lease = cast.services.settings.send_lease_seconds
    assert desk.later(lease - 1).reap().status == "sending"
    post = desk.later(2).reap()
    assert (post.status, post.cause) == ("unknown", "x_interrupted")
    assert [(one.outcome, one.cause) for one in desk.attempts(post)] == [("unknown", "x_interrupted")]
    assert desk.words(post) == "Airhorn was interrupted while sending, so it looks on the timeline."
    assert desk.drain().status == "unknown"
    assert desk.find_out().status == "review"
    assert x.attempts() == 0


def test_e8_in_default_mode_the_interrupted_post_is_sent_once_it_is_proven_absent(desk, cast, x, claim):
    desk.on_air("ada")
    claim(desk)
    desk.later(46).reap()
    assert desk.find_out().status == "posted"
    assert (x.attempts(), len(desk.texts())) == (1, 1)


def test_e8_a_lease_far_in_the_future_is_over_as_well_for_the_clock_was_set_back(desk, claim):
    desk.on_air("ada")
    claim(desk)
    assert desk.later(-3600).reap().status == "unknown"


def test_e8_who_settles_too_late_changes_nothing(desk, cast, claim):
    desk.on_air("ada")
    claim(desk)
    token = desk.post().attempt_token
    desk.later(46).reap()
    late = outbox.Move(
        post_id=desk.post().id, expected=PostStatus.SENDING, to=PostStatus.FAILED, token=token, outcome="not_accepted"
    )
    assert outbox.apply(db.session(), [late], desk.at) == set()
    db.session.commit()
    assert desk.post().status == "unknown"


def test_e8_hundreds_of_interrupted_posts_are_reaped_in_one_go(desk, cast, claim):
    desk.on_air("ada")
    post = desk.drain()
    row = {c.name: getattr(post, c.name) for c in Post.__table__.columns if c.name not in ("id", "key", "remote_id")}
    row |= {"status": "sending", "lease_until": desk.at, "config_id": None}
    rows = [row | {"key": f"now:0:{n}", "attempt_token": f"t{n}"} for n in range(500)]
    outbox.add_posts(db.session(), rows, desk.at)
    db.session.commit()
    assert cast.services.posting.reap(desk.at + timedelta(seconds=1)) == 500


def test_the_database_refuses_a_second_attempt_while_one_may_be_accepted(desk, claim):
    desk.on_air("ada")
    claim(desk)
    post_id = desk.post().id
    for outcome in (None, "unknown", "accepted"):
        second = PostAttempt(post_id=post_id, token="second", number=2, started_at=desk.at, outcome=outcome)
        db.session.add(second)
        with pytest.raises(IntegrityError):
            db.session.flush()
        db.session.rollback()
    db.session.add(PostAttempt(post_id=post_id, token="refused", number=2, started_at=desk.at, outcome="not_accepted"))
    db.session.commit()


def test_a_queued_post_with_an_attempt_that_may_be_accepted_is_left_where_it_is(cast, x, claim):
    """What a careless repair by hand would do: that intent is refused, and nobody else is held up."""
    desk = Desk(cast, x)
    desk.on_air("ada", "bo")
    claim(desk)
    db.session.execute(update(Post).values(status="queued"))
    db.session.execute(delete(PostAttempt).where(PostAttempt.post_id == desk.post("bo").id))
    db.session.commit()
    cast.services.posting.drain(desk.at)
    assert desk.post("ada").status == "queued"
    assert (desk.texts("ada"), len(desk.texts("bo"))) == ([], 1)
