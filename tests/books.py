"""Whether what was posted and what was paid tell the same story, at any instant."""

from collections import Counter
from typing import Any

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

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
    found += [f"entries without an attempt: {key} {dict(kinds)}" for key, kinds in deals.items()]
    return found + [f"wallet {row[0]} says {row[1:3]}, its entries {row[3:]}" for row in read(SUMS)]
