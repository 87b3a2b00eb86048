"""What people type: every form that is right, and one sentence for every form that is not."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.accounts import host_name
from services.checks import email_address, instant, one_line, plausible, shown, zone_name
from services.episodes import episode_title
from services.errors import Invalid
from services.podcasts import podcast_name, slug_of
from services.youtube_settings import filter_text


@pytest.mark.parametrize(
    "text", ["ada@example.com", " Ada@Example.COM ", "a+b.c'd@mail.example.co.uk", "ödön@пошта.укр"]
)
def test_addresses_are_kept_in_lower_case(text):
    assert email_address(text) == text.strip().lower()


@pytest.mark.parametrize(
    "text",
    [
        *("", "ada", "@example.com", "ada@", "ada@localhost", "a@b@c.de", "ada @x.de", "ada@x..de", "ada@-x.de"),
        *("<ada@x.de>", "ada@x.de,bo@x.de", "ada@x.de\nBcc: bo@x.de", "\ud800@x.de"),
        *("a" * 65 + "@x.de", "a@" + "b" * 300 + ".de"),
    ],
)
def test_what_is_no_address_is_refused(text):
    with pytest.raises(Invalid):
        email_address(text)


@pytest.mark.parametrize("name", ["UTC", "Europe/Berlin", "Australia/Sydney", "America/Argentina/Buenos_Aires"])
def test_zones_are_those_of_the_database(name):
    assert zone_name(name) == name


@pytest.mark.parametrize(
    "name", ["", "Mars/Base", "../../etc/passwd", "/etc/localtime", "Factory", "localtime", "a\0b", "x" * 9999]
)
def test_other_zones_are_refused(name):
    with pytest.raises(Invalid):
        zone_name(name)


def test_a_zone_with_a_slip_gets_the_one_that_was_meant():
    with pytest.raises(Invalid, match=r"Did you mean Europe/Berlin\?"):
        zone_name("Europe/Berlni")


@pytest.mark.parametrize(
    "typed, meant",
    [
        *(("Berlin", "Europe/Berlin"), (" berlin ", "Europe/Berlin"), ("EUROPE/berlin", "Europe/Berlin")),
        *(("New York", "America/New_York"), ("new_york", "America/New_York"), ("new  york", "America/New_York")),
        *(("utc", "UTC"), ("gmt", "GMT")),
    ],
)
def test_a_city_that_is_in_one_zone_only_is_enough(typed, meant):
    assert zone_name(typed) == meant


@pytest.mark.parametrize("typed", ["Louisville", "louisville"])
def test_a_city_of_more_than_one_zone_is_asked_back(typed):
    with pytest.raises(Invalid, match=r"Did you mean America/Kentucky/Louisville or America/Louisville\?"):
        zone_name(typed)


@pytest.mark.parametrize("text", ["2030-01-31T20:00+01:00", "2030-01-31T19:00Z", "2030-01-31 19:00:00.000+00:00"])
def test_a_time_with_its_offset_is_that_instant(text):
    assert instant("the time", text) == datetime(2030, 1, 31, 19, tzinfo=UTC)


def test_a_time_without_an_offset_is_refused_with_the_way_to_write_it():
    with pytest.raises(Invalid, match=r"2030-01-31T20:00\+01:00, or 2030-01-31T20:00Z for UTC"):
        instant("the time", "2030-01-31T20:00")


@pytest.mark.parametrize(
    "text",
    [
        *("", "soon", "20:00", "2030-02-30T20:00Z", "2030-01-31T25:00Z", "2030-01-31T20:00+99:00", "1" * 5000),
        *("0001-01-01T00:00+14:00", "9999-12-31T23:59-12:00", "2030-01-31T20:00+23:59", "1999-12-31T20:00Z"),
    ],
)
def test_impossible_times_are_refused(text):
    with pytest.raises(Invalid):
        instant("the time", text)


def test_a_naive_time_never_passes():
    with pytest.raises(Invalid, match="does not say in which zone"):
        plausible("the time", datetime(2030, 1, 31, 20))


@pytest.mark.parametrize("text", ["", "  ", "two\nlines", "nul\0", "bell\a", "\ud800", "x" * 101, "line\u2028break"])
def test_a_name_is_one_line_that_fits(text):
    with pytest.raises(Invalid, match=r"^The name "):
        one_line("the name", text, 100)


def test_a_name_may_be_in_any_script_and_is_composed():
    assert one_line("the name", "  Zoe\u0308 👩‍🚀 日本 ", 100) == "Zoë 👩‍🚀 日本"


@pytest.mark.parametrize(
    "text", ["\u200b", "\u202e\u202c", "\u2066 \u2069", "\u00ad\ufeff", "\u3164", "\u2800\u2800", "\ufe0f", "\u034f"]
)
@pytest.mark.parametrize("check", [episode_title, podcast_name, host_name, filter_text])
def test_what_nobody_can_see_is_no_name_and_no_title(text, check):
    with pytest.raises(Invalid, match="has nothing in it that can be seen"):
        check(text)


@pytest.mark.parametrize("text", ["👩🏽\u200d💻", "\u200fשלום", "e\u0301", "…", "\u2068x\u2069", "❤\ufe0f"])
def test_what_can_be_seen_keeps_the_marks_that_belong_to_it(text):
    assert len(episode_title(text)) >= 1


@pytest.mark.parametrize(
    "name, slug",
    [("Deep Dive!", "deep-dive"), ("Ça & là", "ca-la"), ("日本", "podcast"), ("--", "podcast"), ("a" * 100, "a" * 70)],
)
def test_a_slug_is_made_of_the_name(name, slug):
    assert slug_of(name) == slug


CHECKS = (
    email_address,
    zone_name,
    lambda text: instant("the time", text),
    lambda text: one_line("the name", text, 100),
)


@given(st.text(max_size=400), st.sampled_from(CHECKS))
def test_whatever_is_typed_is_understood_or_refused_in_one_line(text, check):
    try:
        check(text)
        sentence = "understood"
    except Invalid as error:
        sentence = str(error)
    assert len(sentence.splitlines()) == 1
    assert len(sentence) < 400
    assert len(shown(text)) <= 61


@given(st.datetimes(timezones=st.timezones() | st.just(UTC)))
def test_every_aware_time_is_the_same_instant_in_utc_or_refused(moment):
    try:
        found = plausible("the time", moment)
    except Invalid:
        return
    assert found.utcoffset() == timedelta(0)
    assert found == moment.astimezone(UTC)
