"""The drafts of one host as his editor shows them, what a click costs at most, and how far everybody's are."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from sqlalchemy import Integer, Row, Subquery, and_, cast, func, select, true

from extensions import db
from models import (
    ConfigStatus,
    Draft,
    DraftStatus,
    DraftWish,
    EpisodeGuide,
    EpisodeTweetConfig,
    Podcast,
    User,
    Voice,
    WishKind,
)
from services import prices
from services.causes import explain
from services.checks import HIGHEST_ID
from services.coming_texts import SOME_VIDEO
from services.draft_brief import Brief, host_voice, listed
from services.draft_prompt import MAX_TOKENS, prompt_of
from services.draft_wishes import Progress
from services.drafting import BUILT_IN
from services.errors import NotFound
from services.money import DOLLAR, dollars
from services.prices import Prices
from services.registry import get_services
from services.tweet_text import LIMIT
from services.vocabulary import Lamp, Light
from services.writer import facts_of

#: after the last draft of a batch it is still said that all are written
SAID_FOR = timedelta(minutes=10)
#: a final text as long as one can be, of characters of three bytes: what a text may become before it is told
LONGEST_TEXT = "–" * LIMIT
LONGEST_REASON = "x" * 300
#: prices before a click are rounded up to a tenth of a cent
STEP = DOLLAR // 1_000
_STATES = {
    DraftStatus.ASKED: Light("Being written", Lamp.HOLLOW),
    DraftStatus.REJECTED: Light("Not used", Lamp.GREY),
    DraftStatus.FAILED: Light("Not written", Lamp.GREY),
    DraftStatus.UNKNOWN: Light("No answer", Lamp.GREY),
}


@dataclass(frozen=True, slots=True)
class Line:
    """One draft. `why`: why it was not used, a sentence; `cost` in words."""

    id: int
    made_at: datetime
    writer: str
    light: Light
    text: str
    why: str
    cost: str
    prompt: str
    can_use: bool
    is_used: bool
    is_approved: bool
    rating: int | None
    reason: str


@dataclass(frozen=True, slots=True)
class Panel:
    """`cap` and `cap_of_all`: micro-dollars that a click costs at most, zero where no provider is asked."""

    lines: Sequence[Line]
    needs_approval: bool
    cap: int
    cap_of_all: int
    progress: Progress | None

    @property
    def price(self) -> str:
        return dollars(self.cap) if self.cap else ""

    @property
    def price_of_all(self) -> str:
        return dollars(self.cap_of_all) if self.cap_of_all else ""

    @property
    def has_used(self) -> bool:
        return any(line.is_used for line in self.lines)

    @property
    def fingerprint(self) -> str:
        """Differs when the editor has to be shown anew."""
        return sha256(repr((self.lines, self.needs_approval, self.cap)).encode()).hexdigest()[:16]


def panel_of(
    podcast: Podcast, episode: EpisodeGuide, reader: User | None, now: datetime, *, listed_prices: Prices | None = None
) -> Panel:
    """`reader`: who sees his own drafts; None for who is no host. In one statement, however many hosts.

    `listed_prices`: those in force, where they are known already.
    """
    rows = db.session.execute(_everything(episode.id, reader.id if reader else 0)).all()
    hosts = {row.user_id: row for row in reversed(rows)}
    mine = hosts.get(reader.id) if reader else None
    lines = [_line(row) for row in rows if row.Draft is not None]
    caps = {}
    if hosts and get_services().drafts.has_ai:
        caps = _caps(podcast, episode, list(hosts.values()), listed_prices or prices.current(now))
    return Panel(
        lines=lines,
        needs_approval=mine is not None and mine.Voice is not None and mine.Voice.needs_approval,
        cap=caps.get(mine.user_id if mine else 0, max(caps.values(), default=0)),
        cap_of_all=sum(caps[row.user_id] for row in hosts.values() if row.status == ConfigStatus.PENDING)
        if caps
        else 0,
        progress=_progress(rows[0], now) if rows else None,
    )


def _everything(episode_id: int, reader_id: int) -> Any:
    """Each host's voice, and the reader's drafts, newest first; in each row how far the newest batch is."""
    config = EpisodeTweetConfig
    own = and_(Draft.config_id == config.id, config.user_id == reader_id)
    batch = _newest_batch(episode_id)
    return (
        select(config.user_id, config.status, config.draft, User.name, Voice, Draft, *batch.c)
        .join(User, User.id == config.user_id)
        .outerjoin(Voice, Voice.user_id == config.user_id)
        .outerjoin(Draft, own)
        .join(batch, true())
        .where(config.episode_id == episode_id)
        .order_by(Draft.id.desc(), config.id)
    )


def _line(row: Row[Any]) -> Line:
    found, can_use = row.Draft, row.Draft.status == DraftStatus.ACCEPTED
    is_used = can_use and bool(found.text) and found.text == row.draft
    waits = row.Voice is not None and row.Voice.needs_approval and found.approved_at is None
    usable = Light("Waits for you", Lamp.AMBER) if waits else Light("Ready", Lamp.HOLLOW)
    spent = "free" if found.cost == 0 else "" if found.cost is None else f"cost {dollars(found.cost)}"
    return Line(
        id=found.id,
        made_at=found.made_at,
        writer="Airhorn" if found.writer == BUILT_IN else found.writer.partition(":")[2] or found.writer,
        light=Light("In use", Lamp.GREEN) if is_used else usable if can_use else _STATES[DraftStatus(found.status)],
        text=found.text,
        why=explain(found.reason, found.detail) if found.reason else "",
        cost=spent or f"cost not known yet, at most {dollars(found.cap)}",
        prompt=found.prompt,
        can_use=can_use,
        is_used=is_used,
        is_approved=found.approved_at is not None,
        rating=found.rating,
        reason=found.rating_reason,
    )


def _caps(podcast: Podcast, episode: EpisodeGuide, hosts: Sequence[Row[Any]], asked: Prices) -> dict[int, int]:
    """By user id micro-dollars for two tries, whatever the others' texts may become."""
    model = get_services().settings.ai_model or ""
    brief = Brief(
        facts=facts_of(podcast, episode, episode.video_id or SOME_VIDEO),
        host="",
        notes=episode.notes,
        planned=episode.scheduled_at,
        zone=podcast.timezone,
        language=podcast.language,
        rules=podcast.draft_rules,
        allowed=listed(podcast.allowed_words),
        limit=podcast.similarity_limit,
        others=(LONGEST_TEXT,) * (len(hosts) - 1),
        wish=WishKind.OTHER,
        current=LONGEST_TEXT,
    )
    return {
        row.user_id: _two_tries(replace(brief, host=row.name, voice=host_voice(row.Voice)), asked, model)
        for row in hosts
    }


