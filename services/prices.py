"""The price list: what X and AI providers ask for something, from when on. The one place that knows a price."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import BindParameter, Select, and_, bindparam, case, func, insert, or_, select
from sqlalchemy.exc import IntegrityError

from extensions import db
from models import Price, PriceList, UtcDateTime
from services import audit, money
from services.audit import Actor, Kind
from services.checks import plausible, shown
from services.errors import Conflict, Invalid

POST_WITH_LINK, POST, READ = "x_post_link", "x_post", "x_read"
#: tokens are sold by the million
MILLION = 1_000_000
#: a model that is not named costs what this one does
ANY_MODEL = "ai"
#: for one post, or a million tokens
MOST = 1_000 * money.DOLLAR
#: a time, or the place of one in a statement that is put together once
Instant = datetime | BindParameter[datetime]
_OF_MODEL = re.compile(r"ai(?::[A-Za-z0-9][A-Za-z0-9._/-]{0,59})?:(?:input|output)")


@dataclass(frozen=True, slots=True)
class Prices:
    """What is asked as long as this list is in force. `of`: item → (micro-dollars, for how many)."""

    version: int | None
    of: Mapping[str, tuple[int, int]]

    def cost(self, item: str, count: int = 1) -> int:
        """Micro-dollars for so many, rounded up. What the list does not name costs nothing."""
        micros, per = self.of.get(item, (0, 1))
        return -(-count * micros // per)

    def post(self, *, has_link: bool) -> int:
        return self.cost(item_of_post(has_link=has_link))

    def tokens(self, model: str, *, read: int, written: int) -> int:
        """Micro-dollars for one answer of a model, rounded up once."""
        named = f"{ANY_MODEL}:{model}"
        which = named if f"{named}:input" in self.of or f"{named}:output" in self.of else ANY_MODEL
        (into, per), (out, per_out) = (self.of.get(f"{which}:{way}", (0, 1)) for way in ("input", "output"))
        return -(-(read * into * per_out + written * out * per) // (per * per_out))


@dataclass(frozen=True, slots=True)
class PriceLists:
    """The list in force and those that are planned: from when each holds, in order."""

    lists: Sequence[tuple[datetime, Prices]]

    def at(self, instant: datetime) -> Prices:
        """The one in force then; before all of them, the first."""
        begun = [found for since, found in self.lists if since <= instant] or [found for _, found in self.lists[:1]]
        return begun[-1] if begun else Prices(None, {})


def item_of_post(*, has_link: bool) -> str:
    return POST_WITH_LINK if has_link else POST


def current(now: datetime) -> Prices:
    """The list in force, in one statement. Before the first one began, the first."""
    rows = db.session.execute(_in_force(), {"now": now}).scalars().all()
    return Prices(rows[0].price_list_id if rows else None, {row.item: (row.micros, row.per) for row in rows})


@cache
def _in_force() -> Select[Price]:
    """Put together once."""
    return select(Price).where(Price.price_list_id == _chosen(bindparam("now", type_=UtcDateTime)))


def known(now: datetime) -> PriceLists:
    """The list in force and all that are planned, in one statement."""
    query = select(PriceList.effective_at, Price).join(Price, Price.price_list_id == PriceList.id)
    query = query.where(or_(PriceList.id == _chosen(now), PriceList.effective_at > now))
    lists: dict[datetime, dict[str, tuple[int, int]]] = {}
    versions: dict[datetime, int] = {}
    for since, row in db.session.execute(query.order_by(PriceList.effective_at, Price.item)):
        lists.setdefault(since, {})[row.item] = (row.micros, row.per)
        versions[since] = row.price_list_id
    return PriceLists([(since, Prices(versions[since], of)) for since, of in lists.items()])


def price_now(item: str, now: Any) -> Any:
    """The price of one thing in micro-dollars, as a column of another statement."""
    query = select(Price.micros).where(Price.price_list_id == _chosen(now), Price.item == item)
    return query.correlate_except(Price).scalar_subquery()


def price_at(item: str, instant: Any, now: Instant) -> Any:
    """The same at an instant that each row names; of one that has passed, or has none, the price in force now.

    Looked up for each row only while another list is planned.
    """
    is_planned = select(PriceList.id).where(PriceList.effective_at > now).exists()
    return case((and_(is_planned, instant > now), price_now(item, instant)), else_=price_now(item, now))


def _chosen(now: Any) -> Any:
    in_force = select(PriceList.id).where(PriceList.effective_at <= now).order_by(PriceList.effective_at.desc())
    in_force = in_force.correlate_except(PriceList).limit(1)
    first = select(PriceList.id).order_by(PriceList.effective_at)
    return func.coalesce(in_force.scalar_subquery(), first.limit(1).scalar_subquery())


def change(changes: Mapping[str, int], effective_at: datetime, by: Actor, now: datetime) -> int:
    """A new list: the one in force then, with these changes in micro-dollars. Returns its version.

    Raises Invalid for what can be no price and for a day in the past, Conflict when a list begins at that instant.
    """
    effective_at = plausible("the day from which it holds", effective_at)
    if effective_at < now:
        raise Invalid(
            "Prices cannot be changed for the past: what was spent then is written down. Choose a later time."
        )
    before = current(effective_at)
    for item, micros in changes.items():
        _check(item, micros, before)
    of = dict(before.of) | {item: (micros, _per(item)) for item, micros in changes.items()}
    made = PriceList(effective_at=effective_at, made_at=now, actor_id=by.user_id)
    db.session.add(made)
    try:
        db.session.flush()
    except IntegrityError:
        db.session.rollback()
        raise Conflict("Another price list begins at that very time. Choose another time.") from None
    version = made.id
    rows = [{"price_list_id": version, "item": item, "micros": m, "per": per} for item, (m, per) in of.items()]
    db.session.execute(insert(Price), rows)
    audit.note(Kind.PRICES_CHANGED, by, now, version=version, items=sorted(changes))
    db.session.commit()
    return version


def _check(item: str, micros: int, before: Prices) -> None:
    if item not in before.of and not _OF_MODEL.fullmatch(item):
        raise Invalid(f"Nothing that is called “{shown(item)}” is bought here.")
    if not isinstance(micros, int) or isinstance(micros, bool) or not 0 <= micros <= MOST:
        raise Invalid(f"A price is between {money.dollars(0)} and {money.dollars(MOST)}, in whole micro-dollars.")


def _per(item: str) -> int:
    return MILLION if item.startswith(f"{ANY_MODEL}:") else 1
