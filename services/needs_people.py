"""Hosts whose X account is not connected, or no longer works. Reads only."""

from collections.abc import Collection

from sqlalchemy import and_, or_, select

from extensions import db
from models import PodcastMember, SocialConnection, User
from services.causes import explain
from services.need import Need, Rank, Shows


def needs_of_hosts(shows: Shows, awaited: Collection[tuple[int, int]], *, most: int, reader_id: int) -> list[Need]:
    """`awaited`: (podcast id, user id) of who is to post within a day, and stands by. The reader is among them. One
    statement.
    """
    login = SocialConnection
    connection = and_(login.user_id == User.id, login.platform == "x", login.is_active)
    query = (
        select(PodcastMember.podcast_id, User.id, User.name, login.trouble, login.id.label("login"))
        .add_columns(login.token_version)
        .join(User, User.id == PodcastMember.user_id)
        .outerjoin(SocialConnection, connection)
        .where(
            PodcastMember.podcast_id.in_(shows),
            User.is_active,
            or_(SocialConnection.id.is_(None), SocialConnection.trouble.is_not(None)),
        )
        .order_by((User.id == reader_id).desc(), User.name, User.id)
        .limit(most)
    )
    found = []
    for row in db.session.execute(query):
        is_soon = (row.podcast_id, row.id) in awaited
        cause = row.trouble or "no_connection"
        name = f"connection:{row.id}:{cause}:{row.login or 0}.{row.token_version or 0}"
        found.append(
            Need(
                shows[row.podcast_id],
                row.name,
                explain(cause),
                user_id=row.id,
                fix="connect",
                item=f"{name}:soon" if is_soon else name,
                rank=Rank.SOON if is_soon else Rank.CONNECTION,
            )
        )
    return found
