"""AI providers over real HTTP: both shapes, what each answer means, what it costs, and that no secret is told."""

import json
import logging
import socket
from datetime import UTC, datetime, timedelta

import pytest

from sandbox.standin import Fault
from services.causes import explain
from services.clients.ai import Prompt, client_of
from services.clients.ai_answers import parse_chat, parse_messages
from services.clients.http import Http
from services.draft_causes import DRAFTING, GUARDING
from services.errors import Outcome, Refused, Unknown

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
KEY = "sk-very-secret"
PROMPT = Prompt("Write one post.", '<data>\n{"title": "Queues", "host": "Ada", "language": "en"}\n</data>')


@pytest.fixture(params=["openai", "anthropic"])
def provider(request):
    return request.param


@pytest.fixture
def client(provider, ai):
    ai.keys = {KEY}
    return client_at(ai.url, provider)


def client_at(url, provider, key=KEY):
    return client_of(Http(), provider, f"{url}/v1" if provider == "openai" else url, key, "small-model")


def write(client, *, deadline=5.0):
    return client.write(PROMPT, max_tokens=500, now=NOW, deadline=deadline)


def failure(client, **more):
    with pytest.raises(Outcome) as caught:
        write(client, **more)
    return caught.value


def test_a_text_comes_with_the_tokens_it_was_billed_for(client, ai):
    answer = write(client)
    assert "Queues" in answer.text
    assert answer.trouble is None
    (billed,) = ai.billed
    assert (answer.read, answer.written) == (billed.read, billed.written)
    assert billed.read <= PROMPT.most_tokens


def test_the_request_has_the_model_the_limit_and_the_key_where_they_belong(client, provider, ai):
    write(client)
    (asked,) = ai.asked("POST")
    body = asked.json()
    assert body["model"] == "small-model"
    assert body["max_tokens" if provider == "anthropic" else "max_completion_tokens"] == 500
    header = {"anthropic": asked.headers.get("X-Api-Key"), "openai": asked.headers.get("Authorization")}[provider]
    assert header == {"anthropic": KEY, "openai": f"Bearer {KEY}"}[provider]


def test_a_server_of_ones_own_needs_no_key(ai):
    assert write(client_at(ai.url, "openai", key=None)).text
    assert "Authorization" not in ai.asked("POST")[0].headers


@pytest.mark.parametrize(
    ("trick", "cause", "permanent"),
    [
        ("400", "ai_bad_request", True),
        ("401", "ai_auth", True),
        ("402", "ai_credits", False),
        ("404", "ai_bad_request", True),
        ("429", "ai_busy", False),
        ("no quota", "ai_credits", False),
        ("500", "ai_error", False),
        ("529", "ai_busy", False),
    ],
)
def test_a_clear_no_is_refused_once_and_costs_nothing(client, ai, trick, cause, permanent):
    ai.tricks.append(trick)
    error = failure(client)
    assert isinstance(error, Refused)
    assert (error.cause, error.permanent) == (cause, permanent)
    assert len(ai.asked("POST")) == 1
    assert ai.billed == []


def test_a_provider_that_wants_a_pause_is_told_when_it_is_over(client, ai):
    ai.tricks.append("429")
    assert failure(client).retry_at == NOW + timedelta(seconds=20)


@pytest.mark.parametrize(
    ("trick", "trouble"),
    [("empty", "ai_empty"), ("refusal", "ai_refused"), ("cut", "ai_cut"), ("long", "ai_too_long")],
)
def test_an_answer_without_a_usable_text_was_billed_all_the_same(client, ai, trick, trouble):
    ai.tricks.append(trick)
    answer = write(client)
    assert answer.trouble == trouble
    assert answer.read == ai.billed[0].read


def test_a_provider_that_does_not_count_leaves_the_tokens_open(client, ai):
    ai.tricks.append("no usage")
    answer = write(client)
    assert (answer.read, answer.written, answer.trouble) == (None, None, None)


