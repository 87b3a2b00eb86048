"""Which database this is: what tells a restored or failed-over one from the one that was written to last."""

from datetime import datetime

from sqlalchemy import CheckConstraint, Integer, String
from sqlalchemy import text as sql
from sqlalchemy.orm import Mapped, mapped_column

from extensions import Base
from models.types import UtcDateTime


class Installation(Base):
    """One row. While `quarantined_at` is set, what may have been posted before it is looked up, never posted."""

    __tablename__ = "installations"
    __table_args__ = (CheckConstraint("id = 1", name="only_one"),)

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    #: made anew when a person says that the database was restored
    instance_id: Mapped[str] = mapped_column(String(32))
    #: PostgreSQL's own names for this cluster and its history; empty on SQLite
    system_id: Mapped[str] = mapped_column(String(32), default="", server_default="")
    timeline_id: Mapped[int] = mapped_column(default=0, server_default=sql("0"))
    quarantined_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    #: why, a code of services/causes.py
    cause: Mapped[str | None] = mapped_column(String(32))
    #: when a person ended it
    released_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
