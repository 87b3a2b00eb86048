"""What takes long and always gives the same, made once in a test process: addresses, pages, SQL, hashes."""

from types import MethodType
from typing import Any, Literal

from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError
from jinja2.bccache import Bucket, BytecodeCache
from sqlalchemy import Engine
from werkzeug.routing import Rule

SHARED: dict[str, Engine] = {}
ADDRESSES: dict[Any, dict[str, Any]] = {}
_compile_address = Rule.compile


def _compiled_once(rule: Rule) -> None:
    """Compiling the addresses of all routes takes most of an application's start, and always gives the same."""
    key = (rule.rule, rule.subdomain, rule.host, rule.merge_slashes, str(rule.defaults))
    if key not in ADDRESSES:
        before = dict(vars(rule))
        _compile_address(rule)
        made = {name: value for name, value in vars(rule).items() if value is not before.get(name)}
        ADDRESSES[key] = made | {"arguments": rule.arguments}
        return
    for name, value in ADDRESSES[key].items():
        # the two that build an address belong to their rule, everything else is only read
        setattr(rule, name, value.__func__.__get__(rule) if isinstance(value, MethodType) else value)


Rule.compile = _compiled_once  # type: ignore[method-assign]


class CompiledPages(BytecodeCache):
    """Keeps the compiled templates of all applications of this process."""

    def __init__(self) -> None:
        self._kept: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        if bucket.key in self._kept:
            bucket.bytecode_from_string(self._kept[bucket.key])

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._kept[bucket.key] = bucket.bytecode_to_string()


PAGES = CompiledPages()


def share_compiled(engine: Engine) -> None:
    """Lets each test's engine use the SQL that earlier ones compiled: a third of the suite's time otherwise."""
    first = SHARED.setdefault(engine.dialect.name, engine)
    engine.dialect, engine._compiled_cache = first.dialect, first._compiled_cache


# argon2 takes a fifth of a second on purpose, for every password that is kept or compared.

HASHES: dict[tuple[str, bytes], str] = {}
PASSWORDS: dict[str, bytes] = {}
FITS: dict[tuple[str, bytes], bool] = {}
hash_anew, verify_anew = PasswordHasher.hash, PasswordHasher.verify


def _bytes(password: str | bytes) -> bytes:
    return password.encode() if isinstance(password, str) else password


def _hash_once(hasher: PasswordHasher, password: str | bytes, **more: Any) -> str:
    key = (str(hasher._parameters), _bytes(password))
    if more or key not in HASHES:
        HASHES[key] = hash_anew(hasher, password, **more)
        PASSWORDS[HASHES[key]] = key[1]
    return HASHES[key]


def _fits(hasher: PasswordHasher, stored: str, password: bytes) -> bool:
    """What is no hash is judged every time, without the work."""
    if stored in PASSWORDS:
        return PASSWORDS[stored] == password
    key = (stored, password)
    if key not in FITS:
        try:
            FITS[key] = verify_anew(hasher, stored, password)
        except VerifyMismatchError:
            FITS[key] = False
    return FITS[key]


def _verify_once(hasher: PasswordHasher, stored: str, password: str | bytes) -> Literal[True]:
    if not _fits(hasher, stored, _bytes(password)):
        raise VerifyMismatchError
    return True


PasswordHasher.hash, PasswordHasher.verify = _hash_once, _verify_once  # type: ignore[method-assign]
