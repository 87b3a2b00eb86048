"""Passwords are kept so that a stolen database does not give them away."""

import pytest
from argon2 import PasswordHasher, extract_parameters
from argon2.low_level import Type

from services.errors import Invalid
from services.passwords import hash_password, needs_rehash, verify_password

GOOD = "correct horse battery"


def test_a_hash_is_argon2id_with_at_least_64_mib():
    parameters = extract_parameters(hash_password(GOOD))
    assert parameters.type is Type.ID
    assert parameters.memory_cost >= 64 * 1024


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
