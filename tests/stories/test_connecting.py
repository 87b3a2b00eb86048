"""To X and back: two clicks, although no form of ours may lead to another site."""

from urllib.parse import urlsplit

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
    # Nobody serves PUBLIC_URL here: what the browser asks for there is opened by hand.
    with page.expect_request("**/connections/x/callback**") as back:
        page.get_by_role("link", name="Authorize as @ada").click()
    way_back = urlsplit(back.value.url)
    ada.open(f"{way_back.path}?{way_back.query}")
    assert page.url == f"{ada.site}/connections"
    assert "X is connected: you post as @ada." in ada.words()
    ada.foreign.clear()  # the stand-in's page has a style sheet of its own
