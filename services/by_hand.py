"""What a person does about a post: send it now, say what became of it."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from config import Settings
from extensions import db
from models import (
    Broadcast,
    BroadcastState,
    ConfigStatus,
    EpisodeGuide,
    EpisodeTweetConfig,
    Outcome,
    Podcast,
    PodcastMember,
    Post,
    PostStatus,
    SocialConnection,
    User,
)
from services import announcing, audit, coverage, outbox, tweet_text
from services.audit import NOBODY, Actor, Kind
from services.causes import explain
from services.confirming import ConfirmingService
from services.errors import Conflict, Invalid, NotFound, Uncovered
from services.logins import PLATFORM, trouble_of
from services.wallet_rows import Whose
from services.writer import Writer

#: from these a person may send at once; in review only the three answers count
SENDABLE = (ConfigStatus.PENDING, ConfigStatus.FAILED, ConfigStatus.MISSED, ConfigStatus.CANCELLED)
WHY_NOT = {
    ConfigStatus.POSTING: "This post is already being sent.",
    ConfigStatus.POSTED: "This post is already out.",
    ConfigStatus.REVIEW: "Say first whether the earlier post is on X.",
}
ANSWERS = ("there", "again", "leave")


class ByHandService:
    """A person's decisions about posts. Each is one transaction; the outbox does the rest."""

    def __init__(self, settings: Settings, writer: Writer, confirming: ConfirmingService) -> None:
        self._writer = writer
        self._confirming = confirming
        self._max_age = timedelta(minutes=settings.live_post_max_age_minutes)

    # Post now

    def post_now(self, config_id: int, now: datetime, *, without_link: bool = False, by: Actor = NOBODY) -> int:
        """Puts a host's post into the outbox at once and returns its id. The start will not announce that host again.

        The config is taken by the same compare-and-set as at a start, so that two clicks and the start make one post.
        Raises Conflict when somebody was faster, Invalid when it cannot be sent, Uncovered when the wallet does not
        cover it, each with what to do about it.
        """
        session = db.session()
        config, user, podcast, episode = _host(session, config_id)
        if not podcast.is_active:
            session.rollback()
            raise Conflict("This podcast is archived: nothing is posted. An admin can bring it back in its settings.")
        connection, matched = _connection(session, user.id), _matched(session, episode.id)
        video_id = matched.video_id if matched else episode.video_id
        if not video_id and not episode.link and config.include_link and not without_link:
            session.rollback()
            raise NoLink("There is no link yet. Add one to the episode, or post without a link.")
        text, source = self._writer.compose(config, user, podcast, episode, video_id or "")
        has_link = tweet_text.has_link(text)
        _cover(session, coverage.ToPost(episode.id, Whose(podcast.id, user.id), has_link), now)
        _take(session, config_id)
        row = announcing.post_row(config, user, podcast, matched, connection) | self._at_once(now)
        row |= {"text": text, "text_source": source, "has_link": has_link, "video_id": video_id}
        row["key"] = _key(session, config_id, matched, connection.platform_user_id)
        post_id = _add(session, row, now)
        audit.note(Kind.POSTED_NOW, by, now, podcast_id=podcast.id, subject_id=user.id, episode=episode.id)
        session.commit()
        return post_id

    def _at_once(self, now: datetime) -> dict[str, Any]:
        """What a row says that is sent because somebody clicked."""
        times = {"not_before": now, "not_after": now + self._max_age, "created_at": now}
        return {"trigger": "now", "status": PostStatus.QUEUED, **times}

    # An unconfirmed post

    def resolve(self, post_id: int, answer: str, by: Actor, now: datetime) -> str:
        """A person says what became of an unconfirmed post: "there", "again" or "leave". Returns a sentence.

        Before anything is sent again the timeline is read once more. Raises Conflict when it was decided meanwhile.
        """
        if answer not in ANSWERS:
            raise Invalid("Choose one of: it is there, post it again, leave it.")
        session = db.session()
        if answer == "again":
            session.execute(
                update(Post).where(Post.id == post_id, Post.status == PostStatus.REVIEW).values(next_lookup_at=now),
                execution_options={"synchronize_session": False},
            )
            session.commit()
            self._confirming.look_up(now)
        query = select(Post).where(Post.id == post_id).with_for_update(key_share=True)
        post = session.execute(query, execution_options={"populate_existing": True}).scalar_one_or_none()
        if post is None:
            session.rollback()
            raise NotFound("There is no such post.")
        if post.status == PostStatus.POSTED and answer == "again":
            session.rollback()
            return "It is on X after all, so it was not sent again."
        move, sentence = self._answered(post, answer, by.user_id, now)
        moved = outbox.apply(session, [move], now) if post.status == PostStatus.REVIEW else set()
        if moved:
            about = {"podcast_id": post.podcast_id, "subject_id": post.user_id}
            audit.note(Kind.DECIDED, by, now, **about, post=post.id, answer=answer)
        session.commit()
        if not moved:
            raise Conflict("This was decided a moment ago. Look at the post again.")
        return sentence

    def _answered(self, post: Post, answer: str, actor_id: int | None, now: datetime) -> tuple[outbox.Move, str]:
        step = outbox.Move(
            post_id=post.id,
            expected=PostStatus.REVIEW,
            to=PostStatus.POSTED,
            token=post.attempt_token,
            actor_id=actor_id,
            cause="user_said_posted",
            outcome=Outcome.ACCEPTED,
            values={"next_lookup_at": None, "posted_at": post.unknown_since or now, "remote_id": post.candidate_id},
        )
        if answer == "there":
            return step, "Noted: it is on X."
        if answer == "leave":
            values = {"next_lookup_at": None}
            return replace(
                step, to=PostStatus.CANCELLED, cause="left_alone", outcome=None, values=values
            ), "Left as it is."
        again = {
            # If X calls it a double, the first one is out after all.
            "was_reposted": True,
            "not_before": now,
            "not_after": now + self._max_age,
            "unknown_since": None,
            "next_lookup_at": None,
            "lookups": 0,
            "absences": 0,
            "first_absence_at": None,
            "trigger": "now",
        }
        sent_again = replace(
            step, to=PostStatus.QUEUED, cause="user_said_absent", outcome=Outcome.NOT_ACCEPTED, values=again
        )
        return sent_again, "It is sent again, word for word."


