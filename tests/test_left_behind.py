"""Processes of the release before may run on for a while: what they wrote is seen by those that follow."""

from datetime import timedelta

from sqlalchemy import insert, select

from extensions import db
from models import FiguresVersion, Post, PostSnapshot
from services import left_behind
from tests.season import EVENING, Season, Told

HOUR = timedelta(hours=1)
LINK = "On air https://youtu.be/x"


def written_the_old_way(season, at):
    """Two posts with a link that does not stand with them, one of them counted before; counted at this instant."""
    ids = season.tell([Told(text=LINK), Told(text=LINK, counts=(90, 5, 4, 3, 2, 1))])
    db.session.execute(Post.__table__.update().values(has_link=False, platform="x"))
    counts = {"step": 0, "at": at, "impressions": 40, "likes": 2, "bookmarks": 1}
    db.session.execute(insert(PostSnapshot), [{"post_id": id, **counts} for id in ids])
    db.session.commit()


def shown():
    rows = db.session.execute(select(Post.impressions, Post.engagements, Post.has_link).order_by(Post.id)).all()
    db.session.rollback()
    return [tuple(row) for row in rows]


def version():
    found = db.session.execute(select(FiguresVersion.version)).scalar_one()
    db.session.rollback()
    return found


def test_counts_and_links_that_the_release_before_wrote_are_taken_over(app):
    season = Season.begun()
    written_the_old_way(season, EVENING + HOUR)
    before = version()
    for _ in range(2):
        left_behind.take_over(EVENING + 2 * HOUR)
        assert shown() == [(40, 3, True), (40, 3, True)]
    assert db.session.execute(select(PostSnapshot.id)).all() == []
    assert version() > before


def test_counts_that_are_older_than_those_of_the_post_change_nothing(app):
    season = Season.begun()
    written_the_old_way(season, EVENING - HOUR)
    left_behind.take_over(EVENING + 2 * HOUR)
    assert shown() == [(40, 3, True), (90, 15, True)]
    assert db.session.execute(select(PostSnapshot.id)).all() == []


def test_a_link_alone_that_is_taken_over_makes_kept_numbers_old(app):
    season = Season.begun()
    season.tell([Told(text=LINK)])
    db.session.execute(Post.__table__.update().values(has_link=False, platform="x"))
    db.session.commit()
    before = version()
    left_behind.take_over(EVENING + HOUR)
    assert version() == before + 1
