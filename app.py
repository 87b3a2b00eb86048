"""The application factory: settings, extensions, services, routes, commands. Nothing else happens here."""

import sys
from datetime import UTC, datetime

from flask import Flask
from flask.helpers import get_debug_flag
from werkzeug.middleware.proxy_fix import ProxyFix

import commands
import commands_checks
import routes
from config import ROOT, Settings, SettingsError
from extensions import CountingPool, bootstrap, cache, csrf, db, limiter, login_manager, migrate, prepare_engine
from routes.incoming import MOST_FIELDS
from services import attention_job, first_admin, metrics_job, notices, registry, serving, wallet_job
from services.logs import configure_logging
from services.registry import REDIS_STORE
from services.sessions import LONGEST

#: bytes; the longest text that people write is a thousandth of it
LARGEST_BODY = 256 * 1024
#: numbers kept in memory, at about 5 kB each
MOST_KEPT = 300


def create_app(settings: Settings | None = None) -> Flask:
    """Builds the application. Raises SettingsError with a sentence when a setting is wrong."""
    settings = settings or commands_checks.settings_apart(sys.argv[1:])
    is_process = settings is None
    settings = settings or Settings.load()
    configure_logging(settings)
    if get_debug_flag():
        raise SettingsError("FLASK_DEBUG must be off: its pages show to everybody what is inside.")
    # Files are served by routes/assets.py.
    app = Flask(__name__, instance_path=str(settings.instance_path), static_folder=None, static_url_path="/static")
    _configure(app, settings)
    _bind_extensions(app)
    _make_services(app, settings)
    routes.init_app(app)
    commands.init_app(app)
    if is_process:
        serving.serve(app, lambda: _make_services(app, settings))
        first_admin.offer_at_start(app, datetime.now(UTC))
    return app


def _make_services(app: Flask, settings: Settings) -> None:
    """What every process has for itself: threads, locks, connections."""
    registry.init_app(app, settings)
    notices.init_app(app)
    wallet_job.init_app(app)
    metrics_job.init_app(app)
    attention_job.init_app(app)


def _configure(app: Flask, settings: Settings) -> None:
    app.config.update(
        SETTINGS=settings,
        SECRET_KEY=settings.secret_key,
        SECRET_KEY_FALLBACKS=list(settings.secret_key_fallbacks),
        SQLALCHEMY_DATABASE_URI=settings.database_url,
        SQLALCHEMY_ENGINE_OPTIONS=_engine_options(settings),
        SESSION_COOKIE_NAME="__Host-airhorn" if settings.is_public else "airhorn",
        SESSION_COOKIE_SECURE=settings.is_public,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        MAX_CONTENT_LENGTH=LARGEST_BODY,
        MAX_FORM_MEMORY_SIZE=LARGEST_BODY,
        MAX_FORM_PARTS=MOST_FIELDS,
        PERMANENT_SESSION_LIFETIME=LONGEST,
        WTF_CSRF_TIME_LIMIT=None,
        RATELIMIT_STORAGE_URI=settings.redis_url or "memory://",
        # Pages stay up while Redis is down: each process counts for itself until it is back.
        RATELIMIT_IN_MEMORY_FALLBACK_ENABLED=bool(settings.redis_url),
        RATELIMIT_HEADERS_ENABLED=True,
        CACHE_TYPE=REDIS_STORE if settings.redis_url else "SimpleCache",
        CACHE_REDIS_URL=settings.redis_url,
        CACHE_THRESHOLD=MOST_KEPT,
        BOOTSTRAP_SERVE_LOCAL=True,
    )
    if settings.trusted_proxies:
        hops = settings.trusted_proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops)  # type: ignore[method-assign]


def _engine_options(settings: Settings) -> dict[str, object]:
    # What is written into rows may be secret; a failed statement is logged with its text only.
    common: dict[str, object] = {"hide_parameters": True, "poolclass": CountingPool}
    if settings.database_url.startswith("sqlite"):
        return common
    statement_timeout = round(settings.db_statement_timeout_seconds * 1000)
    return common | {
        "pool_size": settings.db_pool_size,
        "max_overflow": settings.db_max_overflow,
        "pool_timeout": settings.db_pool_timeout_seconds,
        "pool_recycle": settings.db_pool_recycle_seconds,
        "pool_pre_ping": True,
        "executemany_mode": "values_plus_batch",
        "connect_args": {
            "application_name": "airhorn",
            # The intent to post must be on disk before the wire is touched, whatever the server's default.
            # Disks without moving parts, or memory: a few rows are found by their index, not by reading all.
            "options": "-c timezone=UTC -c synchronous_commit=on -c lock_timeout=10000 -c random_page_cost=1.1"
            f" -c statement_timeout={statement_timeout}",
        },
    }


def _bind_extensions(app: Flask) -> None:
    db.init_app(app)
    with app.app_context():
        prepare_engine(db.engine)
    migrate.init_app(app, db, directory=str(ROOT / "migrations"))
    login_manager.init_app(app)
    limiter.init_app(app)
    cache.init_app(app)
    csrf.init_app(app)
    bootstrap.init_app(app)
