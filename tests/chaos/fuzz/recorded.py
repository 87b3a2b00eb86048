"""Valid inputs: YouTube's published answers (tests/fixtures), X's as its specification has them, and typed words."""

import json
from pathlib import Path
from typing import Any

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures" / "youtube"
CHANNEL = "UC_x5XG1OV2P6uZZ5FSM9Ttw"
VIDEO = "oPOBYMu2zk8"


def youtube(name: str) -> bytes:
    return (FIXTURES / name).read_bytes()


def _dumped(data: Any) -> bytes:
    return json.dumps(data).encode()


POST = _dumped(
    {
        "data": {
            "id": "1995555555555555555",
            "text": "Deep Dive is live: https://t.co/abcdefghij",
            "edit_history_tweet_ids": ["1995555555555555555"],
        }
    }
)
PROBLEM = _dumped(
    {
        "title": "Forbidden",
        "detail": "You are not allowed to create a Tweet with duplicate content.",
        "type": "about:blank",
        "status": 403,
        "errors": [{"message": "Something in particular", "code": 187, "parameters": {"text": ["Deep Dive"]}}],
    }
)
TOKEN = _dumped(
    {
        "token_type": "bearer",
        "expires_in": 7200,
        "access_token": "YWNjZXNz" * 8,
        "scope": "users.read tweet.read tweet.write offline.access",
        "refresh_token": "cmVmcmVzaA" * 8,
    }
)
TOKEN_REFUSED = _dumped({"error": "invalid_grant", "error_description": "Value passed for the token was invalid."})
ME = _dumped(
    {
        "data": {
            "id": "1500000001",
            "name": "Ada",
            "username": "ada",
            "profile_image_url": "https://pbs.twimg.com/profile_images/1/normal.jpg",
        }
    }
)
TIMELINE = _dumped(
    {
        "data": [
            {
                "id": "1995555555555555555",
                "text": "Deep Dive is live &amp; well: https://t.co/abcdefghij",
                "created_at": "2026-11-24T19:00:03.000Z",
                "author_id": "1500000001",
                "edit_history_tweet_ids": ["1995555555555555555"],
                "entities": {
                    "urls": [
                        {
                            "start": 29,
                            "end": 52,
                            "url": "https://t.co/abcdefghij",
                            "expanded_url": f"https://www.youtube.com/watch?v={VIDEO}",
                            "display_url": f"youtube.com/watch?v={VIDEO}",
                            "unwound_url": f"https://www.youtube.com/watch?v={VIDEO}",
                        }
                    ]
                },
            },
            {
                "id": "1995555555555555000",
                "text": "A longer one…",
                "created_at": "2026-11-24T18:00:03.000Z",
                "author_id": "1500000001",
                "edit_history_tweet_ids": ["1995555555555554000", "1995555555555555000"],
                "note_tweet": {"text": "A longer one that X keeps apart.", "entities": {"urls": []}},
            },
        ],
        "meta": {"result_count": 2, "newest_id": "1995555555555555555", "oldest_id": "1995555555555555000"},
    }
)
HEADERS = {
    "Date": "Tue, 24 Nov 2026 19:00:03 GMT",
    "x-rate-limit-limit": "100",
    "x-rate-limit-remaining": "0",
    "x-rate-limit-reset": "1795547703",
    "x-user-limit-24hour-remaining": "0",
    "x-user-limit-24hour-reset": "1795600000",
    "x-app-limit-24hour-remaining": "12",
    "x-app-limit-24hour-reset": "1795600000",
}
HUB_HEADERS = {"X-Hub-Signature": "sha1=" + "0" * 40, "Content-Type": "application/atom+xml"}

TEMPLATES = (
    "We are live with {guest}: {title} {url}",
    "{show} #{number} is on air now! “{title}”\n\n{url}",
    "Live: {title} – come and ask @ada about $TSLA {{not this}} {url}",
    "👨‍👩‍👧 {title} 日本語のタイトル example.com {url}",
)
TITLES = ("Queues & locks", "Ünïcödé 🎙️ im Gespräch", "https://example.org/a?b=c {url} @everyone", "日本語" * 60)
REFERENCES = (
    f"https://www.youtube.com/channel/{CHANNEL}",
    "https://www.youtube.com/@GoogleDevelopers/live",
    f"https://youtu.be/{VIDEO}?si=abc",
    f"https://m.youtube.com/watch?v={VIDEO}&t=10",
    "youtube.com/c/Google%20Developers",
    f"https://www.youtube.com/embed/live_stream?channel={CHANNEL}",
    "@größe",
    CHANNEL,
)
TIMES = ("2026-11-24T20:00", "2026-03-29T02:30", "2026-10-25T02:30", "2030-01-31T20:00+01:00", "2030-01-31 20:00:00Z")
ZONES = ("Europe/Berlin", "America/Los_Angeles", "Australia/Lord_Howe", "Asia/Kathmandu", "UTC")
PEOPLE = ("ada@example.com", "größe@exämple.de", "Ada Lovelace", "Deep Dive – the show", "https://example.com/show")
