"""AI providers on loopback: OpenAI's chat completions and Anthropic's messages on one port, with faults and lies.

Shapes: platform.openai.com/docs/api-reference/chat, docs.anthropic.com/en/api/messages. What it writes about it takes
from the JSON between <data> and </data> in the last message; see ai_words.py.
"""

import json
import re
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Request, Response

from sandbox.ai_words import LIES, honest
from sandbox.standin import HungUp, StandIn, json_response

CHAT, MESSAGES = "/v1/chat/completions", "/v1/messages"
#: where they begin, for whoever serves several stand-ins from one port
PATHS = (CHAT, MESSAGES)
DATA = re.compile(r"<data>\n(.*?)\n</data>", re.DOTALL)
TOKEN = re.compile(r"\w+|[^\w\s]")
#: what each message costs besides its words
FRAMING = 4
#: name → status, OpenAI's type and code, Anthropic's type
ERRORS: dict[str, tuple[int, str, str, str]] = {
    "400": (400, "invalid_request_error", "invalid_value", "invalid_request_error"),
    "401": (401, "invalid_request_error", "invalid_api_key", "authentication_error"),
    "402": (402, "insufficient_quota", "billing_hard_limit_reached", "billing_error"),
    "404": (404, "invalid_request_error", "model_not_found", "not_found_error"),
    "429": (429, "requests", "rate_limit_exceeded", "rate_limit_error"),
    "no quota": (429, "insufficient_quota", "insufficient_quota", "rate_limit_error"),
    "500": (500, "server_error", "internal_error", "api_error"),
    "529": (529, "server_error", "overloaded", "overloaded_error"),
}
#: (finish_reason, stop_reason) of an answer that is whole
WHOLE = ("stop", "end_turn")
REQUIRED = {CHAT: {"model", "messages"}, MESSAGES: {"model", "messages", "max_tokens"}}
KNOWN = {
    CHAT: REQUIRED[CHAT] | {"max_completion_tokens", "max_tokens", "temperature", "n", "stream"},
    MESSAGES: REQUIRED[MESSAGES] | {"system", "temperature", "stop_sequences", "metadata"},
}


@dataclass(frozen=True)
class Billed:
    """The tokens of one answer, as its usage says."""

    model: str
    read: int
    written: int


@dataclass(frozen=True)
class _Said:
    """An answer before it has its shape."""

    text: str | None
    ends: tuple[str, str]
    read: int
    written: int


class AiProvider(StandIn):
    """Honest unless told otherwise.

    `tricks` are used up one a request: a name of ERRORS or LIES, or "hang", "html", "empty", "refusal", "cut", "long",
    "no usage", "odd", "huge". `always` is the trick of every request after those. `keys`: the keys that are good; any
    is while there are none. `hang`: seconds. `writes`: what it says of the data when it is honest.
    """

    def reset(self) -> None:
        super().reset()
        self.writes: Callable[[Mapping[str, Any]], str] = honest
        self.tricks: deque[str] = deque()
        self.always = ""
        self.keys: set[str] = set()
        self.hang = 30.0
        self.billed: list[Billed] = []
        self.prompts: list[Mapping[str, Any]] = []  # the data of each prompt

    def reply(self, request: Request) -> Response:
        if request.path not in PATHS or request.method != "POST":
            raise NotFound
        with self.lock:
            trick = self.tricks.popleft() if self.tricks else self.always
        body = request.get_json(force=True, silent=True)
        if trick in ERRORS:
            return _error(request.path, trick)
        if self.keys and _key(request) not in self.keys:
            return _error(request.path, "401")
        if not _is_request(request.path, body):
            return _error(request.path, "400")
        if trick == "hang":
            time.sleep(self.hang)
            raise HungUp
        return self._compose(request.path, body or {}, trick)

    def start(self, port: int = 0) -> "AiProvider":
        super().start(port)
        return self

    def _compose(self, path: str, body: dict[str, Any], trick: str) -> Response:
        if trick == "html":
            return Response("<html><title>Bad gateway</title></html>", content_type="text/html")
        if trick == "odd":
            return json_response({"choices": "none", "content": 7})
        if trick == "huge":
            return Response(b"x" * 3_000_000, content_type="application/json")
        said = self._say(body, trick)
        with self.lock:
            self.billed.append(Billed(body["model"], said.read, said.written))
        return json_response(_shaped(path, body["model"], said, with_usage=trick != "no usage"))

    def _say(self, body: dict[str, Any], trick: str) -> _Said:
        texts = [str(message.get("content", "")) for message in body["messages"]] + [str(body.get("system", ""))]
        data = _data(texts)
        with self.lock:
            self.prompts.append(data)
        read = sum(len(TOKEN.findall(text)) + FRAMING for text in texts if text)
        most = int(body.get("max_tokens") or body.get("max_completion_tokens") or 4096)
        text: str | None = LIES[trick](data) if trick in LIES else self.writes(data)
        ends = WHOLE
        if trick == "empty":
            text = ""
        elif trick == "refusal":
            text, ends = None, ("refusal", "refusal")
        elif trick == "long":
            text = "on and on " * 600
        elif trick == "cut":
            text, ends = str(text)[:30], ("length", "max_tokens")
        return _Said(text, ends, read, min(most, len(TOKEN.findall(text or "")) + 1))


