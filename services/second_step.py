"""The second step of signing in: codes of an authenticator app, and recovery codes for when the phone is lost."""

import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime

import pyotp
import segno
from sqlalchemy import delete, func, select, update

from extensions import db
from models import RecoveryCode, User
from services import audit, sessions, throttle
from services.audit import Actor, Kind
from services.errors import Conflict, Invalid
from services.sessions import SignedIn, hashed
from services.vault import Vault

ISSUER = "Airhorn"
#: seconds that one code is shown
STEP = 30
#: a phone's clock may be off by so many steps
OFF_BY = 1
RECOVERY_CODES = 8
#: no letter that reads like another; 16 of them are 80 bits, so a plain hash is enough
LETTERS, LENGTH = "abcdefghjkmnpqrstvwxyz0123456789", 16
LONGEST = 100
WRONG = "This code is not right, or it was used before. Take the next one of the app, or another recovery code."
ALREADY_ON = "The second step is switched on already."
NOT_BEGUN = "The second step is not being switched on. Begin again."


@dataclass(frozen=True, slots=True)
class Proposal:
    """A secret that is not in force yet, as an app takes it: by camera or by hand."""

    key: str
    picture: str


def propose(user_id: int, vault: Vault) -> None:
    """Makes a secret that a first code will put in force. Raises Conflict when one is already."""
    sealed = vault.seal(pyotp.random_base32(), _owner(user_id))
    made = update(User).where(User.id == user_id, User.totp_on.is_(False)).values(totp_secret=sealed)
    is_made = db.session.execute(made.returning(User.id), execution_options=_PLAIN).first()
    db.session.commit()
    if is_made is None:
        raise Conflict(ALREADY_ON)


def proposal(user: User, vault: Vault) -> Proposal | None:
    """What the app has to be told; None when nothing was proposed, or it is in force: then it is never shown again."""
    if user.totp_on or user.totp_secret is None:
        return None
    key = vault.unseal(user.totp_secret, _owner(user.id))
    uri = pyotp.TOTP(key).provisioning_uri(name=user.email, issuer_name=ISSUER)
    picture = segno.make(uri, error="m").svg_data_uri(scale=4, dark="#000", light="#fff")
    return Proposal(" ".join(key[at : at + 4] for at in range(0, len(key), 4)), picture)


def switch_on(me: SignedIn, code: str, vault: Vault, by: Actor, now: datetime) -> list[str]:
    """The first code of the app puts its secret in force and ends the other sessions, begun with less.

    Returns the recovery codes, which are kept nowhere else. Raises Invalid, TooManyTries and Conflict.
    """
    user_id = me.user.id
    user = db.session.get_one(User, user_id, populate_existing=True)
    if user.totp_on or user.totp_secret is None:
        db.session.rollback()
        raise Conflict(ALREADY_ON if user.totp_on else NOT_BEGUN)
    sealed = user.totp_secret
    step = _step_of(vault.unseal(sealed, _owner(user_id)), _plain(code), now)
    db.session.rollback()
    throttle.count([throttle.of_code(user_id)], now)
    # Only the secret whose code it is: another may have been proposed meanwhile.
    same = update(User).where(User.id == user_id, User.totp_on.is_(False), User.totp_secret == sealed)
    is_on = (
        step is not None
        and db.session.execute(
            same.values(totp_on=True, totp_last_step=step).returning(User.id), execution_options=_PLAIN
        ).first()
    )
    if not is_on:
        db.session.rollback()
        raise Invalid(WRONG)
    throttle.take_back([throttle.of_code(user_id)])
    codes = _make_codes(user_id)
    sessions.end_all(user_id, but=me.session_id)
    audit.note(Kind.SECOND_STEP_ON, by, now)
    db.session.commit()
    return codes


def switch_off(user_id: int, by: Actor, now: datetime) -> None:
    """From here on the password is enough. Recovery codes are of no use any longer."""
    off = update(User).where(User.id == user_id).values(totp_on=False, totp_secret=None)
    db.session.execute(off, execution_options=_PLAIN)
    db.session.execute(delete(RecoveryCode).where(RecoveryCode.user_id == user_id))
    audit.note(Kind.SECOND_STEP_OFF, by, now)
    db.session.commit()


