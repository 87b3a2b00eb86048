"""Signing in and looking around, wide and on a phone."""

from datetime import UTC, datetime

from playwright.sync_api import expect

from services import first_admin
from tests.stories.conftest import PHONE
from tests.stories.scene import path_of


def test_the_zone_of_the_browser_stands_there_and_whoever_types_another_need_not_clear_it(visit, app):
    path = path_of(first_admin.offer(datetime.now(UTC)))
    page = visit(PHONE, timezone_id="Australia/Sydney").open(path)
    field = page.get_by_label("Your time zone")
    expect(field).to_have_value("Australia/Sydney")
    field.focus()
    page.keyboard.type("Asia/Tokyo")
    expect(field).to_have_value("Asia/Tokyo")


def test_somebody_signs_in_and_sees_his_show(visit, person, cast):
    cast.episode(cast.show(hosts=("ada",)))
    person("ada")
    page = visit(PHONE).sign_in("ada")
    assert page.get_by_role("link", name="Deep Dive").count() >= 1
