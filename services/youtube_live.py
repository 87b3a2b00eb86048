"""Which broadcasts are live now: discover, confirm, decide. Announces nothing."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import or_, true

from config import Settings
from extensions import db
from models import YouTubeChannel
from services.broadcast_looks import BroadcastLooks
from services.causes import explain
from services.channel_looks import ChannelLooks
from services.clients.values import Channel, ChannelReference, Video
from services.clients.youtube_api import YouTubeApi
from services.clients.youtube_feed import YouTubeFeed
from services.clients.youtube_page import YouTubePage
from services.discovery import Ask, Discovery, Look
from services.errors import Invalid, Outcome, Refused
from services.looking import Budget, Looked
from services.youtube_reference import parse_channel_reference


@dataclass(frozen=True, slots=True)
class Sight:
    """One look at a channel that a person asked for.

    `signal` is the way that was asked last, `error` why that failed too, `failed` what went wrong before it, by way.
    """

    signal: str
    videos: list[Video]
    error: Outcome | None
    failed: dict[str, Outcome]


class YouTubeLiveService:
    """Looks at channels and broadcasts, within the day's units, and stores what it learns."""

    def __init__(self, settings: Settings, *, api: YouTubeApi | None, feed: YouTubeFeed, page: YouTubePage) -> None:
        self._api, self._page = api, page
        self._check_every = timedelta(seconds=settings.live_check_interval_seconds)
        self._budget = Budget(
            units=settings.youtube_daily_units, check_every=self._check_every, has_key=api is not None
        )
        self._discovery = Discovery(api, feed, page)
        self._broadcasts = BroadcastLooks(self._discovery, self._budget)
        self._channels = ChannelLooks(self._discovery, self._budget, self._broadcasts)

    # The two ways of looking

    def check(self, now: datetime, *, everything: bool = True) -> Iterator[Looked]:
        """Looks at every channel and every known upcoming or live broadcast; yields after each round's commit.

        With `everything` False, channels that were looked at a moment ago by their own faster cadence are left out.
        """
        # A check asks about what would come due before the next one.
        until = None if everything else now + 0.6 * self._check_every
        is_due = or_(YouTubeChannel.next_look_at.is_(None), YouTubeChannel.next_look_at <= now)
        self._channels.start(now, true() if everything else is_due)
        for number, looks in enumerate(self._discovery.rounds()):
            yield from self._follow_up(looks, now, until=now if number > 0 else until)

    def watch(self, now: datetime) -> Iterator[Looked]:
        """Asks about what is due: broadcasts by their next look, channels with a cadence faster than the check."""
        broadcasts, channels = self._channels.due(now)
        if not broadcasts and not channels and not self._discovery.hanging():
            return
        if channels:
            # Not those without a time of their own: each start would make all of them be asked every few seconds.
            self._channels.start(now, YouTubeChannel.next_look_at <= now)
        for looks in self._discovery.rounds(most=1):
            yield from self._follow_up(looks, now, until=now)

    def _follow_up(self, looks: Sequence[Look], now: datetime, *, until: datetime | None) -> Iterator[Looked]:
        """Stores one round and asks about what is known. What a live page showed does not wait for other pages."""
        looked = self._channels.store(looks, now)
        if looked.broadcast_ids:
            yield looked
            looked = Looked([])
        self._broadcasts.confirm(now, looked, until=until)
        yield looked

    def check_channel_live(self, channel_id: str) -> list[Video]:
        """The videos of a channel that are live at this moment: public, started and not ended. Stores nothing.

        Raises Refused when YouTube could not be asked or its answer could not be read.
        """
        sight = self.look_now(channel_id)
        if sight.error is not None:
            raise sight.error
        return [video for video in sight.videos if is_live(video)]

    def look_now(self, channel_id: str) -> Sight:
        """What YouTube says of a channel at this moment, asked for a person. Stores nothing, announces nothing.

        Raises Refused when the day's units for people are gone; what fails at YouTube is in the answer.
        """
        self._count_for_people(2)
        look = self._discovery.look(Ask(channel_id, "uploads" if self._api else "page"))
        failed = []
        if look.error is not None and self._api is not None:
            failed.append(look)
            look = self._discovery.look(Ask(channel_id, "feed"))
        found: list[Video | Outcome | None] = [look.video]
        if look.error is None and self._api is not None:
            found = list(self._discovery.videos([ref.id for ref in look.refs][:50]).values()) if look.refs else []
        error = look.error or next((answer for answer in found if isinstance(answer, Outcome)), None)
        videos = [answer for answer in found if isinstance(answer, Video)] if error is None else []
        return Sight(look.ask.signal, videos, error, {one.ask.signal: one.error for one in failed if one.error})

    def recent_titles(self, channel_id: str) -> list[str]:
        """The titles of a channel's newest videos, newest first, asked for a person. Stores nothing.

        Raises Refused when neither the uploads list nor the feed could be read.
        """
        look = self._discovery.look(Ask(channel_id, "feed"))
        if look.error is not None and self._api is not None:
            self._count_for_people(1)
            look = self._discovery.look(Ask(channel_id, "uploads"))
        if look.error is not None:
            raise look.error
        return [ref.title for ref in look.refs]

    def resolve_channel(self, text: str) -> Channel:
        """The channel that a person means by an id, @handle or any YouTube address; asked, never assumed.

        Raises Invalid when the text is none of these or YouTube knows no such channel, Refused when it cannot be asked.
        """
        reference = parse_channel_reference(text)
        self._count_for_people(1 if reference.kind in ("id", "handle", "user") else 2)
        channel = self._ask_channel(reference)
        if channel is None:
            raise Invalid(
                f"YouTube knows no channel for {text.strip()[:100]!r}. Paste the address of the channel's page."
            )
        return channel

    def _ask_channel(self, reference: ChannelReference) -> Channel | None:
        if self._api is None:
            return self._page.channel(reference)
        return self._api.channel(reference) or (self._page.channel(reference) if reference.kind == "custom" else None)

    def _count_for_people(self, units: int) -> None:
        """Look-ups that a person asked for have units of their own. Raises Refused when the day's are gone."""
        if self._api is None:
            return
        counted = self._budget.spend(datetime.now(UTC), people=units)
        db.session.commit()
        if not counted:
            raise Refused(explain("youtube_quota"), cause="youtube_quota")


def is_live(video: Video) -> bool:
    """Live: YouTube says so, it has started, it has not ended, and everybody may watch."""
    started = video.actual_start_at is not None and video.actual_end_at is None
    return video.live_content == "live" and started and video.privacy == "public"
