"""The pair of tokens: renewed when it must, by one, not lost when an answer is, and what a person reads otherwise."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
import requests

from extensions import db
from models import SocialConnection
from sandbox.standin import Fault
from sandbox.x import X
from services.clients.x_answers import Tokens, XUser
from services.errors import Conflict
from services.registry import get_services
from services.tokens import FRESH_FOR, GOOD_FOR, REFRESH_LEASE
from tests.cast import Cast
from tests.conftest import ENGINES
from tests.desk import Desk, checked_at_every_commit


@pytest.fixture
def desk(cast: Cast, x: X):
    x.reuse_revokes_family = True
    with checked_at_every_commit():
        yield Desk(cast, x)


def spoil(x: X, times: int = 1, **spoiled: Any) -> None:
    x.faults += [Fault(method="POST", path="oauth2/token", **spoiled)] * times


def ageing(desk: Desk, *, left: timedelta) -> None:
    """Ada's access token has so much time left, here and at X."""
    desk.on_air("ada")
    desk.change_connection(expires_at=desk.at + left)
    if left <= timedelta(0):
        desk.x.expire_token(desk.x.account("ada"))


def reconnect(desk: Desk) -> None:
    account = desk.x.add_account("ada")
    tokens = Tokens(account.access_token, account.refresh_token, 7200, frozenset())
    who = XUser(account.id, account.username, account.name, None)
    desk.cast.services.connections.connect(desk.connection().user_id, who, tokens, desk.at)


def test_a_token_with_time_left_is_used_as_it_is(desk):
    ageing(desk, left=FRESH_FOR + timedelta(seconds=5))
    assert desk.drain().status == "posted"
    assert desk.refreshes() == []


def test_a_token_that_ends_soon_is_renewed_once_and_the_new_pair_is_kept(desk, x):
    ageing(desk, left=FRESH_FOR - timedelta(seconds=5))
    version = desk.connection().token_version
    assert desk.drain().status == "posted"
    connection = desk.connection()
    assert (len(desk.refreshes()), connection.token_version, connection.refresh_state) == (1, version + 1, "idle")
    assert connection.expires_at > desk.at + timedelta(minutes=110)
    access = get_services().tokens.access(desk.connection())
    assert access.token == x.account("ada").access_token


def test_two_posts_of_one_account_share_one_renewal(desk, cast):
    ageing(desk, left=timedelta(0))
    show = cast.show("Second", hosts=("ada",))
    cast.youtube.go_live(show.youtube_channel_id, "Second", at=desk.at)
    desk.look()
    desk.drain()
    assert len(desk.texts()) == 2
    assert len(desk.refreshes()) == 1


def test_only_one_of_eight_threads_may_renew(desk, app):
    ageing(desk, left=timedelta(0))
    connection_id = desk.connection().id
    db.session.commit()

    def begin(_: int) -> bool:
        with app.app_context():
            return get_services().tokens.begin_refresh(connection_id, desk.at) is not None

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(begin, range(8))) == [False] * 7 + [True]


def test_who_comes_after_a_renewal_finds_nothing_to_do(desk):
    """It saw the old pair, and was slow."""
    ageing(desk, left=timedelta(0))
    tokens, connection_id = get_services().tokens, desk.connection().id
    first = tokens.begin_refresh(connection_id, desk.at)
    assert tokens.finish_refresh(first, tokens.call_refresh(first), desk.at)
    assert tokens.begin_refresh(connection_id, desk.at) is None


# The answer is lost

LOST = {
    "500": {"status": 500},
    "silence": {"hang_up": "after"},
    "no json": {"body": "<html>", "stored": True},
    "no token": {"body": '{"token_type":"bearer"}', "stored": True},
    "odd 4xx": {"status": 418},
}


@pytest.mark.parametrize("engine_name", ENGINES[:1], indirect=True)
@pytest.mark.parametrize("name", LOST)
def test_a_lost_answer_is_a_doubt_and_the_old_token_is_used_while_it_lasts(desk, x, name):
    ageing(desk, left=timedelta(minutes=5))
    spoil(x, **LOST[name])
    desk.drain()
    connection = desk.connection()
    assert (connection.refresh_state, connection.trouble) == ("doubt", "refresh_in_doubt")
    assert desk.later(2).drain().status == "posted"
    assert len(desk.refreshes()) == 1


def test_a_doubt_is_tried_once_more_when_the_old_token_ends_and_may_turn_out_well(desk, x):
    ageing(desk, left=timedelta(0))
    spoil(x, status=500)
    desk.drain()
    assert desk.post().status == "queued"
    assert desk.later(2).drain().status == "posted"
    connection = desk.connection()
    assert (len(desk.refreshes()), connection.refresh_state, connection.trouble) == (2, "idle", None)