@pytest.mark.parametrize(
    ("trick", "cause"), [("html", "ai_odd_answer"), ("odd", "ai_odd_answer"), ("huge", "ai_no_answer")]
)
def test_what_cannot_be_read_is_unknown(client, ai, trick, cause):
    ai.tricks.append(trick)
    error = failure(client)
    assert isinstance(error, Unknown)
    assert error.cause == cause


def test_a_provider_that_hangs_is_left_at_the_deadline_and_not_asked_again(client, ai):
    ai.tricks.append("hang")
    error = failure(client, deadline=0.3)
    assert isinstance(error, Unknown)
    assert error.cause == "ai_slow"
    assert len(ai.asked("POST")) == 1


@pytest.mark.parametrize("fault", [Fault(hang_up="before"), Fault(hang_up="after", reset=True), Fault(cut=20)])
def test_a_dropped_answer_is_unknown_and_not_asked_for_again(client, ai, fault):
    ai.faults.append(fault)
    error = failure(client)
    assert isinstance(error, Unknown)
    assert error.cause == "ai_no_answer"
    assert len(ai.asked("POST")) == 1


def test_where_nobody_listens_it_is_tried_twice_and_refused(provider):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    error = failure(client_at(f"http://127.0.0.1:{port}", provider))
    assert isinstance(error, Refused)
    assert error.cause == "ai_unreachable"


def test_redirects_are_not_followed_with_the_key(client, ai):
    ai.faults.append(Fault(status=307, headers={"Location": f"{ai.url}/elsewhere"}))
    assert failure(client).cause == "ai_bad_request"
    assert len(ai.asked()) == 1


def test_neither_key_nor_prompt_is_in_a_message_or_a_log_line(client, ai, caplog):
    caplog.set_level(logging.DEBUG)
    said = []
    for trick in ("401", "html", "500"):
        ai.tricks.append(trick)
        said.append(str(failure(client)))
    told = caplog.text + "".join(said) + repr(PROMPT)
    assert KEY not in told
    assert "Write one post" not in told


def test_thinking_aloud_is_no_part_of_the_text():
    body = b'{"choices": [{"message": {"content": "<think>Hm.</think>\\nOn air"}, "finish_reason": null}]}'
    assert parse_chat(200, {}, body, now=NOW).text.endswith("On air")


@pytest.mark.parametrize("parse", [parse_chat, parse_messages])
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b'"text"',
        b'{"choices": []}',
        b'{"choices": [{"message": "hello"}], "content": "hello"}',
        b'{"error": {"message": "no"}}',
        b"[" * 5000,
        b"\xff\xfe",
    ],
)
def test_odd_bodies_are_unknown_and_nothing_else(parse, body):
    with pytest.raises(Unknown) as caught:
        parse(200, {}, body, now=NOW)
    assert caught.value.cause == "ai_odd_answer"


@pytest.mark.parametrize("reason", ["{}", "[]", "7", "true"])
def test_an_end_for_a_reason_that_is_none_is_an_odd_answer(reason):
    chat = '{"choices": [{"message": {"content": "On air"}, "finish_reason": REASON}]}'.replace("REASON", reason)
    messages = '{"content": [{"type": "text", "text": "On air"}], "stop_reason": REASON}'.replace("REASON", reason)
    for parse, body in ((parse_chat, chat), (parse_messages, messages)):
        assert parse(200, {}, body.encode(), now=NOW).trouble == "ai_odd_answer"


@pytest.mark.parametrize("count", ["7", -1, True, 10**12, None, 1.5])
def test_tokens_that_cannot_be_are_not_counted(count):
    usage = {"prompt_tokens": count, "completion_tokens": 3}
    data = {"choices": [{"message": {"content": "On air"}, "finish_reason": "stop"}], "usage": usage}
    answer = parse_chat(200, {}, json.dumps(data).encode(), now=NOW)
    assert (answer.read, answer.written) == (None, 3)


def test_every_reason_has_a_sentence_and_a_fix_where_there_is_one():
    for code, (text, fix) in (DRAFTING | GUARDING).items():
        assert explain(code) == f"{text} {fix}".strip()
