"""axe-core on every page: nothing serious or critical for those who see, hear or point differently."""

import pytest
from axe_playwright_python.sync_playwright import Axe

from tests.stories.conftest import PHONE, WIDE
from tests.stories.half_a_year import look_back
from tests.stories.pages import EMPTY, LATER, ON_AIR, PAGES, UNMATCHED
from tests.stories.scene import Scene, Windows

SERIOUS = ("serious", "critical")
#: on a phone in the dark only what depends on colours and room is tried once more
EVERYTHING = {"resultTypes": ["violations"]}
LOOKS = {"runOnly": {"type": "rule", "values": ["color-contrast", "link-in-text-block", "target-size"]}}
TRIED = ((WIDE, "light", EVERYTHING), (PHONE, "dark", EVERYTHING | LOOKS))


def problems(windows, pages):
    """A line for each: page, shape, rule, and the first part of the page that breaks it."""
    script, found = Axe().axe_script, []
    for shown in pages:
        page = windows.open(shown)
        page.evaluate(script)
        for size, scheme, options in TRIED:
            page.set_viewport_size(size)
            page.emulate_media(color_scheme=scheme)
            for one in page.evaluate("options => axe.run(options)", options)["violations"]:
                if one["impact"] in SERIOUS:
                    where = one["nodes"][0]["html"][:120]
                    found.append(f"{shown.name}, {size['width']} {scheme}: {one['id']} at {where}")
    return found


@pytest.mark.slow
def test_axe_finds_nothing_serious_before_there_is_anybody(cast, visit):
    scene = Scene(cast).empty()
    assert problems(Windows(visit, scene), EMPTY) == []


@pytest.fixture
def full(cast):
    """Built before the scheduler runs, which would take the past for the present."""
    return Scene(cast).full()


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_axe_finds_nothing_serious_on_any_page(full, visit):
    windows = Windows(visit, full)
    found = problems(windows, PAGES)
    full.go_live()
    found += problems(windows, ON_AIR)
    full.go_live_unmatched()
    found += problems(windows, UNMATCHED)
    look_back(full)
    assert found + problems(windows, LATER) == []
