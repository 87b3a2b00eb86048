"""Passwords: argon2id, hashed and compared. Knows no user."""

import secrets
import unicodedata
from functools import cache

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError

from services.errors import Invalid

SHORTEST, LONGEST = 12, 1000
#: in KiB. RFC 9106 section 4, second recommended option: 64 MiB, 3 passes, 4 lanes
MEMORY = 64 * 1024
_HASHER = PasswordHasher(time_cost=3, memory_cost=MEMORY, parallelism=4, type=Type.ID)


def hash_password(password: str) -> str:
    """About 0.1 s. Never call it with a transaction open."""
    if len(password) < SHORTEST:
        raise Invalid(f"The password has {len(password)} characters. It needs at least {SHORTEST}.")
    if len(password) > LONGEST:
        raise Invalid(f"The password has {len(password)} characters. At most {LONGEST} fit.")
    return _HASHER.hash(_bytes(password))


def verify_password(stored: str | None, password: str) -> bool:
    """Whether this is the password. Takes as long when there is none (`None`), so that time tells nothing."""
    if len(password) > LONGEST:
        return False
    try:
        return _HASHER.verify(stored or _nobodys(), _bytes(password)) and stored is not None
    except (VerificationError, InvalidHashError):
        return False


def needs_rehash(stored: str) -> bool:
    """Whether it was made with other parameters than today's: hash again at the next sign-in."""
    return _HASHER.check_needs_rehash(stored)


def _bytes(password: str) -> bytes:
    # The same key presses give composed or decomposed letters, depending on the system.
    return unicodedata.normalize("NFC", password).encode("utf-8", "surrogatepass")


@cache
def _nobodys() -> str:
    return _HASHER.hash(secrets.token_bytes(16))
