"""The letter about the week before: on Monday at eight in the podcast's zone, once to each member who wants it.

That it was begun is written down, and committed, before the mail server is spoken to: any number of processes may do
it, and one that dies in the middle sends nothing twice. What certainly did not arrive is tried again until it is old.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from itertools import groupby
from operator import attrgetter
from typing import Any

from sqlalchemy import Select, delete, literal, not_, or_, select, update

from config import Settings
from extensions import db, reading
from models import Notice, NoticeLevel, Podcast, PodcastMember, Role, User
from services import audit, periods
from services import notice_words as say
from services import weekly_letters as letters
from services import weekly_words as words
from services.audit import Actor, Kind
from services.errors import NotFound, Outcome, Refused
from services.inserting import insert_or_ignore
from services.mail import Mailer
from services.one_by_one import Turns, apart
from services.weekly_letters import Reader, begins
from services.weekly_words import Week

log = logging.getLogger(__name__)

#: on Tuesday nobody wants to read of the week before last
TOO_LATE = timedelta(hours=24)
#: letters of one run; the next comes a minute later
AT_ONCE = 100
#: not taken, of one podcast: then others have their turn
MOST_REFUSED = 3
#: the mail server is away: the others wait for the next run
AWAY = frozenset({"notice_unreachable", "notice_no_answer", "notice_mail", "notice_off"})
NOT_ON_IT = "You are not on this podcast, so its week cannot come to you."
_PLAIN = {"synchronize_session": False}


@dataclass(slots=True)
class _Round:
    """What came of a run so far. `left`: readers that it may still look at."""

    left: int = AT_ONCE
    taken: int = 0
    is_away: bool = False


class WeeklyMail:
    """The job. Several processes may run it: whoever writes down first that he sends a letter sends it."""

    def __init__(self, settings: Settings, mailer: Mailer) -> None:
        self._settings, self._mailer = settings, mailer
        #: there was nothing to tell them when their Monday came
        self._without: set[Reader] = set()
        self._turns: Turns[Reader] = Turns()

    def run(self, now: datetime) -> int:
        """Returns how many letters were taken."""
        if not self._mailer.is_set_up:
            return 0
        wanting = set(due(now))
        self._without &= wanting
        waiting = sorted(wanting - self._without, key=lambda one: (one.podcast_id, one.user_id))
        readers = self._turns.of(waiting, now)
        found = _Round()
        for podcast_id in dict.fromkeys(reader.podcast_id for reader in readers):
            here = [reader for reader in readers if reader.podcast_id == podcast_id][: found.left]
            theirs = partial(self._letters, podcast_id, here, found, now)
            if not apart(theirs, "the weekly letters of a podcast were not written", podcast_id):
                found.left -= 1
                for reader in here:
                    self._turns.later(reader, now)
            if found.is_away or found.left <= 0:
                break
        return found.taken

    def _letters(self, podcast_id: int, readers: Sequence[Reader], found: _Round, now: datetime) -> None:
        refused = 0
        for reader, week in letters.weeks(podcast_id, readers, now):
            found.left -= 1
            if not week.has_any:
                self._without.add(reader)
            elif _claim(reader, week, now):
                result = self._send(reader, week)
                if result is None:
                    found.taken += 1
                    continue
                self._turns.later(reader, now)
                refused += 1
                found.is_away = result.cause in AWAY
                if found.is_away or refused == MOST_REFUSED:
                    return

    def _send(self, reader: Reader, week: Week) -> Outcome | None:
        """None: taken. What certainly did not arrive may be sent again."""
        try:
            letters.hand_over(self._mailer, reader, week, self._settings.public_url)
        except Outcome as result:
            log.warning("a weekly letter was not taken", extra={"user": reader.user_id, "cause": result.cause})
            if isinstance(result, Refused) and not result.permanent:
                _unclaim(reader)
            return result
        return None


def due(now: datetime) -> list[Reader]:
    """Who has yet to get a letter. Two statements, and one where nobody's Monday has come."""
    reading()
    member, user, show = PodcastMember, User, Podcast
    query = (
        select(member.podcast_id, member.role, user.id, user.email, user.is_admin, show.timezone)
        .join(user, user.id == member.user_id)
        .join(show, show.id == member.podcast_id)
        .where(member.weekly_mail, user.is_active, show.is_active)
        .order_by(member.podcast_id, user.id)
    )
    found: list[Reader] = []
    for podcast_id, rows in groupby(db.session.execute(query).all(), attrgetter("podcast_id")):
        apart(partial(_add, found, list(rows), now), "when a podcast's weekly letters are due is not known", podcast_id)
    told: set[tuple[str, int]] = set()
    if found:
        keys = {reader.key for reader in found}
        told = {
            (key, id) for key, id in db.session.execute(select(Notice.key, Notice.user_id).where(Notice.key.in_(keys)))
        }
    db.session.rollback()
    return [reader for reader in found if (reader.key, reader.user_id) not in told]


