"""What one thing that needs a person is: its name, how urgent it is, and what mends it. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum

from models import Broadcast, BroadcastState, Podcast, Post, PostStatus, Verdict
from services.causes import TO_OPERATOR
from services.evidence import Evidence
from services.vocabulary import TRIABLE, Light

FIXES = ("connect", "edit", "post_now", "try_now", "youtube", "decide", "spend", "episode", "operator")
#: cause → the button that mends it
_FIX_OF = (
    dict.fromkeys(("x_auth", "x_token_refused", "x_scope", "no_connection", "refresh_in_doubt"), "connect")
    | dict.fromkeys(("x_text_refused", "text_invalid", "x_duplicate"), "edit")
    | dict.fromkeys(("x_locked", "x_forbidden", "too_late", "stream_over"), "post_now")
)


def fix_of(cause: str | None) -> str:
    """One of FIXES; empty where the operator has to act, or nobody."""
    return _FIX_OF.get(cause or "", "")


def fix_for(post: Post) -> str:
    """The same of a post, which may be tried at once while it waits."""
    return "try_now" if post.status == PostStatus.QUEUED and post.cause in TRIABLE else fix_of(post.cause)


class Rank(IntEnum):
    """The most urgent first: what time runs out for, what keeps the next show from being announced, all the rest."""

    ON_AIR = 0
    WAITING = 1
    DECIDE = 2
    FAILED = 3
    DETECTOR = 4
    SOON = 5
    MISSED = 6
    AHEAD = 7
    CONNECTION = 8
    SILENT = 9
    STREAM = 10
    SETUP = 11


@dataclass(frozen=True, slots=True)
class Unmatched:
    """A stream that nothing was announced for, and why."""

    broadcast: Broadcast
    podcast: Podcast
    why: str

    @property
    def can_match(self) -> bool:
        """Whether saying which episode it is helps: not where YouTube or the podcast's own settings are in the way."""
        return self.broadcast.verdict in (Verdict.UNMATCHED, Verdict.SAME_SHOW, Verdict.TOO_OLD)

    @property
    def is_on(self) -> bool:
        """There is still time to do something."""
        return self.broadcast.state == BroadcastState.LIVE


@dataclass(frozen=True, slots=True)
class Need:
    """One thing that a person has to do. `episode_id` None: it is about the podcast or a person as such.

    `item` names it within its podcast: what gets worse, or happens anew, has another name. `user_id` is who can do it,
    None for an admin; `fix` says with what: one of FIXES, or empty.
    """

    podcast: Podcast
    who: str
    what: str
    episode_id: int | None = None
    episode_title: str = ""
    user_id: int | None = None
    fix: str = ""
    evidence: Evidence | None = None
    #: of a post that waits to be sent: where it stands, with its times
    light: Light | None = None
    post_id: int | None = None
    item: str = ""
    rank: Rank = Rank.AHEAD
    #: when it will be or was; None: at no time in particular
    at: datetime | None = None
    stream: Unmatched | None = None
    #: says how much there is in a wallet, which its host and the admins alone may read
    is_of_money: bool = False
    #: how much is missing in which wallet, for admins
    sums: str = ""

    @property
    def for_operator(self) -> str:
        """What the operator is told of what holds up the posts of the whole server; empty of anything else."""
        return TO_OPERATOR.get(self.what, "") if self.rank == Rank.WAITING else ""

    @property
    def is_silent(self) -> bool:
        """An episode that was planned and never seen."""
        return self.rank == Rank.SILENT


Shows = Mapping[int, Podcast]


def by_urgency(need: Need) -> tuple[int, float, str]:
    """What is still to come soonest first, what is over newest first."""
    if need.at is None:
        return need.rank, 0.0, need.who
    seconds = need.at.timestamp()
    return need.rank, seconds if need.rank in (Rank.SOON, Rank.AHEAD) else -seconds, need.who


#: of many hosts with the same trouble so many are named
MOST_NAMED = 3


@dataclass(frozen=True, slots=True)
class Group:
    """The same thing of several hosts, for a reader who is none of them; mostly one thing of one.

    What holds up the whole server is the same thing of all whom it holds up, in whichever podcast.
    """

    needs: Sequence[Need]

    @property
    def first(self) -> Need:
        return self.needs[0]

    @property
    def items(self) -> str:
        """All of it, for a form: what is put aside is what was seen, and not what has come to it since."""
        return " ".join(need.item for need in self.needs)

    @property
    def is_across(self) -> bool:
        """Of several shows, so that none of them stands above it."""
        return len({(need.podcast.id, need.episode_id) for need in self.needs}) > 1

    @property
    def first_end(self) -> datetime | None:
        """When it is too late for the first of several posts that wait for the same."""
        ends = [need.light.until for need in self.needs if need.light is not None and need.light.until is not None]
        return min(ends, default=None)

    @property
    def who(self) -> str:
        names = list(dict.fromkeys(need.who for need in self.needs))
        more = len(names) - MOST_NAMED
        return ", ".join(names[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")


def grouped(needs: Iterable[Need], reader_id: int) -> list[Group]:
    """In the order of the first of each."""
    groups: dict[object, list[Need]] = {}
    for need in needs:
        is_alone = need.user_id in (None, reader_id) or need.evidence is not None or need.is_of_money
        alike = (need.podcast.id, need.episode_id, need.rank, need.what, need.light)
        key = need.what if need.for_operator else (need.podcast.id, need.item) if is_alone else alike
        groups.setdefault(key, []).append(need)
    # The reader's own first: its button is the reader's.
    return [Group(sorted(found, key=lambda need: need.user_id != reader_id)) for found in groups.values()]
