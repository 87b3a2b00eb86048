"""What a host does with his drafts and his voice: sees them, chooses one, says what he thinks. Writes no draft."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import select

from extensions import db
from models import Draft, DraftStatus, EpisodeGuide, EpisodeTweetConfig, Post, PostStatus, Unapproved, Voice
from services import audit, draft_rows
from services.audit import Actor, Kind
from services.causes import explain
from services.checks import one_line, several_lines
from services.errors import Conflict, Invalid, NotFound
from services.registry import get_services

LONGEST_TONE, LONGEST_WORDS, LONGEST_REASON, LONGEST_EXAMPLE = 500, 1_000, 200, 1_000
MOST_EXAMPLES, MOST_HASHTAGS = 10, 10
_HASHTAG = re.compile(r"#(?=\w*[^\W\d_])\w{1,50}")


@dataclass(frozen=True, slots=True)
class DraftView:
    """One draft as its host sees it. `why`: why it was not used, a sentence; `cost` is in micro-dollars, None: open."""

    id: int
    made_at: datetime
    writer: str
    text: str
    wish: str
    why: str
    prompt: str
    cost: int | None
    cap: int
    can_use: bool
    is_used: bool
    is_approved: bool
    rating: int | None
    rating_reason: str


@dataclass(frozen=True, slots=True)
class Settings:
    """A voice as it is typed. `examples`: one post each."""

    tone: str = ""
    words_to_use: str = ""
    words_to_avoid: str = ""
    hashtags: str = ""
    emoji: bool = True
    examples: Sequence[str] = ()
    needs_approval: bool = False
    unapproved: str = Unapproved.TEMPLATE


def panel(config_id: int) -> list[DraftView]:
    """The last drafts of a config, newest first."""
    query = select(EpisodeTweetConfig.draft).where(EpisodeTweetConfig.id == config_id)
    counts = db.session.execute(query).scalar_one_or_none() or ""
    return [_view(row, counts) for row in draft_rows.newest(config_id)]


def _view(row: Draft, counts: str) -> DraftView:
    return DraftView(
        id=row.id,
        made_at=row.made_at,
        writer=row.writer,
        text=row.text,
        wish=row.wish,
        why=explain(row.reason, row.detail) if row.reason else "",
        prompt=row.prompt,
        cost=row.cost,
        cap=row.cap,
        can_use=row.status == DraftStatus.ACCEPTED,
        is_used=bool(row.text) and row.text == counts,
        is_approved=row.approved_at is not None,
        rating=row.rating,
        rating_reason=row.rating_reason,
    )


def use(draft_id: int, by: Actor, now: datetime) -> str:
    """The host's own word that this draft is to be sent. Raises NotFound for those of others, and Conflict."""
    row, config = _own(draft_id, by)
    if row.status != DraftStatus.ACCEPTED:
        db.session.rollback()
        raise Conflict(f"This draft cannot be used. {explain(row.reason or '', row.detail)}")
    other = draft_rows.too_like(config.id, row.text, get_services().writer)
    if other is not None:
        db.session.rollback()
        raise Conflict(f"It is too much like what {other} will post: X takes that for spam. Ask for other words.")
    if not draft_rows.put(config.id, row.text):
        db.session.rollback()
        raise Conflict("This post is already on its way or out, so its text cannot be changed any more.")
    row.approved_at = now
    podcast_id = db.session.get_one(EpisodeGuide, config.episode_id).podcast_id
    audit.note(Kind.DRAFT_CHOSEN, by, now, podcast_id=podcast_id, episode=config.episode_id)
    own = bool(config.text.strip())
    db.session.commit()
    return "Your own words stand in the field, so they are sent. Empty it to use the draft." if own else "It is used."


def rate(draft_id: int, rating: int | None, reason: str, by: Actor) -> str:
    """Thumbs up (1), down (-1) or neither (None), with a few words. Raises NotFound and Invalid."""
    if rating not in (None, 1, -1):
        raise Invalid("Thumbs go up or down.")
    said = one_line("the reason", reason, LONGEST_REASON) if reason.strip() else ""
    row, _ = _own(draft_id, by)
    row.rating, row.rating_reason = rating, said
    db.session.commit()
    return "Thank you, it is kept with the draft."


