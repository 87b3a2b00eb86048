"""What stands in a host's field, unsaved, while something else is done: it goes along to the page that comes next."""

import zlib
from typing import Any

from flask import request, session

from services.errors import Invalid

#: where it waits until that page, and what that page's address says
KEPT = "typed"
#: bytes of a cookie, packed: a browser drops one of 4 KB, and there is more in it
LARGEST = 1_800


def keep(episode_id: int, typed: dict[str, Any]) -> None:
    """For the page that comes next. Raises Invalid for more than can be kept, before anything is done."""
    packed = zlib.compress(repr(sorted(typed.items())).encode("utf-8", "replace"))
    if len(packed) > LARGEST:
        raise Invalid("What stands in the field is too long to be kept meanwhile. Save it first, or shorten it.")
    session[KEPT] = {"episode": episode_id} | typed


def forget() -> None:
    """The page that is shown at once has it."""
    session.pop(KEPT, None)


def kept(episode_id: int) -> dict[str, Any]:
    """What was typed, once; empty where nothing was."""
    if KEPT not in request.args or not isinstance(session.get(KEPT), dict):
        return {}
    found: dict[str, Any] = session.pop(KEPT)
    return found if found.pop("episode", None) == episode_id else {}
