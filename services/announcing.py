"""The statements of an announcement, all in the caller's transaction: queue and close. Commits nothing."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import and_, func, literal, or_, select, update
from sqlalchemy.orm import Session

from models import (
    Broadcast,
    BroadcastState,
    ConfigStatus,
    EpisodeGuide,
    EpisodeTweetConfig,
    Podcast,
    PodcastMember,
    Post,
    PostStatus,
    SocialConnection,
    User,
    Verdict,
)
from services import outbox, tweet_text
from services.causes import CAUSES
from services.errors import Invalid, Unapproved
from services.logins import PLATFORM, trouble_of
from services.writer import is_silent

#: a post in one of these may be out, or will be
USED = (PostStatus.QUEUED, PostStatus.SENDING, PostStatus.POSTED, PostStatus.UNKNOWN, PostStatus.REVIEW)

#: it was too late for announcing when the broadcast was first seen
MISSED = (Verdict.TOO_OLD, Verdict.OVER)

#: (config, user, podcast, episode, video id) → final text and whose words they are; raises Invalid
Compose = Callable[[EpisodeTweetConfig, User, Podcast, EpisodeGuide, str], tuple[str, str]]


def lock_broadcast(session: Session, broadcast_id: int) -> Broadcast | None:
    """The broadcast, held against other announcers until the commit."""
    query = select(Broadcast).where(Broadcast.id == broadcast_id).with_for_update(key_share=True)
    return session.execute(query, execution_options={"populate_existing": True}).scalar_one_or_none()


def top_up_configs(session: Session, episode_id: int) -> int:
    """One config per current member who has none yet, in one statement; two at once make no double and no error."""
    have = select(EpisodeTweetConfig.id).where(
        EpisodeTweetConfig.episode_id == episode_id, EpisodeTweetConfig.user_id == PodcastMember.user_id
    )
    missing = (
        select(literal(episode_id), PodcastMember.user_id)
        .join(User, User.id == PodcastMember.user_id)
        .join(EpisodeGuide, EpisodeGuide.podcast_id == PodcastMember.podcast_id)
        .where(EpisodeGuide.id == episode_id, User.is_active, ~have.exists())
    )
    made = session.execute(
        outbox.insert_or_ignore(EpisodeTweetConfig, session.get_bind().dialect.name)
        .from_select(["episode_id", "user_id"], missing)
        .returning(EpisodeTweetConfig.id)
    )
    return len(made.all())


def _waiting(episode_id: int) -> Any:
    """Hosts of the episode for whom nothing was sent and who want it: config, user, connection or None."""
    connected = and_(
        SocialConnection.user_id == User.id, SocialConnection.is_active, SocialConnection.platform == PLATFORM
    )
    earlier = select(func.count(Post.id)).where(Post.config_id == EpisodeTweetConfig.id).scalar_subquery()
    return (
        select(EpisodeTweetConfig, User, SocialConnection, earlier.label("earlier"))
        .join(EpisodeGuide, EpisodeGuide.id == EpisodeTweetConfig.episode_id)
        .join(
            PodcastMember,
            and_(
                PodcastMember.podcast_id == EpisodeGuide.podcast_id,
                PodcastMember.user_id == EpisodeTweetConfig.user_id,
            ),
        )
        .join(User, and_(User.id == EpisodeTweetConfig.user_id, User.is_active))
        .outerjoin(SocialConnection, connected)
        .where(
            EpisodeTweetConfig.episode_id == episode_id,
            EpisodeTweetConfig.status == ConfigStatus.PENDING,
            EpisodeTweetConfig.enabled,
        )
        .with_for_update(of=EpisodeTweetConfig, key_share=True)
        .execution_options(populate_existing=True)
    )


def queue_posts(session: Session, broadcast: Broadcast, now: datetime, not_after: datetime, compose: Compose) -> int:
    """Puts a post into the outbox for every host who is ready and for whom there is none. Returns how many.

    The compare-and-set on the config decides between this, a person's click and another process.
    """
    assert broadcast.episode_id is not None
    waiting = session.execute(_waiting(broadcast.episode_id)).all()
    ready = [row for row in waiting if trouble_of(row.SocialConnection) is None]
    if not ready:
        return 0
    about = select(EpisodeGuide, Podcast).join(Podcast, Podcast.id == EpisodeGuide.podcast_id)
    episode, podcast = session.execute(about.where(EpisodeGuide.id == broadcast.episode_id)).one()
    rows = _post_rows(session, ready, broadcast, podcast, episode, compose)
    claimed = session.execute(
        update(EpisodeTweetConfig)
        .where(
            EpisodeTweetConfig.id.in_([row["config_id"] for row in rows]),
            EpisodeTweetConfig.status == ConfigStatus.PENDING,
            EpisodeTweetConfig.enabled,
        )
        .values(status=ConfigStatus.POSTING)
        .returning(EpisodeTweetConfig.id),
        execution_options={"synchronize_session": False},
    )
    mine = set(claimed.scalars())
    times = {"not_before": now, "not_after": not_after, "created_at": now}
    wanted = [row | times for row in rows if row["config_id"] in mine]
    made = outbox.add_posts(session, wanted, now)
    _give_back(session, [row["config_id"] for row in wanted if row["key"] not in made])
    return sum(row["key"] in made and row["status"] == PostStatus.QUEUED for row in wanted)


def _give_back(session: Session, config_ids: Sequence[int]) -> None:
    """Another podcast used the same account for this video in this very moment: the next look sees that and says so."""
    if config_ids:
        session.execute(
            update(EpisodeTweetConfig)
            .where(EpisodeTweetConfig.id.in_(config_ids), EpisodeTweetConfig.status == ConfigStatus.POSTING)
            .values(status=ConfigStatus.PENDING),
            execution_options={"synchronize_session": False},
        )


def _post_rows(
    session: Session,
    ready: Sequence[Any],
    broadcast: Broadcast,
    podcast: Podcast,
    episode: EpisodeGuide,
    compose: Compose,
) -> list[dict[str, Any]]:
    accounts = [row.SocialConnection.platform_user_id for row in ready]
    query = select(Post.key, Post.platform_user_id, Post.config_id, Post.status, Podcast.name).outerjoin(
        Podcast, Podcast.id == Post.podcast_id
    )
    existing = session.execute(
        query.where(Post.video_id == broadcast.video_id, Post.platform_user_id.in_(accounts))
    ).all()
    taken_keys = {post.key for post in existing}
    rows = []
    for config, user, connection, earlier in ready:
        account = connection.platform_user_id
        key = f"live:{broadcast.video_id}:{account}"
        elsewhere = [
            p for p in existing if p.platform_user_id == account and p.config_id != config.id and p.status in USED
        ]
        row = post_row(config, user, podcast, broadcast, connection)
        row["key"] = f"{key}:{config.id}.{earlier + 1}" if elsewhere or key in taken_keys else key
        if elsewhere:
            row |= {"status": PostStatus.CANCELLED, "cause": "already_posted", "text": ""}
            row["detail"] = f"It was for {elsewhere[0].name or 'another show'}."
        else:
            composed = _composed(compose, config, user, podcast, episode, broadcast.video_id)
            if composed is None:
                continue
            row |= composed
        rows.append(row)
    return rows


def _composed(
    compose: Compose, config: EpisodeTweetConfig, user: User, podcast: Podcast, episode: EpisodeGuide, video_id: str
) -> dict[str, Any] | None:
    """The final text, or the failure of this host alone. None: he has not approved it, and may do so in time."""
    try:
        text, source = compose(config, user, podcast, episode, video_id)
    except Unapproved:
        return None
    except Invalid as error:
        return {"status": PostStatus.FAILED, "cause": "text_invalid", "detail": f"{error}.", "text": config.text}
    return {"status": PostStatus.QUEUED} | _words(text, source)


def _words(text: str, source: str) -> dict[str, Any]:
    return {"text": text, "text_source": source, "has_link": tweet_text.has_link(text)}


def post_row(
    config: EpisodeTweetConfig,
    user: User,
    podcast: Podcast,
    broadcast: Broadcast | None,
    connection: SocialConnection | None,
) -> dict[str, Any]:
    """All columns, so that rows of every kind go into one INSERT."""
    return {
        "platform": PLATFORM,
        "config_id": config.id,
        "podcast_id": podcast.id,
        "episode_id": config.episode_id,
        "broadcast_id": broadcast.id if broadcast else None,
        "user_id": user.id,
        "connection_id": connection.id if connection else None,
        "host_name": user.name,
        "username": connection.username if connection else "",
        "platform_user_id": connection.platform_user_id if connection else "",
        "trigger": "live",
        "video_id": broadcast.video_id if broadcast else None,
        "cause": None,
        "detail": None,
        "text_source": "",
        "has_link": False,
    }


def close(session: Session, broadcast: Broadcast, now: datetime, cause: str, wording: Compose) -> None:
    """The announcing is over: what is still queued, and who never became ready, has missed it, and is told why.

    `wording`: as what `queue_posts` is given, but of any text as far as it goes.
    """
    broadcast.closed_at = now
    queued = select(Post.id, Post.cause).where(Post.broadcast_id == broadcast.id, Post.status == PostStatus.QUEUED)
    moves = [missed(row.id, cause, row.cause) for row in session.execute(queued)]
    outbox.apply(session, moves, now)
    if broadcast.episode_id is None or broadcast.verdict not in (Verdict.ANNOUNCED, *MISSED):
        return
    top_up_configs(session, broadcast.episode_id)
    waiting = session.execute(_waiting(broadcast.episode_id)).all()
    podcast, episode = session.get(Podcast, broadcast.podcast_id), session.get(EpisodeGuide, broadcast.episode_id)
    if not waiting or podcast is None or episode is None:
        return
    rows = []
    for config, user, connection, earlier in waiting:
        row = post_row(config, user, podcast, broadcast, connection)
        row |= {
            "key": f"live:{broadcast.video_id}:config:{config.id}.{earlier + 1}",
            "status": PostStatus.MISSED,
            "cause": trouble_of(connection) or ("unapproved" if is_silent(config) else cause),
        }
        row |= _words(*wording(config, user, podcast, episode, broadcast.video_id))
        rows.append(row | {"not_before": now, "not_after": now, "created_at": now})
    outbox.add_posts(session, rows, now)


def missed(post_id: int, cause: str, waited_for: str | None) -> outbox.Move:
    """queued → missed. The reason it had to wait is kept, since that is what a person can mend."""
    return outbox.Move(
        post_id=post_id,
        expected=PostStatus.QUEUED,
        to=PostStatus.MISSED,
        cause=cause,
        detail=CAUSES[waited_for].text if waited_for in CAUSES else None,
    )


def overdue(session: Session, now: datetime, max_age: timedelta) -> list[int]:
    """Broadcasts whose time for announcing is over and that are not closed yet."""
    query = select(Broadcast.id).where(
        Broadcast.closed_at.is_(None),
        Broadcast.state.in_((BroadcastState.LIVE, BroadcastState.ENDED)),
        or_(Broadcast.actual_start_at <= now - max_age, Broadcast.state == BroadcastState.ENDED),
    )
    return list(session.execute(query).scalars())
