"""How a statement says which index it is made for. Knows no table."""

from typing import Any

from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import ReturnTypeFromArgs


class unsought(ReturnTypeFromArgs[Any]):  # noqa: N801 - a function of SQL
    """unsought(column): the same value, which SQLite looks up in no index of that column alone.

    It takes any podcast and any stretch of time for a few rows, reads these one by one, and so takes ten times as long
    as with an index that has all that is asked for. PostgreSQL knows how many there are.
    """

    inherit_cache = True


@compiles(unsought, "postgresql")
def _unsought_postgresql(element: Any, compiler: Any, **more: Any) -> str:
    return str(compiler.process(element.clauses, **more))


@compiles(unsought, "sqlite")
def _unsought_sqlite(element: Any, compiler: Any, **more: Any) -> str:
    return f"+{compiler.process(element.clauses, **more)}"


class compared(ReturnTypeFromArgs[Any]):  # noqa: N801 - a function of SQL
    """compared(column): the same value, which both databases look at row by row: for what leaves out next to nothing.

    PostgreSQL skips through an index by two columns that are not its first, and takes twice as long as for one of them.
    """

    inherit_cache = True


@compiles(compared, "postgresql")
def _compared_postgresql(element: Any, compiler: Any, **more: Any) -> str:
    return f"GREATEST({compiler.process(element.clauses, **more)})"


@compiles(compared, "sqlite")
def _compared_sqlite(element: Any, compiler: Any, **more: Any) -> str:
    return f"+{compiler.process(element.clauses, **more)}"


def of_no_index(key: Any) -> Any:
    """A column of numbers or words that orders as ever, but not by an index."""
    return key + ("" if key.type.python_type is str else 0)
