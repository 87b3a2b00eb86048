"""What posting and drafting cost: the wallets, every entry in them, and the prices. Money is in micro-dollars.

A micro-dollar is a millionth of a US dollar, always a whole number.
"""

from datetime import datetime

from sqlalchemy import BigInteger, Boolean, CheckConstraint, ForeignKey, Index, Integer, String, false
from sqlalchemy import text as sql
from sqlalchemy.orm import Mapped, mapped_column

from extensions import Base
from models.types import NEVER_AGAIN, EntryKind, UtcDateTime, WalletOwner, one_of, where


class Wallet(Base):
    """What a podcast has to spend, or one host in it. Made when it is first needed, and never deleted.

    Without a limit it records and refuses nothing, so its balance may be below zero.
    """

    __tablename__ = "wallets"
    __table_args__ = (
        Index("uq_wallets_podcast_id", "podcast_id", unique=True, **where(sql("owner = 'podcast'"))),
        Index("uq_wallets_podcast_id_user_id", "podcast_id", "user_id", unique=True, **where(sql("owner = 'host'"))),
        Index("ix_wallets_user_id", "user_id"),
        one_of("owner", WalletOwner),
        CheckConstraint("owner = 'host' OR user_id IS NULL", name="one_owner"),
        CheckConstraint("held >= 0", name="held"),
        # The promise itself: with a limit nothing is spent, or held to be spent, that is not there.
        CheckConstraint("NOT is_limited OR balance >= held", name="never_below_zero"),
        CheckConstraint("allowance > 0", name="allowance"),
        CheckConstraint("budget > 0", name="budget"),
        NEVER_AGAIN,
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    owner: Mapped[str] = mapped_column(String(16))
    #: NULL once the podcast is deleted: what was spent stays written down
    podcast_id: Mapped[int | None] = mapped_column(ForeignKey("podcasts.id", ondelete="SET NULL"))
    #: of a host's wallet; NULL once the account is deleted
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    balance: Mapped[int] = mapped_column(BigInteger, default=0, server_default=sql("0"))
    #: the part of the balance that calls under way may still cost
    held: Mapped[int] = mapped_column(BigInteger, default=0, server_default=sql("0"))
    is_limited: Mapped[bool] = mapped_column(Boolean, default=False, server_default=false())
    #: of a host's wallet: it pays for this host, who was given money; for all others the podcast's pays
    pays: Mapped[bool] = mapped_column(Boolean, default=False, server_default=false())
    #: of a podcast's wallet: an empty wallet with a limit, its own or a host's, also stops posts; otherwise only drafts
    stops_posts: Mapped[bool] = mapped_column(Boolean, default=False, server_default=false())
    #: comes every month of the podcast's zone; NULL: none
    allowance: Mapped[int | None] = mapped_column(BigInteger)
    #: for what is spent in such a month by the podcast with all its hosts, or by this host; NULL: none
    budget: Mapped[int | None] = mapped_column(BigInteger)


class WalletEntry(Base):
    """One line of a wallet's history: added, never changed or taken away; the database refuses it.

    So it names nobody: ids only, and no foreign key but the wallet's.
    """

    __tablename__ = "wallet_entries"
    __table_args__ = (
        Index("ix_wallet_entries_wallet_id_id", "wallet_id", "id"),
        Index("ix_wallet_entries_podcast_id_id", "podcast_id", "id"),
        # Holds all that the sums of a month need, so that they do not read the table.
        Index("ix_wallet_entries_podcast_id_at", "podcast_id", "at", "user_id", "item", "cost", "held"),
        # Drafts whose price was held, of the few wallets that hold something.
        Index(
            "ix_wallet_entries_held_drafts",
            *("wallet_id", "at"),
            **where(sql("kind = 'reserve' AND draft_id IS NOT NULL")),
        ),
        one_of("kind", EntryKind),
        CheckConstraint("cost = 0 OR kind IN ('charge', 'refund')", name="cost"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    wallet_id: Mapped[int] = mapped_column(ForeignKey("wallets.id"))
    podcast_id: Mapped[int] = mapped_column(Integer)
    #: the host it was for, whoever paid
    user_id: Mapped[int | None] = mapped_column(Integer)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    kind: Mapped[str] = mapped_column(String(16))
    #: what it added to the balance and to what is held
    amount: Mapped[int] = mapped_column(BigInteger)
    held: Mapped[int] = mapped_column(BigInteger)
    #: what it adds to what was spent. More than was taken from the balance where a limit did not stop a post.
    cost: Mapped[int] = mapped_column(BigInteger)
    #: of a reserve: what the call costs at most. More than is held where a limit did not stop a post.
    price: Mapped[int] = mapped_column(BigInteger, default=0, server_default=sql("0"))
    balance_after: Mapped[int] = mapped_column(BigInteger)
    held_after: Mapped[int] = mapped_column(BigInteger)
    #: the same deed twice has the same key: there is no second entry
    key: Mapped[str] = mapped_column(String(120), unique=True)
    #: who did it; NULL when Airhorn did, or a command
    actor_id: Mapped[int | None] = mapped_column(Integer)
    #: what was bought, as in the price list, and the list that said what it costs
    item: Mapped[str | None] = mapped_column(String(80))
    price_list_id: Mapped[int | None] = mapped_column(Integer)
    #: what it was for
    post_id: Mapped[int | None] = mapped_column(Integer)
    episode_id: Mapped[int | None] = mapped_column(Integer)
    draft_id: Mapped[int | None] = mapped_column(Integer)
    #: the other end of a transfer
    other_wallet_id: Mapped[int | None] = mapped_column(Integer)
    note: Mapped[str] = mapped_column(String(200), default="", server_default="")


class PriceList(Base):
    """What everything costs from an instant on; its id is the version that entries name."""

    __tablename__ = "price_lists"
    __table_args__ = (NEVER_AGAIN,)

    id: Mapped[int] = mapped_column(primary_key=True)
    effective_at: Mapped[datetime] = mapped_column(UtcDateTime, unique=True)
    made_at: Mapped[datetime] = mapped_column(UtcDateTime)
    #: who made it; NULL: it came with Airhorn, or by a command
    actor_id: Mapped[int | None] = mapped_column(Integer)


class Price(Base):
    """What so many of something cost: one post, or a million tokens."""

    __tablename__ = "prices"
    __table_args__ = (CheckConstraint("micros >= 0", name="micros"), CheckConstraint("per > 0", name="per"))

    price_list_id: Mapped[int] = mapped_column(ForeignKey("price_lists.id", ondelete="CASCADE"), primary_key=True)
    item: Mapped[str] = mapped_column(String(80), primary_key=True)
    micros: Mapped[int] = mapped_column(BigInteger)
    per: Mapped[int] = mapped_column(Integer, default=1, server_default=sql("1"))
