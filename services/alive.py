"""Tells somebody outside each minute that all is well: when that stops, he tells people. Changes nothing here."""

import logging
from datetime import datetime, timedelta

from sqlalchemy import func, select

from config import Settings
from extensions import db, reading
from models import Installation, JobRun
from services.clients.http import KIB, Http
from services.errors import Refused
from services.journal import IntentJournal
from services.last_check import last_check

log = logging.getLogger(__name__)

#: heartbeats are written every ten seconds: a newer one than this says that the database takes writes
WRITTEN_WITHIN = timedelta(seconds=60)
DEADLINE = 10.0


class AliveService:
    """The dead man's switch: quiet when anything is wrong, so that silence means trouble."""

    def __init__(self, settings: Settings, http: Http, journal: IntentJournal) -> None:
        self._url, self._http, self._journal = settings.heartbeat_url, http, journal
        self._every = timedelta(seconds=settings.live_check_interval_seconds)
        self._failed = False

    def call_if_well(self, now: datetime, sickness: str | None) -> bool:
        """Asks HEARTBEAT_URL once. Returns whether it was called and answered. `sickness` is the scheduler's."""
        unwritable = self._journal.tried(now)  # also without an address: the system page says it before a show does
        if self._url is None or unwritable is not None or self.trouble(now, sickness) is not None:
            return False
        why = self._call(self._url)
        if why is not None and not self._failed:  # a line each minute would say no more; the address is a secret
            log.warning("HEARTBEAT_URL could not be called: %s", why)
        self._failed = why is not None
        return why is None

    def trouble(self, now: datetime, sickness: str | None) -> str | None:
        """Why this is no moment to say that all is well; None when it is."""
        if sickness is not None:
            return sickness
        reading()
        written_at = db.session.execute(select(func.max(JobRun.seen_at))).scalar()
        check = last_check(now, self._every)
        quarantined = db.session.execute(
            select(Installation.id).where(Installation.quarantined_at.is_not(None))
        ).first()
        db.session.rollback()
        if written_at is None or now - written_at > WRITTEN_WITHIN:
            return "the database was not written to for a minute"
        if check.is_late or check.error is not None:
            return "the last check is late or failed"
        return "posting is held back after a change of the database" if quarantined else None

    def _call(self, url: str) -> str | None:
        """Why it failed, without a word of the address."""
        try:
            answer = self._http.get(url, deadline=DEADLINE, max_bytes=64 * KIB)
        except Refused as refused:
            return str(refused)
        return None if 200 <= answer.status < 300 else f"it answered {answer.status}"
