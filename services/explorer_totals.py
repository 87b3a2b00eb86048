"""Whose posts somebody may see, and how many there are in each state: of what is settled as it was kept. Reads only."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import ColumnElement, false, func, select

from extensions import db
from models import FiguresVersion, Podcast, PodcastMember, Post
from services.explorer_filters import Viewer, Wanted
from services.figures_cache import Key, Shape
from services.outbox import ON_ITS_WAY
from services.registry import get_services

#: seconds; whatever settles a post makes them old at once
HISTORY = 600
Totals = dict[str, int]
_SHAPE = Shape[Totals](Totals)
Where = Sequence[ColumnElement[bool]]


@dataclass(frozen=True, slots=True)
class Seen:
    """The podcasts whose posts may be seen, each with the version of its numbers; None: all posts there are.

    `zone`: whose days are asked for, those of the podcast where one is chosen, as its numbers have them.
    """

    podcasts: tuple[tuple[int, int], ...] | None
    zone: str

    def where(self, podcast_id: Any = Post.podcast_id) -> list[ColumnElement[bool]]:
        """By their ids: a database that knows how many posts each has finds the shorter way to them."""
        if self.podcasts is None:
            return []
        ids = [id for id, _ in self.podcasts]
        if len(ids) == 1:
            return [podcast_id == ids[0]]
        return [podcast_id.in_(ids) if ids else false()]


def seen(viewer: Viewer, wanted: Wanted) -> Seen:
    """In one statement at most. To be asked before the posts, so that no count is older than its version."""
    wished = int(wanted.podcast) if wanted.podcast else None
    shows = select(Podcast.id, Podcast.timezone, func.coalesce(FiguresVersion.version, 0).label("version"))
    shows = shows.outerjoin(FiguresVersion, FiguresVersion.podcast_id == Podcast.id).order_by(Podcast.id)
    if not viewer.is_admin:
        shows = shows.join(PodcastMember, PodcastMember.podcast_id == Podcast.id)
        shows = shows.where(PodcastMember.user_id == viewer.user_id)
    elif wished is None:
        return Seen(None, viewer.timezone)
    else:
        shows = shows.where(Podcast.id == wished)
    rows = [row for row in db.session.execute(shows) if wished in (None, row.id)]
    zone = rows[0].timezone if wished and rows else viewer.timezone
    return Seen(tuple((row.id, row.version) for row in rows), zone)


def totals(found: Seen, where: Where, wanted: Wanted) -> Totals:
    """By state, in one statement. Who sees all posts, those of podcasts that are gone with them, has them counted."""
    if found.podcasts is None:
        return _counted(where)
    fresh: list[Totals] = []

    def compute() -> Totals:
        fresh.append(_counted(where))
        return {state: number for state, number in fresh[0].items() if state not in ON_ITS_WAY}

    settled = get_services().numbers.get(_key(found, wanted), _SHAPE, compute)
    # What is on its way changes from one moment to the next, and is little.
    return fresh[0] if fresh else settled | _counted([*where, Post.status.in_(sorted(ON_ITS_WAY))])


def _key(found: Seen, wanted: Wanted) -> Key:
    asked = [value for name, value in asdict(wanted).items() if name != "sort"]
    podcasts = [number for one in found.podcasts or () for number in one]
    return Key("totals", 0, 0, sees_money=False, filter=(found.zone, *asked, *podcasts), seconds=HISTORY)


def _counted(where: Where) -> Totals:
    query = select(Post.status, func.count()).select_from(Post).where(*where).group_by(Post.status)
    return {row[0]: row[1] for row in db.session.execute(query)}
