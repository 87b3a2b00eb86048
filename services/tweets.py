"""Each host's text for one episode, as people see and edit it: what will be or was said, and what is in the way."""

from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import BindParameter, Row, Select, and_, bindparam, func, select
from sqlalchemy.orm import contains_eager

from extensions import db
from models import (
    Broadcast,
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
from services.ahead import has_ended
from services.audit import NOBODY
from services.causes import explain, in_the_past
from services.coming_texts import SOME_LINK, SOME_VIDEO
from services.episodes import find_episode
from services.errors import Invalid, NotFound
from services.logins import PLATFORM, trouble_of
from services.registry import get_services
from services.users import find_user
from services.vocabulary import after_the_end, light_of_host
from services.youtube_reference import watch_url

#: why a stream that an episode names is not announced
SILENT = {
    Verdict.NOT_PUBLIC: "Its stream is not public, so it is not announced. Post now, if you still want to.",
    Verdict.PREMIERE: "Its stream is a premiere, and this podcast does not announce those. Post now, if you want to.",
}


@dataclass(frozen=True, slots=True)
class TweetRow:
    """One host. `text` is what was or would now be sent; `error` says in a sentence what is in the way, if anything.

    `state` is the word that pages say, `status` the one that is kept.
    """

    email: str
    enabled: bool
    status: str
    state: str
    text: str
    post_url: str | None
    error: str | None


def list_tweets(slug: str, episode_id: int) -> list[TweetRow]:
    """By name. The number of statements does not grow with the hosts."""
    episode = find_episode(slug, episode_id)
    matched = select(Broadcast).where(Broadcast.episode_id == episode.id).order_by(Broadcast.id.desc()).limit(1)
    stream = db.session.execute(matched).scalar_one_or_none()
    return [_row(found, stream) for found in db.session.execute(hosts_of(), {"episode_ids": [episode.id]})]


@cache
def hosts_of() -> Select[EpisodeTweetConfig, Post, int, SocialConnection]:
    """Configs of `:episode_ids` with everything their text needs, and beside each its newest post, membership and
    connection or None. Put together once.
    """
    wanted: BindParameter[int] = bindparam("episode_ids", expanding=True)
    of_config = select(func.max(Post.id)).where(Post.config_id == EpisodeTweetConfig.id)
    newest = of_config.correlate(EpisodeTweetConfig).scalar_subquery()
    connection = and_(
        SocialConnection.user_id == User.id, SocialConnection.platform == PLATFORM, SocialConnection.is_active
    )
    member = and_(PodcastMember.podcast_id == Podcast.id, PodcastMember.user_id == User.id)
    episode = contains_eager(EpisodeTweetConfig.episode)
    return (
        select(EpisodeTweetConfig, Post, PodcastMember.id.label("member_id"), SocialConnection)
        .join(EpisodeTweetConfig.user)
        .join(EpisodeTweetConfig.episode)
        .join(EpisodeGuide.podcast)
        # Said once more by the episode, or a database may read all posts to find the newest of these.
        .outerjoin(Post, and_(Post.id == newest, Post.episode_id.in_(wanted)))
        .outerjoin(PodcastMember, member)
        .outerjoin(SocialConnection, connection)
        .where(EpisodeTweetConfig.episode_id.in_(wanted))
        .options(contains_eager(EpisodeTweetConfig.user), episode.contains_eager(EpisodeGuide.podcast))
        .order_by(EpisodeTweetConfig.episode_id, User.name, User.id)
        # The episode may be in the session already, without its podcast.
        .execution_options(populate_existing=True)
    )


def _row(found: Row[EpisodeTweetConfig, Post, int, SocialConnection], stream: Broadcast | None) -> TweetRow:
    config, post, member_id, connection = found
    text, trouble = _said(config, post, stream.video_id if stream else "")
    is_over = stream is not None and has_ended(stream)
    stops = in_the_way(config, member_id is not None, connection) or trouble
    light = light_of_host(config.status, enabled=config.enabled, post=post, trouble=stops)
    if post is None:
        silent = SILENT.get(Verdict(stream.verdict)) if stream else None
        error = stops or silent
        error = _after_the_end(error, config) if is_over else error
    else:
        error = _error_of(post, is_over=is_over)
    return TweetRow(
        email=config.user.email,
        enabled=config.enabled,
        status=config.status,
        state=(after_the_end(light) if is_over else light).word,
        text=text,
        post_url=post_url(post) if post else None,
        error=error,
    )


def _said(config: EpisodeTweetConfig, post: Post | None, video_id: str) -> tuple[str, str | None]:
    """What was or would be said, as pages show it, and why it cannot be sent."""
    if post is not None and post.text and config.status != ConfigStatus.PENDING:
        return post.text, None
    text, trouble = words_now(config, video_id or config.episode.video_id or SOME_VIDEO)
    return text.replace(watch_url(SOME_VIDEO), SOME_LINK), trouble


def _after_the_end(error: str | None, config: EpisodeTweetConfig) -> str | None:
    """Nothing comes in time any more."""
    if error is None:
        return explain("stream_over") if config.enabled else None
    return in_the_past(error)


def words_now(config: EpisodeTweetConfig, video_id: str) -> tuple[str, str | None]:
    """The text that would be sent now; or the host's own as it stands, and why it cannot be sent.

    `config`: of a row of hosts_of, so that nothing is looked up host by host.
    """
    episode, compose = config.episode, get_services().writer.compose
    try:
        text, _ = compose(config, config.user, episode.podcast, episode, video_id or episode.video_id or "")
    except Invalid as error:
        return config.text, str(error)
    return text, None


def post_url(post: Post) -> str | None:
    """Where people see it; None while it is not out."""
    # X leads from any name to the right account: /i/ is its own way of not naming one.
    return f"https://x.com/{post.username or 'i'}/status/{post.remote_id}" if post.remote_id else None


def _error_of(post: Post, *, is_over: bool) -> str | None:
    """`is_over`: the stream is; what waits for it is not sent any more, what somebody sends by hand is."""
    if not post.cause or post.status == PostStatus.POSTED:
        return None
    is_late = post.status == PostStatus.MISSED or (is_over and post.trigger == "live")
    return explain(post.cause, post.detail, is_over=is_late)


def in_the_way(config: EpisodeTweetConfig, is_member: bool, connection: SocialConnection | None) -> str | None:
    """Why a host would not be posted for. Who is off is meant to be."""
    return why_not(config.enabled, connection, is_member=is_member, is_active=config.user.is_active)


def why_not(enabled: bool, login: Any, *, is_member: bool, is_active: bool) -> str | None:
    """The same of single values. `login`: a connection, a row with these columns of one, or None."""
    if not is_member:
        return explain("member_gone")
    if not is_active:
        return explain("user_inactive")
    trouble = trouble_of(login) if enabled else None
    return explain(trouble) if trouble else None


def set_tweet(slug: str, episode_id: int, email: str, *, now: datetime, **changes: Any) -> str:
    """Changes what one host wants said and answers with a sentence. `changes`: text, enabled, include_link."""
    config_id = _config_id(find_episode(slug, episode_id), find_user(email))
    db.session.rollback()  # the change is a transaction of its own
    return get_services().tweets.set_tweet(config_id, now=now, **changes)


def post_now(slug: str, episode_id: int, email: str, *, now: datetime, without_link: bool = False) -> None:
    """Sends one host's post at once. Raises Conflict and Invalid with the reason when it cannot."""
    config_id = _config_id(find_episode(slug, episode_id), find_user(email))
    db.session.rollback()
    services = get_services()
    services.by_hand.post_now(config_id, now, without_link=without_link)
    services.posting.drain()


def resolve(slug: str, episode_id: int, email: str, answer: str, *, now: datetime) -> str:
    """A person's word on a host's unconfirmed post; see ByHandService.resolve."""
    config_id = _config_id(find_episode(slug, episode_id), find_user(email))
    newest = select(Post.id).where(Post.config_id == config_id).order_by(Post.id.desc()).limit(1)
    post_id = db.session.execute(newest).scalar()
    db.session.rollback()
    if post_id is None:
        raise NotFound("Nothing was sent for this host yet.")
    services = get_services()
    sentence = services.by_hand.resolve(post_id, answer, NOBODY, now)
    services.posting.drain()
    return sentence


def _config_id(episode: EpisodeGuide, user: User) -> int:
    wanted = select(EpisodeTweetConfig.id).filter_by(episode_id=episode.id, user_id=user.id)
    config_id = db.session.execute(wanted).scalar()
    if config_id is None and _is_member(episode, user):
        # Joined after the episode was made.
        get_services().tweets.create_tweet_configs_for_episode(episode)
        config_id = db.session.execute(wanted).scalar()
    if config_id is None:
        raise NotFound(f"{user.email} is not a host of this episode.")
    return config_id


def _is_member(episode: EpisodeGuide, user: User) -> bool:
    wanted = select(PodcastMember.id).filter_by(podcast_id=episode.podcast_id, user_id=user.id)
    return db.session.execute(wanted).scalar() is not None