def _two_tries(brief: Brief, listed_prices: Prices, model: str) -> int:
    briefs = brief, replace(brief, rejected=LONGEST_REASON)
    reads = [prompt_of(one).most_tokens for one in briefs]
    cost = sum(listed_prices.tokens(model, read=read, written=MAX_TOKENS) for read in reads)
    return -(-cost // STEP) * STEP


def _newest_batch(episode_id: int) -> Subquery:
    """One row: how many drafts were last asked for together, how many are done, and when the last of them was."""
    newest = (
        select(DraftWish.batch)
        .join(EpisodeTweetConfig, EpisodeTweetConfig.id == DraftWish.config_id)
        .where(EpisodeTweetConfig.episode_id == episode_id, DraftWish.batch != "")
        .order_by(DraftWish.id.desc())
        .limit(1)
    )
    return (
        select(
            func.count().label("asked"),
            func.count(DraftWish.ended_at).label("done"),
            func.coalesce(func.sum(cast(DraftWish.outcome == "ai", Integer)), 0).label("by_ai"),
            func.max(DraftWish.ended_at).label("ended_at"),
        )
        .where(DraftWish.batch == newest.scalar_subquery())
        .subquery()
    )


def _progress(row: Row[Any], now: datetime) -> Progress | None:
    """None where nothing was asked for together, or when that is long over."""
    progress = Progress(row.asked, row.done, row.by_ai)
    is_old = progress.is_over and row.ended_at is not None and row.ended_at < now - SAID_FOR
    return progress if progress.asked and not is_old else None


def check_own(draft_id: int, episode_id: int, user_id: int) -> None:
    """Leaves no transaction open. Raises NotFound for a draft of another host or episode."""
    own = (
        select(Draft.id)
        .join(EpisodeTweetConfig, EpisodeTweetConfig.id == Draft.config_id)
        .where(Draft.id == draft_id, EpisodeTweetConfig.user_id == user_id, EpisodeTweetConfig.episode_id == episode_id)
    )
    found = db.session.execute(own).scalar_one_or_none() if 0 < draft_id <= HIGHEST_ID else None
    db.session.rollback()
    if found is None:
        raise NotFound("There is no such draft of yours.")
