"""What the sentences about a period are made of. Reads only, in four statements whatever there is."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import and_, case, func, select

from extensions import db
from models import EpisodeGuide, Podcast, PodcastMember, Post, PostStatus, User, Wallet, WalletOwner
from services import wallet_months
from services.figures import made_in
from services.insights import Facts, HostPast, Plan, Reach
from services.overview_numbers import Overview
from services.periods import Kind, Span
from services.wallet_months import month_of
from services.wallet_rows import Whose

#: episodes of so long before are what is usual
USUAL = timedelta(weeks=12)
#: kind of period → what it and the one before it are called
NAMES = {
    Kind.WEEK: ("this week", "the week before"),
    Kind.MONTH: ("this month", "the month before"),
    Kind.QUARTER: ("this quarter", "the quarter before"),
    Kind.ALL: ("in all", ""),
}


#: once the week is over
LAST_WEEK = ("last week", "the week before")


def facts(
    podcast: Podcast, overview: Overview, now: datetime, *, money: bool, names: tuple[str, str] | None = None
) -> Facts:
    """`money`: whether the reader may know what the podcast spends. `names`: of the period, and the one before it."""
    period = overview.period
    named, before = names or NAMES[period.kind]
    episodes = _episodes(podcast.id, period.current)
    return Facts(
        now=named,
        before=before,
        current=overview.current,
        previous=overview.previous,
        starts=sum(one.is_now for one in episodes),
        hosts=_hosts(podcast.id, period.previous, period.current) if period.previous else (),
        episodes=episodes,
        plan=_plan(podcast, now) if money else None,
    )


def _hosts(podcast_id: int, before: Span, now: Span) -> Sequence[HostPast]:
    """Members of today, by name, who posted in either."""
    is_now = Post.created_at >= now.since
    counts = (func.count(case((is_now, None), else_=1)), func.count(case((is_now, 1))))
    member = and_(PodcastMember.user_id == User.id, PodcastMember.podcast_id == podcast_id)
    query = (
        select(User.name, *counts)
        .select_from(Post)
        .join(User, User.id == Post.user_id)
        .join(PodcastMember, member)
        .where(made_in(podcast_id, (before, now)), Post.status == PostStatus.POSTED, User.is_active)
        .group_by(User.id, User.name)
        .order_by(User.name, User.id)
    )
    return [HostPast(name, int(earlier), int(later)) for name, earlier, later in db.session.execute(query)]


def _episodes(podcast_id: int, now: Span) -> Sequence[Reach]:
    """Those that were posted about since so long before; `posts` are those X showed counts of."""
    since = now.since if now.first is None else now.since - USUAL
    counted = func.count(Post.impressions), func.coalesce(func.sum(Post.impressions), 0)
    query = (
        select(EpisodeGuide.title, *counted, func.max(Post.created_at))
        .select_from(Post)
        .join(EpisodeGuide, EpisodeGuide.id == Post.episode_id)
        .where(made_in(podcast_id, (Span(since, now.until, None, now.last), now)), Post.status == PostStatus.POSTED)
        .group_by(EpisodeGuide.id, EpisodeGuide.title)
        .order_by(EpisodeGuide.id)
    )
    rows = db.session.execute(query)
    return [Reach(title, posts, int(seen or 0), is_now=last >= now.since) for title, posts, seen, last in rows]


def _plan(podcast: Podcast, now: datetime) -> Plan | None:
    mine = Wallet.podcast_id == podcast.id, Wallet.owner == WalletOwner.PODCAST
    budget = db.session.execute(select(Wallet.budget).where(*mine)).scalar_one_or_none()
    if not budget:
        return None
    month = month_of(now, podcast.timezone)
    cost = wallet_months.spent(db.session(), podcast.id, month)[Whose(podcast.id)].cost
    name = f"{month.since.astimezone(ZoneInfo(podcast.timezone)):%B}"
    return Plan(name, cost, budget, (now - month.since) / (month.until - month.since))
