"""Disconnecting: nothing of a login stays here, and X is told, sooner or later."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from cryptography.fernet import Fernet
from sqlalchemy import select

from extensions import db
from models import AuditEvent, SocialConnection, TokenRevocation
from sandbox.standin import Fault
from services.audit import Actor
from services.clients.x_answers import Tokens, XUser
from services.registry import get_services
from services.revoking import AT_ONCE, MOST_TRIES, WAITS
from services.vault import Vault
from tests.conftest import TOKEN_KEY
from tests.desk import Desk, checked_at_every_commit

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
BY = Actor(1, "192.0.2.1")


def rows(model, *criteria):
    found = list(db.session.execute(select(model).where(*criteria).order_by(model.id)).scalars())
    db.session.expunge_all()
    db.session.commit()
    return found


def revocations():
    return rows(TokenRevocation)


def told(x):
    return [entry.form()["token"] for entry in x.asked("POST", "/2/oauth2/revoke")]


def down(x, times=100):
    x.faults = [Fault(path="oauth2/revoke", status=503)] * times


@pytest.fixture
def ada(cast):
    user = cast.user("ada")
    cast.connect(user, now=NOW)
    return user.id


@pytest.fixture
def connections(services):
    return services.connections


@pytest.fixture
def revoke_due(app):
    """What the scheduler's job does."""
    return get_services().scheduler._revoking.revoke_due


def test_disconnecting_forgets_the_tokens_and_ends_them_at_x(ada, connections, x):
    account = x.account("ada")
    connections.disconnect(ada, BY, NOW)
    (row,) = rows(SocialConnection)
    assert (row.is_active, row.access_token, row.refresh_token, row.expires_at) == (False, b"", None, None)
    assert told(x) == [account.refresh_token, account.access_token]
    assert revocations() == []
    (line,) = rows(AuditEvent, AuditEvent.kind == "x_disconnected")
    assert (line.actor_id, line.address, line.at, line.detail) == (1, "192.0.2.1", NOW, {"connection": row.id})


def test_disconnecting_twice_or_without_a_login_is_nothing(ada, connections, cast, x):
    bo = cast.user("bo").id
    connections.disconnect(ada, BY, NOW)
    connections.disconnect(ada, BY, NOW)
    connections.disconnect(bo, BY, NOW)
    assert len(told(x)) == 2
    assert len(rows(AuditEvent, AuditEvent.kind == "x_disconnected")) == 1


@pytest.mark.parametrize(
    "fault", [Fault(status=503), Fault(hang_up="before"), Fault(hang_up="after"), Fault(status=401)]
)
def test_an_x_that_is_down_keeps_nobody_connected_and_is_told_later(ada, connections, revoke_due, x, fault):
    x.faults = [fault]
    connections.disconnect(ada, BY, NOW)
    assert rows(SocialConnection, SocialConnection.is_active) == []
    # Asked once only: the person does not wait for a second answer that will not come either.
    assert [(one.tries, one.next_try_at) for one in revocations()] == [(1, NOW + WAITS[0]), (0, NOW)]
    assert revoke_due(NOW) == 1
    assert revoke_due(NOW + WAITS[0]) == 1
    assert revocations() == []


@pytest.mark.slow
def test_a_slow_x_does_not_hold_up_the_person(ada, connections, x):
    x.faults = [Fault(path="oauth2/revoke", hold=20.0)]
    began = datetime.now(UTC)
    connections.disconnect(ada, BY, NOW)
    assert datetime.now(UTC) - began < timedelta(seconds=6)
    assert len(revocations()) == 2


@pytest.mark.slow
def test_the_tries_become_rare_and_end_after_a_week(ada, connections, revoke_due, x):
    down(x)
    connections.disconnect(ada, BY, NOW)
    now, times = NOW, []
    while revocations():
        now = min(one.next_try_at for one in revocations())
        times.append(now)
        revoke_due(now)
    assert timedelta(days=7) <= now - NOW < timedelta(days=8)
    assert len(told(x)) == 2 * MOST_TRIES
    gaps = [later - earlier for earlier, later in pairwise(times)]
    assert max(gaps) == WAITS[-1]


def test_a_token_that_is_dead_already_is_done_with(ada, connections, x):
    body = '{"error": "invalid_request", "error_description": "Value passed for the token was invalid."}'
    x.faults = [Fault(path="oauth2/revoke", status=400, body=body)] * 2
    connections.disconnect(ada, BY, NOW)
    assert revocations() == []


def test_a_token_that_does_not_open_keeps_no_other_from_being_ended(ada, connections, revoke_due, x):
    db.session.add(TokenRevocation(token=b"odd", owner="x:1:refresh", next_try_at=NOW - timedelta(days=1)))
    db.session.commit()
    down(x, 1)
    connections.disconnect(ada, BY, NOW)
    assert revoke_due(NOW + WAITS[0]) == 2
    assert [one.owner for one in revocations()] == ["x:1:refresh"]


