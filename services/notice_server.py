"""Trouble of the server and of its ways to YouTube and X, as events for those who can mend it. Reads only."""

from datetime import datetime, timedelta

from sqlalchemy import and_, func, or_, select

from config import Settings
from extensions import db
from models import Installation, Podcast, PushState, PushSubscription, SendGate, User, YouTubeChannel
from services import notice_words as say
from services import quota
from services.causes import CAUSES, explain
from services.durations import duration
from services.last_check import last_check, late_after
from services.notice_events import admins_of
from services.notice_words import Event
from services.push_leases import USUAL
from services.youtube_push import can_be_reached

#: so many looks in a row failed before somebody is told: one that fails is nothing
FAILED_LOOKS = 3
#: units are low when less than this share of the day's is left, and the day is not nearly over
LOW, LATE_IN_THE_DAY = 0.10, timedelta(hours=2)
#: what holds everybody's posts back until the operator has done something
GATES = ("x_credits", "x_client")
#: what hides every channel until the operator has done something
OF_OPERATOR = frozenset({"youtube_key", "youtube_refused", "youtube_consent", "youtube_bot_check"})
AT_ONCE = 200
#: refusals in a row, an hour apart, of a hub that never granted anything
FAILED_ASKS = 24


def site_admins() -> tuple[int, ...]:
    query = select(User.id).where(User.is_admin, User.is_active).order_by(User.id)
    return tuple(db.session.execute(query).scalars())


def server_events(settings: Settings, now: datetime, *, up_since: datetime) -> list[Event]:
    """`up_since`: when this process began. Right after it a check of long ago says nothing."""
    admins = site_admins()
    every = timedelta(seconds=settings.live_check_interval_seconds)
    events = [*_gates(admins, now), *_quarantine(admins)]
    if settings.youtube_api_key:
        events += _units(settings, admins, now)
    if can_be_reached(settings):
        events += _push(admins, now)
    if now - up_since > late_after(every):
        events += _late(admins, every, now)
    return events


def _gates(admins: tuple[int, ...], now: datetime) -> list[Event]:
    """Once a day for as long as it lasts: X gives no word of how much is left before it is all gone."""
    shut = select(SendGate.cause).where(SendGate.key == "x", SendGate.until > now, SendGate.cause.in_(GATES))
    return [
        Event(f"gate:{cause}:{now.date()}", "credits", CAUSES[cause].text, CAUSES[cause].own_fix, say.SYSTEM, admins)
        for cause in db.session.execute(shut).scalars()
    ]


def _units(settings: Settings, admins: tuple[int, ...], now: datetime) -> list[Event]:
    spent, units = quota.read_spent(db.session(), now), settings.youtube_daily_units
    day, (_, end) = quota.pacific_day(now), quota.day_bounds(now)
    if spent.exhausted or spent.total >= units:
        text, link = explain("youtube_quota"), say.SYSTEM
        return [Event(f"units:gone:{day}", "quota", "YouTube's units of today are used up", text, link, admins)]
    if units - spent.total >= LOW * units or end - now < LATE_IN_THE_DAY:
        return []
    hours = duration(end - now)
    text = (
        f"{spent.total} of {units} are spent, and the day at YouTube lasts another {hours}. Detection slows down by "
        "itself; planned starts come first. Ask Google for more, or watch fewer channels."
    )
    return [Event(f"units:low:{day}", "quota", "YouTube's units of today run low", text, say.SYSTEM, admins)]


def _late(admins: tuple[int, ...], every: timedelta, now: datetime) -> list[Event]:
    check = last_check(now, every)
    if not check.is_late or check.at is None:
        return []
    text = (
        f"The last check ended {duration(now - check.at)} ago. Starts may be announced late. Look at the jobs, and "
        "start the scheduler anew if one of them hangs."
    )
    key = f"late:{check.at:%Y-%m-%dT%H:%M:%S}"
    return [Event(key, "late", "YouTube has not been checked for a while", text, say.SYSTEM, admins)]


def _push(admins: tuple[int, ...], now: datetime) -> list[Event]:
    """Once a week, when a second lease would be over too."""
    one = PushSubscription
    ended, never = one.lease_until < now - USUAL, and_(one.lease_until.is_(None), one.failures >= FAILED_ASKS)
    query = select(func.count()).where(one.state != PushState.LEAVING, one.error_cause.is_not(None), or_(ended, never))
    silent = db.session.execute(query).scalar_one()
    if not silent:
        return []
    channels = "one channel" if silent == 1 else f"{silent} channels"
    text = "Airhorn looks by itself, so an unplanned start is seen later. The reason stands under Push."
    return [Event(f"push:{now:%G-%V}", "detector", f"YouTube's hub is silent on {channels}", text, say.SYSTEM, admins)]


def _quarantine(admins: tuple[int, ...]) -> list[Event]:
    row = db.session.execute(select(Installation).where(Installation.quarantined_at.is_not(None))).scalar_one_or_none()
    if row is None or row.quarantined_at is None:
        return []
    text = explain(row.cause) if row.cause else "Until a person ends it, nothing that may be out already is sent."
    key = f"quarantine:{row.quarantined_at:%Y-%m-%dT%H:%M:%S}"
    return [Event(key, "quarantine", "Posting is held back: is this the newest database?", text, say.SYSTEM, admins)]


# Channels


def channel_events() -> list[Event]:
    """Channels that could not be looked at several times in a row: one event until the next good look.

    What only the operator can mend is told to the operator too, once for all channels.
    """
    watched = and_(Podcast.youtube_channel_id == YouTubeChannel.id, Podcast.is_active)
    failing = (
        select(YouTubeChannel, Podcast)
        .join(Podcast, watched)
        .where(YouTubeChannel.failures >= FAILED_LOOKS, YouTubeChannel.error_cause.is_not(None))
        .order_by(Podcast.id)
        .limit(AT_ONCE)
    )
    rows = list(db.session.execute(failing))
    admins = admins_of({row.Podcast.id for row in rows})
    events = [_blind(row.YouTubeChannel, row.Podcast, admins[row.Podcast.id]) for row in rows]
    causes = {row.YouTubeChannel.error_cause for row in rows} & OF_OPERATOR
    return events + (_for_operator(sorted(causes)) if causes else [])


def _since(channel: YouTubeChannel) -> str:
    return f"{channel.last_good_look_at:%Y-%m-%dT%H:%M:%S}" if channel.last_good_look_at else "ever"


def _blind(channel: YouTubeChannel, show: Podcast, admins: tuple[int, ...]) -> Event:
    why = explain(channel.error_cause or "")
    return Event(
        key=f"blind:{show.id}:{channel.id}:{_since(channel)}",
        kind="detector",
        title=f"{show.name}: YouTube cannot be looked at",
        body=f"{channel.failures} looks in a row failed. {why} Starts may be seen late.",
        link=say.youtube_link(show.id),
        user_ids=admins,
        podcast_id=show.id,
    )


def _for_operator(causes: list[str]) -> list[Event]:
    good = db.session.execute(select(func.max(YouTubeChannel.last_good_look_at))).scalar()
    since, admins = f"{good:%Y-%m-%d}" if good else "ever", site_admins()
    return [
        Event(f"blind:{cause}:{since}", "detector", CAUSES[cause].text, CAUSES[cause].fix, say.SYSTEM, admins)
        for cause in causes
    ]
