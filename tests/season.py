"""A podcast with a past: posts as they could have gone, put into the database, and counted again slowly and plainly."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import insert

from extensions import db
from models import (
    Broadcast,
    EntryKind,
    Podcast,
    PodcastMember,
    Post,
    PostAttempt,
    Role,
    User,
    Wallet,
    WalletEntry,
    WalletOwner,
)
from services import figures_version
from services.figures import Figures, Half
from services.tweet_text import has_link

#: a Wednesday
EVENING = datetime(2026, 3, 4, 18, 0, tzinfo=UTC)


@dataclass(frozen=True)
class Told:
    """One post. Times are hundredths of a second: from the start to when it was seen, from there to the sending, from
    there until X had it."""

    host: int | None = 0
    at: datetime = EVENING
    status: str = "posted"
    trigger: str = "live"
    source: str = "own"
    text: str = "On air"
    way: tuple[int, int, int] | None = (400, 20, 40)
    #: impressions, and what they are engaged with by: likes, reposts, replies, quotes, bookmarks
    counts: tuple[int, ...] | None = None
    cost: int = 0

    @property
    def total(self) -> int | None:
        is_timed = self.status == "posted" and self.trigger == "live" and self.way is not None
        return sum(self.way) if is_timed and self.way else None


@dataclass
class Season:
    """A podcast with hosts named by number."""

    podcast_id: int
    users: list[int]
    told: list[Told] = field(default_factory=list)
    numbers: Any = None

    @classmethod
    def begun(cls, hosts: int = 3, name: str = "Deep Dive", **columns: Any) -> "Season":
        """Nothing is committed: who wants to keep it, does."""
        session = db.session()
        podcast = Podcast(slug=name.lower().replace(" ", "-"), name=name, **columns)
        session.add(podcast)
        session.flush()
        people = [{"email": f"{podcast.slug}{n}@example.com", "name": f"Host {n}"} for n in range(hosts)]
        made = (
            session.execute(insert(User).returning(User.id, sort_by_parameter_order=True), people) if people else None
        )
        users = list(made.scalars()) if made is not None else []
        members = [{"podcast_id": podcast.id, "user_id": id, "role": Role.CONTRIBUTOR} for id in users]
        if members:
            session.execute(insert(PodcastMember), members)
        return cls(podcast.id, users)

    @property
    def podcast(self) -> Podcast:
        return db.session.get_one(Podcast, self.podcast_id)

    def tell(self, told: Sequence[Told]) -> list[int]:
        """Puts these into the database; returns their posts' ids."""
        first, session = len(self.told), db.session()
        self.told += told
        names = [f"{self.podcast_id:03}{first + n:08}" for n in range(len(told))]
        ids = self._posts(told, names)
        attempts = [self._attempt(one, id) for one, id in zip(told, ids, strict=True)]
        rows = [row for row in attempts if row]
        if rows:
            session.execute(insert(PostAttempt), rows)
        self._pay(told, names)
        figures_version.raise_for(session, [self.podcast_id])
        return ids

    def _posts(self, told: Sequence[Told], names: Sequence[str]) -> list[int]:
        session = db.session()
        streams = [self._stream(one, name) for one, name in zip(told, names, strict=True)]
        made = session.execute(insert(Broadcast).returning(Broadcast.id, sort_by_parameter_order=True), streams)
        rows = [
            self._post(one, name, stream) for one, name, stream in zip(told, names, made.scalars().all(), strict=True)
        ]
        return list(session.execute(insert(Post).returning(Post.id, sort_by_parameter_order=True), rows).scalars())

    def _stream(self, one: Told, name: str) -> dict[str, Any]:
        start = one.at if one.way else None
        seen = one.at + hundredths(one.way[0]) if one.way else None
        return {"video_id": name, "podcast_id": self.podcast_id, "actual_start_at": start, "live_seen_at": seen}

    def _post(self, one: Told, name: str, stream: int) -> dict[str, Any]:
        out = one.at + hundredths(sum(one.way or (0,))) if one.status == "posted" else None
        return {
            "key": f"live:{name}:1",
            "podcast_id": self.podcast_id,
            "broadcast_id": stream,
            "user_id": self.users[one.host] if one.host is not None else None,
            "trigger": one.trigger,
            "text": one.text,
            "text_source": one.source,
            "status": one.status,
            "created_at": one.at,
            "posted_at": out,
            "not_after": one.at,
            "remote_id": name if out else None,
            "has_link": has_link(one.text),
            "impressions": one.counts[0] if one.counts else None,
            "engagements": sum(one.counts[1:]) if one.counts else None,
            "counted_at": one.at if one.counts else None,
        }

    @staticmethod
    def _attempt(one: Told, post_id: int) -> dict[str, Any] | None:
        if one.status != "posted" or one.way is None:
            return None
        begun = one.at + hundredths(one.way[0] + one.way[1])
        return {"post_id": post_id, "token": f"t{post_id}", "number": 1, "started_at": begun, "outcome": "accepted"}

    def _pay(self, told: Sequence[Told], names: Sequence[str]) -> None:
        rows = [
            {"key": name, "podcast_id": self.podcast_id, "user_id": self._of(one), "at": one.at, "cost": one.cost}
            for one, name in zip(told, names, strict=True)
            if one.cost
        ]
        if not rows:
            return
        wallet = Wallet(owner=WalletOwner.HOST, balance=0)
        db.session.add(wallet)
        db.session.flush()
        same = {"wallet_id": wallet.id, "kind": EntryKind.CHARGE, "held": 0, "balance_after": 0, "held_after": 0}
        db.session.execute(insert(WalletEntry), [row | same | {"amount": -row["cost"]} for row in rows])

    def _of(self, one: Told) -> int | None:
        return self.users[one.host] if one.host is not None else None

    # The slow and obvious way

    def recount(self, is_meant: Callable[[Told], bool]) -> Figures:
        """One post after the other."""
        told = [one for one in self.told if is_meant(one)]
        posts = [one for one in told if one.status != "cancelled"]
        out = [one for one in posts if one.status == "posted"]
        shown = [one.counts for one in posts if one.counts is not None]
        timed = [one.total for one in posts if one.total is not None]
        ways = [one.way for one in posts if one.total is not None and one.way is not None]
        return Figures(
            announcements=len(posts),
            posted=len(out),
            failed=sum(one.status in ("failed", "missed") for one in posts),
            timed=len(timed),
            on_time=sum(total <= 6_000 for total in timed),
            own=sum(one.source == "own" for one in out),
            draft=sum(one.source == "draft" for one in out),
            template=sum(one.source not in ("own", "draft") for one in out),
            measured=len(shown),
            impressions=sum(counts[0] for counts in shown),
            engagements=sum(sum(counts[1:]) for counts in shown),
            spend=sum(one.cost for one in told),
            total=half(timed),
            detection=half(way[0] for way in ways),
            queue=half(way[1] for way in ways),
            x=half(way[2] for way in ways),
        )


def hundredths(number: int) -> timedelta:
    return timedelta(milliseconds=10 * number)


def half(values: Iterable[int]) -> Half:
    """By the nearest rank."""
    known = sorted(values)
    if not known:
        return Half()
    median, most = (known[-(-percent * len(known) // 100) - 1] for percent in (50, 95))
    return Half(median / 100, most / 100)