@pytest.mark.parametrize("engine_name", ENGINES[:1], indirect=True)
@pytest.mark.parametrize("name", ["500", "odd 4xx"])
def test_an_x_that_renews_nothing_for_a_while_ends_no_connection(desk, x, name):
    """Silence proves nothing: a host who has to connect again for it would miss his post."""
    ageing(desk, left=timedelta(0))
    spoil(x, times=4, **LOST[name])
    desk.drain()
    desk.later(2).drain()
    post = desk.later(11).drain()
    assert (post.status, post.cause) == ("queued", "refresh_in_doubt")
    desk.later(11).drain()
    assert (desk.connection().refresh_state, len(desk.refreshes())) == ("doubt", 4)
    assert desk.later(11).drain().status == "posted"
    connection = desk.connection()
    assert (connection.refresh_state, connection.trouble, desk.post().cause) == ("idle", None, None)


def test_a_doubt_that_turns_out_badly_needs_the_person_and_the_post_waits_for_him(desk, x):
    ageing(desk, left=timedelta(0))
    spoil(x, hang_up="after")
    desk.drain()
    post = desk.later(2).drain()
    post = desk.later(2).drain()
    connection = desk.connection()
    assert (connection.refresh_state, connection.trouble) == ("revoked", "x_token_refused")
    assert (post.status, post.cause) == ("queued", "x_token_refused")
    assert "Connect X again in time and it is still posted." in desk.words(post)
    assert len(desk.refreshes()) == 2
    reconnect(desk)
    assert desk.drain().status == "posted"
    assert (desk.connection().refresh_state, desk.connection().trouble) == ("idle", None)


# The refresher died


def test_a_refresher_that_died_is_a_doubt_and_the_old_token_is_used_while_it_lasts(desk):
    ageing(desk, left=timedelta(minutes=5))
    get_services().tokens.begin_refresh(desk.connection().id, desk.at)
    assert desk.drain().status == "queued"
    desk.later(REFRESH_LEASE.total_seconds() + 1)
    assert desk.drain().status == "posted"
    assert desk.refreshes() == []


def test_the_refresh_token_of_a_refresher_that_died_is_tried_once_when_nothing_else_is_left(desk):
    ageing(desk, left=timedelta(0))
    get_services().tokens.begin_refresh(desk.connection().id, desk.at)
    assert desk.drain().status == "queued"
    assert desk.refreshes() == []
    assert desk.later(REFRESH_LEASE.total_seconds() + 1).drain().status == "posted"
    assert len(desk.refreshes()) == 1


# A wrong 401, and the refresher died


def killed_in_renewing(desk: Desk, x: X, *, is_wrong: bool = True) -> None:
    """X said 401 to a token; the renewal that followed reached X, and its answer reached nobody."""
    desk.on_air("ada")
    if not is_wrong:
        x.expire_token(x.account("ada"))
    desk.change_connection(expires_at=desk.at)  # what a 401 leaves
    refresh = get_services().tokens.begin_refresh(desk.connection().id, desk.at)
    assert refresh is not None
    form = {"grant_type": "refresh_token", "refresh_token": refresh.refresh_token}
    secret = (str(x.client_id), str(x.client_secret))
    assert requests.post(f"{x.url}/2/oauth2/token", form, auth=secret, timeout=30).status_code == 200
    desk.later(REFRESH_LEASE.total_seconds() + 1)


@pytest.mark.parametrize("engine_name", ENGINES, indirect=True)
def test_a_wrong_401_and_a_kill_in_the_renewal_that_follows_end_no_login(desk, x):
    killed_in_renewing(desk, x)
    assert desk.drain().status == "posted"
    connection = desk.connection()
    assert (connection.refresh_state, connection.trouble) == ("doubt", "refresh_in_doubt")
    assert desk.at + GOOD_FOR <= connection.expires_at < desk.at + 2 * GOOD_FOR
    assert len(desk.refreshes()) == 1


def test_x_is_asked_again_after_a_while_whether_the_token_is_still_good(desk, x):
    killed_in_renewing(desk, x)
    desk.drain()
    asked = len(x.asked("GET", "/2/users/me"))
    renew(desk.later(GOOD_FOR.total_seconds() / 2))
    assert len(x.asked("GET", "/2/users/me")) == asked
    renew(desk.later(GOOD_FOR.total_seconds()))
    assert (len(x.asked("GET", "/2/users/me")), len(desk.refreshes())) == (asked + 1, 1)
    assert desk.connection().expires_at == desk.at + GOOD_FOR


def renew(desk: Desk) -> None:
    tokens, connection = get_services().tokens, desk.connection()
    if tokens.needs_refresh(connection, desk.at):
        tokens.refresh_now([connection.id], lambda: desk.at)


def test_a_token_that_is_good_no_more_leaves_what_there_was_before_the_refresh_token(desk, x):
    killed_in_renewing(desk, x, is_wrong=False)
    desk.drain()
    assert (desk.connection().refresh_state, desk.connection().trouble) == ("revoked", "x_token_refused")
    assert len(desk.refreshes()) == 2


@pytest.mark.parametrize("status", [402, 429, 503])
def test_while_x_does_not_say_whose_token_it_is_the_spent_refresh_token_is_left_alone(desk, x, status):
    killed_in_renewing(desk, x)
    x.faults.append(Fault(method="GET", path="users/me", status=status, body="{}"))
    assert desk.drain().status == "queued"
    assert (len(desk.refreshes()), desk.connection().refresh_state) == (1, "doubt")
    assert desk.later(20 * 60).drain().status == "posted"
    assert len(desk.refreshes()) == 1


