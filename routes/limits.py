"""How often somebody may do something: by person where he is signed in, else by network address."""

from collections.abc import Callable
from typing import Any

from flask import g, request
from flask_login import current_user

from extensions import limiter
from services.addresses import network_of

View = Callable[..., Any]


def of_person() -> str:
    """Limits count people, so that a whole studio behind one address does not share one."""
    return f"user:{g.signed_in.user.id}" if current_user.is_authenticated else of_network()


def of_network() -> str:
    return f"from:{network_of(request.remote_addr)}"


def limited(rule: str, *, methods: tuple[str, ...] = ("POST",)) -> Callable[[View], View]:
    """Limits a view per person, such as "30/minute". Every route that changes something has one."""

    def wrap(view: View) -> View:
        wrapped: View = limiter.limit(rule, methods=list(methods), key_func=of_person)(view)
        wrapped.limit_rule = rule  # type: ignore[attr-defined]  # for the test that looks for routes without
        return wrapped

    return wrap
