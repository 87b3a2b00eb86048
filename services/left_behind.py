"""What processes of the release before write while they still run on the new tables, brought to where it is read now.

They count into a row of its own (step 0, until revision 0008) and do not say whether a post has a link.
"""

from datetime import datetime, timedelta

from sqlalchemy import delete, or_, select, update

from extensions import db
from models import Post, PostSnapshot
from services import figures_version, tweet_text
from services.logins import PLATFORM
from services.metrics_rows import LAST

_OLD_STEP = 0
#: an update of all processes takes no longer
LATELY = timedelta(days=2)
_PLAIN = {"synchronize_session": False}


def take_over(now: datetime) -> None:
    """Harmless as often as it is done: two statements where nothing was left behind."""
    _counts(now)
    _links(now)


def _counts(now: datetime) -> None:
    one, session = PostSnapshot, db.session()
    lately = (Post.platform == PLATFORM, Post.posted_at > now - LAST - LATELY)
    query = select(one, Post.podcast_id).join(Post, Post.id == one.post_id).where(one.step == _OLD_STEP, *lately)
    rows = session.execute(query).all()
    for row, podcast_id in rows:
        engagements = row.likes + row.reposts + row.replies + row.quotes + row.bookmarks
        newer = or_(Post.counted_at.is_(None), Post.counted_at < row.at)
        counts = {"impressions": row.impressions, "engagements": engagements, "counted_at": row.at}
        session.execute(update(Post).where(Post.id == row.post_id, newer).values(counts), execution_options=_PLAIN)
        session.execute(delete(one).where(one.id == row.id, one.at == row.at), execution_options=_PLAIN)
        if podcast_id is not None:
            figures_version.raise_for(session, [podcast_id])
    session.commit()


def _links(now: datetime) -> None:
    session = db.session()
    lately = (Post.platform == PLATFORM, Post.posted_at > now - LATELY)
    query = select(Post.id, Post.podcast_id, Post.text).where(*lately, ~Post.has_link, Post.text.contains("."))
    linked = {row.id: row.podcast_id for row in session.execute(query) if tweet_text.has_link(row.text)}
    if linked:
        session.execute(update(Post).where(Post.id.in_(linked)).values(has_link=True), execution_options=_PLAIN)
        figures_version.raise_for(session, linked.values())
    session.commit()
