"""What one podcast needs a person for: its list, what was put aside of it, and for how long. Mends nothing."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from functools import partial
from zoneinfo import ZoneInfo

from sqlalchemy import delete, select

from extensions import db, reading
from models import Dismissal, EpisodeGuide, Podcast
from services import audit, dismissals, periods
from services.audit import Actor, Kind
from services.checks import shown
from services.dismissals import Aside, Viewer
from services.errors import Conflict, Invalid
from services.lamps import lamps_of
from services.last_check import LastCheck
from services.need import Group, Need, grouped
from services.needs import Seen, most_for, needs_of
from services.next_shows import planned
from services.one_by_one import apart
from services.overview import channels_of, checked, open_episodes_for

#: on a page; the rest comes up as these are done
MOST_SHOWN = 60
#: of what was put aside at once, in the audit log
MOST_NOTED = 20
#: of one sort, where it has to be known that there is not one more
ALL = 100_000
#: what is put aside this moment is not yet known to have ended
SETTLED = timedelta(minutes=5)
#: podcasts of which one run of the cleaning looks whether things have ended, and how often it runs
AT_ONCE, EVERY = 200, timedelta(hours=1)


class HowLong(StrEnum):
    """For how long something is put aside."""

    TODAY = "today"
    WEEK = "week"
    GOOD = "good"


@dataclass(frozen=True, slots=True)
class Attention:
    """The page of one podcast. `managed` and `open_episodes` as on the first page."""

    needs: Sequence[Need]
    groups: Sequence[Group]
    aside: Sequence[Aside]
    check: LastCheck
    managed: frozenset[int]
    open_episodes: dict[int, list[EpisodeGuide]] = field(default_factory=dict)

    @property
    def first_groups(self) -> Sequence[Group]:
        return self.groups[:MOST_SHOWN]


def attention(podcast: Podcast, user_id: int, now: datetime, *, is_admin: bool) -> Attention:
    """The most urgent first. The statements do not grow with hosts, episodes or posts."""
    check, viewer = checked(now), Viewer(user_id, frozenset({podcast.id} if is_admin else ()))
    put = dismissals.in_force([podcast.id], user_id, now)
    found = needs_here(podcast, check, now, most=most_for(put), reader_id=user_id)
    needs, aside = dismissals.sorted_by(found, viewer, put)
    episodes = open_episodes_for(needs, viewer.managed, now)
    return Attention(needs, grouped(needs, user_id), aside, check, frozenset(viewer.managed), episodes)


def needs_here(podcast: Podcast, check: LastCheck, now: datetime, **which: int) -> list[Need]:
    """All there is, whoever looks. `which`: how many of one sort, and whose come first, as `needs_of` has it."""
    shows = {podcast.id: podcast}
    ahead = planned([podcast.id], now)
    hosts = lamps_of(ahead, shows, now)
    seen = Seen([(episode, hosts[episode.id]) for episode in ahead], channels_of([podcast]), check)
    return needs_of(shows, seen, now, **which)


def how_long(text: str) -> HowLong:
    """Raises Invalid."""
    try:
        return HowLong(text)
    except ValueError:
        raise Invalid(f"“{shown(text)}” is no time to put something aside for. Choose one of the buttons.") from None


def put_aside(
    podcast: Podcast, seen: Collection[str], length: HowLong, by: Actor, now: datetime, *, is_admin: bool
) -> datetime | None:
    """For oneself, or as an admin for everybody. Returns until when; None: for good.

    `seen`: the items that were shown together. What has come to them since was seen by nobody, and stays. Raises
    Conflict when none of them is on the list any more: names are never stored as they come.
    """
    return _put(podcast, _on_the_list(podcast, seen, by, now, is_admin=is_admin), length, by, now, for_all=is_admin)


def put_own_aside(
    podcast: Podcast, seen: Collection[str], length: HowLong, by: Actor, now: datetime, *, is_admin: bool
) -> datetime | None:
    """The same for oneself alone, also as an admin."""
    return _put(podcast, _on_the_list(podcast, seen, by, now, is_admin=is_admin), length, by, now, for_all=False)


def _on_the_list(podcast: Podcast, seen: Collection[str], by: Actor, now: datetime, *, is_admin: bool) -> Sequence[str]:
    assert by.user_id is not None
    page, names = attention(podcast, by.user_id, now, is_admin=is_admin), set(seen)
    found = [need.item for need in page.needs if need.item in names]
    if not found:
        raise Conflict("It is not on the list any more, so nothing was put aside.")
    return found


def _put(
    podcast: Podcast, items: Sequence[str], length: HowLong, by: Actor, now: datetime, *, for_all: bool
) -> datetime | None:
    assert by.user_id is not None
    podcast_id, until = podcast.id, _until(length, podcast.timezone, now)
    db.session.rollback()
    dismissals.put(podcast_id, items, None if for_all else by.user_id, dismissals.Putting(by.user_id, until, now))
    end = until.isoformat() if until else "for good"
    audit.note(Kind.PUT_ASIDE, by, now, podcast_id=podcast_id, items=items[:MOST_NOTED], until=end, for_all=for_all)
    db.session.commit()
    return until


def _until(length: HowLong, zone: str, now: datetime) -> datetime | None:
    """Midnights of the podcast's zone, so that it is back in the morning whatever the hour it was put aside at."""
    if length is HowLong.GOOD:
        return None
    days = 1 if length is HowLong.TODAY else 7
    return periods.midnight(now.astimezone(ZoneInfo(zone)).date() + days * periods.DAY, zone)


