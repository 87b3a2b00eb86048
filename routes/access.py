"""Permission: to a podcast, loaded and checked in one act; and to dangerous acts, by a password given lately."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import wraps
from typing import Any

from flask import abort, render_template
from flask.typing import ResponseReturnValue
from flask_login import current_user

from routes.auth_forms import ConfirmForm
from routes.next_page import this_page
from routes.signed_in import actor, begin_reading, this_session
from services.access import Access, podcast_for
from services.errors import NotFound

View = Callable[..., ResponseReturnValue]


def require_podcast_access(view: View) -> View:
    """For everybody on the podcast. The view gets an Access instead of the id; strangers get 404."""

    @wraps(view)
    def loaded(*, podcast_id: int, **arguments: Any) -> ResponseReturnValue:
        return view(_access(podcast_id), **arguments)

    return loaded


def require_podcast_admin(view: View) -> View:
    """For its admins. Strangers get 404; who is on it without being an admin gets 403."""

    @wraps(view)
    def loaded(*, podcast_id: int, **arguments: Any) -> ResponseReturnValue:
        access = _access(podcast_id)
        if not access.is_admin:
            abort(403)
        return view(access, **arguments)

    return loaded


def _access(podcast_id: int) -> Access:
    try:
        return podcast_for(current_user, podcast_id, actor(), datetime.now(UTC))
    except NotFound:
        begin_reading()  # a stranger was written down
        raise


def require_site_admin(view: View) -> View:
    """For those who run the server; everybody else gets 403."""

    @wraps(view)
    def guarded(**arguments: Any) -> ResponseReturnValue:
        if not current_user.is_admin:
            abort(403)
        return view(**arguments)

    return guarded


def require_confirmed(view: View) -> View:
    """For dangerous acts: whose password was not given lately is asked for it, and comes back to where he was."""

    @wraps(view)
    def confirmed(*arguments: Any, **named: Any) -> ResponseReturnValue:
        if this_session().is_confirmed(datetime.now(UTC)):
            return view(*arguments, **named)
        # Nothing of what was sent goes into this form: it is another one.
        return render_template("auth/confirm.html", form=ConfirmForm(formdata=None), next=this_page()), 403

    return confirmed
