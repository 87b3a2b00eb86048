"""What a host does with his own text of one episode: write it, have it drafted, send it, say what became of it.

Nobody acts for somebody else here: every function takes the person whose text it is.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from extensions import db
from models import ConfigStatus, EpisodeGuide, EpisodeTweetConfig, Podcast, Post, User, WishKind
from services import draft_caps, draft_rows, draft_wishes, tweet_text
from services.audit import Actor
from services.checks import HIGHEST_ID
from services.coming_texts import SOME_VIDEO
from services.errors import Conflict, Invalid, NotFound, Stale
from services.plain_text import tidy
from services.registry import get_services
from services.writer import facts_of


@dataclass(frozen=True, slots=True)
class Change:
    """What somebody wants to be different; None leaves it as it is. `version` is of the form that was filled in."""

    text: str | None = None
    enabled: bool | None = None
    include_link: bool | None = None
    version: int | None = None


@dataclass(frozen=True, slots=True)
class Mine:
    """A host and the episode of one of his podcasts."""

    podcast: Podcast
    episode: EpisodeGuide
    user: User


def save(mine: Mine, change: Change, by: Actor, now: datetime) -> str:
    """Keeps a change and answers with a sentence.

    Raises Invalid when such a text cannot be posted, Stale when another window saved another text meanwhile, Conflict
    when it is being sent already. Who switches off is switched off in any case but the last.
    """
    config_id = _config_id(mine)
    text = None if change.text is None else tidy(change.text)
    text = "" if text is not None and not text.strip() else text
    try:
        if text:
            _check(mine, config_id, text, change.include_link)
        db.session.rollback()  # the change is a transaction of its own
        return get_services().tweets.set_tweet(
            config_id,
            text=text,
            enabled=change.enabled,
            include_link=change.include_link,
            version=change.version,
            by=by,
            now=now,
        )
    except (Invalid, Stale) as error:
        if change.enabled is not False:
            raise
        db.session.rollback()
        said = get_services().tweets.set_tweet(config_id, enabled=False, by=by, now=now)
        raise type(error)(f"{said} The text was not saved: {_within(error)}") from error


def _within(error: Exception) -> str:
    words = str(error)
    return words[:1].lower() + words[1:]


def _check(mine: Mine, config_id: int, text: str, include_link: bool | None) -> None:
    """Raises Invalid with a sentence if this text could not be posted for this episode."""
    if include_link is None:
        query = select(EpisodeTweetConfig.include_link).where(EpisodeTweetConfig.id == config_id)
        include_link = db.session.execute(query).scalar_one()
    facts = facts_of(mine.podcast, mine.episode, mine.episode.video_id or SOME_VIDEO)
    # First by what is sent: how much is too much depends on the link, and the field below says it with the link.
    tweet_text.render(text, facts, include_link=include_link)
    tweet_text.validate_template(text)


def draft(mine: Mine, wish: str, by: Actor, now: datetime, *, told: int | None = None) -> str:
    """Has another draft written for this host, and answers with a sentence. Nothing is open while somebody is asked.

    `told`: micro-dollars that were said before the click; it never costs more. Raises Invalid for a wish that there is
    not, Conflict when the post is on its way or out, Dearer when it may cost more now.
    """
    if wish not in tuple(WishKind):
        raise Invalid("A draft is new, shorter, or in other words.")
    config_id = _config_id(mine)
    status = db.session.execute(select(EpisodeTweetConfig.status).where(EpisodeTweetConfig.id == config_id)).scalar()
    db.session.rollback()
    if status not in draft_rows.OPEN:
        raise Conflict("This post is on its way or out, so no draft is written for it any more.")
    cap = draft_caps.told_now(mine.podcast, mine.episode, now)[mine.user.id]
    most = draft_caps.agreed(cap, told)
    return get_services().drafts.draft(config_id, wish, by, now, most=most).sentence


def draft_all(podcast: Podcast, episode: EpisodeGuide, by: Actor, now: datetime, *, told: int | None = None) -> str:
    """Has a draft written for each host, in the background; the key of the batch. Hosts' own words stay.

    `told`: micro-dollars that were said before the click; all together never cost more. Raises Dearer.
    """
    episode_id = episode.id
    get_services().tweets.create_tweet_configs_for_episode(episode)
    caps = draft_caps.told_for_all(podcast, episode, now)
    draft_caps.agreed(sum(caps.values()), told)
    return draft_wishes.wish_for_all(episode_id, by, now, caps=caps)


def announce_again(mine: Mine, wanted: bool, by: Actor, now: datetime) -> str:
    """After a post by hand: whether the start is announced for this host too. Raises Conflict."""
    config_id = _config_id(mine)
    db.session.rollback()
    return get_services().tweets.announce_again(config_id, wanted, by=by, now=now)


def post_now(mine: Mine, change: Change, by: Actor, now: datetime, *, without_link: bool = False) -> str:
    """Keeps what stands in the field, and puts it into the outbox at once: what is seen is what is sent.

    Raises Conflict when it is on its way or out already, Invalid when it cannot be sent, NoLink when there is no link.
    """
    config_id = _config_id(mine)
    query = select(EpisodeTweetConfig).where(EpisodeTweetConfig.id == config_id)
    config = db.session.execute(query).scalar_one()
    changes_text = change.text is not None and tidy(change.text).strip() != config.text.strip()
    changes_link = change.include_link not in (None, config.include_link)
    if config.status in (ConfigStatus.POSTING, ConfigStatus.POSTED):
        db.session.rollback()
        raise Conflict("This post is already on its way." if config.status == ConfigStatus.POSTING else ALREADY_OUT)
    if changes_text or changes_link:
        save(mine, change, by, now)
    db.session.rollback()
    get_services().by_hand.post_now(config_id, now, without_link=without_link, by=by)
    return "It is on its way to X. The start of the stream will not be announced again for you."


ALREADY_OUT = "This post is already out."


def decide(mine: Mine, post_id: int, answer: str, by: Actor, now: datetime) -> str:
    """The host's own word on his own post that X did not confirm. Raises NotFound for anybody else's post."""
    return get_services().by_hand.resolve(own_post(mine, post_id), answer, by, now)


def own_post(mine: Mine, post_id: int) -> int:
    """The id, if it is of a post of this host for this episode; leaves no transaction open. Raises NotFound."""
    own = select(Post.id).where(
        Post.id == post_id,
        Post.user_id == mine.user.id,
        Post.episode_id == mine.episode.id,
        Post.podcast_id == mine.podcast.id,
    )
    found = db.session.execute(own).scalar_one_or_none() if 0 < post_id <= HIGHEST_ID else None
    db.session.rollback()
    if found is None:
        raise NotFound("There is no such post of yours.")
    return found


def _config_id(mine: Mine) -> int:
    """Of somebody who is a host; made now for who joined after the episode was planned."""
    wanted = select(EpisodeTweetConfig.id).filter_by(episode_id=mine.episode.id, user_id=mine.user.id)
    config_id = db.session.execute(wanted).scalar_one_or_none()
    if config_id is None:
        get_services().tweets.create_tweet_configs_for_episode(mine.episode)
        config_id = db.session.execute(wanted).scalar_one_or_none()
    if config_id is None:
        raise NotFound("You are not a host of this episode.")
    return config_id
