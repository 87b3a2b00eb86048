"""Permission to a podcast: the decorators load it and check the right to it in one act."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from flask import abort
from flask.typing import ResponseReturnValue
from flask_login import current_user

from services.access import podcast_for

View = Callable[..., ResponseReturnValue]


def require_podcast_access(view: View) -> View:
    """For everybody on the podcast. The view gets an Access instead of the id; strangers get 404."""

    @wraps(view)
    def loaded(*, podcast_id: int, **arguments: Any) -> ResponseReturnValue:
        return view(podcast_for(current_user, podcast_id), **arguments)

    return loaded


def require_podcast_admin(view: View) -> View:
    """For its admins. Strangers get 404; who is on it without being an admin gets 403."""

    @wraps(view)
    def loaded(*, podcast_id: int, **arguments: Any) -> ResponseReturnValue:
        access = podcast_for(current_user, podcast_id)
        if not access.is_admin:
            abort(403)
        return view(access, **arguments)

    return loaded