def _own(draft_id: int, by: Actor) -> tuple[Draft, EpisodeTweetConfig]:
    query = (
        select(Draft, EpisodeTweetConfig)
        .join(EpisodeTweetConfig, EpisodeTweetConfig.id == Draft.config_id)
        .where(Draft.id == draft_id, EpisodeTweetConfig.user_id == by.user_id)
    )
    found = db.session.execute(query).one_or_none()
    if found is None:
        db.session.rollback()
        raise NotFound("There is no such draft of yours.")
    return found[0], found[1]


# The voice


def voice_of(user_id: int) -> Settings:
    """As it is stored; plain where nothing is."""
    found = db.session.execute(select(Voice).where(Voice.user_id == user_id)).scalar_one_or_none()
    if found is None:
        return Settings()
    return Settings(**{name: getattr(found, name) for name in Settings.__slots__})


_HEARD = "Your next draft sounds like that."
_UNHEARD = "Models write like that. None is set up here, and Airhorn’s own writer does not read it."


def set_voice(typed: Settings, by: Actor, now: datetime, *, is_heard: bool = True) -> str:
    """Keeps the voice of whoever acts, and answers with what comes of it. Raises Invalid.

    `is_heard`: whether drafts are written by a model.
    """
    checked = _checked(typed)
    voice = db.session.execute(select(Voice).where(Voice.user_id == by.user_id)).scalar_one_or_none()
    if voice is None:
        voice = Voice(user_id=by.user_id)
        db.session.add(voice)
    for name in Settings.__slots__:
        setattr(voice, name, getattr(checked, name))
    taken = draft_rows.withdraw_unapproved(by.user_id) if checked.needs_approval and by.user_id is not None else 0
    audit.note(Kind.VOICE_CHANGED, by, now)
    db.session.commit()
    return f"Saved. {_HEARD if is_heard else _UNHEARD}{_withdrawn(taken)}"


def _withdrawn(count: int) -> str:
    """What became of drafts that were to be sent and that nobody approved."""
    if not count:
        return ""
    what = "A draft that was to be sent waits" if count == 1 else f"{count} drafts that were to be sent wait"
    return f" {what} for you now: approve {'it' if count == 1 else 'them'} on the page of the episode."


def _checked(typed: Settings) -> Settings:
    if typed.unapproved not in tuple(Unapproved):
        raise Invalid("Without your approval either your usual text is sent, or nothing.")
    tags = typed.hashtags.split()
    wrong = next((tag for tag in tags if not _HASHTAG.fullmatch(tag)), None)
    if wrong is not None:
        raise Invalid(f"“{wrong[:60]}” is no hashtag. Write them like #podcast, apart by spaces.")
    if len(tags) > MOST_HASHTAGS or len(typed.examples) > MOST_EXAMPLES:
        raise Invalid(f"At most {MOST_HASHTAGS} hashtags and {MOST_EXAMPLES} earlier posts fit.")
    examples = [several_lines("the earlier posts", text, LONGEST_EXAMPLE) for text in typed.examples if text.strip()]
    return replace(
        typed,
        tone=several_lines("the tone", typed.tone, LONGEST_TONE),
        words_to_use=several_lines("the words to use", typed.words_to_use, LONGEST_WORDS),
        words_to_avoid=several_lines("the words to avoid", typed.words_to_avoid, LONGEST_WORDS),
        hashtags=" ".join(tags),
        examples=examples,
    )


def earlier_posts(user_id: int, count: int = 5) -> list[str]:
    """The last posts that Airhorn sent for somebody, to be taken as examples: nobody is asked for them."""
    query = select(Post.text).where(Post.user_id == user_id, Post.status == PostStatus.POSTED)
    return list(db.session.execute(query.order_by(Post.id.desc()).limit(count)).scalars())
