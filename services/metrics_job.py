"""When public counts are read, weeks are added up, and old numbers go. Knows not how."""

import logging
from datetime import date, datetime

from flask import Flask

from extensions import db
from services import left_behind, retention
from services.host_weeks import RollUp
from services.registry import get_services

log = logging.getLogger(__name__)

METRICS, METRICS_SECONDS, REHEARSAL_SECONDS = "metrics", 300.0, 30.0
WEEKS, WEEKS_SECONDS = "weeks", 1800.0


def init_app(app: Flask) -> None:
    """Gives the scheduler of this process its jobs."""
    with app.app_context():
        services = get_services()
    every = REHEARSAL_SECONDS if services.settings.sandbox_url else METRICS_SECONDS
    services.scheduler.also(METRICS, services.metrics.sync, every)
    services.scheduler.also(WEEKS, WeeksJob().run, WEEKS_SECONDS)


class WeeksJob:
    """Any number of processes may run it: what was added up twice is the same."""

    def __init__(self) -> None:
        self._cleaned: date | None = None
        self._weeks = RollUp()

    def run(self, now: datetime) -> None:
        """Old numbers go whatever becomes of the weeks: tables would grow while nobody looks."""
        try:
            added = self._weeks.run(now)
            if added:
                log.info("weeks were added up", extra={"weeks": added})
        finally:
            db.session.rollback()
            self._forget(now)

    def _forget(self, now: datetime) -> None:
        if self._cleaned != now.date():
            retention.forget(now)
            left_behind.take_over(now)
            self._cleaned = now.date()
