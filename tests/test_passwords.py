"""Passwords are kept so that a stolen database does not give them away."""

import contextlib

import pytest
from argon2 import PasswordHasher, extract_parameters
from argon2.low_level import Type

from services.errors import Invalid
from services.passwords import check_strength, hash_password, needs_rehash, verify_password
from tests import once

GOOD = "correct horse battery"


@pytest.fixture(autouse=True)
def anew(monkeypatch):
    """Everywhere else a password that was hashed or compared before is not hashed or compared again."""
    monkeypatch.setattr(PasswordHasher, "hash", once.hash_anew)
    monkeypatch.setattr(PasswordHasher, "verify", once.verify_anew)


def test_a_hash_is_argon2id_with_at_least_64_mib():
    parameters = extract_parameters(hash_password(GOOD))
    assert parameters.type is Type.ID
    assert parameters.memory_cost >= 64 * 1024


def test_the_same_password_is_never_kept_the_same_way_twice():
    assert hash_password(GOOD) != hash_password(GOOD)


@pytest.mark.slow
def test_only_the_password_itself_is_the_password():
    stored = hash_password(GOOD)
    assert verify_password(stored, GOOD)
    assert not verify_password(stored, GOOD + " ")
    assert not verify_password(stored, "")


def test_nothing_of_a_long_password_is_cut_off():
    stored = hash_password("ä" * 200 + "1")
    assert verify_password(stored, "ä" * 200 + "1")
    assert not verify_password(stored, "ä" * 200 + "2")


def test_composed_and_decomposed_letters_are_the_same():
    assert verify_password(hash_password("zwölf Boxkämpfer"), "zwo\u0308lf Boxka\u0308mpfer")


@pytest.mark.parametrize("stored", [None, "", "plain", "$argon2id$v=19$broken"])
def test_nobody_gets_in_without_a_proper_hash(stored):
    assert not verify_password(stored, GOOD)
    assert not verify_password(stored, "x" * 5_000_000)


@pytest.mark.parametrize("password", ["", "short", "x" * 1001])
def test_too_short_and_too_long_ones_are_refused_with_the_limit(password):
    with pytest.raises(Invalid, match=r"At most 1000|at least 12"):
        hash_password(password)


def test_a_hash_with_other_parameters_asks_to_be_made_again():
    assert needs_rehash(PasswordHasher(time_cost=1, memory_cost=8192).hash(GOOD))
    assert not needs_rehash(hash_password(GOOD))


@pytest.mark.parametrize(
    ("password", "why"),
    [
        ("password1234", "a common password"),
        ("qwertyuiopas", "keys of a keyboard|common password"),
        ("aaaaaaaaaaaaaaaa", "it repeats itself"),
        ("abcdefghijklmnop", "follows the alphabet"),
        ("airhorn airhorn", "names that belong to you"),
        ("Deep Dive podcast", "names that belong to you"),
        ("ada.example.com", "names that belong to you"),
        ("Ada1234567890", "names that belong to you, it counts|names that belong to you, it is made of"),
        ("deep-dive-2026", "names that belong to you"),
    ],
)
def test_what_is_easy_to_guess_is_refused_with_the_reason_and_what_to_do(password, why):
    with pytest.raises(Invalid, match=why) as raised:
        check_strength(password, ("Ada", "ada@example.com", "Deep Dive"))
    assert "four or more words" in str(raised.value)


@pytest.mark.parametrize(
    "password", [GOOD, "zwölf Boxkämpfer", "zebra mildew anchor forty", "fd9!Kx2#mQ7z", "漢字仮名交じり文の長い合言葉"]
)
def test_what_is_hard_to_guess_will_do(password):
    check_strength(password, ("Ada", "ada@example.com", "Deep Dive"))


@pytest.mark.timeout(60)  # unbounded, the first takes hours
@pytest.mark.parametrize("text", ["4a@8b({c[<6g93e1i!|l0o$s5+t7%x2z", "password", "0", "a4@", "ä", "1/2/"])
def test_judging_takes_no_longer_for_hostile_ones(text):
    with contextlib.suppress(Invalid):
        check_strength((text * 1000)[:1000])
