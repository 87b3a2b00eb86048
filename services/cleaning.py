"""Takes away what has ended and is of no use to anybody: sessions, tries, links, ways to X that nobody came back on.

And questions that nobody can answer any more.
"""

from datetime import datetime

from extensions import db
from services import confirming, draft_job, links, notice_list, oauth, sessions, throttle


def clean(now: datetime) -> None:
    """Does it twice without harm, so several processes may. Each kind by itself, so that nothing is locked for long."""
    kinds = (sessions.clean, throttle.clean, links.clean, oauth.clean, confirming.clean, notice_list.clean)
    for kind in (*kinds, draft_job.clean):
        kind(now)
        db.session.commit()
