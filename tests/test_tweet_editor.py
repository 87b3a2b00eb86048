"""The counter and the preview in the browser agree with the server: same rules, step by step, in real Chromium."""

import json
import random
from pathlib import Path

import pytest
from twitter_text import parse_tweet

from services import tweet_text
from services.errors import Invalid
from services.tweet_text import Facts, weighted_length
from tests import js_data
from tests.test_x_length import PIECES

HERE = Path(__file__).resolve().parent
CASES = json.loads((HERE / "fixtures/weighted_lengths.json").read_text(encoding="utf-8"))
URL = "https://www.youtube.com/watch?v=dQw4w9WgXcQ"
FACTS = [
    Facts("Deep Dive", "Queues and other things", 12, ("Grace", "Bo"), URL),
    Facts("Sho", "日本語のとても長い題名" * 12, None, (), URL),
    Facts("S", "word " * 80, 3, (), None),
    Facts("", "T 👩🏽‍🚀" * 70, None, ("G",), URL),
]
PLACEHOLDERS = ["{title}", "{url}", "{show}", "{number}", "{guest}", "{{title}}", "{foo}", "{0}", "{", "}"]
SIGNS = [" ", "\n", "(", ")", "“", "”", "#", "№", ": ", ", ", ".", "!", "- ", "| ", "«", "»", "\t", "\r\n", "\n\n\n"]
WORDS = ["with ", "Episode ", "feat. ", "a", "日本", "$AAPL ", "https://x.com", "w" * 60, "👍🏽", "\u0301", "\u200b"]
WORDS += PLACEHOLDERS + SIGNS


@pytest.fixture(scope="module")
def browser_page(chromium):
    """A page of a browser that has our scripts at hand."""
    page = chromium.new_page()
    for name in ("x_data", "x_length", "tweet_text"):
        page.add_script_tag(path=js_data.FILE.with_name(f"{name}.js"))
    yield page
    page.close()


def test_the_cases_are_many_and_the_reference_agrees_with_them():
    assert len(CASES) >= 80
    assert len({case["family"] for case in CASES}) >= 12
    for case in CASES:
        assert weighted_length(case["text"]) == parse_tweet(case["text"]).weightedLength == case["weight"], case


def test_the_browsers_lists_are_the_servers():
    assert js_data.FILE.read_text(encoding="utf-8") == js_data.source(), "run: python -m tests.js_data"


def test_the_counter_in_the_browser_agrees_on_every_case(browser_page):
    texts = [case["text"] for case in CASES]
    counted = lengths(browser_page, texts)
    wrong = [(case, got) for case, got in zip(CASES, counted, strict=True) if got != case["weight"]]
    assert wrong == []


def test_the_counter_in_the_browser_agrees_on_what_nobody_thought_of(browser_page):
    dice = random.Random()
    texts = ["".join(dice.choices(PIECES, k=dice.randint(1, 10))) for _ in range(2_000)]
    counted = lengths(browser_page, texts)
    assert [text for text, got in zip(texts, counted, strict=True) if got != weighted_length(text)] == []


def lengths(page, texts):
    return page.evaluate("(texts) => texts.map(window.Airhorn.weightedLength)", texts)


@pytest.mark.slow
def test_the_preview_in_the_browser_is_what_the_server_sends(browser_page):
    dice = random.Random()
    asked = []
    for _ in range(1_500):
        template = "".join(dice.choices(WORDS, k=dice.randint(1, 9)))
        asked.append((template, dice.choice(FACTS), dice.random() < 0.7))
    ask = "(asked) => asked.map(([text, values, link]) => window.Airhorn.compose(text, values, {includeLink: link}))"
    made = browser_page.evaluate(ask, [[text, tweet_text.known_values(facts), link] for text, facts, link in asked])
    for (template, facts, link), got in zip(asked, made, strict=True):
        assert (got["text"] if not got["trouble"] else None, got["trouble"]) == sent(template, facts, link), template


def sent(template, facts, link):
    try:
        return tweet_text.render(template, facts, include_link=link), ""
    except Invalid as error:
        return None, f"{error}."
