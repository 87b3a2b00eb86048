"""Everything that reads something from outside, with what it may be given and what may come of it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from services import checks
from services.clients import websub, youtube_api, youtube_page
from services.clients.clocks import server_time
from services.clients.http import Answer
from services.clients.values import Channel, Video, VideoRef
from services.clients.x_answers import ID, Accepted, parse_created, parse_me, parse_tokens, rate_reset
from services.clients.x_posts import Timeline, parse_page
from services.clients.youtube_feed import parse_feed
from services.clients.youtube_fields import CHANNEL_ID, TITLE_LENGTH, VIDEO_ID, json_of
from services.clients.youtube_web import is_consent
from services.errors import Invalid, Outcome, Refused, Unknown
from services.local_time import instant_of, weekly_after
from services.lookup import judge
from services.plain_text import tidy
from services.tweet_text import LIMIT, Facts, cut_at_limit, render, validate_template, weighted_length
from services.youtube_reference import parse_channel_reference, video_id_of
from tests.chaos.fuzz import recorded
from tests.chaos.fuzz.bodies import draw_body, read_body
from tests.chaos.fuzz.mutate import Mutator

NOW = datetime(2026, 11, 24, 19, 0, tzinfo=UTC)
STATUSES = (200, 201, 204, 302, 400, 401, 402, 403, 404, 408, 409, 413, 425, 429, 499, 500, 503, 599, 100, 999)
KINDS = {"id", "handle", "user", "custom", "video"}


@dataclass(frozen=True)
class Parser:
    """`draw` makes an input; `read` gives it to our code and asserts what must hold of the result.

    Only `allowed` may be raised: the errors that its docstring names.
    """

    name: str
    draw: Callable[[Mutator], Any]
    read: Callable[[Any], None]
    allowed: tuple[type[Exception], ...]


def is_storable(text: Any) -> bool:
    """What both databases and UTF-8 can hold."""
    return isinstance(text, str) and "\0" not in text and text == text.encode("utf-8", "replace").decode()


def is_plain(found: Video | VideoRef | Channel) -> None:
    pattern = CHANNEL_ID if isinstance(found, Channel) else VIDEO_ID
    assert pattern.fullmatch(found.id)
    assert is_storable(found.title)
    assert len(found.title) <= TITLE_LENGTH
    for name in ("published_at", "scheduled_start_at", "actual_start_at", "actual_end_at"):
        at = getattr(found, name, None)
        assert at is None or at.utcoffset() == timedelta(0)


# YouTube


def of_answer(parse: Callable[[object], Any]) -> Callable[[bytes], None]:
    """A 200 whose body is read as JSON and parsed."""

    def read(body: bytes) -> None:
        found = parse(json_of(Answer(200, {}, body, "")))
        rows = found.values() if isinstance(found, dict) else found if isinstance(found, list) else [found]
        for row in rows:
            if row is not None:
                is_plain(row)

    return read


def json_from(*names: str) -> Callable[[Mutator], bytes]:
    return lambda m: m.json(recorded.youtube(m.one_of(names)))


REFUSALS = ("quota_403.json", "quota_per_day_429.json", "wrong_key_400.json", "daily_limit_403.json")


def draw_refusal(m: Mutator) -> tuple[int, bytes]:
    return m.one_of(STATUSES), m.json(recorded.youtube(m.one_of(REFUSALS)))


def read_refusal(given: tuple[int, bytes]) -> None:
    found = youtube_api.judge(Answer(given[0], {}, given[1], ""))
    assert isinstance(found, Refused)
    assert found.cause.startswith("youtube_")


def read_feed(body: bytes) -> None:
    for found in parse_feed(body, recorded.CHANNEL):
        is_plain(found)


def draw_page(m: Mutator) -> str:
    """Now and then the player's values, else the text of the page."""
    page = recorded.youtube("waiting_room.html").decode()
    if m.often(0.5):
        start, end = page.index("= {") + 2, page.rindex("}") + 1
        return page[:start] + m.json(page[start:end].encode()).decode("utf-8", "replace") + page[end:]
    return m.text(page)


