"""Whether a post has a link is one question: the database answers it as the price does, on both engines."""

import pytest
from sqlalchemy import literal, select

from extensions import db
from services.sql_links import has_link
from services.tweet_text import has_link as priced_as_one

TEXTS = [
    "",
    "Nothing here",
    "Live: https://www.youtube.com/watch?v=dQw4w9WgXcQ",
    "https://example.com/a",
    "http://example.com",
    "HTTPS://EXAMPLE.COM",
    "https://localhost/a",
    "https:// example",
    "see://nothing",
    "Come over to example.com",
    "Come over to EXAMPLE.COM.",
    "example.com",
    "example.com, at once",
    "(example.com)",
    "a\nexample.co.uk/x",
    "sub-domain.example.museum",
    "münchen.de",
    "xn--mnchen-3ya.de",
    "example.xn--p1ai",
    "Node.js and v2.beta and e.g. this",
    "It is late... come by. Now",
    "Live.now it is",
    "bit.ly/abc",
    "me@example.com",
    "@example.com",
    "#example.com",
    "$example.com",
    "-example.com",
    "a/example.com",
    "..example.com",
    "example.com@",
    "example.com-x",
    "example.comx",
    "example.com2",
    "1.2.3.4",
    "3.50 for 1.000.000",
    "a_b.com",
    "_a.com",
    "a.b_c.com",
    "漢字example.com",
    "example.com漢字",
    "p.m. at 8 p.m",
    "t.co/abc",
    "x.y.z",
    "%.com _ %",
]


@pytest.mark.slow
@pytest.mark.parametrize("text", TEXTS)
def test_the_database_knows_a_link_as_the_price_does(app, text):
    found = db.session.execute(select(has_link(literal(text)))).scalar_one()
    db.session.rollback()
    assert bool(found) == bool(priced_as_one(text)), text
