"""Runs Airhorn's migrations inside the application, on SQLite and PostgreSQL alike."""

import time
from logging.config import fileConfig
from typing import Any, Literal

import sqlalchemy as sa
from alembic import context
from flask import current_app
from sqlalchemy.exc import OperationalError
from sqlalchemy.types import TypeDecorator

import models  # noqa: F401 - the tables must be known
from extensions import db

if context.config.config_file_name is not None:
    # The default would silence every logger that exists already.
    fileConfig(context.config.config_file_name, disable_existing_loggers=False)


def render_item(kind: str, item: Any, _autogen: Any) -> str | Literal[False]:
    """Writes our column types as the plain ones they are, so that migrations import nothing of ours."""
    if kind == "type" and isinstance(item, TypeDecorator):
        return f"sa.{item.impl!r}"
    return False


#: any number, the same for every process that migrates this database
ONE_AT_A_TIME = 7_245_781
LOOK_EVERY_SECONDS = 0.2


def run() -> None:
    engine = db.engine
    if engine.dialect.name != "postgresql":
        with engine.connect() as connection:
            _migrate(connection)
        return
    # Several machines may start at once: the first migrates, the others wait and find it done. The lock is held by a
    # transaction of its own, which ends with it: behind PgBouncer a session belongs to anybody. And so a migration may
    # end its own transaction, as an index that locks nobody out needs it.
    with engine.connect() as guard:
        while not _is_first(guard):
            time.sleep(LOOK_EVERY_SECONDS)
        with engine.connect() as connection:
            sa.event.listen(connection, "begin", _rather_fail)
            _migrate(connection)


def _is_first(guard: sa.Connection) -> bool:
    """Whether the lock is ours. Asked again and again: who waited for it inside a statement would be waited for by the
    index that is made meanwhile, and nobody would see that the two wait for each other.
    """
    guard.rollback()
    guard.execute(sa.text("SELECT set_config('idle_in_transaction_session_timeout', '0', true)"))
    return bool(guard.execute(sa.select(sa.func.pg_try_advisory_xact_lock(ONE_AT_A_TIME))).scalar())


def _rather_fail(connection: sa.Connection) -> None:
    """Rather fail and be run again than stand in the way of everybody who posts."""
    if connection.get_isolation_level() == "AUTOCOMMIT":
        return  # these would end at once
    connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
    connection.exec_driver_sql("SET LOCAL lock_timeout = '2s'")


def _migrate(connection: sa.Connection) -> None:
    arguments = current_app.extensions["migrate"].configure_args
    context.configure(connection=connection, target_metadata=db.metadata, render_item=render_item, **arguments)
    with context.begin_transaction():
        context.run_migrations()
    connection.commit()  # where the transaction was begun here, nobody else ends it


if context.is_offline_mode():
    raise SystemExit("Migrations need the database: run them online.")
try:
    run()
except OperationalError as error:
    reason = " ".join(str(error.orig).split())
    raise SystemExit(
        f"Error: The database cannot be reached or used. Look at DATABASE_URL. It said: {reason}"
    ) from None
