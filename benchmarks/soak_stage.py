"""YouTube, its hub and X for the soak, in a process of their own, with the clock that the application has.

`Stage` starts it and speaks with it in lines of JSON; run as a module it is that process.
"""

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

from werkzeug.wrappers import Request

from benchmarks.soak_month import Month, channel_id, host_name
from benchmarks.soak_spoils import SoakHub, SoakX, SoakYouTube, Spoiler
from benchmarks.soak_world import BEGIN, SECOND, Show, inside
from benchmarks.stand_ins import Pipe, serve

LINK = re.compile(r"v=([\w-]{11})")
#: as on the real service
FEED_STALENESS = 900.0


class Stage(Pipe):
    """The application's side. Times cross as ISO texts."""

    def __init__(self) -> None:
        super().__init__("benchmarks.soak_stage")

    def open(self, *, hosts: int, **month: Any) -> dict[str, str]:
        """The month begins. Returns the addresses of `youtube`, `x` and `hub`."""
        return self._ask("open", hosts=hosts, month=month)

    def advance(self, now: datetime) -> datetime | None:
        """It is so late; whatever was to happen has happened. Returns when something happens next."""
        found = self._ask("advance", now=now.isoformat())
        return datetime.fromisoformat(found) if found else None

    def sign_in(self, names: list[str]) -> list[dict[str, str]]:
        """A new pair of tokens for each of these accounts, as after consent."""
        return self._ask("sign_in", names=names)

    def seen(self) -> dict[str, Any]:
        """What is true over there in the end: `posts` and `lost` logins, `units` by day, `questions`, `spoiled`."""
        return self._ask("seen")


class Commands:
    """What the process does when asked. The names are those of the protocol."""

    def open(self, hosts: int, month: dict[str, Any]) -> dict[str, str]:
        return self.begin(Month(**month), hosts)

    def begin(self, month: Month, hosts: int) -> dict[str, str]:
        self.month, self.spoiler = month, Spoiler(month)
        self.youtube, self.x, self.hub = (kind(now=self.clock) for kind in (SoakYouTube, SoakX, SoakHub))
        self.at, self.lost = BEGIN, list[tuple[str, str]]()
        self.spoiler.lost_login = self._note_lost
        for one in (self.youtube, self.x, self.hub):
            one.spoiler = self.spoiler
        self.youtube.feed_staleness = FEED_STALENESS
        self._fill(hosts)
        self.hub.by_hand, self.hub.lost, self.hub.doubled, self.hub.lateness = True, 0.1, 0.05, 40.0
        for one in (self.youtube, self.x, self.hub):
            one.start()
        self.hub.close()  # its work is done by `advance`
        self.hub.follow(self.youtube)
        self.happenings = sorted(self._happenings(), key=lambda one: one[0], reverse=True)
        return {"youtube": self.youtube.url, "x": self.x.url, "hub": f"{self.hub.url}/subscribe"}

    def close(self) -> None:
        for one in (self.youtube, self.x, self.hub):
            one.stop()

    def clock(self) -> datetime:
        return self.at

    def _fill(self, hosts: int) -> None:
        for number in range(self.month.channels):
            self.youtube.add_channel(f"Channel {number}", id=channel_id(number))
            self.youtube.upload(channel_id(number), "An episode of last year")
            for place in range(hosts):
                self.x.add_account(host_name(number, place))

    def _happenings(self) -> list[tuple[datetime, Callable[[Show], None], Show]]:
        found: list[tuple[datetime, Callable[[Show], None], Show]] = []
        for show in self.month.shows.values():
            if show.planned_at is not None:
                found.append((max(show.published_at, BEGIN), self._open_room, show))
            if show.started_at is not None:
                found += [(show.started_at, self._go_live, show), (show.ended_at, self._end, show)]
        return found

    def _open_room(self, show: Show) -> None:
        title = f"Show {show.id}"
        self.youtube.schedule(channel_id(show.channel), title, start=show.planned_at, video_id=show.id)

    def _go_live(self, show: Show) -> None:
        if show.planned_at is None:
            self._open_room(show)
        self.youtube.go_live(show.id)

    def _end(self, show: Show) -> None:
        self.youtube.end(show.id)

    def advance(self, now: str) -> str | None:
        until = datetime.fromisoformat(now)
        while self.happenings and self.happenings[-1][0] <= until:
            self.at, happen, show = self.happenings.pop()
            happen(show)
        self.at = until
        self.spoiler.move(until)
        self.youtube.bot_check = inside(self.month.pages_blocked, until)
        self.hub.work()
        soon = [one[0] for one in self.happenings[-1:]] + [parcel.due for parcel in self.hub.parcels]
        soon += [until + SECOND] if self.hub.requests else []
        return min(soon).isoformat() if soon else None

    def _note_lost(self, request: Request) -> None:
        token = self.x.refresh.get(request.form.get("refresh_token", ""))
        if token is not None and not token.spent:
            self.lost.append((token.grant.account_id, self.at.isoformat()))

    def sign_in(self, names: list[str]) -> list[dict[str, str]]:
        wanted = ("id", "username", "access_token", "refresh_token")
        return [{name: getattr(self.x.add_account(one), name) for name in wanted} for one in names]

    def seen(self) -> dict[str, Any]:
        posts = [
            (post.account_id, found[1] if (found := LINK.search(post.text)) else "", post.created_at.isoformat())
            for post in self.x.posts.values()
        ]
        units = {day: count for (day, bucket), count in self.youtube.spent.items() if bucket == "general"}
        counts = {"questions": self.spoiler.questions, "spoiled": self.spoiler.spoiled}
        return {"posts": posts, "lost": self.lost, "units": units, **counts}


if __name__ == "__main__":
    serve(Commands())
