"""Tells when a wallet with a limit does not cover the next show: once for each show. Moves no money."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select

from extensions import db
from models import Podcast, User, Wallet, WalletOwner
from services import notice_words as say
from services import prices
from services.coverage import paying
from services.money import dollars
from services.notice_events import admins_of
from services.notice_words import Event
from services.prices import Prices
from services.show_costs import ComingShow, coming
from services.wallet_months import coming_in
from services.wallet_rows import Whose

#: what is further ahead may still be paid for by then
AHEAD = timedelta(days=7)


def low_events(now: datetime) -> list[Event]:
    """Of the next show of each podcast, if it is that near. Five statements, and one where nothing has a limit."""
    wallets = _wallets()
    found = coming({whose.podcast_id for whose in wallets}, now, most=1)
    shows = [show for show in found if show.at - now <= AHEAD]
    if not shows:
        return []
    lists, admins = prices.known(now), admins_of({show.podcast.id for show in shows})
    return [
        _event(show, wallets[whose], cost, admins[show.podcast.id])
        for show in shows
        for whose, cost in _costs(show, wallets, lists.at(show.at)).items()
        if whose in wallets and wallets[whose].is_limited and _left(wallets[whose], show, now) < cost
    ]


def _left(wallet: Any, show: ComingShow, now: datetime) -> int:
    """At the start of the show: with the allowances that come before it."""
    come = coming_in(wallet.allowance, show.podcast.timezone, now, show.at)
    return int(wallet.balance - wallet.held) + come


def _wallets() -> dict[Whose, Any]:
    """All of the active podcasts in which one has a limit."""
    limited = select(Wallet.podcast_id).join(Podcast, Podcast.id == Wallet.podcast_id)
    limited = limited.where(Wallet.is_limited, Podcast.is_active)
    query = select(Wallet.id, Wallet.podcast_id, Wallet.user_id, Wallet.owner, Wallet.balance, Wallet.held)
    query = query.add_columns(Wallet.is_limited, Wallet.pays, Wallet.allowance, User.name)
    query = query.outerjoin(User, User.id == Wallet.user_id)
    rows: list[Any] = list(db.session.execute(query.where(Wallet.podcast_id.in_(limited))))
    return {Whose(row.podcast_id, row.user_id): row for row in rows if row.owner == WalletOwner.PODCAST or row.user_id}


def _costs(show: ComingShow, wallets: Mapping[Whose, Any], asked: Prices) -> dict[Whose, int]:
    """What each wallet pays for the show."""
    costs: dict[Whose, int] = {}
    for post in show.posts:
        whose = paying(wallets, post.whose)
        costs[whose] = costs.get(whose, 0) + asked.post(has_link=post.has_link)
    return costs


def _event(show: ComingShow, wallet: Any, cost: int, admins: tuple[int, ...]) -> Event:
    whose = f"the wallet of {wallet.name}" if wallet.owner == WalletOwner.HOST else "the podcast's wallet"
    people = {*admins, *([wallet.user_id] if wallet.user_id is not None else [])}
    left = wallet.balance - wallet.held
    return Event(
        key=f"low:{wallet.id}:{show.episode.id}",
        kind="budget",
        title=f"{show.podcast.name}: {whose} does not cover the next show",
        body=(
            f"{dollars(left)} are left, and {show.episode.title} costs {dollars(cost)}, "
            f"planned for {say.moment(show.at, show.podcast.timezone)}. An admin can top it up."
        ),
        link=say.spend_link(show.podcast.id),
        user_ids=tuple(sorted(people)),
        podcast_id=show.podcast.id,
    )