class NoLink(Invalid):
    """There is nothing to link to yet: the host may post without."""


def _add(session: Session, row: dict[str, Any], now: datetime) -> int:
    """Its id. Raises Conflict where there is one already."""
    made = outbox.add_posts(session, [row], now)
    if not made:
        session.rollback()
        raise Conflict("This X account is already posting about this video.")
    return made[row["key"]]


def _host(session: Session, config_id: int) -> tuple[EpisodeTweetConfig, User, Podcast, EpisodeGuide]:
    """A current, active member's config with all that belongs to it. Raises NotFound."""
    row = session.execute(
        select(EpisodeTweetConfig, User, Podcast, EpisodeGuide)
        .join(EpisodeGuide, EpisodeGuide.id == EpisodeTweetConfig.episode_id)
        .join(Podcast, Podcast.id == EpisodeGuide.podcast_id)
        .join(User, User.id == EpisodeTweetConfig.user_id)
        .join(PodcastMember, (PodcastMember.podcast_id == Podcast.id) & (PodcastMember.user_id == User.id))
        .where(EpisodeTweetConfig.id == config_id, User.is_active)
        .execution_options(populate_existing=True)
    ).one_or_none()
    if row is None:
        session.rollback()
        raise NotFound("There is no such host on this episode.")
    return row[0], row[1], row[2], row[3]


def _connection(session: Session, user_id: int) -> SocialConnection:
    """The host's working connection. Raises Invalid with what to do when there is none."""
    query = select(SocialConnection).where(
        SocialConnection.user_id == user_id,
        SocialConnection.platform == PLATFORM,
        SocialConnection.is_active,
    )
    connection = session.execute(query).scalar_one_or_none()
    trouble = trouble_of(connection)
    if connection is None or trouble is not None:
        session.rollback()
        raise Invalid(explain(trouble or "no_connection"))
    return connection


def _matched(session: Session, episode_id: int) -> Broadcast | None:
    query = select(Broadcast).where(Broadcast.episode_id == episode_id).order_by(Broadcast.id.desc()).limit(1)
    return session.execute(query).scalar_one_or_none()


def _cover(session: Session, post: coverage.ToPost, now: datetime) -> None:
    """Raises Uncovered where an empty wallet stops posts and this one would only wait."""
    if coverage.short([post], now):
        session.rollback()
        raise Uncovered(coverage.uncovered())


def _take(session: Session, config_id: int) -> None:
    """The compare-and-set that also a start uses. Raises Conflict with the reason."""
    taken = session.execute(
        update(EpisodeTweetConfig)
        .where(EpisodeTweetConfig.id == config_id, EpisodeTweetConfig.status.in_(SENDABLE))
        .values(status=ConfigStatus.POSTING)
        .returning(EpisodeTweetConfig.id),
        execution_options={"synchronize_session": False},
    ).first()
    if taken is None:
        query = select(EpisodeTweetConfig.status).where(EpisodeTweetConfig.id == config_id)
        status = session.execute(query).scalar_one_or_none()
        session.rollback()
        raise Conflict(WHY_NOT.get(ConfigStatus(status or "posting"), "Somebody was faster."))


def _key(session: Session, config_id: int, matched: Broadcast | None, account: str) -> str:
    """The live key while the video is live, so that a start finds it taken; numbered after a failure."""
    earlier = session.execute(select(func.count(Post.id)).where(Post.config_id == config_id)).scalar_one()
    if matched is None or matched.state != BroadcastState.LIVE:
        return f"now:{config_id}:{earlier + 1}"
    key = f"live:{matched.video_id}:{account}"
    return f"{key}:{config_id}.{earlier + 1}" if earlier else key
