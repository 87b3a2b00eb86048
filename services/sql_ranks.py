"""Median and 95th percentile inside a statement, which PostgreSQL has and SQLite is taught here. Knows no table."""

import sqlite3
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Engine, event
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import GenericFunction
from sqlalchemy.types import UserDefinedType

#: per cent of the values that are at most the one looked for
PERCENTS = (50, 95)


class Ranks(UserDefinedType[tuple[int, ...]]):
    """A value for each of PERCENTS; None where there was nothing to rank."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        return "INTEGER[]"

    def result_processor(self, _dialect: Any, _coltype: Any) -> Any:
        return _read


def _read(found: str | Sequence[int] | None) -> tuple[int, ...] | None:
    """SQLite knows no arrays: there it is a text."""
    if found is None:
        return None
    return tuple(int(one) for one in (found.split() if isinstance(found, str) else found))


class nearest_ranks(GenericFunction[tuple[int, ...]]):  # noqa: N801 - a function of SQL
    """nearest_ranks(value): an aggregate of whole numbers by the nearest rank, the smallest value that so many of a
    hundred reach; without NULLs."""

    type = Ranks()
    inherit_cache = True


@compiles(nearest_ranks, "postgresql")
def _ranks_postgresql(element: Any, compiler: Any, **more: Any) -> str:
    (value,) = (compiler.process(one, **more) for one in element.clauses)
    shares = ", ".join(f"{percent / 100}" for percent in PERCENTS)
    return f"percentile_disc(ARRAY[{shares}]) WITHIN GROUP (ORDER BY {value})"


class _NearestRanks:
    """The aggregate of SQLite, which calls it for every row."""

    def __init__(self) -> None:
        self.values: list[int] = []

    def step(self, value: int | None, /) -> None:
        if value is not None:
            self.values.append(value)

    def finalize(self) -> Any:
        ranked = sorted(self.values)
        return " ".join(str(ranked[-(-percent * len(ranked) // 100) - 1]) for percent in PERCENTS) if ranked else None


@event.listens_for(Engine, "connect")
def _teach(connection: Any, _record: Any) -> None:
    if isinstance(connection, sqlite3.Connection):
        connection.create_aggregate("nearest_ranks", 1, _NearestRanks)
