"""A podcast's own settings, its calendar link, and how it ends: archived, brought back, deleted. Posts nothing."""

import re
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, select, update

from extensions import db
from models import Broadcast, Podcast, Post, PostStatus, Verdict
from services import audit, figures_version, outbox, podcast_fields, tweet_text
from services.audit import Actor, Kind
from services.checks import several_lines, shown
from services.coming_texts import SOME_VIDEO
from services.errors import Conflict, Invalid
from services.podcasts import locked
from services.youtube_reference import watch_url

LONGEST_TEXT = 2_000
#: what a usual text is tried with
SOME_SHOW = tweet_text.Facts(show="Show", title="Title", url=watch_url(SOME_VIDEO))
_LANGUAGE = re.compile(r"[a-z]{2,3}(?:-[A-Za-z0-9]{2,8})*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What an admin typed, each value checked by the function of its kind."""

    name: str
    timezone: str
    language: str
    default_text: str
    version: str


FIELDS = ("name", "timezone", "language", "default_text")


def language_tag(text: str) -> str:
    """A BCP 47 tag such as "en" or "pt-BR"."""
    tag = text.strip()
    if len(tag) > 16 or not _LANGUAGE.fullmatch(tag):
        raise Invalid(f"“{shown(text)}” is no language. Write its short name, such as en, de or pt-BR.")
    return tag


def default_words(text: str) -> str:
    """The text for hosts who wrote none; empty is fine, then the built-in writer speaks."""
    words = several_lines("these words", text, LONGEST_TEXT)
    if words:
        try:
            _check_with_link(words)
            tweet_text.validate_template(words)
        except Invalid as error:
            raise Invalid(f"{error}.") from None
    return words


def _check_with_link(words: str) -> None:
    """Measured as it is sent unless a host leaves the link out of an episode."""
    excess = tweet_text.weighted_length(tweet_text.shortest(words, SOME_SHOW, include_link=True)) - tweet_text.LIMIT
    if excess > 0:
        many = "1 character" if excess == 1 else f"{excess} characters"
        raise Invalid(f"Too long by {many}: the link is part of it, and X counts it as {tweet_text.URL_LENGTH}")


def version_of(podcast: Podcast) -> str:
    """Changes with what these settings hold, so that a stale form is noticed."""
    return podcast_fields.version_of(podcast, FIELDS)


def change(podcast_id: int, wanted: Wanted, by: Actor, now: datetime) -> None:
    """Saves what was typed. Raises Stale when somebody else saved meanwhile."""
    podcast_fields.save(podcast_id, FIELDS, wanted, by, now)


def renew_calendar(podcast_id: int, by: Actor, now: datetime) -> None:
    """The old link of the calendar leads nowhere from here on."""
    locked(podcast_id).calendar_epoch += 1
    audit.note(Kind.CALENDAR_RENEWED, by, now, podcast_id=podcast_id)
    db.session.commit()


def archive(podcast_id: int, by: Actor, now: datetime) -> str:
    """Nothing is looked at or announced any more; what waits is cancelled, what is being sent is finished."""
    podcast = locked(podcast_id)
    if not podcast.is_active:
        db.session.rollback()
        return f"{podcast.name} is archived already."
    podcast.is_active = False
    db.session.flush()
    _close_streams(podcast_id, now)
    _cancel_waiting(podcast_id, "podcast_archived", now)
    audit.note(Kind.PODCAST_ARCHIVED, by, now, podcast_id=podcast_id)
    db.session.commit()
    return f"{podcast.name} is archived. Nothing is announced until you bring it back."


def restore(podcast_id: int, by: Actor, now: datetime) -> str:
    """Its next start is announced again. A stream that is on air already was closed when it was archived."""
    podcast = locked(podcast_id)
    if podcast.is_active:
        db.session.rollback()
        return f"{podcast.name} is not archived."
    podcast.is_active = True
    audit.note(Kind.PODCAST_RESTORED, by, now, podcast_id=podcast_id)
    db.session.commit()
    return f"{podcast.name} is back. Its next start is announced."


def delete_podcast(podcast_id: int, by: Actor, now: datetime) -> None:
    """Takes the podcast away with its episodes and texts. Posts and their history stay; what is being sent finishes.

    What waits is cancelled, and what waited for somebody's decision is left as it is: no page is left to decide on.
    So is what is looked for still, when that ends without an answer.
    """
    podcast = locked(podcast_id)
    if podcast.is_active:
        podcast.is_active = False  # no start is matched to it from here on
        db.session.flush()
    _close_streams(podcast_id, now)
    _cancel_waiting(podcast_id, "podcast_deleted", now)
    outbox.leave_undecided(db.session(), Post.podcast_id == podcast_id, now)
    audit.note(Kind.PODCAST_DELETED, by, now, podcast_id=podcast_id)
    db.session.flush()
    db.session.execute(
        delete(Podcast).where(Podcast.id == podcast_id), execution_options={"synchronize_session": False}
    )
    figures_version.forget(db.session(), podcast_id)
    db.session.commit()


def _close_streams(podcast_id: int, now: datetime) -> None:
    """Ends the announcing of what is on air.

    Only of what was announced: an announcer holds a broadcast while it waits for its podcast, and would wait for ever.
    """
    open_here = (Broadcast.podcast_id == podcast_id, Broadcast.verdict == Verdict.ANNOUNCED)
    db.session.execute(
        update(Broadcast).where(*open_here, Broadcast.closed_at.is_(None)).values(closed_at=now),
        execution_options={"synchronize_session": False},
    )


def _cancel_waiting(podcast_id: int, cause: str, now: datetime) -> None:
    queued = select(Post.id).where(Post.podcast_id == podcast_id, Post.status == PostStatus.QUEUED)
    moves = [
        outbox.Move(post_id=post_id, expected=PostStatus.QUEUED, to=PostStatus.CANCELLED, cause=cause)
        for post_id in db.session.execute(queued).scalars()
    ]
    outbox.apply(db.session(), moves, now)


def check_typed_name(podcast: Podcast, typed: str) -> None:
    """Deleting wants the name typed. Raises Conflict when it is another."""
    if " ".join(typed.split()).casefold() != " ".join(podcast.name.split()).casefold():
        raise Conflict(f"Type the name of the podcast, {podcast.name}, to delete it.")
