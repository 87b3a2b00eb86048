"""Tokens at rest: sealed anew while they are renewed, useless elsewhere, and a wrong key that stops the start."""

import threading
from datetime import timedelta

import pytest
from cryptography.fernet import Fernet
from sqlalchemy import insert, select

from extensions import db
from models import SocialConnection, User
from sandbox.x import X
from services.registry import get_services
from services.vault import Vault, VaultError
from tests.cast import Cast
from tests.conftest import ENGINES, TOKEN_KEY

NEW_KEY = Fernet.generate_key().decode()
MANY = 200

#: several posts at once: one is settled in a short transaction while others are on the wire
pytestmark = pytest.mark.calls_in_transaction


def crowd(cast: Cast, x: X, count: int) -> dict[str, str]:
    """So many connected people. Answers access token by X user id."""
    vault, now = cast.services.vault, x.now()
    accounts = [x.add_account(f"host{n}") for n in range(count)]
    db.session.execute(insert(User), [{"email": f"h{n}@example.com", "name": f"H{n}"} for n in range(count)])
    ids = list(db.session.execute(select(User.id).order_by(User.id)).scalars())
    rows = [
        {
            "user_id": user_id,
            "platform_user_id": account.id,
            "username": account.username,
            "access_token": vault.seal(account.access_token, f"x:{account.id}:access"),
            "refresh_token": vault.seal(account.refresh_token, f"x:{account.id}:refresh"),
            "expires_at": now + timedelta(minutes=1),
            "token_version": 1,
        }
        for user_id, account in zip(ids, accounts, strict=True)
    ]
    db.session.execute(insert(SocialConnection), rows)
    db.session.commit()
    return {account.id: account.access_token for account in accounts}


@pytest.mark.slow
def test_sealing_anew_while_tokens_are_renewed_loses_none(cast, x, make_app):
    before = crowd(cast, x, MANY)
    rotated = make_app(token_encryption_keys=(NEW_KEY, TOKEN_KEY))
    ids = list(db.session.execute(select(SocialConnection.id).order_by(SocialConnection.id.desc())).scalars())
    db.session.commit()
    counts = []

    def reseal() -> None:
        with rotated.app_context():
            counts.append(get_services().tokens.reseal())

    sealing = threading.Thread(target=reseal)
    with rotated.app_context():
        sealing.start()
        get_services().tokens.refresh_now(ids[: MANY // 4], x.now)
        sealing.join()
        db.session.remove()
    assert counts == [MANY]
    alone = Vault((NEW_KEY,))
    renewed = 0
    for row in db.session.execute(select(SocialConnection)).scalars():
        access = alone.unseal(row.access_token, f"x:{row.platform_user_id}:access")
        refresh = alone.unseal(row.refresh_token, f"x:{row.platform_user_id}:refresh")
        account = x.account(row.platform_user_id)
        assert (access, refresh) == (account.access_token, account.refresh_token)
        renewed += access != before[row.platform_user_id]
    db.session.commit()
    assert renewed == MANY // 4


def test_a_wrong_key_stops_the_start_with_a_sentence(desk, make_app):
    desk.on_air("ada")
    wrong = make_app(token_encryption_keys=(NEW_KEY,))
    with wrong.app_context(), pytest.raises(VaultError, match="Put the key back that sealed it"):
        get_services().scheduler.start()


def test_a_new_key_in_front_of_the_old_one_opens_what_the_old_one_sealed(desk, make_app):
    desk.on_air("ada")
    both = make_app(token_encryption_keys=(NEW_KEY, TOKEN_KEY))
    with both.app_context():
        assert get_services().posting.drain(desk.at).posted == 1
        db.session.remove()


def flipped(sealed: bytes) -> bytes:
    middle = len(sealed) // 2
    return sealed[:middle] + bytes([sealed[middle] ^ 1]) + sealed[middle + 1 :]


def cut(sealed: bytes) -> bytes:
    return sealed[:-7]


def emptied(_: bytes) -> bytes:
    return b""


@pytest.mark.parametrize("engine_name", ENGINES[:1], indirect=True)
@pytest.mark.parametrize("spoil", [flipped, cut, emptied])
@pytest.mark.parametrize("column", ["access_token", "refresh_token"])
def test_a_spoilt_token_holds_that_host_only_and_says_what_to_do(desk, x, column, spoil):
    desk.on_air("ada", "bo")
    if column == "refresh_token":
        x.expire_token(x.account("ada"))
        desk.change_connection("ada", expires_at=desk.at)
    desk.change_connection("ada", **{column: spoil(getattr(desk.connection("ada"), column))})
    desk.drain()
    post = desk.post("ada")
    assert (post.status, post.cause, desk.post("bo").status) == ("queued", "x_auth", "posted")
    assert "Put the key back that sealed it." in desk.words(post)
    assert desk.texts("ada") == []
    assert desk.later(5).drain() is not None


def test_a_token_moved_to_another_account_is_not_used(desk, x):
    desk.on_air("ada", "bo")
    desk.change_connection("ada", access_token=desk.connection("bo").access_token)
    desk.drain()
    post = desk.post("ada")
    assert (post.status, post.cause) == ("queued", "x_auth")
    assert "belongs to another account" in desk.words(post)
    assert (desk.texts("ada"), len(desk.texts("bo"))) == ([], 1)


def test_an_access_token_in_the_place_of_a_refresh_token_is_not_used(desk):
    desk.on_air("ada")
    desk.change_connection("ada", refresh_token=desk.connection("ada").access_token, expires_at=desk.at)
    assert desk.drain().cause == "x_auth"
    assert desk.refreshes() == []


def test_no_token_is_readable_in_the_database(desk, x):
    desk.on_air("ada")
    desk.drain()
    secrets = [x.account("ada").access_token, x.account("ada").refresh_token]
    for table in db.metadata.sorted_tables:
        stored = repr(db.session.execute(select(table)).all())
        assert not [secret for secret in secrets if secret in stored], table.name
    db.session.commit()
