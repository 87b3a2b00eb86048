"""What is let in at all: forms of our own pages, of a size that people type, with text that can be kept."""

from itertools import chain
from urllib.parse import urlsplit

from flask import Flask, abort, current_app, request
from werkzeug.datastructures import MultiDict

from config import Settings
from routes.signed_in import READING_METHODS
from services.errors import Invalid

MOST_FIELDS, LONGEST_NUMBER = 200, 15
#: what machines send to has no forms; each judges by itself what arrives
FROM_MACHINES = frozenset({"websub.callback"})
#: a page of another site can send text/plain, whatever it says, without asking; nothing of ours does
KINDS = ("application/x-www-form-urlencoded", "multipart/form-data", "application/json")


def init_app(app: Flask, settings: Settings) -> None:
    """Asks before everything else, the token of the form included."""
    parts = urlsplit(settings.public_url)
    app.config["PUBLIC_ORIGIN"] = f"{parts.scheme}://{parts.netloc}".lower()
    app.before_request_funcs.setdefault(None, []).insert(0, refuse)


def refuse() -> None:
    """Ends requests that no page of ours sends, with 400, 411, 413 or 415."""
    _refuse_nul(request.path, request.args)
    if request.method in READING_METHODS or request.endpoint is None or request.endpoint in FROM_MACHINES:
        return
    if is_foreign():
        raise Invalid("This came from another site, so nothing was done. Open Airhorn's own page and do it there.")
    if "Transfer-Encoding" in request.headers:
        abort(411)  # what is longer than allowed would be cut, not refused; browsers say the length of a form
    if request.mimetype and request.mimetype not in KINDS:
        abort(415)
    if sum(len(values) for _, values in request.form.lists()) > MOST_FIELDS:
        abort(413)
    _refuse_nul("", request.form)


def is_foreign() -> bool:
    """Whether the browser says that a page which is not ours sends this."""
    site, origin = request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin")
    if site in ("cross-site", "same-site"):
        return True
    return origin is not None and not _is_ours(origin) and not (origin == "null" and site == "same-origin")


def comes_from_here() -> bool:
    """Whether the browser says that a page of ours sends this; False too when it says nothing."""
    says = request.headers.get("Sec-Fetch-Site") == "same-origin" or _is_ours(request.headers.get("Origin", ""))
    return says and not is_foreign()


def whole(typed: str | None) -> int | None:
    """The number in a hidden field of ours: None where there is none, 0 for what is no whole number."""
    if not typed:
        return None
    return int(typed) if typed.isascii() and typed.isdigit() and len(typed) <= LONGEST_NUMBER else 0


def _is_ours(origin: str) -> bool:
    return origin.lower() in (request.host_url.rstrip("/").lower(), _public_origin())


def _public_origin() -> str:
    """A proxy may ask this server under another name than people do."""
    origin: str = current_app.config["PUBLIC_ORIGIN"]
    return origin


def _refuse_nul(path: str, values: MultiDict[str, str]) -> None:
    """PostgreSQL cannot keep this character, and nobody types it."""
    fields = chain.from_iterable((name, *texts) for name, texts in values.lists())
    if "\0" in path:
        abort(404)
    if any("\0" in text for text in fields):
        raise Invalid("This holds a character that cannot be kept (NUL). Take it out, then try again.")