def test_a_renewal_that_never_began_is_made_when_x_says_whose_token_it_is_again(desk, x):
    ageing(desk, left=timedelta(0))
    get_services().tokens.begin_refresh(desk.connection().id, desk.at)
    x.expire_token(x.account("ada"))
    x.faults.append(Fault(method="GET", path="users/me", status=503))
    assert desk.later(REFRESH_LEASE.total_seconds() + 1).drain().status == "queued"
    assert (len(desk.refreshes()), desk.connection().refresh_state) == (0, "doubt")
    assert desk.later(5 * 60).drain().status == "posted"
    assert (len(desk.refreshes()), desk.connection().refresh_state) == (1, "idle")


def test_a_first_renewal_asks_for_nothing_but_the_new_pair(desk, x):
    ageing(desk, left=timedelta(0))
    assert desk.drain().status == "posted"
    assert (x.asked("GET", "/2/users/me"), len(desk.refreshes())) == ([], 1)


def test_a_person_who_connects_again_while_the_token_is_tried_keeps_the_new_login(desk, x):
    killed_in_renewing(desk, x)
    tokens = get_services().tokens
    refresh = tokens.begin_refresh(desk.connection().id, desk.at)
    reconnect(desk)
    before = desk.connection().expires_at
    db.session.commit()
    assert tokens.finish_refresh(refresh, tokens.call_refresh(refresh), desk.at)
    connection = desk.connection()
    assert (connection.trouble, connection.refresh_state, connection.expires_at) == (None, "idle", before)


# Two at once, and the end of a login


def test_who_loses_the_race_keeps_the_pair_of_who_won(desk, x):
    ageing(desk, left=timedelta(0))
    tokens = get_services().tokens
    slow = tokens.begin_refresh(desk.connection().id, desk.at)
    desk.later(REFRESH_LEASE.total_seconds() + 1)
    fast = tokens.begin_refresh(desk.connection().id, desk.at)
    x.reuse_revokes_family = False
    assert tokens.finish_refresh(fast, tokens.call_refresh(fast), desk.at)
    version = desk.connection().token_version
    db.session.commit()
    assert tokens.finish_refresh(slow, tokens.call_refresh(slow), desk.at)
    connection = desk.connection()
    assert (connection.token_version, connection.trouble, connection.refresh_state) == (version, None, "idle")
    assert desk.drain().status == "posted"


def test_a_person_who_connects_again_during_a_renewal_keeps_the_new_login(desk):
    ageing(desk, left=timedelta(0))
    tokens = get_services().tokens
    refresh = tokens.begin_refresh(desk.connection().id, desk.at)
    reconnect(desk)
    tokens.finish_refresh(refresh, tokens.call_refresh(refresh), desk.at)
    assert desk.connection().trouble is None
    assert desk.drain().status == "posted"


def test_a_login_that_was_revoked_at_x_needs_the_person_at_once(desk, x):
    ageing(desk, left=timedelta(0))
    x.revoke(x.account("ada"))
    desk.drain()
    post = desk.later(2).drain()
    assert (post.status, post.cause) == ("queued", "x_token_refused")
    assert desk.connection().refresh_state == "revoked"
    assert len(desk.refreshes()) == 1
    assert desk.later(60).drain().status == "queued"
    assert (len(desk.refreshes()), x.attempts()) == (1, 0)


def test_a_server_whose_own_credentials_are_refused_says_so_and_goes_on_when_they_are_right(desk, x):
    ageing(desk, left=timedelta(0))
    x.client_secret = "another"
    post = desk.drain()
    assert (post.status, post.cause) == ("queued", "x_client")
    assert "The operator checks X_CLIENT_ID and its secret." in desk.words(post)
    assert desk.connection().refresh_state == "idle"
    x.client_secret = "client-secret"
    assert desk.later(11).drain().status == "posted"


def test_an_account_that_somebody_else_connected_is_refused(desk, cast, x):
    desk.on_air("ada", "bo")
    ada = x.account("ada")
    tokens = Tokens(ada.access_token, ada.refresh_token, 7200, frozenset())
    who, bo = XUser(ada.id, "ada", "Ada", None), desk.connection("bo").user_id
    with pytest.raises(Conflict, match="One X account, one person"):
        cast.services.connections.connect(bo, who, tokens, desk.at)


def test_another_account_of_the_same_person_does_not_get_what_the_first_should_have_posted(desk, cast, x):
    desk.on_air("ada")
    other = x.add_account("ada_private")
    tokens = Tokens(other.access_token, other.refresh_token, 7200, frozenset())
    who = XUser(other.id, other.username, other.name, None)
    cast.services.connections.connect(desk.connection().user_id, who, tokens, desk.at)
    post = desk.drain()
    assert (post.status, post.cause) == ("queued", "no_connection")
    assert (desk.texts("ada_private"), desk.texts("ada")) == ([], [])
    assert len(db.session.query(SocialConnection).filter_by(is_active=True).all()) == 1
    db.session.commit()
