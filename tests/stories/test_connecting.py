"""To X and back: two clicks, although no form of ours may lead to another site."""

import pytest

from tests.stories.conftest import PHONE, WIDE


@pytest.mark.parametrize(
    "options", [{"size": WIDE}, {"size": PHONE, "java_script_enabled": False}], ids=["wide", "no script"]
)
def test_two_clicks_connect_x(visit, person, x, options):
    x.consent = "ask"
    x.add_account("ada", name="Ada")
    person("ada")
    ada = visit(**options)
    ada.sign_in("ada")
    page = ada.open("/connections")
    page.get_by_role("button", name="Connect X").click()
    page.wait_for_url(f"{x.url}/i/oauth2/authorize**")
    page.get_by_role("link", name="Authorize as @ada").click()
    page.wait_for_url(f"{ada.site}/connections")
    assert "X is connected: you post as @ada." in ada.words()
