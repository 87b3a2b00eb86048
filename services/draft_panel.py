"""The drafts of one host as his editor shows them, what a click costs at most, and how far everybody's are."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from hashlib import sha256
from typing import Any

from sqlalchemy import Integer, Row, Subquery, and_, bindparam, cast, func, select, true

from extensions import db
from models import (
    Draft,
    DraftStatus,
    DraftWish,
    EpisodeGuide,
    EpisodeTweetConfig,
    Podcast,
    Unapproved,
    User,
)
from services import draft_caps
from services.causes import explain
from services.checks import HIGHEST_ID
from services.draft_wishes import Progress
from services.drafting import BUILT_IN
from services.errors import NotFound
from services.money import dollars
from services.prices import Prices
from services.vocabulary import Lamp, Light

#: after the last draft of a batch it is still said that all are written
SAID_FOR = timedelta(minutes=10)
#: what is sent as long as a host has approved nothing
UNTIL = {Unapproved.TEMPLATE: "Until then your usual text is sent.", Unapproved.NOTHING: "Until then nothing is sent."}
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
    #: what is sent as long as nothing is approved
    until: str = ""
    #: whether "drafts for everybody" means anybody still
    has_anybody: bool = True

    @property
    def waits(self) -> bool:
        """Whether there are drafts, and none of them is sent: their host has approved none."""
        return self.needs_approval and not self.has_used and any(line.can_use for line in self.lines)

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
        return sha256(repr((self.lines, self.needs_approval, self.until, self.cap)).encode()).hexdigest()[:16]


def panel_of(
    podcast: Podcast, episode: EpisodeGuide, reader: User | None, now: datetime, *, listed_prices: Prices | None = None
) -> Panel:
    """`reader`: who sees his own drafts; None for who is no host. In one statement, however many hosts.

    `listed_prices`: those in force, where they are known already.
    """
    asked = {"podcast": podcast.id, "episode": episode.id, "reader": reader.id if reader else 0}
    rows = db.session.execute(_everything(), asked).all()
    people = {row.user_id: row for row in reversed(rows)}
    mine = people.get(reader.id) if reader else None
    voice = mine.Voice if mine else None
    caps = draft_caps.caps(podcast, episode, list(people.values()), now, asked=listed_prices)
    return Panel(
        lines=_lines([row for row in rows if row.Draft is not None]),
        needs_approval=voice is not None and voice.needs_approval,
        cap=caps.get(mine.user_id if mine else 0, max(caps.values(), default=0)),
        cap_of_all=sum(caps[row.user_id] for row in people.values() if draft_caps.is_written_for(row)),
        progress=_progress(rows[0], now) if rows else None,
        until=UNTIL[voice.unapproved] if voice else "",
        has_anybody=any(map(draft_caps.is_written_for, people.values())),
    )


@cache
def _everything() -> Any:
    """Everybody with a voice, and the reader's drafts, newest first; in each row how far the newest batch is.

    Put together once.
    """
    config, batch = EpisodeTweetConfig, _newest_batch()
    own = and_(Draft.config_id == config.id, config.user_id == bindparam("reader"))
    return (
        draft_caps.people_of(config.draft, config.text, Draft, *batch.c)
        .outerjoin(Draft, own)
        .join(batch, true())
        .order_by(Draft.id.desc(), config.id, User.id)
    )


def _lines(rows: Sequence[Row[Any]]) -> list[Line]:
    """Newest first. Of two with the same words one is chosen: the one that was approved, or else the newest."""
    same = [row for row in rows if row.Draft.status == DraftStatus.ACCEPTED and row.Draft.text == row.draft != ""]
    used = next((row for row in same if row.Draft.approved_at is not None), same[0] if same else None)
    return [_line(row, is_used=row is used) for row in rows]


def _line(row: Row[Any], *, is_used: bool) -> Line:
    found, can_use = row.Draft, row.Draft.status == DraftStatus.ACCEPTED
    waits = row.Voice is not None and row.Voice.needs_approval and found.approved_at is None
    # Words of the host's own go before it: then it is what would be sent without them.
    chosen = Light("In reserve", Lamp.HOLLOW) if row.text.strip() else Light("In use", Lamp.GREEN)
    usable = Light("Waits for you", Lamp.AMBER) if waits else Light("Ready", Lamp.HOLLOW)
    spent = "nothing" if found.cost == 0 else "" if found.cost is None else dollars(found.cost)
    return Line(
        id=found.id,
        made_at=found.made_at,
        writer="Airhorn" if found.writer == BUILT_IN else found.writer.partition(":")[2] or found.writer,
        light=chosen if is_used else usable if can_use else _STATES[DraftStatus(found.status)],
        text=found.text,
        why=explain(found.reason, found.detail) if found.reason else "",
        cost=f"It cost {spent}." if spent else f"What it cost is not known yet, at most {dollars(found.cap)}.",
        prompt=found.prompt,
        can_use=can_use,
        is_used=is_used,
        is_approved=found.approved_at is not None,
        rating=found.rating,
        reason=found.rating_reason,
    )


def _newest_batch() -> Subquery:
    """One row: how many drafts were last asked for together, how many are done, and when the last of them was."""
    newest = (
        select(DraftWish.batch)
        .join(EpisodeTweetConfig, EpisodeTweetConfig.id == DraftWish.config_id)
        .where(EpisodeTweetConfig.episode_id == bindparam("episode"), DraftWish.batch != "")
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
        # Said once more, since the index has only those that were asked for together.
        .where(DraftWish.batch == newest.scalar_subquery(), DraftWish.batch != "")
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
