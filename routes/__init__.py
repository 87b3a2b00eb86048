"""HTTP in, HTTP out: load or refuse, validate, one service call, render or redirect. Closed by default."""

from urllib.parse import urlsplit

from flask import Flask, abort, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from config import Settings
from extensions import login_manager
from routes import (
    admin,
    assets,
    auth,
    calendar,
    connections,
    dashboard,
    errors,
    explorer,
    filters,
    headers,
    health,
    help,
    incoming,
    links,
    metrics,
    notices,
    podcasts,
    profile,
    websub,
)
from routes.signed_in import READING_METHODS, begin_reading, user_of_request

#: the only endpoints that answer to people who are not signed in
OPEN = frozenset(
    {
        "auth.appearance",
        "auth.code",
        "auth.sign_in",
        "bootstrap.static",
        "calendar.feed",
        "connections.callback",
        "health.healthz",
        "health.readyz",
        "links.forgot",
        "links.invitation",
        "links.password",
        "links.setup",
        "metrics.metrics",
        "notices.stop",
        "static",
        "websub.callback",
    }
)
#: these ask no database, or say themselves when it is away
WITHOUT_DATABASE = ("static", "bootstrap.static", "health.healthz", "health.readyz", None)


def init_app(app: Flask) -> None:
    """Registers blueprints, error pages, filters and headers, and shuts every door that is not in OPEN."""
    settings: Settings = app.config["SETTINGS"]
    host = urlsplit(settings.public_url).hostname or ""
    app.config["TRUSTED_HOSTS"] = [host, "127.0.0.1", "localhost"]
    login_manager.request_loader(user_of_request)
    incoming.init_app(app, settings)
    app.before_request(begin)
    app.before_request(require_sign_in)
    for blueprint in (
        admin.bp,
        auth.bp,
        calendar.bp,
        connections.bp,
        dashboard.bp,
        explorer.bp,
        links.bp,
        metrics.bp,
        notices.bp,
        podcasts.bp,
        profile.bp,
        health.bp,
        websub.bp,
        help.bp,
    ):
        app.register_blueprint(blueprint)
    errors.init_app(app)
    filters.init_app(app)
    headers.init_app(app, settings)
    assets.init_app(app, compressed=settings.instance_path / "static", headers=headers.always(settings))
    websub.init_app(app, headers.always(settings))


def begin() -> None:
    if request.endpoint not in WITHOUT_DATABASE:
        begin_reading()


def require_sign_in() -> ResponseReturnValue | None:
    """An address that does not exist is told to everybody; everything else is for people who are signed in."""
    if request.endpoint is None or request.endpoint in OPEN or current_user.is_authenticated:
        return None
    if request.method not in READING_METHODS:
        abort(401)
    return redirect(url_for("auth.sign_in", next=request.full_path.rstrip("?")))