def bring_back(podcast: Podcast, dismissal_id: int, by: Actor, now: datetime, *, is_admin: bool) -> None:
    """Raises NotFound."""
    assert by.user_id is not None
    podcast_id = podcast.id
    db.session.rollback()
    viewer = Viewer(by.user_id, frozenset({podcast_id} if is_admin else ()))
    gone = dismissals.take_back(podcast_id, dismissal_id, viewer)
    audit.note(Kind.BROUGHT_BACK, by, now, podcast_id=podcast_id, item=gone.item, for_all=gone.user_id is None)
    db.session.commit()


# What was put aside ends with what it was about


def clean(now: datetime, at_once: int = AT_ONCE) -> None:
    """Takes away what has run out, and what is about things that are settled. Commits after each podcast.

    `at_once`: of how many podcasts it looks what is settled; the next ones have their turn with the next run.
    """
    over = delete(Dismissal).where(Dismissal.until <= now)
    db.session.execute(over, execution_options={"synchronize_session": False})
    db.session.commit()
    reading()
    some = select(Dismissal.podcast_id).distinct().order_by(Dismissal.podcast_id)
    podcast_ids = list(db.session.execute(some).scalars())
    db.session.rollback()
    for podcast_id in _turn(podcast_ids, now, at_once):
        apart(partial(_clean, podcast_id, now), "what was put aside of a podcast was not cleaned", podcast_id)


def _turn(podcast_ids: Sequence[int], now: datetime, at_once: int) -> Sequence[int]:
    """By the clock: any process may do the next run."""
    turns = -(-len(podcast_ids) // at_once) or 1
    first = int(now.timestamp() // EVERY.total_seconds()) % turns * at_once
    return podcast_ids[first : first + at_once]


def _clean(podcast_id: int, now: datetime) -> None:
    reading()
    podcast = db.session.get(Podcast, podcast_id)
    if podcast is None:
        db.session.rollback()
        return
    known = {need.item for need in needs_here(podcast, checked(now), now, most=ALL)}
    settled = select(Dismissal.id, Dismissal.item).where(Dismissal.podcast_id == podcast_id)
    rows = db.session.execute(settled.where(Dismissal.made_at < now - SETTLED)).all()
    ended = [row.id for row in rows if row.item not in known]
    db.session.rollback()
    if ended:
        dismissals.forget(ended)
        db.session.commit()
