"""What has happened already and costs, such as reads at X: written down, never refused. In the caller's transaction."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from models import EntryKind
from services.wallet_entries import Booked, Line, find, write
from services.wallet_holds import Order, ended
from services.wallet_rows import lock, payer


def record_all(session: Session, orders: Sequence[Order], now: datetime) -> list[Booked]:
    """Charges as far as a limit allows; the cost is written down whole. Four statements for any number.

    What was recorded under its key before is left as it is.
    """
    if not orders:
        return []
    accounts = lock(session, [order.whose for order in orders])
    before = find(session, [ended(order.key) for order in orders])
    free = {account.id: account.free for account in accounts.values()}
    lines = []
    for order in (order for order in orders if ended(order.key) not in before):
        account = payer(accounts, order.whose)
        taken = min(order.cost, max(0, free[account.id])) if account.is_limited else order.cost
        free[account.id] -= taken
        key = ended(order.key)
        lines.append(
            Line(account=account, kind=EntryKind.CHARGE, key=key, amount=-taken, cost=order.cost, about=order.about)
        )
    return write(session, lines, now)
