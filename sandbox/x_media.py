"""X's media upload, as far as a post can tell: one shot, in pieces, and the status of the work on it."""

import base64
import binascii
import contextlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from werkzeug.wrappers import Request, Response

from sandbox.standin import json_response
from sandbox.x_values import Account, forbidden, invalid, snowflake
from sandbox.x_world import XWorld

# docs.x.com, x-api/media: bytes allowed by category
SIZES = {"tweet_image": 5 << 20, "tweet_gif": 15 << 20, "tweet_video": 512 << 20}
SIZES |= {"dm_image": 5 << 20, "dm_gif": 15 << 20, "dm_video": 512 << 20, "subtitles": 1 << 20}
LIFE_SECONDS = 86_400


@dataclass
class Media:
    """One upload. `total` is what was announced, `pieces` what has come."""

    id: str
    owner_id: str
    category: str
    total: int
    pieces: dict[int, bytes] = field(default_factory=dict)
    ready: bool = False
    polls_left: int = 0
    alt_text: str | None = None


class XMedia(XWorld):
    """`/2/media/upload` and its relatives. `media_polls`: how often a video is still being worked on when asked."""

    def reset(self) -> None:
        with self.lock:
            super().reset()
            self.media: dict[str, Media] = {}
            self.media_polls = 1

    def upload(self, request: Request, account: Account) -> Response:
        """One shot: multipart, or JSON with base64."""
        if request.mimetype == "multipart/form-data":
            data = _uploaded(request)
            category = request.form.get("media_category", "tweet_image")
        else:
            body = _json(request)
            data, category = _decoded(body.get("media")), str(body.get("media_category", ""))
        if not data:
            raise invalid("$.media: is missing")
        media = self._new_media(account, category, len(data))
        media.pieces[0] = data
        media.ready = True
        return self._shown(media)

    def initialize(self, request: Request, account: Account) -> Response:
        body = _json(request)
        total = body.get("total_bytes")
        if not isinstance(total, int) or not body.get("media_type"):
            raise invalid("$: media_type and total_bytes are required")
        return self._shown(self._new_media(account, str(body.get("media_category", "")), total))

    def append(self, request: Request, account: Account, media_id: str) -> Response:
        media = self._mine(media_id, account)
        data = _uploaded(request)
        body = request.form if data else _json(request)
        data = data or _decoded(body.get("media"))
        index = str(body.get("segment_index", ""))
        if not data or not index.isdigit() or int(index) > 999:
            raise invalid("$: segment_index from 0 to 999 and media are required")
        media.pieces[int(index)] = data
        return json_response({"data": {"expires_at": int(self.moment().timestamp()) + LIFE_SECONDS}})

    def finalize(self, _request: Request, account: Account, media_id: str) -> Response:
        media = self._mine(media_id, account)
        if sum(map(len, media.pieces.values())) != media.total:
            raise invalid("The size of the segments is not the announced total_bytes.")
        media.ready = True
        media.polls_left = self.media_polls if media.category.endswith(("video", "gif")) else 0
        return self._shown(media, working=media.category.endswith(("video", "gif")))

    def media_status(self, request: Request, account: Account) -> Response:
        if request.args.get("command") != "STATUS":
            raise invalid("command must be STATUS", {"command": request.args.get("command")})
        media = self._mine(request.args.get("media_id", ""), account)
        media.polls_left = max(0, media.polls_left - 1)
        return self._shown(media, working=True)

    def metadata(self, request: Request, account: Account) -> Response:
        body = _json(request)
        try:
            alt = body["metadata"]["alt_text"]["text"]
        except (LookupError, TypeError):
            alt = None
        if not isinstance(alt, str) or len(alt) > 1000:
            raise invalid("$.metadata.alt_text.text: must be a string of at most 1000 characters")
        media = self._mine(str(body.get("id", "")), account)
        media.alt_text = alt
        return json_response({"data": {"id": media.id, "associated_metadata": {"alt_text": {"text": alt}}}})

    def check_media(self, ids: list[str], account: Account) -> None:
        """Raises Problem 400 unless all are uploads of this account, ready to be posted."""
        for id in ids:
            media = self.media.get(id)
            if media is None or media.owner_id != account.id or not media.ready or media.polls_left:
                raise invalid("Your media IDs are invalid.", {"media.media_ids": id})

    def _new_media(self, account: Account, category: str, size: int) -> Media:
        if category not in SIZES:
            raise invalid("$.media_category: is not an allowed value", {"media_category": category})
        if not 0 < size <= SIZES[category]:
            raise invalid("$.media: is empty or too large for its category", {"media_category": category})
        id = snowflake(self.moment())
        while str(id) in self.media:
            id += 1
        self.media[str(id)] = Media(str(id), account.id, category, size)
        return self.media[str(id)]

    def _mine(self, id: str, account: Account) -> Media:
        media = self.media.get(id) if re.fullmatch("[0-9]+", id) else None
        if media is None:
            raise invalid("No media has this id.", {"media_id": id})
        if media.owner_id != account.id:
            raise forbidden("You are not permitted to perform this action.")
        return media

    def _shown(self, media: Media, *, working: bool = False) -> Response:
        data: dict[str, Any] = {"id": media.id, "media_key": f"3_{media.id}", "size": media.total}
        data["expires_after_secs"] = LIFE_SECONDS
        if media.category.endswith("image"):
            data["image"] = {"image_type": "image/png", "w": 1, "h": 1}
        if working and media.polls_left:
            data["processing_info"] = {"state": "in_progress", "check_after_secs": 1, "progress_percent": 50}
        elif working:
            data["processing_info"] = {"state": "succeeded", "progress_percent": 100}
        return json_response({"data": data})


def _uploaded(request: Request) -> bytes:
    """The file in a multipart body; empty when there is none."""
    upload = request.files.get("media")
    if upload is None:
        return b""
    with contextlib.closing(upload):
        data: bytes = upload.read()
        return data


def _json(request: Request) -> Mapping[str, Any]:
    """The body as an object; empty for anything else."""
    body = request.get_json(force=True, silent=True)
    return body if isinstance(body, dict) else {}


def _decoded(media: Any) -> bytes:
    """Base64 to bytes; nothing for what is not base64."""
    try:
        return base64.b64decode(media, validate=True) if isinstance(media, str) else b""
    except binascii.Error:
        return b""
