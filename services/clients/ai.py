"""AI providers: any endpoint that speaks OpenAI's chat completions, and Anthropic's messages. One call, one answer.

Nothing is sent twice but a request of which no byte left. Neither key nor prompt is in any message or log line.
"""

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from services.clients.ai_answers import Answer, Parse, parse_chat, parse_messages
from services.clients.http import KIB, Http
from services.errors import Refused, Unknown

#: seconds for a whole call
DEADLINE = 15.0
LARGEST_ANSWER = 256 * KIB
OPENAI_URL, ANTHROPIC_URL = "https://api.openai.com/v1", "https://api.anthropic.com"
ANTHROPIC_VERSION = "2023-06-01"
#: what models that think aloud put before their answer
_THOUGHTS = re.compile(r"\A\s*<think>.*?</think>", re.DOTALL)
#: what a call adds to the tokens of its texts, at most: roles and separators
FRAMING = 64


@dataclass(frozen=True, slots=True)
class Prompt:
    """What a model is told: the rules, and what to write now. Not shown by repr."""

    system: str
    user: str

    def __repr__(self) -> str:
        return f"Prompt({self.most_tokens} tokens at most)"

    @property
    def most_tokens(self) -> int:
        """No tokenizer makes more tokens of a text than it has bytes."""
        return len(self.system.encode("utf-8", "replace")) + len(self.user.encode("utf-8", "replace")) + FRAMING


class Ai(Protocol):
    """A provider with its model."""

    name: str
    model: str

    def write(self, prompt: Prompt, *, max_tokens: int, now: datetime, deadline: float = DEADLINE) -> Answer:
        """Raises Refused when it certainly cost nothing, Unknown when nobody knows; causes are codes "ai_…"."""


class OpenAi:
    """POST {base}/chat/completions. Without a key for servers of one's own."""

    name = "openai"

    def __init__(self, http: Http, base_url: str, key: str | None, model: str) -> None:
        self._http, self._url, self.model = http, f"{base_url}/chat/completions", model
        self._headers = {"Authorization": f"Bearer {key}"} if key else {}

    def write(self, prompt: Prompt, *, max_tokens: int, now: datetime, deadline: float = DEADLINE) -> Answer:
        messages = [{"role": "system", "content": prompt.system}, {"role": "user", "content": prompt.user}]
        asked = {"model": self.model, "messages": messages, "max_completion_tokens": max_tokens}
        return _ask(_Call(self._http, self._url, self._headers, deadline), asked, parse_chat, now)


class Anthropic:
    """POST {base}/v1/messages."""

    name = "anthropic"

    def __init__(self, http: Http, base_url: str, key: str | None, model: str) -> None:
        self._http, self._url, self.model = http, f"{base_url}/v1/messages", model
        self._headers = {"anthropic-version": ANTHROPIC_VERSION} | ({"x-api-key": key} if key else {})

    def write(self, prompt: Prompt, *, max_tokens: int, now: datetime, deadline: float = DEADLINE) -> Answer:
        messages = [{"role": "user", "content": prompt.user}]
        asked = {"model": self.model, "max_tokens": max_tokens, "system": prompt.system, "messages": messages}
        return _ask(_Call(self._http, self._url, self._headers, deadline), asked, parse_messages, now)


def client_of(http: Http, provider: str | None, base_url: str | None, key: str | None, model: str | None) -> Ai | None:
    """The provider that is set up, or None. The settings were checked before."""
    if provider is None or model is None:
        return None
    if provider == "anthropic":
        return Anthropic(http, base_url or ANTHROPIC_URL, key, model)
    return OpenAi(http, base_url or OPENAI_URL, key, model)


@dataclass(frozen=True, slots=True, repr=False)
class _Call:
    http: Http
    url: str
    headers: Mapping[str, str]
    deadline: float


def _ask(call: _Call, asked: Mapping[str, Any], parse: Parse, now: datetime) -> Answer:
    until = time.monotonic() + call.deadline
    try:
        found = _once(call, asked, until)
    except Refused:
        # No byte left: the same again is the first time for the other side.
        found = _once(call, asked, until)
    status, headers, body = found
    answer: Answer = parse(status, headers, body, now=now)
    return Answer(_THOUGHTS.sub("", answer.text).strip(), answer.read, answer.written, answer.trouble)


def _once(call: _Call, asked: Mapping[str, Any], until: float) -> tuple[int, Mapping[str, str], bytes]:
    left = until - time.monotonic()
    if left <= 0:
        raise Refused("There was no time left to ask.", cause="ai_unreachable")
    with call.http.session(deadline=left, max_bytes=LARGEST_ANSWER) as session:
        try:
            session.post(call.url, json=dict(asked), headers=dict(call.headers))
        except Refused as refused:
            raise Refused(str(refused), cause="ai_unreachable") from None
        except Unknown as unknown:
            cause = "ai_slow" if time.monotonic() >= until - 0.05 else "ai_no_answer"
            raise Unknown(str(unknown), cause=cause) from None
        assert session.answer is not None
        return session.answer.status, session.answer.headers, session.answer.body