def read_page(text: str) -> None:
    found, refused = [], 0
    for parse in (
        lambda: youtube_page.parse_live(text, recorded.CHANNEL),
        lambda: youtube_page.parse_watch(text, recorded.VIDEO),
        lambda: youtube_page.parse_channel_page(text),
    ):
        try:
            found.append(parse())
        except Refused:
            refused += 1
    for one in found:
        if one is not None:
            is_plain(one)
    if refused == 3:
        raise Refused("Nothing of it could be read.", cause="youtube_odd_answer")


def draw_redirect(m: Mutator) -> tuple[int, str]:
    return m.one_of((301, 302, 303, 307, 308, 200)), m.text("https://consent.youtube.com/m?continue=https://x/live")


def read_redirect(given: tuple[int, str]) -> None:
    is_consent(Answer(given[0], {"Location": given[1]}, b"", "https://www.youtube.com/@ada/live"))


def draw_push(m: Mutator) -> tuple[bytes, str, str]:
    signature = m.headers(recorded.HUB_HEADERS).get("X-Hub-Signature", "")
    topic = m.text(f"https://www.youtube.com/xml/feeds/videos.xml?channel_id={recorded.CHANNEL}")
    return m.bytes(recorded.youtube("feed.xml")), signature, topic


def read_push(given: tuple[bytes, str, str]) -> None:
    body, signature, topic = given
    assert not websub.is_signed(body, signature, "secret")
    assert all(CHANNEL_ID.fullmatch(id) for id in websub.channels_in(body))
    channel = websub.channel_of(topic)
    assert channel is None or CHANNEL_ID.fullmatch(channel)


# X


def draw_x(*valid: bytes) -> Callable[[Mutator], tuple[int, dict[str, str], bytes]]:
    """The first of `valid` mostly comes with success, as it does at X."""

    def draw(m: Mutator) -> tuple[int, dict[str, str], bytes]:
        body = m.one_of(valid)
        status = m.one_of((200, 201)) if body is valid[0] and m.often(0.8) else m.one_of(STATUSES)
        return status, m.headers(recorded.HEADERS), m.json(body)

    return draw


def read_post(given: tuple[int, dict[str, str], bytes]) -> None:
    accepted = parse_created(*given, now=NOW)
    assert isinstance(accepted, Accepted)
    assert given[0] in (200, 201)
    assert ID.fullmatch(accepted.id)
    assert accepted.id.isascii()
    assert accepted.id.isdigit()


def read_timeline(body: bytes) -> None:
    page = parse_page(json_of(Answer(200, {}, body, "")))
    for post in page.posts:
        assert ID.fullmatch(post.id)
        assert post.created_at.utcoffset() == timedelta(0)
    text = f"Deep Dive is live & well: https://www.youtube.com/watch?v={recorded.VIDEO}"
    judge(text, recorded.VIDEO, Timeline(page.posts, complete=True))


def read_me(body: bytes) -> None:
    who = parse_me(body)
    assert ID.fullmatch(who.id)
    assert who.username
    assert who.avatar_url is None or who.avatar_url.startswith("https://")


def read_token(given: tuple[int, dict[str, str], bytes]) -> None:
    pair = parse_tokens(*given, now=NOW)
    assert given[0] == 200
    assert pair.access_token.isascii()
    assert 0 < pair.expires_in <= 366 * 86_400


def read_headers(headers: dict[str, str]) -> None:
    at = rate_reset(headers, now=NOW)
    assert timedelta(0) <= at - NOW <= timedelta(days=1)
    clock = server_time(headers)
    assert clock is None or clock.utcoffset() == timedelta(0)


# What people type


def draw_template(m: Mutator) -> tuple[str, Facts, bool]:
    title, show = m.text(m.one_of(recorded.TITLES)), m.text("Deep Dive")
    facts = Facts(show, title, number=m.one_of((None, 7, "7b")), guests=(m.text("Bo"),), url=m.one_of(URLS))
    return m.text(m.one_of(recorded.TEMPLATES)), facts, m.often(0.7)


