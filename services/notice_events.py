"""What happened around posts and starts that people are to be told of. Reads only; told once because keys are unique.

Everything is derived from what is stored anyway, so that posting itself carries nothing for it.
"""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Exists, Select, String, and_, cast, func, literal, or_, select
from sqlalchemy import text as sql

from extensions import db
from models import (
    Broadcast,
    BroadcastState,
    EpisodeGuide,
    Notice,
    Podcast,
    PodcastMember,
    Post,
    PostStatus,
    Role,
    User,
    Verdict,
)
from models.post import IN_TROUBLE
from services import notice_words as say
from services.adopting import started_at
from services.lamps import HostLamp, crowd_of, lamps_of
from services.needs import fix_of
from services.notice_words import INFO, NEEDS_YOU, Event
from services.vocabulary import SILENT, Lamp

#: what is older is history, and nobody is told any more
RECENT = timedelta(days=1)
#: a start is reported when every post has ended, or so long after it was announced
REPORT_AFTER = timedelta(seconds=90)
#: while a show is live, its host is told of a post that is unconfirmed for so long
UNKNOWN_FOR = timedelta(minutes=3)
#: a queued post waits for its own host for one of these
WAITS_FOR_HOST = ("x_auth", "x_scope", "x_token_refused", "no_connection")
#: of one kind in one run; the rest comes with the next
AT_ONCE = 200
#: nothing was announced for a live stream, and somebody can do something about it
UNANNOUNCED = (Verdict.UNMATCHED, Verdict.SAME_SHOW, Verdict.TOO_OLD)


def was_told(*parts: Any) -> Exists:
    """Whether an event was told to anybody: it is told to all of its people in one transaction."""
    key: ColumnElement[str] = literal("", String)
    for part in parts:
        key = key.concat(literal(part, String) if isinstance(part, str) else cast(part, String))
    return select(Notice.id).where(Notice.key == key).exists()


def admins_of(podcast_ids: Collection[int]) -> dict[int, tuple[int, ...]]:
    """Who manages each podcast, accounts that are switched off aside."""
    found: dict[int, list[int]] = {podcast_id: [] for podcast_id in podcast_ids}
    if found:
        query = select(PodcastMember.podcast_id, PodcastMember.user_id).join(User, User.id == PodcastMember.user_id)
        is_admin = and_(PodcastMember.role == Role.ADMIN, User.is_active)
        for row in db.session.execute(query.where(PodcastMember.podcast_id.in_(found), is_admin)):
            found[row.podcast_id].append(row.user_id)
    return {podcast_id: tuple(sorted(user_ids)) for podcast_id, user_ids in found.items()}


# Posts


def post_events(now: datetime) -> list[Event]:
    """Posts that failed, were missed, wait for a person or stay unconfirmed: each to its host, together to admins."""
    rows = [*db.session.execute(_in_trouble(now)), *db.session.execute(_paused(now))]
    if not rows:
        return []
    admins = admins_of({row.Post.podcast_id for row in rows})
    groups: dict[tuple[str, str], list[Any]] = {}
    for row in rows:
        groups.setdefault((row.state, _start_of(row.Post)), []).append(row)
    events = [_for_host(row) for row in rows]
    return events + [_for_admins(group, admins) for group in groups.values()]


def _start_of(post: Post) -> str:
    return f"start:{post.video_id}" if post.broadcast_id is not None else f"post:{post.id}"


def _about(state: Any) -> Select[Any]:
    """Posts with what names them. The others of one who has left are nobody's to hear of."""
    return (
        select(Post, state.label("state"), EpisodeGuide.title, Podcast.name)
        .join(EpisodeGuide, EpisodeGuide.id == Post.episode_id)
        .join(Podcast, Podcast.id == Post.podcast_id)
        .outerjoin(Broadcast, Broadcast.id == Post.broadcast_id)
        .where(Post.user_id.is_not(None))
        .order_by(Post.id)
        .limit(AT_ONCE)
    )


