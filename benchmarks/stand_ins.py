"""YouTube and X in a process of their own, so that they do not share the measured process's interpreter lock.

`StandIns` starts it and speaks with it in lines of JSON; run as a module it is that process.
"""

import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Self

from werkzeug.wrappers import Request

from sandbox.hub import Hub
from sandbox.x import X
from sandbox.youtube import YouTube


class Pipe:
    """The other side of a pipe: a module in a process of its own, which is asked and answers."""

    def __init__(self, module: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            process_group=0,  # Ctrl+C is for who measures, who then ends the others
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin
        self._process.stdin.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _ask(self, what: str, **values: Any) -> Any:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps({"do": what, **values}) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())


class StandIns(Pipe):
    """Every method asks the process and waits for its answer."""

    def __init__(self) -> None:
        super().__init__("benchmarks.stand_ins")
        urls = self._ask("urls")
        self.youtube_url, self.x_url, self.hub_url = urls["youtube"], urls["x"], urls["hub"]

    def reset(self) -> None:
        self._ask("reset")

    def latency(self, *, youtube: float = 0.0, x: float = 0.0) -> None:
        """Seconds before each answer."""
        self._ask("latency", youtube=youtube, x=x)

    def channels(self, count: int, *, videos: int) -> list[str]:
        """New channels, each with so many old uploads. Returns their ids."""
        return self._ask("channels", count=count, videos=videos)

    def accounts(self, names: Sequence[str]) -> list[dict[str, Any]]:
        """New X accounts: id, username, access_token, refresh_token."""
        return self._ask("accounts", names=list(names))

    def go_live(self, channel_ids: Sequence[str]) -> float:
        """All at once. Returns the Unix time of it."""
        return self._ask("go_live", channels=list(channel_ids))

    def schedule(self, channel_id: str, start: float) -> str:
        """Opens a waiting room for that Unix time. Returns the video id."""
        return self._ask("schedule", channel=channel_id, start=start)

    def begin(self, id: str) -> tuple[str, float]:
        """That video goes live, or a new one on that channel. Returns the video id and the Unix time."""
        video_id, at = self._ask("begin", id=id)
        return video_id, at

    def posts_of(self, video_id: str) -> list[float]:
        """Unix times at which X accepted a post with the link of this video, in order."""
        return self._ask("posts_of", video=video_id)

    def subscribed(self) -> int:
        """How many channels' news the hub delivers."""
        return self._ask("subscribed")

    def hang(self, channel_ids: Sequence[str], seconds: float) -> None:
        """Whatever is asked about these channels is answered so much later."""
        self._ask("hang", channels=list(channel_ids), seconds=seconds)

    def posts(self) -> list[float]:
        """Unix times at which X accepted a post, in order."""
        return self._ask("posts")

    def asked(self) -> dict[str, Any]:
        """`last_videos`: Unix time of the last videos.list; `paths`: number of requests by path; `units`."""
        return self._ask("asked")


class Commands:
    """What the process does when asked. The names are those of the protocol."""

    def __init__(self) -> None:
        self.youtube, self.x, self.hub = YouTube(seed=1), X(seed=1), Hub(seed=1)
        self.youtube.start()
        self.x.start()
        self.hub.follow(self.youtube).start()
        self.hanging: dict[str, float] = {}

    def urls(self) -> dict[str, str]:
        return {"youtube": self.youtube.url, "x": self.x.url, "hub": f"{self.hub.url}/subscribe"}

    def reset(self) -> None:
        self.youtube.reset()
        self.x.reset()
        self.hub.reset()
        self.hanging = {}
        self.youtube.quota = 1_000_000  # whether Airhorn keeps to its units is a figure of its own
        self.youtube.feed_staleness = 900.0  # as on the real service; here it also spares building feeds
        self.youtube.watchers[:] = [self._wait]

    def _wait(self, request: Request) -> None:
        about = request.args.get("channel_id") or request.args.get("playlistId", "").replace("UU", "UC", 1)
        about = about or request.path.removeprefix("/channel/").removesuffix("/live")
        time.sleep(self.hanging.get(about, 0.0))

    def latency(self, youtube: float, x: float) -> None:
        self.youtube.latency, self.x.latency = youtube, x

    def channels(self, count: int, videos: int) -> list[str]:
        ids = [self.youtube.add_channel(f"Channel {n}") for n in range(count)]
        for channel_id in ids:
            for number in range(videos):
                self.youtube.upload(channel_id, f"An episode of last year, number {number}")
        return ids

    def accounts(self, names: list[str]) -> list[dict[str, Any]]:
        made = [self.x.add_account(name) for name in names]
        wanted = ("id", "username", "access_token", "refresh_token")
        return [{name: getattr(account, name) for name in wanted} for account in made]

    def go_live(self, channels: list[str]) -> float:
        for channel_id in channels:
            self.youtube.go_live(channel_id, "The one that is live")
            self.youtube.feed_cache.pop(("channel_id", channel_id), None)
        return time.time()

    def schedule(self, channel: str, start: float) -> str:
        return self.youtube.schedule(channel, "The one that is planned", start=datetime.fromtimestamp(start, UTC))

    def begin(self, id: str) -> tuple[str, float]:
        return self.youtube.go_live(id), time.time()

    def posts_of(self, video: str) -> list[float]:
        found = [post for post in list(self.x.posts.values()) if f"v={video}" in post.text]
        return sorted(post.created_at.timestamp() for post in found)

    def subscribed(self) -> int:
        return len(self.hub.held)

    def hang(self, channels: list[str], seconds: float) -> None:
        self.hanging = dict.fromkeys(channels, seconds)

    def posts(self) -> list[float]:
        return sorted(post.created_at.timestamp() for post in self.x.posts.values())

    def asked(self) -> dict[str, Any]:
        videos = self.youtube.asked("GET", "/youtube/v3/videos")
        paths = Counter(entry.path for entry in [*self.youtube.asked(), *self.x.asked()])
        last = videos[-1].at.timestamp() if videos else None
        return {"last_videos": last, "paths": paths, "units": self.youtube.units()}


def serve(commands: object) -> None:
    """The process's side of the pipe."""
    for line in sys.stdin:
        asked = json.loads(line)
        act: Callable[..., Any] = getattr(commands, asked.pop("do"))
        sys.stdout.write(json.dumps(act(**asked)) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    serve(Commands())
