"""Whether Airhorn reads at X what came of a podcast's posts, and what that costs."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select

from extensions import db
from models import PodcastMember
from services import audit, prices
from services.audit import Actor, Kind
from services.metrics_rows import STEPS
from services.podcasts import locked


@dataclass(frozen=True, slots=True)
class ReadsPrice:
    """Micro-dollars: one reading of one post, all of one post, and of a show for which every host posts."""

    read: int
    times: int
    hosts: int

    @property
    def post(self) -> int:
        return self.read * self.times

    @property
    def show(self) -> int:
        return self.post * self.hosts


def reads_price(podcast_id: int, now: datetime) -> ReadsPrice:
    """By the list in force, in two statements."""
    members = select(func.count()).select_from(PodcastMember).where(PodcastMember.podcast_id == podcast_id)
    hosts = db.session.execute(members).scalar_one()
    return ReadsPrice(prices.current(now).cost(prices.READ), len(STEPS), hosts)


def switch(podcast_id: int, by: Actor, now: datetime, *, is_on: bool) -> str:
    """What is read from here on; what was read is kept. Returns what to tell."""
    podcast = locked(podcast_id)
    if podcast.reads_metrics != is_on:
        podcast.reads_metrics = is_on
        audit.note(Kind.PODCAST_CHANGED, by, now, podcast_id=podcast_id, changed=["reads_metrics"])
    db.session.commit()
    if is_on:
        return "What came of posts is read at X from now on, first an hour after each post."
    return "Nothing more is read at X about what came of posts. The numbers that are known stay."