def _in_trouble(now: datetime) -> Select[Any]:
    is_live = or_(Broadcast.id.is_(None), Broadcast.state == BroadcastState.LIVE)
    still_unknown = and_(Post.unknown_since <= now - UNKNOWN_FOR, is_live)
    return _about(Post.status).where(
        sql(IN_TROUBLE),
        Post.created_at > now - RECENT,
        or_(Post.status != PostStatus.UNKNOWN, still_unknown),
        ~was_told(Post.status, ":", Post.id),
    )


def _paused(now: datetime) -> Select[Any]:
    """What is tried again at once with a renewed token waits for nobody."""
    return _about(literal("paused", String)).where(
        sql("posts.status = 'queued'"),
        Post.not_before > now,
        Post.cause.in_(WAITS_FOR_HOST),
        ~was_told("paused:", Post.id),
    )


def _for_host(row: Any) -> Event:
    post = row.Post
    return Event(
        key=f"{row.state}:{post.id}",
        kind=row.state,
        title=say.title_for_host(row.state, f"{row.name} · {row.title}"),
        body=say.why(row.state, post.cause, post.detail),
        link=say.link_for_host(fix_of(post.cause), post.podcast_id, post.episode_id),
        user_ids=(post.user_id,),
        podcast_id=post.podcast_id,
    )


def _for_admins(group: Sequence[Any], admins: dict[int, tuple[int, ...]]) -> Event:
    """The hosts of one start together. Who is one of them knows it already."""
    first, hosts = group[0], {row.Post.user_id for row in group}
    post = first.Post
    named = [f"{row.Post.host_name}: {say.why(row.state, row.Post.cause, row.Post.detail)}" for row in group]
    return Event(
        key=f"{first.state}:of:{_start_of(post)}",
        kind=first.state,
        title=say.title_for_admins(first.state, [row.Post.host_name for row in group], f"{first.name} · {first.title}"),
        body="\n".join(named[: say.MOST_NAMED]),
        link=say.episode_link(post.podcast_id, post.episode_id),
        user_ids=tuple(user_id for user_id in admins[post.podcast_id] if user_id not in hosts),
        level=INFO,
        podcast_id=post.podcast_id,
    )


# Starts


def start_events(now: datetime) -> list[Event]:
    """How each announced start went: one report when all its posts have ended, or after a while with what is open."""
    query = (
        select(Broadcast, EpisodeGuide, Podcast)
        .join(EpisodeGuide, EpisodeGuide.id == Broadcast.episode_id)
        .join(Podcast, Podcast.id == EpisodeGuide.podcast_id)
        .where(
            Broadcast.live_seen_at > now - 2 * RECENT,
            Broadcast.announced_at > now - RECENT,
            Broadcast.verdict == Verdict.ANNOUNCED,
            ~was_told("live:", Broadcast.video_id),
        )
        .limit(AT_ONCE)
    )
    rows = list(db.session.execute(query))
    if not rows:
        return []
    shows = {row.Podcast.id: row.Podcast for row in rows}
    hosts = lamps_of([row.EpisodeGuide for row in rows], shows, now)
    due = [row for row in rows if _is_due(row.Broadcast, hosts[row.EpisodeGuide.id], now)]
    last = _last_posts([row.Broadcast.id for row in due])
    admins = admins_of({row.Podcast.id for row in due})
    return [
        event
        for row in due
        for event in _report(row, hosts[row.EpisodeGuide.id], last.get(row.Broadcast.id), admins[row.Podcast.id])
    ]


def _is_due(broadcast: Broadcast, hosts: Sequence[HostLamp], now: datetime) -> bool:
    """Whether nothing is on its way any more, or it has taken long enough."""
    assert broadcast.announced_at is not None
    lights = [host.light for host in hosts]
    is_open = any(light.lamp in (Lamp.RED, Lamp.GREEN) or light.word == "Paused" for light in lights)
    is_over = bool(hosts) and not is_open
    return is_over or now - broadcast.announced_at >= REPORT_AFTER


