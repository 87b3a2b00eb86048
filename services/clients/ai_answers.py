"""What the answers of AI providers mean. Pure: status, headers and body in, plain values or Refused and Unknown out.

Sources: platform.openai.com/docs/api-reference/chat and docs.anthropic.com/en/api/messages, /en/api/errors. Servers of
one's own speak the first shape, and leave out whatever they like.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from services.clients.json_body import parse_json
from services.errors import Refused, Unknown

#: characters; no post is as long, and what is longer is not read
LONGEST = 4_000
#: when a provider does not say how long
USUAL_WAIT, LONGEST_WAIT = timedelta(minutes=1), timedelta(hours=1)
#: what Anthropic says in a 400, OpenAI in a 429: no money is left
_NO_MONEY = ("insufficient_quota", "credit balance", "billing_error", "billing_hard_limit")
_WAIT = re.compile(r"[0-9]{1,6}(?:\.[0-9]{1,6})?", re.ASCII)
_CUT = frozenset({"length", "max_tokens", "model_context_window_exceeded"})
_REFUSED = frozenset({"refusal", "content_filter"})
#: some servers of one's own do not say why they ended
_DONE = frozenset({"stop", "end_turn", "stop_sequence", None, ""})
_MOST_TOKENS = 100_000_000


@dataclass(frozen=True, slots=True)
class Answer:
    """What a model wrote, and the tokens it was billed for; None where the provider does not say.

    `trouble`: a cause code when there is an answer, which costs, and no text that could be used.
    """

    text: str
    read: int | None
    written: int | None
    trouble: str | None = None


def parse_chat(status: int, headers: Mapping[str, str], body: bytes, *, now: datetime) -> Answer:
    """The answer to POST /chat/completions. Raises Refused or Unknown, nothing else."""
    data = _accepted(status, headers, body, now)
    choices = data.get("choices")
    choice = _mapping(choices[0]) if isinstance(choices, list) and choices else {}
    message = choice.get("message")
    if not isinstance(message, dict):
        raise _odd(status)
    reason = "refusal" if message.get("refusal") else choice.get("finish_reason")
    return _answer(data, message.get("content"), reason, ("prompt_tokens", "completion_tokens"))


def parse_messages(status: int, headers: Mapping[str, str], body: bytes, *, now: datetime) -> Answer:
    """The answer to POST /v1/messages. Raises Refused or Unknown, nothing else."""
    data = _accepted(status, headers, body, now)
    if not isinstance(data.get("content"), list):
        raise _odd(status)
    return _answer(data, data["content"], data.get("stop_reason"), ("input_tokens", "output_tokens"))


Parse = Callable[..., Answer]


def _answer(data: Mapping[str, Any], content: object, reason: object, counted: tuple[str, str]) -> Answer:
    text = _text(content)
    usage = _mapping(data.get("usage"))
    read, written = (_tokens(usage.get(name)) for name in counted)
    return Answer("" if text is None else text, read, written, _trouble(text, reason))


def _trouble(text: str | None, reason: object) -> str | None:
    if not (reason is None or isinstance(reason, str)):
        return "ai_odd_answer"
    if reason in _REFUSED:
        return "ai_refused"
    if reason in _CUT:
        return "ai_cut"
    if text is None or reason not in _DONE:
        return "ai_odd_answer"
    if not text.strip():
        return "ai_empty"
    return "ai_too_long" if len(text) > LONGEST else None


def _text(content: object) -> str | None:
    """The text of a string, or of all text blocks together. None for what is neither."""
    if content is None or isinstance(content, str):
        return content or ""
    if not isinstance(content, list):
        return None
    blocks = [_mapping(block) for block in content]
    parts = [block.get("text") for block in blocks if block.get("type") == "text"]
    return "".join(parts) if all(isinstance(part, str) for part in parts) else None  # type: ignore[arg-type]


def _tokens(count: object) -> int | None:
    sane = isinstance(count, int) and not isinstance(count, bool) and 0 <= count <= _MOST_TOKENS
    return count if sane else None  # type: ignore[return-value]


def _accepted(status: int, headers: Mapping[str, str], body: bytes, now: datetime) -> dict[str, Any]:
    data = _json(body)
    if status != 200:
        raise _failure(status, headers, data, now)
    if not isinstance(data, dict) or isinstance(data.get("error"), dict):
        raise _odd(status)
    return data


def _failure(status: int, headers: Mapping[str, str], data: object, now: datetime) -> Refused | Unknown:
    """What is not 200. Said to be refused, it costs nothing; otherwise nobody knows."""
    error = _mapping(_mapping(data).get("error"))
    marks = " ".join(str(error.get(name, "")) for name in ("type", "code", "message")).lower()
    said = f"The answer was {status}."
    if status == 402 or (400 <= status < 500 and any(mark in marks for mark in _NO_MONEY)):
        return Refused(said, cause="ai_credits", http_status=status)
    if status in (401, 403):
        return Refused(said, cause="ai_auth", permanent=True, http_status=status)
    if status in (429, 503, 529):
        return Refused(said, cause="ai_busy", retry_at=now + _wait(headers), http_status=status)
    if 300 <= status < 500 and status not in (408, 409, 425, 499):
        return Refused(said, cause="ai_bad_request", permanent=True, http_status=status)
    if status >= 500 and error:
        return Refused(said, cause="ai_error", http_status=status)
    return Unknown(said, cause="ai_error" if status >= 400 else "ai_odd_answer", http_status=status)


def _wait(headers: Mapping[str, str]) -> timedelta:
    said = headers.get("retry-after", "").strip()
    if not _WAIT.fullmatch(said):
        return USUAL_WAIT
    return min(timedelta(seconds=max(1.0, float(said))), LONGEST_WAIT)


def _odd(status: int) -> Unknown:
    return Unknown("The answer is none that could be read.", cause="ai_odd_answer", http_status=status)


def _json(body: bytes) -> object:
    try:
        return parse_json(body)
    except ValueError:
        return None


def _mapping(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
