"""The letter about the last full week when a person asks for it: shown, and sent to himself.

It is not Monday's: nothing is written down, so that one goes out as if this one had never been asked for.
"""

from dataclasses import dataclass
from datetime import datetime

from config import Settings
from extensions import db
from models import NoticeNetwork, User
from services import kept_numbers, periods, weekly_letters
from services import weekly_words as words
from services.access import Access
from services.attention import needs_here
from services.errors import NotFound, Outcome, Unknown
from services.insight_facts import LAST_WEEK
from services.last_check import LastCheck
from services.mail import Mailer, subject_line
from services.notice_addresses import missing
from services.number_words import days
from services.overview import checked
from services.weekly_letters import Reader, Told
from services.weekly_mail import NOT_ON_IT
from services.weekly_words import Week

ARCHIVED = "This podcast is archived: its week comes to nobody."


@dataclass(frozen=True, slots=True)
class Letter:
    """As it would be sent now. `text` is empty where the week is not worth one."""

    reader: Reader
    week: Week
    text: str
    check: LastCheck

    @property
    def to(self) -> str:
        return self.reader.email

    @property
    def subject(self) -> str:
        return subject_line(words.subject(self.week))

    @property
    def days(self) -> str:
        """ "Mon 9 Nov to Sun 15 Nov 2026"."""
        return days(self.week.span)


def letter(access: Access, user: User, now: datetime, settings: Settings) -> Letter:
    """What this person would get. Raises NotFound for who is not on the podcast, and of one that is archived."""
    podcast = access.podcast
    if not (access.is_member and podcast.is_active):
        raise NotFound(NOT_ON_IT if podcast.is_active else ARCHIVED)
    monday = periods.week_of(now, podcast.timezone)
    last = weekly_letters.last_moment(monday, podcast.timezone)
    overview = kept_numbers.overview(access, periods.Kind.WEEK, last)
    insights = kept_numbers.insights(access, overview, now, names=LAST_WEEK)
    check = checked(now)
    told = Told(podcast, overview, insights, needs_here(podcast, check, now))
    reader = Reader(podcast.id, user.id, user.email, access.is_admin, monday)
    week = weekly_letters.week_for(reader, told, now)
    text = words.letter(week, settings.public_url) if week.has_any else ""
    return Letter(reader, week, text, check)


def send(asked: Letter, mailer: Mailer, settings: Settings) -> tuple[bool, str]:
    """Sends it to its reader, with no transaction open. Whether it was taken, and what became of it in a sentence."""
    if not asked.text:
        return False, "Nothing was sent: there is nothing to tell of that week."
    if why := missing(NoticeNetwork.EMAIL, settings):
        return False, f"Nothing was sent. {why}"
    db.session.rollback()
    try:
        weekly_letters.hand_over(mailer, asked.reader, asked.week, settings.public_url)
    except Unknown as result:
        return False, f"It may have been sent. {result} Look into your mailbox before you send it again."
    except Outcome as result:
        return False, f"It was not sent. {result}"
    return True, f"Sent to {asked.to}. What comes on Mondays stays as it is."
