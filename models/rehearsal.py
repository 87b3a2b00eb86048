"""A dry run of an episode: everything but the sending."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Boolean, ForeignKey, Index, String, false
from sqlalchemy import text as sql
from sqlalchemy.orm import Mapped, mapped_column

from extensions import Base
from models.types import UtcDateTime


class Rehearsal(Base):
    """One dry run and what it found for each host."""

    __tablename__ = "rehearsals"
    __table_args__ = (
        Index("ix_rehearsals_podcast_id_at", "podcast_id", "at"),
        Index("ix_rehearsals_episode_id", "episode_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    podcast_id: Mapped[int] = mapped_column(ForeignKey("podcasts.id", ondelete="CASCADE"))
    episode_id: Mapped[int] = mapped_column(ForeignKey("episode_guides.id", ondelete="CASCADE"))
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    actor_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    is_passed: Mapped[bool] = mapped_column(Boolean, default=False, server_default=false())
    #: what YouTube and the matching said, a sentence; empty when all was well
    trouble: Mapped[str] = mapped_column(String(500), default="", server_default="")
    #: [{"user_id": 1, "name": "Ada", "passed": true, "said": "Ready as @ada: 61 of 280."}, …]
    results: Mapped[list[dict[str, Any]]] = mapped_column(JSON, default=list, server_default=sql("'[]'"))
