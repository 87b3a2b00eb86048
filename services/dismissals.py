"""What people put aside of what needs attention: for themselves, or as admins for everybody. Decides nothing else."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import bindparam, delete, or_, select, update

from extensions import db
from models import Dismissal, User
from services.checks import HIGHEST_ID
from services.errors import NotFound
from services.inserting import insert_or_ignore
from services.need import Need

_BULK = {"synchronize_session": False}


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who looks, and the podcasts that he manages."""

    user_id: int
    managed: Collection[int]

    def may_read(self, need: Need) -> bool:
        """What is in a wallet is between its host and the admins."""
        return not need.is_of_money or need.user_id == self.user_id or need.podcast.id in self.managed


@dataclass(frozen=True, slots=True)
class Aside:
    """One thing that was put aside. `until` None: for good. `by`: who did it for everybody, or empty."""

    id: int
    need: Need
    until: datetime | None
    is_for_all: bool
    by: str
    may_come_back: bool


#: what is put aside for somebody, by podcast and name
InForce = Mapping[tuple[int, str], Any]


def sorted_out(needs: Iterable[Need], viewer: Viewer, now: datetime) -> tuple[list[Need], list[Aside]]:
    """What this person is shown, and what was put aside and is there still. One statement."""
    found = list(needs)
    return sorted_by(found, viewer, in_force({need.podcast.id for need in found}, viewer.user_id, now))


def sorted_by(needs: Iterable[Need], viewer: Viewer, rows: InForce) -> tuple[list[Need], list[Aside]]:
    """The same by what is known to be put aside. Asks nobody."""
    shown, aside = [], []
    for need in needs:
        if not viewer.may_read(need):
            continue
        row = rows.get((need.podcast.id, need.item))
        if row is None:
            shown.append(need)
        else:
            aside.append(_aside(need, row, viewer))
    return shown, aside


def in_force(podcast_ids: Collection[int], user_id: int, now: datetime) -> InForce:
    """What this person is not shown for now, in one statement.

    Where both the own and everybody's are in force, everybody's.
    """
    asked = {"podcasts": list(podcast_ids), "reader": user_id, "now": now}
    return {(row.podcast_id, row.item): row for row in db.session.execute(_in_force(), asked)}


@cache
def _in_force() -> Any:
    """Put together once."""
    one = Dismissal
    mine = or_(one.user_id.is_(None), one.user_id == bindparam("reader"))
    return (
        select(one.id, one.podcast_id, one.item, one.user_id, one.until, User.name)
        .outerjoin(User, User.id == one.actor_id)
        .where(one.podcast_id.in_(bindparam("podcasts", expanding=True)), mine)
        .where(or_(one.until.is_(None), one.until > bindparam("now")))
        .order_by(one.user_id.is_(None), one.id)
    )


def _aside(need: Need, row: Any, viewer: Viewer) -> Aside:
    for_all = row.user_id is None
    may = not for_all or need.podcast.id in viewer.managed
    return Aside(row.id, need, row.until, for_all, (row.name or "") if for_all else "", may)


@dataclass(frozen=True, slots=True)
class Putting:
    """Who puts something aside, until when, None: for good."""

    actor_id: int
    until: datetime | None
    now: datetime


def put(podcast_id: int, items: Collection[str], user_id: int | None, how: Putting) -> None:
    """In the caller's transaction; again changes until when. `user_id` None: for everybody. Two statements."""
    session, one = db.session(), Dismissal
    values: dict[str, Any] = {"until": how.until, "made_at": how.now, "actor_id": how.actor_id}
    # In one order everywhere, so that two who put aside the same things wait for each other and no more.
    rows = [{"podcast_id": podcast_id, "user_id": user_id, "item": item} | values for item in sorted(items)]
    session.execute(insert_or_ignore(one, session.get_bind().dialect.name), rows)
    same = one.podcast_id == podcast_id, one.user_id == user_id, one.item.in_(items)
    session.execute(update(one).where(*same).values(**values), execution_options=_BULK)


def take_back(podcast_id: int, dismissal_id: int, viewer: Viewer) -> Dismissal:
    """The row, deleted in the caller's transaction. Raises NotFound, also for those of others."""
    found = db.session.get(Dismissal, dismissal_id) if 0 < dismissal_id <= HIGHEST_ID else None
    if found is None or found.podcast_id != podcast_id:
        raise NotFound("There is nothing like that put aside.")
    if found.user_id != viewer.user_id and (found.user_id is not None or podcast_id not in viewer.managed):
        raise NotFound("There is nothing like that put aside.")
    db.session.delete(found)
    return found


def forget(dismissal_ids: Collection[int]) -> None:
    db.session.execute(delete(Dismissal).where(Dismissal.id.in_(dismissal_ids)), execution_options=_BULK)
