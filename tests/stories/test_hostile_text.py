"""A real browser on every page, with hostile text in every column: nothing of it runs."""

import pytest

from extensions import db
from tests.hostile import poison
from tests.test_hardening import built, routes
from tests.test_hostile_text import show  # noqa: F401 - a fixture


@pytest.mark.slow
def test_nothing_that_people_wrote_runs_in_a_browser(app, visit, person, show):  # noqa: F811
    person("ada").is_admin = True
    db.session.commit()
    visitor = visit()
    dialogs = []
    visitor.page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    visitor.sign_in("ada")
    pages = [built(app, rule, show) for rule in routes(app) if "GET" in rule.methods and rule.endpoint != "static"]
    for turn in (0, 3):
        poison(turn)
        for path in (path for path in pages if not path.endswith((".ics", ".csv", ".json", "/callback", "z"))):
            visitor.page.goto(f"{visitor.site}{path}", wait_until="load")
            assert visitor.page.evaluate("window.__xss") is None, path
    assert dialogs == []