def _shaped(path: str, model: str, said: _Said, *, with_usage: bool) -> dict[str, Any]:
    if path == MESSAGES:
        blocks = [{"type": "text", "text": part} for part in _halves(said.text or "")]
        answer: dict[str, Any] = {"id": "msg_1", "type": "message", "role": "assistant", "model": model}
        answer |= {"content": blocks, "stop_reason": said.ends[1], "stop_sequence": None}
        usage = {"input_tokens": said.read, "output_tokens": said.written}
    else:
        refused = "I cannot help with that." if said.text is None else None
        message = {"role": "assistant", "content": said.text, "refusal": refused}
        finish = "stop" if refused else said.ends[0]
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": finish}
        answer = {"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": model, "choices": [choice]}
        usage = {"prompt_tokens": said.read, "completion_tokens": said.written}
        usage["total_tokens"] = said.read + said.written
    return answer | ({"usage": usage} if with_usage else {})


def _halves(text: str) -> list[str]:
    """Anthropic may send a text in several blocks."""
    half = len(text) // 2
    return [part for part in (text[:half], text[half:]) if part]


def _error(path: str, name: str) -> Response:
    status, type_, code, anthropic = ERRORS[name]
    headers = {"retry-after": "20", "request-id": "req_1"} if status == 429 else {"request-id": "req_1"}
    if path == MESSAGES:
        body: dict[str, Any] = {"type": "error", "error": {"type": anthropic, "message": name}, "request_id": "req_1"}
        if name == "no quota":
            status, body["error"]["message"] = 400, "Your credit balance is too low to access the API."
    else:
        body = {"error": {"message": name, "type": type_, "param": None, "code": code}}
    return json_response(body, status, headers)


def _key(request: Request) -> str:
    return request.headers.get("x-api-key") or request.headers.get("Authorization", "").removeprefix("Bearer ")


def _is_request(path: str, body: Any) -> bool:
    if not isinstance(body, dict) or not REQUIRED[path] <= body.keys() <= KNOWN[path]:
        return False
    messages = body["messages"]
    roles = {"system", "user", "assistant"} if path == CHAT else {"user", "assistant"}
    return bool(messages) and all(isinstance(one, dict) and one.get("role") in roles for one in messages)


def _data(texts: list[str]) -> Mapping[str, Any]:
    for text in texts:
        found = DATA.findall(text)
        if found:
            data = json.loads(found[-1])
            return data if isinstance(data, dict) else {}
    return {}
