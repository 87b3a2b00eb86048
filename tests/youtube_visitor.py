"""Somebody who asks the YouTube stand-in the way a program or a browser does, and a clock to turn."""

import json
import re
from datetime import UTC, datetime, timedelta

import requests
from defusedxml import ElementTree

NOON = datetime(2026, 4, 26, 12, tzinfo=UTC)
NAMES = {"a": "http://www.w3.org/2005/Atom", "yt": "http://www.youtube.com/xml/schemas/2015"}
MEDIA = "{http://search.yahoo.com/mrss/}"
ALL_PARTS = "snippet,liveStreamingDetails,status,contentDetails,statistics"


class Clock:
    def __init__(self) -> None:
        self.at = NOON

    def __call__(self) -> datetime:
        return self.at

    def forward(self, **step: float) -> datetime:
        self.at += timedelta(**step)
        return self.at


class Visitor:
    """Asks the stand-in the way a program or a browser does."""

    def __init__(self, base: str) -> None:
        self.base = base
        self.http = requests.Session()

    def api(
        self, method: str, *, key: str | None = "test-key", headers: dict | None = None, **query
    ) -> requests.Response:
        params = {name: value for name, value in {"key": key, **query}.items() if value is not None}
        return self.http.get(f"{self.base}/youtube/v3/{method}", params=params, headers=headers, timeout=60)

    def video(self, video_id: str, part: str = ALL_PARTS) -> dict | None:
        found = self.api("videos", part=part, id=video_id).json()["items"]
        return found[0] if found else None

    def uploads(self, channel_id: str, **query) -> list[str]:
        answer = self.api("playlistItems", part="contentDetails", playlistId="UU" + channel_id[2:], **query).json()
        return [item["contentDetails"]["videoId"] for item in answer["items"]]

    def feed(self, **query) -> requests.Response:
        return self.http.get(f"{self.base}/feeds/videos.xml", params=query, timeout=60, allow_redirects=False)

    def entries(self, **query) -> list[str]:
        root = ElementTree.fromstring(self.feed(**query).content)
        return [entry.findtext("yt:videoId", namespaces=NAMES) for entry in root.findall("a:entry", NAMES)]

    def page(self, path: str, **options) -> requests.Response:
        return self.http.get(self.base + path, timeout=60, allow_redirects=False, **options)

    def canonical(self, path: str) -> str | None:
        match = re.search(r'<link rel="canonical" href="([^"]*)">', self.page(path).text)
        return match[1] if match else None

    def player(self, path: str) -> dict:
        match = re.search(r"var ytInitialPlayerResponse = (\{.*?\});</script>", self.page(path).text)
        assert match
        return json.loads(match[1])


def error_of(answer: requests.Response) -> tuple[int, str, str]:
    first = answer.json()["error"]["errors"][0]
    return answer.status_code, first["reason"], first["domain"]
