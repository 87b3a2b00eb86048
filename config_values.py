"""The kinds of values that settings have. What does not fit is refused in a sentence that goes on after the name."""

import itertools
import re
from functools import partial
from ipaddress import ip_address
from typing import Annotated
from urllib.parse import urlsplit

from cryptography.fernet import Fernet
from pydantic import AfterValidator, BeforeValidator
from pydantic_settings import NoDecode


def is_loopback(host: str | None) -> bool:
    """Whether a host name or address can only mean this machine."""
    if host is None:
        return False
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _url(value: str, *, with_query: bool = False) -> str:
    parts = urlsplit(value)
    too_much = parts.username or parts.fragment or (parts.query and not with_query)
    if parts.scheme not in ("http", "https") or not parts.hostname or too_much:
        without = "user or fragment" if with_query else "user, query or fragment"
        raise ValueError(f"must be a plain http or https address without {without}")
    try:
        _ = parts.port
    except ValueError:
        raise ValueError("must have a port from 1 to 65535, or none") from None
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise ValueError("must be https; plain http is allowed to this machine only")
    return value if with_query else value.rstrip("/")


def _here(value: str) -> str:
    if not is_loopback(urlsplit(value).hostname):
        raise ValueError("must point to this machine: stand-ins are for rehearsing")
    return _url(value)


def _redis(value: str) -> str:
    if not value.startswith(("redis://", "rediss://", "unix://")):
        raise ValueError("must start with redis:// or rediss://")
    return value


def _database(value: str) -> str:
    # SQLAlchemy 2.1 reads plain postgresql:// as psycopg 3; ours is psycopg2.
    for prefix in ("postgresql://", "postgres://"):
        if value.startswith(prefix):
            return "postgresql+psycopg2://" + value.removeprefix(prefix)
    if value and not value.startswith(("sqlite://", "postgresql+psycopg2://")):
        raise ValueError("must start with sqlite:/// or postgresql://")
    return value


def _sender(value: str) -> str:
    if not re.fullmatch(r"[^\s@<>\",:;]+@[^\s@<>\",:;]+", value):
        raise ValueError("must be one plain e-mail address, such as airhorn@example.com")
    return value


def _listed(value: object) -> object:
    return tuple(one.strip() for one in value.split(",") if one.strip()) if isinstance(value, str) else value


def _seals(keys: tuple[str, ...]) -> tuple[str, ...]:
    for key in keys:
        try:
            Fernet(key)
        except ValueError:
            raise ValueError("must hold Fernet keys: 32 bytes in url-safe base64, comma separated") from None
    return keys


def _rising(delays: tuple[float, ...]) -> tuple[float, ...]:
    rising = all(a < b for a, b in itertools.pairwise(delays))
    if len(delays) < 3 or not rising or delays[0] <= 0 or delays[-1] > 3600:
        raise ValueError("must be at least three rising numbers of seconds, such as 5,20,50,95")
    return delays


def _upper(value: object) -> object:
    return value.upper() if isinstance(value, str) else value


#: of a server, without the slash at its end
Url = Annotated[str, AfterValidator(_url)]
#: asked as it is
WholeUrl = Annotated[str, AfterValidator(partial(_url, with_query=True))]
SandboxUrl = Annotated[str, AfterValidator(_here)]
RedisUrl = Annotated[str, AfterValidator(_redis)]
DatabaseUrl = Annotated[str, AfterValidator(_database)]
Sender = Annotated[str, AfterValidator(_sender)]
#: comma separated
Keys = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_listed)]
SealingKeys = Annotated[Keys, AfterValidator(_seals)]
Delays = Annotated[tuple[float, ...], NoDecode, BeforeValidator(_listed), AfterValidator(_rising)]
#: upper or lower case
Upper = BeforeValidator(_upper)
