"""Which bodies `POST /2/tweets` takes: no unknown keys, right types, and X's rules on what is combined."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from twitter_text import parse_tweet
from werkzeug.wrappers import Request

from sandbox.x_values import forbidden, invalid

Check = Callable[[Any], bool]

ID = re.compile(r"[0-9]{1,19}", re.ASCII)
CASHTAG = re.compile(r"(?<!\S)\$[A-Za-z]{1,6}(?:[._][A-Za-z]{1,2})?(?=$|[^\w$])")


def _text(value: Any) -> bool:
    return isinstance(value, str)


def _flag(value: Any) -> bool:
    return isinstance(value, bool)


def _id(value: Any) -> bool:
    return isinstance(value, str) and ID.fullmatch(value) is not None


def _list(least: int, most: int, each: Check) -> Check:
    return lambda value: isinstance(value, list) and least <= len(value) <= most and all(map(each, value))


def _one_of(*values: str) -> Check:
    return lambda value: value in values


def _minutes(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 5 <= value <= 10_080


SETTINGS = _one_of("following", "mentionedUsers", "subscribers", "verified")
# The request schema of createPosts in X's OpenAPI file 2.167; a mapping stands for an object.
SCHEMA: Mapping[str, Check | Mapping[str, Check]] = {
    "text": _text,
    "reply": {
        "in_reply_to_tweet_id": _id,
        "exclude_reply_user_ids": _list(0, 100, _id),
        "auto_populate_reply_metadata": _flag,
    },
    "quote_tweet_id": _id,
    "media": {"media_ids": _list(1, 4, _id), "tagged_user_ids": _list(0, 10, _id)},
    "poll": {
        "options": _list(2, 4, lambda option: isinstance(option, str) and 1 <= len(option) <= 25),
        "duration_minutes": _minutes,
        "reply_settings": SETTINGS,
    },
    "reply_settings": SETTINGS,
    "community_id": _id,
    "share_with_followers": _flag,
    "for_super_followers_only": _flag,
    "geo": {"place_id": _text},
    "card_uri": _text,
    "direct_message_deep_link": _text,
    "nullcast": _flag,
    "edit_options": {"previous_post_id": _id},
    "made_with_ai": _flag,
    "paid_partnership": _flag,
}
REQUIRED = {"reply": "in_reply_to_tweet_id", "media": "media_ids", "edit_options": "previous_post_id"}


def read_body(request: Request) -> dict[str, Any]:
    """The JSON body, checked against the schema. Raises Problem 400."""
    body = request.get_json(force=True, silent=True)
    if not request.mimetype.endswith("json") or not isinstance(body, dict):
        raise invalid("Requests with bodies must have content-type of application/json and hold a JSON object.")
    _check(body, SCHEMA, "$")
    if not body.get("text", "").strip() and "media" not in body:
        raise invalid("$: text or media is required", {"text": body.get("text", "")})
    if sum(key in body for key in ("media", "poll", "quote_tweet_id", "card_uri")) > 1:
        raise invalid("$: media, poll, quote_tweet_id and card_uri exclude each other")
    return body


def _check(body: dict[str, Any], schema: Mapping[str, Any], path: str) -> None:
    for key, value in body.items():
        rule = schema.get(key)
        if rule is None:
            message = f"{path}.{key}: is not defined in the schema and the schema does not allow additional properties"
            raise invalid(message, {key: value})
        if isinstance(rule, Mapping):
            if not isinstance(value, dict) or REQUIRED.get(key, next(iter(value), "")) not in value:
                raise invalid(f"{path}.{key}: is not a complete object", {key: value})
            _check(value, rule, f"{path}.{key}")
        elif not rule(value):
            raise invalid(f"{path}.{key}: is not an allowed value", {key: value})


def check_text(text: str, overlong_status: int) -> None:
    """Weighted length and cashtags. X answers an overlong text with 400 or 403, depending on the year."""
    if text and not parse_tweet(text).valid:
        if overlong_status == 403:
            raise forbidden("Your post is too long or holds characters that are not allowed.")
        raise invalid("$.text: is too long or holds characters that are not allowed", {"text": text})
    if len(CASHTAG.findall(text)) > 1:
        raise forbidden("A post may hold at most one cashtag.")
