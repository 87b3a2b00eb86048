"""What people are told: goes through everything that can be news, every few seconds. Sends nothing."""

from datetime import datetime, timedelta

from flask import Flask

from config import Settings
from extensions import db, reading
from services.notice_ahead import connection_events, far_events, near_events
from services.notice_events import post_events, start_events, unannounced_events
from services.notice_server import channel_events, server_events
from services.notice_settling import settle
from services.notice_store import store
from services.registry import get_services

EVERY_SECONDS = 5.0
#: what is not about a start or a post is looked for so often
SLOWLY, DAILY = timedelta(minutes=1), timedelta(days=1)


def init_app(app: Flask) -> None:
    """Gives the scheduler of this process its job."""
    with app.app_context():
        services = get_services()
    services.scheduler.also("notice", NoticeService(services.settings).make, EVERY_SECONDS)


class NoticeService:
    """Finds out what people are to be told. Sends nothing: what goes elsewhere waits in the table of sendings."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._up_since: datetime | None = None
        self._asked: dict[str, datetime] = {}

    def make(self, now: datetime) -> int:
        """Writes down what is new. Returns how many notices. Several processes may: the key decides who was first."""
        self._up_since = self._up_since or now
        reading()
        events = [*post_events(now), *start_events(now), *unannounced_events(now)]
        due = {what for what, every in (("slowly", SLOWLY), ("daily", DAILY)) if self._is_time(what, every, now)}
        if "slowly" in due:
            events += [*server_events(self._settings, now, up_since=self._up_since), *channel_events()]
            events += [*near_events(now), *connection_events()]
        if "daily" in due:
            events += far_events(now)
        db.session.rollback()
        made = store(events, now) if events else 0
        if "slowly" in due:
            settle(now)
        self._asked |= dict.fromkeys(due, now)
        return made

    def _is_time(self, what: str, every: timedelta, now: datetime) -> bool:
        """Also when the clock was set back."""
        before = self._asked.get(what)
        return before is None or not before <= now < before + every
