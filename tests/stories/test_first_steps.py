"""Signing in and looking around, wide and on a phone."""

from tests.stories.conftest import PHONE


def test_somebody_signs_in_and_sees_his_show(visit, person, cast):
    cast.episode(cast.show(hosts=("ada",)))
    person("ada")
    page = visit(PHONE).sign_in("ada")
    assert page.get_by_role("link", name="Deep Dive").count() >= 1
