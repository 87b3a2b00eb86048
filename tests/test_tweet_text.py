"""The words of a post: placeholders, shortening, and what strangers' words may not do."""

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.errors import Invalid
from services.tweet_text import (
    LIMIT,
    Facts,
    choose,
    normal_form,
    render,
    similarity,
    validate_template,
    weighted_length,
)
from services.x_length import url_spans

LINK = "https://www.youtube.com/watch?v=dQw4w9WgXcQ"
EPISODE = Facts(show="Night Shift", title="On tape", number=112, guests=("Ada", "Bo", "Cy"), url=LINK)
BARE = Facts(show="Night Shift", title="On tape", url=LINK)

BRACES = ["{show}", "{title}", "{number}", "{guest}", "{url}", "{", "}", "{{", "}}", "{0}", "{title!r:>9}", "{x}"]
SIGNS = [" ", "\n", "(", ")", "#", "with ", ": ", " - ", "@", "$", "$AB ", "a", "x.com?", "日", "\u202e", "\ud800", '"']
templates = st.lists(st.sampled_from(BRACES + SIGNS) | st.text(max_size=5), max_size=25).map("".join)
words = st.text(max_size=40) | st.lists(st.sampled_from(BRACES + SIGNS), max_size=10).map("".join)
facts_of_any_kind = st.builds(
    Facts,
    show=words,
    title=words | st.text(min_size=200, max_size=700),
    number=st.none() | st.integers() | words,
    guests=st.lists(words, max_size=4).map(tuple),
    url=st.sampled_from([None, LINK]),
)


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
def test_a_hundred_kilobytes_in_any_field_end_in_a_text_or_a_sentence(piece):
    huge = piece * (100_000 // len(piece))
    assert weighted_length(render("{title} {url}", Facts(show="", title=huge, url=LINK), include_link=True)) <= LIMIT
    with pytest.raises(Invalid):
        render(huge + "x{title}", EPISODE, include_link=True)
    assert render("{title}", Facts(show=huge, title="On tape", url=None), include_link=True) == "On tape"


def test_all_placeholders_are_filled_in():
    text = render("{show} #{number}: {title} with {guest} {url}", EPISODE, include_link=True)
    assert text == f"Night Shift #112: On tape with Ada, Bo & Cy {LINK}"


@pytest.mark.parametrize(
    "template, expected",
    [
        ("{show} #{number}: {title} with {guest} {url}", f"Night Shift: On tape {LINK}"),
        ("{show} ({number}) - {title} | {guest} | {url} now", f"Night Shift - On tape | {LINK} now"),
        ("{number}. {title}. {url}", f"On tape. {LINK}"),
        ("Ep. {number}: {title}, feat. {guest}. {url}", f"On tape. {LINK}"),
        ('"{title}" (episode {number}) {url}', f'"On tape" {LINK}'),
        ("{title} - {guest}", f"On tape {LINK}"),
        ("Guest: {guest}\n{title}", f"On tape\n{LINK}"),
    ],
)
def test_an_empty_placeholder_takes_its_words_and_signs_along(template, expected):
    assert render(template, BARE, include_link=True) == expected


@pytest.mark.parametrize(
    "template, expected",
    [
        ("Live: {title} {url}", "Live: On tape"),
        ("{title}\nWatch live: {url}", "On tape\nWatch live"),
        ("{title} ({url}) now", "On tape now"),
        ("{title}{url}now", "On tape now"),
        ("a\n\n{url}\n\nb", "a\n\nb"),
    ],
)
def test_a_link_the_host_does_not_want_leaves_no_trace(template, expected):
    assert render(template, EPISODE, include_link=False) == expected


def test_a_link_without_a_place_goes_to_the_end():
    assert render("Hi", EPISODE, include_link=True) == f"Hi {LINK}"
    assert render("Hi\nthere", EPISODE, include_link=True) == f"Hi\nthere\n{LINK}"


def test_a_link_the_host_typed_himself_is_not_added_again():
    assert render(f"Here {LINK}", EPISODE, include_link=True) == f"Here {LINK}"


def test_a_link_that_is_not_known_yet_is_left_out():
    assert render("Live: {url}", Facts(show="S", title="T"), include_link=True) == "Live"


@pytest.mark.parametrize(
    "template", ["now{url}now", "x.com?q={url}", "{url}&t=3", "({url}).", "{url}{url}", "{url}.{title}"]
)
def test_the_link_stays_a_link_whatever_touches_it(template):
    text = render(template, EPISODE, include_link=True)
    assert LINK in [text[start : start + size] for start, size in url_spans(text).items()]


@pytest.mark.parametrize(
    "name", ["{0}", "{title!r:>999999999}", "{title.__class__}", "{foo}", "{{title}}", "{ title }", "{Title}"]
)
def test_an_unknown_placeholder_is_named(name):
    for call in (lambda: validate_template(f"a {name} b"), lambda: render(f"a {name} b", EPISODE, include_link=True)):
        with pytest.raises(Invalid) as refusal:
            call()
        assert name in str(refusal.value)


@pytest.mark.parametrize("literal", ["{{7*7}}", "{%", "{% if x %}", "$[", "%s", "%(title)s", "{}", "{", "}", "${{x}}"])
def test_other_braces_are_literal_text(literal):
    validate_template(f"a {literal} b")
    assert render(f"a {literal} b", EPISODE, include_link=False) == f"a {literal} b"


def test_braces_around_a_placeholder_are_literal():
    assert render("{ {title} }", EPISODE, include_link=False) == "{ On tape }"


def test_what_a_value_contains_is_never_filled_in():
    facts = Facts(show="{url}", title="{url} {{7*7}} {title.__class__}", guests=("{show}",), url=LINK)
    text = render("{title}|{show}|{guest}", facts, include_link=False)
    assert text == "{url} {{7*7}} {title.__class__}|{url}|{show}"


@pytest.mark.parametrize(
    "title, shown",
    [
        ("Hey @everyone and @ada", "Hey everyone and ada"),
        ("＠ada @@bo RT@cy @\u200bdee", "ada bo RTcy dee"),
        ("Buy $TSLA and $AAPL", "Buy TSLA and AAPL"),
        ("@$@$TSLA", "@$@$TSLA"),
        ("$@TSLA", "TSLA"),
        ("Live @ the Apollo for $5, A$AP, me@home", "Live @ the Apollo for $5, A$AP, me@home"),
        ("a\u202eb\u200bc\x00d\x1be\nf\ufeff\u2066g\ud800", "abcde fg"),
        ("x\u200dy می\u200cخواهم 👨‍👩‍👧", "xy می\u200cخواهم 👨‍👩‍👧"),
    ],
)
def test_a_title_brings_no_mention_no_cashtag_and_nothing_invisible(title, shown):
    assert render("{title}", Facts(show="S", title=title), include_link=False) == shown


def test_the_host_may_mention_people_in_his_own_words():
    assert render("With @ada on $TSLA", EPISODE, include_link=False) == "With @ada on $TSLA"


def test_a_second_cashtag_is_refused_on_saving_and_defused_when_sent():
    with pytest.raises(Invalid, match="cashtag"):
        validate_template("$TSLA and $AAPL")
    assert render("$TSLA and $AAPL", EPISODE, include_link=False) == "$TSLA and AAPL"


def test_what_is_too_long_loses_whole_words_of_the_title_only():
    facts = Facts(show="Night Shift", title="wonderful " * 60, url=LINK)
    text = render("{show}: {title} — listen {url}", facts, include_link=True)
    assert text.startswith("Night Shift: wonderful wonderful")
    assert text.endswith(f"wonderful… — listen {LINK}")
    assert LIMIT - 12 < weighted_length(text) <= LIMIT


def test_a_title_without_spaces_is_cut_between_letters():
    text = render("{title} {url}", Facts(show="S", title="長い題名" * 100, url=LINK), include_link=True)
    assert text.endswith(f"… {LINK}")
    assert weighted_length(text) in (LIMIT - 1, LIMIT)


def test_an_emoji_is_never_cut_in_two():
    text = render("{title}", Facts(show="S", title="👨‍👩‍👧‍👦" * 200), include_link=False)
    assert text == "👨‍👩‍👧‍👦" * 139 + "…"


def test_a_title_that_cannot_be_shortened_enough_is_dropped():
    text = render("a" * 278 + " {title}", Facts(show="S", title="On tape"), include_link=False)
    assert text == "a" * 278


def test_what_is_too_long_without_any_title_says_by_how_much():
    with pytest.raises(Invalid, match=r"^Too long by 12 characters$"):
        render("a" * 292 + " {title}", EPISODE, include_link=False)
    with pytest.raises(Invalid, match=r"^Too long by 1 character$"):
        validate_template("a" * 281)
    with pytest.raises(Invalid, match="empty"):
        validate_template(" \n")


@settings(deadline=None)
@given(templates, facts_of_any_kind, st.booleans())
def test_any_text_fits_with_its_link_whole_or_is_refused_with_a_sentence(template, facts, include_link):
    try:
        text = render(template, facts, include_link=include_link)
    except Invalid:
        return
    assert 0 < weighted_length(text) <= LIMIT
    assert text == text.strip()
    text.encode()
    if include_link and facts.url:
        assert LINK in [text[start : start + size] for start, size in url_spans(text).items()]
    with suppress(Invalid):
        validate_template(template)


@settings(deadline=None)
@given(st.text(alphabet="ab {}$@x.", max_size=700))
def test_shortening_leaves_everything_but_the_title_alone(title):
    text = render("{show}|{title}|{guest}|{url}", Facts("Show", f"T{title}", 1, ("Ada",), LINK), include_link=True)
    assert text.startswith("Show|T")
    assert text.endswith((f"|Ada| {LINK}", f"|Ada|{LINK}"))


def test_the_first_text_that_says_something_is_chosen():
    assert choose(None, " ", "template", "podcast", "builtin") == ("template", "template")
    assert choose("mine", "draft") == ("mine", "own")
    assert choose(None, None, None, None, "builtin") == ("builtin", "builtin")
    with pytest.raises(Invalid):
        choose(None, "")


def test_two_copies_of_one_post_have_one_normal_form():
    assert normal_form("Tom &amp; Ada &lt;3\n\ncafe\u0301 ") == normal_form("Tom & Ada <3 café") == "Tom & Ada <3 café"


@settings(deadline=None)
@given(
    st.lists(st.sampled_from(["&", "amp", ";", "#38", "#", "lt", "&#97;mp;", " ", "\u037e"]) | st.text(max_size=3)).map(
        "".join
    )
)
def test_a_normal_form_is_its_own_normal_form(text):
    assert normal_form(normal_form(text)) == normal_form(text)


@settings(deadline=None)
@given(st.text(), st.text())
def test_similarity_is_a_share_and_the_same_both_ways(a, b):
    assert 0.0 <= similarity(a, b) == similarity(b, a) <= 1.0
    assert similarity(a, a) == 1.0


def test_a_corrected_typo_stays_similar_and_another_text_does_not():
    mine = f"Night Shift is on air: On tape, with Ada and Bo. Come and listen {LINK}"
    assert similarity(mine, mine.replace("listen", "listen in")) > 0.9
    assert similarity(mine, f"Something else entirely {LINK}") < 0.8
