"""What a call costs: held before it, charged when it succeeded, given back when it was clearly refused.

While nobody knows what became of a call, what it may cost stays held. All of it is done in the caller's transaction,
the one that says what became of the calls. For one call alone: wallet_calls.py.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy.orm import Session

from models import EntryKind
from services import prices
from services.errors import Uncovered
from services.money import dollars
from services.wallet_entries import About, Booked, Line, find, write
from services.wallet_months import Spent, budgets_of, keep_within, month_here, spent
from services.wallet_rows import Account, Whose, lock, lock_of_entries, payer

#: what a limit stops only where the podcast says so
POSTS = frozenset({prices.POST_WITH_LINK, prices.POST})


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """Something about to be bought. `key` names the deal: what is held under it is charged or released once.

    `cost` is what it costs at most, in micro-dollars.
    """

    key: str
    whose: Whose
    item: str
    cost: int
    price_list_id: int | None = None
    post_id: int | None = None
    episode_id: int | None = None
    draft_id: int | None = None
    actor_id: int | None = None

    @property
    def about(self) -> About:
        return About(
            user_id=self.whose.user_id,
            actor_id=self.actor_id,
            item=self.item,
            price_list_id=self.price_list_id,
            post_id=self.post_id,
            episode_id=self.episode_id,
            draft_id=self.draft_id,
        )

    @property
    def is_draft(self) -> bool:
        return self.item.startswith(f"{prices.ANY_MODEL}:") or self.item == prices.ANY_MODEL


def reserved(key: str) -> str:
    return f"{key}#reserve"


def ended(key: str) -> str:
    return f"{key}#end"


def reserve_all(session: Session, orders: Sequence[Order], now: datetime) -> dict[str, Booked | Uncovered]:
    """Holds what each may cost. By key: the entry, or why it must not be bought.

    Takes four statements for any number; two more for each podcast with a budget of which a draft is ordered. What is
    held already is answered again.
    """
    if not orders:
        return {}
    accounts = lock(session, [order.whose for order in orders])
    before = find(session, [reserved(order.key) for order in orders])
    answers: dict[str, Booked | Uncovered] = {}
    lines: list[Line] = []
    counted: dict[int, dict[Whose, Spent]] = {}
    free = {account.id: account.free for account in accounts.values()}
    for order in orders:
        if reserved(order.key) in before:
            answers[order.key] = before[reserved(order.key)]
            continue
        try:
            _keep_budgets(session, accounts, order, counted, now)
            lines.append(_held(accounts, order, free))
        except Uncovered as refused:
            answers[order.key] = refused
    booked = write(session, lines, now)
    return answers | {one.key.removesuffix(reserved("")): one for one in booked}


def _held(accounts: Mapping[Whose, Account], order: Order, free: dict[int, int]) -> Line:
    """Raises Uncovered. A post that a limit does not stop is held as far as the balance goes."""
    account = payer(dict(accounts), order.whose)
    held, left = order.cost, free[account.id]
    if account.is_limited and left < order.cost:
        stops = order.is_draft or (order.item in POSTS and accounts[order.whose.podcast].stops_posts)
        if stops:
            raise Uncovered(short_of(account, order.cost, left))
        held = max(0, left)
    free[account.id] -= held
    return Line(
        account=account,
        kind=EntryKind.RESERVE,
        key=reserved(order.key),
        held=held,
        price=order.cost,
        about=order.about,
    )


def short_of(account: Account, cost: int, free: int) -> str:
    whose = "Your wallet" if account.whose.user_id is not None else "The podcast's wallet"
    return f"{whose} has {dollars(free)} left, and this costs {dollars(cost)}. An admin can top it up."


def _keep_budgets(
    session: Session,
    accounts: dict[Whose, Account],
    order: Order,
    counted: dict[int, dict[Whose, Spent]],
    now: datetime,
) -> None:
    """Only drafts stop at a budget; posts go on and count. Whoever orders one has locked the podcast's wallet."""
    budgets = budgets_of(accounts, order.whose)
    if not order.is_draft or not budgets:
        return
    podcast_id = order.whose.podcast_id
    if podcast_id not in counted:
        counted[podcast_id] = spent(session, podcast_id, month_here(session, podcast_id, now))
    so_far = counted[podcast_id]
    keep_within(budgets, so_far, order.cost)
    for whose in {order.whose, order.whose.podcast}:
        one = so_far.get(whose, Spent())
        so_far[whose] = replace(one, held=one.held + order.cost)


def settle_all(
    session: Session, charged: Mapping[str, int | None], released: Collection[str], now: datetime
) -> list[Booked]:
    """Ends what is held under these keys: charges what it did cost, None for as much as was expected, or releases it.

    In four statements for any number. What is not held, or has ended, is left as it is.
    """
    keys = [*charged, *(key for key in released if key not in charged)]
    if not keys:
        return []
    accounts = lock_of_entries(session, [reserved(key) for key in keys])
    found = find(session, [name for key in keys for name in (reserved(key), ended(key))])
    lines = []
    for key in keys:
        hold = found.get(reserved(key))
        if hold is not None and ended(key) not in found:
            cost = charged.get(key, 0)
            kind = EntryKind.CHARGE if key in charged else EntryKind.RELEASE
            lines.append(_end(accounts[hold.wallet_id], hold, kind, hold.price if cost is None else cost))
    return write(session, lines, now)


def taken(hold: Booked, cost: int, *, is_limited: bool) -> int:
    """From the balance: with a limit never more than was held, so that it cannot go below zero."""
    return min(cost, hold.held) if is_limited else cost


def _end(account: Account, hold: Booked, kind: EntryKind, cost: int) -> Line:
    return Line(
        account=account,
        kind=kind,
        key=ending_of(hold),
        amount=-taken(hold, cost, is_limited=account.is_limited),
        held=-hold.held,
        cost=cost,
        about=hold.about,
        podcast_id=hold.podcast_id,
    )


def ending_of(hold: Booked) -> str:
    return ended(hold.key.removesuffix(reserved("")))
