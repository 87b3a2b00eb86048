"""The jobs of the scheduler as people read of them, and whose last runs still say something. Reads only."""

from datetime import datetime, timedelta

from sqlalchemy import Select, func, or_, select

from models import JobRun

#: what each job does, for those who never read its code
WORDS = {
    "check": "Look at every channel",
    "watch": "Watch for starts",
    "deliver": "Send posts",
    "look_up": "Look up unconfirmed posts",
    "reap": "Find interrupted posts",
    "notice": "Find out what people are told",
    "notify": "Send notices",
    "alive": "Report that all is well",
    "revoke": "End logins at X",
    "push": "Keep YouTube's push going",
    "clean": "Tidy up",
    "wallet": "Pay allowances and check wallets",
    "metrics": "Read what X shows of posts",
    "weeks": "Add up each week",
    "aside": "Forget what was put aside and is settled",
    "letters": "Send letters about the week",
    "drafts": "Have drafts written",
    "heartbeat": "Note down that it runs",
}
#: a process that noted nothing down for so long has ended: it does so every ten seconds
GONE_AFTER = timedelta(minutes=10)


def in_words(job: str) -> str:
    return WORDS.get(job, job)


def of_living(now: datetime) -> Select[JobRun]:
    """Of processes heard of lately. Where none was, of the last one: what it did last is all there is to look at."""
    last = select(func.max(JobRun.seen_at)).scalar_subquery()
    return select(JobRun).where(or_(JobRun.seen_at > now - GONE_AFTER, JobRun.seen_at == last))
