"""Which process looks, and what the processes' jobs last did."""

from datetime import datetime

from sqlalchemy import Integer, String, Text
from sqlalchemy import text as sql
from sqlalchemy.orm import Mapped, mapped_column

from extensions import Base
from models.types import UtcDateTime


class WorkerLease(Base):
    """Makes one process the looker. Nothing breaks if two look: it only saves units."""

    __tablename__ = "worker_leases"

    name: Mapped[str] = mapped_column(String(32), primary_key=True)
    holder: Mapped[str] = mapped_column(String(64))
    #: raised with every change of holder
    epoch: Mapped[int] = mapped_column(default=0, server_default=sql("0"))
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)


class JobRun(Base):
    """The last run of one job in one process, written with the heartbeat."""

    __tablename__ = "job_runs"

    process: Mapped[str] = mapped_column(String(64), primary_key=True)
    job: Mapped[str] = mapped_column(String(32), primary_key=True)
    started_at: Mapped[datetime] = mapped_column(UtcDateTime)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    error: Mapped[str | None] = mapped_column(Text)
    seen_at: Mapped[datetime] = mapped_column(UtcDateTime)
    #: how far this process's clock is behind those of YouTube and X; below zero: ahead. NULL: nobody answered yet
    seconds_behind: Mapped[int | None] = mapped_column(Integer)
