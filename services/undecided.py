"""Money that is held for posts in review: X may have taken them, and a person has not said so yet. Reads only."""

from dataclasses import dataclass

from sqlalchemy import func, literal, select

from extensions import db
from models import EntryKind, Post, PostStatus, WalletEntry
from services.paying import key_of
from services.wallet_holds import reserved


@dataclass(frozen=True, slots=True)
class Undecided:
    """How many posts, and micro-dollars."""

    posts: int = 0
    held: int = 0


def undecided(podcast_id: int, own: int | None = None) -> Undecided:
    """`own`: only this host's. One statement: a post's hold is found by the key of its newest attempt."""
    key = literal(key_of("")) + Post.attempt_token + literal(reserved(""))
    query = (
        select(func.count(), func.coalesce(func.sum(WalletEntry.held), 0))
        .select_from(Post)
        .join(WalletEntry, (WalletEntry.key == key) & (WalletEntry.kind == EntryKind.RESERVE))
        .where(Post.podcast_id == podcast_id, Post.status == PostStatus.REVIEW)
    )
    if own is not None:
        query = query.where(Post.user_id == own)
    count, held = db.session.execute(query).one()
    return Undecided(count, int(held))
