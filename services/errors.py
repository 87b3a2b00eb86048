"""The errors of the domain. `str(error)` is a sentence for a person."""

from datetime import datetime


class AirhornError(Exception):
    """Something a person should read. Routes and commands show it; loops store it."""


class Invalid(AirhornError):  # noqa: N818 - reads as the sentence it is
    """What was typed cannot be used; nothing was changed."""


class Unapproved(Invalid):
    """A host wants nothing sent that he did not approve, and he has approved nothing."""


class NotFound(AirhornError):  # noqa: N818
    """What was asked for does not exist, or not for this person."""


class Conflict(AirhornError):  # noqa: N818
    """True a moment ago, not now: somebody else was first; nothing was changed."""


class Uncovered(Conflict):
    """A wallet with a limit, or a month's budget, does not hold what this would cost; nothing was changed."""


class Stale(Conflict):
    """Somebody saved something else since the form was opened; nothing was changed."""


class Outcome(AirhornError):  # noqa: N818
    """A call to the outside that did not succeed. `cause` is a code of services/causes.py."""

    def __init__(self, message: str, *, cause: str, http_status: int | None = None) -> None:
        super().__init__(message)
        self.cause = cause
        self.http_status = http_status


class Refused(Outcome):
    """Definitely not done: answered no, or no byte left this machine.

    `permanent`: repeating will not help. `retry_at`: not before this instant, when the other side said so.
    """

    def __init__(
        self,
        message: str,
        *,
        cause: str,
        permanent: bool = False,
        retry_at: datetime | None = None,
        http_status: int | None = None,
    ) -> None:
        super().__init__(message, cause=cause, http_status=http_status)
        self.permanent = permanent
        self.retry_at = retry_at


class Unknown(Outcome):
    """Sent, and no readable answer: it may or may not have been done. Never repeat blindly; look it up."""