def _last_posts(broadcast_ids: Collection[int]) -> dict[int, datetime]:
    if not broadcast_ids:
        return {}
    newest = select(Post.broadcast_id, func.max(Post.posted_at)).where(Post.broadcast_id.in_(broadcast_ids))
    rows: Any = db.session.execute(newest.group_by(Post.broadcast_id))
    return {row[0]: row[1] for row in rows if row[1]}


def _report(row: Any, hosts: Sequence[HostLamp], last: datetime | None, admins: Sequence[int]) -> list[Event]:
    """The same words for everybody; a host whose connection is in the way reads that first, and can mend it."""
    broadcast, episode, podcast = row.Broadcast, row.EpisodeGuide, row.Podcast
    crowd = crowd_of(hosts)
    title = say.live_title(podcast.name, crowd.posted, crowd.wanted, is_live=broadcast.state == BroadcastState.LIVE)
    rest = [group for group in crowd.others if group[0].lamp != Lamp.GREEN]
    body = "\n".join(filter(None, (episode.title, say.how_fast(started_at(broadcast), last), say.others(rest))))
    link, key = say.episode_link(podcast.id, episode.id), f"live:{broadcast.video_id}"
    stuck = {host.user_id: host.light for host in hosts if host.light.word == "Stand by"}
    fine = tuple(h.user_id for h in hosts if h.user_id not in (*admins, *stuck) and h.light.word != "Off")
    events = [
        Event(key, "live", title, body, link, (user_id,), NEEDS_YOU, podcast.id)
        if user_id not in stuck
        else Event(key, "live", title, f"You: {stuck[user_id].note}\n{body}", link, (user_id,), NEEDS_YOU, podcast.id)
        for user_id in sorted({*stuck} | (set(admins) if crowd.posted < crowd.wanted else set()))
    ]
    told = {user_id for event in events for user_id in event.user_ids}
    calm = tuple(user_id for user_id in (*admins, *fine) if user_id not in told)
    return [*events, Event(key, "live", title, body, link, calm, INFO, podcast.id)]


def unannounced_events(now: datetime) -> list[Event]:
    """Live streams that nothing was announced for although somebody could say what they are."""
    query = select(Broadcast).where(
        Broadcast.live_seen_at > now - RECENT,
        Broadcast.state == BroadcastState.LIVE,
        Broadcast.verdict.in_(UNANNOUNCED),
        ~was_told("unannounced:", Broadcast.video_id),
    )
    streams = list(db.session.execute(query.limit(AT_ONCE)).scalars())
    if not streams:
        return []
    channels = {stream.channel_id for stream in streams if stream.channel_id}
    mine = or_(
        Podcast.youtube_channel_id.in_(channels), Podcast.id.in_([s.podcast_id for s in streams if s.podcast_id])
    )
    shows = list(db.session.execute(select(Podcast).where(Podcast.is_active, mine)).scalars())
    admins = admins_of({show.id for show in shows})
    return [
        Event(
            key=f"unannounced:{stream.video_id}",
            kind="unannounced",
            title=f"On air, and not announced: {stream.title}",
            body=SILENT[Verdict(stream.verdict)],
            link=say.HOME,
            user_ids=admins[show.id],
            podcast_id=show.id,
        )
        for stream in streams
        for show in _meant(stream, shows)
    ]


def _meant(stream: Broadcast, shows: Iterable[Podcast]) -> list[Podcast]:
    """The podcast it belongs to, or those it may: a stream whose title fits no filter is somebody else's."""
    if stream.podcast_id is not None:
        return [show for show in shows if show.id == stream.podcast_id]
    candidates = [show for show in shows if show.youtube_channel_id == stream.channel_id]
    return [show for show in candidates if show.active_filter in stream.title.casefold()]
