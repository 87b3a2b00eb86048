"""Hosts whose X account is not connected, or no longer works. Reads only."""

from collections.abc import Collection
from functools import cache
from typing import Any

from sqlalchemy import Select, and_, bindparam, func, or_, select
from sqlalchemy.orm import aliased

from extensions import db
from models import PodcastMember, SocialConnection, User
from services.causes import explain
from services.need import Need, Rank, Shows


def needs_of_hosts(shows: Shows, awaited: Collection[tuple[int, int]], *, most: int, reader_id: int) -> list[Need]:
    """`awaited`: (podcast id, user id) of who is to post within a day, and stands by. The reader is among them. One
    statement.
    """
    found = []
    for row in db.session.execute(_cut_off(), {"shows": list(shows), "reader": reader_id, "most": most}):
        is_soon = (row.podcast_id, row.id) in awaited
        cause = row.trouble or "no_connection"
        found.append(
            Need(
                shows[row.podcast_id],
                row.name,
                explain(cause),
                user_id=row.id,
                fix="connect",
                item=f"{_item(row, cause)}:soon" if is_soon else _item(row, cause),
                rank=Rank.SOON if is_soon else Rank.CONNECTION,
            )
        )
    return found


@cache
def _cut_off() -> Select[Any]:
    """Members who have no login, or one in trouble; `last`: when they connected one, None: never. Put together once."""
    login, former = SocialConnection, aliased(SocialConnection)
    connection = and_(login.user_id == User.id, login.platform == "x", login.is_active)
    last = select(func.max(former.connected_at)).where(former.user_id == User.id, former.platform == "x")
    return (
        select(PodcastMember.podcast_id, User.id, User.name, login.trouble, login.id.label("login"))
        .add_columns(login.token_version, last.correlate(User).scalar_subquery().label("last"))
        .join(User, User.id == PodcastMember.user_id)
        .outerjoin(SocialConnection, connection)
        .where(
            PodcastMember.podcast_id.in_(bindparam("shows", expanding=True)),
            User.is_active,
            or_(SocialConnection.id.is_(None), SocialConnection.trouble.is_not(None)),
        )
        .order_by((User.id == bindparam("reader")).desc(), User.name, User.id)
        .limit(bindparam("most"))
    )


def _item(row: Any, cause: str) -> str:
    """Who connects and loses it again needs something else than before."""
    if row.login is None and row.last is not None:
        return f"connection:{row.id}:{cause}:{row.last:%Y-%m-%dT%H:%M:%S}"
    return f"connection:{row.id}:{cause}:{row.login or 0}.{row.token_version or 0}"
