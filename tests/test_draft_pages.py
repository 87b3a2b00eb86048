"""What hosts and admins see of drafts: the rules of a podcast, a voice, the panel in the editor, all hosts at once."""

import pytest
from sqlalchemy import select

from extensions import db
from models import AuditEvent, Podcast, User
from tests.browser import Browser, words


@pytest.fixture
def engine_name():
    return "sqlite"


class Desk:
    """One host in his browser."""

    def __init__(self, app, name="ada"):
        self.browser = Browser(app)
        self.browser.let_in(db.session.execute(select(User).filter_by(email=f"{name}@example.com")).scalar_one())

    def get(self, path):
        return self.browser.get(path)

    def send(self, path, form, **typed):
        return self.browser.post(path, typed, form=form)


# The rules of a podcast


@pytest.fixture
def rules(app, cast):
    """(desk of Ada, path of the page); she is an admin."""
    show = cast.show(hosts=("ada", "bo"), connected=False)
    return Desk(app), f"/podcasts/{show.id}/settings/drafts"


def version_on(answer):
    return answer.text.split('name="version"')[1].split('value="')[1].split('"')[0]


def save_rules(rules, **typed):
    desk, path = rules
    before = {"draft_rules": "", "similarity_limit": "60", "allowed_words": "", "version": version_on(desk.get(path))}
    return desk.send(path, path, **(before | typed))


def stored():
    podcast = db.session.execute(select(Podcast)).scalar_one()
    found = podcast.draft_rules, podcast.similarity_limit, podcast.allowed_words
    db.session.rollback()
    return found


def test_an_admin_lays_down_rules_for_all_drafts(rules):
    answer = save_rules(rules, draft_rules="Guest first.", similarity_limit="45 %", allowed_words="Acme\n\n Acme\nBits")
    assert answer.status_code == 302
    assert stored() == ("Guest first.", 45, "Acme\nBits")
    event = db.session.execute(select(AuditEvent).order_by(AuditEvent.id.desc())).scalars().first()
    assert (event.kind, event.detail["changed"]) == (
        "podcast_changed",
        ["draft_rules", "similarity_limit", "allowed_words"],
    )


def test_an_empty_limit_is_the_usual_one(rules):
    save_rules(rules, similarity_limit="30")
    save_rules(rules, similarity_limit=" ")
    assert stored()[1] == 60


@pytest.mark.parametrize(
    ("field", "typed", "said"),
    [
        ("draft_rules", "x" * 1501, "These rules have 1501 characters. At most 1500 fit."),
        ("draft_rules", "bell\a", "cannot be shown"),
        ("similarity_limit", "0", "from 20 to 100"),
        ("similarity_limit", "101", "from 20 to 100"),
        ("similarity_limit", "1" * 5000, "from 20 to 100"),
        ("similarity_limit", "٣٠", "from 20 to 100"),
        ("similarity_limit", "most", "from 20 to 100"),
        ("allowed_words", "word\n" * 10_000, "At most 16000 fit"),
        ("allowed_words", "\n".join(f"word {n}" for n in range(201)), "These are 201 words. At most 200 fit."),
        ("allowed_words", "w" * 81, "At most 80 fit in a line."),
        ("allowed_words", "half \x1b", "cannot be shown"),
    ],
)
def test_rules_that_do_not_fit_are_refused_beside_their_field_and_kept(rules, field, typed, said):
    answer = save_rules(rules, **{field: typed})
    assert answer.status_code == 422
    assert said in words(answer)
    assert typed.splitlines()[0][:60] in answer.text
    assert stored() == ("", 60, "")


def test_rules_that_somebody_saved_meanwhile_are_shown_beside_what_was_typed(rules):
    desk, path = rules
    seen = version_on(desk.get(path))
    save_rules(rules, draft_rules="Theirs")
    answer = desk.send(path, path, draft_rules="Mine", similarity_limit="60", allowed_words="", version=seen)
    assert answer.status_code == 409
    assert "Theirs" in words(answer)
    assert "\nMine</textarea>" in answer.text.replace("\r", "")
    assert stored()[0] == "Theirs"


@pytest.mark.parametrize("field", ["draft_rules", "similarity_limit", "allowed_words"])
def test_a_nul_character_changes_nothing(rules, field):
    assert save_rules(rules, **{field: "a\0b"}).status_code in (400, 422)
    assert stored() == ("", 60, "")
