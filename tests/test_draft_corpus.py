"""Two hundred episodes with three hosts each: honest and lying answers, and every text that comes out passes."""

import json
import random
import re

import pytest

from sandbox.ai_words import LIES, honest
from services.content_atomizer import ContentAtomizer
from services.draft_brief import Brief, HostVoice
from services.draft_guard import final_text, judge
from services.draft_prompt import prompt_of, template_of
from services.draft_text import alike
from services.writer import Writer
from tests.corpus import EPISODES, HOSTS, LINK, ORDER, episode


def data(brief):
    return json.loads(re.search(r"<data>\n(.*?)\n</data>", prompt_of(brief).user, re.DOTALL)[1])


def own(brief, seed):
    """What the built-in writer falls back to."""
    texts = Writer(ContentAtomizer()).wordings(brief.facts, seed, "")
    return next(text for text in texts if judge(text, brief) is None)


@pytest.mark.slow
def test_six_hundred_texts_all_pass_and_no_two_of_an_episode_are_alike():
    chance, lies = random.Random(5), sorted(LIES)
    honest_ones, used, seen = 0, 0, {}
    for index in range(EPISODES):
        facts, planned = episode(chance, index)
        finals = []
        for host in HOSTS:
            voice = HostVoice(hashtags=("#deepdive",) if host == "Bo" else ())
            brief = Brief(facts=facts, host=host, notes=ORDER, planned=planned, voice=voice, others=tuple(finals))
            lie = chance.choice(lies) if chance.random() < 0.3 else None
            text = template_of((LIES[lie] if lie else honest)(data(brief)), LINK)
            rejection = judge(text, brief)
            if lie is None:
                honest_ones, used = honest_ones + 1, used + (rejection is None)
            elif lie != "copy" or finals:
                assert rejection is not None, (lie, text)
                seen.setdefault(lie, set()).add(rejection.code)
            if rejection is not None:
                text = own(brief, f"{index}:{host}")
            assert judge(text, brief) is None
            finals.append(final_text(text, brief))
        pairs = [(one, other) for at, one in enumerate(finals) for other in finals[:at]]
        assert all(alike(one, other, brief) < brief.limit for one, other in pairs)
    assert used >= 0.95 * honest_ones
    assert set(seen) == set(LIES)
    assert all(len(codes) == 1 for codes in seen.values()), seen
