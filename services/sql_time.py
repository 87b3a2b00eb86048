"""Reckoning with instants inside a statement, which SQLite and PostgreSQL spell differently. Knows no table."""

from typing import Any

from sqlalchemy import Integer
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import GenericFunction

#: hundredths of a second, 248 days: what a whole number of PostgreSQL holds; only a clock that was wrong says more
MOST = 2**31 - 1
#: seconds; no zone differs from UTC by anything but whole ones
QUARTER_HOUR = 900


class hundredths(GenericFunction[int]):  # noqa: N801 - a function of SQL
    """hundredths(begin, end): hundredths of a second from one instant to another, 0 where the clocks say less, MOST
    where they say more."""

    type = Integer()
    inherit_cache = True


class quarter_of(GenericFunction[int]):  # noqa: N801 - a function of SQL
    """quarter_of(at): whole quarters of an hour since 1970, UTC."""

    type = Integer()
    inherit_cache = True


@compiles(hundredths, "postgresql")
def _hundredths_postgresql(element: Any, compiler: Any, **more: Any) -> str:
    begin, end = (compiler.process(one, **more) for one in element.clauses)
    return f"CAST(LEAST(GREATEST(date_part('epoch', {end} - {begin}) * 100, 0), {MOST}) AS INTEGER)"


@compiles(hundredths, "sqlite")
def _hundredths_sqlite(element: Any, compiler: Any, **more: Any) -> str:
    begin, end = (compiler.process(one, **more) for one in element.clauses)
    return f"MIN({MOST}, MAX(0, CAST(round((julianday({end}) - julianday({begin})) * 8640000) AS INTEGER)))"


@compiles(quarter_of, "postgresql")
def _quarter_postgresql(element: Any, compiler: Any, **more: Any) -> str:
    (at,) = (compiler.process(one, **more) for one in element.clauses)
    return f"CAST(floor(date_part('epoch', {at}) / {QUARTER_HOUR}) AS INTEGER)"


@compiles(quarter_of, "sqlite")
def _quarter_sqlite(element: Any, compiler: Any, **more: Any) -> str:
    (at,) = (compiler.process(one, **more) for one in element.clauses)
    return f"CAST(strftime('%s', {at}) AS INTEGER) / {QUARTER_HOUR}"
