"""Takes away what has ended and is of no use to anybody: sessions, tries, links, ways to X that nobody came back on.

And questions that nobody can answer any more.
"""

from datetime import datetime

from extensions import db
from services import confirming, links, notice_list, oauth, sessions, throttle


def clean(now: datetime) -> None:
    """Does it twice without harm, so several processes may. Each kind by itself, so that nothing is locked for long."""
    for kind in (sessions.clean, throttle.clean, links.clean, oauth.clean, confirming.clean, notice_list.clean):
        kind(now)
        db.session.commit()