URLS = (None, f"https://www.youtube.com/watch?v={recorded.VIDEO}")


def read_template(given: tuple[str, Facts, bool]) -> None:
    template, facts, include_link = given
    cut_at_limit(tidy(template)[:2_000])
    text = render(template, facts, include_link=include_link)
    assert 0 < weighted_length(text) <= LIMIT
    assert is_storable(text) or not is_storable(facts.show + facts.title + "".join(facts.guests))
    validate_template(template)


def read_reference(text: str) -> None:
    video_id = video_id_of(text)
    assert video_id is None or VIDEO_ID.fullmatch(video_id)
    found = parse_channel_reference(text)
    assert found.kind in KINDS
    assert is_storable(found.value)
    assert found.kind != "id" or CHANNEL_ID.fullmatch(found.value)


def draw_time(m: Mutator) -> tuple[str, str]:
    zone = m.one_of(recorded.ZONES)
    return m.text(m.one_of(recorded.TIMES)), zone


def read_time(given: tuple[str, str]) -> None:
    text, zone = given
    try:
        at = checks.instant("the time", text)
    except Invalid:
        at = instant_of(text, zone).at
    assert at.utcoffset() is not None
    assert 2000 <= at.year <= 2101
    assert weekly_after(at, zone, NOW).at > NOW


def draw_typed(m: Mutator) -> tuple[str, str]:
    return m.one_of(("email", "line", "lines", "address", "zone")), m.text(m.one_of(recorded.PEOPLE + recorded.ZONES))


def read_typed(given: tuple[str, str]) -> None:
    kind, text = given
    taken = {
        "email": lambda: checks.email_address(text),
        "line": lambda: checks.one_line("the name", text, 100),
        "lines": lambda: checks.several_lines("the words", text, 100),
        "address": lambda: checks.web_address("the page", text, 200),
        "zone": lambda: checks.zone_name(text),
    }[kind]()
    assert is_storable(taken)
    assert len(taken) <= 254


X_OUTCOMES = (Refused, Unknown)
PARSERS = (
    Parser("YouTube videos", json_from("videos.json"), of_answer(youtube_api.parse_videos), (Refused,)),
    Parser("YouTube uploads", json_from("playlist_items.json"), of_answer(youtube_api.parse_uploads), (Refused,)),
    Parser("YouTube channels", json_from("channels.json"), of_answer(youtube_api.parse_channel), (Refused,)),
    Parser("YouTube refusals", draw_refusal, read_refusal, ()),
    Parser("channel feed", lambda m: m.bytes(recorded.youtube("feed.xml")), read_feed, (Refused,)),
    Parser("live page", draw_page, read_page, (Refused,)),
    Parser("redirects", draw_redirect, read_redirect, (Refused,)),
    Parser("push", draw_push, read_push, ()),
    Parser("X post", draw_x(recorded.POST, recorded.PROBLEM), read_post, X_OUTCOMES),
    Parser("X timeline", lambda m: m.json(recorded.TIMELINE), read_timeline, (Refused,)),
    Parser("X account", lambda m: m.json(recorded.ME), read_me, (Refused,)),
    Parser("X token", draw_x(recorded.TOKEN, recorded.TOKEN_REFUSED), read_token, X_OUTCOMES),
    Parser("X rate and date headers", lambda m: m.headers(recorded.HEADERS), read_headers, ()),
    Parser("HTTP bodies", draw_body, read_body, (Outcome,)),
    Parser("templates", draw_template, read_template, (Invalid,)),
    Parser("channel references", lambda m: m.text(m.one_of(recorded.REFERENCES)), read_reference, (Invalid,)),
    Parser("times", draw_time, read_time, (Invalid,)),
    Parser("typed words", draw_typed, read_typed, (Invalid,)),
)
