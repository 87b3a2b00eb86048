"""Subscriptions at YouTube's hub: a notification makes the next look at a channel and its video sooner, no more."""

from datetime import date, datetime

from sqlalchemy import Date, Index, LargeBinary, String, Text
from sqlalchemy import text as sql
from sqlalchemy.orm import Mapped, mapped_column

from extensions import Base
from models.types import PushState, UtcDateTime, one_of


class PushSubscription(Base):
    """One channel's subscription. The hub decides how long it lasts and whether it is granted at all."""

    __tablename__ = "push_subscriptions"
    __table_args__ = (Index("ix_push_subscriptions_next_ask_at", "next_ask_at"), one_of("state", PushState))

    channel_id: Mapped[str] = mapped_column(String(24), primary_key=True)
    #: the last part of the callback's address, which nobody can guess
    path: Mapped[str] = mapped_column(String(64), unique=True)
    #: sealed; signs what the hub delivers
    secret: Mapped[bytes] = mapped_column(LargeBinary)
    state: Mapped[str] = mapped_column(String(16), default=PushState.WANTED, server_default=PushState.WANTED)
    #: when the hub is asked again: to subscribe, renew or unsubscribe. NULL: never by itself
    next_ask_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    #: the hub's verification is believed only for a while after it was asked
    asked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    #: the address that the hub was given last; it is asked anew when this server moves
    callback: Mapped[str | None] = mapped_column(String(500))
    verified_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    lease_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    #: times in a row that the hub did not take it
    failures: Mapped[int] = mapped_column(default=0, server_default=sql("0"))
    error_cause: Mapped[str | None] = mapped_column(String(32))
    error: Mapped[str | None] = mapped_column(Text)
    last_push_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    pushes: Mapped[int] = mapped_column(default=0, server_default=sql("0"))
    #: the look that the last notification asked for; a moment ahead while notifications come in a row
    look_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    #: looks that notifications asked for on one Pacific day, so that a flood of them costs little
    looks_day: Mapped[date | None] = mapped_column(Date)
    looks: Mapped[int] = mapped_column(default=0, server_default=sql("0"))
