"""The audit log: who did what that matters for safety, when, from where. Adds, never changes."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from extensions import db
from models import AuditEvent


class Kind(StrEnum):
    """What is written down. The value is kept; the words are of services/audit_words.py."""

    SIGNED_IN = "signed_in"
    SIGN_IN_FAILED = "sign_in_failed"
    SIGNED_OUT = "signed_out"
    SIGNED_OUT_EVERYWHERE = "signed_out_everywhere"
    CODE_FAILED = "code_failed"
    CONFIRMED = "confirmed"
    FIRST_ADMIN = "first_admin"
    USER_CREATED = "user_created"
    USER_OFF = "user_off"
    USER_ON = "user_on"
    USER_DELETED = "user_deleted"
    ADMIN_GIVEN = "admin_given"
    ADMIN_TAKEN = "admin_taken"
    PASSWORD_CHANGED = "password_changed"  # noqa: S105
    PASSWORD_LINK_MADE = "password_link_made"  # noqa: S105
    EMAIL_CHANGED = "email_changed"
    SECOND_STEP_ON = "second_step_on"
    SECOND_STEP_OFF = "second_step_off"
    RECOVERY_CODES_MADE = "recovery_codes_made"
    RECOVERY_CODE_USED = "recovery_code_used"
    INVITED = "invited"
    INVITATION_TAKEN_BACK = "invitation_taken_back"
    INVITATION_ACCEPTED = "invitation_accepted"
    ROLE_CHANGED = "role_changed"
    HOST_ADDED = "host_added"
    HOST_REMOVED = "host_removed"
    X_CONNECTED = "x_connected"
    X_DISCONNECTED = "x_disconnected"
    X_REFUSED = "x_refused"
    PODCAST_CREATED = "podcast_created"
    PODCAST_CHANGED = "podcast_changed"
    PODCAST_ARCHIVED = "podcast_archived"
    PODCAST_RESTORED = "podcast_restored"
    PODCAST_DELETED = "podcast_deleted"
    EPISODE_DELETED = "episode_deleted"
    CHANNEL_CHANGED = "channel_changed"
    CALENDAR_RENEWED = "calendar_renewed"
    TEXT_CHANGED = "text_changed"
    SWITCHED_ON = "switched_on"
    SWITCHED_OFF = "switched_off"
    POSTED_NOW = "posted_now"
    TRIED_NOW = "tried_now"
    DECIDED = "decided"
    MATCHED = "matched"
    DB_RESTORED = "db_restored"
    QUARANTINE_ENDED = "quarantine_ended"
    FOREIGN_PODCAST = "foreign_podcast"
    NOTICES_SET = "notices_set"
    NOTICES_REMOVED = "notices_removed"
    PRICES_CHANGED = "prices_changed"
    WALLET_SET = "wallet_set"
    DRAFTS_ASKED = "drafts_asked"
    DRAFT_CHOSEN = "draft_chosen"
    VOICE_CHANGED = "voice_changed"
    PUT_ASIDE = "put_aside"
    BROUGHT_BACK = "brought_back"
    WEEKLY_MAIL = "weekly_mail"


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts, and from where. Without a user it is a command or somebody who is not signed in."""

    user_id: int | None = None
    address: str = ""


NOBODY = Actor()


def note(
    kind: Kind,
    by: Actor,
    now: datetime,
    *,
    podcast_id: int | None = None,
    subject_id: int | None = None,
    **detail: Any,
) -> None:
    """Adds a line in the caller's transaction. `detail` holds plain values and never a secret, address or text."""
    db.session.add(
        AuditEvent(
            at=now,
            kind=kind,
            actor_id=by.user_id,
            subject_id=subject_id if subject_id != by.user_id else None,
            podcast_id=podcast_id,
            address=by.address,
            detail=detail,
        )
    )
