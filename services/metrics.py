"""Figures for a monitoring system, read from the database at each scrape: the same whichever process is asked."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy import func, select

from config import Settings
from extensions import db, reading
from models import JobRun, Post, PostStatus, WorkerLease
from services import quota, receipts
from services.health import read_health
from services.looker import LEASE, LOOKER
from services.push_figures import push_figures
from services.registry import get_services

#: outcomes and delays are of the last so many hours
RECENT = timedelta(hours=24)
#: states in which a post still wants something
OPEN = (PostStatus.QUEUED, PostStatus.SENDING, PostStatus.UNKNOWN, PostStatus.REVIEW)


def exposition(settings: Settings, now: datetime) -> bytes:
    """All figures in Prometheus' text format. The number of statements does not depend on what there is."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Figures(settings, now))
    return generate_latest(registry)


@dataclass(frozen=True)
class _Figures(Collector):
    settings: Settings
    now: datetime

    def collect(self) -> Iterator[Metric]:
        health = read_health(self.now)
        yield _gauge("airhorn_ready", "1 when database, migrations, a scheduler and the journal work", health.is_ready)
        reading()
        yield from self._outbox()
        yield self._outcomes()
        yield from self._delays()
        yield from self._push()
        yield from self._units()
        yield from self._lease()
        yield from self._jobs()
        db.session.rollback()

    def _outbox(self) -> Iterator[GaugeMetricFamily]:
        query = select(Post.status, func.count(), func.min(Post.unknown_since)).where(Post.status.in_(OPEN))
        rows = {row[0]: row for row in db.session.execute(query.group_by(Post.status))}
        depth = GaugeMetricFamily("airhorn_posts_open", "Posts that are not at their end", labels=["status"])
        for status in OPEN:
            depth.add_metric([status], rows[status][1] if status in rows else 0)
        yield depth
        since = rows[PostStatus.UNKNOWN][2] if PostStatus.UNKNOWN in rows else None
        age = (self.now - since).total_seconds() if since else 0.0
        yield _gauge("airhorn_unknown_age_seconds", "Age of the oldest outcome that nobody knows", age)

    def _outcomes(self) -> GaugeMetricFamily:
        found = GaugeMetricFamily(
            "airhorn_posts_last_day", "Posts made in the last 24 hours", labels=["status", "cause"]
        )
        query = select(Post.status, Post.cause, func.count()).where(Post.created_at > self.now - RECENT)
        for status, cause, number in db.session.execute(query.group_by(Post.status, Post.cause)):
            found.add_metric([status, cause or ""], number)
        return found

    def _delays(self) -> Iterator[GaugeMetricFamily]:
        found = receipts.stats(self.now - RECENT, self.now)
        for name, (spread, help_) in {
            "start_to_seen": (found.to_confirmed, "From the start of a stream until YouTube said that it is live"),
            "start_to_last_post": (found.to_last, "From the start of a stream to its last post"),
            "seen_to_last_post": (found.from_confirmed, "From seeing a stream live to its last post"),
            "push_to_seen": (found.push_to_confirmed, "From the hub's push to seeing its stream live"),
        }.items():
            figures = GaugeMetricFamily(f"airhorn_{name}_seconds", f"{help_}, last 24 hours", labels=["quantile"])
            for quantile, value in (("0.5", spread.p50), ("0.95", spread.p95), ("1", spread.worst)):
                if value is not None:
                    figures.add_metric([quantile], value)
            yield figures

    def _push(self) -> Iterator[Metric]:
        found = push_figures(self.now)
        states = GaugeMetricFamily(
            "airhorn_push_subscriptions", "Channels that YouTube's hub was asked to tell of", labels=["state"]
        )
        for state, number in found.subscriptions.items():
            states.add_metric([state], number)
        yield states
        yield _gauge("airhorn_push_waiting_seconds", "Age of the oldest push that no look has followed", found.waiting)
        services = get_services()
        arrived = CounterMetricFamily(
            "airhorn_pushes",
            "Deliveries that the process which was asked has judged",
            labels=["process", "outcome"],
        )
        for outcome, number in services.push.deliveries.judged().items():
            arrived.add_metric([services.scheduler.process, outcome], number)
        yield arrived

    def _units(self) -> Iterator[GaugeMetricFamily]:
        spent = quota.read_spent(db.session(), self.now)
        used = GaugeMetricFamily(
            "airhorn_youtube_units_spent", "YouTube units spent this Pacific day", labels=["purpose"]
        )
        for purpose in ("discovery", "watch", "people"):
            used.add_metric([purpose], getattr(spent, purpose))
        yield used
        yield _gauge("airhorn_youtube_units_limit", "YouTube units of a day", self.settings.youtube_daily_units)

    def _lease(self) -> Iterator[GaugeMetricFamily]:
        lease = db.session.get(WorkerLease, LOOKER)
        if lease is None:
            return
        renewed_at = lease.expires_at - LEASE
        age = max(0.0, (self.now - renewed_at).total_seconds())
        yield _gauge("airhorn_lease_age_seconds", "Since the process that looks renewed its lease", age)
        yield _gauge("airhorn_lease_epoch", "Raised with every change of the process that looks", lease.epoch)

    def _jobs(self) -> Iterator[GaugeMetricFamily]:
        labels = ["process", "job"]
        took = GaugeMetricFamily("airhorn_job_duration_seconds", "How long the last run of a job took", labels=labels)
        age = GaugeMetricFamily("airhorn_job_age_seconds", "Since the last run of a job began", labels=labels)
        for run in db.session.execute(select(JobRun).order_by(JobRun.process, JobRun.job)).scalars():
            key = [run.process, run.job]
            age.add_metric(key, (self.now - run.started_at).total_seconds())
            if run.finished_at is not None:
                took.add_metric(key, (run.finished_at - run.started_at).total_seconds())
        yield took
        yield age


def _gauge(name: str, help_: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, help_, value=float(value))