def renew_codes(user_id: int, by: Actor, now: datetime) -> list[str]:
    """New recovery codes; the old ones end. Raises Conflict while the second step is off."""
    is_on = db.session.execute(select(User.totp_on).where(User.id == user_id).with_for_update()).scalar_one()
    if not is_on:
        db.session.rollback()
        raise Conflict("Switch the second step on first.")
    codes = _make_codes(user_id)
    audit.note(Kind.RECOVERY_CODES_MADE, by, now)
    db.session.commit()
    return codes


def codes_left(user_id: int) -> int:
    """How many recovery codes have not been used."""
    unused = select(func.count()).where(RecoveryCode.user_id == user_id, RecoveryCode.used_at.is_(None))
    return db.session.execute(unused).scalar_one()


def use(user_id: int, code: str, vault: Vault, by: Actor, now: datetime) -> None:
    """Spends a code, in the caller's transaction: each works once, also of two at the same moment. Raises Invalid."""
    plain = _plain(code)
    if len(plain) == LENGTH and plain.isascii():
        is_right = _use_recovery_code(user_id, plain, by, now)
    else:
        is_right = _use_app_code(user_id, plain, vault, now)
    if not is_right:
        raise Invalid(WRONG)


def _use_app_code(user_id: int, code: str, vault: Vault, now: datetime) -> bool:
    found = db.session.execute(select(User.totp_secret).where(User.id == user_id, User.totp_on)).scalar_one_or_none()
    step = _step_of(vault.unseal(found, _owner(user_id)), code, now) if found else None
    if step is None:
        return False
    newer = update(User).where(User.id == user_id, User.totp_on, User.totp_last_step < step)
    spent = db.session.execute(newer.values(totp_last_step=step).returning(User.id), execution_options=_PLAIN)
    return spent.first() is not None


def _use_recovery_code(user_id: int, code: str, by: Actor, now: datetime) -> bool:
    mine = update(RecoveryCode).where(
        RecoveryCode.user_id == user_id,
        RecoveryCode.code_hash == hashed(f"{user_id}:{code}"),
        RecoveryCode.used_at.is_(None),
    )
    spent = db.session.execute(mine.values(used_at=now).returning(RecoveryCode.id), execution_options=_PLAIN)
    if spent.first() is None:
        return False
    audit.note(Kind.RECOVERY_CODE_USED, Actor(user_id, by.address), now, left=codes_left(user_id))
    return True


def _step_of(key: str, code: str, now: datetime) -> int | None:
    """The time step whose code this is, at most OFF_BY away from now."""
    if len(code) != 6 or not code.isascii() or not code.isdigit():
        return None
    totp, current = pyotp.TOTP(key), int(now.timestamp()) // STEP
    steps = range(current - OFF_BY, current + OFF_BY + 1)
    # All are compared, so that the time does not tell which it was.
    return max((step for step in steps if hmac.compare_digest(totp.generate_otp(step), code)), default=None)


def _plain(code: str) -> str:
    """Without the spaces and hyphens that apps and paper put in for reading."""
    return "".join(character for character in code[:LONGEST] if character not in "-\N{NO-BREAK SPACE} \t").lower()


def _make_codes(user_id: int) -> list[str]:
    """In the caller's transaction."""
    codes = ["".join(secrets.choice(LETTERS) for _ in range(LENGTH)) for _ in range(RECOVERY_CODES)]
    db.session.execute(delete(RecoveryCode).where(RecoveryCode.user_id == user_id))
    db.session.add_all(RecoveryCode(user_id=user_id, code_hash=hashed(f"{user_id}:{code}")) for code in codes)
    return ["-".join(code[at : at + 4] for at in range(0, LENGTH, 4)) for code in codes]


def _owner(user_id: int) -> str:
    return f"user:{user_id}:totp"


_PLAIN = {"synchronize_session": False}
