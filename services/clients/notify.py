"""Notices to Discord, Slack and Telegram. Of what somebody typed only the secret part is used, never the host."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from services.clients.http import KIB, Answer, Http
from services.errors import Invalid, Refused, Unknown

#: seconds for a whole call
DEADLINE = 10.0
LARGEST_ANSWER = 64 * KIB
#: when a 429 does not say how long
USUAL_WAIT, LONGEST_WAIT = timedelta(minutes=1), timedelta(hours=1)
#: characters; Discord takes 2,000 in all: discord.com/developers/docs/resources/webhook#execute-webhook
LONGEST_TEXT = 1_900
LONGEST_ADDRESS = 200

_DISCORD = re.compile(r"https://discord\.com/api/webhooks/([0-9]{5,25}/[A-Za-z0-9_-]{20,100})")
_SLACK = re.compile(r"https://hooks\.slack\.com/services/(T[A-Z0-9]{4,20}/B[A-Z0-9]{4,20}/[A-Za-z0-9]{10,64})")
_CHAT = re.compile(r"-?[1-9][0-9]{0,18}")
#: what Discord would take for bold, code, a quote, a mention or a link with other words on it
_DISCORD_SIGNS = re.compile(r"([\\*_~`|<>\[\]#])")
#: what Telegram answers when the chat is not there, or not for our bot: core.telegram.org/bots/api#making-requests
_NO_CHAT = ("chat not found", "upgraded to a supergroup", "user is deactivated", "kicked", "blocked")


@dataclass(frozen=True, slots=True)
class Message:
    """What is sent: plain text, and one address on our own server."""

    title: str
    body: str
    link: str
    #: where the reader stops letters like this; for e-mail only
    stop_link: str = ""

    def plain(self, write: Callable[[str], str] = str) -> str:
        """The words as `write` makes them, then the link; together about LONGEST_TEXT characters."""
        text = write("\n".join(part for part in (self.title, self.body) if part))
        return f"{_cut(text, LONGEST_TEXT - len(self.link))}\n{self.link}"


class Sender(Protocol):
    """One way to a person."""

    def send(self, address: str, message: Message, now: datetime) -> None:
        """Sends once. Raises Refused when it certainly did not arrive ("notice_gone": it never will), else Unknown."""


def discord_webhook(text: str) -> str:
    """The id and token in a webhook's address. Raises Invalid."""
    return _part(_DISCORD, text, "https://discord.com/api/webhooks/… In Discord: Edit Channel, Integrations, Webhooks")


def slack_webhook(text: str) -> str:
    """The three ids in a webhook's address. Raises Invalid."""
    return _part(_SLACK, text, "https://hooks.slack.com/services/T…/B…/… In Slack: your app, Incoming Webhooks")


def telegram_chat(text: str) -> str:
    """The number of a chat. Raises Invalid."""
    if _CHAT.fullmatch(text.strip()) is None:
        raise Invalid("Paste the number of the chat, such as 123456789. Write /start to the bot first.")
    return text.strip()


def _part(pattern: re.Pattern[str], text: str, example: str) -> str:
    found = pattern.fullmatch(text.strip()[: LONGEST_ADDRESS + 1])
    if found is None:
        raise Invalid(f"Paste the whole address of the webhook. It looks like {example}.")
    return found[1]


class Discord:
    """An incoming webhook of one channel."""

    def __init__(self, http: Http, base_url: str) -> None:
        self._http, self._base = http, base_url

    def send(self, address: str, message: Message, now: datetime) -> None:
        text = message.plain(lambda words: _DISCORD_SIGNS.sub(r"\\\1", words))
        # 4: no preview of the link, which only people here could open
        payload = {"content": text, "allowed_mentions": {"parse": []}, "flags": 4}
        answer = _post(self._http, f"{self._base}/api/webhooks/{address}", payload)
        _judge(answer, now, is_gone=answer.status in (401, 404, 410))


class Slack:
    """An incoming webhook of one channel."""

    def __init__(self, http: Http, base_url: str) -> None:
        self._http, self._base = http, base_url

    def send(self, address: str, message: Message, now: datetime) -> None:
        text = message.plain().replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        payload = {"text": text, "mrkdwn": False, "unfurl_links": False, "unfurl_media": False}
        answer = _post(self._http, f"{self._base}/services/{address}", payload)
        # api.slack.com/changelog/2016-05-17-changes-to-errors-for-incoming-webhooks
        _judge(answer, now, is_gone=answer.status in (403, 404, 410))


class Telegram:
    """A bot of the operator, who writes into the chat of whoever asked for it."""

    def __init__(self, http: Http, base_url: str, bot_token: str) -> None:
        self._http, self._url = http, f"{base_url}/bot{bot_token}/sendMessage"

    def send(self, address: str, message: Message, now: datetime) -> None:
        payload = {
            "chat_id": int(address),
            "text": message.plain(),
            "link_preview_options": {"is_disabled": True},
        }
        answer = _post(self._http, self._url, payload)
        if answer.status in (401, 404):
            raise Refused("Telegram does not know the bot.", cause="notice_bot", http_status=answer.status)
        words = str(_object(answer).get("description", "")).lower()
        is_gone = answer.status == 403 or (answer.status == 400 and any(sign in words for sign in _NO_CHAT))
        _judge(answer, now, is_gone=is_gone)


def _post(http: Http, url: str, payload: Mapping[str, Any]) -> Answer:
    """Once, over a fresh connection, redirects not followed. No failure's words name the address."""
    with http.session(deadline=DEADLINE, max_bytes=LARGEST_ANSWER) as session:
        try:
            session.post(url, json=payload)
        except Refused as refused:
            raise Refused(str(refused), cause="notice_unreachable") from None
        except Unknown as unknown:
            raise Unknown(str(unknown), cause="notice_no_answer") from None
        assert session.answer is not None
        return session.answer


def _judge(answer: Answer, now: datetime, *, is_gone: bool) -> None:
    """Raises unless the message was taken. Whoever answers 5xx or leads elsewhere may have taken it all the same."""
    status = answer.status
    if 200 <= status < 300:
        return
    if status == 429:
        at = now + _wait(answer)
        raise Refused("There were too many messages.", cause="notice_rate", retry_at=at, http_status=status)
    if is_gone:
        raise Refused("There is no such address.", cause="notice_gone", permanent=True, http_status=status)
    if 400 <= status < 500:
        raise Refused("The message was refused.", cause="notice_refused", permanent=True, http_status=status)
    raise Unknown(f"The answer was {status}.", cause="notice_no_answer", http_status=status)


def _wait(answer: Answer) -> timedelta:
    """Slack says it in a header, Discord in both, Telegram in the body; in seconds."""
    body = _object(answer)
    inner = body.get("parameters")
    said = [answer.headers.get("Retry-After"), body.get("retry_after")]
    said.append(inner.get("retry_after") if isinstance(inner, dict) else None)
    waits = [wait for wait in map(_seconds, said) if wait is not None]
    return min(max(waits, default=USUAL_WAIT), LONGEST_WAIT)


def _seconds(said: object) -> timedelta | None:
    text = str(said)
    if not re.fullmatch(r"[0-9]{1,6}(\.[0-9]{1,6})?", text):
        return None
    return timedelta(seconds=max(1.0, float(text)))


def _object(answer: Answer) -> dict[str, Any]:
    try:
        body = answer.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else text[: longest - 1] + "…"
