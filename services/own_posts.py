"""A host's own last posts, read at X as examples of how he writes. One question, paid like all that X shows."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from extensions import db
from models import Podcast, PodcastMember, SocialConnection
from services import draft_caps, metrics_rows, paying, prices
from services.causes import explain
from services.checks import HIGHEST_ID
from services.clients.x_posts import TimelinePost
from services.errors import Conflict, Invalid, Outcome
from services.logins import PLATFORM, trouble_of
from services.money import dollars
from services.registry import get_services
from services.tokens import Access, note_refused
from services.vault import VaultError
from services.wallet_rows import Whose

#: as many as fit into a voice
MOST = 10
NO_PODCAST = "Reading at X costs, and you are on no podcast whose wallet could pay. Ask an admin to add you to one."


@dataclass(frozen=True, slots=True)
class Offer:
    """What reading costs at most, in micro-dollars, and whose wallets may pay: (id, name). Empty `payers`: nobody's.

    `username` of the account; None where X is not connected, or not so that it could be read.
    """

    username: str | None
    cost: int
    payers: Sequence[tuple[int, str]]

    @property
    def price(self) -> str:
        return dollars(self.cost)


def offer(user_id: int, now: datetime) -> Offer:
    """In three statements."""
    connection = _connection(user_id)
    cost = prices.current(now).cost(prices.READ, MOST)
    return Offer(connection.username if connection else None, cost, _payers(user_id))


def read(user_id: int, podcast_id: int, now: datetime, *, told: int | None = None) -> list[str]:
    """The texts of the last posts, newest first, without replies and reposts. Keeps nothing but what it cost.

    `told`: micro-dollars that were said before the click. Raises Invalid and Conflict with the cause's sentence.
    """
    whose = Whose(_payer(user_id, podcast_id), user_id)
    _check_covered(whose, prices.current(now).cost(prices.READ, MOST), told)
    account, access = _access(user_id, now)
    db.session.rollback()
    found = get_services().tokens.last_posts(access, account, MOST)
    if isinstance(found, Outcome):
        if found.cause == "x_auth":
            note_refused(db.session(), [access], now, renewed=())
            db.session.commit()
        raise Conflict(explain(found.cause))
    _record(whose, found, now)
    return [post.text for post in found]


def _connection(user_id: int) -> SocialConnection | None:
    query = select(SocialConnection).filter_by(user_id=user_id, platform=PLATFORM, is_active=True)
    found = db.session.execute(query, execution_options={"populate_existing": True}).scalar_one_or_none()
    return found if found is not None and trouble_of(found) is None else None


def _payers(user_id: int) -> list[tuple[int, str]]:
    query = select(Podcast.id, Podcast.name).join(PodcastMember, PodcastMember.podcast_id == Podcast.id)
    mine = query.where(PodcastMember.user_id == user_id, Podcast.is_active).order_by(Podcast.name, Podcast.id)
    return [(row.id, row.name) for row in db.session.execute(mine)]


def _payer(user_id: int, podcast_id: int) -> int:
    payers = [id for id, _ in _payers(user_id)]
    if not payers:
        db.session.rollback()
        raise Invalid(NO_PODCAST)
    if not 0 < podcast_id <= HIGHEST_ID or podcast_id not in payers:
        db.session.rollback()
        raise Invalid("Choose which podcast pays for reading.")
    return podcast_id


def _check_covered(whose: Whose, cost: int, told: int | None) -> None:
    """Raises Dearer, and Conflict where a limit does not cover it."""
    free = metrics_rows.free(db.session(), {whose.podcast_id})
    left = free.left.get(free.payer(whose))
    db.session.rollback()
    draft_caps.agreed(cost, told)
    if left is not None and left < cost:
        said = (
            f"Reading costs up to {dollars(cost)}, and the wallet that pays for you has {dollars(max(left, 0))} left."
        )
        raise Conflict(f"{said} An admin can top it up.")


def _access(user_id: int, now: datetime) -> tuple[str, Access]:
    """The id of the account at X and its token, renewed if it is about to end."""
    connection, tokens = _connection(user_id), get_services().tokens
    if connection is None:
        db.session.rollback()
        raise Conflict("X is not connected, so nothing can be read there. Connect X on its page first.")
    account, id, is_stale = connection.platform_user_id, connection.id, tokens.needs_refresh(connection, now)
    try:
        access = tokens.access(connection)
    except VaultError:
        db.session.rollback()
        raise Conflict("The stored login cannot be opened any more. Connect X again.") from None
    db.session.rollback()
    if is_stale:
        tokens.refresh_now([id], lambda: now)
        access = tokens.accesses([id]).get(id, access)
    return account, access


def _record(whose: Whose, found: Sequence[TimelinePost], now: datetime) -> None:
    """A podcast that was deleted meanwhile pays nothing any more."""
    session = db.session()
    if whose.podcast_id in metrics_rows.still_there(session, {whose.podcast_id}):
        paying.record_reads(session, [paying.Read(whose, post.id) for post in found], now)
    session.commit()
