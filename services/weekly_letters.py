"""What the letters about a podcast's week say to each of their readers, and how one is handed to the mail server.

Decides nothing about who gets one, and when.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from extensions import db, reading
from models import Podcast
from services import insight_facts, insights, overview_numbers, periods
from services import weekly_words as words
from services.attention import needs_here
from services.dismissals import Viewer, sorted_out
from services.insight_facts import LAST_WEEK
from services.insights import Insight
from services.mail import Mailer
from services.need import Need
from services.number_cards import cards
from services.overview import checked
from services.overview_numbers import Overview
from services.periods import WEEK
from services.weekly_words import Week

EIGHT = time(8)


@dataclass(frozen=True, slots=True)
class Reader:
    """Who wants the letter of a podcast, which week it is about, and how it is known that he has it."""

    podcast_id: int
    user_id: int
    email: str
    is_admin: bool
    monday: date

    @property
    def key(self) -> str:
        return f"week:{self.podcast_id}:{self.monday}"


def begins(monday: date, zone: str) -> datetime:
    """When the letters of the week before this Monday begin to go out."""
    return datetime.combine(monday, EIGHT, ZoneInfo(zone)).astimezone(UTC)


def weeks(podcast_id: int, readers: Sequence[Reader], now: datetime) -> Iterable[tuple[Reader, Week]]:
    """What each of them may read; put together in a few statements, and one more for each reader."""
    reading()
    podcast = db.session.get(Podcast, podcast_id)
    if podcast is None:
        db.session.rollback()
        return []
    overview = overview_numbers.overview(podcast, periods.Kind.WEEK, last_moment(readers[0].monday, podcast.timezone))
    facts = insight_facts.facts(podcast, overview, now, money=True, names=LAST_WEEK)
    needs = needs_here(podcast, checked(now), now)
    found = []
    for reader in readers:
        told = insights.of(facts if reader.is_admin else replace(facts, plan=None))
        found.append((reader, week_for(reader, Told(podcast, overview, told, needs), now)))
    db.session.rollback()
    return found


def last_moment(monday: date, zone: str) -> datetime:
    """Of the week before this Monday."""
    return periods.midnight(monday, zone) - timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Told:
    """What there is to say of a podcast's week; `needs` of everybody."""

    podcast: Podcast
    overview: Overview
    insights: Sequence[Insight]
    needs: Sequence[Need]


def week_for(reader: Reader, told: Told, now: datetime) -> Week:
    """Without cards where no episode was announced, and without what the reader put aside. One statement."""
    podcast, has_any = told.podcast, bool(told.overview.current.announcements)
    seen, _ = sorted_out(told.needs, Viewer(reader.user_id, {podcast.id} if reader.is_admin else ()), now)
    needs = words.what_needs(seen, reader.user_id)
    numbers = cards(told.overview, (), money=reader.is_admin) if has_any else ()
    span = periods.span_of(reader.monday - WEEK, reader.monday, podcast.timezone)
    return Week(podcast.id, podcast.name, span, numbers, told.insights if has_any else (), needs)


def hand_over(mailer: Mailer, reader: Reader, week: Week, here: str) -> None:
    """Sends it, with no transaction open. `here`: where this server is. Raises Refused and Unknown."""
    text, stop = words.letter(week, here), {"List-Unsubscribe": f"<{words.stop_link(here)}>"}
    mailer.hand_over(reader.email, words.subject(week), text, headers=stop)