def _add(found: list[Reader], rows: Sequence[Any], now: datetime) -> None:
    found += [reader for row in rows if (reader := _reader(row, now)) is not None]


def _reader(row: Any, now: datetime) -> Reader | None:
    monday = periods.week_of(now, row.timezone)
    at = begins(monday, row.timezone)
    is_admin = row.role == Role.ADMIN or row.is_admin
    return Reader(row.podcast_id, row.id, row.email, is_admin, monday) if at <= now < at + TOO_LATE else None


# Who was first


def _claim(reader: Reader, week: Week, now: datetime) -> bool:
    """Writes down that this letter is sent, as a notice that was read already.

    Whether nobody had before, and the reader is still who the letter was written for: while others got theirs he may
    have left, or ended the letters, or may not read everything in it any more. What he is now, the next run sees.
    """
    session = db.session()
    session.rollback()
    row = {
        "key": reader.key,
        "kind": "week",
        "level": NoticeLevel.INFO,
        "user_id": reader.user_id,
        "podcast_id": reader.podcast_id,
        "title": say.one_line(words.subject(week)),
        "body": "It came by mail.",
        "link": f"/podcasts/{reader.podcast_id}/numbers",
        "at": now,
        "read_at": now,
    }
    columns = Notice.__table__.c
    values = _still(reader, [literal(value, columns[name].type) for name, value in row.items()])
    made = insert_or_ignore(Notice, session.get_bind().dialect.name).from_select(list(row), values)
    is_mine = session.execute(made.returning(Notice.id)).first() is not None
    session.commit()
    return is_mine


def _still(reader: Reader, values: Sequence[Any]) -> Select[Any]:
    """These values, where the reader still wants the letter, there, and with what he may read in it."""
    member = PodcastMember
    manages = or_(member.role == Role.ADMIN, User.is_admin)
    return (
        select(*values)
        .select_from(member)
        .join(User, User.id == member.user_id)
        .join(Podcast, Podcast.id == member.podcast_id)
        .where(member.podcast_id == reader.podcast_id, member.user_id == reader.user_id, member.weekly_mail)
        .where(User.is_active, User.email == reader.email, Podcast.is_active)
        .where(manages if reader.is_admin else not_(manages))
    )


def _unclaim(reader: Reader) -> None:
    """It certainly did not arrive."""
    mine = Notice.key == reader.key, Notice.user_id == reader.user_id
    db.session.execute(delete(Notice).where(*mine), execution_options=_PLAIN)
    db.session.commit()


# Who wants it


def choices(user_id: int) -> list[tuple[Podcast, bool]]:
    """This person's podcasts by name, and whether their week comes by mail. One statement."""
    mine = PodcastMember.user_id == user_id, Podcast.is_active
    query = select(Podcast, PodcastMember.weekly_mail).join(PodcastMember, PodcastMember.podcast_id == Podcast.id)
    rows = db.session.execute(query.where(*mine).order_by(Podcast.name, Podcast.id))
    return [(podcast, wanted) for podcast, wanted in rows]


def choose(podcast_id: int, by: Actor, now: datetime, *, wanted: bool) -> None:
    """Raises NotFound for who is not on the podcast, such as an admin of the server."""
    db.session.rollback()
    mine = PodcastMember.podcast_id == podcast_id, PodcastMember.user_id == by.user_id
    changed = db.session.execute(
        update(PodcastMember).where(*mine).values(weekly_mail=wanted).returning(PodcastMember.id),
        execution_options=_PLAIN,
    )
    if changed.first() is None:
        db.session.rollback()
        raise NotFound(NOT_ON_IT)
    audit.note(Kind.WEEKLY_MAIL, by, now, podcast_id=podcast_id, wanted=wanted)
    db.session.commit()
