"""Inserting what may be there already. Knows no table."""

from typing import Any

from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert


def insert_or_ignore(model: type[Any], dialect: str) -> Any:
    """INSERT … ON CONFLICT DO NOTHING, which both databases have under different imports."""
    if dialect == "postgresql":
        return postgresql_insert(model).on_conflict_do_nothing()
    return sqlite_insert(model).on_conflict_do_nothing()
