"""Monthly allowances: what an admin has set to come into a wallet, once in each month of the podcast's zone."""

from datetime import datetime
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from extensions import db
from models import EntryKind, Podcast, PodcastMember, Wallet, WalletOwner
from services.wallet_entries import About, Line, find, write
from services.wallet_months import month_of
from services.wallet_rows import lock_by_id


def pay_allowances(now: datetime) -> int:
    """Pays what this month has not seen yet. Returns how many. Any number of processes may; each month counts once."""
    session = db.session()
    due = _due(session, now)
    session.rollback()  # mostly there is nothing to do, and nothing is locked for it
    if not due:
        return 0
    accounts = lock_by_id(session, [row.id for row in due.values()])
    due = _due(session, now)
    lines = []
    for key, row in due.items():
        account = accounts.get(row.id)
        if account is not None:
            account.pays = account.pays or row.owner == WalletOwner.HOST
            about = About(user_id=row.user_id)
            lines.append(Line(account=account, kind=EntryKind.ALLOWANCE, key=key, amount=row.allowance, about=about))
    write(session, lines, now)
    session.commit()
    return len(lines)


def _due(session: Session, now: datetime) -> dict[str, Any]:
    """By the key of the entry that is missing: wallets of podcasts in use, and of hosts who are still on them."""
    member = (PodcastMember.podcast_id == Wallet.podcast_id) & (PodcastMember.user_id == Wallet.user_id)
    query = (
        select(Wallet.id, Wallet.owner, Wallet.user_id, Wallet.allowance, Podcast.timezone)
        .join(Podcast, Podcast.id == Wallet.podcast_id)
        .outerjoin(PodcastMember, member)
        .where(
            Wallet.allowance.is_not(None),
            Podcast.is_active,
            or_(Wallet.owner == WalletOwner.PODCAST, PodcastMember.id.is_not(None)),
        )
        .order_by(Wallet.id)
    )
    rows = {f"allowance:{row.id}:{month_of(now, row.timezone).name}": row for row in session.execute(query)}
    there = find(session, rows.keys()) if rows else {}
    return {key: row for key, row in rows.items() if key not in there}
