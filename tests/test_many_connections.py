"""Ten thousand connections: a new key in front, and all that is stored sealed anew while tokens are renewed."""

import threading
from collections.abc import Callable
from datetime import timedelta

import pytest
from cryptography.fernet import Fernet
from flask import Flask
from sqlalchemy import insert, select, update

from extensions import db
from models import SocialConnection, User
from sandbox.x import X
from services.registry import get_services
from services.vault import Vault
from tests.cast import Cast
from tests.conftest import TOKEN_KEY

MANY, RENEWED = 10_000, 40
NEW_KEY = Fernet.generate_key().decode()


def account(number: int) -> str:
    return str(5_000_000 + number)


def crowd(cast: Cast, x: X) -> list[int]:
    """So many connections, a few of them to accounts at the stand-in whose tokens are due. Answers those few."""
    vault, now = cast.services.vault, x.now()
    db.session.execute(insert(User.__table__), [{"email": f"h{n}@example.com", "name": f"H{n}"} for n in range(MANY)])
    users = list(db.session.execute(select(User.id).order_by(User.id)).scalars())
    rows = [
        {
            "user_id": user_id,
            "platform_user_id": account(n),
            "username": f"h{n}",
            "access_token": vault.seal(f"access {n}", f"x:{account(n)}:access"),
            "refresh_token": vault.seal(f"refresh {n}", f"x:{account(n)}:refresh"),
            "token_version": 1,
        }
        for n, user_id in enumerate(users)
    ]
    step = MANY // RENEWED
    for n in range(0, MANY, step):
        known = x.add_account(f"host{n}")
        owner = f"x:{known.id}"
        rows[n] |= {
            "platform_user_id": known.id,
            "access_token": vault.seal(known.access_token, f"{owner}:access"),
            "refresh_token": vault.seal(known.refresh_token, f"{owner}:refresh"),
        }
    db.session.execute(insert(SocialConnection.__table__), rows)
    ids = list(db.session.execute(select(SocialConnection.id).order_by(SocialConnection.id)).scalars())[::step]
    due = update(SocialConnection).where(SocialConnection.id.in_(ids)).values(expires_at=now + timedelta(minutes=1))
    db.session.execute(due)
    db.session.commit()
    return ids


@pytest.mark.slow
def test_s48_ten_thousand_connections_are_sealed_anew_while_tokens_are_renewed_and_none_is_lost(
    cast: Cast, x: X, make_app: Callable[..., Flask]
) -> None:
    due = crowd(cast, x)
    halfway = make_app(token_encryption_keys=(TOKEN_KEY, NEW_KEY))
    rotated = make_app(token_encryption_keys=(NEW_KEY, TOKEN_KEY))
    begun = threading.Event()
    x.watchers.append(lambda _: begun.set())

    def renew() -> None:
        # By a process that knows the new key and still seals with the old one.
        with halfway.app_context():
            get_services().tokens.refresh_now(due, x.now)
            db.session.remove()

    renewing = threading.Thread(target=renew)
    renewing.start()
    assert begun.wait(60)
    with rotated.app_context():
        assert get_services().tokens.reseal() == MANY
        renewing.join()
        # What that process stored behind the first round is found by the second.
        assert get_services().tokens.reseal() == MANY
        db.session.remove()
    alone = Vault((NEW_KEY,))
    columns = (SocialConnection.platform_user_id, SocialConnection.access_token, SocialConnection.refresh_token)
    for n, row in enumerate(db.session.execute(select(*columns).order_by(SocialConnection.id))):
        owner = f"x:{row.platform_user_id}"
        opened = alone.unseal(row.access_token, f"{owner}:access"), alone.unseal(row.refresh_token, f"{owner}:refresh")
        at_x = x.account(row.platform_user_id) if n % (MANY // RENEWED) == 0 else None
        expected = (at_x.access_token, at_x.refresh_token) if at_x else (f"access {n}", f"refresh {n}")
        assert opened == expected
    db.session.commit()
    assert len(x.asked("POST", "/2/oauth2/token")) == RENEWED
