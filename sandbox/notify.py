"""Discord, Slack and Telegram as far as notices need them, and somebody who waits for a heartbeat. On loopback only."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from werkzeug.exceptions import MethodNotAllowed, NotFound
from werkzeug.wrappers import Request, Response

from sandbox.standin import StandIn, json_response

#: where they begin, for whoever serves several stand-ins from one port
PATHS = ("/api/webhooks/", "/services/", "/bot", "/heartbeat")
BOT_TOKEN = "123456789:AAsandboxsandboxsandboxsandboxsandb"
LONGEST_DISCORD, LONGEST_TELEGRAM = 2_000, 4_096
DISCORD = re.compile(r"^/api/webhooks/([0-9]+/[\w-]+)$", re.ASCII)
SLACK = re.compile(r"^/services/(T\w+/B\w+/\w+)$", re.ASCII)
TELEGRAM = re.compile(r"^/bot([^/]+)/sendMessage$")


@dataclass(frozen=True)
class Delivered:
    """A message that arrived. `address`: what stands for the channel, room or chat."""

    network: str
    address: str
    text: str
    at: datetime


class Messengers(StandIn):
    """Every address exists, except those in `gone`. `delivered` is what people would see there."""

    def reset(self) -> None:
        super().reset()
        self.gone: set[str] = set()
        self.delivered: list[Delivered] = []
        self.beats: list[datetime] = []

    def texts(self, network: str) -> list[str]:
        return [one.text for one in self.delivered if one.network == network]

    def reply(self, request: Request) -> Response:
        if request.path.startswith("/heartbeat"):
            self.beats.append(self.now())
            return Response("OK")
        kinds: tuple[tuple[re.Pattern[str], Callable[[str, Any], Response]], ...] = (
            (DISCORD, self.discord),
            (SLACK, self.slack),
            (TELEGRAM, self.telegram),
        )
        for pattern, answer in kinds:
            found = pattern.match(request.path)
            if found is None:
                continue
            if request.method != "POST":
                raise MethodNotAllowed(["POST"])
            body = request.get_json(force=True, silent=True)
            return answer(found[1], body if isinstance(body, dict) else {})
        raise NotFound

    # docs.discord.com/developers/resources/webhook#execute-webhook

    def discord(self, address: str, body: dict[str, Any]) -> Response:
        text = body.get("content")
        if address in self.gone:
            return json_response({"message": "Unknown Webhook", "code": 10015}, 404)
        if not isinstance(text, str) or not text or len(text) > LONGEST_DISCORD:
            return json_response({"content": ["Must be 2000 or fewer in length."]}, 400)
        if "parse" not in body.get("allowed_mentions", {}) and "@everyone" in text:
            text += " (everybody was woken)"
        self._keep("discord", address, text)
        return Response(status=204)

    # api.slack.com/messaging/webhooks

    def slack(self, address: str, body: dict[str, Any]) -> Response:
        text = body.get("text")
        if address in self.gone:
            return Response("no_service", 404)
        if not isinstance(text, str) or not text:
            return Response("no_text", 400)
        self._keep("slack", address, text)
        return Response("ok")

    # core.telegram.org/bots/api#sendmessage

    def telegram(self, token: str, body: dict[str, Any]) -> Response:
        if token != BOT_TOKEN:
            return _telegram_no(401, "Unauthorized")
        chat, text = str(body.get("chat_id", "")), body.get("text")
        if chat in self.gone:
            return _telegram_no(403, "Forbidden: bot was blocked by the user")
        if not chat.removeprefix("-").isdecimal():
            return _telegram_no(400, "Bad Request: chat not found")
        if not isinstance(text, str) or not text or len(text) > LONGEST_TELEGRAM:
            return _telegram_no(400, "Bad Request: message text is empty")
        self._keep("telegram", chat, text)
        return json_response({"ok": True, "result": {"message_id": len(self.delivered), "text": text}})

    def _keep(self, network: str, address: str, text: str) -> None:
        with self.lock:
            self.delivered.append(Delivered(network, address, text, self.moment()))


def _telegram_no(code: int, words: str) -> Response:
    return json_response({"ok": False, "error_code": code, "description": words}, code)
