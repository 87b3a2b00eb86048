"""Who did what that matters for safety. Rows are added and never changed: the database refuses it."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Index, Integer, String, desc
from sqlalchemy import text as sql
from sqlalchemy.orm import Mapped, mapped_column

from extensions import Base
from models.types import UtcDateTime


class AuditEvent(Base):
    """Names nobody, so that an account can be deleted and its history kept: ids only, and no foreign keys."""

    __tablename__ = "audit_events"
    __table_args__ = (
        Index("ix_audit_events_at", desc("at")),
        Index("ix_audit_events_podcast_id_at", "podcast_id", desc("at")),
        Index("ix_audit_events_actor_id_at", "actor_id", desc("at")),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    #: a kind of services/audit.py
    kind: Mapped[str] = mapped_column(String(32))
    #: who did it; NULL for a command, or when nobody was signed in
    actor_id: Mapped[int | None] = mapped_column(Integer)
    #: whom it was done to, where that is somebody else
    subject_id: Mapped[int | None] = mapped_column(Integer)
    podcast_id: Mapped[int | None] = mapped_column(Integer)
    #: where from
    address: Mapped[str] = mapped_column(String(45), default="", server_default="")
    #: what exactly, in plain values: {"role": "admin"}
    detail: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict, server_default=sql("'{}'"))
