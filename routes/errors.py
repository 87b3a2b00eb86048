"""Every error becomes a status and a page or JSON, once. People read our words, never those of an exception."""

import logging
import secrets

from flask import Flask, Response, jsonify, make_response, render_template, request
from flask_login import current_user
from flask_wtf.csrf import CSRFError
from sqlalchemy.exc import DBAPIError, TimeoutError
from werkzeug.exceptions import HTTPException, SecurityError

from extensions import db
from routes.unsaved import Unsaved, unsaved
from services.errors import AirhornError, Conflict, Invalid, NotFound, Outcome

log = logging.getLogger(__name__)

#: title and what happens next, by status
PAGES = {
    400: ("This could not be understood", "Go back and try again."),
    401: ("Please sign in", "Your session has ended. Sign in and try again."),
    403: ("This is not yours to do", "An admin can do it: of the podcast, or of this server."),
    404: ("There is nothing here", "It does not exist, it was removed, or you are not on this podcast."),
    405: ("Not like this", "This address does not take what was sent to it."),
    409: ("Somebody was faster", "Look at the page again: it has changed meanwhile."),
    411: ("How much is it?", "What was sent does not say its length. Go back and use the form in a browser."),
    413: ("Too much at once", "What was sent is larger than this server takes. Go back and send less."),
    415: ("Not in this form", "This server takes what its own forms send. Go back and use the form."),
    422: (
        "Something is missing",
        "What was sent cannot be used as it is. Go back and look at each field.",
    ),
    429: ("Slowly, please", "There were too many tries. Wait a minute, then try again."),
    500: ("This went wrong here", "It was written down. Nothing was posted because of it. Try again in a moment."),
    502: ("The other side did not answer well", "YouTube or X gave no useful answer. Try again in a moment."),
    503: ("Not ready right now", "The database or another service is away. Try again in a moment."),
}
STALE_FORM = "The page was open for too long or cookies are blocked. Load it again and repeat what you did."
#: with what was typed below it
SAVE_AGAIN = "The page was open for too long, so nothing was saved yet. What you typed is here: please save again."
SIGN_IN_FIRST = "Your session has ended. Sign in in another tab, come back to this one and save again."
STATUSES: dict[type[AirhornError], int] = {NotFound: 404, Invalid: 400, Conflict: 409, Outcome: 502}


def init_app(app: Flask) -> None:
    app.register_error_handler(AirhornError, of_domain)
    app.register_error_handler(CSRFError, of_stale_form)
    app.register_error_handler(SecurityError, of_foreign_host)
    app.register_error_handler(HTTPException, of_http)
    app.register_error_handler(DBAPIError, of_database)
    app.register_error_handler(TimeoutError, of_database)  # no connection became free in time
    app.register_error_handler(Exception, of_surprise)


def of_domain(error: AirhornError) -> Response:
    """The domain's own sentence is for people."""
    status = next((status for kind, status in STATUSES.items() if isinstance(error, kind)), 400)
    return answer(status, str(error))


def of_stale_form(_error: CSRFError) -> Response:
    """Whoever is signed in gets back what was typed, to send it again; the token in it is fresh."""
    if not wants_json() and current_user.is_authenticated and (kept := unsaved()):
        return _once_more(400, SAVE_AGAIN, kept)
    return answer(400, STALE_FORM)


def _once_more(status: int, sentence: str, kept: Unsaved) -> Response:
    return make_response(render_template("errors/stale.html", status=status, sentence=sentence, unsaved=kept), status)


def of_http(error: HTTPException) -> Response:
    if error.code is None or error.code < 400:
        return make_response(error.get_response())
    if error.code == 401 and not wants_json() and (kept := unsaved()):
        return _once_more(401, SIGN_IN_FIRST, kept)
    response = answer(error.code)
    for name, value in error.get_headers():
        if name in ("Allow", "Retry-After", "WWW-Authenticate"):
            response.headers[name] = value
    return response


def of_foreign_host(error: SecurityError) -> Response:
    """Asked under a name that is not ours: no page, since its links would carry that name."""
    return Response(f"{PAGES[400][0]}.\n", error.code, content_type="text/plain; charset=utf-8")


def of_database(error: Exception) -> Response:
    return _logged(503, error)


def of_surprise(error: Exception) -> Response:
    return _logged(500, error)


def _logged(status: int, error: Exception) -> Response:
    """The id leads from the page to the log; what went wrong stays in the log."""
    db.session.rollback()
    error_id = secrets.token_hex(4)
    log.error("a request failed", exc_info=error, extra={"error_id": error_id, "endpoint": request.endpoint})
    return answer(status, error_id=error_id)


def wants_json() -> bool:
    return request.accept_mimetypes.best_match(("text/html", "application/json"), "text/html") == "application/json"


def answer(status: int, sentence: str | None = None, *, error_id: str | None = None) -> Response:
    """A page, or JSON for whoever prefers it. Asks no database."""
    title, next_step = PAGES.get(status, PAGES[500 if status >= 500 else 400])
    if wants_json():
        body = {"error": sentence or title, "status": status} | ({"id": error_id} if error_id else {})
        return make_response(jsonify(body), status)
    page = render_template(
        "errors/error.html", status=status, title=title, sentence=sentence or next_step, error_id=error_id
    )
    return make_response(page, status)
