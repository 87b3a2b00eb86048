"""X's measure of a text: its own examples, the reference implementation, and steps that grow with the text only."""

import sys
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from twitter_text import parse_tweet

from services.tweet_text import normal_form, similarity, weighted_length
from tests import x_data

LINK = "https://www.youtube.com/watch?v=dQw4w9WgXcQ"

VECTORS = [
    ("hello", 5),
    ("a" * 280, 280),
    ("a" * 281, 281),
    ("日本語", 6),
    ("한국어", 6),
    ("ｱｲｳ", 6),
    ("あ" * 140, 280),
    ("あ" * 141, 282),
    ("👨‍👩‍👧‍👦", 2),
    ("👋🏽", 2),
    ("🇯🇵", 2),
    ("1️⃣", 2),
    ("☀", 2),
    ("☀️", 2),
    (LINK, 23),
    ("LIVE https://youtu.be/dQw4w9WgXcQ now", 32),
    ("youtu.be/abc", 23),
    ("example.invalidtld", 18),
    ("https://127.0.0.1/x", 19),
    ("http://localhost:8000/x", 23),
    ("cafe\u0301", 4),
    ("“”‘’–—", 6),
    ("…", 2),
    ("€", 2),
    ("™", 2),
    ("ไทย", 3),
    ("ქარ", 3),
    ("سلام", 4),
    ("Привет", 6),
    ("ᎠᎡ", 4),
    ("ᄀ", 2),
    ("one\r\ntwo", 7),
    ("", 0),
    ("\ud800", 2),
]

PIECES = ["a", "b.", ".", "com", ".co", "jp", "_", "-", "/", "?", "=", "http://", "https://", "t.co/", "@", "#", "$"]
PIECES += [
    "日本",
    ".中国",
    "é",
    "(",
    ")",
    " ",
    "\n",
    "👨‍👩‍👧",
    "1️⃣",
    "xn--p1ai",
    "A",
    ":80",
    "'",
    "x.com",
    "\u200e",
    "。",
    "a" * 64,
]


@pytest.mark.parametrize("text, weight", VECTORS)
def test_texts_weigh_what_x_says_they_weigh(text, weight):
    assert weighted_length(text) == weight


@settings(deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=10).map("".join))
def test_our_linear_count_agrees_with_the_reference_implementation(text):
    assert weighted_length(text) == parse_tweet(text).weightedLength


def test_the_lists_are_those_of_the_reference_implementation():
    assert x_data.FILE.read_text(encoding="utf-8") == x_data.source(), "run: python -m tests.x_data"


def steps(call: Callable[[], object]) -> int:
    """How many lines of Python ran: a measure that no busy machine can spoil."""
    count = 0

    def tracer(frame, event, arg):
        nonlocal count
        count += 1
        return tracer

    before = sys.gettrace()
    sys.settrace(tracer)
    try:
        call()
    finally:
        sys.settrace(before)
    return count


HOSTILE = [
    "a.",
    "a",
    "é.",
    "_é",
    "x.com/(",
    "http://",
    "日",
    "-a",
    "👨‍👩‍👧",
    "{",
    "{{title",
    "@$",
    "&amp;",
    "&#38;",
    "\u200d",
    " ",
]


@pytest.mark.parametrize("piece", HOSTILE)
@pytest.mark.parametrize("function", [weighted_length, normal_form, lambda text: similarity(text, text + "x")])
def test_ten_times_the_text_costs_about_ten_times_the_steps(function, piece):
    small, large = (steps(lambda n=n: function(piece * n)) for n in (200, 2000))
    assert large < 15 * small + 2000
