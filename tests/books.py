"""Whether what was posted and what was paid tell the same story, at any instant."""

from collections import Counter
from typing import Any

from sqlalchemy import func, or_, select, text
from sqlalchemy.orm import Session

from extensions import db
from models import Outcome, Post, PostAttempt, Wallet, WalletEntry

DEALS = select(WalletEntry.key, WalletEntry.kind).where(WalletEntry.key.like("attempt:%"))
ATTEMPTS = select(PostAttempt.token, PostAttempt.outcome, Post.cause).join(Post, Post.id == PostAttempt.post_id)
SUMS = (
    select(Wallet.id, Wallet.balance, Wallet.held, func.sum(WalletEntry.amount), func.sum(WalletEntry.held))
    .join(WalletEntry, WalletEntry.wallet_id == Wallet.id)
    .group_by(Wallet.id)
    .having(or_(Wallet.balance != func.sum(WalletEntry.amount), Wallet.held != func.sum(WalletEntry.held)))
)
#: by what became of an attempt: what stands in the wallets for it. Nothing where nothing was held to begin with.
RIGHT: dict[Any, tuple[set[str], ...]] = {
    None: ({"reserve"}, set()),
    Outcome.UNKNOWN: ({"reserve"}, set()),
    Outcome.NOT_ACCEPTED: ({"reserve", "release"}, set()),
    Outcome.ACCEPTED: ({"reserve", "charge"}, {"charge"}),
    "left_alone": ({"reserve", "charge"}, {"charge"}),
}


def wrong_in_books(session: Session) -> list[str]:
    """Each post that X took is charged once, each that it refused is not, and what is unclear is held."""
    read = session.connection().execute
    deals: dict[str, Counter[str]] = {}
    for key, kind in read(DEALS):
        deals.setdefault(key.split(":")[1].split("#")[0], Counter())[kind] += 1
    found = []
    for token, outcome, cause in read(ATTEMPTS):
        is_left = outcome == Outcome.UNKNOWN and cause == "left_alone"
        stands = deals.pop(token, Counter())
        if set(stands) not in RIGHT["left_alone" if is_left else outcome] or any(n > 1 for n in stands.values()):
            found.append(f"attempt {token} is {outcome}, and its entries are {dict(stands)}")
    # Held for a sending that another process was faster with, and given back at once.
    strays = {key: dict(kinds) for key, kinds in deals.items() if kinds != {"reserve": 1, "release": 1}}
    found += [f"entries without an attempt: {key} {kinds}" for key, kinds in strays.items()]
    return found + [f"wallet {row[0]} says {row[1:3]}, its entries {row[3:]}" for row in read(SUMS)]


def forget_all_entries() -> None:
    """As if nothing had ever been held or paid, once it is committed; the database itself would refuse it."""
    if db.engine.dialect.name == "sqlite":
        query = text("SELECT name FROM sqlite_master WHERE type = 'trigger' AND name LIKE '%wallet%'")
        off = [f"DROP TRIGGER {name}" for name in db.session.execute(query).scalars()]
    else:
        off = ["ALTER TABLE wallet_entries DISABLE TRIGGER ALL"]
    for statement in (*off, "DELETE FROM wallet_entries", "UPDATE wallets SET held = 0, balance = 0"):
        db.session.execute(text(statement))
