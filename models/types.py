"""Column types and the closed sets of states."""

from collections.abc import Iterable
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, DateTime, Dialect
from sqlalchemy.types import TypeDecorator

#: for a table whose ids people hold rights by: SQLite gives the id of a deleted row out again otherwise
NEVER_AGAIN = {"sqlite_autoincrement": True}


class UtcDateTime(TypeDecorator[datetime]):
    """An instant: aware in Python, UTC in the database, naive values refused."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"naive datetime {value!r}: an instant needs its zone")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Role(StrEnum):
    ADMIN = "admin"
    CONTRIBUTOR = "contributor"


class ConfigStatus(StrEnum):
    """Where one host's text for one episode stands; derived from its newest post."""

    PENDING = "pending"
    POSTING = "posting"
    POSTED = "posted"
    FAILED = "failed"
    REVIEW = "review"
    MISSED = "missed"
    CANCELLED = "cancelled"


class BroadcastState(StrEnum):
    NEW = "new"
    UPCOMING = "upcoming"
    LIVE = "live"
    ENDED = "ended"
    VOD = "vod"
    GONE = "gone"


#: the states in which YouTube is still asked about a broadcast
OPEN_STATES = (BroadcastState.NEW, BroadcastState.UPCOMING, BroadcastState.LIVE)


class Verdict(StrEnum):
    """What was decided about announcing a broadcast, and so what its page says."""

    OPEN = "open"  # not decided yet
    ANNOUNCED = "announced"
    UNMATCHED = "unmatched"  # no episode or no single podcast fits: one click
    SAME_SHOW = "same_show"  # a second video soon after an announced one: one click
    TOO_OLD = "too_old"  # was live for longer than the maximum age when first seen
    OVER = "over"  # had ended before it was first seen
    NOT_PUBLIC = "not_public"  # unlisted, private or for members only
    PREMIERE = "premiere"  # and the podcast does not announce premieres


class PostStatus(StrEnum):
    QUEUED = "queued"
    SENDING = "sending"
    POSTED = "posted"
    FAILED = "failed"
    UNKNOWN = "unknown"
    REVIEW = "review"
    MISSED = "missed"
    CANCELLED = "cancelled"


class Outcome(StrEnum):
    """How an attempt ended. NULL while nobody knows."""

    UNKNOWN = "unknown"
    NOT_ACCEPTED = "not_accepted"
    ACCEPTED = "accepted"


class RefreshState(StrEnum):
    """Where a connection's token pair stands."""

    IDLE = "idle"
    REFRESHING = "refreshing"
    DOUBT = "doubt"  # a refresh went out and no readable answer came back
    REVOKED = "revoked"  # only connecting again helps


class PushState(StrEnum):
    """Where a subscription at YouTube's hub stands."""

    WANTED = "wanted"  # to be asked for
    ASKED = "asked"  # the hub took the request and has not verified it yet
    ACTIVE = "active"
    DENIED = "denied"
    LEAVING = "leaving"  # no podcast uses the channel any more


class NoticeLevel(StrEnum):
    INFO = "info"
    NEEDS_YOU = "needs_you"


class NoticeNetwork(StrEnum):
    """Where notices can go besides the page."""

    EMAIL = "email"
    DISCORD = "discord"
    SLACK = "slack"
    TELEGRAM = "telegram"


class SendingStatus(StrEnum):
    """Where one notice to one address stands."""

    QUEUED = "queued"
    SENDING = "sending"  # committed before the wire is touched: it is not sent twice
    SENT = "sent"
    FAILED = "failed"


class WalletOwner(StrEnum):
    PODCAST = "podcast"
    HOST = "host"


class EntryKind(StrEnum):
    """What a line of a wallet's history did."""

    TOP_UP = "top_up"
    ALLOWANCE = "allowance"  # what an admin has set to come every month
    RESERVE = "reserve"  # before a call that costs: held, not spent yet
    CHARGE = "charge"  # what it did cost; ends what was held for it
    RELEASE = "release"  # it was clearly refused: nothing is held any more
    REFUND = "refund"
    TRANSFER = "transfer"
    ADJUST = "adjust"  # a person set the balance


class DraftStatus(StrEnum):
    """What became of a draft that was asked for."""

    ASKED = "asked"  # committed before the wire is touched
    ACCEPTED = "accepted"
    REJECTED = "rejected"  # an answer came, and it does not pass the guard
    FAILED = "failed"  # clearly refused: there is no answer, and it costs nothing
    UNKNOWN = "unknown"  # sent, and no readable answer: it may have cost something


class WishKind(StrEnum):
    """What kind of draft is wished for."""

    NEW = "new"
    SHORTER = "shorter"
    OTHER = "other"  # other words


class Unapproved(StrEnum):
    """What a start finds of a host who has not approved a draft."""

    TEMPLATE = "template"
    NOTHING = "nothing"


class LinkPurpose(StrEnum):
    """What a link that works once is for."""

    FIRST_ADMIN = "first_admin"
    INVITATION = "invitation"
    PASSWORD = "password"  # noqa: S105 - a purpose, not a password


def sql_list(values: Iterable[str]) -> str:
    return ", ".join(f"'{value}'" for value in values)


def one_of(column: str, values: type[StrEnum]) -> CheckConstraint:
    """A CHECK that closes a column's set of values; NULL passes, as CHECK does."""
    return CheckConstraint(f"{column} IN ({sql_list(values)})", name=column)


def where(condition: Any) -> dict[str, Any]:
    """The arguments that make an index partial on both databases."""
    return {"sqlite_where": condition, "postgresql_where": condition}
