"""Each host's state for some episodes, as pages show it: two statements, however many hosts and episodes."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Row, select

from extensions import db
from models import ConfigStatus, EpisodeGuide, EpisodeTweetConfig, Post, SendGate, SocialConnection
from services import tweet_text, tweets
from services.causes import explain
from services.errors import Invalid
from services.tweets import in_the_way, post_url, words_now
from services.vocabulary import Light, light_of_host
from services.youtube_reference import watch_url

#: as long as any address of a YouTube video: what the link will take before the video is known
SOME_VIDEO = "dQw4w9WgXcQ"
#: what people see in its place
SOME_LINK = "https://www.youtube.com/watch?v=…"

ENDS_BEFORE = "The connection to X ends before the start and cannot be renewed. Connect X again."


@dataclass(frozen=True, slots=True)
class HostView:
    """One host of one episode. `text` is what was or would now be said; empty where nobody asked for it."""

    config: EpisodeTweetConfig = field(repr=False)
    post: Post | None = field(repr=False)
    config_id: int
    episode_id: int
    user_id: int
    name: str
    username: str
    light: Light
    post_url: str | None
    text: str = ""
    length: int = 0
    include_link: bool = True
    post_id: int | None = None
    #: why the words that wait for the start could not be posted; None when they can, or nobody waits
    text_trouble: str | None = None
    #: whether only X itself is in the way, and connecting (again) mends it
    needs_x: bool = False


def hosts_of(episode_ids: Collection[int], now: datetime) -> dict[int, list[HostView]]:
    """By episode, each list by name. Texts are checked, not written out."""
    found: dict[int, list[HostView]] = {episode_id: [] for episode_id in episode_ids}
    if found:
        gates, checked = shut_gates(now), _Checked()
        for row in db.session.execute(tweets.hosts_of(found)):
            found[row.EpisodeTweetConfig.episode_id].append(_view(row, gates, _text_trouble(row, checked)))
    return found


def hosts_with_texts(episode_id: int, video_id: str, now: datetime) -> list[HostView]:
    """The hosts of one episode with the words that were or would be sent. `video_id`: the matched one, or empty.

    Before the video is known its link is counted, and shown as SOME_LINK.
    """
    views, gates = [], shut_gates(now)
    for row in db.session.execute(tweets.hosts_of([episode_id])):
        config, post = row.EpisodeTweetConfig, row.Post
        if post and post.text and config.status != ConfigStatus.PENDING:
            views.append(_view(row, gates, None, post.text))
        else:
            text, trouble = words_now(config, video_id or row.EpisodeTweetConfig.episode.video_id or SOME_VIDEO)
            views.append(_view(row, gates, f"{trouble}." if trouble else None, text))
    return views


def shut_gates(now: datetime) -> dict[str, str]:
    """What holds posting back right now: "x" for everybody or "x:<X user id>" → cause code."""
    shut = select(SendGate.key, SendGate.cause).where(SendGate.until > now)
    return {row.key: row.cause for row in db.session.execute(shut)}


_Found = Row[EpisodeTweetConfig, Post, int, SocialConnection]


def _view(row: _Found, gates: dict[str, str], text_trouble: str | None, text: str = "") -> HostView:
    """`text` as it is sent; of words that cannot be, the length would say nothing."""
    trouble = _trouble(row)
    held = explain(gates["x"]) if "x" in gates else None
    waits = row.EpisodeTweetConfig.status == ConfigStatus.PENDING and row.EpisodeTweetConfig.enabled
    config, post, connection = row.EpisodeTweetConfig, row.Post, row.SocialConnection
    username = (post.username if post else "") or (connection.username if connection else "")
    return HostView(
        config=config,
        post=post,
        config_id=config.id,
        episode_id=config.episode_id,
        user_id=config.user_id,
        name=config.user.name,
        username=username,
        light=light_of_host(config.status, enabled=config.enabled, post=post, trouble=trouble or text_trouble or held),
        post_url=post_url(post) if post else None,
        text=text.replace(watch_url(SOME_VIDEO), SOME_LINK),
        length=tweet_text.weighted_length(text) if text and not text_trouble else 0,
        include_link=config.include_link,
        post_id=post.id if post else None,
        text_trouble=text_trouble if waits and row.member_id is not None else None,
        needs_x=trouble is not None and row.member_id is not None and config.user.is_active,
    )


def _trouble(row: _Found) -> str | None:
    """Why this host would not be posted for, as far as people and their connections go."""
    trouble = in_the_way(row.EpisodeTweetConfig, row.member_id is not None, row.SocialConnection)
    return trouble or (ENDS_BEFORE if row.EpisodeTweetConfig.enabled and _token_ends(row) else None)


def _token_ends(row: _Found) -> bool:
    """Whether the token is over before the planned start and cannot be renewed."""
    connection, start = row.SocialConnection, row.EpisodeTweetConfig.episode.scheduled_at
    if connection is None or connection.refresh_token is not None or connection.expires_at is None:
        return False
    return start is not None and connection.expires_at <= start


#: (episode id, words, with link) → why they could not be posted
_Checked = dict[tuple[int, str, bool], str | None]


def _text_trouble(row: _Found, checked: _Checked) -> str | None:
    """Why the words that wait for the start could not be posted; asked once for hosts who say the same.

    The built-in writer's always can, so a plain title stands for its words.
    """
    config, episode = row.EpisodeTweetConfig, row.EpisodeTweetConfig.episode
    if config.status != ConfigStatus.PENDING:
        return None
    said = (config.text, config.draft, config.user.default_text, episode.podcast.default_text, "{title}")
    key = (episode.id, tweet_text.choose(*said)[0], config.include_link)
    if key not in checked:
        checked[key] = _trouble_of(episode, key[1], include_link=config.include_link)
    return checked[key]


def _trouble_of(episode: EpisodeGuide, words: str, *, include_link: bool) -> str | None:
    facts = tweet_text.Facts(
        show=episode.podcast.name,
        title=episode.title,
        number=episode.number,
        guests=tuple(episode.guests),
        url=watch_url(SOME_VIDEO),
    )
    try:
        tweet_text.render(words, facts, include_link=include_link)
    except Invalid as error:
        return f"{error}."
    return None
