"""A podcast's hosts side by side over one period: two statements, however many members. Reads only."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import and_, bindparam, select

from extensions import db
from models import PodcastMember, SocialConnection, User
from services import figures
from services.checks import shown
from services.errors import Invalid
from services.figures import NOTHING, Figures, share
from services.logins import PLATFORM, trouble_of
from services.periods import Span


@dataclass(frozen=True, slots=True)
class HostRow:
    """One member. `trouble` is why the X login cannot be used, a code of services/causes.py; None: it works."""

    user_id: int
    name: str
    role: str
    is_active: bool
    trouble: str | None
    figures: Figures

    @property
    def own_share(self) -> float | None:
        return share(self.figures.own, self.figures.posted)

    @property
    def draft_share(self) -> float | None:
        return share(self.figures.draft, self.figures.posted)

    @property
    def template_share(self) -> float | None:
        return share(self.figures.template, self.figures.posted)


#: what can be sorted by, and averaged but for words: name of the column → its value in a row
COLUMNS: dict[str, Callable[[HostRow], float | None]] = {
    "posted": lambda row: row.figures.posted,
    "on_time": lambda row: row.figures.on_time_share,
    "failed": lambda row: row.figures.failed,
    "median": lambda row: row.figures.total.median,
    "own": lambda row: row.own_share,
    "draft": lambda row: row.draft_share,
    "template": lambda row: row.template_share,
    "impressions": lambda row: row.figures.impressions if row.figures.measured else None,
    "engagement": lambda row: row.figures.engagement_rate,
    "spend": lambda row: row.figures.spend,
}
_WORDS: dict[str, Callable[[HostRow], str]] = {
    "name": lambda row: row.name.casefold(),
    "connection": lambda row: row.trouble or "",
}
SORTABLE = (*_WORDS, *COLUMNS)


@dataclass(frozen=True, slots=True)
class Breakdown:
    """`average` has a value for each of COLUMNS: of the hosts who have one, None where nobody has."""

    span: Span
    rows: Sequence[HostRow]
    average: dict[str, float | None]


def breakdown(podcast_id: int, span: Span, *, sort: str = "name", descending: bool = False) -> Breakdown:
    """Every member, also who has posted nothing. Raises Invalid for a column that cannot be sorted by."""
    return arranged(span, host_rows(podcast_id, span), sort=sort, descending=descending)


def arranged(span: Span, rows: Sequence[HostRow], *, sort: str, descending: bool = False) -> Breakdown:
    """Pure. Raises Invalid for a column that cannot be sorted by."""
    if sort not in SORTABLE:
        raise Invalid(f"“{shown(sort)}” is no column to sort by. There are: {', '.join(SORTABLE)}.")
    return Breakdown(span, sorted_by(rows, sort, descending=descending), averages(rows))


def host_rows(podcast_id: int, span: Span) -> list[HostRow]:
    """By name."""
    session = db.session()
    found = figures.by_host(session, podcast_id, span)
    return [_row(row, found.get(row.id, NOTHING)) for row in session.execute(_members(), {"podcast_id": podcast_id})]


@cache
def _members() -> Any:
    """Made once: putting it together takes as long as asking it."""
    login = SocialConnection
    connected = and_(login.user_id == User.id, login.platform == PLATFORM, login.is_active)
    return (
        select(User.id, User.name, User.is_active, PodcastMember.role)
        .add_columns(login.id.label("login_id"), login.refresh_state, login.trouble)
        .join(PodcastMember, PodcastMember.user_id == User.id)
        .outerjoin(login, connected)
        .where(PodcastMember.podcast_id == bindparam("podcast_id"))
        .order_by(User.name, User.id)
    )


def _row(row: Any, of_host: Figures) -> HostRow:
    trouble = trouble_of(row if row.login_id is not None else None)
    return HostRow(row.id, row.name, row.role, row.is_active, trouble, of_host)


def sorted_by(rows: Iterable[HostRow], sort: str, *, descending: bool = False) -> list[HostRow]:
    """Who has no value comes last either way; among equals it goes by name. Pure."""
    rows = sorted(rows, key=lambda row: (row.name.casefold(), row.user_id))
    if sort in _WORDS:
        return sorted(rows, key=_WORDS[sort], reverse=descending)
    value = COLUMNS[sort]
    known = [(number, row) for row in rows if (number := value(row)) is not None]
    ordered = [row for _, row in sorted(known, key=lambda one: -one[0] if descending else one[0])]
    return ordered + [row for row in rows if value(row) is None]


def averages(rows: Sequence[HostRow]) -> dict[str, float | None]:
    """Pure."""
    return {name: _mean(value(row) for row in rows) for name, value in COLUMNS.items()}


def _mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None
