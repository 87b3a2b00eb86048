"""Passwords: judged, hashed with argon2id, compared. Knows no user."""

import re
import unicodedata
from collections.abc import Callable, Iterable
from functools import cache
from importlib import import_module
from typing import Any

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError

from services.errors import Invalid

SHORTEST, LONGEST = 12, 1000
#: in KiB. RFC 9106 section 4, second recommended option: 64 MiB, 3 passes, 4 lanes
MEMORY = 64 * 1024
#: so much of a password is judged: it is strong if its beginning is, and hostile long ones would take seconds
JUDGED = 32
#: 3 of 4: safe against guessing that is slowed down, 10^8 to 10^10 guesses
GOOD_ENOUGH = 3
#: words that everybody would try here; those about the person come from outside
OURS = ("airhorn", "podcast")
HOW_TO = "Take four or more words that have nothing to do with each other, or let a password manager make one."
#: what the longest part of a weak one is → why it is weak
REASONS = {
    "repeat": "it repeats itself",
    "sequence": "it counts or follows the alphabet",
    "spatial": "it follows the keys of a keyboard",
    "date": "it is a date",
    "regex": "it is a year",
    "dictionary": "it is made of a common password or word",
    "bruteforce": "too little of it is left to chance",
}
_HASHER = PasswordHasher(time_cost=3, memory_cost=MEMORY, parallelism=4, type=Type.ID)
#: stands for the hash of who has none: as long to compare with, and nothing fits it
_NOBODYS = f"$argon2id$v=19$m={MEMORY},t=3,p=4${'A' * 22}${'A' * 43}"


def check_strength(password: str, about: Iterable[str] = ()) -> None:
    """Raises Invalid with why it is weak and how to do better. `about`: names and addresses around the person.

    Common passwords are known without asking anybody: the list comes with the library.
    """
    check_length(password)
    text = unicodedata.normalize("NFC", password)[:JUDGED]
    rest = _without(text, [*OURS, *about])
    if not rest.strip():
        raise Invalid(f"This password is easy to guess: it is made of names that belong to you. {HOW_TO}")
    judged = _judge()(rest, max_length=JUDGED)
    if judged["score"] < GOOD_ENOUGH:
        longest = max(judged["sequence"], key=lambda part: len(part["token"]))
        because = "but for names that belong to you, " if rest != text else ""
        raise Invalid(f"This password is easy to guess: {because}{REASONS[longest['pattern']]}. {HOW_TO}")


@cache
def _judge() -> Callable[..., dict[str, Any]]:
    """Its word lists take 12 MB, and few processes ever judge a password."""
    found: Callable[..., dict[str, Any]] = import_module("zxcvbn").zxcvbn
    return found


def _without(text: str, about: Iterable[str]) -> str:
    """The password without the words that whoever knows the person would try: they protect nothing."""
    parts = {part for word in about for part in (word.casefold(), *re.split(r"[\W_]+", word.casefold()))}
    for part in sorted((part for part in parts if len(part) >= 3), key=len, reverse=True):
        text = re.sub(re.escape(part), "", text, flags=re.IGNORECASE)
    return text


def check_length(password: str) -> None:
    if len(password) < SHORTEST:
        raise Invalid(f"The password has {len(password)} characters. It needs at least {SHORTEST}.")
    if len(password) > LONGEST:
        raise Invalid(f"The password has {len(password)} characters. At most {LONGEST} fit.")


def hash_password(password: str) -> str:
    """About 0.1 s. Never call it with a transaction open. Judges the length only: see check_strength."""
    check_length(password)
    return _HASHER.hash(_bytes(password))


def verify_password(stored: str | None, password: str) -> bool:
    """Whether this is the password. Takes as long when there is none (`None`), so that time tells nothing."""
    if len(password) > LONGEST:
        return False
    try:
        return _HASHER.verify(stored or _NOBODYS, _bytes(password)) and stored is not None
    except (VerificationError, InvalidHashError):
        return False


def needs_rehash(stored: str) -> bool:
    """Whether it was made with other parameters than today's: hash again at the next sign-in."""
    return _HASHER.check_needs_rehash(stored)


def _bytes(password: str) -> bytes:
    # The same key presses give composed or decomposed letters, depending on the system.
    return unicodedata.normalize("NFC", password).encode("utf-8", "surrogatepass")
