"""Where somebody goes on to: a page of ours, never an address that was slipped in."""

from urllib.parse import unquote, urlsplit

from flask import request, url_for

LONGEST = 2000


def next_page() -> str:
    """The page that the address or the form names as the next one, or the first page."""
    return ours(request.values.get("next", "")) or url_for("dashboard.home")


def this_page() -> str:
    """The page to come back to: this one, or the one whose form was sent here."""
    if request.method == "GET":
        return ours(request.full_path.rstrip("?")) or url_for("dashboard.home")
    sent_from, us = urlsplit(request.referrer or ""), urlsplit(request.host_url)
    path = f"{sent_from.path}?{sent_from.query}".rstrip("?")
    is_ours = (sent_from.scheme, sent_from.netloc) == (us.scheme, us.netloc)
    return (ours(path) if is_ours else None) or url_for("dashboard.home")


def ours(wanted: str) -> str | None:
    """The path, if it is one that no browser or proxy could take for an address elsewhere."""
    plain = unquote(wanted)
    if len(wanted) > LONGEST or not wanted.isprintable() or not plain.isprintable() or "\\" in plain:
        return None
    return wanted if wanted.startswith("/") and not plain.startswith("//") else None
