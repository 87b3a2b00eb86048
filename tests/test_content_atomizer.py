"""The built-in writer: every host a text of his own that can be posted as it is."""

from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.content_atomizer import ContentAtomizer
from services.tweet_text import LIMIT, Facts, render, similarity, validate_template, weighted_length

LINK = "https://www.youtube.com/watch?v=dQw4w9WgXcQ"
KINDS = [
    Facts(show="Night Shift", title="On tape", url=LINK),
    Facts(show="Night Shift", title="On tape", number=112, url=LINK),
    Facts(show="Night Shift", title="On tape", guests=("Ada",), url=LINK),
    Facts(show="Night Shift", title="On tape", number=112, guests=("Ada", "Bo"), url=LINK),
]


def texts_for(facts: Facts, hosts: int) -> list[str]:
    templates = ContentAtomizer().generate_for(facts, [f"host-{index}" for index in range(hosts)])
    return [render(template, facts, include_link=False) for template in templates]


@pytest.mark.parametrize("facts", KINDS)
def test_twelve_hosts_of_one_episode_say_it_in_twelve_ways(facts):
    for one, other in combinations(texts_for(facts, 12), 2):
        assert similarity(one, other) < 0.8, (one, other)


@pytest.mark.parametrize("facts", KINDS)
def test_sixty_hosts_get_sixty_texts_that_can_all_be_posted(facts):
    templates = ContentAtomizer().generate_for(facts, [f"host-{index}" for index in range(60)])
    assert len(set(templates)) == 60
    for template in templates:
        validate_template(template)
        text = render(template, facts, include_link=True)
        assert LINK in text
        assert facts.title in text
        assert "!" not in text


def test_the_same_host_gets_the_same_text_for_the_same_episode():
    assert ContentAtomizer().generate(KINDS[0], seed="ada") == ContentAtomizer().generate(KINDS[0], seed="ada")


def test_this_is_the_text_of_ada_on_every_machine():
    text = render(ContentAtomizer().generate(KINDS[0], seed="ada"), KINDS[0], include_link=False)
    assert text == "Recording Night Shift in front of everyone today. On tape\nSee you there"


def test_a_host_does_not_say_the_same_every_week():
    weeks = [Facts(show="Night Shift", title="On tape", number=number) for number in range(20)]
    assert len({ContentAtomizer().generate(week, seed="ada") for week in weeks}) > 5


def test_a_host_who_joins_later_changes_nobody_elses_text():
    before = ContentAtomizer().generate_for(KINDS[3], ["ada", "bo"])
    assert ContentAtomizer().generate_for(KINDS[3], ["ada", "bo", "cy"])[:2] == before
    assert before[0] == ContentAtomizer().generate(KINDS[3], seed="ada")


def test_number_and_guest_are_named_when_known_and_not_twice():
    every = texts_for(KINDS[3], 26)
    assert any("112" in text for text in every)
    assert any("Ada & Bo" in text for text in every)
    said = Facts(show="Night Shift", title="112: Ada on tape", number=112, guests=("Ada",), url=LINK)
    assert all(text.count("Ada") == 1 and text.count("112") == 1 for text in texts_for(said, 12))


@settings(deadline=None)
@given(
    st.text(max_size=300),
    st.text(max_size=900),
    st.none() | st.text(max_size=5),
    st.lists(st.text(max_size=20), max_size=3),
    st.text(),
)
def test_any_facts_give_texts_that_keep_to_the_rules(show, title, number, guests, seed):
    facts = Facts(show=show[:60], title=title, number=number, guests=tuple(guests), url=LINK)
    template = ContentAtomizer().generate(facts, seed=seed)
    validate_template(template)
    text = render(template, facts, include_link=True)
    assert weighted_length(text) <= LIMIT
    assert LINK in text