def test_two_processes_do_not_take_the_same_try(ada, connections, revoke_due, x):
    down(x, 1)
    connections.disconnect(ada, BY, NOW)
    second = get_services().scheduler._revoking
    x.watchers.append(lambda asked: asked.path.endswith("revoke") and times.append(asked.path))
    times = []
    assert (revoke_due(NOW + WAITS[0]), second.revoke_due(NOW + WAITS[0])) == (2, 0)
    assert len(times) == 2


def test_a_run_of_the_job_is_short_however_much_is_due(ada, revoke_due, services, x):
    for n in range(AT_ONCE + 5):
        token = services.vault.seal(f"token-{n}", f"x:{n}:refresh")
        db.session.add(TokenRevocation(token=token, owner=f"x:{n}:refresh", next_try_at=NOW))
    db.session.commit()
    assert revoke_due(NOW) == AT_ONCE
    assert revoke_due(NOW) == 5


def test_another_account_in_its_place_ends_the_first_ones_tokens(ada, connections, revoke_due, x):
    first, second = x.account("ada"), x.add_account("ada-two")
    tokens = Tokens(second.access_token, second.refresh_token, 7200, frozenset())
    connections.connect(ada, XUser(second.id, "ada-two", "Ada", None), tokens, NOW)
    assert revoke_due(NOW) == 2
    assert told(x) == [first.refresh_token, first.access_token]
    assert [one.username for one in rows(SocialConnection, SocialConnection.is_active)] == ["ada-two"]


def test_the_same_account_again_ends_nothing(ada, connections, x):
    account = x.add_account("ada")
    tokens = Tokens(account.access_token, account.refresh_token, 7200, frozenset())
    connections.connect(ada, XUser(account.id, "ada", "Ada", None), tokens, NOW)
    assert (revocations(), told(x)) == ([], [])


def test_who_disconnects_while_a_refresh_is_under_way_leaves_no_pair_behind(ada, connections, revoke_due, x):
    (row,) = rows(SocialConnection)
    refresh = get_services().tokens.begin_refresh(row.id, NOW + timedelta(hours=2))
    result = get_services().tokens.call_refresh(refresh)
    down(x, 1)
    connections.disconnect(ada, BY, NOW)
    assert get_services().tokens.finish_refresh(refresh, result, NOW) is False
    (row,) = rows(SocialConnection)
    assert (row.access_token, row.refresh_token) == (b"", None)
    revoke_due(NOW)
    assert {result.access_token, result.refresh_token} <= set(told(x))


def test_what_still_has_to_be_ended_is_sealed_anew_too(ada, connections, make_app, x):
    down(x, 1)
    connections.disconnect(ada, BY, NOW)
    key = Fernet.generate_key().decode()
    with make_app(token_encryption_keys=(key, TOKEN_KEY)).app_context():
        assert get_services().tokens.reseal() == 0
    vault = Vault((key,))
    assert [vault.unseal(one.token, one.owner) != "" for one in revocations()] == [True, True]


# What waits to be sent


@pytest.fixture
def desk(cast, x):
    with checked_at_every_commit():
        yield Desk(cast, x)


def test_a_post_waits_for_who_disconnects_and_goes_out_when_he_is_back_in_time(desk, x):
    desk.on_air("ada")
    user_id = desk.connection().user_id
    desk.cast.services.connections.disconnect(user_id, BY, desk.at)
    post = desk.drain()
    assert (post.status, post.cause) == ("queued", "no_connection")
    account = x.add_account("ada")
    tokens = Tokens(account.access_token, account.refresh_token, 7200, frozenset())
    who = XUser(account.id, "ada", "Ada", None)
    desk.cast.services.connections.connect(user_id, who, tokens, desk.later(60).at)
    assert desk.drain().status == "posted"
    assert len(desk.texts()) == 1
    assert len(rows(SocialConnection)) == 1


def test_a_post_that_waited_for_something_else_finds_the_login_again(desk, x):
    desk.on_air("ada")
    x.faults = [Fault(method="POST", path="/2/tweets", status=429)]
    assert desk.drain().cause == "x_rate"
    user_id = desk.connection().user_id
    desk.cast.services.connections.disconnect(user_id, BY, desk.at)
    account = x.add_account("ada")
    tokens = Tokens(account.access_token, account.refresh_token, 7200, frozenset())
    desk.cast.services.connections.connect(user_id, XUser(account.id, "ada", "Ada", None), tokens, desk.at)
    desk.later(16 * 60)
    desk.look()
    assert desk.drain().status == "posted"


def test_a_post_nobody_comes_back_for_is_missed_and_says_why(desk):
    desk.on_air("ada")
    desk.cast.services.connections.disconnect(desk.connection().user_id, BY, desk.at)
    desk.drain()
    desk.later(31 * 60)
    post = desk.drain()
    assert post.status == "missed"
    assert "No X account is connected." in desk.words(post)
